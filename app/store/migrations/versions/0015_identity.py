"""What tells one history of a database from another: a random stamp of each change, and where the database was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("counter", sa.Column("home", sa.Text, nullable=False, server_default=""))
    op.add_column("counter", sa.Column("renewed", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("deliveries", sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("changes", sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"))
    # Of what is here already, its instant: the same again when an older backup is upgraded once more.
    op.execute("UPDATE changes SET stamp = at")
