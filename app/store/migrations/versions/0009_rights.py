"""Roles, outlets, keys, the audit log, and entries of what waits, made for what does so now. Tokens that are here push and read."""

import msgspec
import sqlalchemy as sa
from alembic import op

from app.store.keys import Keys

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEPT = "the audit log is only added to"


def upgrade() -> None:
    op.add_column("offices", sa.Column("parent", sa.String(64), nullable=False, server_default=""))
    op.add_column("releases", sa.Column("actor", sa.Text, nullable=False, server_default=""))
    op.add_column("releases", sa.Column("signature", sa.LargeBinary))
    _outlets()
    _tokens()
    _keys()
    _audit()
    _embargoes()


def _outlets() -> None:
    op.create_table(
        "outlets",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("offices", sa.Text, nullable=False),
    )


def _tokens() -> None:
    connection = op.get_bind()
    before = connection.execute(sa.text("SELECT hash, office, name, created FROM tokens")).all()
    op.drop_table("tokens")
    tokens = op.create_table(
        "tokens",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("id", sa.String(12), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code")),
        sa.Column("outlet", sa.String(64), sa.ForeignKey("outlets.code")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("used", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_index("tokens_office", "tokens", ["office"])
    op.create_index("tokens_outlet", "tokens", ["outlet"])
    rows = [
        {
            "hash": bytes(row.hash),
            "id": bytes(row.hash).hex()[:12],
            "role": "editor",
            "scope": "publish read",
            "office": row.office,
            "name": row.name,
            "created": row.created,
        }
        for row in before
    ]
    if rows:
        op.bulk_insert(tokens, rows)


def _keys() -> None:
    op.create_table(
        "office_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("office", sa.String(64), sa.ForeignKey("offices.code"), nullable=False),
        sa.Column("public", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_table(
        "used_signatures",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("used_signatures_at", "used_signatures", ["at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("article", sa.String(32), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("audit_article", "audit", ["article", "seq"])
    op.create_index("audit_office", "audit", ["office", "seq"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": bytes(32)}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_kept()"
        )
        op.execute("CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_kept()")
        return
    for when in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_kept_{when.lower()} BEFORE {when} ON audit BEGIN SELECT RAISE(ABORT, '{KEPT}'); END"
        )


def _embargoes() -> None:
    op.create_table(
        "embargo_entries",
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("topic", sa.Integer, nullable=False),
        sa.Column("sort", sa.BigInteger, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "topic", "sort", "num"),
        sqlite_with_rowid=False,
    )
    op.create_index("embargo_entries_num", "embargo_entries", ["num"])
    connection = op.get_bind()
    waiting = connection.execute(
        sa.text(
            "SELECT a.num, a.edited, v.axes FROM articles a JOIN versions v ON v.num = a.num AND v.version = a.version"
            " WHERE NOT a.public AND a.pubstatus = 'usable'"
        )
    ).all()
    for row in waiting:
        for place, topic in msgspec.json.decode(row.axes, type=Keys).pairs():
            for name in (place, topic):
                if (
                    connection.execute(sa.text("SELECT 1 FROM axis WHERE name = :name"), {"name": name}).scalar()
                    is None
                ):
                    connection.execute(sa.text("INSERT INTO axis (name) VALUES (:name)"), {"name": name})
            connection.execute(
                sa.text(
                    "INSERT INTO embargo_entries (place, topic, sort, num) SELECT p.id, t.id, :sort, :num"
                    " FROM axis p, axis t WHERE p.name = :place AND t.name = :topic"
                ),
                {"sort": row.edited, "num": row.num, "place": place, "topic": topic},
            )
