"""The log of changes: all that became visible, was corrected, canceled or withheld, in commit order.

A reader is told each change with the state of its article now: what was canceled since shows nothing any more.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Engine, select

from app.store.engine import reading
from app.store.instants import instant
from app.store.order import last_seq, public_state
from app.store.tables import articles, changes

ONE_SCAN = 1000  # changes looked through at most for what became of a feed since


class Entry(Struct, frozen=True):
    """A change, and what its article is now."""

    seq: int
    kind: str  # "published", "corrected", "canceled" or "withheld"
    at: datetime
    version: int  # that it was about
    num: int
    id: str
    guid: str
    newest: int  # the article's version now
    public: bool  # now
    pubstatus: str  # now

    @property
    def now(self) -> str:
        """ "usable", "canceled" or "withheld": of an article that is not public, no more is told than that."""
        return "usable" if self.public else "canceled" if self.pubstatus == "canceled" else "withheld"


def log(engine: Engine, after: int, limit: int) -> list[Entry]:
    """The changes behind that number, in one snapshot: at most `limit`, in commit order. Raises Unavailable."""
    # The changes are cut off before the join: it must not decide how much is read.
    part = select(changes).where(changes.c.seq > after).order_by(changes.c.seq).limit(limit).subquery()
    statement = (
        select(
            part.c.seq,
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
        )
        .select_from(part)
        .join(articles, articles.c.num == part.c.num)
        .order_by(part.c.seq)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [Entry(seq, kind, instant(at), *rest) for seq, kind, at, *rest in rows]


def changed_since(engine: Engine, seq: int) -> set[str] | None:
    """The public ids of what changed behind that number; None: too much to tell. Raises Unavailable."""
    with reading(engine) as connection:
        # Below 0: the number is of another state of this database.
        if not 0 <= last_seq(connection) - seq <= ONE_SCAN:
            return None
        statement = select(articles.c.id).join(changes, changes.c.num == articles.c.num).where(changes.c.seq > seq)
        return set(connection.execute(statement).scalars())
