"""The query of a feed, in its canonical form, and the cursors of its pages. Pure: it does not use the database or the cache.

Other rooms import from here. `app.query.cursors` is apart, because its library of ciphers is slow to load.
"""

from app.query.axes import KINDS, LICENCES, NO_LICENCE, genre_topic, lang_topics, licence_topic, office_place
from app.query.filters import BY_NAME, FIELDS
from app.query.opposed import opposed_values
from app.query.parsing import MOST, MOST_COST, NAME, PAGED, PARAMETERS, VALUES, WORDS, parse, recall
from app.query.query import EXCLUDE, LIMIT, Cursor, Query, Row, Saved, Values, cut, feed_url, url

__all__ = [
    "BY_NAME",
    "EXCLUDE",
    "FIELDS",
    "KINDS",
    "LICENCES",
    "LIMIT",
    "MOST",
    "MOST_COST",
    "NAME",
    "NO_LICENCE",
    "PAGED",
    "PARAMETERS",
    "VALUES",
    "WORDS",
    "Cursor",
    "Query",
    "Row",
    "Saved",
    "Values",
    "cut",
    "feed_url",
    "genre_topic",
    "lang_topics",
    "licence_topic",
    "office_place",
    "opposed_values",
    "parse",
    "recall",
    "url",
]
