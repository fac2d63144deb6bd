"""Locks of the audit log that REPLACE does not get past; what refusals and requests by strangers are counted in.

SQLite runs no DELETE trigger for the row that REPLACE removes (https://www.sqlite.org/lang_conflict.html), so a trigger judges what
is put in. Administrators' tokens may read the metrics from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")

KEPT = "the audit log is only added to"
NEXT = "NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)"
BACK = (
    "NEW.id <> OLD.id OR NEW.seq < OLD.seq"
    " OR (NEW.seq > 0 AND NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash))"
)


def upgrade() -> None:
    op.execute("UPDATE tokens SET scope = scope || ' metrics' WHERE role = 'admin' AND scope LIKE '%admin%'")
    if op.get_bind().dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()
    op.create_table(
        "refusals",
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("problems", sa.Text, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("attempts_at", "attempts", ["kind", "at"])
    for name in ("who", "site", "client"):
        op.create_index(f"attempts_{name}", "attempts", ["kind", name, "at"])


def _sqlite() -> None:
    def trigger(name: str, when: str, table: str, condition: str = "") -> None:
        only = f" WHEN {condition}" if condition else ""
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} ON {table}{only} BEGIN SELECT RAISE(ABORT, '{KEPT}'); END")

    trigger("audit_kept_insert", "INSERT", "audit", NEXT)
    trigger("audit_head_insert", "INSERT", "audit_head")
    trigger("audit_head_update", "UPDATE", "audit_head", BACK)
    trigger("audit_head_delete", "DELETE", "audit_head")


def _postgresql() -> None:
    for name, condition in (("audit_next", NEXT), ("audit_forward", BACK)):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF {condition} THEN RAISE EXCEPTION '{KEPT}'; END IF; RETURN NEW; END $$"
        )
    op.execute("CREATE TRIGGER audit_next BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_next()")
    op.execute(
        "CREATE TRIGGER audit_head_next BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_forward()"
    )
    op.execute(
        "CREATE TRIGGER audit_head_kept BEFORE INSERT OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_kept()"
    )
    op.execute("CREATE TRIGGER audit_head_whole BEFORE TRUNCATE ON audit_head EXECUTE FUNCTION audit_kept()")
