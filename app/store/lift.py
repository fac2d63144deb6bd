"""What waited becomes public: by itself at its instant, or because somebody releases it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, and_, insert, select, update

from app.store import audit, entries, search
from app.store.audit import Event
from app.store.engine import writing
from app.store.instants import micros
from app.store.keys import Keys
from app.store.order import Change, change_row, lock, unlock
from app.store.tables import articles, changes, feed_entries, versions
from feeds.article import Article

LIFT_AT_ONCE = 500  # embargoes lifted in one transaction
_WAITING = select(articles.c.num, articles.c.version, versions.c.axes, versions.c.doc).join(
    versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
)


class Released(Struct, frozen=True):
    """What became of a hold."""

    outcome: Literal["released", "waits", "not-held"]  # "waits": until its instant, which a release does not change
    receipt: bytes = b""  # JSON, the one that is kept now
    change: Change | None = None


def lift(engine: Engine, now: datetime) -> list[Change]:
    """Make public what is due, at most LIFT_AT_ONCE. Raises Unavailable."""
    with writing(engine) as connection:
        seq = lock(connection)
        due = connection.execute(
            _WAITING.where(articles.c.due <= micros(now)).order_by(articles.c.due, articles.c.num).limit(LIFT_AT_ONCE)
        ).all()
        lifted = _publish(connection, due, seq, now, "lifted", "worker")
        unlock(connection, seq + len(lifted))
    return lifted


def release(engine: Engine, id: str, receipt: Callable[[Article], bytes], now: datetime, actor: str) -> Released | None:
    """End the hold of an article; None where there is no such article. The version stays: the office may correct it with its own
    next one. Raises Unavailable."""
    with writing(engine) as connection:
        seq = lock(connection)
        waits = and_(articles.c.pubstatus == "usable", ~articles.c.public)
        row = connection.execute(_WAITING.where(articles.c.id == id).add_columns(waits)).one_or_none()
        if row is None:
            return None
        kept = msgspec.json.decode(row.doc, type=Article)
        if not (row[-1] and kept.held):
            return Released("not-held")
        until = kept.embargoed if kept.embargoed and kept.embargoed > now else None
        moment = until or now
        article = replace(kept, held=False, embargoed=moment, published=max(kept.published, moment), updated=moment)
        told = receipt(article)
        doc = msgspec.json.encode(article)
        version = and_(versions.c.num == row.num, versions.c.version == row.version)
        connection.execute(update(versions).where(version).values(doc=doc, receipt=told))
        if until:
            connection.execute(update(articles).where(articles.c.num == row.num).values(due=micros(until)))
            event = Event("released", actor, article.office.code, id, article.version, {"until": until.isoformat()})
            audit.record(connection, [event], now)
            return Released("waits", told)
        due = connection.execute(_WAITING.where(articles.c.num == row.num)).all()
        (change,) = _publish(connection, due, seq, now, "released", actor)
        unlock(connection, seq + 1)
    return Released("released", told, change)


def _publish(
    connection: Connection, due: Sequence[Any], seq: int, now: datetime, action: str, actor: str
) -> list[Change]:
    """Write the entries of these, with a change and an event for each; numbers follow `seq`."""
    if not due:
        return []
    done: list[Change] = []
    shown: list[entries.Entry] = []
    words: list[tuple[int, str]] = []
    told: list[dict[str, Any]] = []
    events: list[Event] = []
    for place, (num, version, packed, doc) in enumerate(due):
        where = msgspec.json.decode(packed, type=Keys)
        article = msgspec.json.decode(doc, type=Article)
        sort = micros(now) + place
        shown.append((num, where, sort))
        words.append((num, search.words(article)))
        connection.execute(
            update(articles).where(articles.c.num == num).values(public=True, seen=True, due=None, sort=sort)
        )
        done.append(Change(seq + place + 1, (where,)))
        told.append(change_row(done[-1], num, version, "published", now))
        events.append(Event(action, actor, article.office.code, article.id, version))
    entries.unwait(connection, [num for num, _, _ in shown])
    entries.enter(connection, feed_entries, shown)
    search.index(connection, words)
    connection.execute(insert(changes), told)
    audit.record(connection, events, now)
    return done
