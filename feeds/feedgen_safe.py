"""feedgen 0.9.0, patched so that it does not read the clock or change the locale of the process.

feedgen formats RSS dates between two calls of `locale.setlocale`, which affects the whole process and is not thread-safe: with
threads, it can leave the process in another locale. `email.utils.format_datetime` gives the same bytes and changes nothing.
"""

from email.utils import format_datetime
from typing import Any

import feedgen.entry
import feedgen.feed

from feeds.article import GENERATOR, Feed

FeedEntry = feedgen.entry.FeedEntry

feedgen.feed.formatRFC2822 = format_datetime
feedgen.entry.formatRFC2822 = format_datetime


def new_feed(feed: Feed, mimetype: str) -> Any:
    """A FeedGenerator with everything set that RSS and Atom share, so that feedgen does not use the clock.

    The link to the page comes last, because feedgen writes the last link as RSS <link>, whatever its rel.
    """
    generator = feedgen.feed.FeedGenerator()
    generator.id(feed.self)
    generator.title(feed.title)
    generator.subtitle(feed.subtitle)
    generator.language(feed.lang)
    generator.updated(feed.updated)
    generator.generator(GENERATOR)
    generator.link(href=feed.self, rel="self", type=mimetype.partition(";")[0])
    generator.link(href=feed.home, rel="alternate", type="text/html")
    return generator
