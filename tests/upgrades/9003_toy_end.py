"""Every article has a note from now on: code that writes none must be gone."""

import sqlalchemy as sa
from alembic import op

revision = "9003"
down_revision = "9002"
branch_labels = None
depends_on = None
kind = "contract"
oldest = "9002"


def upgrade() -> None:
    op.create_table("toy_ended", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("toy_ended")
