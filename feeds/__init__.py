"""Pure: articles in, bytes out. Nothing here knows Flask, SQL, Redis, the clock or the environment.

A format is a module with `MIMETYPE: str` and `render(feed: Feed) -> bytes`, and one line in `FORMATS`.
"""

from types import ModuleType

from feeds import atom, jsonfeed, newsml, ninjs, rss

FORMATS: dict[str, ModuleType] = {
    "rss": rss,
    "atom": atom,
    "newsml": newsml,
    "json": jsonfeed,
    "ninjs": ninjs,
}
# Formats that tell what left, and whether also what was not canceled but belongs to other feeds now.
TELLS = {"atom": True, "newsml": False, "ninjs": False}
