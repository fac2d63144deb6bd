"""The tables; the first Alembic revision makes them. Instants are whole microseconds since 1970 in UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData()
# SQLite numbers rows by itself only in a column of type INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

offices = Table(
    "offices",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("regions", Text, nullable=False),  # region codes parted by a space: the default of its releases
    Column("topics", Text, nullable=False),  # likewise
    Column("aliases", Text, nullable=False),  # other names, a line each
    Column("others", Boolean, nullable=False),  # it may publish for all that are registered
    Column("parent", String(64), nullable=False),  # the office it is part of; empty: none
)

# Who reads under embargo. Limits are codes parted by a space; empty: no limit of that kind.
outlets = Table(
    "outlets",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("regions", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("offices", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256; the token itself is kept nowhere
    Column(
        "id", String(12), nullable=False, unique=True
    ),  # what it is called: the first half of 12 octets of that hash
    Column("role", String(16), nullable=False),  # "admin", "editor", "reader" or "outlet"
    Column("scope", Text, nullable=False),  # words parted by a space, as in RFC 6749, section 3.3
    Column("office", String(64), ForeignKey("offices.code")),  # an admin's and an outlet's have none
    Column("outlet", String(64), ForeignKey("outlets.code")),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("used", BigInteger),  # last, within a minute
    Column("revoked", BigInteger),
)
Index("tokens_office", tokens.c.office)
Index("tokens_outlet", tokens.c.outlet)

# Public keys with which offices sign their releases (Ed25519, RFC 8032).
office_keys = Table(
    "office_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), nullable=False),
    Column("public", LargeBinary(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger),
)

# Signatures that were used, for as long as they could be used again.
used_signatures = Table(
    "used_signatures",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the signature
    Column("at", BigInteger, nullable=False),
)
Index("used_signatures_at", used_signatures.c.at)

# A document as received, whatever the number of its articles.
releases = Table(
    "releases",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("body", LargeBinary, nullable=False),
    Column("mimetype", Text, nullable=False),
    Column("office", String(64), nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # who sent it: "token …", "key …", or a command
    Column("signature", LargeBinary),  # as it was verified (app/accounts/signatures.py), JSON; empty: it came by token
    Column("articles", Integer, nullable=False),  # that the body holds; 0: not known, and then it is shown to nobody
)

articles = Table(
    "articles",
    metadata,
    Column("num", BigId, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("guid", Text, nullable=False, unique=True),
    Column("office", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("pubstatus", String(16), nullable=False),
    Column("public", Boolean, nullable=False),  # its entries exist
    Column("seen", Boolean, nullable=False),  # it was public once: its cancellation may be told
    Column("due", BigInteger),  # the embargo's instant; empty: none, or held until released
    Column("sort", BigInteger),  # where its entries stand; empty while it has none
    Column("edited", BigInteger, nullable=False),  # when its newest version came
)
# What an office edited last.
Index("articles_edited", articles.c.office, articles.c.edited, articles.c.num)
# What the worker lifts next: few rows, whatever the archive.
Index(
    "articles_due",
    articles.c.due,
    sqlite_where=articles.c.due.is_not(None),
    postgresql_where=articles.c.due.is_not(None),
)

versions = Table(
    "versions",
    metadata,
    Column("num", BigId, ForeignKey("articles.num"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("release", BigId, ForeignKey("releases.id"), nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("doc", LargeBinary, nullable=False),  # the Article, JSON
    Column("receipt", LargeBinary, nullable=False),  # JSON, as it was given
    Column("axes", LargeBinary, nullable=False),  # its places and topics (Keys), JSON
    PrimaryKeyConstraint("num", "version"),
)

# The originals hold several articles; one that is not public hides the whole document.
Index("versions_release", versions.c.release)

# What is pulled; app.store.sources.Source describes each column.
sources = Table(
    "sources",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("dialect", String(32), nullable=False),
    Column("url", Text, nullable=False),
    Column("office", String(64), nullable=False),
    Column("every", Integer, nullable=False),
    Column("silent_after", Integer, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("next_due", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Text, nullable=False),
    Column("last_ok", BigInteger, nullable=False),
    Column("last_new", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("alarm", String(16), nullable=False),
)

# The files of an article's version, in the order of its enclosures. Their bytes are kept by hash (app/files/blobs.py).
files = Table(
    "files",
    metadata,
    Column("num", BigInteger, ForeignKey("articles.num"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),  # of the enclosure in its article, from 0
    Column("sha256", String(64), nullable=False),  # hexadecimal
    Column("name", Text, nullable=False),
    Column("mimetype", Text, nullable=False),  # by the file's own bytes
    Column("size", BigInteger, nullable=False),  # bytes
    Column("text", Text, nullable=False),  # what it says, where it was read
    Column("state", String(16), nullable=False),  # "read", "cut", "unread" (a type that is not read) or "failed"
    PrimaryKeyConstraint("num", "version", "position"),
)
# Whether a file may be served, and whether its bytes are still wanted.
Index("files_sha256", files.c.sha256)

# Places and topics by small number.
axis = Table(
    "axis",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
)

# The fan-out: an article stands in each feed it belongs to, so that reading a feed is one range scan.
feed_entries = Table(
    "feed_entries",
    metadata,
    Column("place", Integer, nullable=False),
    Column("topic", Integer, nullable=False),
    Column("sort", BigInteger, nullable=False),
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("place", "topic", "sort", "num"),
    sqlite_with_rowid=False,
)

# What waits, for those who may read it before: the same fan-out, and no public question ever looks here.
embargo_entries = Table(
    "embargo_entries",
    metadata,
    Column("place", Integer, nullable=False),
    Column("topic", Integer, nullable=False),
    Column("sort", BigInteger, nullable=False),  # when its newest version came
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("place", "topic", "sort", "num"),
    sqlite_with_rowid=False,
)
Index("embargo_entries_num", embargo_entries.c.num)

# What left a feed: canceled, or corrected so that it belongs elsewhere. A feed tells its readers (RFC 6721).
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("place", Integer, nullable=False),
    Column("topic", Integer, nullable=False),
    Column("sort", BigInteger, nullable=False),  # when it left
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("place", "topic", "sort", "num"),
    sqlite_with_rowid=False,
)
Index("withdrawals_num", withdrawals.c.num)

# Everything that became visible, corrected or canceled, in commit order.
changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("num", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # "published", "corrected", "canceled" or "withheld"
    Column("at", BigInteger, nullable=False),
    Column("axes", LargeBinary, nullable=False),  # the Keys whose feeds show it, before and after: JSON list
    Column(
        "stamp", BigInteger, nullable=False
    ),  # random: after a restore another change has this number, and another stamp
)

# What became of one article.
Index("changes_num", changes.c.num, changes.c.seq)

# One row. Raising it inside the transaction gives commit order on PostgreSQL, where a sequence does not.
counter = Table(
    "counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("instance", String(32), nullable=False),  # the random name of this history (app/store/identity.py)
    Column("secret", String(32), nullable=False),  # seals the numbers in cursors (app/query/query.py)
    Column(
        "waited", BigInteger, nullable=False
    ),  # counts what accredited subscribers are told of what is under embargo
    Column("home", Text, nullable=False),  # where the database was when that name was given
    Column("renewed", BigInteger, nullable=False),  # when the name was last renewed; 0: never
)

# An article names another, by guid, as itself in another language.
translations = Table(
    "translations",
    metadata,
    Column("guid", Text, nullable=False),
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("guid", "num"),
)
Index("translations_num", translations.c.num)

# Feeds with a short name.
saved_feeds = Table(
    "saved_feeds",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("query", Text, nullable=False),  # in its canonical form
    Column("title", Text, nullable=False),  # empty: made of the query
)

# Who did what, in one chain: a trigger refuses to change or to remove a row.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # "token …", "key …", "command", "worker" or "source …"
    Column("action", String(32), nullable=False),
    Column("office", String(64), nullable=False),  # whose article, token or key it is; empty: none
    Column("article", String(32), nullable=False),  # its public id; empty: none
    Column("version", BigInteger, nullable=False),  # 0: none
    Column("detail", Text, nullable=False),  # JSON object
    Column("hash", LargeBinary(32), nullable=False),  # of the one before, and of this one (app/store/audit.py)
)
Index("audit_article", audit.c.article, audit.c.seq)
Index("audit_office", audit.c.office, audit.c.seq)

# One row: where the chain ends. Locked by who appends to it.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# What a token or a key was refused lately: beyond a few, refusals are counted here and become one record of the audit log.
refusals = Table(
    "refusals",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("office", String(64), nullable=False),
    Column("since", BigInteger, nullable=False),  # the first that is counted
    Column("last", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("problems", Text, nullable=False),  # JSON object: type -> how many of those that have no record
)

# What strangers had this server do to others: mails that ask for a confirmation, callbacks that did not confirm.
attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),  # "mail" or "hub"
    Column("who", String(64), nullable=False),  # the mailbox or the subscription, hashed
    Column("site", Text, nullable=False),  # the domain that bears the work
    Column("client", String(64), nullable=False),  # who asked, hashed; empty: not counted
    Column("state", String(8), nullable=False),  # "open", "good" (confirmed) or "dropped" (nothing was sent)
    Column("at", BigInteger, nullable=False),
)
Index("attempts_at", attempts.c.kind, attempts.c.at)
for _column in (attempts.c.who, attempts.c.site, attempts.c.client):
    Index(f"attempts_{_column.name}", attempts.c.kind, _column, attempts.c.at)

# Who is told of changes, and where: app.store.subscriptions.Subscription describes each column.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(16), nullable=False, unique=True),
    Column("identity", LargeBinary(32), nullable=False, unique=True),  # SHA-256 of kind, topic and target
    Column("kind", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("saved", String(64), nullable=False),
    Column("format", String(16), nullable=False),
    Column("pace", String(16), nullable=False),
    Column("embargoed", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    Column("secret_before", Text, nullable=False),
    Column("secret_until", BigInteger, nullable=False),
    Column("token", String(12), nullable=False),
    Column("outlet", String(64), nullable=False),
    Column("contact", Text, nullable=False),
    Column("lang", String(16), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),  # when its state did
)
Index("subscriptions_host", subscriptions.c.host)
Index("subscriptions_outlet", subscriptions.c.outlet)
Index("subscriptions_saved", subscriptions.c.saved)
# What ends next.
Index("subscriptions_expires", subscriptions.c.state, subscriptions.c.expires)

# Which feeds each of them is told of: the other side of the fan-out.
subscribed = Table(
    "subscribed",
    metadata,
    Column("embargoed", Boolean, nullable=False),
    Column("place", Integer, nullable=False),
    Column("topic", Integer, nullable=False),
    Column("subscription", BigInteger, nullable=False),
    PrimaryKeyConstraint("embargoed", "place", "topic", "subscription"),
    sqlite_with_rowid=False,
)
Index("subscribed_subscription", subscribed.c.subscription)

# Whose turn it is: a short row for each subscription. Its line says what its own last deliveries were like:
PROMPT, NEW, SLOW = 0, 1, 2  # the last answers came soon; none is known yet; the last was slow, or none came
queue = Table(
    "queue",
    metadata,
    Column("subscription", BigInteger, primary_key=True, autoincrement=False),
    Column("host", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("bell", BigInteger, nullable=False),  # raised whenever something is added
    Column("next", BigInteger),  # when it is looked at; empty: nothing waits
    Column("claim", Text, nullable=False),  # who delivers, until `next`; empty: nobody
    Column("attempts", Integer, nullable=False),  # of the delivery that waits first
    Column(
        "last", BigInteger, nullable=False
    ),  # that delivery's last row, so that it stays the same; 0: none was tried
    Column("failing", BigInteger),  # since when nothing arrived; empty: the last arrived
    Column("line", SmallInteger, nullable=False, server_default="0"),  # PROMPT, NEW or SLOW
    Column(
        "owed", SmallInteger, nullable=False, server_default="0"
    ),  # prompt answers, until it is among the prompt again
    Column("site", Text, nullable=False, server_default=""),  # the domain of the host that somebody registered
    Column("account", Text, nullable=False, server_default=""),  # outlet or token; empty: neither
)
# What is due, in each line.
_due = queue.c.next.is_not(None) & ~queue.c.paused
Index("queue_due", queue.c.line, queue.c.next, sqlite_where=_due, postgresql_where=_due)

# What each is told: the queue while it waits, the log afterwards.
deliveries = Table(
    "deliveries",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the change; of what is under embargo, of its own count
    Column("num", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # of the change; "embargoed" and "lapsed" of what is under embargo
    Column("at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # "waiting", "delivered", "dead", "replaced" or "dropped"
    Column("attempts", Integer, nullable=False),
    Column("status", Integer, nullable=False),  # of the last answer (HTTP, SMTP); 0: there was none
    Column("error", Text, nullable=False),
    Column("millis", Integer, nullable=False),  # that the last attempt took
    Column("done", BigInteger),
    Column("stamp", BigInteger, nullable=False),  # random: names the delivery, whatever number it gets after a restore
    PrimaryKeyConstraint("subscription", "seq"),
    sqlite_with_rowid=False,
)
_waits = deliveries.c.state == "waiting"
Index(
    "deliveries_waiting",
    deliveries.c.subscription,
    deliveries.c.seq,
    sqlite_where=_waits,
    postgresql_where=_waits,
)
Index("deliveries_done", deliveries.c.done)

# What subscribers asked the hub for and what has to be told them: verified and told by the delivery worker, in their order.
intents = Table(
    "intents",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("identity", LargeBinary(32), nullable=False),
    Column("host", Text, nullable=False),
    Column("next", BigInteger, nullable=False),
    Column("claim", Text, nullable=False),
    Column("doc", LargeBinary, nullable=False),  # app.store.intents.Intent, JSON
)
Index("intents_next", intents.c.next)
Index("intents_host", intents.c.host)
Index("intents_identity", intents.c.identity, intents.c.id)

# What was delivered since the first, for the metrics.
delivered = Table(
    "delivered",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("outcome", String(16), nullable=False),  # "delivered", "failed" or "dead"
    Column("count", BigInteger, nullable=False),
    Column("millis", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "outcome"),
)
