"""Whose turn it is: workers, of any number of hosts, claim subscriptions that something waits for, and settle what became of it.

One worker at a time has a subscription, so its deliveries keep their order. A claim ends by itself: what a killed worker had is
delivered by another, under the same identifiers.

A subscription waits in one of three lines, by what its own last deliveries were like. Each line has room of its own, so that those
who answer at once never wait for those who do not.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    case,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.store import subscriptions as kept
from app.store.engine import reading, writing
from app.store.instants import micros
from app.store.subscriptions import Subscription
from app.store.tables import PROMPT, SLOW, delivered, deliveries, queue, subscriptions

LEASE = 180_000_000  # microseconds: longer than any delivery takes
LOOK = 4  # times as many are looked at as are taken: some hosts have no room


class Waiting(Struct, frozen=True):
    """A change that a subscription is to be told."""

    seq: int
    num: int
    version: int
    kind: str
    at: int  # micros since 1970
    attempts: int
    stamp: int  # random; 0: queued by a version of this program that had none


class Job(Struct, frozen=True):
    """What is to be delivered to one subscription now."""

    subscription: Subscription
    bell: int
    attempts: int
    last: int  # the last row of this delivery, which stays the same at every attempt; 0: there was none
    failing: int | None  # since when nothing arrived, micros
    line: int  # PROMPT, NEW or SLOW
    owed: int  # answers that must come soon before it is in the line of the prompt again
    rows: tuple[Waiting, ...]
    more: bool  # than these rows waits


class Done(Struct, frozen=True):
    """What became of one row."""

    seq: int
    state: str
    attempts: int
    status: int = 0
    error: str = ""
    millis: int = 0


class Settled(Struct, frozen=True):
    """What became of a job. `again`: when it is looked at next (micros); None: when something waits."""

    job: Job
    done: tuple[Done, ...] = ()
    arrived: bool = True  # whether anything did, or nothing had to
    again: int | None = None
    attempts: int = 0
    last: int = 0
    owed: int | None = None  # prompt answers, from now on; None: nothing was learnt of how soon it answers
    pause: str = ""  # why
    end: str = ""  # why


class Room:
    """How many of a line may be claimed: of all; of each account (an outlet or a token; whoever has neither, together); and of each
    account at one host and at one site (the domain that somebody registered). Belongs to one claim."""

    def __init__(
        self,
        most: int,
        each: Mapping[str, int],
        taken: Mapping[tuple[str, str, str], int] = {},
        closed: Collection[str] = (),
    ) -> None:
        """`each`: of "account", "host" and "site". `taken`: how many are claimed already, by `keys`. `closed`: hosts of which nothing
        is claimed."""
        self.most = most
        self.closed = sorted(closed)
        self._each = each
        self._taken = dict(taken)
        self._full: dict[str, list[tuple[str, str]]] = {kind: [] for kind in each}
        for (kind, *names), count in taken.items():
            if count >= each[kind]:
                self._full[kind].append((names[0], names[1]))

    @staticmethod
    def keys(host: str, site: str, account: str) -> tuple[tuple[str, str, str], ...]:
        """What it has to find room in: each a kind, a name and an account."""
        return ("account", "", account), ("host", host, account), ("site", site, account)

    def full(self, kind: str) -> list[tuple[str, str]]:
        """Those of a kind that had no room at first: a name and an account."""
        return sorted(self._full[kind])

    def take(self, host: str, site: str, account: str) -> bool:
        """Whether there is room for one more there, which is taken then."""
        keys = self.keys(host, site, account)
        if self.most <= 0 or any(self._taken.get(key, 0) >= self._each[key[0]] for key in keys):
            return False
        self.most -= 1
        for key in keys:
            self._taken[key] = self._taken.get(key, 0) + 1
        return True


def claim(engine: Engine, who: str, now: datetime, rooms: Mapping[int, Room], rows: int = 50) -> list[Job]:
    """Claim subscriptions that are due, of each line as many as there is room for, with at most so many rows. Raises Unavailable."""
    at = micros(now)
    with reading(engine) as connection:  # Mostly nothing is due: no transaction is begun for that.
        ids = [id for line, room in rooms.items() for id in _due(connection, at, line, room)]
    if not ids:
        return []
    with writing(engine) as connection:
        due = select(queue.c.subscription).where(queue.c.subscription.in_(ids), queue.c.next <= at, ~queue.c.paused)
        locked = due.order_by(queue.c.subscription).with_for_update(skip_locked=True)
        mine = connection.execute(locked).scalars().all()
        # Which rows are its delivery is kept before anything is sent: it stays the same whoever is killed and whatever comes.
        taken = {"claim": who, "next": at + LEASE, "last": case((queue.c.last > 0, queue.c.last), else_=_newest(rows))}
        statement = update(queue).where(queue.c.subscription.in_(mine)).values(taken).returning(*_LINE)
        lines = sorted(connection.execute(statement).all())
    with reading(engine) as connection:
        columns = [subscriptions.c[name] for name in kept.FIELDS]
        found = connection.execute(select(*columns).where(subscriptions.c.id.in_(mine)))
        known = {one.id: one for one in (Subscription(*row) for row in found)}
        waiting = _waiting(connection, mine, rows + 1)
    return [
        Job(known[id], bell, attempts, last, failing, line, owed, tuple(waiting[id][:rows]), len(waiting[id]) > rows)
        for id, bell, attempts, last, failing, line, owed in lines
        if id in known
    ]


_LINE = tuple(queue.c[name] for name in ("subscription", "bell", "attempts", "last", "failing", "line", "owed"))
_WAITS = and_(deliveries.c.subscription == queue.c.subscription, deliveries.c.state == "waiting")


def _newest(rows: int) -> ColumnElement[int]:
    """Of the first so many rows that wait for a subscription the last; 0: none does."""
    first = select(deliveries.c.seq).where(_WAITS).order_by(deliveries.c.seq).limit(rows).correlate(queue).subquery()
    return func.coalesce(select(func.max(first.c.seq)).scalar_subquery(), 0)


def _waiting(connection: Connection, ids: Collection[int], most: int) -> dict[int, list[Waiting]]:
    """By subscription: at most so many rows of each."""
    found: dict[int, list[Waiting]] = {id: [] for id in ids}
    if connection.dialect.name == "postgresql":
        for id, *row in connection.exec_driver_sql(_ROWS_POSTGRESQL, (list(ids), most)):
            found[id].append(Waiting(*row))
    else:
        cursor = connection.connection.cursor()  # SQLAlchemy takes ten times as long as SQLite to find a row
        for id in ids:
            found[id] = [Waiting(*row) for row in cursor.execute(_ROWS, (id, most)).fetchall()]
        cursor.close()
    return found


def _due(connection: Connection, at: int, line: int, room: Room) -> list[int]:
    """Those that are due longest, as far as there is room."""
    if room.most <= 0:
        return []
    statement = (
        select(queue.c.subscription, queue.c.host, queue.c.site, queue.c.account)
        .where(queue.c.next.is_not(None), ~queue.c.paused, queue.c.line == line, queue.c.next <= at)
        .order_by(queue.c.next)
        .limit(LOOK * room.most)
    )
    # Those without room are not even looked at: any number of them may stand before the others.
    if room.closed:
        statement = statement.where(queue.c.host.not_in(room.closed))
    if full := room.full("account"):
        statement = statement.where(queue.c.account.not_in([account for _, account in full]))
    for kind in ("host", "site"):
        if full := room.full(kind):
            statement = statement.where(tuple_(queue.c[kind], queue.c.account).not_in(full))
    return [id for id, host, site, account in connection.execute(statement).all() if room.take(host, site, account)]


_NAMES = Waiting.__struct_fields__
_ROWS = f"""
SELECT {", ".join(_NAMES)} FROM deliveries WHERE subscription = ? AND state = 'waiting' ORDER BY seq LIMIT ?
"""
_ROWS_POSTGRESQL = f"""
SELECT mine.id, {", ".join(f"d.{name}" for name in _NAMES)} FROM unnest(%s::bigint[]) AS mine(id) CROSS JOIN LATERAL (
    SELECT * FROM deliveries WHERE subscription = mine.id AND state = 'waiting' ORDER BY seq LIMIT %s
) AS d ORDER BY mine.id, d.seq
"""


def settle(engine: Engine, who: str, settled: Sequence[Settled], now: datetime) -> None:
    """Write what became of these, in one transaction. Raises Unavailable."""
    at = micros(now)
    # In one order, as whoever adds to the queue takes the rows.
    inorder = sorted(settled, key=lambda one: one.job.subscription.id)
    with writing(engine) as connection:
        lines = [_line(one, at) | {"who": who} for one in inorder]
        connection.execute(_LEAVE, lines)
        rows = [_row(one, done, at) for one in inorder for done in one.done]
        if rows:
            connection.execute(_WRITTEN, rows)
        for one in inorder:
            if one.end:
                kept.end(connection, one.job.subscription.id, one.end, now)
            elif one.pause:
                kept.pause(connection, one.job.subscription.id, one.pause, now)
        _count(connection, inorder)


def _line(one: Settled, at: int) -> dict[str, Any]:
    failing = None if one.arrived else one.job.failing or at
    more = one.job.more or {row.seq for row in one.job.rows} - {done.seq for done in one.done}
    return {
        "of": one.job.subscription.id,
        "heard": one.job.bell,
        "again": at if one.again is None and more else one.again,
        "tries": one.attempts,
        "upto": one.last,
        "since": failing,
        "stands": _stands(one),
        "owes": one.job.owed if one.owed is None else one.owed,
        "at": at,
    }


def _stands(one: Settled) -> int:
    """The line in which it waits from now on."""
    if one.attempts:
        return SLOW
    if one.owed is None:
        return one.job.line
    return SLOW if one.owed else PROMPT


# Where it is to be looked at when something waits, whatever came since the claim counts: the bell tells.
_LEAVE = (
    update(queue)
    .where(queue.c.subscription == bindparam("of"), queue.c.claim == bindparam("who"))
    .values(
        claim="",
        attempts=bindparam("tries"),
        last=bindparam("upto"),
        failing=bindparam("since", type_=BigInteger),
        line=bindparam("stands"),
        owed=bindparam("owes"),
        next=func.coalesce(
            bindparam("again", type_=BigInteger),
            case((queue.c.bell != bindparam("heard"), bindparam("at", type_=BigInteger)), else_=None),
        ),
    )
)
_WRITTEN = (
    update(deliveries)
    .where(
        deliveries.c.subscription == bindparam("of"),
        deliveries.c.seq == bindparam("which"),
        deliveries.c.state == "waiting",
    )
    .values(
        state=bindparam("became"),
        attempts=bindparam("tries"),
        status=bindparam("answer"),
        error=bindparam("fault"),
        millis=bindparam("took"),
        done=bindparam("ended", type_=BigInteger),
    )
)


def _row(one: Settled, done: Done, at: int) -> dict[str, Any]:
    return {
        "of": one.job.subscription.id,
        "which": done.seq,
        "became": done.state,
        "tries": done.attempts,
        "answer": done.status,
        "fault": done.error[:500],
        "took": done.millis,
        "ended": None if done.state == "waiting" else at,
    }


def _count(connection: Connection, settled: Sequence[Settled]) -> None:
    """Add to the numbers of the metrics what was public."""
    counts: dict[tuple[str, str], list[int]] = {}
    for one in settled:
        if one.job.subscription.embargoed:
            continue
        for done in one.done:
            outcome = {"waiting": "failed", "delivered": "delivered", "dead": "dead"}.get(done.state)
            if outcome:
                sums = counts.setdefault((one.job.subscription.kind, outcome), [0, 0])
                sums[0] += 1
                sums[1] += done.millis
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for (kind, outcome), (count, millis) in sorted(counts.items()):
        statement = build(delivered).values(kind=kind, outcome=outcome, count=count, millis=millis)
        raised = {
            "count": delivered.c.count + statement.excluded["count"],
            "millis": delivered.c.millis + statement.excluded.millis,
        }
        connection.execute(statement.on_conflict_do_update(index_elements=["kind", "outcome"], set_=raised))


def release_claims(engine: Engine, who: str, now: datetime) -> int:
    """What that worker had before it was killed is due at once; how many. Raises Unavailable."""
    with writing(engine) as connection:
        mine = update(queue).where(queue.c.claim == who).values(claim="", next=micros(now))
        return connection.execute(mine).rowcount


def failing(engine: Engine, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """How the deliveries to these stand: attempts, since when nothing arrived, when it is tried next. Raises Unavailable."""
    statement = select(queue.c.subscription, queue.c.attempts, queue.c.failing, queue.c.next).where(
        queue.c.subscription.in_(list(ids))
    )
    with reading(engine) as connection:
        return {row.subscription: dict(row._mapping) for row in connection.execute(statement)}


class Figures(Struct, frozen=True):
    """How the deliveries of public articles stand. Those of what is under embargo are in none of these numbers: each would tell when
    an embargoed release came."""

    subscriptions: dict[tuple[str, str], int]  # (kind, state) -> how many
    outcomes: dict[tuple[str, str], tuple[int, int]]  # (kind, outcome) -> how many since the first, milliseconds
    due: int  # subscriptions that something waits for
    oldest: int | None  # since when, micros: the subscription that is due longest


def figures(engine: Engine) -> Figures:
    """For the metrics. Raises Unavailable."""
    public = ~subscriptions.c.embargoed
    with reading(engine) as connection:
        states = connection.execute(
            select(subscriptions.c.kind, subscriptions.c.state, func.count())
            .where(public)
            .group_by(subscriptions.c.kind, subscriptions.c.state)
        ).all()
        outcomes = connection.execute(select(delivered)).all()
        open = and_(queue.c.next.is_not(None), ~queue.c.paused)
        mine = queue.join(subscriptions, subscriptions.c.id == queue.c.subscription)
        numbers = select(func.count(), func.min(queue.c.next)).select_from(mine).where(open, public)
        due, oldest = connection.execute(numbers).one()
    return Figures(
        {(kind, state): count for kind, state, count in states},
        {(kind, outcome): (count, millis) for kind, outcome, count, millis in outcomes},
        due,
        oldest,
    )
