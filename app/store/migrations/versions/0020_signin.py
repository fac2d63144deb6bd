"""Passkeys, sign-in by OpenID Connect, members of outlets, and when somebody last showed again who they are."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("proven", sa.BigInteger))
    op.add_column("one_time_links", sa.Column("outlet", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "outlet_memberships",
        sa.Column("person", sa.String(12), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("outlet", sa.String(64), sa.ForeignKey("outlets.code"), primary_key=True),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("person", sa.String(12), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("credential", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("signs", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger),
    )
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("person", sa.String(12), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ceremonies",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("browser", sa.LargeBinary(32), nullable=False),
        sa.Column("session", sa.String(12), nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("back", sa.Text, nullable=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
    )
    op.create_index("outlet_memberships_outlet", "outlet_memberships", ["outlet"])
    op.create_index("passkeys_person", "passkeys", ["person"])
    op.create_index("identities_person", "identities", ["person"])
    op.create_index("ceremonies_begun", "ceremonies", ["begun"])
    op.create_index("ceremonies_network", "ceremonies", ["network"])
