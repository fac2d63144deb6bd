"""Writes, reads and verifies the audit log: who did what and when. Records form a chain of hashes and never change.

The hash of a record is the SHA-256 of the previous record's hash and of its own members as JSON. So a record that is changed, removed
or inserted later breaks the chain from there on. Database triggers refuse to change or remove a record, to insert one anywhere but at
the end, and to move the end back. The owner of the database can remove the triggers; `verify` reports missing triggers. If somebody
cuts the chain or computes it again and then restores the triggers, only a hash that was noted elsewhere shows it. So `verify` accepts
such a hash, and the background worker writes the last hash into the server's log every day.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, bindparam, insert, literal_column, select, update

from app.requestid import current_request
from app.store.built import Built
from app.store.engine import reading, writing
from app.store.tables import audit, audit_head, instant, micros

AT_ONCE = 1000  # records read with one query
START = bytes(32)  # the hash before the first record
REQUEST = "request_id"  # a member of the detail: the request that it was done for


class Event(Struct, frozen=True):
    """Something that was done or refused. It contains no token and no text of an article."""

    # "pushed", "corrected", "released", "lifted", "canceled", "withheld", "read", "refused", "token-added", …
    action: str
    actor: str
    office: str = ""  # the office that the article, token or key belongs to
    article: str = ""  # public id
    version: int = 0
    detail: dict[str, str] = {}


class Record(Struct, frozen=True):
    """An event as the audit log stores it."""

    seq: int
    at: datetime
    event: Event
    hash: str  # hexadecimal


class Verdict(Struct, frozen=True):
    """Whether the chain is whole."""

    count: int
    head: str  # the last hash, hexadecimal
    fault: str = ""  # what is wrong, in one sentence; empty: nothing


def record(connection: Connection, events: Sequence[Event], now: datetime) -> None:
    """Append events within the transaction of the change itself, so an event is in the log exactly if it happened."""
    if not events:
        return
    ((seq, hash),) = _LOCK.rows(connection)
    at, rows = micros(now), []
    request = current_request()
    own = {REQUEST: request} if request else {}
    for event in events:
        seq += 1
        detail = msgspec.json.encode(own | event.detail, order="sorted").decode()
        members = (seq, at, event.actor, event.action, event.office, event.article, event.version, detail)
        hash = _next(hash, members)
        rows.append(dict(zip(COLUMNS, members, strict=True)) | {"hash": hash})
    _ADD.many(connection, rows)
    _UNLOCK.rows(connection, newest=seq, end=hash)


def append(engine: Engine, events: Sequence[Event], now: datetime) -> None:
    """Append events in a transaction of their own. Raises Unavailable."""
    if events:
        with writing(engine) as connection:
            record(connection, events, now)


def records(
    engine: Engine, *, article: str = "", office: str = "", action: str = "", after: int = 0, limit: int = AT_ONCE
) -> list[Record]:
    """Records with a number greater than `after`, in order: all, or those of one article, office or action. Raises Unavailable."""
    with reading(engine) as connection:
        statement = select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
        if article:
            statement = statement.where(audit.c.article == article)
        if office:
            statement = statement.where(audit.c.office == office)
        if action:
            statement = statement.where(audit.c.action == action)
        rows = connection.execute(statement).all()
    return [_record(row) for row in rows]


def newest(engine: Engine, before: int, most: int, depth: int, **wanted: str) -> tuple[list[Record], int]:
    """(records with a number less than `before`, newest first, where to go on: 0 at the beginning of the log). At most `most` records,
    found among the next `depth` ones: no search costs more. `wanted`: office, article, action, actor; empty ones do not count.
    Raises Unavailable."""
    least = max(0, before - depth)
    statement = select(audit).where(audit.c.seq < before, audit.c.seq >= least).order_by(audit.c.seq.desc())
    for name, value in wanted.items():
        if value:
            statement = statement.where(audit.c[name] == value)
    with reading(engine) as connection:
        rows = connection.execute(statement.limit(most)).all()
    return [_record(row) for row in rows], (rows[-1].seq if len(rows) == most else least) if least or rows else 0


def _record(row: Any) -> Record:
    event = Event(row.action, row.actor, row.office, row.article, row.version, msgspec.json.decode(row.detail))
    return Record(row.seq, instant(row.at), event, bytes(row.hash).hex())


def head(engine: Engine) -> tuple[int, str]:
    """The number of records, and the last hash, hexadecimal. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)).one()
    return int(row.seq), bytes(row.hash).hex()


