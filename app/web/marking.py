"""Marks the words of a search in a text, and finds the passage that has them."""

from markupsafe import Markup

from app.text.fulltext import marked
from feeds import Article

BEFORE_WORDS = 100  # characters shown before the words of a search, and twice as many after them


def mark(text: str, words: str) -> Markup:
    """The text with the words of the search marked."""
    pieces = marked(text, words) if words else [(text, False)]
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if named else piece for piece, named in pieces)


def passage(article: Article, words: str) -> str:
    """The text of an article in a list: its summary, or the passage with the words of the search."""
    if not words or any(named for _, named in marked(article.summary, words)):
        return article.summary
    for paragraph in article.text.split("\n\n"):
        start = 0
        for piece, named in marked(paragraph, words):
            if named:
                cut = max(0, start - BEFORE_WORDS)
                end = start + len(piece) + 2 * BEFORE_WORDS
                return f"{'… ' if cut else ''}{paragraph[cut:end]}{' …' if end < len(paragraph) else ''}"
            start += len(piece)
    return article.summary
