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
