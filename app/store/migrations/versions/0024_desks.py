"""Desks: indexes that count the drafts of an office without reading them, who asked to end the approval by a second person, and the
language in which a person reads."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    for_all, limited = sa.text("people = ''"), sa.text("people != ''")
    columns = ["office", "state", "people"]
    op.create_index("drafts_for_all", "drafts", columns, sqlite_where=for_all, postgresql_where=for_all)
    op.add_column("people", sa.Column("lang", sa.String(8), nullable=False, server_default=""))
    op.add_column("office_routines", sa.Column("asker", sa.String(12), nullable=False, server_default=""))
    op.add_column("office_routines", sa.Column("asked", sa.BigInteger))
    op.create_index("drafts_limited", "drafts", columns[:2], sqlite_where=limited, postgresql_where=limited)
