"""Keeps what each host measured over time, for plots, and which hosts use the database. Nothing under embargo is in it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.store.engine import reading, writing
from app.store.tables import hosts, instant, micros, samples

SPAN = 600  # seconds that one sample is about
KEPT = timedelta(days=8)  # how long samples are kept
GONE = timedelta(days=30)  # after this time without a word, a host is forgotten


class Host(Struct, frozen=True):
    """A host whose server uses the database."""

    name: str
    version: str  # of the program
    schema: str  # the newest migration that the program knows
    started: datetime
    seen: datetime  # when it last wrote


def sample_span(at: datetime) -> int:
    """The number of the span of time that an instant is in."""
    return int(at.timestamp()) // SPAN


def note_sample(engine: Engine, host: Host, values: Mapping[str, float], span: int) -> None:
    """Store what a host has measured so far in a span, in place of its earlier values, and note that the host is alive. Delete old
    samples. Raises Unavailable."""
    insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert
    now = host.seen
    with writing(engine) as connection:
        if values:
            rows = [
                {"name": name, "span": span, "host": host.name, "value": value}
                for name, value in sorted(values.items())
            ]
            added = insert(samples)
            changed = added.on_conflict_do_update(
                index_elements=["name", "span", "host"], set_={"value": added.excluded.value}
            )
            connection.execute(changed, rows)
        seen = {"version": host.version, "schema": host.schema, "seen": micros(now), "started": micros(host.started)}
        there = insert(hosts).values(name=host.name, **seen)
        connection.execute(there.on_conflict_do_update(index_elements=["name"], set_=seen))
        connection.execute(delete(samples).where(samples.c.span < sample_span(now - KEPT)))
        connection.execute(delete(hosts).where(hosts.c.seen < micros(now - GONE)))


def samples_since(engine: Engine, span: int) -> dict[str, dict[int, list[float]]]:
    """Name -> span -> what each host said, from that span on. Raises Unavailable."""
    found: dict[str, dict[int, list[float]]] = {}
    statement = select(samples.c.name, samples.c.span, samples.c.value).where(samples.c.span >= span)
    with reading(engine) as connection:
        for name, at, value in connection.execute(statement):
            found.setdefault(name, {}).setdefault(int(at), []).append(float(value))
    return found


def newest_samples(engine: Engine, name: str) -> tuple[int, list[float]]:
    """The newest span for which there are samples of this name, and what each host said then; 0 and none if there are none. Raises
    Unavailable."""
    newest = select(func.max(samples.c.span)).where(samples.c.name == name).scalar_subquery()
    statement = select(samples.c.span, samples.c.value).where(samples.c.name == name, samples.c.span == newest)
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return (int(rows[0].span) if rows else 0), [float(row.value) for row in rows]


def all_hosts(engine: Engine) -> list[Host]:
    """The hosts, in the order of their names. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(hosts).order_by(hosts.c.name)).all()
    return [Host(row.name, row.version, row.schema, instant(row.started), instant(row.seen)) for row in rows]


def database_size(engine: Engine) -> int:
    """Bytes of the database, without its log. Raises Unavailable."""
    asked = "SELECT pg_database_size(current_database())"
    if engine.dialect.name == "sqlite":
        asked = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with reading(engine) as connection:
        return int(connection.exec_driver_sql(asked).scalar_one())
