"""Makes articles public when their embargo ends or when somebody ends their hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, bindparam, insert, select, update

from app.store import audit
from app.store.articles.decide import EndedHold
from app.store.audit import Event
from app.store.changes import Change, Keys, Ref, change_row, new_stamp
from app.store.deliveries import outbox
from app.store.deliveries.outbox import Notice
from app.store.engine import LastNumber, lock, reading, unlock, writing
from app.store.feeds import entries, search
from app.store.tables import articles, changes, feed_entries, micros, versions
from feeds import Article

LIFT_AT_ONCE = 500  # embargoes lifted in one transaction
LIFT_ROWS = 50_000  # rows of feeds that they have together: every other writer waits for them
READ_AT_ONCE = 100  # articles that are read with one query
_CURRENT = and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
_WAITING = select(articles.c.num, articles.c.version, versions.c.axes, versions.c.doc).join(versions, _CURRENT)
_DUE = select(articles.c.num, articles.c.version).order_by(articles.c.due, articles.c.num)
_PUBLISHED = (
    update(articles)
    .where(articles.c.num == bindparam("own"))
    .values(public=True, seen=True, due=None, sort=bindparam("stands"))
)


class DueArticle(Struct, frozen=True):
    """An article that becomes public, prepared for writing."""

    id: str
    office: str
    where: Keys
    words: str  # its tokens, in the form that the full-text index takes


def lift(engine: Engine, now: datetime, ready: Mapping[Ref, DueArticle] | None = None) -> list[Change]:
    """Make the articles public that are due, at most LIFT_AT_ONCE. `ready`: what `make_ready` prepared before. Raises Unavailable."""
    ready = make_ready(engine, now, ready or {}, LIFT_AT_ONCE)
    with writing(engine) as connection:
        last = lock(connection)
        # Read the due articles again: a newer version may have come, and another worker may have been first.
        due = _refs(connection, now, LIFT_AT_ONCE)
        missing = [ref for ref in due if ref not in ready]
        ready = {**ready, **_read(connection, missing)}
        due = due[: _fitting([ready[ref].where.count() for ref in due])]
        lifted = _publish(connection, [(ref, ready[ref]) for ref in due], last, now, "lifted", "worker")
        unlock(connection, last.seq + len(lifted))
    return lifted


def _fitting(rows: Sequence[int]) -> int:
    """How many articles with so many rows each fit into one transaction: at least one."""
    total = 0
    for count, amount in enumerate(rows):
        total += amount
        if total > LIFT_ROWS and count:
            return count
    return len(rows)


def make_ready(engine: Engine, until: datetime, ready: Mapping[Ref, DueArticle], most: int) -> dict[Ref, DueArticle]:
    """Prepare articles whose embargo ends at `until` or before: those of `ready` that still wait, and at most `most` more. Doing this
    before `lift` keeps its transaction short, because every other writer waits for that. Raises Unavailable."""
    with reading(engine) as connection:
        waiting = _refs(connection, until, len(ready) + most)
        found = {ref: ready[ref] for ref in waiting if ref in ready}
        missing = [ref for ref in waiting if ref not in found][:most]
        for start in range(0, len(missing), READ_AT_ONCE):
            found |= _read(connection, missing[start : start + READ_AT_ONCE])
    return found


def _refs(connection: Connection, until: datetime, most: int) -> list[Ref]:
    """The articles whose embargo ends at `until` or before, in the order in which it ends."""
    rows = connection.execute(_DUE.where(articles.c.due <= micros(until)).limit(most))
    return [(num, version) for num, version in rows]


def _read(connection: Connection, refs: Sequence[Ref]) -> dict[Ref, DueArticle]:
    """Prepare the newest versions of these articles."""
    if not refs:
        return {}
    rows = connection.execute(_WAITING.where(articles.c.num.in_([num for num, _ in refs])))
    return {(num, version): _ready(connection, packed, doc) for num, version, packed, doc in rows}


def _ready(connection: Connection, packed: bytes, doc: bytes) -> DueArticle:
    article = msgspec.json.decode(doc, type=Article)
    return _formed(connection, article, msgspec.json.decode(packed, type=Keys))


def _formed(connection: Connection, article: Article, where: Keys) -> DueArticle:
    return DueArticle(
        article.id, article.office.code, where, search.form(connection.dialect.name, search.words(article))
    )


def write_ended_hold(
    connection: Connection,
    ended: EndedHold,
    receipt: bytes,
    last: LastNumber,
    now: datetime,
    actor: str,
    order: str = "",
) -> Change | None:
    """Write the end of a hold. Return the change if the article becomes public. Only a writer that holds the counter's row may call
    this. `last`: the state of the counter. `order`: the signed request that asked for it, JSON."""
    row, article, num = ended.row, ended.article, ended.row.num
    signed = {"signed": order} if order else {}
    version = and_(versions.c.num == num, versions.c.version == article.version)
    doc = msgspec.json.encode(article)
    connection.execute(update(versions).where(version).values(doc=doc, receipt=receipt))
    # The document changed, so its instant must change too: caches find documents by it.
    connection.execute(update(articles).where(articles.c.num == num).values(edited=micros(now)))
    if ended.until is None:
        due = (num, article.version), _formed(connection, article, row.keys)
        (change,) = _publish(connection, [due], last, now, "released", actor, signed)
        return change
    connection.execute(update(articles).where(articles.c.num == num).values(due=micros(ended.until)))
    detail = {"until": ended.until.isoformat(), **signed}
    event = Event("released", actor, article.office.code, article.id, article.version, detail)
    audit.record(connection, [event], now)
    notice = Notice(0, num, article.version, "embargoed", row.keys.pairs())
    outbox.enqueue(connection, [notice], now, embargoed=True)
    return None


def _publish(
    connection: Connection,
    due: Sequence[tuple[Ref, DueArticle]],
    last: LastNumber,
    now: datetime,
    action: str,
    actor: str,
    detail: dict[str, str] | None = None,
) -> list[Change]:
    """Write the entries of these articles, with a change, a notice and an audit event for each. `last`: the state of the counter."""
    if not due:
        return []
    at = last.following(micros(now))
    done: list[Change] = []
    stands: list[dict[str, int]] = []
    shown: list[entries.Entry] = []
    change_rows: list[dict[str, Any]] = []
    notices: list[Notice] = []
    events: list[Event] = []
    for place, ((num, version), ready) in enumerate(due):
        seq, sort = last.seq + place + 1, at + place
        stands.append({"own": num, "stands": sort})
        shown.append((num, ready.where, sort))
        done.append(Change(seq, (ready.where,), new_stamp(), last.instance))
        change_rows.append(change_row(done[-1], num, version, "published", sort))
        notices.append(Notice(seq, num, version, "published", ready.where.pairs(), done[-1].stamp))
        events.append(Event(action, actor, ready.office, ready.id, version, detail or {}))
    connection.execute(_PUBLISHED, stands)
    entries.unwait(connection, [num for num, _, _ in shown])
    entries.enter(connection, feed_entries, shown)
    search.enter(connection, [(num, ready.words) for (num, _), ready in due])
    connection.execute(insert(changes), change_rows)
    outbox.enqueue(connection, notices, now)
    audit.record(connection, events, now)
    return done
