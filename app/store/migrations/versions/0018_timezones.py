"""A time zone of each office and source, in which dates without a zone are read; empty: not known."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    for table in ("offices", "sources"):
        op.add_column(table, sa.Column("timezone", sa.String(64), nullable=False, server_default=""))
