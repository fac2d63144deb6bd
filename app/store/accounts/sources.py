"""Saves and reads the sources that are pulled, with the results of their last pulls."""

from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Engine, Row, delete, insert, select, update

from app.store.engine import reading, writing
from app.store.operation import may_pull
from app.store.tables import micros, sources


class Source(Struct, frozen=True):
    """A source to pull releases from. Instants are whole microseconds since 1970, durations are seconds."""

    name: str
    dialect: str
    url: str
    office: str  # the office that the releases belong to
    every: int  # from one pull to the next
    silent_after: int  # after this time without a new article, an alarm is raised
    private: bool = False  # its address may be in a private network
    next_due: int = 0
    etag: str = ""
    modified: str = ""  # the last value of Last-Modified
    last_ok: int = 0
    last_new: int = 0  # when it last had a new article
    failures: int = 0  # since the last success
    error: str = ""  # of the last pull; empty: it succeeded
    items: int = 0  # articles in the last document
    alarm: str = ""  # "", "failing", "empty" or "silent"
    timezone: str = ""  # IANA name, in which its dates without a zone are read; empty: that of its office


def save_source(engine: Engine, source: Source) -> bool:
    """Add a source, or change the source of that name. Return True if it is new. Raises Unavailable."""
    values = structs.asdict(source)
    with writing(engine) as connection:
        changed = connection.execute(update(sources).where(sources.c.name == source.name).values(**values)).rowcount
        if not changed:
            connection.execute(insert(sources).values(**values))
    return not changed


def remove_source(engine: Engine, name: str) -> bool:
    """Remove a source. Return whether there was one. Raises Unavailable."""
    with writing(engine) as connection:
        return bool(connection.execute(delete(sources).where(sources.c.name == name)).rowcount)


def all_sources(engine: Engine) -> list[Source]:
    """All sources, in the order of their names. Raises Unavailable."""
    with reading(engine) as connection:
        return [_source(row) for row in connection.execute(select(sources).order_by(sources.c.name)).all()]


def claim_source(engine: Engine, now: int, lease: int) -> Source | None:
    """Claim the source that has been due longest, for this process alone until `now + lease` (micros); None if no source is due, or
    another process was first, or nothing may be pulled. Raises Unavailable."""
    due = select(sources).where(sources.c.next_due <= now).order_by(sources.c.next_due).limit(1)
    with reading(engine) as connection:
        row = connection.execute(due).one_or_none()
        if row is None or not may_pull(connection):
            return None
    # If two processes read the same row, only one can change it.
    taken = update(sources).where(sources.c.name == row.name, sources.c.next_due == row.next_due)
    with writing(engine) as connection:
        if not connection.execute(taken.values(next_due=now + lease)).rowcount:
            return None
    return _source(row)


def hurry_source(engine: Engine, name: str, now: datetime) -> bool:
    """Make a source due now. Return whether there is one. Raises Unavailable."""
    with writing(engine) as connection:
        changed = update(sources).where(sources.c.name == name).values(next_due=micros(now))
        return bool(connection.execute(changed).rowcount)


def record_pull(engine: Engine, source: Source) -> None:
    """Store the result of a pull. A source that was removed meanwhile stays removed. Raises Unavailable."""
    names = ("next_due", "etag", "modified", "last_ok", "last_new", "failures", "error", "items", "alarm")
    values = {name: getattr(source, name) for name in names}
    with writing(engine) as connection:
        connection.execute(update(sources).where(sources.c.name == source.name).values(**values))


def _source(row: Row[Any]) -> Source:
    return Source(**row._mapping)
