"""Which outlets got a copy of an article under embargo, and the words by which the article of a copy is found."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "outlet_copies",
        sa.Column("article", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("outlet", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("article", "version", "outlet"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "copy_words",
        sa.Column("words", sa.BigInteger, nullable=False),
        sa.Column("article", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("words", "article"),
        sqlite_with_rowid=False,
    )
