"""What every dialect's `parse` gives: drafts, and the articles that the schema refused."""

from msgspec import Struct

from app.draft import Draft
from app.errors import Fault


class Parsed(Struct, frozen=True):
    """The articles of a release by their place in it, from 0; each is in one of the two."""

    drafts: tuple[tuple[int, Draft], ...]
    refused: dict[int, tuple[Fault, ...]]
