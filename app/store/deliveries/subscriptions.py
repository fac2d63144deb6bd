"""Stores subscriptions by WebSub, webhook and e-mail, with the feeds that they ask for, and reads the log of their deliveries."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    delete,
    false,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.sites import site
from app.store import audit
from app.store.audit import Event
from app.store.changes import axis_ids, ids_of, new_stamp
from app.store.deliveries.failed_attempts import FailedAttempt, failures_since, forget_failures, old_failures
from app.store.deliveries.outbox import add_rows, ring
from app.store.engine import has_room, lock, reading, writing
from app.store.tables import (
    NEW,
    articles,
    deliveries,
    micros,
    queue,
    subscribed,
    subscriptions,
    tokens,
    told_endings,
    versions,
)

ACTIVE, PAUSED, ENDED = "active", "paused", "ended"
RETIRED = "retired"  # the kind of a delivery that says that the feed has ended
KEPT = 30 * 86400  # seconds for which ended subscriptions and the delivery log are kept
AT_ONCE = 1000  # rows that one transaction removes


class Subscription(Struct, frozen=True):
    """Who is notified of which feed, and how. Instants are microseconds since 1970."""

    kind: str  # "websub", "webhook" or "email"
    target: str  # callback URL, or address
    topic: str  # the canonical URL of the feed
    query: str  # the canonical query of the feed
    format: str  # one of feeds.FORMATS, or the format of a webhook's document
    id: int = 0  # 0: not stored yet
    name: str = ""  # the name for clients: 12 random hexadecimal digits
    host: str = ""  # the host of the target, whose deliveries are limited together
    saved: str = ""  # the name of the saved feed that the query comes from; empty: none
    pace: str = ""  # "daily": a digest; empty: at once
    embargoed: bool = False  # it is a subscription to articles under embargo
    secret: str = ""  # the key that signs deliveries
    secret_before: str = ""  # the previous secret
    secret_until: int = 0  # until when the previous secret signs as well
    token: str = (
        ""  # id of the token that made it; empty: no token, or a webhook that an older version made for an outlet
    )
    outlet: str = ""  # the code of the outlet that owns it; empty: no outlet
    contact: str = ""  # e-mail address that is notified when it is paused
    lang: str = ""  # the language of the text around the articles
    created: int = 0
    expires: int | None = None  # the end of the lease; None: none
    state: str = ACTIVE
    reason: str = ""  # why it is paused or ended
    changed: int = 0  # when its state last changed

    @property
    def account(self) -> str:
        """The account that shares the room for deliveries: an outlet or a token. Empty: shared by all subscriptions with neither."""
        return self.outlet or self.token

    @property
    def identity(self) -> bytes:
        """Two subscriptions with the same identity are the same subscription."""
        return identity(self.kind, self.topic, self.target)


FIELDS = tuple(name for name in Subscription.__struct_fields__)
_COLUMNS = [subscriptions.c[name] for name in FIELDS]


def identity(kind: str, topic: str, target: str) -> bytes:
    """The SHA-256 of kind, topic and target, because a URL can be too long for an index."""
    return hashlib.sha256("\n".join((kind, topic, target)).encode()).digest()


def new_name() -> str:
    """A random name that clients call a subscription by."""
    return secrets.token_hex(6)


def save_subscription(
    engine: Engine, subscription: Subscription, pairs: Collection[tuple[str, str]], now: datetime
) -> Subscription:
    """Store a subscription. One with the same kind, topic and target is replaced, but keeps its name; if it had ended, it begins
    again. `pairs`: (place, topic) of the feeds that it asks for. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)  # for the numbers of places and topics
        return keep(connection, subscription, pairs, now)


class TokenEnded(Exception):
    """The token that asks for a subscription was revoked meanwhile."""


class NoMoreSubscriptions(Exception):
    """The outlet has as many webhooks as it may have."""


