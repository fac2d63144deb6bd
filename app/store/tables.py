"""Defines the tables, which the first Alembic revision makes. Instants are whole microseconds since 1970 in UTC."""

from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
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
    literal_column,
    text,
    true,
)

from feeds import EPOCH

metadata = MetaData()
# SQLite generates row ids only in a column of type INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

offices = Table(
    "offices",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("regions", Text, nullable=False),  # region codes separated by spaces: the default for its releases
    Column("topics", Text, nullable=False),  # topic codes separated by spaces: the default for its releases
    Column("aliases", Text, nullable=False),  # other names, one on each line
    Column("others", Boolean, nullable=False),  # it may publish for all registered offices
    Column("parent", String(64), nullable=False),  # the office that it is part of; empty: none
    Column("timezone", String(64), nullable=False, server_default=""),  # IANA name; empty: not known
)

# Outlets, which may read articles under embargo. Limits are codes separated by spaces; empty: no limit of that kind.
outlets = Table(
    "outlets",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("regions", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("offices", Text, nullable=False),
    Column("site", Text, nullable=False, server_default=""),  # its own site
    Column("embargo", Boolean, nullable=False, server_default=true()),  # it may read under embargo
    Column("until", BigInteger),  # when its accreditation ends; empty: not by itself
    Column("suspended", BigInteger),  # until when it is suspended; empty or past: it is not
    Column("reason", Text, nullable=False, server_default=""),  # why it was suspended
)

# Requests to be accredited, or to stay accredited. app.store.accounts.applications.Application describes each column.
outlet_applications = Table(
    "outlet_applications",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("regions", Text, nullable=False),
    Column("offices", Text, nullable=False),
    Column("outlet", String(64), nullable=False),
    Column("lang", String(2), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("decided", BigInteger),
    Column("decider", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("outlet_applications_state", "state", "created"),
    Index("outlet_applications_outlet", "outlet"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256; the token itself is stored nowhere
    Column("id", String(12), nullable=False, unique=True),  # the first 12 hexadecimal digits of that hash
    Column("role", String(16), nullable=False),  # "admin", "editor", "reader" or "outlet"
    Column("scope", Text, nullable=False),  # words separated by spaces, as in RFC 6749, section 3.3
    Column("office", String(64), ForeignKey("offices.code")),  # empty for an admin's and an outlet's token
    Column("outlet", String(64), ForeignKey("outlets.code")),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("used", BigInteger),  # the last use, exact to a minute
    Column("revoked", BigInteger),
    Column("networks", Text, nullable=False, server_default=""),  # where it may be used, CIDR; empty: everywhere
)
Index("tokens_office", tokens.c.office)
Index("tokens_outlet", tokens.c.outlet)

# How often each token was used on a day, as the web workers counted it (app/web/counting.py).
token_uses = Table(
    "token_uses",
    metadata,
    Column("token", String(12), nullable=False),
    Column("day", Integer, nullable=False),  # since 1970, UTC
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("token", "day"),
    sqlite_with_rowid=False,
)
Index("token_uses_day", token_uses.c.day)

people = Table(
    "people",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # in lower case
    Column("name", Text, nullable=False),
    Column("password", Text, nullable=False),  # Argon2id, as app/accounts/passwords.py writes it; empty: none
    Column("admin", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column(
        "lang", String(8), nullable=False, server_default=""
    ),  # the language in which the person reads pages; empty: not known
)

memberships = Table(
    "memberships",
    metadata,
    Column("person", String(12), ForeignKey("people.id"), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), primary_key=True),
    Column("role", String(16), nullable=False),  # "editor", "writer" or "reader"
    Index("memberships_office", "office"),
)

outlet_memberships = Table(
    "outlet_memberships",
    metadata,
    Column("person", String(12), ForeignKey("people.id"), primary_key=True),
    Column("outlet", String(64), ForeignKey("outlets.code"), primary_key=True),
    Column("role", String(16), nullable=False, server_default="reader"),  # "editor" or "reader"
    Index("outlet_memberships_outlet", "outlet"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the cookie's secret, which is stored nowhere
    Column("id", String(12), nullable=False, unique=True),  # the first 12 hexadecimal digits of that hash
    Column("person", String(12), ForeignKey("people.id"), nullable=False),
    Column("begun", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),  # the last request, exact to a minute
    Column("agent", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("proven", BigInteger),  # when the person last showed again who they are; empty: never in this session
    Index("sessions_person", "person"),
)

# WebAuthn credentials.
passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("person", String(12), ForeignKey("people.id"), nullable=False),
    Column("credential", LargeBinary, nullable=False, unique=True),  # the authenticator's id of it
    Column("public_key", LargeBinary, nullable=False),  # COSE_Key (RFC 9052, section 7)
    Column("signs", BigInteger, nullable=False),  # the authenticator's count of signatures; 0: it does not count
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("used", BigInteger),
    Index("passkeys_person", "person"),
)

# Who a person is at a provider of OpenID Connect.
identities = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person", String(12), ForeignKey("people.id"), nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("identities_person", "person"),
)

# Challenges of WebAuthn and states of OpenID Connect that a browser may answer once.
ceremonies = Table(
    "ceremonies",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the challenge, which is stored nowhere
    Column("kind", String(16), nullable=False),
    Column("browser", LargeBinary(32), nullable=False),  # SHA-256 of the secret in the browser's cookie
    Column("session", String(12), nullable=False),  # id of the session that began it; empty: nobody was signed in
    Column("network", Text, nullable=False),
    Column("back", Text, nullable=False),  # the page to go to afterwards
    Column("begun", BigInteger, nullable=False),
    Index("ceremonies_begun", "begun"),
    Index("ceremonies_network", "network"),
)

one_time_links = Table(
    "one_time_links",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),  # "setup", "invite" or "reset"
    Column("email", Text, nullable=False),  # in lower case
    Column("office", String(64), nullable=False),
    Column("outlet", String(64), nullable=False, server_default=""),
    Column("role", String(16), nullable=False),
    Column("lang", String(2), nullable=False),
    Column("maker", Text, nullable=False),  # the actor who made it
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

# Public keys that verify the signatures of offices (Ed25519, RFC 8032).
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

# Used signatures, kept for as long as somebody could send them again.
used_signatures = Table(
    "used_signatures",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the signature
    Column("at", BigInteger, nullable=False),
)
Index("used_signatures_at", used_signatures.c.at)

# Drafts: what people write at the desk. app.store.desk.drafts.Draft describes each column.
drafts = Table(
    "drafts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), nullable=False),
    Column("guid", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("headline", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("author", String(12), nullable=False),
    Column("writer", String(12), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("article", String(32), nullable=False),
    Column("base", BigInteger, nullable=False),
    Column("submitter", String(12), nullable=False),
    Column("approver", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    Column("people", Text, nullable=False),  # ids, each between spaces
    Column("planned", BigInteger),
)
Index("drafts_office", drafts.c.office, drafts.c.state, drafts.c.updated, drafts.c.id)
# Count the drafts that everybody of an office may see, without reading them, and find the others, which are few.
_for_all, _limited = drafts.c.people == literal_column("''"), drafts.c.people != literal_column("''")
Index(
    "drafts_for_all",
    drafts.c.office,
    drafts.c.state,
    drafts.c.people,
    sqlite_where=_for_all,
    postgresql_where=_for_all,
)
Index("drafts_limited", drafts.c.office, drafts.c.state, sqlite_where=_limited, postgresql_where=_limited)
Index("drafts_article", drafts.c.article)
_planned = drafts.c.state == "scheduled"
Index("drafts_planned", drafts.c.planned, sqlite_where=_planned, postgresql_where=_planned)

draft_versions = Table(
    "draft_versions",
    metadata,
    Column("draft", String(16), ForeignKey("drafts.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("person", String(12), nullable=False),
    Column("begun", BigInteger, nullable=False),  # the first of the saves that this version stands for
    Column("at", BigInteger, nullable=False),
    Column("headline", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What a person wrote while another changed the draft.
draft_asides = Table(
    "draft_asides",
    metadata,
    Column("draft", String(16), ForeignKey("drafts.id"), primary_key=True),
    Column("person", String(12), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),  # the revision that it was made from
    Column("content", LargeBinary, nullable=False),
)

draft_presence = Table(
    "draft_presence",
    metadata,
    Column("draft", String(16), ForeignKey("drafts.id"), primary_key=True),
    Column("person", String(12), primary_key=True),
    Column("seen", BigInteger, nullable=False),
)

draft_files = Table(
    "draft_files",
    metadata,
    Column("draft", String(16), ForeignKey("drafts.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("mimetype", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("draft_files_sha256", "sha256"),
)

office_routines = Table(
    "office_routines",
    metadata,
    Column("office", String(64), ForeignKey("offices.code"), primary_key=True),
    Column("approval", Boolean, nullable=False),  # a second person approves each release
    Column("notice", Integer, nullable=False),  # minutes before an embargo lifts; 0: no notice
    Column("asker", String(12), nullable=False, server_default=""),  # who asked to end approval; empty: nobody
    Column("asked", BigInteger),
)

# Links by which a person of the desk shows a draft to others for a time. Only the hash of a link's secret is stored.
draft_links = Table(
    "draft_links",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False, unique=True),  # SHA-256 of the secret
    Column("draft", String(16), ForeignKey("drafts.id"), nullable=False),
    Column("person", String(12), nullable=False),  # who made it
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended", BigInteger),  # when it was revoked
    Column("opened", BigInteger, nullable=False),  # how often
    Column("last", BigInteger),  # when it was opened last
)
Index("draft_links_draft", draft_links.c.draft)

# What offices were notified of, each thing once.
office_notices = Table(
    "office_notices",
    metadata,
    Column("kind", String(16), primary_key=True),  # one of app.store.desk.notices.KINDS
    Column("subject", String(64), primary_key=True),  # an article or a draft, with the instant or the version
    Column("office", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index("office_notices_office", office_notices.c.office, office_notices.c.at)

# One row for each repeated check: the instant up to which it has looked.
desk_looks = Table(
    "desk_looks",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("upto", BigInteger, nullable=False),
)

# Templates of an office: the text of a draft under a name.
office_templates = Table(
    "office_templates",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("content", LargeBinary, nullable=False),  # as that of a draft
    Column("person", String(12), nullable=False),
    Column("updated", BigInteger, nullable=False),
)
Index("office_templates_name", office_templates.c.office, office_templates.c.name, unique=True)

# Contacts for readers; the desk offers them for each release.
office_contacts = Table(
    "office_contacts",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), nullable=False),
    Column("department", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
)
Index("office_contacts_office", office_contacts.c.office)

# Reporters who agreed to get an office's releases. Whether they confirmed it stands with their subscription.
reporters = Table(
    "reporters",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("office", String(64), ForeignKey("offices.code"), nullable=False),
    Column("name", Text, nullable=False),
    Column("outlet", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("query", Text, nullable=False),  # the canonical query of the beat
    Column("identity", LargeBinary(32), nullable=False),  # of the subscription
    Column("own", Boolean, nullable=False),  # they had subscribed by themselves
    Column("agreed", String(10), nullable=False),  # the day, "2026-03-09"
    Column("how", Text, nullable=False),  # how they agreed
    Column("person", String(12), nullable=False),  # who added them
    Column("created", BigInteger, nullable=False),
)
Index("reporters_email", reporters.c.office, reporters.c.email, unique=True)

# Documents as received, with any number of articles.
releases = Table(
    "releases",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("body", LargeBinary, nullable=False),
    Column("mimetype", Text, nullable=False),
    Column("office", String(64), nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # who sent it: "token …", "key …", or a command
    Column("signature", LargeBinary),  # the verified signature (app/accounts/signatures.py), JSON; empty: none
    Column("articles", Integer, nullable=False),  # the number in the body; 0: not known, so the body is never shown
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
    Column("public", Boolean, nullable=False),  # it has feed entries
    Column("seen", Boolean, nullable=False),  # it is or was public, so its cancellation may be shown
    Column("due", BigInteger),  # the end of its embargo; empty: it has none, or is held until released
    Column("sort", BigInteger),  # the `sort` of its feed entries; empty: it has none
    Column("edited", BigInteger, nullable=False),  # when its newest version was stored, or its hold ended
)
# Finds the articles that an office edited last.
Index("articles_edited", articles.c.office, articles.c.edited, articles.c.num)
# Finds the articles that an office withdrew: few, however large the archive is.
_withdrawn = articles.c.pubstatus != "usable"
Index(
    "articles_withdrawn",
    articles.c.office,
    articles.c.edited,
    articles.c.num,
    sqlite_where=_withdrawn,
    postgresql_where=_withdrawn,
)
# Finds the articles that an office corrected.
_corrected = articles.c.public & (articles.c.version > 1)
Index(
    "articles_corrected",
    articles.c.office,
    articles.c.edited,
    articles.c.num,
    sqlite_where=_corrected,
    postgresql_where=_corrected,
)
# Finds the articles of an office that wait: under embargo, or held.
_waits_there = ~articles.c.public & (articles.c.pubstatus == "usable")
Index(
    "articles_waiting",
    articles.c.office,
    articles.c.edited,
    articles.c.num,
    sqlite_where=_waits_there,
    postgresql_where=_waits_there,
)
# Finds the embargoes that end next. The index has few rows, however large the archive is.
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
    Column("receipt", LargeBinary, nullable=False),  # JSON, as it was sent
    Column("axes", LargeBinary, nullable=False),  # its places and topics (Keys), JSON
    Column(
        "request", String(64)
    ),  # the id of the request that sent it (app/requestid.py); empty: it was no request, or not noted
    PrimaryKeyConstraint("num", "version"),
)

# Finds the other articles of a release: one article that is not public hides the whole document.
Index("versions_release", versions.c.release)

# Sources that are pulled; app.store.accounts.sources.Source describes each column.
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
    Column("timezone", String(64), nullable=False, server_default=""),  # IANA name; empty: that of its office
)

# The files of an article's version, in the order of its enclosures. Their bytes are stored by hash (app/files/blobs.py).
files = Table(
    "files",
    metadata,
    Column("num", BigInteger, ForeignKey("articles.num"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),  # the position of the enclosure in the article, from 0
    Column("sha256", String(64), nullable=False),  # hexadecimal
    Column("name", Text, nullable=False),
    Column("mimetype", Text, nullable=False),  # detected from the bytes of the file
    Column("size", BigInteger, nullable=False),  # bytes
    Column("text", Text, nullable=False),  # the extracted text
    # "read", "cut", "unread" (no text is extracted from this type) or "failed"
    Column("state", String(16), nullable=False),
    PrimaryKeyConstraint("num", "version", "position"),
)
# Finds out whether a file may be served, and whether its bytes are still needed.
Index("files_sha256", files.c.sha256)

# Gives each place and topic a small number.
axis = Table(
    "axis",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
)

# The fan-out: an article has an entry in each feed that it belongs to, so that reading a feed is one range scan.
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

# How many public articles are in the feed of one place or one topic, by the span of time in which they last changed
# (app/store/feeds/amounts.py). A row is written with the feed entries that it counts.
feed_amounts = Table(
    "feed_amounts",
    metadata,
    Column("axis", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),  # the beginning of the span
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("axis", "since"),
    sqlite_with_rowid=False,
)

# The same fan-out for articles under embargo, for readers with embargoed access. No public query reads this table.
embargo_entries = Table(
    "embargo_entries",
    metadata,
    Column("place", Integer, nullable=False),
    Column("topic", Integer, nullable=False),
    Column("sort", BigInteger, nullable=False),  # when its newest version was stored
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("place", "topic", "sort", "num"),
    sqlite_with_rowid=False,
)
Index("embargo_entries_num", embargo_entries.c.num)

# Articles that left a feed: they were withdrawn, or a correction moved them to other feeds. Feeds tell their readers (RFC 6721).
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

# Every publication, correction and withdrawal, in commit order.
changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("num", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # "published", "corrected", "canceled" or "withheld"
    Column("at", BigInteger, nullable=False),
    Column("axes", LargeBinary, nullable=False),  # the Keys of its feeds before and after: JSON list
    # Random. After a restore, another change may have the same number, but it has another stamp.
    Column("stamp", BigInteger, nullable=False),
)

# Finds the changes of one article.
Index("changes_num", changes.c.num, changes.c.seq)

# One row. Raising `seq` inside the transaction makes numbers follow the commit order; a sequence of PostgreSQL would not.
counter = Table(
    "counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("instance", String(32), nullable=False),  # the random name of this history (app/store/identity.py)
    Column("secret", String(32), nullable=False),  # the key of cursors (app/query/cursors.py)
    Column(
        "waited", BigInteger, nullable=False
    ),  # the last number of a notice under embargo (app/store/deliveries/outbox.py)
    Column("home", Text, nullable=False),  # where the database was when `instance` was given
    Column("renewed", BigInteger, nullable=False),  # when `instance` was last renewed; 0: never
    # What the operator told the whole server (app/store/operation.py), as micros; 0: nothing.
    Column("held", BigInteger, nullable=False, server_default="0"),  # since when nothing is delivered or pulled
    Column("drained", BigInteger, nullable=False, server_default="0"),  # since when no release is taken
    Column("backed_up", BigInteger, nullable=False, server_default="0"),  # the moment that the last backup shows
)

# Articles that name another article, by its guid, as their translation.
translations = Table(
    "translations",
    metadata,
    Column("guid", Text, nullable=False),
    Column("num", BigInteger, nullable=False),
    PrimaryKeyConstraint("guid", "num"),
)
Index("translations_num", translations.c.num)

# Saved feeds: queries with a short name.
saved_feeds = Table(
    "saved_feeds",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("query", Text, nullable=False),  # in its canonical form
    Column("title", Text, nullable=False),  # empty: a title is made from the query
    Column("ended", BigInteger),  # when it was removed: from then on it only says that it has ended; None: it is in use
    Column("following", Text, nullable=False, server_default=""),  # what follows it: another name, or a query with "="
    Column("gone", Integer, nullable=False, server_default="0"),  # 1: its address answers 410
)

# The audit log: a chain of records. Triggers refuse to change or delete a row.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # "token …", "key …", "command", "worker" or "source …"
    Column("action", String(32), nullable=False),
    Column("office", String(64), nullable=False),  # the office of the article, token or key; empty: none
    Column("article", String(32), nullable=False),  # the public id of the article; empty: none
    Column("version", BigInteger, nullable=False),  # 0: none
    Column("detail", Text, nullable=False),  # JSON object
    Column("hash", LargeBinary(32), nullable=False),  # of the previous hash and this record (app/store/audit.py)
)
Index("audit_article", audit.c.article, audit.c.seq)
Index("audit_office", audit.c.office, audit.c.seq)
# Finds who fetched an article under embargo, and when first and last, however often they did. A push is recorded before it is sent,
# and need not arrive.
READ = """action = 'read' AND substr(detail, 1, 12) <> '{"as":"push '"""
_read = text(READ)
Index(
    "audit_readers",
    *(audit.c.article, audit.c.actor, audit.c.seq),
    sqlite_where=_read,
    postgresql_where=_read,
)

# One row: the end of the chain. Whoever appends to the log locks it.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# Counts recent refusals of a token or key. The first few get records of their own; the rest become one record of the audit log.
refusals = Table(
    "refusals",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("office", String(64), nullable=False),
    Column("since", BigInteger, nullable=False),  # the first refusal of the window
    Column("last", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("problems", Text, nullable=False),  # JSON object: type -> number of refusals without a record of their own
)

# What strangers made this server send: mails that ask for a confirmation, requests to callbacks that did not confirm.
attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),  # "mail", "hub", "test" or what else is counted
    Column("who", String(64), nullable=False),  # the mailbox or the subscription, hashed
    Column("site", Text, nullable=False),  # the domain that receives it
    Column("client", String(64), nullable=False),  # the network of the client, hashed; empty: not counted
    Column("state", String(8), nullable=False),  # "open", "good" (confirmed) or "dropped" (nothing was sent)
    Column("at", BigInteger, nullable=False),
)
Index("attempts_at", attempts.c.kind, attempts.c.at)
for _column in (attempts.c.who, attempts.c.site, attempts.c.client):
    Index(f"attempts_{_column.name}", attempts.c.kind, _column, attempts.c.at)

# Who is notified of changes, and where; app.store.deliveries.subscriptions.Subscription describes each column.
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
    Column("changed", BigInteger, nullable=False),
)
Index("subscriptions_host", subscriptions.c.host)
Index("subscriptions_outlet", subscriptions.c.outlet)
Index("subscriptions_saved", subscriptions.c.saved)
# Finds the leases that end next.
Index("subscriptions_expires", subscriptions.c.state, subscriptions.c.expires)
# Finds those that were paused or ended last.
Index("subscriptions_changed", subscriptions.c.state, subscriptions.c.changed)

# The feeds that each subscription asks for: the counterpart of the fan-out.
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

# When each subscription is due: one short row for each. Its line depends on its own last deliveries: PROMPT if the last answers came
# soon, NEW if none is known yet, SLOW if the last was slow or failed.
PROMPT, NEW, SLOW = 0, 1, 2
queue = Table(
    "queue",
    metadata,
    Column("subscription", BigInteger, primary_key=True, autoincrement=False),
    Column("host", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("bell", BigInteger, nullable=False),  # raised whenever a delivery is added
    Column("next", BigInteger),  # when it is due; empty: nothing waits
    Column("claim", Text, nullable=False),  # the worker that delivers until `next`; empty: none
    Column("attempts", Integer, nullable=False),  # of the first waiting delivery
    # The last row of the first waiting delivery, so that each attempt sends the same rows; 0: there was no attempt.
    Column("last", BigInteger, nullable=False),
    Column("failing", BigInteger),  # since when deliveries have failed; empty: the last one succeeded
    Column("line", SmallInteger, nullable=False, server_default="0"),  # PROMPT, NEW or SLOW
    # How many prompt answers are needed before the subscription is in the line PROMPT again.
    Column("owed", SmallInteger, nullable=False, server_default="0"),
    Column("site", Text, nullable=False, server_default=""),  # the registered domain of the host
    Column("account", Text, nullable=False, server_default=""),  # outlet or token; empty: neither
)
# Finds the due subscriptions of each line.
_due = queue.c.next.is_not(None) & ~queue.c.paused
Index("queue_due", queue.c.line, queue.c.next, sqlite_where=_due, postgresql_where=_due)
# Finds those whose deliveries fail, the longest first.
_fails = queue.c.failing.is_not(None)
Index("queue_failing", queue.c.failing, sqlite_where=_fails, postgresql_where=_fails)

# The subscriptions that were told that the region of their feed no longer exists.
told_endings = Table(
    "told_endings", metadata, Column("subscription", BigInteger, primary_key=True, autoincrement=False)
)

# Deliveries: waiting rows are the queue of a subscription, the others are its log.
deliveries = Table(
    "deliveries",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the change; for an article under embargo, of `counter.waited`
    Column("num", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # of the change; "embargoed" or "lapsed" for an article under embargo
    Column("at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # "waiting", "delivered", "dead", "replaced" or "dropped"
    Column("attempts", Integer, nullable=False),
    Column("status", Integer, nullable=False),  # of the last answer (HTTP or SMTP); 0: there was none
    Column("error", Text, nullable=False),
    Column("millis", Integer, nullable=False),  # duration of the last attempt
    Column("done", BigInteger),
    Column("stamp", BigInteger, nullable=False),  # random: `seq` alone may be given again after a restore
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
# Finds the deliveries of one article by their state.
Index(
    "deliveries_article",
    *(deliveries.c.num, deliveries.c.state, deliveries.c.subscription, deliveries.c.seq),
)

# The attempts to deliver that failed; app.store.deliveries.failed_attempts.FailedAttempt describes each column.
failed_attempts = Table(
    "failed_attempts",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("millis", Integer, nullable=False),
    PrimaryKeyConstraint("subscription", "at"),
    sqlite_with_rowid=False,
)
Index("failed_attempts_at", failed_attempts.c.at)

# Requests of subscribers to verify, and denials to send to them. The delivery worker handles them in their order.
intents = Table(
    "intents",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("identity", LargeBinary(32), nullable=False),
    Column("host", Text, nullable=False),
    Column("next", BigInteger, nullable=False),
    Column("claim", Text, nullable=False),
    Column("doc", LargeBinary, nullable=False),  # app.store.deliveries.intents.Intent, JSON
)
Index("intents_next", intents.c.next)
Index("intents_host", intents.c.host)
Index("intents_identity", intents.c.identity, intents.c.id)

# Total counts of deliveries, for the metrics.
delivered = Table(
    "delivered",
    metadata,
    Column("kind", String(16), nullable=False),
    Column("outcome", String(16), nullable=False),  # "delivered", "failed" or "dead"
    Column("count", BigInteger, nullable=False),
    Column("millis", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "outcome"),
)

# How often feeds were polled and pages of articles seen, as the web workers counted it (app/web/counting.py).
reach_counts = Table(
    "reach_counts",
    metadata,
    Column("kind", String(8), nullable=False),  # "poll" or "view"
    Column(
        "subject", Text, nullable=False
    ),  # of a poll the canonical query of the feed, of a view the article's public id
    Column("hour", Integer, nullable=False),  # since 1970, UTC
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "subject", "hour"),
    sqlite_with_rowid=False,
)
Index("reach_counts_hour", reach_counts.c.hour)

# Which polled feeds show the articles of each pair "place/topic".
reach_feeds = Table(
    "reach_feeds",
    metadata,
    Column("pair", Text, nullable=False),
    Column("complex", Boolean, nullable=False),  # an article of the pair need not be in the feed
    Column("feed", Text, nullable=False),  # its canonical query
    Column("hour", Integer, nullable=False),  # when the row was last written
    PrimaryKeyConstraint("pair", "complex", "feed"),
    sqlite_with_rowid=False,
)
Index("reach_feeds_hour", reach_feeds.c.hour)

# The largest number of subscribers that a feed reader said it polls a feed for, on each day.
reach_readers = Table(
    "reach_readers",
    metadata,
    Column("feed", Text, nullable=False),
    Column("day", Integer, nullable=False),  # since 1970, UTC
    Column("program", String(40), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("feed", "day", "program"),
    sqlite_with_rowid=False,
)
Index("reach_readers_day", reach_readers.c.day)

# Which outlets got a copy of an article under embargo, each version once: whose fingerprints a text is compared with.
outlet_copies = Table(
    "outlet_copies",
    metadata,
    Column("article", String(32), nullable=False),  # the public id
    Column("version", BigInteger, nullable=False),
    Column("outlet", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("article", "version", "outlet"),
    sqlite_with_rowid=False,
)

# Sequences of words of these articles, as numbers: they find the article of a text (app/text/fingerprint.py).
copy_words = Table(
    "copy_words",
    metadata,
    Column("words", BigInteger, nullable=False),
    Column("article", String(32), nullable=False),
    PrimaryKeyConstraint("words", "article"),
    sqlite_with_rowid=False,
)

# Events of the press calendar. Nothing here comes from a draft or an article: people wrote it for this calendar.
press_events = Table(
    "press_events",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("office", String(64), nullable=False),
    Column("starts", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # "told", "canceled" or "removed"
    Column("sequence", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("doc", LargeBinary, nullable=False),  # the PressEvent, JSON
)
Index("press_events_office", press_events.c.office, press_events.c.starts)

# Where events are found: the fan-out, as that of articles. Removed events have no rows.
press_event_places = Table(
    "press_event_places",
    metadata,
    Column("place", String(80), nullable=False),  # a region, an office or "*"
    Column("topic", String(80), nullable=False),  # or "*"
    Column("starts", BigInteger, nullable=False),
    Column("event", String(32), nullable=False),
    Column("ends", BigInteger, nullable=False),  # `starts` if that is not known
    Column("updated", BigInteger, nullable=False),
    PrimaryKeyConstraint("place", "topic", "starts", "event"),
    sqlite_with_rowid=False,
)
Index("press_event_places_event", press_event_places.c.event)
Index(
    "press_event_places_updated", press_event_places.c.place, press_event_places.c.topic, press_event_places.c.updated
)

# One row. Each write reads it beside the database's revision (app/store/engine.py), and is refused if its code is too old.
schema_version = Table(
    "schema_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("oldest", String(32), nullable=False),  # the oldest code that may run beside the schema; empty: any
)

# How far the backfills of migrations are (app/store/backfill.py).
backfills = Table(
    "backfills",
    metadata,
    Column("revision", String(32), primary_key=True),  # the migration that has it
    Column("place", Text, nullable=False),  # where the next batch begins, in the migration's own words
    Column("done", BigInteger, nullable=False),  # rows
    Column("total", BigInteger, nullable=False),  # rows, as estimated when it began
    Column("begun", BigInteger, nullable=False),
    Column("ended", BigInteger),
)


def micros(instant: datetime) -> int:
    """An instant as whole microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """The instant, in UTC, of a number of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


# What each host measured in a span of time (app/store/samples.py), for plots.
samples = Table(
    "samples",
    metadata,
    Column("name", String(32), nullable=False),
    Column("span", BigInteger, nullable=False),  # spans of app.store.samples.SPAN seconds since 1970
    Column("host", String(80), nullable=False),
    Column("value", Float, nullable=False),
    PrimaryKeyConstraint("name", "span", "host"),
    sqlite_with_rowid=False,
)
Index("samples_span", samples.c.span)

# The hosts whose server uses this database.
hosts = Table(
    "hosts",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("version", String(32), nullable=False),  # of the program
    Column("schema", String(32), nullable=False),  # that the program knows
    Column("started", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),  # when its worker last wrote
)
