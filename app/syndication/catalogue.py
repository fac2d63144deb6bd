"""Every feed that has articles: what `/feeds` and `/feeds.opml` list."""

from msgspec import Struct

from app import store
from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.query import Query, office_place, recall
from app.store import Engine
from app.syndication.texts import feed_title
from schemas import codes

MOST_CROSSED = 2000  # feeds of a region and a topic; those of the widest regions come first
AT_ONCE = 20  # regions in one database query


class Listed(Struct, frozen=True):
    """A feed, with the narrower feeds that it contains."""

    query: Query
    title: str
    below: tuple["Listed", ...] = ()


class Directory(Struct, frozen=True):
    """The feeds of a server."""

    everything: Listed
    groups: tuple[tuple[str, tuple[Listed, ...]], ...]  # a heading (a key of texts.TEXTS) and its feeds
    cut: bool  # there are more feeds of a region and a topic than those listed


def directory(engine: Engine, site: str, lang: str, most: int = MOST_CROSSED) -> Directory:
    """All feeds that have articles, with titles in `lang` ("ko" or "en"). Raises Unavailable."""
    used = store.feeds.names_in_use(engine)
    offices = {office.code: office for office in store.accounts.all_offices(engine)}
    regions = [region.code for region in codes("region") if region.code in used]
    crossed, cut = _crossed(engine, regions, most)

    def listed(query: Query, *below: Listed) -> Listed:
        return Listed(query, feed_title(site, query, offices, lang), below)

    groups = (
        ("named", [listed(query) for query in _saved(engine, offices)]),
        ("offices", [listed(Query(offices=(code,))) for code in offices if office_place(code) in used]),
        ("topics", [listed(Query(topics=(topic.code,))) for topic in codes("topic") if topic.code in used]),
        (
            "regions",
            [
                listed(
                    Query(regions=(code,)),
                    *(listed(Query(regions=(code,), topics=(topic,))) for topic in crossed.get(code, ())),
                )
                for code in regions
            ],
        ),
    )
    return Directory(listed(Query()), tuple((key, tuple(feeds)) for key, feeds in groups if feeds), cut)


def _crossed(engine: Engine, regions: list[str], most: int) -> tuple[dict[str, list[str]], bool]:
    """The topics of each region in the order of the code table, and whether there are more than `most`."""
    order = {topic.code: place for place, topic in enumerate(codes("topic"))}
    wide = sorted(regions, key=lambda code: len(codes("region").ancestors(code)))
    found: dict[str, list[str]] = {}
    left = most
    for start in range(0, len(wide), AT_ONCE):
        some = wide[start : start + AT_ONCE]
        pairs = [(place, topic) for place, topic in store.feeds.crossed(engine, some) if topic in order]
        for place, topic in sorted(pairs, key=lambda pair: (some.index(pair[0]), order[pair[1]])):
            if not left:
                return found, True
            found.setdefault(place, []).append(topic)
            left -= 1
    return found, False


def _saved(engine: Engine, offices: dict[str, OfficeRecord]) -> list[Query]:
    """The queries of the saved feeds. A saved feed whose query is not valid any more (its code was removed) is left out."""
    found = []
    for saved in store.feeds.all_saved(engine):
        try:
            found.append(recall(saved, (), list(offices)))
        except Problem:
            continue
    return found
