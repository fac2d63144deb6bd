"""How many public articles each place and each topic has, by the time of their last change; counts those that are there. Saved feeds
that were removed say so."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
kind = "expand"

EPOCH, MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
QUARTER = 900_000_000  # microseconds
EARLIER = 80_000_000 * QUARTER  # added before the division, because the databases round negative numbers towards zero
COUNTED = 10_000  # rows that are written at once


def upgrade() -> None:
    op.add_column("saved_feeds", sa.Column("ended", sa.BigInteger))
    op.add_column("saved_feeds", sa.Column("following", sa.Text, nullable=False, server_default=""))
    op.add_column("saved_feeds", sa.Column("gone", sa.Integer, nullable=False, server_default="0"))
    op.create_table("told_endings", sa.Column("subscription", sa.BigInteger, primary_key=True, autoincrement=False))
    _count()


def _count() -> None:
    made = op.create_table(
        "feed_amounts",
        sa.Column("axis", sa.Integer, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("axis", "since"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    everything = connection.execute(sa.text("SELECT id FROM axis WHERE name = '*'")).scalar()
    if everything is None:  # no article was ever public
        return
    found: Counter[tuple[int, int]] = Counter()
    for own, other in (("place", "topic"), ("topic", "place")):
        # The feed of everything is counted once.
        once = f" AND {own} <> {everything:d}" if own == "topic" else ""
        counted = (
            f"SELECT {own}, (sort + {EARLIER}) / {QUARTER}, COUNT(*) FROM feed_entries"
            f" WHERE {other} = {everything:d}{once} GROUP BY 1, 2"
        )
        for axis, quarter, amount in connection.execute(sa.text(counted)):
            found[axis, _span(quarter * QUARTER - EARLIER)] += amount
    rows = [{"axis": axis, "since": since, "amount": amount} for (axis, since), amount in sorted(found.items())]
    for start in range(0, len(rows), COUNTED):
        connection.execute(made.insert(), rows[start : start + COUNTED])


def _span(quarter: int) -> int:
    """The beginning of the span of this quarter of an hour (app/store/feeds/amounts.py)."""
    moment = EPOCH + quarter * MICRO
    month = moment.replace(day=1, hour=0, minute=0)
    following = (month + timedelta(days=31)).replace(day=1)
    middle = month + timedelta(hours=14)
    return (middle - EPOCH) // MICRO if middle <= moment < following - timedelta(hours=14) else quarter
