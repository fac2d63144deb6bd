"""The log of changes: all that became visible, was corrected, canceled or withheld, in commit order.

A reader is told each change with the state of its article now: what was canceled since shows nothing any more.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Engine, select

from app.errors import Elsewhere
from app.store.engine import reading
from app.store.identity import START, Mark
from app.store.instants import instant
from app.store.order import last_seq, public_state
from app.store.tables import articles, changes

ONE_SCAN = 1000  # changes looked through at most for what became of a feed since


class Entry(Struct, frozen=True):
    """A change, and what its article is now."""

    seq: int
    stamp: int
    kind: str  # "published", "corrected", "canceled" or "withheld"
    at: datetime
    version: int  # that it was about
    num: int
    id: str
    guid: str
    newest: int  # the article's version now
    public: bool  # now
    pubstatus: str  # now
    edited: int  # when the newest version came, micros

    @property
    def now(self) -> str:
        """ "usable", "canceled" or "withheld": of an article that is not public, no more is told than that."""
        return "usable" if self.public else "canceled" if self.pubstatus == "canceled" else "withheld"


def log(engine: Engine, after: Mark, limit: int) -> list[Entry]:
    """The changes behind that one, in one snapshot: at most `limit`, in commit order. Raises Elsewhere, Unavailable."""
    # The changes are cut off before the join: it must not decide how much is read. The one before is read with them, in the same
    # snapshot: where it is another one, those that follow are of another history.
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
            # Not the article's own: what came since and waits is nobody's yet.
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
    entries = [Entry(seq, stamp, kind, instant(at), *rest) for seq, stamp, kind, at, *rest in rows]
    if after == START:
        return entries
    if not entries or (entries[0].seq, entries[0].stamp) != after:
        raise Elsewhere(f"Change {after[0]} is another one in this history.")
    return entries[1:]


def changed_since(engine: Engine, mark: Mark) -> set[str] | None:
    """The public ids of what changed behind that change; None: too much to tell, or it is of another history. Raises Unavailable."""
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
