"""Subscriptions, what each is told, and what the hub was asked for. Outlets' tokens may subscribe from now on."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("counter", sa.Column("waited", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE tokens SET scope = scope || ' subscribe' WHERE role = 'outlet'")
    _subscriptions()
    _queue()
    _intents()


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(16), nullable=False, unique=True),
        sa.Column("identity", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("saved", sa.String(64), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("pace", sa.String(16), nullable=False),
        sa.Column("embargoed", sa.Boolean, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("secret_before", sa.Text, nullable=False),
        sa.Column("secret_until", sa.BigInteger, nullable=False),
        sa.Column("token", sa.String(12), nullable=False),
        sa.Column("outlet", sa.String(64), nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("lang", sa.String(16), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_index("subscriptions_host", "subscriptions", ["host"])
    op.create_index("subscriptions_outlet", "subscriptions", ["outlet"])
    op.create_index("subscriptions_saved", "subscriptions", ["saved"])
    op.create_index("subscriptions_expires", "subscriptions", ["state", "expires"])
    op.create_table(
        "subscribed",
        sa.Column("embargoed", sa.Boolean, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("topic", sa.Integer, nullable=False),
        sa.Column("subscription", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("embargoed", "place", "topic", "subscription"),
        sqlite_with_rowid=False,
    )
    op.create_index("subscribed_subscription", "subscribed", ["subscription"])


def _queue() -> None:
    op.create_table(
        "queue",
        sa.Column("subscription", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("bell", sa.BigInteger, nullable=False),
        sa.Column("next", sa.BigInteger),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("failing", sa.BigInteger),
    )
    for name, attempts in (("queue_next", "attempts = 0"), ("queue_again", "attempts > 0")):
        due = sa.text(f"next IS NOT NULL AND NOT paused AND {attempts}")
        op.create_index(name, "queue", ["next"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "deliveries",
        sa.Column("subscription", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("millis", sa.Integer, nullable=False),
        sa.Column("done", sa.BigInteger),
        sa.PrimaryKeyConstraint("subscription", "seq"),
        sqlite_with_rowid=False,
    )
    waits = sa.text("state = 'waiting'")
    op.create_index(
        "deliveries_waiting", "deliveries", ["subscription", "seq"], sqlite_where=waits, postgresql_where=waits
    )
    op.create_index("deliveries_done", "deliveries", ["done"])
    op.create_table(
        "delivered",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("millis", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "outcome"),
    )


def _intents() -> None:
    op.create_table(
        "intents",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("identity", sa.LargeBinary(32), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("intents_next", "intents", ["next"])
    op.create_index("intents_host", "intents", ["host"])
    op.create_index("intents_identity", "intents", ["identity", "id"])
