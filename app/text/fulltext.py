"""Full-text search in Korean and English: the tokens of a text for the index, and the tokens that a question searches for.

Korean words carry particles and are written with or without spaces, so Hangul and Han are indexed as overlapping pairs of letters:
"도정상" is found inside "으뜸도정상은". Other scripts are indexed by word. SQLite and PostgreSQL get the same tokens, so both find
the same articles.
"""

import re
from operator import add

from msgspec import Struct

from schemas.text import nfkc

MOST = 16_000  # tokens of a text; PostgreSQL counts positions up to 16,383 (tsvector, limitations)
LONGEST = 250_000  # characters of a text that are indexed: enough for more than MOST words of any language
ENOUGH = LONGEST // 4  # characters of a text that is tried first, if it is longer
MOST_TERMS = 20  # terms of a question
LONGEST_QUESTION = 1_000  # characters
_LETTERS = (
    "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # Hangul, kana, Han
)
# A word of other letters ends where Hangul, kana or Han begins: "5G시대".
_RUN = re.compile(f"[{_LETTERS}]+|[^\\W_{_LETTERS}]+")
# Each letter of such a run begins a pair with the next one; the last letter begins a token only if it is alone. One pattern for
# all, because an import spends a fifth of its time here: a loop over the runs takes twice as long.
_TOKEN = re.compile(
    f"(?=([{_LETTERS}]{{2}}|[^\\W_{_LETTERS}]+|(?<![{_LETTERS}])[{_LETTERS}]))(?:[{_LETTERS}]|[^\\W_{_LETTERS}]+)"
)
_PAIRED = re.compile(f"[{_LETTERS}]")


class SearchTerm(Struct, frozen=True):
    """Tokens that must follow each other. With `prefix`, the last token may be the beginning of an indexed token."""

    tokens: tuple[str, ...]
    prefix: bool = False


def tokens(text: str) -> list[str]:
    """The tokens of a text in its order: at most MOST, from its first LONGEST characters."""
    return list(_TOKEN.findall(_beginning(text)))[:MOST]


def search_terms(question: str) -> tuple[SearchTerm, ...]:
    """What a question searches for: each of its words, and the words of a quoted phrase next to each other."""
    found: list[SearchTerm] = []
    for quoted, word in re.findall(r'"([^"]*)"|([^\s"]+)', nfkc(question[:LONGEST_QUESTION])):
        runs = list(_runs(quoted or word))
        sequence: list[str] = []
        prefix = False
        for run in runs:
            paired = bool(_PAIRED.match(run))
            sequence += _pairs(run) if paired else [run]
            prefix = paired and len(run) == 1  # One letter begins a pair.
        if sequence:
            found.append(SearchTerm(tuple(sequence), prefix))
    return tuple(dict.fromkeys(found))[:MOST_TERMS]


def marked(text: str, question: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with True where it matches the question."""
    wanted = [run for run in _runs(question[:LONGEST_QUESTION]) if run]
    if not wanted:
        return [(text, False)]
    forms = "|".join(
        re.escape(run) if _PAIRED.match(run) else rf"(?<![^\W_]){re.escape(run)}(?![^\W_])"
        for run in sorted(set(wanted[:MOST_TERMS]), key=len, reverse=True)
    )
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in re.finditer(forms, text, re.IGNORECASE):
        pieces += [(text[end : match.start()], False), (match[0], True)]
        end = match.end()
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]


def _folded(text: str) -> str:
    return nfkc(text).casefold()


def _beginning(text: str) -> str:
    """The first LONGEST characters of a folded text. Folding makes up to 18 characters of one, so of some texts a part is enough."""
    if len(text) > ENOUGH and len(folded := _folded(text[:ENOUGH])) >= LONGEST:
        return folded[:LONGEST]
    return _folded(text[:LONGEST])[:LONGEST]


def _runs(text: str) -> list[str]:
    return list(_RUN.findall(_folded(text)))


def _pairs(run: str) -> list[str]:
    return list(map(add, run, run[1:])) or [run]
