"""The desk: drafts with their versions and files, who is at them, and how each office works."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
kind = "expand"

WITHDRAWN = "pubstatus <> 'usable'"
WAITING = "NOT public AND pubstatus = 'usable'"
ON_SQLITE = "public = 0 AND pubstatus = 'usable'"


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("author", sa.String(12), nullable=False),
        sa.Column("writer", sa.String(12), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("article", sa.String(32), nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("submitter", sa.String(12), nullable=False),
        sa.Column("approver", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("people", sa.Text, nullable=False),
        sa.Column("planned", sa.BigInteger),
    )
    op.create_index("drafts_office", "drafts", ["office", "state", "updated", "id"])
    op.create_index("drafts_article", "drafts", ["article"])
    scheduled = sa.text("state = 'scheduled'")
    op.create_index("drafts_planned", "drafts", ["planned"], sqlite_where=scheduled, postgresql_where=scheduled)
    op.create_table(
        "draft_versions",
        sa.Column("draft", sa.String(16), sa.ForeignKey("drafts.id"), primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("person", sa.String(12), nullable=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "draft_asides",
        sa.Column("draft", sa.String(16), sa.ForeignKey("drafts.id"), primary_key=True),
        sa.Column("person", sa.String(12), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "draft_presence",
        sa.Column("draft", sa.String(16), sa.ForeignKey("drafts.id"), primary_key=True),
        sa.Column("person", sa.String(12), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "draft_files",
        sa.Column("draft", sa.String(16), sa.ForeignKey("drafts.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("mimetype", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_index("draft_files_sha256", "draft_files", ["sha256"])
    op.create_table(
        "office_routines",
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), primary_key=True),
        sa.Column("approval", sa.Boolean, nullable=False),
        sa.Column("notice", sa.Integer, nullable=False),
    )
    columns = ["office", "edited", "num"]
    for name, postgres, sqlite in (
        ("articles_withdrawn", WITHDRAWN, WITHDRAWN),
        ("articles_waiting", WAITING, ON_SQLITE),
        ("articles_corrected", "public AND version > 1", "public = 1 AND version > 1"),
    ):
        op.create_index(name, "articles", columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgres))
