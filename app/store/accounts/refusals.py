"""Records refusals of tokens and keys: the first few each get a record in the audit log; the rest are counted into one record.

Otherwise anybody with one token could fill the log, because its records are never deleted. The count is in the database, so all
workers share it and a restart loses nothing. When its window is over, the next refusal or the background worker makes it a record.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.store import audit
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.tables import instant, micros, refusals

SINGLE = 20  # refusals of one token or key in a window that get a record each
WINDOW = 600_000_000  # microseconds from the first refusal


def refused(engine: Engine, events: Sequence[Event], now: datetime) -> None:
    """Write refusals of one actor, as records or into the count. `Event.detail` has the `problem`. Raises Unavailable."""
    if not events:
        return
    at = micros(now)
    with writing(engine) as connection:
        row, records = _taken(connection, events[0], at), []
        if at - row["since"] >= WINDOW:
            records = _rest(row)
            row |= {"since": at, "count": 0, "problems": "{}"}
        single = max(0, SINGLE - row["count"])
        counts = Counter(_counts(row)) + Counter(event.detail.get("problem", "other") for event in events[single:])
        row |= {
            "count": row["count"] + len(events),
            "last": at,
            "problems": msgspec.json.encode(counts).decode(),
        }
        connection.execute(update(refusals).where(refusals.c.actor == row["actor"]).values(**row))
        audit.record(connection, [*records, *events[:single]], now)


def settle_refusals(engine: Engine, now: datetime) -> int:
    """Make a record of each count whose window is over. Return how many there were. Raises Unavailable."""
    over = refusals.c.since <= micros(now) - WINDOW
    with reading(engine) as connection:
        actors = connection.execute(select(refusals.c.actor).where(over)).scalars().all()
    for actor in actors:
        with writing(engine) as connection:
            mine = (refusals.c.actor == actor, over)
            row = connection.execute(select(refusals).where(*mine).with_for_update()).one_or_none()
            if row is not None:
                connection.execute(delete(refusals).where(*mine))
                audit.record(connection, _rest(dict(row._mapping)), now)
    return len(actors)


def _taken(connection: Connection, event: Event, at: int) -> dict[str, Any]:
    """The actor's row, locked until this transaction ends."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    fresh = {"actor": event.actor, "office": event.office, "since": at, "last": at, "count": 0, "problems": "{}"}
    connection.execute(build(refusals).values(fresh).on_conflict_do_nothing())
    which = select(refusals).where(refusals.c.actor == event.actor).with_for_update()
    return dict(connection.execute(which).one()._mapping)


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    return msgspec.json.decode(row["problems"], type=dict[str, int])


def _rest(row: Mapping[str, Any]) -> list[Event]:
    """The record of the refusals that were only counted, if there are any."""
    counts = _counts(row)
    if not counts:
        return []
    detail = {
        "more": str(sum(counts.values())),
        "from": instant(row["since"]).isoformat(),
        "until": instant(row["last"]).isoformat(),
        "problems": ", ".join(f"{count} {problem}" for problem, count in sorted(counts.items())),
    }
    return [Event("refused", row["actor"], row["office"], detail=detail)]
