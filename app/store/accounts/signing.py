"""Stores the public keys that verify the signatures of offices, and the signatures that were used."""

from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Engine, Row, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.store import audit
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.tables import counter, instant, micros, office_keys, used_signatures

FORGOTTEN_AT_ONCE = 1000
KEPT = timedelta(hours=1)  # how long a used signature is remembered; longer than a signature is accepted


class KeyRecord(Struct, frozen=True):
    """A registered public key (Ed25519). Instants are in UTC."""

    id: str
    office: str
    public: bytes  # 32 octets
    name: str
    created: datetime
    revoked: datetime | None


def add_key(
    engine: Engine, id: str, office: str, public: bytes, name: str, now: datetime, actor: str = "command"
) -> bool:
    """Register a key. Return False if the id is taken. Raises Unavailable."""
    with writing(engine) as connection:
        if connection.execute(select(office_keys.c.id).where(office_keys.c.id == id)).one_or_none():
            return False
        values = {"id": id, "office": office, "public": public, "name": name, "created": micros(now)}
        connection.execute(insert(office_keys).values(**values))
        audit.record(connection, [Event("key-added", actor, office, detail={"key": id, "public": public.hex()})], now)
    return True


def key_of(engine: Engine, id: str) -> KeyRecord | None:
    """The key with that id, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(office_keys).where(office_keys.c.id == id)).one_or_none()
    return None if row is None else _record(row)


def all_keys(engine: Engine) -> list[KeyRecord]:
    """All keys, in the order of office and id. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(office_keys).order_by(office_keys.c.office, office_keys.c.id)).all()
    return [_record(row) for row in rows]


def revoke_key(engine: Engine, id: str, now: datetime, actor: str = "command") -> KeyRecord | None:
    """Revoke a key. Return None if there is no such key. Earlier signatures stay valid. Raises Unavailable."""
    found = key_of(engine, id)
    if found is None or found.revoked is not None:
        return found
    with writing(engine) as connection:
        connection.execute(update(office_keys).where(office_keys.c.id == id).values(revoked=micros(now)))
        audit.record(connection, [Event("key-revoked", actor, found.office, detail={"key": id})], now)
    return key_of(engine, id)


def spend(engine: Engine, hash: bytes, created: datetime, now: datetime) -> Literal["first", "again", "unknown"]:
    """Note that a signature is used; `again`: it was used before, in any process. A database that was restored to an older state or
    moved may have lost used signatures. So for a signature that was `created` before this was noticed, nobody knows whether it was
    used. Raises Unavailable."""
    with writing(engine) as connection:
        if micros(created) <= connection.execute(select(counter.c.renewed).where(counter.c.id == 1)).scalar_one():
            return "unknown"
        build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        values = build(used_signatures).values(hash=hash, at=micros(now)).on_conflict_do_nothing()
        first = connection.execute(values.returning(used_signatures.c.at)).one_or_none() is not None
        # Two transactions that delete old signatures at once must not wait for each other.
        old = select(used_signatures.c.hash).where(used_signatures.c.at < micros(now - KEPT)).limit(FORGOTTEN_AT_ONCE)
        forgotten = old.with_for_update(skip_locked=True)
        connection.execute(delete(used_signatures).where(used_signatures.c.hash.in_(forgotten)))
    return "first" if first else "again"


def _record(row: Row[Any]) -> KeyRecord:
    revoked = None if row.revoked is None else instant(row.revoked)
    return KeyRecord(row.id, row.office, bytes(row.public), row.name, instant(row.created), revoked)
