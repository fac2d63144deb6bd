"""Where an article stands: the places and topics of its feeds."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from app.query.query import genre_topic, lang_topic, licence_topic, office_place
from feeds.article import Article
from schemas import codes

ALL = "*"


class Keys(Struct, frozen=True):
    """The axes of the fan-out; kept with each version as written, so that a later code table cannot orphan an entry."""

    places: tuple[str, ...]
    topics: tuple[str, ...]
    extra: tuple[str, ...] = ()  # topics that have no feed for each place: genre and licence

    def pairs(self) -> list[tuple[str, str]]:
        """Where the article stands."""
        crossed = [(place, topic) for place in self.places for topic in self.topics]
        return crossed + [(ALL, topic) for topic in self.extra]


def keys(article: Article) -> Keys:
    """Every region with its ancestors and successors, the office with those it is part of; every topic with its ancestors, the
    language."""
    places = [ALL]
    for term in article.regions:
        places += _lineage("region", term.code)
    places += [office_place(code) for code in (article.office.code, *article.office.above)]
    subjects = [ALL]
    for term in article.topics:
        subjects += _lineage("topic", term.code)
    subjects += {lang_topic(article.lang), lang_topic(article.lang.split("-")[0])}
    return Keys(_unique(places), _unique(subjects), (genre_topic(article.kind), licence_topic(article.licence.uri)))


@lru_cache(10_000)
def _lineage(scheme: Literal["region", "topic"], code: str) -> tuple[str, ...]:
    return codes(scheme).lineage(code)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
