"""Fills in new columns and tables from rows that exist already, in short transactions between those of other writers. A migration
has `backfilled`, the name of the table that it reads, and `backfill(connection, place, limit)`. That does up to `limit` rows from
`place` on, which is empty at first, and returns the next place, or None at the end, and the number of rows. Each batch stores its
progress in its own transaction, so after a kill the next process continues with the next batch. Several processes take turns.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import select, update

from app.errors import Misconfigured
from app.store.engine import Engine, reading, writing
from app.store.revisions import OURS, History
from app.store.schema import loaded
from app.store.tables import backfills, micros

FIRST, LEAST, MOST = 200, 20, 20_000  # rows of a batch
SHORT, LONG = 0.02, 0.06  # seconds that a batch should take


class Progress(Struct, frozen=True):
    """How far a backfill is."""

    revision: str
    done: int  # rows
    total: int  # rows, as estimated at its begin
    begun: int  # micros
    ended: int | None  # micros

    def words(self) -> str:
        """One sentence."""
        if self.ended is not None:
            return f"Backfill of migration {self.revision}: ended, {self.done:,} rows."
        return f"Backfill of migration {self.revision}: {self.done:,} of about {self.total:,} rows."


class Filler:
    """Does the backfills that are left, a batch at a time. It remembers how many rows fit into a batch."""

    def __init__(self, engine: Engine, history: History = OURS) -> None:
        self.engine = engine
        self.history = history
        self.limit = FIRST

    def batch(self) -> float | None:
        """Do one batch; returns the seconds that others waited for it, or None if nothing is left. Raises Misconfigured and
        Unavailable."""
        with reading(self.engine) as connection:
            if connection.scalar(select(backfills.c.revision).where(backfills.c.ended.is_(None)).limit(1)) is None:
                return None
        with writing(self.engine) as connection:
            begun = time.monotonic()  # the wait for other writers is over
            left = select(backfills).where(backfills.c.ended.is_(None)).order_by(backfills.c.revision).limit(1)
            row = connection.execute(left.with_for_update()).first()
            if row is None:
                return None
            revision = next((known for known in self.history.revisions if known.number == row.revision), None)
            if revision is None:
                return None  # the migration belongs to newer code, which fills it in
            place, rows = loaded(revision).backfill(connection, row.place, self.limit)
            values = {"place": place or "", "done": row.done + rows}
            ended = micros(datetime.now(UTC)) if place is None else None
            own = backfills.c.revision == row.revision
            connection.execute(update(backfills).where(own).values(ended=ended, **values))
        took = time.monotonic() - begun
        if took < SHORT:
            self.limit = min(MOST, self.limit * 2)
        elif took > LONG:
            self.limit = max(LEAST, self.limit // 2)
        return took

    def finish(self, progressed: Callable[[], None] = lambda: None) -> None:
        """Do everything that is left, and leave half of the time to other writers. `progressed` is called after each batch. Raises
        Misconfigured if a backfill belongs to newer code, and Unavailable."""
        while (took := self.batch()) is not None:
            progressed()
            time.sleep(took)
        if left := [found.revision for found in progress(self.engine) if found.ended is None]:
            raise Misconfigured(
                f"The backfill of migration {', '.join(left)} belongs to a newer version. Run `pressrelay db backfill` with it."
            )


def progress(engine: Engine) -> list[Progress]:
    """How far each backfill is. Raises Unavailable."""
    columns = (getattr(backfills.c, name) for name in Progress.__struct_fields__)
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).order_by(backfills.c.revision)).all()
    return [Progress(*row) for row in rows]
