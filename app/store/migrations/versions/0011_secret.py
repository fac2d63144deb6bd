"""A secret of this database, by which the numbers in cursors are sealed: they count what waits as well."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("counter", sa.Column("secret", sa.String(32), nullable=False, server_default=""))
    op.get_bind().execute(sa.text("UPDATE counter SET secret = :secret"), {"secret": secrets.token_hex(16)})