def verify(engine: Engine, noted: str = "") -> Verdict:
    """Check that the chain is whole, that the triggers protect it, and that it contains the hash `noted`, if one is given. Raises
    Unavailable."""
    hash, count, seen = START, 0, not noted
    for row in _rows(engine):
        count += 1
        if row[0] != count:
            return Verdict(count - 1, hash.hex(), f"Record {count} is missing.")
        hash = _next(hash, tuple(row[:-1]))
        if hash != bytes(row[-1]):
            fault = f"Record {count} was changed, or a record before it was removed or inserted."
            return Verdict(count, hash.hex(), fault)
        seen = seen or hash.hex() == noted.lower()
    with reading(engine) as connection:
        head = connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)).one_or_none()
    # Records may have been added since this check began, so the head may be ahead of what was read, but never behind.
    if head is None or head.seq < count or (head.seq == count and bytes(head.hash) != hash):
        fault = "The last record does not match the end that the database stores for the log."
        return Verdict(count, hash.hex(), fault)
    if head.seq > count and not _exists(engine, count + 1):
        return Verdict(count, hash.hex(), f"Records {count + 1} to {head.seq} are missing.")
    if not seen:
        fault = "The noted hash belongs to no record, so the log was cut off or written again."
        return Verdict(count, hash.hex(), fault)
    if missing := _unlocked(engine):
        fault = (
            f"The chain is whole, but the database would allow changes to it: the triggers {', '.join(missing)} are missing"
            " or disabled. Compare the chain with a hash that was noted elsewhere, and restore the triggers (app/store/migrations)."
        )
        return Verdict(count, hash.hex(), fault)
    return Verdict(count, hash.hex())


LOCKS = {  # dialect -> the triggers that the migrations make
    "sqlite": (
        *("audit_kept_update", "audit_kept_delete", "audit_kept_insert"),
        *("audit_head_insert", "audit_head_update", "audit_head_delete"),
    ),
    "postgresql": (
        *("audit_kept", "audit_whole", "audit_next"),
        *("audit_head_next", "audit_head_kept", "audit_head_whole"),
    ),
}
_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit', 'audit_head')",
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE tgrelid IN ('audit'::regclass, 'audit_head'::regclass)"
        " AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
    ),
}


def _unlocked(engine: Engine) -> list[str]:
    """The names of the triggers that are missing or disabled."""
    dialect = engine.dialect.name
    with reading(engine) as connection:
        found = set(connection.exec_driver_sql(_TRIGGERS[dialect]).scalars())
    return [name for name in LOCKS[dialect] if name not in found]


_HEAD = audit_head.c.id == literal_column("1")
_LOCK = Built(lambda _: select(audit_head.c.seq, audit_head.c.hash).where(_HEAD).with_for_update())
_ADD = Built(lambda _: insert(audit))
_UNLOCK = Built(lambda _: update(audit_head).where(_HEAD).values(seq=bindparam("newest"), hash=bindparam("end")))
COLUMNS = ("seq", "at", "actor", "action", "office", "article", "version", "detail")


def _next(before: bytes, members: Sequence[object]) -> bytes:
    return hashlib.sha256(bytes(before) + msgspec.json.encode(members)).digest()


def _rows(engine: Engine) -> Iterator[Any]:
    after = 0
    columns = [audit.c[name] for name in (*COLUMNS, "hash")]
    while True:
        with reading(engine) as connection:
            found = connection.execute(
                select(*columns).where(audit.c.seq > after).order_by(audit.c.seq).limit(AT_ONCE)
            ).all()
        if not found:
            return
        yield from found
        after = found[-1].seq


def _exists(engine: Engine, seq: int) -> bool:
    with reading(engine) as connection:
        return connection.execute(select(audit.c.seq).where(audit.c.seq == seq)).one_or_none() is not None
