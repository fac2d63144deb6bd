"""Queues intents: requests to verify with the subscriber, and denials to send to it, in the order in which they came."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, delete, insert, select, update

from app.store.deliveries.subscriptions import ENDED, Subscription, end, is_revoked, keep, of_host
from app.store.engine import has_room, lock, reading, writing
from app.store.operation import is_held
from app.store.tables import intents, micros, subscriptions

LEASE = 180_000_000  # microseconds for which a worker keeps a claimed intent


class DeskLetter(Struct, frozen=True):
    """What a mail to a person of the desk is about. It has no text of a release: that is read when the mail is written."""

    # Of a draft: "submitted", "returned", "approved", "refused" or "unsent"; of articles: "lift", "late" or "dead"; of how the office
    # works: "ending".
    kind: str
    office: str  # code
    items: tuple[str, ...]  # the id of the draft, or the ids of the articles
    by: str = ""  # id of the person who did it; empty: the server
    until: int = 0  # of "lift": the latest instant at which one of these embargoes ends, microseconds since 1970


class OutletLetter(Struct, frozen=True):
    """What a mail about an outlet is about. The text is made when the mail is written."""

    kind: str  # "confirm", "applied", "approved", "refused", "suspended" or "resumed"
    about: str  # the id of the application, or the outlet's code
    link: str = ""  # id of the link that works once, in a mail that invites


class Intent(Struct, frozen=True):
    """A request that the subscriber must verify (W3C WebSub, section 5; also alerts by mail), or a denial to send (section 5.2)."""

    # "subscribe", "unsubscribe" or "denied"; for mails "confirm" (alerts), "link" (of a person), "desk" or "outlet"
    mode: str
    subscription: Subscription  # as it will be after verification
    pairs: tuple[tuple[str, str], ...] = ()
    lease: int = 0  # seconds
    reason: str = ""  # for a denial; for a confirmation: the name of the office that asks for it
    id: int = 0
    letter: DeskLetter | None = None  # of the mode "desk"
    outlet: OutletLetter | None = None  # of the mode "outlet"


def mail_to(address: str, topic: str, lang: str, now: datetime, query: str = "") -> Subscription:
    """A mail to one person, in the form in which it waits in the queue. `topic` tells it from others to that address."""
    return Subscription(
        kind="email",
        target=address,
        topic=topic,
        query=query,
        format="email",
        host=address.rpartition("@")[2],
        lang=lang,
        created=micros(now),
    )


def ask(engine: Engine, intent: Intent, now: datetime, most: int = 0) -> bool:
    """Queue an intent. False, and nothing is stored, if `most` intents wait for its host (0: no limit). Raises Unavailable."""
    waiting = select(intents.c.id).where(intents.c.host == intent.subscription.host)
    with writing(engine) as connection:
        if most and not has_room(connection, waiting, most):
            return False
        ask_within(connection, [intent], now)
    return True


def ask_within(connection: Connection, asked: Sequence[Intent], now: datetime) -> None:
    """Queue intents within a transaction, so that they are queued exactly if the change that they follow from is stored."""
    if asked:
        connection.execute(insert(intents), [_values(intent, now) for intent in asked])


def _values(intent: Intent, now: datetime) -> dict[str, object]:
    return {
        "identity": intent.subscription.identity,
        "host": intent.subscription.host,
        "next": micros(now),
        "claim": "",
        "doc": msgspec.json.encode(intent),
    }


def claim_intents(engine: Engine, who: str, now: datetime, most: int, busy: Collection[str] = ()) -> list[Intent]:
    """Claim at most `most` intents that are due, only the first of each subscription, none of the hosts in `busy`. Raises
    Unavailable."""
    at = micros(now)
    before = intents.alias()
    first = ~select(before.c.id).where(before.c.identity == intents.c.identity, before.c.id < intents.c.id).exists()
    due = select(intents.c.id, intents.c.doc).where(intents.c.next <= at, first).order_by(intents.c.next).limit(most)
    if busy:
        due = due.where(intents.c.host.not_in(sorted(busy)))
    with reading(engine) as connection:
        if connection.execute(due.limit(1)).first() is None or is_held(connection):
            return []
    with writing(engine) as connection:
        rows = connection.execute(due.with_for_update(skip_locked=True, of=intents)).all()
        claimed = update(intents).where(intents.c.id.in_([row.id for row in rows])).values(claim=who, next=at + LEASE)
        connection.execute(claimed)
    return [msgspec.structs.replace(msgspec.json.decode(row.doc, type=Intent), id=row.id) for row in rows]


def release_intents(engine: Engine, who: str, now: datetime, but: Collection[int] = ()) -> None:
    """Release the intents that the worker `who` has claimed without knowing it: they are due at once. `but`: the ids of those that
    it carries out. Raises Unavailable."""
    with writing(engine) as connection:
        lost = and_(intents.c.claim == who, intents.c.id.not_in(sorted(but)))
        connection.execute(update(intents).where(lost).values(claim="", next=micros(now)))


def settle_intent(engine: Engine, intent: Intent, verified: bool, now: datetime, most: int = 0) -> Subscription | None:
    """Carry out an intent if it was verified, and delete it. Return the subscription that begins or continues, if any. `most`:
    subscriptions that its host may have, any number if 0; one more is denied (section 5.2). Raises Unavailable."""
    same = subscriptions.c.identity == intent.subscription.identity
    with writing(engine) as connection:
        lock(connection)
        if not connection.execute(delete(intents).where(intents.c.id == intent.id)).rowcount or not verified:
            return None
        if intent.mode == "subscribe":
            expires = micros(now) + intent.lease * 1_000_000
            renewed = msgspec.structs.replace(intent.subscription, expires=expires)
            if is_revoked(connection, intent.subscription.token):
                return None
            known = connection.execute(select(subscriptions.c.id).where(same, subscriptions.c.state != ENDED)).first()
            if most and known is None and not has_room(connection, of_host(intent.subscription.host), most):
                reason = "Its host has as many subscriptions as one host may have."
                ask_within(connection, [msgspec.structs.replace(intent, mode="denied", reason=reason, id=0)], now)
                return None
            return keep(connection, renewed, intent.pairs, now)
        id = connection.execute(select(subscriptions.c.id).where(same)).scalar_one_or_none()
        if id is not None:
            end(connection, id, "The subscriber ended it.", now)
    return None


def deny(engine: Engine, subscription: Subscription, reason: str, now: datetime) -> None:
    """End a subscription, and queue the reason for a WebSub subscriber. Raises Unavailable."""
    with writing(engine) as connection:
        deny_within(connection, subscription, reason, now)


def deny_within(connection: Connection, subscription: Subscription, reason: str, now: datetime) -> None:
    """The same within a transaction."""
    if end(connection, subscription.id, reason, now) and subscription.kind == "websub":
        ask_within(connection, [Intent("denied", subscription, reason=reason)], now)
