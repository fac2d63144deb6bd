"""Other names of an office, and whether it may publish for others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offices", sa.Column("aliases", sa.Text, nullable=False, server_default=""))
    op.add_column("offices", sa.Column("others", sa.Boolean, nullable=False, server_default=sa.false()))
