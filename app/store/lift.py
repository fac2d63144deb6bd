"""What waited becomes public: by itself at its instant, or because somebody releases it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, and_, bindparam, insert, select, update

from app.store import audit, entries, outbox, search
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.instants import micros
from app.store.keys import Keys
from app.store.order import Change, change_row, lock, new_stamp, unlock
from app.store.outbox import Told
from app.store.scan import Ref
from app.store.tables import articles, changes, feed_entries, versions
from feeds.article import Article

LIFT_AT_ONCE = 500  # embargoes lifted in one transaction
READ_AT_ONCE = 100  # articles that are made ready in one go
_CURRENT = and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
_WAITING = select(articles.c.num, articles.c.version, versions.c.axes, versions.c.doc).join(versions, _CURRENT)
_DUE = select(articles.c.num, articles.c.version).order_by(articles.c.due, articles.c.num)
_PUBLISHED = (
    update(articles)
    .where(articles.c.num == bindparam("own"))
    .values(public=True, seen=True, due=None, sort=bindparam("stands"))
)


class Ready(Struct, frozen=True):
    """What is written of a version when it becomes public."""

    id: str
    office: str
    where: Keys
    words: str  # as the index takes them


class Released(Struct, frozen=True):
    """What became of a hold."""

    outcome: Literal["released", "waits", "not-held"]  # "waits": until its instant, which a release does not change
    receipt: bytes = b""  # JSON, the one that is kept now
    change: Change | None = None


def lift(engine: Engine, now: datetime, ready: Mapping[Ref, Ready] | None = None) -> list[Change]:
    """Make public what is due, at most LIFT_AT_ONCE; `ready`: what `make_ready` made of them before. Raises Unavailable."""
    ready = make_ready(engine, now, ready or {}, LIFT_AT_ONCE)
    with writing(engine) as connection:
        last = lock(connection)
        # Asked again: a version that came in between is the one that counts, and another worker may have been first.
        due = _refs(connection, now, LIFT_AT_ONCE)
        missing = [ref for ref in due if ref not in ready]
        ready = {**ready, **_read(connection, missing)}
        lifted = _publish(connection, [(ref, ready[ref]) for ref in due], last, now, "lifted", "worker")
        unlock(connection, last[0] + len(lifted))
    return lifted


def make_ready(engine: Engine, until: datetime, ready: Mapping[Ref, Ready], most: int) -> dict[Ref, Ready]:
    """All of `ready` that still waits for an instant up to `until`, and at most `most` more: the work that can be done before a
    lift, for within it every other writer waits. Raises Unavailable."""
    with reading(engine) as connection:
        waiting = _refs(connection, until, len(ready) + most)
        found = {ref: ready[ref] for ref in waiting if ref in ready}
        missing = [ref for ref in waiting if ref not in found][:most]
        for start in range(0, len(missing), READ_AT_ONCE):
            found |= _read(connection, missing[start : start + READ_AT_ONCE])
    return found


def _refs(connection: Connection, until: datetime, most: int) -> list[Ref]:
    """What waits for an instant up to `until`, in the order in which it lifts."""
    rows = connection.execute(_DUE.where(articles.c.due <= micros(until)).limit(most))
    return [(num, version) for num, version in rows]


def _read(connection: Connection, refs: Sequence[Ref]) -> dict[Ref, Ready]:
    """What is written of these, where they are still the newest versions."""
    if not refs:
        return {}
    rows = connection.execute(_WAITING.where(articles.c.num.in_([num for num, _ in refs])))
    return {(num, version): _ready(connection, packed, doc) for num, version, packed, doc in rows}


def _ready(connection: Connection, packed: bytes, doc: bytes) -> Ready:
    article = msgspec.json.decode(doc, type=Article)
    where = msgspec.json.decode(packed, type=Keys)
    return Ready(article.id, article.office.code, where, search.form(connection.dialect.name, search.words(article)))


def release(
    engine: Engine, id: str, receipt: Callable[[Article], bytes], now: datetime, actor: str, order: str = ""
) -> Released | None:
    """End the hold of an article; None where there is no such article. The version stays: the office may correct it with its own
    next one. Raises Unavailable."""
    with writing(engine) as connection:
        last = lock(connection)
        waits = and_(articles.c.pubstatus == "usable", ~articles.c.public)
        row = connection.execute(_WAITING.where(articles.c.id == id).add_columns(waits)).one_or_none()
        if row is None:
            return None
        kept = msgspec.json.decode(row.doc, type=Article)
        if not (row[-1] and kept.held):
            return Released("not-held")
        signed = {"signed": order} if order else {}
        until = kept.embargoed if kept.embargoed and kept.embargoed > now else None
        moment = until or now
        article = replace(kept, held=False, embargoed=moment, published=max(kept.published, moment), updated=moment)
        told = receipt(article)
        doc = msgspec.json.encode(article)
        version = and_(versions.c.num == row.num, versions.c.version == row.version)
        connection.execute(update(versions).where(version).values(doc=doc, receipt=told))
        # The document is another one now: what keeps it by this instant must not take it for the one before.
        connection.execute(update(articles).where(articles.c.num == row.num).values(edited=micros(now)))
        if until:
            connection.execute(update(articles).where(articles.c.num == row.num).values(due=micros(until)))
            event = Event(
                "released", actor, article.office.code, id, article.version, {"until": until.isoformat(), **signed}
            )
            audit.record(connection, [event], now)
            pairs = msgspec.json.decode(row.axes, type=Keys).pairs()
            outbox.tell(connection, [Told(0, row.num, row.version, "embargoed", pairs)], now, embargoed=True)
            return Released("waits", told)
        due = (row.num, row.version), _ready(connection, row.axes, doc)
        (change,) = _publish(connection, [due], last, now, "released", actor, signed)
        unlock(connection, last[0] + 1)
    return Released("released", told, change)


def _publish(
    connection: Connection,
    due: Sequence[tuple[Ref, Ready]],
    last: tuple[int, str],
    now: datetime,
    action: str,
    actor: str,
    detail: dict[str, str] | None = None,
) -> list[Change]:
    """Write the entries of these, with a change and an event for each; `last`: the last number, and the name of the history."""
    if not due:
        return []
    seq, instance = last
    done: list[Change] = []
    stands: list[dict[str, int]] = []
    shown: list[entries.Entry] = []
    told: list[dict[str, Any]] = []
    heard: list[Told] = []
    events: list[Event] = []
    for place, ((num, version), one) in enumerate(due):
        sort = micros(now) + place
        stands.append({"own": num, "stands": sort})
        shown.append((num, one.where, sort))
        done.append(Change(seq + place + 1, (one.where,), new_stamp(), instance))
        told.append(change_row(done[-1], num, version, "published", now))
        heard.append(Told(seq + place + 1, num, version, "published", one.where.pairs(), done[-1].stamp))
        events.append(Event(action, actor, one.office, one.id, version, detail or {}))
    connection.execute(_PUBLISHED, stands)
    entries.unwait(connection, [num for num, _, _ in shown])
    entries.enter(connection, feed_entries, shown)
    search.enter(connection, [(num, one.words) for (num, _), one in due])
    connection.execute(insert(changes), told)
    outbox.tell(connection, heard, now)
    audit.record(connection, events, now)
    return done
