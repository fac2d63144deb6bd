"""Which article names which as itself in another language. None does yet: older releases cannot say so."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "translations",
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("guid", "num"),
    )
    op.create_index("translations_num", "translations", ["num"])
