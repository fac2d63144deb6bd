"""When an article's newest version came, and an index for what an office edited last."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("articles", sa.Column("edited", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "UPDATE articles SET edited = (SELECT r.received FROM versions v JOIN releases r ON r.id = v.release"
        " WHERE v.num = articles.num AND v.version = articles.version)"
    )
    op.create_index("articles_edited", "articles", ["office", "edited", "num"])
