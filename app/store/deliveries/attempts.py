"""Counts what strangers make this server send: mails that ask for a confirmation, and requests to callbacks that did not confirm.

The counts are in the database, so all workers share them, and they survive a restart and an empty cache. The mailbox and the client
are stored as keyed hashes, so that nobody can read here an address that somebody typed.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Connection, Engine, and_, delete, func, insert, select, update

from app.store.engine import lock, reading, writing
from app.store.identity import secret
from app.store.tables import attempts, micros

KEPT = 30 * 86_400  # seconds for which an attempt is counted
HOUR, DAY = 3600, 86_400
OPEN, GOOD, DROPPED = "open", "good", "dropped"


class Attempt(Struct, frozen=True):
    """A mail or a callback request that a stranger makes this server send."""

    kind: str  # "mail" or "hub"
    who: str  # the mailbox, or the subscription
    site: str  # the domain that receives it
    client: str = ""  # the network of the client that asks; empty: not counted


class Tally(Struct, frozen=True):
    """The attempts of the last 30 days. `sent` and `last` count this mailbox or subscription, since its last confirmation."""

    sent: int = 0  # attempts that nobody confirmed
    last: int = 0  # when the last unconfirmed attempt was made, micros since 1970; 0: there is none
    known: bool = False  # whether it was confirmed before
    client_hour: int = 0  # requests of the client, in any state
    client_day: int = 0
    site_hour: int = 0
    site_day: int = 0
    site_good: int = 0  # confirmed attempts
    all_hour: int = 0


def attempt(engine: Engine, new: Attempt, judge: Callable[[Tally], str], now: datetime) -> bool:
    """Count an attempt. Return whether it may be made. `judge` returns its state, OPEN or DROPPED; if `judge` raises, nothing is
    counted. Raises Unavailable."""
    hashed, at = _hashed(engine, new), micros(now)
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both take the last free place
        connection.execute(delete(attempts).where(attempts.c.kind == new.kind, attempts.c.at < at - KEPT * 1_000_000))
        state = judge(_tally(connection, hashed, at))
        values = {"kind": new.kind, "who": hashed.who, "site": new.site, "client": hashed.client}
        connection.execute(insert(attempts).values(**values, state=state, at=at))
    return state == OPEN


def tally(engine: Engine, attempt: Attempt, now: datetime) -> Tally:
    """The counts that matter for an attempt. Raises Unavailable."""
    hashed = _hashed(engine, attempt)
    with reading(engine) as connection:
        return _tally(connection, hashed, micros(now))


def confirmed(engine: Engine, attempt: Attempt) -> None:
    """Mark what was sent to this mailbox or subscription as confirmed. Raises Unavailable."""
    which = and_(
        attempts.c.kind == attempt.kind, attempts.c.who == _hashed(engine, attempt).who, attempts.c.state == OPEN
    )
    with reading(engine) as connection:
        if connection.execute(select(attempts.c.id).where(which).limit(1)).first() is None:
            return
    with writing(engine) as connection:
        connection.execute(update(attempts).where(which).values(state=GOOD))


def failed(engine: Engine, call: Attempt, now: datetime) -> None:
    """Count a callback request that was sent and not confirmed. Raises Unavailable."""
    attempt(engine, call, lambda _: OPEN, now)


def _hashed(engine: Engine, attempt: Attempt) -> Attempt:
    key = secret(engine)

    def keyed(name: str, text: str) -> str:
        return hmac.new(key, f"{name} {text}".encode(), hashlib.sha256).hexdigest() if text else ""

    return Attempt(attempt.kind, keyed("who", attempt.who), attempt.site, keyed("client", attempt.client))


def _tally(connection: Connection, attempt: Attempt, at: int) -> Tally:
    def count(column: Column[str] | None, value: str, seconds: int, *states: str) -> int:
        which = [attempts.c.kind == attempt.kind, attempts.c.at > at - seconds * 1_000_000]
        if column is not None:
            which.append(column == value)
        if states:
            which.append(attempts.c.state.in_(states))
        return int(connection.execute(select(func.count()).select_from(attempts).where(*which)).scalar_one())

    same = and_(attempts.c.kind == attempt.kind, attempts.c.who == attempt.who)
    good = select(func.max(attempts.c.at)).where(same, attempts.c.state == GOOD).scalar_subquery()
    since = func.coalesce(good, 0)
    open = select(func.count(), func.coalesce(func.max(attempts.c.at), 0), since).where(
        same, attempts.c.state == OPEN, attempts.c.at > since
    )
    sent, last, known = connection.execute(open).one()
    return Tally(
        int(sent),
        int(last),
        bool(known),
        count(attempts.c.client, attempt.client, HOUR) if attempt.client else 0,
        count(attempts.c.client, attempt.client, DAY) if attempt.client else 0,
        count(attempts.c.site, attempt.site, HOUR, OPEN),
        count(attempts.c.site, attempt.site, DAY, OPEN),
        count(attempts.c.site, attempt.site, KEPT, GOOD),
        count(None, "", HOUR, OPEN),
    )
