"""The newsroom: accreditation with an end, suspension, applications, editors of outlets, and where and how often tokens are used."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.add_column("outlets", sa.Column("site", sa.Text, nullable=False, server_default=""))
    op.add_column("outlets", sa.Column("embargo", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("outlets", sa.Column("until", sa.BigInteger))
    op.add_column("outlets", sa.Column("suspended", sa.BigInteger))
    op.add_column("outlets", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("networks", sa.Text, nullable=False, server_default=""))
    op.add_column("outlet_memberships", sa.Column("role", sa.String(16), nullable=False, server_default="reader"))
    op.create_table(
        "token_uses",
        sa.Column("token", sa.String(12), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("token_uses_day", "token_uses", ["day"])
    texts = ("name", "site", "person", "email", "why", "regions", "offices")
    op.create_table(
        "outlet_applications",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("outlet", sa.String(64), nullable=False),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("decided", sa.BigInteger),
        sa.Column("decider", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("outlet_applications_state", "outlet_applications", ["state", "created"])
    op.create_index("outlet_applications_outlet", "outlet_applications", ["outlet"])
