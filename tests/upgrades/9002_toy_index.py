"""An index of the notes, made while others write."""

from app.store.migrations.steps import drop_index_online, index_online

revision = "9002"
down_revision = "9001"
branch_labels = None
depends_on = None
kind = "expand"


def upgrade() -> None:
    index_online("articles_toy_note", "articles", ["toy_note"])


def downgrade() -> None:
    drop_index_online("articles_toy_note", "articles")
