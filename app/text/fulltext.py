"""Full text in Korean and English: what is indexed of a text, and what a question looks for.

Korean words carry particles and are written together or apart, so Hangul and Han are indexed as overlapping pairs of letters: a
question is found wherever it stands, "도정상" in "으뜸도정상은". Other scripts are indexed by word. The same tokens go to SQLite
and to PostgreSQL, so that both find the same.
"""

import re
from operator import add

from msgspec import Struct

from schemas.text import nfkc

MOST = 16_000  # tokens of a text; PostgreSQL counts positions to 16,383 (tsvector, limitations)
LONGEST = 250_000  # characters of a text that are looked at: they hold more than MOST words of any language
MOST_TERMS = 20  # of a question
LONGEST_QUESTION = 1_000  # characters
_LETTERS = (
    "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"  # Hangul, kana, Han
)
# A word of other letters ends where paired ones begin: "5G시대".
_RUN = re.compile(f"([{_LETTERS}]+)|([^\\W_{_LETTERS}]+)")
_PAIRED = re.compile(f"[{_LETTERS}]")


class SearchTerm(Struct, frozen=True):
    """Tokens that must stand one after the other; with `prefix` the last one may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


def tokens(text: str) -> list[str]:
    """What is indexed of a text, in its order; at most MOST, of its first LONGEST characters."""
    found: list[str] = []
    for paired, word in _RUN.findall(_folded(text[:LONGEST])[:LONGEST])[:MOST]:
        # One to three letters are the most of Korean words, and this is the most of an import: no call for those.
        if word or len(paired) < 3:
            found.append(word or paired)
        elif len(paired) == 3:
            found += (paired[:2], paired[1:])
        else:
            found += map(add, paired, paired[1:])
    return found[:MOST]


def search_terms(question: str) -> tuple[SearchTerm, ...]:
    """What a question looks for: every word of it, words in quotation marks one after the other."""
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
    """The text in pieces, each with whether the question names it."""
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


def _runs(text: str) -> list[str]:
    return [paired or word for paired, word in _RUN.findall(_folded(text))]


def _pairs(run: str) -> list[str]:
    return list(map(add, run, run[1:])) or [run]
