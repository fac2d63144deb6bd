"""Each failed attempt to deliver, so that a subscriber sees all of them and not only the last."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "failed_attempts",
        sa.Column("subscription", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("millis", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "at"),
        sqlite_with_rowid=False,
    )
    op.create_index("failed_attempts_at", "failed_attempts", ["at"])