def add_subscription(
    engine: Engine, subscription: Subscription, pairs: Collection[tuple[str, str]], now: datetime, most: int = 0
) -> Subscription | None:
    """Store a new subscription. None, and nothing is stored, if there is one with the same kind, topic and target that has not
    ended. `pairs`: as for `save_subscription`; `most`: subscriptions of that kind that its outlet may have, any number if 0. Raises
    NoMoreSubscriptions and TokenEnded (then nothing is stored), and Unavailable."""
    alive = select(subscriptions.c.id).where(subscriptions.c.state != ENDED)
    same = alive.where(subscriptions.c.identity == subscription.identity)
    theirs = alive.where(subscriptions.c.outlet == subscription.outlet, subscriptions.c.kind == subscription.kind)
    with writing(engine) as connection:
        lock(connection)  # so that of several at once one is the first
        if is_revoked(connection, subscription.token):
            raise TokenEnded
        if connection.execute(same).first() is not None:
            return None
        if most and not has_room(connection, theirs, most):
            raise NoMoreSubscriptions
        return keep(connection, subscription, pairs, now)


def is_revoked(connection: Connection, token: str) -> bool:
    """Whether the token with that id was revoked, within a transaction. False for an empty id."""
    revoked = select(tokens.c.id).where(tokens.c.id == token, tokens.c.revoked.is_not(None))
    return bool(token) and connection.execute(revoked).first() is not None


def end_made_with(engine: Engine, token: str, outlet: str, actor: str, now: datetime) -> list[Subscription]:
    """End the subscriptions that were made with a token of an outlet (empty: of no outlet), and return them. After the token is
    revoked, nobody can add another one with it. Raises Unavailable."""
    made = and_(subscriptions.c.outlet == outlet, subscriptions.c.token == token, subscriptions.c.state != ENDED)
    with writing(engine) as connection:
        lock(connection)
        rows = connection.execute(select(*_COLUMNS).where(made).order_by(subscriptions.c.id))
        found = [Subscription(**row._mapping) for row in rows] if token else []
        for one in found:
            end(connection, one.id, "The token that made it was revoked.", now)
        told = [
            Event("subscription-ended", actor, detail={"subscription": one.name, "token": token, "outlet": outlet})
            for one in found
        ]
        audit.record(connection, told, now)
    return found


