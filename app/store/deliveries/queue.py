"""Claims subscriptions that have waiting deliveries, and settles the results; workers may run on any number of hosts.

Only one worker at a time has a subscription, so its deliveries keep their order. A claim expires by itself: another worker then
delivers what a killed worker had, under the same identifiers.

A subscription waits in one of three lines, depending on its own last deliveries. Each line has room of its own, so subscribers that
answer promptly never wait for slow ones.
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

from app.store.deliveries.failed_attempts import FailedAttempt, note_failures
from app.store.deliveries.intents import deny_within
from app.store.deliveries.subscriptions import FIELDS, Subscription, end, pause
from app.store.engine import reading, writing
from app.store.operation import is_held
from app.store.tables import PROMPT, SLOW, delivered, deliveries, micros, queue, subscriptions

LEASE = 180_000_000  # microseconds: longer than any delivery takes
LOOK = 4  # due subscriptions are read for each one that may be claimed, because some hosts have no room


class Waiting(Struct, frozen=True):
    """A change that waits for delivery to a subscription: a row of `deliveries`."""

    seq: int
    num: int
    version: int
    kind: str
    at: int  # micros since 1970
    attempts: int
    stamp: int  # random; 0: an earlier version of Pressrelay queued it without a stamp
    request: str = ""  # the id of the request that sent this version of the article; empty: not known


class Job(Struct, frozen=True):
    """A subscription that a worker has claimed, with the rows to deliver to it now."""

    subscription: Subscription
    bell: int  # as it was when the subscription was claimed
    attempts: int
    last: int  # the number of the last row of this delivery, the same at every attempt; 0: nothing waited
    failing: int | None  # since when deliveries have failed (micros); None: the last one succeeded
    line: int  # PROMPT, NEW or SLOW
    owed: int  # prompt answers that are needed before it waits in the line PROMPT again
    rows: tuple[Waiting, ...]
    more: bool  # whether more rows wait than these


class Done(Struct, frozen=True):
    """The result of one row. `state`: "delivered", "waiting" (it failed and is tried again), "dead", "replaced" or "dropped"."""

    seq: int
    state: str
    attempts: int
    status: int = 0
    error: str = ""
    millis: int = 0


class Settled(Struct, frozen=True):
    """The result of a job. `again`: when the subscription is due again (micros); None: when something waits."""

    job: Job
    done: tuple[Done, ...] = ()
    arrived: bool = True  # something was delivered, or nothing had to be
    again: int | None = None
    attempts: int = 0
    last: int = 0
    owed: int | None = None  # prompt answers needed from now on; None: this job does not change that
    pause: str = ""  # why the subscription is paused; empty: it is not
    end: str = ""  # why the subscription ends; empty: it does not


class Room:
    """How many subscriptions of a line one claim may take.

    There is a limit in total, for each account, for each account at one host, and for each account at one site.
    An account is an outlet or a token; all subscriptions with neither share one account. A site is a registered domain.
    """

    def __init__(
        self,
        most: int,
        each: Mapping[str, int],
        taken: Mapping[tuple[str, str, str], int] = {},
        closed: Collection[str] = (),
    ) -> None:
        """`most`: in total. `each`: for each "account", "host" and "site". `taken`: how many are claimed already, by `keys`. `closed`:
        hosts for which nothing may be claimed."""
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
        """The three shares that a subscription needs room in: each is a kind, a name and an account."""
        return ("account", "", account), ("host", host, account), ("site", site, account)

    def full(self, kind: str) -> list[tuple[str, str]]:
        """The shares of a kind that had no room at the start: each is a name and an account."""
        return sorted(self._full[kind])

    def take(self, host: str, site: str, account: str) -> bool:
        """Take room for one more subscription. Return whether there was room."""
        keys = self.keys(host, site, account)
        if self.most <= 0 or any(self._taken.get(key, 0) >= self._each[key[0]] for key in keys):
            return False
        self.most -= 1
        for key in keys:
            self._taken[key] = self._taken.get(key, 0) + 1
        return True


def claim(engine: Engine, who: str, now: datetime, rooms: Mapping[int, Room], rows: int = 50) -> list[Job]:
    """Claim subscriptions that are due, as many of each line as there is room for, each with at most `rows` rows. Raises
    Unavailable."""
    at = micros(now)
    with reading(engine) as connection:  # Usually nothing is due; then no transaction begins.
        ids = [id for line, room in rooms.items() for id in _due(connection, at, line, room)]
        if not ids or is_held(connection):
            return []
    with writing(engine) as connection:
        due = select(queue.c.subscription).where(queue.c.subscription.in_(ids), queue.c.next <= at, ~queue.c.paused)
        locked = due.order_by(queue.c.subscription).with_for_update(skip_locked=True)
        claimed = connection.execute(locked).scalars().all()
        # The last row of a delivery is noted before anything is sent, so that a repeat after a kill has the same rows.
        taken = {"claim": who, "next": at + LEASE, "last": case((queue.c.last > 0, queue.c.last), else_=_newest(rows))}
        statement = update(queue).where(queue.c.subscription.in_(claimed)).values(taken).returning(*_LINE)
        lines = sorted(connection.execute(statement).all())
        # In the same transaction: if the connection were lost after it, nobody would deliver until the claim ends.
        columns = [subscriptions.c[name] for name in FIELDS]
        found = connection.execute(select(*columns).where(subscriptions.c.id.in_(claimed)))
        known = {subscription.id: subscription for subscription in (Subscription(*row) for row in found)}
        waiting = _waiting(connection, claimed, rows + 1)
    return [
        Job(known[id], bell, attempts, last, failing, line, owed, tuple(waiting[id][:rows]), len(waiting[id]) > rows)
        for id, bell, attempts, last, failing, line, owed in lines
        if id in known
    ]


_LINE = tuple(queue.c[name] for name in ("subscription", "bell", "attempts", "last", "failing", "line", "owed"))
_WAITS = and_(deliveries.c.subscription == queue.c.subscription, deliveries.c.state == "waiting")


def _newest(rows: int) -> ColumnElement[int]:
    """The number of the last of the first `rows` rows that wait for a subscription; 0 if none waits."""
    first = select(deliveries.c.seq).where(_WAITS).order_by(deliveries.c.seq).limit(rows).correlate(queue).subquery()
    return func.coalesce(select(func.max(first.c.seq)).scalar_subquery(), 0)


def _waiting(connection: Connection, ids: Collection[int], most: int) -> dict[int, list[Waiting]]:
    """subscription id -> its waiting rows, at most `most`."""
    found: dict[int, list[Waiting]] = {id: [] for id in ids}
    if connection.dialect.name == "postgresql":
        for id, *row in connection.exec_driver_sql(_ROWS_POSTGRESQL, (list(ids), most)):
            found[id].append(Waiting(*row))
    else:
        cursor = connection.connection.cursor()  # through SQLAlchemy, finding a row takes ten times as long
        for id in ids:
            found[id] = [Waiting(*row) for row in cursor.execute(_ROWS, (id, most)).fetchall()]
        cursor.close()
    return found


def _due(connection: Connection, at: int, line: int, room: Room) -> list[int]:
    """The ids of the subscriptions that have been due longest, as many as there is room for."""
    if room.most <= 0:
        return []
    statement = (
        select(queue.c.subscription, queue.c.host, queue.c.site, queue.c.account)
        .where(queue.c.next.is_not(None), ~queue.c.paused, queue.c.line == line, queue.c.next <= at)
        .order_by(queue.c.next)
        .limit(LOOK * room.most)
    )
    # The query excludes subscriptions without room, because any number of them may come before the others.
    if room.closed:
        statement = statement.where(queue.c.host.not_in(room.closed))
    if full := room.full("account"):
        statement = statement.where(queue.c.account.not_in([account for _, account in full]))
    for kind in ("host", "site"):
        if full := room.full(kind):
            statement = statement.where(tuple_(queue.c[kind], queue.c.account).not_in(full))
    return [id for id, host, site, account in connection.execute(statement).all() if room.take(host, site, account)]


def changed_again(engine: Engine, subscription: int, after: Mapping[int, int]) -> set[int]:
    """Those of these articles that have another waiting row for the subscription, behind a certain row. `after`: the number of each
    article, and of that row. Raises Unavailable."""
    if not after:
        return set()
    waits = and_(
        deliveries.c.subscription == subscription,
        deliveries.c.state == "waiting",
        deliveries.c.num.in_(after),
        deliveries.c.seq > min(after.values()),
    )
    with reading(engine) as connection:
        rows = connection.execute(select(deliveries.c.num, deliveries.c.seq).where(waits)).all()
    return {num for num, seq in rows if seq > after[num]}


_FIELDS = ", ".join(
    "COALESCE((SELECT v.request FROM versions v WHERE v.num = d.num AND v.version = d.version), '')"
    if name == "request"
    else f"d.{name}"
    for name in Waiting.__struct_fields__
)
_ROWS = f"""
SELECT {_FIELDS} FROM deliveries AS d WHERE subscription = ? AND state = 'waiting' ORDER BY seq LIMIT ?
"""
_ROWS_POSTGRESQL = f"""
SELECT claimed.id, {_FIELDS} FROM unnest(%s::bigint[]) AS claimed(id) CROSS JOIN LATERAL (
    SELECT * FROM deliveries WHERE subscription = claimed.id AND state = 'waiting' ORDER BY seq LIMIT %s
) AS d ORDER BY claimed.id, d.seq
"""


def settle(engine: Engine, who: str, batch: Sequence[Settled], now: datetime) -> None:
    """Write the results of jobs in one transaction. Raises Unavailable."""
    at = micros(now)
    # The order in which app/store/deliveries/outbox.py locks rows of the queue.
    inorder = sorted(batch, key=lambda settled: settled.job.subscription.id)
    with writing(engine) as connection:
        lines = [_line(settled, at) | {"who": who} for settled in inorder]
        connection.execute(_LEAVE, lines)
        rows = [_row(settled, done, at) for settled in inorder for done in settled.done]
        if rows:
            connection.execute(_WRITTEN, rows)
        note_failures(
            connection, [_failure(settled, at) for settled in inorder if any(done.error for done in settled.done)]
        )
        for settled in inorder:
            if settled.end and settled.arrived:  # The last delivery told the subscriber.
                deny_within(connection, settled.job.subscription, settled.end, now)
            elif settled.end:
                end(connection, settled.job.subscription.id, settled.end, now)
            elif settled.pause:
                pause(connection, settled.job.subscription.id, settled.pause, now)
        _count(connection, inorder)


def _line(settled: Settled, at: int) -> dict[str, Any]:
    failing = None if settled.arrived else settled.job.failing or at
    more = settled.job.more or {row.seq for row in settled.job.rows} - {done.seq for done in settled.done}
    return {
        "of": settled.job.subscription.id,
        "heard": settled.job.bell,
        "again": at if settled.again is None and more else settled.again,
        "tries": settled.attempts,
        "upto": settled.last,
        "since": failing,
        "stands": _stands(settled),
        "owes": settled.job.owed if settled.owed is None else settled.owed,
        "at": at,
    }


def _stands(settled: Settled) -> int:
    """The line that the subscription waits in from now on."""
    if settled.attempts:
        return SLOW
    if settled.owed is None:
        return settled.job.line
    return SLOW if settled.owed else PROMPT


# If something was added since the claim, the bell has another value, and the subscription is due at once.
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


def _row(settled: Settled, done: Done, at: int) -> dict[str, Any]:
    return {
        "of": settled.job.subscription.id,
        "which": done.seq,
        "became": done.state,
        "tries": done.attempts,
        "answer": done.status,
        "fault": done.error[:500],
        "took": done.millis,
        "ended": None if done.state == "waiting" else at,
    }


def _failure(settled: Settled, at: int) -> tuple[int, FailedAttempt]:
    """(subscription, the attempt that failed): a job ends with the first one."""
    rows = [done for done in settled.done if done.error]
    last = rows[-1]
    numbers, tries = [row.seq for row in rows], max(row.attempts for row in rows)
    failed = FailedAttempt(at, min(numbers), max(numbers), tries, last.status, last.error[:500], last.millis)
    return settled.job.subscription.id, failed


def _count(connection: Connection, batch: Sequence[Settled]) -> None:
    """Add the deliveries of public articles to the counts for the metrics."""
    counts: dict[tuple[str, str], list[int]] = {}
    for settled in batch:
        if settled.job.subscription.embargoed:
            continue
        for done in settled.done:
            outcome = {"waiting": "failed", "delivered": "delivered", "dead": "dead"}.get(done.state)
            if outcome:
                sums = counts.setdefault((settled.job.subscription.kind, outcome), [0, 0])
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


def release_claims(engine: Engine, who: str, now: datetime, but: Collection[int] = ()) -> int:
    """Release the subscriptions that the worker `who` has claimed without knowing it, because it was killed or lost its connection:
    they are due at once. `but`: the ids of those that it delivers to. Return how many were released. Raises Unavailable."""
    with writing(engine) as connection:
        lost = and_(queue.c.claim == who, queue.c.subscription.not_in(sorted(but)))
        return connection.execute(update(queue).where(lost).values(claim="", next=micros(now))).rowcount


def failing(engine: Engine, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """subscription id -> `attempts`, `failing` (since when deliveries fail) and `next` (when the next attempt is), both in micros.
    Raises Unavailable."""
    statement = select(queue.c.subscription, queue.c.attempts, queue.c.failing, queue.c.next).where(
        queue.c.subscription.in_(list(ids))
    )
    with reading(engine) as connection:
        return {row.subscription: dict(row._mapping) for row in connection.execute(statement)}


class Figures(Struct, frozen=True):
    """The metrics of the deliveries of public articles. Subscriptions to articles under embargo are not counted, because a change of a
    number would show when an embargoed release came."""

    subscriptions: dict[tuple[str, str], int]  # (kind, state) -> number
    outcomes: dict[tuple[str, str], tuple[int, int]]  # (kind, outcome) -> total number, total milliseconds
    due: int  # subscriptions that have waiting deliveries
    oldest: int | None  # since when the first of them has been due, micros; None: there is none


def figures(engine: Engine) -> Figures:
    """Read the metrics of deliveries. Raises Unavailable."""
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
