"""The articles of an office, public or waiting, for the list of its desk. They are never shown to the public."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, Select, and_, or_, select

from app.store.engine import reading, sizes_of
from app.store.tables import articles, instant, micros, versions
from feeds import Brief

WAITING, SENT, WITHDRAWN = ("embargo", "held"), ("published", "corrected"), ("withheld", "canceled")
LOOKED_AT = 500  # articles that one page looks at for those with some words: work does not grow with the archive
PART = 100  # of these, in one statement
MOST_COUNTED = 1_000  # more are not counted

Position = tuple[datetime, int]
decoded = msgspec.json.Decoder(Brief).decode


class _Headline(Struct):
    headline: str


headline_of = msgspec.json.Decoder(_Headline).decode


class DeskArticle(Struct, frozen=True):
    """An article of an office, as its desk lists it."""

    num: int
    article: Brief
    state: str  # "embargo", "held", "published", "corrected", "withheld" or "canceled"
    edited: datetime  # when its newest version was stored, or its hold ended
    due: datetime | None  # when its embargo ends


def placed(
    engine: Engine,
    office: str,
    *,
    states: Collection[str] = (*WAITING, *SENT, *WITHDRAWN),
    words: str = "",
    before: Position | None = None,
    limit: int = 50,
) -> tuple[list[DeskArticle], Position | None]:
    """The articles of an office, those edited last first, and where the next page begins; None: there is no more. `words`: a part of
    the headline; then a page looks at LOOKED_AT articles, so it may have fewer than `limit` and still have a next one. Raises
    Unavailable."""
    which = and_(articles.c.office == office, or_(*(_KINDS[state] for state in sorted(states))))
    most, part = (LOOKED_AT, PART) if words else (limit, limit)
    found: list[DeskArticle] = []
    looked, last, wanted = 0, before, words.lower()
    with reading(engine) as connection:
        while looked < most:  # some rows at a time, because many may be looked at, and each has its whole text
            rows = connection.execute(_after(which, last).limit(part)).all()
            for row in rows:
                looked, last = looked + 1, (instant(row.edited), row.num)
                if not wanted or wanted in headline_of(row.doc).headline.lower():
                    found.append(_placed(row, decoded(row.doc)))
                    if len(found) == limit:
                        return found, last
            if len(rows) < part:
                return found, None
    return found, last


def _after(which: ColumnElement[bool], last: Position | None) -> Select[Any]:
    """Articles for which this holds, those edited last first, after a position."""
    if last is not None:
        at = micros(last[0])
        which = and_(which, or_(articles.c.edited < at, and_(articles.c.edited == at, articles.c.num < last[1])))
    return (
        select(*_COLUMNS)
        .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
        .where(which)
        .order_by(articles.c.edited.desc(), articles.c.num.desc())
    )


def waiting_articles(engine: Engine, office: str, limit: int = 500) -> list[DeskArticle]:
    """The articles of an office that wait: under embargo, the next to lift first, then those on hold. Raises Unavailable."""
    statement = (
        select(*_COLUMNS)
        .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
        .where(articles.c.office == office, _WAITS)
        .order_by(articles.c.due.is_(None), articles.c.due, articles.c.num)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [_placed(row, decoded(row.doc)) for row in connection.execute(statement)]


def waiting_counts(engine: Engine, office: str) -> dict[str, int]:
    """How many articles of an office are in each state of WAITING and WITHDRAWN; at most MOST_COUNTED each. Raises Unavailable."""
    of_office = select(articles.c.num).where(articles.c.office == office).limit(MOST_COUNTED)
    return sizes_of(engine, {state: of_office.where(_KINDS[state]) for state in (*WAITING, *WITHDRAWN)})


# Written as the partial indexes are, so that both databases use them.
_WAITS = and_(~articles.c.public, articles.c.pubstatus == "usable")
_KINDS: dict[str, ColumnElement[bool]] = {
    "embargo": and_(_WAITS, articles.c.due.is_not(None)),
    "held": and_(_WAITS, articles.c.due.is_(None)),
    "published": and_(articles.c.public, articles.c.version == 1),
    "corrected": and_(articles.c.public, articles.c.version > 1),
    "withheld": and_(articles.c.pubstatus != "usable", articles.c.pubstatus == "withheld"),
    "canceled": and_(articles.c.pubstatus != "usable", articles.c.pubstatus == "canceled"),
}
_COLUMNS = (
    *(articles.c[name] for name in ("num", "version", "pubstatus", "public", "due", "edited")),
    versions.c.doc,
)


def _placed(row: Any, article: Brief) -> DeskArticle:
    return DeskArticle(
        row.num,
        article,
        _state(row.version, row.pubstatus, bool(row.public), row.due),
        instant(row.edited),
        None if row.due is None else instant(row.due),
    )


def _state(version: int, pubstatus: str, public: bool, due: int | None) -> str:
    if pubstatus != "usable":
        return pubstatus
    if not public:
        return "held" if due is None else "embargo"
    return "corrected" if version > 1 else "published"
