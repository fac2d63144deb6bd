"""The clock that decides when an embargo ends. With PostgreSQL it is the database's, so a host with a wrong clock publishes nothing
early; with SQLite it is that of the one host.

The database is asked every ten seconds. In between, this host's monotonic clock tells how much time passed, so a step of its wall
clock changes nothing.
"""

import time
from datetime import UTC, datetime
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select

from app.store.engine import reading
from app.store.tables import changes, counter

ASKED_EVERY = 10.0  # seconds
WRONG = 5.0  # seconds by which a clock may be off before the operator is warned


class _Reading(NamedTuple):
    at: float  # seconds since 1970, of the database
    known: float  # monotonic seconds, after the answer came: so what is derived from it is never early


_readings: WeakKeyDictionary[Engine, _Reading] = WeakKeyDictionary()
# The difference between the wall clock of this host and the time since it was started, which goes on while the machine sleeps.
_offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def database_now(engine: Engine) -> datetime:
    """The instant by the clock that decides. Raises Unavailable."""
    if engine.dialect.name == "sqlite":
        return datetime.now(UTC)
    found = _readings.get(engine)
    if found is None or time.monotonic() > found.known + ASKED_EVERY:
        found = _readings[engine] = _read(engine)
    return datetime.fromtimestamp(found.at + time.monotonic() - found.known, UTC)


def _read(engine: Engine) -> _Reading:
    with reading(engine) as connection:
        at = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
        return _Reading(float(at), time.monotonic())


def ahead(engine: Engine) -> float:
    """Seconds by which the clock of this host is ahead of the one that decides; negative if it is behind. Raises Unavailable."""
    return 0.0 if engine.dialect.name == "sqlite" else time.time() - database_now(engine).timestamp()


def complaint(engine: Engine) -> str:
    """A sentence if the clock is or may be wrong; empty if it seems right. Raises Unavailable."""
    if abs(off := ahead(engine)) > WRONG:
        how = "ahead of" if off > 0 else "behind"
        return (
            f"The clock of this host is {abs(off):.0f} seconds {how} that of the database, which decides when embargoes end. Set the"
            " clock of the host that is wrong, for example by NTP."
        )
    with reading(engine) as connection:
        newest = connection.execute(
            select(changes.c.at).select_from(counter.join(changes, changes.c.seq == counter.c.seq))
        ).scalar_one_or_none()
    behind = (newest or 0) / 1_000_000 - database_now(engine).timestamp()
    if behind > WRONG:
        return (
            f"The clock is {behind:.0f} seconds behind the newest change in the database. It was wrong then, or it is wrong now."
            " Check it, for example with NTP."
        )
    if engine.dialect.name == "sqlite" and abs(jump := jumped()) > WRONG:
        how = "ahead" if jump > 0 else "back"
        return (
            f"The clock of this host jumped {abs(jump):.0f} seconds {how} since this process was started. Embargoes lift by this"
            " clock. Check it; if it is right, restart the server."
        )
    return ""


def jumped() -> float:
    """Seconds by which the wall clock of this host was set ahead since this process was started; negative: back."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - _offset
