"""Whom a release reached: counts of polls and of pages seen, and indexes that find the deliveries and the readers of one article."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "reach_counts",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "hour"),
        sqlite_with_rowid=False,
    )
    op.create_index("reach_counts_hour", "reach_counts", ["hour"])
    op.create_table(
        "reach_feeds",
        sa.Column("pair", sa.Text, nullable=False),
        sa.Column("complex", sa.Boolean, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("pair", "complex", "feed"),
        sqlite_with_rowid=False,
    )
    op.create_index("reach_feeds_hour", "reach_feeds", ["hour"])
    op.create_table(
        "reach_readers",
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("program", sa.String(40), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("feed", "day", "program"),
        sqlite_with_rowid=False,
    )
    op.create_index("reach_readers_day", "reach_readers", ["day"])
    op.create_index("deliveries_article", "deliveries", ["num", "state", "subscription", "seq"])
    read = sa.text("""action = 'read' AND substr(detail, 1, 12) <> '{"as":"push '""")
    op.create_index("audit_readers", "audit", ["article", "actor", "seq"], sqlite_where=read, postgresql_where=read)
