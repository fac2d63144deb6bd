"""Offices, which are part of others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update

from app.office import OfficeRecord
from app.store import audit
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.tables import offices


def save_office(engine: Engine, office: OfficeRecord, actor: str = "command") -> bool:
    """Add an office, or change the one of that code; True where it is new. Raises Unavailable."""
    values = {
        "name": office.name,
        "url": office.url,
        "regions": " ".join(office.regions),
        "topics": " ".join(office.topics),
        "aliases": "\n".join(office.aliases),
        "others": office.others,
        "parent": office.parent,
    }
    with writing(engine) as connection:
        changed = connection.execute(update(offices).where(offices.c.code == office.code).values(**values)).rowcount
        if not changed:
            connection.execute(insert(offices).values(code=office.code, **values))
        rights = {"within": office.parent, "others": "yes" if office.others else ""}
        detail = {name: value for name, value in rights.items() if value}
        audit.record(connection, [Event("office-saved", actor, office.code, detail=detail)], datetime.now(UTC))
    return not changed


def all_offices(engine: Engine) -> list[OfficeRecord]:
    """Every office by code. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(_ALL).all()
    return list(_records(tuple(rows)))


# Built once: each push and each feed asks this.
_ALL = select(offices).order_by(offices.c.code)


@lru_cache(4)
def _records(rows: tuple[Row[Any], ...]) -> tuple[OfficeRecord, ...]:
    """The records of these rows, which the database is asked for each time: what changed there counts at once."""
    parents = {row.code: row.parent for row in rows}
    return tuple(_record(row, _above(row.code, parents)) for row in rows)


def _above(code: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """What an office is part of, the nearest first; a ring, which nobody can make with the commands, is left at its start."""
    found: list[str] = []
    while (code := parents.get(code, "")) in parents and code not in found:
        found.append(code)
    return tuple(found)


def _record(row: Row[Any], above: tuple[str, ...]) -> OfficeRecord:
    return OfficeRecord(
        row.code,
        row.name,
        row.url,
        tuple(row.regions.split()),
        tuple(row.topics.split()),
        tuple(filter(None, row.aliases.split("\n"))),
        bool(row.others),
        row.parent,
        above,
    )
