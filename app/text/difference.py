"""How two versions of an article differ: texts by paragraphs and words, other fields old and new. Pure: articles in, data out.

Words are what stands between white space, punctuation and all, and each character of scripts that part no words (Han, kana).
Paragraphs that are not the same are matched by the words that they share. The work is bounded whatever the texts, by
app/text/alignment.py.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.text.alignment import Budget, Span, blocks, gaps
from feeds.article import Article, Term

STEPS = 2_000_000  # of comparing in one difference: about half a second
PIECES = 10_000  # told in one difference; beyond, paragraphs are told whole, and many of them as one
ALIKE = 0.3  # of their words paragraphs must share to be one paragraph that was changed
LONGEST = 500_000  # characters of a text; that a longer one changed is told, and not how
AROUND = 1  # unchanged paragraphs told before and behind a changed one
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]\s*|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+\s*")
LINK = re.compile(r'(?:href|src)="([^"]*)"')
TEXTS = ("headline", "subheadlines", "summary", "text")
# Of the version, of this server, or told as text or as links; the office never changes.
LEFT_OUT = {"id", "guid", "version", "office", "pubstatus", "body", "published", "updated", "url", "signal", *TEXTS}


class Piece(Struct, frozen=True, omit_defaults=True):
    """Words that were left, removed or added, with the white space behind them."""

    op: str  # "same", "removed" or "added"
    text: str


class Paragraph(Struct, frozen=True, omit_defaults=True):
    """A paragraph in its pieces; without any: so many unchanged ones that are not told."""

    op: str  # "same", "changed", "removed", "added" or "skipped"
    pieces: tuple[Piece, ...] = ()
    count: int = 0


class TextDifference(Struct, frozen=True):
    """A text that is not the same."""

    field: str  # of Article: "headline", "subheadlines", "summary" or "text"
    paragraphs: tuple[Paragraph, ...]


class FieldDifference(Struct, frozen=True):
    """Another field that is not the same, as the articles have it; "links": the addresses in the body, "markup": only its markup,
    "text": a text of more than LONGEST characters."""

    field: str
    old: Any
    new: Any


class Difference(Struct, frozen=True):
    """All that is not the same; both empty: nothing."""

    texts: tuple[TextDifference, ...]
    fields: tuple[FieldDifference, ...]


class _Left(Struct):
    """What one difference may still cost and still tell."""

    steps: Budget
    pieces: int


def difference(old: Article, new: Article) -> Difference:
    """What became of an article between two versions."""
    left = _Left(Budget(STEPS), PIECES)
    long = max(len(old.text), len(new.text)) > LONGEST
    names = [name for name in TEXTS if not (long and name == "text")]
    texts = [TextDifference(name, _text(_paragraphs(old, name), _paragraphs(new, name), left)) for name in names]
    changed = tuple(text for text in texts if any(one.op not in ("same", "skipped") for one in text.paragraphs))
    text_changed = old.text != new.text if long else any(text.field == "text" for text in changed)
    too_long = (FieldDifference("text", "", ""),) if long and text_changed else ()
    return Difference(changed, (*too_long, *_fields(old, new, text_changed)))


def _paragraphs(article: Article, name: str) -> list[str]:
    """Its lines: a line break is a border as good as a paragraph's, and spaces are no content."""
    said = getattr(article, name)
    lines = (said,) if isinstance(said, str) else said
    return [" ".join(line.split()) for text in lines for line in text.split("\n") if line.strip()]


def _fields(old: Article, new: Article, text_changed: bool) -> Iterator[FieldDifference]:
    links = [tuple(map(unescape, LINK.findall(article.body))) for article in (old, new)]
    if links[0] != links[1]:
        yield FieldDifference("links", *links)
    elif old.body != new.body and not text_changed:
        yield FieldDifference("markup", "", "")
    for name in Article.__struct_fields__:
        if name not in LEFT_OUT and _said(getattr(old, name)) != _said(getattr(new, name)):
            yield FieldDifference(name, getattr(old, name), getattr(new, name))


def _said(value: object) -> object:
    """What a code is called is not the article's to say."""
    terms = isinstance(value, tuple) and all(isinstance(one, Term) for one in value)
    return tuple(replace(one, names={}) for one in value) if terms and isinstance(value, tuple) else value


# Texts


def _text(old: Sequence[str], new: Sequence[str], left: _Left) -> tuple[Paragraph, ...]:
    """The new paragraphs, with what was removed where it stood."""
    told: list[Paragraph] = []
    at = 0
    spans = list(gaps(blocks(old, new, left.steps), len(old), len(new)))
    count = sum(high - low + above - below for low, high, below, above in spans)
    many = count > left.pieces
    if many:
        spans = [(spans[0][0], spans[-1][1], spans[0][2], spans[-1][3])]
    left.pieces -= 0 if many else count
    for span in spans:
        told += [_whole("same", text) for text in new[at : span[2]]]
        told += _apart(old[span[0] : span[1]], new[span[2] : span[3]]) if many else _gap(old, new, span, left)
        at = span[3]
    told += [_whole("same", text) for text in new[at:]]
    return tuple(_shortened(told))


