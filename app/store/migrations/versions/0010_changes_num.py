"""What became of one article, found by its number: its versions are told from there."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("changes_num", "changes", ["num", "seq"])
