"""The office as its releases need it."""

from msgspec import Struct


class OfficeRecord(Struct, frozen=True):
    """An office with what its releases mean where they say nothing."""

    code: str
    name: str
    url: str = ""
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
