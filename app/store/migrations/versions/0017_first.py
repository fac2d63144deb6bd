"""Every table, as it was when the server was first offered to others, with the rows and triggers that it needs.

SQLite runs no DELETE trigger for the row that REPLACE removes (https://www.sqlite.org/lang_conflict.html), so a trigger judges what
is put into the audit log.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = None
branch_labels = None
depends_on = None
kind = "expand"

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KEPT = "the audit log is only added to"
NEXT = "NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit)"
BACK = (
    "NEW.id <> OLD.id OR NEW.seq < OLD.seq"
    " OR (NEW.seq > 0 AND NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash))"
)


def upgrade() -> None:
    _accounts()
    _articles()
    _feeds()
    _search()
    _audit()
    _deliveries()
    _first_rows()
    if op.get_bind().dialect.name == "postgresql":
        _locks_on_postgresql()
    else:
        _locks_on_sqlite()


def _accounts() -> None:
    op.create_table(
        "offices",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("aliases", sa.Text, nullable=False),
        sa.Column("others", sa.Boolean, nullable=False),
        sa.Column("parent", sa.String(64), nullable=False),
    )
    op.create_table(
        "outlets",
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("regions", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("offices", sa.Text, nullable=False),
    )
    op.create_table(
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


def _articles() -> None:
    op.create_table(
        "releases",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("mimetype", sa.Text, nullable=False),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary),
        sa.Column("articles", sa.Integer, nullable=False),
    )
    op.create_table(
        "articles",
        sa.Column("num", BigId, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("guid", sa.Text, nullable=False, unique=True),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("pubstatus", sa.String(16), nullable=False),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("due", sa.BigInteger),
        sa.Column("sort", sa.BigInteger),
        sa.Column("edited", sa.BigInteger, nullable=False),
    )
    some = sa.text("due IS NOT NULL")
    op.create_index("articles_due", "articles", ["due"], sqlite_where=some, postgresql_where=some)
    op.create_index("articles_edited", "articles", ["office", "edited", "num"])
    op.create_table(
        "versions",
        sa.Column("num", BigId, sa.ForeignKey("articles.num"), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("release", BigId, sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        sa.Column("axes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("num", "version"),
    )
    op.create_index("versions_release", "versions", ["release"])
    op.create_table(
        "files",
        sa.Column("num", sa.BigInteger, sa.ForeignKey("articles.num"), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("mimetype", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("num", "version", "position"),
    )
    op.create_index("files_sha256", "files", ["sha256"])
    op.create_table(
        "translations",
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("guid", "num"),
    )
    op.create_index("translations_num", "translations", ["num"])


def _feeds() -> None:
    op.create_table(
        "axis",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "feed_entries",
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("topic", sa.Integer, nullable=False),
        sa.Column("sort", sa.BigInteger, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "topic", "sort", "num"),
        sqlite_with_rowid=False,
    )
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
    op.create_table(
        "withdrawals",
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("topic", sa.Integer, nullable=False),
        sa.Column("sort", sa.BigInteger, nullable=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "topic", "sort", "num"),
        sqlite_with_rowid=False,
    )
    op.create_index("withdrawals_num", "withdrawals", ["num"])
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("num", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("axes", sa.LargeBinary, nullable=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
    )
    op.create_index("changes_num", "changes", ["num", "seq"])
    op.create_table(
        "counter",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.String(32), nullable=False),
        sa.Column("secret", sa.String(32), nullable=False),
        sa.Column("waited", sa.BigInteger, nullable=False),
        sa.Column("home", sa.Text, nullable=False),
        sa.Column("renewed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sources",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("dialect", sa.String(32), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("office", sa.String(64), nullable=False),
        sa.Column("every", sa.Integer, nullable=False),
        sa.Column("silent_after", sa.Integer, nullable=False),
        sa.Column("private", sa.Boolean, nullable=False),
        sa.Column("next_due", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("modified", sa.Text, nullable=False),
        sa.Column("last_ok", sa.BigInteger, nullable=False),
        sa.Column("last_new", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("items", sa.Integer, nullable=False),
        sa.Column("alarm", sa.String(16), nullable=False),
    )
    op.create_table(
        "saved_feeds",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
    )


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
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
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
    op.create_index("attempts_client", "attempts", ["kind", "client", "at"])
    op.create_index("attempts_site", "attempts", ["kind", "site", "at"])
    op.create_index("attempts_who", "attempts", ["kind", "who", "at"])


def _deliveries() -> None:
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
    op.create_index("subscriptions_expires", "subscriptions", ["state", "expires"])
    op.create_index("subscriptions_host", "subscriptions", ["host"])
    op.create_index("subscriptions_outlet", "subscriptions", ["outlet"])
    op.create_index("subscriptions_saved", "subscriptions", ["saved"])
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
        sa.Column("line", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("owed", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("site", sa.Text, nullable=False, server_default=""),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
    )
    some = sa.text("next IS NOT NULL AND NOT paused")
    op.create_index("queue_due", "queue", ["line", "next"], sqlite_where=some, postgresql_where=some)
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
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subscription", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("deliveries_done", "deliveries", ["done"])
    some = sa.text("state = 'waiting'")
    op.create_index(
        "deliveries_waiting", "deliveries", ["subscription", "seq"], sqlite_where=some, postgresql_where=some
    )
    op.create_table(
        "delivered",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("millis", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "outcome"),
    )
    op.create_table(
        "intents",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("identity", sa.LargeBinary(32), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("intents_host", "intents", ["host"])
    op.create_index("intents_identity", "intents", ["identity", "id"])
    op.create_index("intents_next", "intents", ["next"])


def _search() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE search (num BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX search_words ON search USING gin (words)")
    else:
        op.execute('CREATE VIRTUAL TABLE search USING fts5(words, tokenize = "ascii")')


def _first_rows() -> None:
    columns = ("id", "seq", "instance", "secret", "waited", "home", "renewed")
    first = (1, 0, secrets.token_hex(8), secrets.token_hex(16), 0, "", 0)
    op.bulk_insert(sa.table("counter", *map(sa.column, columns)), [dict(zip(columns, first, strict=True))])
    head = sa.table("audit_head", sa.column("id"), sa.column("seq"), sa.column("hash", sa.LargeBinary))
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": bytes(32)}])


def _locks_on_sqlite() -> None:
    def trigger(name: str, when: str, table: str, condition: str = "") -> None:
        only = f" WHEN {condition}" if condition else ""
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} ON {table}{only} BEGIN SELECT RAISE(ABORT, '{KEPT}'); END")

    trigger("audit_kept_update", "UPDATE", "audit")
    trigger("audit_kept_delete", "DELETE", "audit")
    trigger("audit_kept_insert", "INSERT", "audit", NEXT)
    trigger("audit_head_insert", "INSERT", "audit_head")
    trigger("audit_head_update", "UPDATE", "audit_head", BACK)
    trigger("audit_head_delete", "DELETE", "audit_head")


def _locks_on_postgresql() -> None:
    def function(name: str, body: str) -> None:
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")

    def trigger(name: str, when: str, called: str, each: str = "FOR EACH ROW ") -> None:
        op.execute(f"CREATE TRIGGER {name} BEFORE {when} {each}EXECUTE FUNCTION {called}()")

    function("audit_kept", f"RAISE EXCEPTION '{KEPT}';")
    for name, condition in (("audit_next", NEXT), ("audit_forward", BACK)):
        function(name, f"IF {condition} THEN RAISE EXCEPTION '{KEPT}'; END IF; RETURN NEW;")
    trigger("audit_kept", "UPDATE OR DELETE ON audit", "audit_kept")
    trigger("audit_whole", "TRUNCATE ON audit", "audit_kept", "")
    trigger("audit_next", "INSERT ON audit", "audit_next")
    trigger("audit_head_next", "UPDATE ON audit_head", "audit_forward")
    trigger("audit_head_kept", "INSERT OR DELETE ON audit_head", "audit_kept")
    trigger("audit_head_whole", "TRUNCATE ON audit_head", "audit_kept", "")
