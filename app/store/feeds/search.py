"""Searches public articles by their text: FTS5 on SQLite (https://www.sqlite.org/fts5.html), a tsvector with a GIN index on
PostgreSQL.

Only public articles are indexed, so no search finds a word under embargo. Both indexes contain the tokens of app/text/fulltext.py,
which alone decides what a word is.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from sqlalchemy import BigInteger, Connection, Engine, column, literal_column, select, text
from sqlalchemy.sql import Select

from app.store.built import Built
from app.store.engine import reading
from app.text.fulltext import SearchTerm, search_terms, tokens
from feeds import Article

# Only so many matching articles are used, the newest ones, so that a word in every article does not read the whole archive.
NEWEST = 5_000

_INTO = {
    "postgresql": "INSERT INTO search (num, words) VALUES (:num, CAST(:words AS tsvector))",
    "sqlite": "INSERT INTO search (rowid, words) VALUES (:num, :words)",
}
_ENTER = Built(lambda dialect: text(_INTO[dialect]))


def words(article: Article) -> str:
    """The searchable tokens of an article, separated by spaces: headlines, summary, text, office, keywords and captions."""
    parts = [article.headline, *article.subheadlines, article.summary, article.text, article.office.name]
    parts += [term.code for term in article.keywords]
    parts += [file.caption for file in article.enclosures]
    return " ".join(tokens("\n".join(parts)))


def index(connection: Connection, found: Sequence[tuple[int, str]]) -> None:
    """Add articles to the index, given as (number, tokens)."""
    dialect = connection.dialect.name
    enter(connection, [(num, form(dialect, words)) for num, words in found])


def form(dialect: str, words: str) -> str:
    """Tokens in the form that the index of that database takes."""
    return _vector(words.split(" ")) if dialect == "postgresql" else words


def enter(connection: Connection, formed: Sequence[tuple[int, str]]) -> None:
    """Add articles to the index, given as (number, tokens in the form of the database)."""
    if not formed:
        return
    _ENTER.many(connection, [{"num": num, "words": words} for num, words in formed])


def remove(connection: Connection, nums: Iterable[int]) -> None:
    """Remove articles from the index."""
    name = "num" if connection.dialect.name == "postgresql" else "rowid"
    connection.execute(text(f"DELETE FROM search WHERE {name} = :num"), [{"num": num} for num in nums])


def found(engine: Engine, question: str, nums: Collection[int]) -> set[int]:
    """The public articles among `nums` that match. Raises Unavailable."""
    if not nums:
        return set()
    with reading(engine) as connection:
        dialect = connection.dialect.name
        matched = newest_matches(dialect).subquery()
        statement = select(matched.c[0]).where(matched.c[0].in_(sorted(nums)))
        return set(connection.execute(statement, {"expression": expression(dialect, question)}).scalars())


@lru_cache
def newest_matches(dialect: str, most: int = NEWEST) -> Select[int]:
    """A query for the numbers of the newest articles that match, at most `most`. Its parameter `expression` is what `expression`
    makes of a question."""
    if dialect == "postgresql":
        found = select(column("num", BigInteger)).select_from(text("search"))
        matching = text("words @@ CAST(:expression AS tsquery)")
        return found.where(matching).order_by(column("num").desc()).limit(most)
    found = select(literal_column("rowid", BigInteger).label("num")).select_from(text("search"))
    return found.where(text("search MATCH :expression")).order_by(text("rowid DESC")).limit(most)


def expression(dialect: str, question: str) -> str:
    """A question in the language of that database's search."""
    terms = search_terms(question)
    if dialect == "postgresql":
        return " & ".join(_tsquery(term) for term in terms)
    return " AND ".join(_fts5(term) for term in terms)


def _vector(words: Sequence[str]) -> str:
    """A tsvector in PostgreSQL's text form. Tokens are letters and digits, so none needs an escape."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words, 1):
        if len(word) < 500:  # A lexeme must be shorter than 2 KB.
            places.setdefault(word, []).append(place)
    return " ".join(f"'{word}':{','.join(map(str, found[:255]))}" for word, found in places.items())


def _tsquery(term: SearchTerm) -> str:
    quoted = [f"'{token}'" for token in term.tokens]
    return f"({' <-> '.join(quoted)}{':*' if term.prefix else ''})"


def _fts5(term: SearchTerm) -> str:
    return f'"{" ".join(term.tokens)}"{"*" if term.prefix else ""}'
