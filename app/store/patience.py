"""Connections to PostgreSQL that give up: a server that is frozen (its machine paused, its disk hung) answers nothing, not even that a
statement took too long, and each thread that asked would wait for it for ever."""

import time
from typing import Any

import psycopg
from sqlalchemy import Engine, event

PING = 5.0  # seconds that a connection from the pool may take to show that it is alive
GRACE = 3.0  # seconds beyond the limit that PostgreSQL itself keeps
# The kernel finds out within half a minute that the other machine is gone.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}


class _Patient(psycopg.Connection[Any]):
    """A connection that is closed if the server says nothing for `patience` seconds. What it was doing may or may not be done."""

    patience = PING

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = self.patience if timeout is None else min(timeout, self.patience)
        begun = time.monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if time.monotonic() - begun < limit:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server did not answer for {limit:g} seconds") from None


def make_patient(engine: Engine, deadline: float) -> None:
    """Let every connection of the engine give up soon after a query's `deadline` (seconds)."""
    event.listen(engine, "do_connect", lambda _dialect, _record, cargs, cparams: _Patient.connect(*cargs, **cparams))
    event.listen(engine, "checkout", lambda connection, _record, _proxy: let(connection, deadline))
    event.listen(engine, "checkin", lambda connection, _record: let(connection, PING - GRACE))


def let(connection: Any, deadline: float) -> None:
    """Let a connection of the driver wait a little longer than a statement may take in seconds; None is a connection that is lost."""
    if isinstance(connection, _Patient):
        connection.patience = deadline + GRACE
