"""Offices and their tokens. Of a token only its SHA-256 is kept."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select, update

from app.office import OfficeRecord
from app.store.engine import reading, writing
from app.store.put import micros
from app.store.tables import offices, tokens


def save_office(engine: Engine, office: OfficeRecord) -> bool:
    """Add an office, or change the one of that code; True where it is new. Raises Unavailable."""
    values = {
        "name": office.name,
        "url": office.url,
        "regions": " ".join(office.regions),
        "topics": " ".join(office.topics),
        "aliases": "\n".join(office.aliases),
        "others": office.others,
    }
    with writing(engine) as connection:
        changed = connection.execute(update(offices).where(offices.c.code == office.code).values(**values)).rowcount
        if not changed:
            connection.execute(insert(offices).values(code=office.code, **values))
    return not changed


def all_offices(engine: Engine) -> list[OfficeRecord]:
    """Every office by code. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(offices).order_by(offices.c.code)).all()
    return [_record(row) for row in rows]


def _record(row: Row[Any]) -> OfficeRecord:
    return OfficeRecord(
        row.code,
        row.name,
        row.url,
        tuple(row.regions.split()),
        tuple(row.topics.split()),
        tuple(filter(None, row.aliases.split("\n"))),
        bool(row.others),
    )


def new_token(engine: Engine, office: str, name: str, now: datetime) -> str:
    """Make a token of 256 random bits for an office. A token of the same name is replaced. Raises Unavailable."""
    token = f"pr_{secrets.token_urlsafe(32)}"
    with writing(engine) as connection:
        if name:
            connection.execute(delete(tokens).where(tokens.c.office == office, tokens.c.name == name))
        connection.execute(insert(tokens).values(hash=_hash(token), office=office, name=name, created=micros(now)))
    return token


def office_of(engine: Engine, token: str) -> OfficeRecord | None:
    """Whose token this is. It is looked up by its hash, so the time taken tells nothing of it. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(
            select(offices).join(tokens, tokens.c.office == offices.c.code).where(tokens.c.hash == _hash(token))
        ).one_or_none()
    return None if row is None else _record(row)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
