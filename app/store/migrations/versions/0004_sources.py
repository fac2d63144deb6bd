"""Sources that are pulled."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("dialect", sa.String(32), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("silent_after", sa.Integer, nullable=False),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("next_due", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("modified", sa.Text, nullable=False),
        sa.Column("last_ok", sa.BigInteger, nullable=False),
        sa.Column("last_new", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("alarm", sa.String(16), nullable=False),
    )
