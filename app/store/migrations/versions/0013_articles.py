"""How many articles each release holds: its bytes are shown only once all of them are public. Of older releases it is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("releases", sa.Column("articles", sa.Integer, nullable=False, server_default="0"))
