"""Add a note to each article, which is filled in afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "LAST"
branch_labels = None
depends_on = None
kind = "expand"
backfilled = "articles"
loses = {"articles": "toy_note IS NOT NULL"}


def upgrade() -> None:
    op.add_column("articles", sa.Column("toy_note", sa.Text))


def downgrade() -> None:
    op.drop_column("articles", "toy_note")


def backfill(connection: sa.Connection, place: str, limit: int) -> tuple[str | None, int]:
    first = int(place or 0)
    last = connection.scalar(
        sa.text("SELECT MAX(num) FROM (SELECT num FROM articles WHERE num > :first ORDER BY num LIMIT :limit) AS part"),
        {"first": first, "limit": limit},
    )
    if last is None:
        return None, 0
    done = connection.execute(
        sa.text("UPDATE articles SET toy_note = guid WHERE num > :first AND num <= :last"),
        {"first": first, "last": last},
    )
    return str(last), done.rowcount
