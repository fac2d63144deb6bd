"""The office as its releases need it."""

from msgspec import Struct


class OfficeRecord(Struct, frozen=True):
    """An office with what its releases mean where they say nothing."""

    code: str
    name: str
    url: str = ""
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # former and short names, under which releases may name it
    others: bool = False  # it may publish for every office that is registered here: a national portal, an agency

    def named(self, text: str) -> bool:
        """Whether a release that writes this means this office."""
        return text in (self.code, self.name, *self.aliases)