def _whole(op: str, text: str) -> Paragraph:
    return Paragraph(op, (Piece(op, text),))


def _apart(old: Sequence[str], new: Sequence[str]) -> list[Paragraph]:
    """All that was removed, and all that was added, a line each."""
    return [_whole(op, "\n".join(texts)) for op, texts in (("removed", old), ("added", new)) if texts]


def _gap(old: Sequence[str], new: Sequence[str], span: Span, left: _Left) -> Iterator[Paragraph]:
    """Paragraphs that became others: changed where two are alike, else removed and added."""
    low, high, below, above = span
    for a, b in (*_pairs(old[low:high], new[below:above], left.steps), (high - low, above - below)):
        for text in old[low : span[0] + a]:
            yield _whole("removed", text)
        for text in new[below : span[2] + b]:
            yield _whole("added", text)
        low, below = span[0] + a + 1, span[2] + b + 1
        if low <= high:
            yield from _changed(old[low - 1], new[below - 1], left)


def _pairs(old: Sequence[str], new: Sequence[str], steps: Budget) -> list[tuple[int, int]]:
    """Which paragraphs are the same one, changed: in order, and as alike as possible in all (Needleman and Wunsch); by their places
    where that is too dear."""
    if len(old) == len(new) == 1:
        return [(0, 0)]  # `_changed` tells whether they have anything in common.
    words = [[Counter(map(_key, WORD.findall(text))) for text in texts] for texts in (old, new)]
    smallest = sum(min(len(one), len(other)) + 1 for one in words[0] for other in words[1]) if _few(old, new) else 0
    if not smallest or not steps.pay(smallest):
        together = enumerate(zip(*words, strict=False))
        return [(at, at) for at, (one, other) in together if _alike(one, other)]
    alike = [[_alike(one, other) for other in words[1]] for one in words[0]]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]  # of all behind these two
    for a in reversed(range(len(old))):
        for b in reversed(range(len(new))):
            best[a][b] = max(best[a + 1][b], best[a][b + 1], alike[a][b] + best[a + 1][b + 1])
    found: list[tuple[int, int]] = []
    a = b = 0
    while a < len(old) and b < len(new):
        if alike[a][b] and best[a][b] == alike[a][b] + best[a + 1][b + 1]:
            found.append((a, b))
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return found


def _few(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether every pair may be looked at: what each costs is only known then."""
    return bool(old and new) and len(old) * len(new) <= STEPS // 20


def _alike(one: Counter[str], other: Counter[str]) -> float:
    """The words they share of all they have, 0 to 1; 0 where these are too few."""
    few, many = sorted((one, other), key=len)
    shared = sum(min(count, many[word]) for word, count in few.items() if word in many)
    share = 2 * shared / max(1, one.total() + other.total())
    return share if share >= ALIKE else 0.0


def _key(word: str) -> str:
    """What is compared: a word without what parts it from the next."""
    return word.rstrip()


def _changed(old: str, new: str, left: _Left) -> list[Paragraph]:
    """The paragraph by words; whole before and after where little is left of it, or too much would have to be told."""
    before, after = WORD.findall(old), WORD.findall(new)
    same = blocks([*map(_key, before)], [*map(_key, after)], left.steps)
    kept = sum(length for _, _, length in same)
    if 2 * kept < ALIKE * (len(before) + len(after)) or (count := 3 * len(same) + 2) > left.pieces:
        return _apart([old], [new])
    left.pieces -= count
    pieces: list[Piece] = []
    at = 0
    for low, high, below, above in gaps(same, len(before), len(after)):
        found = (("same", after[at:below]), ("removed", before[low:high]), ("added", after[below:above]))
        pieces += [Piece(op, "".join(words)) for op, words in found if words]
        at = above
    pieces += [Piece("same", "".join(after[at:]))] if after[at:] else []
    return [Paragraph("changed", tuple(pieces))]


def _shortened(told: Sequence[Paragraph]) -> Iterator[Paragraph]:
    """Unchanged paragraphs are told only around changed ones."""
    changed = [at for at, one in enumerate(told) if one.op != "same"]
    shown = {near for at in changed for near in range(at - AROUND, at + AROUND + 1)}
    skipped = 0
    for at, one in enumerate(told):
        if at in shown:
            if skipped:
                yield Paragraph("skipped", count=skipped)
                skipped = 0
            yield one
        else:
            skipped += 1
    if skipped:
        yield Paragraph("skipped", count=skipped)