def keep(
    connection: Connection, subscription: Subscription, pairs: Collection[tuple[str, str]], now: datetime
) -> Subscription:
    """Do the work of `save_subscription` within a transaction that has locked the counter's row."""
    at = micros(now)
    new = msgspec.structs.replace(
        subscription, name=subscription.name or new_name(), created=subscription.created or at, changed=at
    )
    values = {name: getattr(new, name) for name in FIELDS if name != "id"} | {"identity": new.identity}
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(subscriptions).values(values)
    anew = {name: statement.excluded[name] for name in values if name not in ("name", "identity", "created")}
    statement = statement.on_conflict_do_update(index_elements=["identity"], set_=anew)
    row = connection.execute(statement.returning(*_COLUMNS)).one()
    stored = Subscription(**row._mapping)
    _listen(connection, stored.id, stored.embargoed, pairs)
    stands = {"paused": False, "host": stored.host, "site": site(stored.host), "account": stored.account}
    first = {
        "subscription": stored.id,
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
    return stored


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
    """Replace the query of a subscription and the (place, topic) pairs of its feeds. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)
        connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(query=query))
        _listen(connection, id, embargoed, pairs)


def change_subscription(engine: Engine, subscription: Subscription) -> None:
    """Update the members of a stored subscription that may change: secrets, contact, pace, language and lease. Raises Unavailable."""
    names = ("secret", "secret_before", "secret_until", "contact", "pace", "lang", "expires")
    values = {name: getattr(subscription, name) for name in names}
    with writing(engine) as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == subscription.id).values(**values))


def move_subscription(engine: Engine, moved: Subscription, now: datetime) -> bool:
    """Give a stored subscription another target; what waits is due at once. Return False, and store nothing, if there is one with
    that target and topic already. Raises Unavailable."""
    taken = and_(subscriptions.c.identity == moved.identity, subscriptions.c.id != moved.id)
    values = {"target": moved.target, "host": moved.host, "identity": moved.identity}
    stands = {"host": moved.host, "site": site(moved.host), "failing": None, "attempts": 0}
    with writing(engine) as connection:
        lock(connection)  # as every transaction that adds one does
        if connection.execute(select(subscriptions.c.id).where(taken)).first() is not None:
            return False
        connection.execute(update(subscriptions).where(subscriptions.c.id == moved.id).values(**values))
        connection.execute(update(queue).where(queue.c.subscription == moved.id).values(**stands))
        waits = and_(queue.c.subscription == moved.id, queue.c.claim == "", queue.c.next.is_not(None))
        connection.execute(update(queue).where(waits).values(next=micros(now)))
    return True


def pause_subscription(engine: Engine, id: int, reason: str, now: datetime) -> None:
    """Pause a subscription: changes are queued, but nothing is delivered until it is resumed. Raises Unavailable."""
    with writing(engine) as connection:
        pause(connection, id, reason, now)


def pause(connection: Connection, id: int, reason: str, now: datetime) -> None:
    """Pause a subscription within a transaction."""
    active = and_(subscriptions.c.id == id, subscriptions.c.state == ACTIVE)
    values = {"state": PAUSED, "reason": reason, "changed": micros(now)}
    if connection.execute(update(subscriptions).where(active).values(values)).rowcount:
        connection.execute(update(queue).where(queue.c.subscription == id).values(paused=True))


def resume_subscription(engine: Engine, id: int, now: datetime) -> bool:
    """Resume a paused subscription; waiting deliveries are due at once. Return whether it was paused. Raises Unavailable."""
    with writing(engine) as connection:
        paused = and_(subscriptions.c.id == id, subscriptions.c.state == PAUSED)
        values = {"state": ACTIVE, "reason": "", "changed": micros(now)}
        done = connection.execute(update(subscriptions).where(paused).values(values)).rowcount > 0
        if done:
            again = {"paused": False, "failing": None, "attempts": 0, "next": micros(now), "bell": queue.c.bell + 1}
            connection.execute(update(queue).where(queue.c.subscription == id).values(again))
    return done


def end_subscription(engine: Engine, id: int, reason: str, now: datetime) -> bool:
    """End a subscription; waiting deliveries are dropped. Return False if it had already ended. Raises Unavailable."""
    with writing(engine) as connection:
        return end(connection, id, reason, now)


def end(connection: Connection, id: int, reason: str, now: datetime) -> bool:
    """End a subscription within a transaction. Return False if it had already ended."""
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


def say_the_end(engine: Engine, id: int, now: datetime) -> None:
    """Queue a last delivery, which says that the feed has ended, instead of the changes to come. Raises Unavailable."""
    at = micros(now)
    waits = select(deliveries.c.seq).where(
        deliveries.c.subscription == id, deliveries.c.state == "waiting", deliveries.c.kind == RETIRED
    )
    with writing(engine) as connection:
        lock(connection)
        connection.execute(delete(subscribed).where(subscribed.c.subscription == id))
        if connection.execute(waits.limit(1)).first() is None:
            # The instant as its number: it is larger than the number of any change.
            add_rows(connection, [(id, at, 0, 0, RETIRED, at, new_stamp())])
            ring(connection, [id], at)


def to_be_told(engine: Engine, places: Collection[str]) -> list[Subscription]:
    """The subscriptions to public feeds of these places, which no longer exist, that were not told so yet; at most AT_ONCE. Raises
    Unavailable."""
    told = select(told_endings.c.subscription).where(told_endings.c.subscription == subscribed.c.subscription)
    with reading(engine) as connection:
        ids = ids_of(connection, places, remembered=False)
        if not ids:
            return []
        asked = select(subscribed.c.subscription).where(
            subscribed.c.place.in_(ids.values()), ~subscribed.c.embargoed, ~told.exists()
        )
        found = select(*_COLUMNS).where(subscriptions.c.id.in_(asked)).order_by(subscriptions.c.id).limit(AT_ONCE)
        return [Subscription(**row._mapping) for row in connection.execute(found)]


def tell_once(engine: Engine, id: int, now: datetime, *, ended: bool) -> None:
    """Note that a subscription was told of the end of its region. If its feed has `ended`, queue the delivery that says so. Raises
    Unavailable."""
    at = micros(now)
    with writing(engine) as connection:
        lock(connection)  # Another worker may be doing the same.
        if connection.execute(select(told_endings).where(told_endings.c.subscription == id)).first() is None:
            connection.execute(insert(told_endings).values(subscription=id))
            if ended:
                add_rows(connection, [(id, at, 0, 0, RETIRED, at, new_stamp())])
                ring(connection, [id], at)


def end_expired(engine: Engine, now: datetime) -> int:
    """End at most AT_ONCE subscriptions whose lease is over. Return how many. Raises Unavailable."""
    over = and_(subscriptions.c.state.in_((ACTIVE, PAUSED)), subscriptions.c.expires <= micros(now))
    with reading(engine) as connection:
        ids = connection.execute(select(subscriptions.c.id).where(over).limit(AT_ONCE)).scalars().all()
    ended = 0
    for id in ids:
        with writing(engine) as connection:
            # Check again, because it may have been renewed.
            if connection.execute(select(subscriptions.c.id).where(subscriptions.c.id == id, over)).first():
                ended += end(connection, id, "The lease is over.", now)
    return ended


def prune(engine: Engine, now: datetime) -> int:
    """Delete old rows of the delivery log and subscriptions that ended long ago. Return how many rows. Raises Unavailable."""
    before = micros(now) - KEPT * 1_000_000
    with reading(engine) as connection:
        old = select(deliveries.c.subscription, deliveries.c.seq).where(deliveries.c.done < before).limit(AT_ONCE)
        rows = connection.execute(old).all()
        failures = old_failures(connection, before)
        gone = and_(subscriptions.c.state == ENDED, subscriptions.c.changed < before)
        ids = connection.execute(select(subscriptions.c.id).where(gone).limit(AT_ONCE)).scalars().all()
    if not rows and not ids and not failures:
        return 0
    with writing(engine) as connection:
        forget_failures(connection, failures, ids)
        for id, seq in rows:
            connection.execute(delete(deliveries).where(deliveries.c.subscription == id, deliveries.c.seq == seq))
        connection.execute(delete(deliveries).where(deliveries.c.subscription.in_(ids)))
        connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(ids), gone))
        connection.execute(delete(told_endings).where(told_endings.c.subscription.in_(ids)))
    return len(rows) + len(ids) + len(failures)


def subscription(engine: Engine, name: str) -> Subscription | None:
    """The subscription with that name, or None. Raises Unavailable."""
    return _subscription(engine, subscriptions.c.name == name)


def same_subscription(engine: Engine, identity: bytes) -> Subscription | None:
    """The subscription with that identity in any state, or None. Raises Unavailable."""
    return _subscription(engine, subscriptions.c.identity == identity)


def states_of(engine: Engine, identities: Collection[bytes]) -> dict[bytes, str]:
    """Identity -> state of the subscriptions that are or were there. Raises Unavailable."""
    found: dict[bytes, str] = {}
    asked = sorted(identities)
    with reading(engine) as connection:
        for start in range(0, len(asked), AT_ONCE):
            which = subscriptions.c.identity.in_(asked[start : start + AT_ONCE])
            rows = connection.execute(select(subscriptions.c.identity, subscriptions.c.state).where(which))
            found |= {bytes(identity): state for identity, state in rows}
    return found


def _subscription(engine: Engine, which: ColumnElement[bool]) -> Subscription | None:
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
    live: bool = False,
    after: int = 0,
    limit: int = 1000,
) -> list[Subscription]:
    """A page of the subscriptions that match all given filters, oldest first. `live`: only those that have not ended. `after`: the
    last id of the previous page. Raises Unavailable."""
    asked = {"kind": kind, "state": state, "outlet": outlet, "host": host, "token": token, "saved": saved}
    where = [subscriptions.c[name] == value for name, value in asked.items() if value]
    if live:
        where.append(subscriptions.c.state != ENDED)
    statement = select(*_COLUMNS).where(subscriptions.c.id > after, *where).order_by(subscriptions.c.id).limit(limit)
    with reading(engine) as connection:
        return [Subscription(**row._mapping) for row in connection.execute(statement)]


def in_trouble(engine: Engine, most: int) -> list[tuple[Subscription, int]]:
    """Subscriptions whose deliveries fail, the longest first, then those that are paused, the newest first; at most `most` of each.
    With each, since when it has failed, micros; 0: it is paused. Raises Unavailable."""
    failing = (
        select(*_COLUMNS, queue.c.failing)
        .join_from(queue, subscriptions, subscriptions.c.id == queue.c.subscription)
        .where(queue.c.failing.is_not(None), ~queue.c.paused, subscriptions.c.state != ENDED)
        .order_by(queue.c.failing)
        .limit(most)
    )
    paused = (
        select(*_COLUMNS, literal_column("0").label("failing"))
        .where(subscriptions.c.state == "paused")
        .order_by(subscriptions.c.changed.desc())
        .limit(most)
    )
    found: list[tuple[Subscription, int]] = []
    with reading(engine) as connection:
        for statement in (failing, paused):
            for row in connection.execute(statement):
                members = dict(row._mapping)
                since = int(members.pop("failing"))
                found.append((Subscription(**members), since))
    return found


def embargoed_subscriptions(engine: Engine) -> list[Subscription]:
    """The subscriptions to articles under embargo; they are few and have an index. Raises Unavailable."""
    embargoed = select(subscribed.c.subscription).where(subscribed.c.embargoed)
    with reading(engine) as connection:
        rows = connection.execute(select(*_COLUMNS).where(subscriptions.c.id.in_(embargoed)))
        return [Subscription(**row._mapping) for row in rows]


def of_host(host: str) -> Select[int]:
    """The subscriptions of a host that have not ended."""
    return select(subscriptions.c.id).where(subscriptions.c.host == host, subscriptions.c.state != ENDED)


def count_subscriptions(engine: Engine, host: str) -> int:
    """The number of subscriptions of a host that have not ended. Raises Unavailable."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(of_host(host).subquery())).scalar_one()


def audience(engine: Engine, pairs: Collection[tuple[str, str]], *, embargoed: bool = False) -> dict[str, int]:
    """Kind -> how many active subscriptions ask for a feed of these (place, topic) pairs. Some of them may want less than the whole
    feed, so fewer may get an article. Raises Unavailable."""
    with reading(engine) as connection:
        ids = ids_of(connection, {name for pair in pairs for name in pair})
        where = sorted({(ids[place], ids[topic]) for place, topic in pairs if place in ids and topic in ids})
        if not where:
            return {}
        listening = (
            select(subscribed.c.subscription)
            .where(subscribed.c.embargoed == embargoed)
            .where(tuple_(subscribed.c.place, subscribed.c.topic).in_(where))
        )
        statement = (
            select(subscriptions.c.kind, func.count())
            .where(subscriptions.c.id.in_(listening), subscriptions.c.state == ACTIVE)
            .group_by(subscriptions.c.kind)
        )
        return {kind: count for kind, count in connection.execute(statement)}


class Delivery(Struct, frozen=True):
    """A delivery of one change to one subscription, finished or waiting. Instants are microseconds since 1970."""

    seq: int
    num: int
    version: int
    kind: str
    at: int  # when it was queued
    state: str
    attempts: int
    status: int
    error: str
    millis: int
    done: int | None
    article: str = ""  # the public id of the article
    public: bool = False  # the article is public now
    request: str = ""  # the id of the request that sent this version
    failures: tuple[FailedAttempt, ...] = ()  # oldest first


def log_of(engine: Engine, id: int, limit: int, state: str = "") -> list[Delivery]:
    """The last deliveries of a subscription, newest first, at most `limit`; with `state`, only those in that state. Raises
    Unavailable."""
    columns = [deliveries.c[name] for name in Delivery.__struct_fields__ if name in deliveries.c]
    statement = (
        select(*columns, func.coalesce(articles.c.id, ""), func.coalesce(articles.c.public, false()))
        .add_columns(func.coalesce(versions.c.request, ""))
        .outerjoin(articles, articles.c.num == deliveries.c.num)
        .outerjoin(versions, and_(versions.c.num == deliveries.c.num, versions.c.version == deliveries.c.version))
        .where(deliveries.c.subscription == id)
        .order_by(deliveries.c.seq.desc())
        .limit(limit)
    )
    if state:
        statement = statement.where(deliveries.c.state == state)
    with reading(engine) as connection:
        rows = [Delivery(*row) for row in connection.execute(statement)]
        tried = [row.at for row in rows if row.attempts]
        failures = failures_since(connection, id, min(tried)) if tried else []
    return [msgspec.structs.replace(row, failures=_failures_of(row, failures)) if row.attempts else row for row in rows]


def _failures_of(row: Delivery, failures: Sequence[FailedAttempt]) -> tuple[FailedAttempt, ...]:
    """The failed attempts of a delivery. A delivery that is sent again starts its count at 0."""
    return tuple(one for one in failures if one.first <= row.seq <= one.last and one.at >= row.at)


def resend(engine: Engine, id: int, now: datetime, seqs: Sequence[int] = ()) -> int:
    """Queue rows for delivery again: those with the numbers `seqs`, or, if `seqs` is empty, all in the state "dead". Return how many.
    Raises Unavailable."""
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
            # Do not wait for the next attempt of an earlier failure.
            idle = and_(queue.c.subscription == id, queue.c.claim == "")
            connection.execute(update(queue).where(idle).values(next=micros(now)))
    return count
