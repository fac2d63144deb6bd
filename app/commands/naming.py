"""The names that feeds, sources and offices go by."""

from app.errors import Misconfigured
from app.query import NAME


def check_name(name: str) -> None:
    """Raises Misconfigured for what is no name of a feed or a source."""
    if not NAME.fullmatch(name):
        raise Misconfigured(f"{name!r} is not a name: use lower-case letters, digits and hyphens.")
