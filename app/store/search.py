"""Full text: FTS5 on SQLite (https://www.sqlite.org/fts5.html), a tsvector with a GIN index on PostgreSQL. Only what is public is
indexed, so a question cannot find an embargoed word. Both hold the tokens of app/text/fulltext.py, and nothing else decides what a
word is.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import BigInteger, Connection, Engine, column, literal_column, select, text
from sqlalchemy.sql import Select

from app.store.built import Built
from app.store.engine import reading
from app.text.fulltext import SearchTerm, search_terms, tokens
from feeds.article import Article

NEWEST = 5_000  # of the articles that match, these are looked at: a word that all bear must not cost the archive

_INTO = {
    "postgresql": "INSERT INTO search (num, words) VALUES (:num, CAST(:words AS tsvector))",
    "sqlite": "INSERT INTO search (rowid, words) VALUES (:num, :words)",
}
_ENTER = Built(lambda dialect: text(_INTO[dialect]))


def words(article: Article) -> str:
    """What of an article is found, as tokens parted by a space: headlines, summary, text, names and keywords."""
    parts = [article.headline, *article.subheadlines, article.summary, article.text, article.office.name]
    parts += [term.code for term in article.keywords]
    parts += [file.caption for file in article.enclosures]
    return " ".join(tokens("\n".join(parts)))


def index(connection: Connection, found: Sequence[tuple[int, str]]) -> None:
    """Make (number, tokens) findable."""
    dialect = connection.dialect.name
    enter(connection, [(num, form(dialect, words)) for num, words in found])


def form(dialect: str, words: str) -> str:
    """Tokens as that database's index takes them."""
    return _vector(words.split(" ")) if dialect == "postgresql" else words


def enter(connection: Connection, formed: Sequence[tuple[int, str]]) -> None:
    """Make (number, tokens in their form) findable."""
    if not formed:
        return
    _ENTER.many(connection, [{"num": num, "words": words} for num, words in formed])


def remove(connection: Connection, nums: Iterable[int]) -> None:
    """Take articles out."""
    name = "num" if connection.dialect.name == "postgresql" else "rowid"
    connection.execute(text(f"DELETE FROM search WHERE {name} = :num"), [{"num": num} for num in nums])


def found(engine: Engine, question: str, nums: Collection[int]) -> set[int]:
    """Which of these articles match, if they are public. Raises Unavailable."""
    if not nums:
        return set()
    with reading(engine) as connection:
        matched = matching(connection, question).subquery()
        return set(connection.execute(select(matched.c[0]).where(matched.c[0].in_(sorted(nums)))).scalars())


def matching(connection: Connection, question: str) -> Select[int]:
    """The numbers of the articles that match, the newest NEWEST of them."""
    terms = search_terms(question)
    if connection.dialect.name == "postgresql":
        found = select(column("num", BigInteger)).select_from(text("search"))
        asked = " & ".join(_tsquery(term) for term in terms)
        return (
            found.where(text("words @@ CAST(:asked AS tsquery)").bindparams(asked=asked))
            .order_by(column("num").desc())
            .limit(NEWEST)
        )
    asked = " AND ".join(_fts5(term) for term in terms)
    found = select(literal_column("rowid", BigInteger).label("num")).select_from(text("search"))
    return found.where(text("search MATCH :asked").bindparams(asked=asked)).order_by(text("rowid DESC")).limit(NEWEST)


def _vector(words: Sequence[str]) -> str:
    """A tsvector as PostgreSQL reads it; the tokens are letters and digits, so none needs an escape."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words, 1):
        if len(word) < 500:  # A lexeme has less than 2 KB.
            places.setdefault(word, []).append(place)
    return " ".join(f"'{word}':{','.join(map(str, found[:255]))}" for word, found in places.items())


def _tsquery(term: SearchTerm) -> str:
    quoted = [f"'{token}'" for token in term.tokens]
    return f"({' <-> '.join(quoted)}{':*' if term.prefix else ''})"


def _fts5(term: SearchTerm) -> str:
    return f'"{" ".join(term.tokens)}"{"*" if term.prefix else ""}'
