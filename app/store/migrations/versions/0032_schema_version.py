"""Which code may run beside the schema, and how far backfills are."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None
kind = "expand"
oldest = "0032"  # code before does not look whether it may write


def upgrade() -> None:
    made = op.create_table(
        "schema_version",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("oldest", sa.String(32), nullable=False),
    )
    op.create_table(
        "backfills",
        sa.Column("revision", sa.String(32), primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
    )
    op.bulk_insert(made, [{"id": 1, "oldest": oldest}])


def downgrade() -> None:
    op.drop_table("backfills")
    op.drop_table("schema_version")
