"""Sources that are pulled: what they are, and how the last pulls went."""

from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Engine, Row, delete, insert, select, update

from app.store.engine import reading, writing
from app.store.tables import sources


class Source(Struct, frozen=True):
    """A source. Instants are whole microseconds since 1970, durations seconds."""

    name: str
    dialect: str
    url: str
    office: str  # whose releases they are
    every: int
    silent_after: int  # no new article for so long is an alarm
    private: bool = False  # it may be at an address that is not public
    next_due: int = 0
    etag: str = ""
    modified: str = ""  # Last-Modified, as it was sent
    last_ok: int = 0
    last_new: int = 0  # when it last brought an article that was new
    failures: int = 0  # since the last success
    error: str = ""  # of the last pull; empty: it went well
    items: int = 0  # articles in the last document
    alarm: str = ""  # "", "failing", "empty" or "silent"


def save_source(engine: Engine, source: Source) -> bool:
    """Add a source, or change the one of that name; True where it is new. Raises Unavailable."""
    values = structs.asdict(source)
    with writing(engine) as connection:
        changed = connection.execute(update(sources).where(sources.c.name == source.name).values(**values)).rowcount
        if not changed:
            connection.execute(insert(sources).values(**values))
    return not changed


def remove_source(engine: Engine, name: str) -> bool:
    """Whether there was one. Raises Unavailable."""
    with writing(engine) as connection:
        return bool(connection.execute(delete(sources).where(sources.c.name == name)).rowcount)


def all_sources(engine: Engine) -> list[Source]:
    """Every source by name. Raises Unavailable."""
    with reading(engine) as connection:
        return [_source(row) for row in connection.execute(select(sources).order_by(sources.c.name)).all()]


def claim_source(engine: Engine, now: int, lease: int) -> Source | None:
    """The source that waits longest, for this process alone until `now + lease` micros. Raises Unavailable."""
    due = select(sources).where(sources.c.next_due <= now).order_by(sources.c.next_due).limit(1)
    with reading(engine) as connection:
        row = connection.execute(due).one_or_none()
    if row is None:
        return None
    # Of two that read the same row, one finds it changed.
    taken = update(sources).where(sources.c.name == row.name, sources.c.next_due == row.next_due)
    with writing(engine) as connection:
        if not connection.execute(taken.values(next_due=now + lease)).rowcount:
            return None
    return _source(row)


def record_pull(engine: Engine, source: Source) -> None:
    """Keep how a pull went; a source that was removed meanwhile stays removed. Raises Unavailable."""
    names = ("next_due", "etag", "modified", "last_ok", "last_new", "failures", "error", "items", "alarm")
    values = {name: getattr(source, name) for name in names}
    with writing(engine) as connection:
        connection.execute(update(sources).where(sources.c.name == source.name).values(**values))


def _source(row: Row[Any]) -> Source:
    return Source(**row._mapping)
