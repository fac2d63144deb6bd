"""What the operator told the whole server to do for a while, and when it was last backed up: columns with a default, which code that
does not know them leaves alone."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    for name in ("held", "drained", "backed_up"):
        op.add_column("counter", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
