"""What was asked of the hub and is to be verified with the subscriber, and what subscribers are to be told: in the order it came."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, delete, func, insert, select, update

from app.store import subscriptions as kept
from app.store.engine import reading, writing
from app.store.instants import micros
from app.store.order import lock
from app.store.subscriptions import Subscription
from app.store.tables import intents, subscriptions

LEASE = 180_000_000  # microseconds


class Intent(Struct, frozen=True):
    """A request to the hub (W3C WebSub, section 5), or a denial that is to be told (section 5.2)."""

    mode: str  # "subscribe", "unsubscribe" or "denied"
    subscription: Subscription  # as it would be
    pairs: tuple[tuple[str, str], ...] = ()
    lease: int = 0  # seconds
    reason: str = ""  # of a denial
    id: int = 0


def ask(engine: Engine, intent: Intent, now: datetime) -> None:
    """Queue it. Raises Unavailable."""
    with writing(engine) as connection:
        connection.execute(insert(intents).values(_values(intent, now)))


def _values(intent: Intent, now: datetime) -> dict[str, object]:
    return {
        "identity": intent.subscription.identity,
        "host": intent.subscription.host,
        "next": micros(now),
        "claim": "",
        "doc": msgspec.json.encode(intent),
    }


def count_intents(engine: Engine, host: str) -> int:
    """How many of one host wait to be verified. Raises Unavailable."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(intents).where(intents.c.host == host)).scalar_one()


def claim_intents(engine: Engine, who: str, now: datetime, most: int, busy: Collection[str] = ()) -> list[Intent]:
    """Claim what is to be verified or told; of one subscription only the first. Raises Unavailable."""
    at = micros(now)
    before = intents.alias()
    first = ~select(before.c.id).where(before.c.identity == intents.c.identity, before.c.id < intents.c.id).exists()
    due = select(intents.c.id, intents.c.doc).where(intents.c.next <= at, first).order_by(intents.c.next).limit(most)
    if busy:
        due = due.where(intents.c.host.not_in(sorted(busy)))
    with reading(engine) as connection:
        if connection.execute(due.limit(1)).first() is None:
            return []
    with writing(engine) as connection:
        rows = connection.execute(due.with_for_update(skip_locked=True, of=intents)).all()
        mine = update(intents).where(intents.c.id.in_([row.id for row in rows])).values(claim=who, next=at + LEASE)
        connection.execute(mine)
    return [msgspec.structs.replace(msgspec.json.decode(row.doc, type=Intent), id=row.id) for row in rows]


def release_intents(engine: Engine, who: str, now: datetime) -> None:
    """What that worker had before it was killed is due at once. Raises Unavailable."""
    with writing(engine) as connection:
        connection.execute(update(intents).where(intents.c.claim == who).values(claim="", next=micros(now)))


def settle_intent(engine: Engine, intent: Intent, verified: bool, now: datetime) -> Subscription | None:
    """Do what was verified, or forget it; the subscription that begins or goes on. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)
        if not connection.execute(delete(intents).where(intents.c.id == intent.id)).rowcount or not verified:
            return None
        if intent.mode == "subscribe":
            expires = micros(now) + intent.lease * 1_000_000
            one = msgspec.structs.replace(intent.subscription, expires=expires)
            return kept.keep(connection, one, intent.pairs, now)
        which = select(subscriptions.c.id).where(subscriptions.c.identity == intent.subscription.identity)
        id = connection.execute(which).scalar_one_or_none()
        if id is not None:
            kept.end(connection, id, "The subscriber ended it.", now)
    return None


def deny(engine: Engine, one: Subscription, reason: str, now: datetime) -> None:
    """End a subscription and have its subscriber told why. Raises Unavailable."""
    with writing(engine) as connection:
        if kept.end(connection, one.id, reason, now) and one.kind == "websub":
            connection.execute(insert(intents).values(_values(Intent("denied", one, reason=reason), now)))
