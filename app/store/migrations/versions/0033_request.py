"""The id of the request that sent a version of an article: a column that may be empty, which older code leaves alone."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
kind = "expand"
loses = {"versions": "request IS NOT NULL"}


def upgrade() -> None:
    op.add_column("versions", sa.Column("request", sa.String(64)))


def downgrade() -> None:
    op.drop_column("versions", "request")
