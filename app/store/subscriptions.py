"""Who is told of changes: WebSub subscribers, webhooks and e-mail alerts, with the feeds that each is told of."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.sites import site
from app.store.engine import reading, writing
from app.store.entries import axis_ids
from app.store.instants import micros
from app.store.order import lock
from app.store.outbox import ring
from app.store.tables import NEW, articles, deliveries, queue, subscribed, subscriptions

ACTIVE, PAUSED, ENDED = "active", "paused", "ended"
KEPT = 30 * 86400  # seconds for which an ended subscription and the log of what was delivered are kept
AT_ONCE = 1000  # rows that one transaction removes


class Subscription(Struct, frozen=True):
    """Who is told of which feed, and how. Instants are microseconds since 1970."""

    kind: str  # "websub", "webhook" or "email"
    target: str  # callback URL, or address
    topic: str  # the feed's own URL
    query: str  # its canonical query
    format: str  # of feeds.FORMATS, or of a webhook's document
    id: int = 0  # 0: not kept yet
    name: str = ""  # what it is called outside: 12 random hexadecimal digits
    host: str = ""  # of the target: deliveries to it are limited together
    saved: str = ""  # the saved feed whose query it is
    pace: str = ""  # "daily": a digest; empty: at once
    embargoed: bool = False  # the topic is what waits
    secret: str = ""  # signs what is delivered
    secret_before: str = ""  # the one before, for as long as
    secret_until: int = 0  # ... it signs as well
    token: str = ""  # id of the token that asked; empty: none did
    outlet: str = ""  # whose it is; empty: nobody's
    contact: str = ""  # address that is told when it is paused
    lang: str = ""  # of what is said around the articles
    created: int = 0
    expires: int | None = None  # the end of the lease; None: none
    state: str = ACTIVE
    reason: str = ""  # why it is paused or ended
    changed: int = 0  # when its state did

    @property
    def account(self) -> str:
        """Whose share of the deliveries it takes: an outlet's or a token's; empty: that of all who have neither."""
        return self.outlet or self.token

    @property
    def identity(self) -> bytes:
        """What makes it the same subscription again."""
        return identity(self.kind, self.topic, self.target)


FIELDS = tuple(name for name in Subscription.__struct_fields__)
_COLUMNS = [subscriptions.c[name] for name in FIELDS]


def identity(kind: str, topic: str, target: str) -> bytes:
    """SHA-256: a URL is too long for an index."""
    return hashlib.sha256("\n".join((kind, topic, target)).encode()).digest()


def new_name() -> str:
    """What a subscription is called outside."""
    return secrets.token_hex(6)


def save_subscription(
    engine: Engine, one: Subscription, pairs: Collection[tuple[str, str]], now: datetime
) -> Subscription:
    """Keep it; one of the same kind, topic and target is replaced, with its name, and begins anew where it was ended.
    `pairs`: (place, topic) of the feeds it is told of. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)  # for the numbers of places and topics
        return keep(connection, one, pairs, now)


def keep(connection: Connection, one: Subscription, pairs: Collection[tuple[str, str]], now: datetime) -> Subscription:
    """The same within a transaction that holds the counter's row."""
    at = micros(now)
    given = msgspec.structs.replace(one, name=one.name or new_name(), created=one.created or at, changed=at)
    values = {name: getattr(given, name) for name in FIELDS if name != "id"} | {"identity": given.identity}
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(subscriptions).values(values)
    anew = {name: statement.excluded[name] for name in values if name not in ("name", "identity", "created")}
    statement = statement.on_conflict_do_update(index_elements=["identity"], set_=anew)
    row = connection.execute(statement.returning(*_COLUMNS)).one()
    kept = Subscription(**row._mapping)
    _listen(connection, kept.id, kept.embargoed, pairs)
    stands = {"paused": False, "host": kept.host, "site": site(kept.host), "account": kept.account}
    first = {
        "subscription": kept.id,
        "bell": 0,
        "next": None,
        "claim": "",
        "attempts": 0,
        "last": 0,
        "line": NEW,
        "owed": 0,
    }
    line = build(queue).values(**first, **stands)
    connection.execute(line.on_conflict_do_update(index_elements=["subscription"], set_={**stands, "failing": None}))
    return kept


def _listen(connection: Connection, id: int, embargoed: bool, pairs: Collection[tuple[str, str]]) -> None:
    connection.execute(delete(subscribed).where(subscribed.c.subscription == id))
    ids = axis_ids(connection, {name for pair in pairs for name in pair})
    rows = [
        {"embargoed": embargoed, "place": ids[place], "topic": ids[topic], "subscription": id}
        for place, topic in sorted(set(pairs))
    ]
    if rows:
        connection.execute(insert(subscribed), rows)


