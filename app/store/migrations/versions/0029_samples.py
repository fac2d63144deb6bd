"""What each host measured over time, and which hosts there are: for the operator's page."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("span", sa.BigInteger, nullable=False),
        sa.Column("host", sa.String(80), nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", "span", "host"),
        sqlite_with_rowid=False,
    )
    op.create_index("samples_span", "samples", ["span"])
    failing = sa.text("failing IS NOT NULL")
    op.create_index("queue_failing", "queue", ["failing"], sqlite_where=failing, postgresql_where=failing)
    op.create_table(
        "hosts",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("schema", sa.String(32), nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
