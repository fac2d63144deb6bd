"""The names that feeds, sources, offices and outlets go by, and those of regions and topics."""

from app.errors import Misconfigured
from app.query.query import NAME
from schemas import UnknownCode, codes


def check_name(name: str) -> None:
    """Raises Misconfigured for what is no name of a feed, a source or an outlet."""
    if not NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is not a name: use lower-case letters, digits and hyphens.")


def resolved(scheme: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of regions or topics that are given by code or exact name. Raises Misconfigured with the nearest."""
    found = []
    for text in texts:
        try:
            found.append(codes("region" if scheme == "region" else "topic").resolve(text).code)
        except UnknownCode as error:
            hint = f" Nearest: {'; '.join(error.nearest)}." if error.nearest else ""
            raise Misconfigured(f"{text!r} is not one known {scheme}.{hint}") from None
    return tuple(found)
