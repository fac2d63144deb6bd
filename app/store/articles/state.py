"""Reads the present state of articles, for the delivery of their changes."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, and_, bindparam, case, select

from app.store.changes import Keys
from app.store.engine import reading
from app.store.tables import articles, changes, instant, versions
from feeds import Article


class State(Struct, frozen=True):
    """The present state of an article: as the public knows it, or, from `waiting_states`, as readers with embargoed access know it."""

    num: int
    public: bool
    pubstatus: str  # "usable", "canceled" or "withheld"
    version: int
    article: Article
    keys: Keys  # of this version: the feeds that show it, or showed it
    sort: int | None  # its place in its feeds, micros; None: it is not public
    at: datetime  # when its last public change was, or when the version under embargo was stored


def states(engine: Engine, nums: Collection[int]) -> dict[int, State]:
    """number -> state, for the articles that are or were public, without newer versions under embargo. Raises Unavailable."""
    if not nums:
        return {}
    with reading(engine) as connection:
        rows = connection.execute(_PUBLIC, {"nums": sorted(nums)}).all()
    return {row[0]: _state(*row) for row in rows}


def waiting_states(engine: Engine, nums: Collection[int]) -> dict[int, State]:
    """number -> state with the newest version, public or not. Only for readers with embargoed access. Raises Unavailable."""
    if not nums:
        return {}
    with reading(engine) as connection:
        rows = connection.execute(_NEWEST, {"nums": sorted(nums)}).all()
    return {row[0]: _state(*row) for row in rows}


def stood(engine: Engine, seqs: Collection[int]) -> dict[int, tuple[Keys, ...]]:
    """Number of a change -> keys of its article before and after that change. Raises Unavailable."""
    if not seqs:
        return {}
    with reading(engine) as connection:
        rows = connection.execute(select(changes.c.seq, changes.c.axes).where(changes.c.seq.in_(sorted(seqs))))
        return {seq: msgspec.json.decode(axes, type=tuple[Keys, ...]) for seq, axes in rows}


def _state(
    num: int, public: bool, kind: str, version: int, doc: bytes, axes: bytes, sort: int | None, at: int
) -> State:
    status = "usable" if public or kind in ("published", "corrected", "usable") else kind
    article = msgspec.json.decode(doc, type=Article)
    return State(num, bool(public), status, version, article, msgspec.json.decode(axes, type=Keys), sort, instant(at))


_last = changes.alias()
_seq = (
    select(_last.c.seq)
    .where(_last.c.num == articles.c.num)
    .order_by(_last.c.seq.desc())
    .limit(1)
    .correlate(articles)
    .scalar_subquery()
)
_shown = case((articles.c.public, articles.c.version), else_=changes.c.version)
_COLUMNS = (versions.c.version, versions.c.doc, versions.c.axes, articles.c.sort)
_NUMS = articles.c.num.in_(bindparam("nums", expanding=True))
_PUBLIC = (
    select(articles.c.num, articles.c.public, changes.c.kind, *_COLUMNS, changes.c.at)
    .select_from(articles)
    .join(changes, changes.c.seq == _seq)
    .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == _shown))
    .where(_NUMS)
)
_NEWEST = (
    select(articles.c.num, articles.c.public, articles.c.pubstatus, *_COLUMNS, articles.c.edited)
    .select_from(articles)
    .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
    .where(_NUMS)
)
