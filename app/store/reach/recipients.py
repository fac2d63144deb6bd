"""The deliveries of one article to its subscribers, and who read it under embargo."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, and_, case, func, literal, or_, select, text, union_all

from app.store.engine import reading
from app.store.tables import READ, articles, changes, deliveries, instant, releases, subscribed, subscriptions, versions

COUNTED = 10_000  # rows of one state that are looked at for a count
LOOKED = 5_000  # rows that are looked at for one page
READERS = 500  # tokens whose readings are told apart
EARLY = ("embargoed", "lapsed")  # kinds of deliveries under embargo
STATES = ("delivered", "waiting", "dead", "replaced", "dropped")

Position = tuple[int, int]  # id of the subscription, number of the delivery


class Recipient(Struct, frozen=True):
    """A delivery of an article, with what the office may know of the subscriber: no address, no secret, no path of a callback."""

    kind: str  # of the subscription: "websub" or "webhook"
    outlet: str  # the code of the outlet that owns it; empty: none
    host: str
    state: str
    change: str  # what was delivered: "published", "corrected", …, "embargoed"
    version: int
    at: datetime  # when it was queued
    done: datetime | None  # when it was delivered or given up
    attempts: int
    error: str  # of the last attempt; empty: none, or it has not failed


class EarlyReader(Struct, frozen=True):
    """Who read an article under embargo, by the audit log."""

    actor: str
    outlet: str  # code; empty: not an outlet
    first: datetime
    last: datetime


def _num(article: str) -> Any:
    return select(articles.c.num).where(articles.c.id == article).scalar_subquery()


def first_public(engine: Engine, article: str) -> datetime | None:
    """When the article became public for the first time; None: it never was. Raises Unavailable."""
    statement = select(changes.c.at).where(changes.c.num == _num(article)).order_by(changes.c.seq).limit(1)
    with reading(engine) as connection:
        found = connection.execute(statement).scalar_one_or_none()
    return None if found is None else instant(found)


def came(engine: Engine, article: str) -> datetime | None:
    """When the first version of the article came; None if there is no such article. Raises Unavailable."""
    statement = (
        select(releases.c.received)
        .join(versions, versions.c.release == releases.c.id)
        .where(versions.c.num == _num(article))
        .order_by(versions.c.version)
        .limit(1)
    )
    with reading(engine) as connection:
        found = connection.execute(statement).scalar_one_or_none()
    return None if found is None else instant(found)


def count_recipients(engine: Engine, article: str) -> dict[tuple[str, str], int]:
    """(kind of the subscription, state) -> deliveries of the article. A waiting one that has failed before is "failing". At most
    COUNTED of each state are looked at. Raises Unavailable."""
    columns = (deliveries.c.subscription, deliveries.c.state, deliveries.c.error)
    parts = []
    for name in STATES:
        own = select(*columns).where(deliveries.c.num == _num(article), deliveries.c.state == name).limit(COUNTED)
        parts.append(select(*own.subquery().c))
    rows = union_all(*parts).subquery()
    failing = and_(rows.c.state == "waiting", rows.c.error != "")
    state = case((failing, literal("failing")), else_=rows.c.state)
    statement = (
        select(subscriptions.c.kind, state, func.count())
        .select_from(rows.join(subscriptions, subscriptions.c.id == rows.c.subscription))
        .group_by(subscriptions.c.kind, state)
    )
    with reading(engine) as connection:
        return {(kind, state): int(count) for kind, state, count in connection.execute(statement)}


def recipients(
    engine: Engine, article: str, state: str, after: Position = (0, 0), limit: int = 100
) -> tuple[list[Recipient], Position | None]:
    """(a page of the deliveries in a state, where the next page begins, if there is one). Deliveries by e-mail are left out: the
    office knows their number only. At most LOOKED rows are looked at, so a page may be short. Raises Unavailable."""
    key = (deliveries.c.subscription, deliveries.c.seq)
    statement = (
        select(*key, *_RECIPIENT)
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription)
        .where(deliveries.c.num == _num(article), deliveries.c.state == state)
        .where(or_(key[0] > after[0], and_(key[0] == after[0], key[1] > after[1])), key[0] >= after[0])
        .order_by(*key)
        .limit(LOOKED)
    )
    found: list[Recipient] = []
    looked, last = 0, after
    with reading(engine) as connection:
        for row in connection.execute(statement):
            if len(found) == limit:
                return found, last
            looked, last = looked + 1, (row.subscription, row.seq)
            if row.kind != "email":
                found.append(_recipient(row))
    return found, (last if looked == LOOKED else None)


_RECIPIENT = (
    *(subscriptions.c.kind, subscriptions.c.outlet, subscriptions.c.host),
    *(deliveries.c.state, deliveries.c.kind.label("change"), deliveries.c.version, deliveries.c.at),
    *(deliveries.c.done, deliveries.c.attempts, deliveries.c.error),
)


def _recipient(row: Any) -> Recipient:
    return Recipient(
        row.kind,
        row.outlet,
        row.host,
        row.state,
        row.change,
        row.version,
        instant(row.at),
        None if row.done is None else instant(row.done),
        row.attempts,
        row.error,
    )


_EARLY_SUBSCRIPTIONS = select(subscribed.c.subscription).where(subscribed.c.embargoed)


def early_pushes(engine: Engine, article: str, limit: int = 1000) -> list[Recipient]:
    """The deliveries of the article under embargo, newest first: to accredited outlets, which are few. Raises Unavailable."""
    statement = (
        select(*_RECIPIENT)
        .select_from(subscriptions)
        .join(deliveries, and_(deliveries.c.subscription == subscriptions.c.id, deliveries.c.num == _num(article)))
        .where(subscriptions.c.id.in_(_EARLY_SUBSCRIPTIONS), deliveries.c.state.in_(STATES))
        .order_by(deliveries.c.seq.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return [_recipient(row) for row in connection.execute(statement)]


def early_readers(engine: Engine, article: str) -> list[EarlyReader]:
    """Who fetched the article under embargo, and when first and last; pushes are not counted. The cost does not depend on how often
    somebody fetched it. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(_READERS, {"article": article, "most": READERS}).all()
    found = []
    for actor, first, last, detail in rows:
        outlet = msgspec.json.decode(detail).get("outlet", "")
        found.append(EarlyReader(actor, outlet, instant(first), instant(last)))
    return found


# A loose scan of the index `audit_readers`: from each actor to the next (https://wiki.postgresql.org/wiki/Loose_indexscan).
_READERS = text(f"""
WITH RECURSIVE readers(actor) AS (
    SELECT min(actor) FROM audit WHERE article = :article AND {READ}
    UNION ALL
    SELECT (SELECT min(actor) FROM audit WHERE article = :article AND {READ} AND actor > readers.actor)
    FROM readers WHERE readers.actor IS NOT NULL
), ends AS (
    SELECT readers.actor,
        (SELECT min(seq) FROM audit WHERE article = :article AND {READ} AND actor = readers.actor) AS first,
        (SELECT max(seq) FROM audit WHERE article = :article AND {READ} AND actor = readers.actor) AS last
    FROM readers WHERE readers.actor IS NOT NULL LIMIT :most
)
SELECT ends.actor, f.at, l.at, f.detail
FROM ends JOIN audit f ON f.seq = ends.first JOIN audit l ON l.seq = ends.last ORDER BY f.seq
""")
