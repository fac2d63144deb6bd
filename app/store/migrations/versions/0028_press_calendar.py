"""The press calendar: public events and planned announcements that offices tell, and where each is found."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "press_events",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("starts", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("press_events_office", "press_events", ["office", "starts"])
    op.create_table(
        "press_event_places",
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("topic", sa.String(80), nullable=False),
        sa.Column("starts", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("ends", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "topic", "starts", "event"),
        sqlite_with_rowid=False,
    )
    op.create_index("press_event_places_event", "press_event_places", ["event"])
    op.create_index("press_event_places_updated", "press_event_places", ["place", "topic", "updated"])
