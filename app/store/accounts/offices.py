"""Saves and reads the registered offices, with the offices that they are part of."""

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
    """Add an office, or change the office with that code. Return True if it is new. Raises Unavailable."""
    values = {
        "name": office.name,
        "url": office.url,
        "regions": " ".join(office.regions),
        "topics": " ".join(office.topics),
        "aliases": "\n".join(office.aliases),
        "others": office.others,
        "parent": office.parent,
        "timezone": office.timezone,
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
    """All offices, in the order of their codes. Raises Unavailable."""
    with reading(engine) as connection:
        rows = _ALL.rows(connection)
    return list(_records(tuple(rows)))


NAMES = ("code", "name", "url", "regions", "topics", "aliases", "others", "parent", "timezone")
_ALL = Built(lambda _: select(*(offices.c[name] for name in NAMES)).order_by(offices.c.code))


@lru_cache(4)
def _records(rows: tuple[tuple[Any, ...], ...]) -> tuple[OfficeRecord, ...]:
    """The records of these rows. Only this step is cached: the rows are read each time, so a change is seen at once."""
    parents = {code: parent for code, *_, parent, _ in rows}
    return tuple(_record(row, _above(row[0], parents)) for row in rows)


def _above(code: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The codes of the offices above an office, nearest first. A ring ends where it began; the commands cannot make one."""
    found: list[str] = []
    while (code := parents.get(code, "")) in parents and code not in found:
        found.append(code)
    return tuple(found)


def _record(row: tuple[Any, ...], above: tuple[str, ...]) -> OfficeRecord:
    code, name, url, regions, topics, aliases, others, parent, timezone = row
    names = tuple(filter(None, aliases.split("\n")))
    places, subjects = tuple(regions.split()), tuple(topics.split())
    return OfficeRecord(code, name, url, places, subjects, names, bool(others), parent, above, timezone)
