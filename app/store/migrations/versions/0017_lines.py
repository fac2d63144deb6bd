"""Subscriptions wait in a line by how soon they answer; sites and accounts have shares of each."""

import sqlalchemy as sa
from alembic import op

from app.accounts.sites import site

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind, default in (
        ("line", sa.SmallInteger, "0"),
        ("owed", sa.SmallInteger, "0"),
        ("site", sa.Text, ""),
        ("account", sa.Text, ""),
    ):
        op.add_column("queue", sa.Column(name, kind, nullable=False, server_default=default))
    op.execute("UPDATE queue SET line = 2 WHERE attempts > 0")
    whose = "SELECT CASE WHEN outlet <> '' THEN outlet ELSE token END FROM subscriptions WHERE id = queue.subscription"
    op.execute(f"UPDATE queue SET account = COALESCE(({whose}), '')")
    connection = op.get_bind()
    for (host,) in connection.execute(sa.text("SELECT DISTINCT host FROM queue")).all():
        connection.execute(
            sa.text("UPDATE queue SET site = :site WHERE host = :host"), {"site": site(host), "host": host}
        )
    for name in ("queue_next", "queue_again"):
        op.drop_index(name, "queue")
    due = sa.text("next IS NOT NULL AND NOT paused")
    op.create_index("queue_due", "queue", ["line", "next"], sqlite_where=due, postgresql_where=due)
