"""What strangers had this server do to others: mails that ask for a confirmation, and calls of callbacks that did not confirm.

Counted in the database, so that every worker counts the same and neither a restart nor an empty cache forgets it. Who they are is kept
as a keyed hash: an address that somebody typed is not to be read here.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, Engine, and_, delete, func, insert, select, update

from app.store.engine import reading, writing
from app.store.find import secret
from app.store.instants import micros
from app.store.order import lock
from app.store.tables import attempts

KEPT = 30 * 86_400  # seconds
HOUR, DAY = 3600, 86_400
OPEN, GOOD, DROPPED = "open", "good", "dropped"


class Attempt(Struct, frozen=True):
    """Something that a stranger asks this server to send."""

    kind: str  # "mail" or "hub"
    who: str  # the mailbox, or the subscription
    site: str  # the domain that bears the work
    client: str = ""  # the network that asks; empty: not counted


class Tally(Struct, frozen=True):
    """What was sent before, and nobody confirmed; of the mailbox or subscription since its last confirmation. All within 30 days."""

    mine: int = 0
    last: int = 0  # the newest of these, micros since 1970; 0: none
    known: bool = False  # it was confirmed before
    client_hour: int = 0  # requests of the client, whatever became of them
    client_day: int = 0
    site_hour: int = 0
    site_day: int = 0
    site_good: int = 0  # confirmed ones
    all_hour: int = 0


def attempt(engine: Engine, one: Attempt, judge: Callable[[Tally], str], now: datetime) -> bool:
    """Count a request, if `judge` lets it; whether it may be done. `judge` tells its state, OPEN or DROPPED, or raises: then nothing
    is counted. Raises Unavailable."""
    hashed, at = _hashed(engine, one), micros(now)
    with writing(engine) as connection:
        lock(connection)  # two requests at once must not both be the last that is let
        connection.execute(delete(attempts).where(attempts.c.kind == one.kind, attempts.c.at < at - KEPT * 1_000_000))
        state = judge(_tally(connection, hashed, at))
        values = {"kind": one.kind, "who": hashed.who, "site": one.site, "client": hashed.client}
        connection.execute(insert(attempts).values(**values, state=state, at=at))
    return state == OPEN


def tally(engine: Engine, one: Attempt, now: datetime) -> Tally:
    """What is counted of it. Raises Unavailable."""
    hashed = _hashed(engine, one)
    with reading(engine) as connection:
        return _tally(connection, hashed, micros(now))


def confirmed(engine: Engine, one: Attempt) -> None:
    """Whoever was asked confirmed: what was sent there was wanted. Raises Unavailable."""
    which = and_(attempts.c.kind == one.kind, attempts.c.who == _hashed(engine, one).who, attempts.c.state == OPEN)
    with reading(engine) as connection:
        if connection.execute(select(attempts.c.id).where(which).limit(1)).first() is None:
            return
    with writing(engine) as connection:
        connection.execute(update(attempts).where(which).values(state=GOOD))


def failed(engine: Engine, one: Attempt, now: datetime) -> None:
    """Count one that was done and not confirmed. Raises Unavailable."""
    attempt(engine, one, lambda _: OPEN, now)


def _hashed(engine: Engine, one: Attempt) -> Attempt:
    key = secret(engine)

    def keyed(name: str, text: str) -> str:
        return hmac.new(key, f"{name} {text}".encode(), hashlib.sha256).hexdigest() if text else ""

    return Attempt(one.kind, keyed("who", one.who), one.site, keyed("client", one.client))


def _tally(connection: Connection, one: Attempt, at: int) -> Tally:
    def count(column: Column[str] | None, value: str, seconds: int, *states: str) -> int:
        which = [attempts.c.kind == one.kind, attempts.c.at > at - seconds * 1_000_000]
        if column is not None:
            which.append(column == value)
        if states:
            which.append(attempts.c.state.in_(states))
        return int(connection.execute(select(func.count()).select_from(attempts).where(*which)).scalar_one())

    mine = and_(attempts.c.kind == one.kind, attempts.c.who == one.who)
    good = select(func.max(attempts.c.at)).where(mine, attempts.c.state == GOOD).scalar_subquery()
    since = func.coalesce(good, 0)
    open = select(func.count(), func.coalesce(func.max(attempts.c.at), 0), since).where(
        mine, attempts.c.state == OPEN, attempts.c.at > since
    )
    sent, last, known = connection.execute(open).one()
    return Tally(
        int(sent),
        int(last),
        bool(known),
        count(attempts.c.client, one.client, HOUR) if one.client else 0,
        count(attempts.c.client, one.client, DAY) if one.client else 0,
        count(attempts.c.site, one.site, HOUR, OPEN),
        count(attempts.c.site, one.site, DAY, OPEN),
        count(attempts.c.site, one.site, KEPT, GOOD),
        count(None, "", HOUR, OPEN),
    )
