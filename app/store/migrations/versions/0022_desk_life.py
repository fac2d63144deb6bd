"""The life of a release at the desk: links to previews, notices, templates, contacts and lists of reporters."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.create_table(
        "draft_links",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("draft", sa.String(16), sa.ForeignKey("drafts.id"), nullable=False),
        sa.Column("person", sa.String(12), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger),
    )
    op.create_index("draft_links_draft", "draft_links", ["draft"])
    op.create_table(
        "office_notices",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("office_notices_office", "office_notices", ["office", "at"])
    op.create_table(
        "desk_looks",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("upto", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "office_templates",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("person", sa.String(12), nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_index("office_templates_name", "office_templates", ["office", "name"], unique=True)
    texts = ("department", "role", "name", "phone", "email")
    op.create_table(
        "office_contacts",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
    )
    op.create_index("office_contacts_office", "office_contacts", ["office"])
    op.create_table(
        "reporters",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "outlet", "email", "query")),
        sa.Column("identity", sa.LargeBinary(32), nullable=False),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("agreed", sa.String(10), nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("person", sa.String(12), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("reporters_email", "reporters", ["office", "email"], unique=True)
    op.create_index("subscriptions_changed", "subscriptions", ["state", "changed"])
