"""Offices, which are part of others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, insert, select, update

from app.accounts.offices import OfficeRecord
from app.store import audit
from app.store.audit import Event
from app.store.built import Built
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
        rows = _ALL.rows(connection)
    return list(_records(tuple(rows)))


NAMES = ("code", "name", "url", "regions", "topics", "aliases", "others", "parent")
_ALL = Built(lambda _: select(*(offices.c[name] for name in NAMES)).order_by(offices.c.code))


@lru_cache(4)
def _records(rows: tuple[tuple[Any, ...], ...]) -> tuple[OfficeRecord, ...]:
    """The records of these rows, which the database is asked for each time: what changed there counts at once."""
    parents = {code: parent for code, *_, parent in rows}
    return tuple(_record(row, _above(row[0], parents)) for row in rows)


def _above(code: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """What an office is part of, the nearest first; a ring, which nobody can make with the commands, is left at its start."""
    found: list[str] = []
    while (code := parents.get(code, "")) in parents and code not in found:
        found.append(code)
    return tuple(found)


def _record(row: tuple[Any, ...], above: tuple[str, ...]) -> OfficeRecord:
    code, name, url, regions, topics, aliases, others, parent = row
    names = tuple(filter(None, aliases.split("\n")))
    return OfficeRecord(
        code, name, url, tuple(regions.split()), tuple(topics.split()), names, bool(others), parent, above
    )
