"""Full text of what is public, entries by genre and licence (both written anew for what is here), and what left its feeds."""

import msgspec
import sqlalchemy as sa
from alembic import op

from app.store import search
from app.store.keys import Keys, keys
from feeds.article import Article

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AT_ONCE = 200  # articles held in memory


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("CREATE TABLE search (num BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX search_words ON search USING gin (words)")
    else:
        op.execute('CREATE VIRTUAL TABLE search USING fts5(words, tokenize = "ascii")')
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
    _again(connection)


def _again(connection: sa.Connection) -> None:
    """The search and the entries of what is here."""
    newest = 0
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT a.num, a.version, a.sort, a.public, v.doc, v.axes FROM articles a"
                " JOIN versions v ON v.num = a.num AND v.version = a.version"
                " WHERE a.num > :num ORDER BY a.num LIMIT :most"
            ),
            {"num": newest, "most": AT_ONCE},
        ).all()
        if not rows:
            return
        for row in rows:
            article = msgspec.json.decode(row.doc, type=Article)
            old = msgspec.json.decode(row.axes, type=Keys)
            new = Keys(old.places, old.topics, keys(article).extra)
            connection.execute(
                sa.text("UPDATE versions SET axes = :axes WHERE num = :num AND version = :version"),
                {"axes": msgspec.json.encode(new), "num": row.num, "version": row.version},
            )
            if row.public:
                _enter(connection, row.num, row.sort, new.extra)
        shown = [(row.num, search.words(msgspec.json.decode(row.doc, type=Article))) for row in rows if row.public]
        search.index(connection, shown)
        newest = rows[-1].num


def _enter(connection: sa.Connection, num: int, sort: int, topics: tuple[str, ...]) -> None:
    for name in ("*", *topics):
        known = connection.execute(sa.text("SELECT id FROM axis WHERE name = :name"), {"name": name}).scalar()
        if known is None:
            connection.execute(sa.text("INSERT INTO axis (name) VALUES (:name)"), {"name": name})
    connection.execute(
        sa.text(
            "INSERT INTO feed_entries (place, topic, sort, num) SELECT p.id, t.id, :sort, :num FROM axis p, axis t"
            " WHERE p.name = '*' AND t.name = :name"
        ),
        [{"name": name, "sort": sort, "num": num} for name in topics],
    )