def listen(engine: Engine, id: int, embargoed: bool, pairs: Collection[tuple[str, str]], query: str) -> None:
    """Its feed asks for something else from now on. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)
        connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(query=query))
        _listen(connection, id, embargoed, pairs)


def change_subscription(engine: Engine, one: Subscription) -> None:
    """Write what may change of one that is kept: secrets, contact, pace and language. Raises Unavailable."""
    names = ("secret", "secret_before", "secret_until", "contact", "pace", "lang", "expires")
    values = {name: getattr(one, name) for name in names}
    with writing(engine) as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == one.id).values(**values))


def pause_subscription(engine: Engine, id: int, reason: str, now: datetime) -> None:
    """Deliver nothing until it is resumed; what comes meanwhile waits. Raises Unavailable."""
    with writing(engine) as connection:
        pause(connection, id, reason, now)


def pause(connection: Connection, id: int, reason: str, now: datetime) -> None:
    """The same within a transaction."""
    active = and_(subscriptions.c.id == id, subscriptions.c.state == ACTIVE)
    values = {"state": PAUSED, "reason": reason, "changed": micros(now)}
    if connection.execute(update(subscriptions).where(active).values(values)).rowcount:
        connection.execute(update(queue).where(queue.c.subscription == id).values(paused=True))


def resume_subscription(engine: Engine, id: int, now: datetime) -> bool:
    """Deliver again, at once; whether it was paused. Raises Unavailable."""
    with writing(engine) as connection:
        paused = and_(subscriptions.c.id == id, subscriptions.c.state == PAUSED)
        values = {"state": ACTIVE, "reason": "", "changed": micros(now)}
        done = connection.execute(update(subscriptions).where(paused).values(values)).rowcount > 0
        if done:
            again = {"paused": False, "failing": None, "attempts": 0, "next": micros(now), "bell": queue.c.bell + 1}
            connection.execute(update(queue).where(queue.c.subscription == id).values(again))
    return done


def end_subscription(engine: Engine, id: int, reason: str, now: datetime) -> bool:
    """Tell it nothing any more, not even what waits; whether it had not ended yet. Raises Unavailable."""
    with writing(engine) as connection:
        return end(connection, id, reason, now)


def end(connection: Connection, id: int, reason: str, now: datetime) -> bool:
    """The same within a transaction."""
    at = micros(now)
    alive = and_(subscriptions.c.id == id, subscriptions.c.state != ENDED)
    values = {"state": ENDED, "reason": reason, "changed": at}
    if not connection.execute(update(subscriptions).where(alive).values(values)).rowcount:
        return False
    connection.execute(delete(subscribed).where(subscribed.c.subscription == id))
    connection.execute(delete(queue).where(queue.c.subscription == id))
    waits = and_(deliveries.c.subscription == id, deliveries.c.state == "waiting")
    connection.execute(update(deliveries).where(waits).values(state="dropped", done=at))
    return True


def end_expired(engine: Engine, now: datetime) -> int:
    """End the subscriptions whose lease is over; how many. Raises Unavailable."""
    over = and_(subscriptions.c.state.in_((ACTIVE, PAUSED)), subscriptions.c.expires <= micros(now))
    with reading(engine) as connection:
        ids = connection.execute(select(subscriptions.c.id).where(over).limit(AT_ONCE)).scalars().all()
    ended = 0
    for id in ids:
        with writing(engine) as connection:
            # Asked again: it may have been renewed.
            if connection.execute(select(subscriptions.c.id).where(subscriptions.c.id == id, over)).first():
                ended += end(connection, id, "The lease is over.", now)
    return ended


def prune(engine: Engine, now: datetime) -> int:
    """Forget what ended and what was delivered long ago; how many rows. Raises Unavailable."""
    before = micros(now) - KEPT * 1_000_000
    with reading(engine) as connection:
        old = select(deliveries.c.subscription, deliveries.c.seq).where(deliveries.c.done < before).limit(AT_ONCE)
        rows = connection.execute(old).all()
        gone = and_(subscriptions.c.state == ENDED, subscriptions.c.changed < before)
        ids = connection.execute(select(subscriptions.c.id).where(gone).limit(AT_ONCE)).scalars().all()
    if not rows and not ids:
        return 0
    with writing(engine) as connection:
        for id, seq in rows:
            connection.execute(delete(deliveries).where(deliveries.c.subscription == id, deliveries.c.seq == seq))
        connection.execute(delete(deliveries).where(deliveries.c.subscription.in_(ids)))
        connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(ids), gone))
    return len(rows) + len(ids)


def subscription(engine: Engine, name: str) -> Subscription | None:
    """The subscription of that name. Raises Unavailable."""
    return _one(engine, subscriptions.c.name == name)


def same_subscription(engine: Engine, identity: bytes) -> Subscription | None:
    """The subscription of that kind, topic and target, whatever its state. Raises Unavailable."""
    return _one(engine, subscriptions.c.identity == identity)


def _one(engine: Engine, which: ColumnElement[bool]) -> Subscription | None:
    with reading(engine) as connection:
        row = connection.execute(select(*_COLUMNS).where(which)).one_or_none()
    return None if row is None else Subscription(**row._mapping)


def find_subscriptions(
    engine: Engine,
    *,
    kind: str = "",
    state: str = "",
    outlet: str = "",
    host: str = "",
    token: str = "",
    saved: str = "",
    after: int = 0,
    limit: int = 1000,
) -> list[Subscription]:
    """Those that are all of this, the oldest first; `after`: the id of the last one seen. Raises Unavailable."""
    asked = {"kind": kind, "state": state, "outlet": outlet, "host": host, "token": token, "saved": saved}
    where = [subscriptions.c[name] == value for name, value in asked.items() if value]
    statement = select(*_COLUMNS).where(subscriptions.c.id > after, *where).order_by(subscriptions.c.id).limit(limit)
    with reading(engine) as connection:
        return [Subscription(**row._mapping) for row in connection.execute(statement)]


def embargoed_subscriptions(engine: Engine) -> list[Subscription]:
    """Those to what is under embargo: few, and found by their own index. Raises Unavailable."""
    mine = select(subscribed.c.subscription).where(subscribed.c.embargoed)
    with reading(engine) as connection:
        rows = connection.execute(select(*_COLUMNS).where(subscriptions.c.id.in_(mine)))
        return [Subscription(**row._mapping) for row in rows]


def count_subscriptions(engine: Engine, host: str) -> int:
    """How many of one host have not ended. Raises Unavailable."""
    with reading(engine) as connection:
        alive = and_(subscriptions.c.host == host, subscriptions.c.state != ENDED)
        return connection.execute(select(func.count()).select_from(subscriptions).where(alive)).scalar_one()


class Logged(Struct, frozen=True):
    """What was delivered, or is to be. Instants are microseconds since 1970."""

    seq: int
    num: int
    version: int
    kind: str
    at: int  # when the change was
    state: str
    attempts: int
    status: int
    error: str
    millis: int
    done: int | None
    article: str = ""  # its public id


def log_of(engine: Engine, id: int, limit: int, state: str = "") -> list[Logged]:
    """The last deliveries of a subscription, the newest first. Raises Unavailable."""
    columns = [deliveries.c[name] for name in Logged.__struct_fields__ if name != "article"]
    statement = (
        select(*columns, func.coalesce(articles.c.id, ""))
        .outerjoin(articles, articles.c.num == deliveries.c.num)
        .where(deliveries.c.subscription == id)
        .order_by(deliveries.c.seq.desc())
        .limit(limit)
    )
    if state:
        statement = statement.where(deliveries.c.state == state)
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [Logged(*row) for row in rows]


def resend(engine: Engine, id: int, now: datetime, seqs: Sequence[int] = ()) -> int:
    """Deliver these once more, or all dead letters; how many. Raises Unavailable."""
    which = deliveries.c.seq.in_(seqs) if seqs else deliveries.c.state == "dead"
    again = and_(deliveries.c.subscription == id, which, deliveries.c.state.not_in(("waiting",)))
    with writing(engine) as connection:
        alive = select(queue.c.subscription).where(queue.c.subscription == id).with_for_update()
        if connection.execute(alive).first() is None:
            return 0
        fresh = {"state": "waiting", "attempts": 0, "status": 0, "error": "", "done": None, "at": micros(now)}
        count = connection.execute(update(deliveries).where(again).values(fresh)).rowcount
        if count:
            ring(connection, [id], micros(now))
            # It is not waited for until the next attempt at what failed.
            idle = and_(queue.c.subscription == id, queue.c.claim == "")
            connection.execute(update(queue).where(idle).values(next=micros(now)))
    return count
