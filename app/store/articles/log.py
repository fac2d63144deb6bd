"""Reads the log of changes: articles that were published, corrected, canceled or withheld, in commit order.

Each change comes with the present state of its article, so that an article canceled since then shows no content.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, and_, select

from app.errors import Elsewhere
from app.store.built import Built
from app.store.changes import Change, Keys, last_seq, public_state
from app.store.engine import reading
from app.store.identity import START, Mark
from app.store.tables import articles, changes, instant, micros, versions

ONE_SCAN = 1000  # changes that `changed_since` reads at most


class ChangeEntry(Struct, frozen=True):
    """A change, with the present state of its article."""

    seq: int
    stamp: int
    kind: str  # "published", "corrected", "canceled" or "withheld"
    at: datetime
    version: int  # the version that it published, corrected, canceled or withheld
    num: int
    id: str
    guid: str
    newest: int  # the article's newest public version now
    public: bool  # now
    pubstatus: str  # now
    edited: int  # when the newest version was stored, micros

    @property
    def now(self) -> str:
        """ "usable", "canceled" or "withheld": all that readers see of an article that is not public."""
        return "usable" if self.public else "canceled" if self.pubstatus == "canceled" else "withheld"


def log(engine: Engine, after: Mark, limit: int) -> list[ChangeEntry]:
    """The changes after `after`, in commit order, at most `limit`. Raises Elsewhere if this history does not have `after`, and
    Unavailable."""
    # The subquery limits the changes before the join, so that the join does not read more. It also reads the change `after` in the
    # same snapshot: if its stamp differs, the changes after it belong to another history.
    most, first = (limit, 1) if after == START else (limit + 1, after[0])
    part = select(changes).where(changes.c.seq >= first).order_by(changes.c.seq).limit(most).subquery()
    statement = (
        select(
            part.c.seq,
            part.c.stamp,
            part.c.kind,
            part.c.at,
            part.c.version,
            part.c.num,
            articles.c.id,
            articles.c.guid,
            # Not the article's own version and status, because a newer version may be under embargo.
            public_state(part.c.num, changes.c.version),
            articles.c.public,
            public_state(part.c.num, changes.c.kind),
            articles.c.edited,
        )
        .select_from(part)
        .join(articles, articles.c.num == part.c.num)
        .order_by(part.c.seq)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    entries = [ChangeEntry(seq, stamp, kind, instant(at), *rest) for seq, stamp, kind, at, *rest in rows]
    if after == START:
        return entries
    if not entries or (entries[0].seq, entries[0].stamp) != after:
        raise Elsewhere(f"Change {after[0]} does not exist in this history, or is another change.")
    return entries[1:]


def mark_before(engine: Engine, moment: datetime) -> Mark:
    """A change such that all changes since `moment` come after it, unless they are more than ONE_SCAN. Raises Unavailable."""
    newest = select(changes.c.seq, changes.c.stamp, changes.c.at).order_by(changes.c.seq.desc()).limit(ONE_SCAN)
    with reading(engine) as connection:
        rows = connection.execute(newest).all()
    older = next((row for row in rows if row.at < micros(moment)), None)
    if older is None:
        return START if len(rows) < ONE_SCAN else (rows[-1].seq, rows[-1].stamp)
    return older.seq, older.stamp


def changed_since(engine: Engine, mark: Mark) -> set[str] | None:
    """The public ids of the articles that changed after `mark`; None if there are more than ONE_SCAN changes, or if this history does
    not have `mark`. Raises Unavailable."""
    statement = (
        select(changes.c.seq, changes.c.stamp, articles.c.id)
        .join(articles, changes.c.num == articles.c.num)
        .where(changes.c.seq >= mark[0])
        .order_by(changes.c.seq)
    )
    with reading(engine) as connection:
        if not 0 <= last_seq(connection) - mark[0] <= ONE_SCAN:
            return None
        rows = connection.execute(statement).all()
    if mark != START and (not rows or (rows[0].seq, rows[0].stamp) != mark):
        return None
    return {row.id for row in rows if row.seq > mark[0]}


def changes_after(engine: Engine, seq: int, limit: int) -> list[tuple[Change, int]]:
    """The changes after number `seq` in commit order, each with its instant in microseconds since 1970. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(changes.c.seq, changes.c.axes, changes.c.at, changes.c.stamp)
            .where(changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        ).all()
    return [(Change(row.seq, msgspec.json.decode(row.axes, type=tuple[Keys, ...]), row.stamp), row.at) for row in rows]


def requests_of(engine: Engine, seqs: Collection[int]) -> list[str]:
    """The ids of the requests that sent what became public with these changes, each once, without those that are not known. Raises
    Unavailable."""
    sent = and_(versions.c.num == changes.c.num, versions.c.version == changes.c.version)
    statement = select(versions.c.request).distinct().join(changes, sent)
    with reading(engine) as connection:
        found = connection.execute(statement.where(changes.c.seq.in_(seqs), versions.c.request.is_not(None)))
        return sorted(found.scalars())


def newest_seq(engine: Engine) -> int:
    """The number of the newest change; 0 before the first change. Raises Unavailable."""
    with reading(engine) as connection:
        return last_seq(connection)


def newest_change(engine: Engine) -> tuple[Mark, datetime | None]:
    """The newest change and its instant in UTC; START and None before the first change. Raises Unavailable."""
    with reading(engine) as connection:
        rows = _NEWEST.rows(connection)
    for seq, stamp, at in rows:
        return (seq, stamp), instant(at)
    return START, None


_NEWEST = Built(lambda _: select(changes.c.seq, changes.c.stamp, changes.c.at).order_by(changes.c.seq.desc()).limit(1))
