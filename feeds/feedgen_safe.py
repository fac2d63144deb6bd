"""feedgen 0.9.0 without its reading of the clock and its switching of the process's locale.

feedgen formats RSS dates between two calls of `locale.setlocale`, which is process-wide and not thread-safe: with
threads it leaves the process in another locale. `email.utils.format_datetime` gives the same bytes and touches nothing.
"""

from email.utils import format_datetime
from typing import Any

import feedgen.entry
import feedgen.feed

from feeds.article import Feed
from feeds.wording import GENERATOR

feedgen.feed.formatRFC2822 = format_datetime
feedgen.entry.formatRFC2822 = format_datetime


def new_feed(feed: Feed, mimetype: str) -> Any:
    """A FeedGenerator with everything set that RSS and Atom share; nothing is left for feedgen to stamp.

    The link to the page comes last: feedgen writes the last link it was given as RSS <link>, whatever its rel.
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
