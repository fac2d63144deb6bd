"""The first tables."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "offices",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("mimetype", sa.Text, nullable=False),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "articles",
        sa.Column("num", BigId, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("guid", sa.Text, nullable=False, unique=True),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("pubstatus", sa.String(16), nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("sort", sa.BigInteger),
    )
    some = sa.text("due IS NOT NULL")
    op.create_index("articles_due", "articles", ["due"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "versions",
        sa.Column("num", BigId, sa.ForeignKey("articles.num"), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("release", BigId, sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        sa.Column("axes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("num", "version"),
    )
    op.create_index("versions_release", "versions", ["release"])
    op.create_table(
        "axis",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "feed_entries",
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("topic", sa.Integer, nullable=False),
        sa.Column("sort", sa.BigInteger, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "topic", "sort", "num"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("axes", sa.LargeBinary, nullable=False),
    )
    counter = op.create_table(
        "counter",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.String(32), nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "seq": 0, "instance": secrets.token_hex(8)}])
