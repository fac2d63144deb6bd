"""How two versions of an article differ: texts by paragraphs and words, other fields by their old and new values. Pure.

A word is a run of characters without white space, including punctuation; in scripts without spaces (Han, kana) each character is a
word. Changed paragraphs are matched by the words that they share. app/text/alignment.py bounds the work for any texts.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.text.alignment import Budget, Span, blocks, gaps
from feeds import Article, Term

STEPS = 2_000_000  # comparison steps in one difference: about half a second
PIECES = 10_000  # in one difference; beyond that, paragraphs are reported whole, and many of them as one
ALIKE = 0.3  # share of words that two paragraphs must have in common to count as one changed paragraph
LONGEST = 500_000  # characters of a text; of a longer one, the difference says only that it changed
AROUND = 1  # unchanged paragraphs that are shown before and after a changed one
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]\s*|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+\s*")
LINK = re.compile(r'(?:href|src)="([^"]*)"')
TEXTS = ("headline", "subheadlines", "summary", "text")
# Fields that describe the version or this server, or that are compared as texts or links; the office never changes.
LEFT_OUT = {"id", "guid", "version", "office", "pubstatus", "body", "published", "updated", "url", "signal", *TEXTS}


class Piece(Struct, frozen=True, omit_defaults=True):
    """Unchanged, removed or added words, each with the white space after it."""

    op: str  # "same", "removed" or "added"
    text: str


class Paragraph(Struct, frozen=True, omit_defaults=True):
    """A paragraph in pieces; or, with op "skipped", a number of unchanged paragraphs that are not shown."""

    op: str  # "same", "changed", "removed", "added" or "skipped"
    pieces: tuple[Piece, ...] = ()
    count: int = 0


class TextDifference(Struct, frozen=True):
    """A text that differs."""

    field: str  # of Article: "headline", "subheadlines", "summary" or "text"
    paragraphs: tuple[Paragraph, ...]


class FieldDifference(Struct, frozen=True):
    """Another field that differs, with its values in both articles. Special fields: "links" (the addresses in the body), "markup"
    (only the markup of the body differs), "text" (a text of more than LONGEST characters)."""

    field: str
    old: Any
    new: Any


class Difference(Struct, frozen=True):
    """Everything that differs; both are empty if the versions are equal."""

    texts: tuple[TextDifference, ...]
    fields: tuple[FieldDifference, ...]


class _Left(Struct):
    """The steps and pieces that are left for one difference."""

    steps: Budget
    pieces: int


def difference(old: Article, new: Article) -> Difference:
    """How an article changed between two versions."""
    left = _Left(Budget(STEPS), PIECES)
    long = max(len(old.text), len(new.text)) > LONGEST
    names = [name for name in TEXTS if not (long and name == "text")]
    texts = [TextDifference(name, _text(_paragraphs(old, name), _paragraphs(new, name), left)) for name in names]
    changed = tuple(
        text for text in texts if any(paragraph.op not in ("same", "skipped") for paragraph in text.paragraphs)
    )
    text_changed = old.text != new.text if long else any(text.field == "text" for text in changed)
    too_long = (FieldDifference("text", "", ""),) if long and text_changed else ()
    return Difference(changed, (*too_long, *_fields(old, new, text_changed)))


def _paragraphs(article: Article, name: str) -> list[str]:
    """The lines of a text: a line break counts as the end of a paragraph, and runs of spaces count as one space."""
    value = getattr(article, name)
    texts = (value,) if isinstance(value, str) else value
    return [" ".join(line.split()) for text in texts for line in text.split("\n") if line.strip()]


def _fields(old: Article, new: Article, text_changed: bool) -> Iterator[FieldDifference]:
    links = [tuple(map(unescape, LINK.findall(article.body))) for article in (old, new)]
    if links[0] != links[1]:
        yield FieldDifference("links", *links)
    elif old.body != new.body and not text_changed:
        yield FieldDifference("markup", "", "")
    for name in Article.__struct_fields__:
        if name not in LEFT_OUT and _without_names(getattr(old, name)) != _without_names(getattr(new, name)):
            yield FieldDifference(name, getattr(old, name), getattr(new, name))


def _without_names(value: object) -> object:
    """Terms without their names: a new name of a code is not a change of the article."""
    terms = isinstance(value, tuple) and all(isinstance(term, Term) for term in value)
    return tuple(replace(term, names={}) for term in value) if terms and isinstance(value, tuple) else value


# Texts


def _text(old: Sequence[str], new: Sequence[str], left: _Left) -> tuple[Paragraph, ...]:
    """The new paragraphs, with removed paragraphs in their old place."""
    paragraphs: list[Paragraph] = []
    at = 0
    spans = list(gaps(blocks(old, new, left.steps), len(old), len(new)))
    count = sum(high - low + above - below for low, high, below, above in spans)
    many = count > left.pieces
    if many:
        spans = [(spans[0][0], spans[-1][1], spans[0][2], spans[-1][3])]
    left.pieces -= 0 if many else count
    for span in spans:
        paragraphs += [_whole("same", text) for text in new[at : span[2]]]
        paragraphs += _apart(old[span[0] : span[1]], new[span[2] : span[3]]) if many else _gap(old, new, span, left)
        at = span[3]
    paragraphs += [_whole("same", text) for text in new[at:]]
    return tuple(_shortened(paragraphs))


def _whole(op: str, text: str) -> Paragraph:
    return Paragraph(op, (Piece(op, text),))


def _apart(old: Sequence[str], new: Sequence[str]) -> list[Paragraph]:
    """One removed paragraph and one added paragraph, with a line for each of the texts."""
    return [_whole(op, "\n".join(texts)) for op, texts in (("removed", old), ("added", new)) if texts]


def _gap(old: Sequence[str], new: Sequence[str], span: Span, left: _Left) -> Iterator[Paragraph]:
    """The paragraphs of a span: "changed" where an old and a new one are alike, else "removed" and "added"."""
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
    """Pairs of an old and a new paragraph that are the same paragraph, changed. The pairs keep the order and are as alike as possible
    in total (Needleman and Wunsch). If that costs too much, paragraphs are paired by their places."""
    if len(old) == len(new) == 1:
        return [(0, 0)]  # `_changed` checks whether they have anything in common.
    words = [[Counter(map(_key, WORD.findall(text))) for text in texts] for texts in (old, new)]
    smallest = sum(min(len(a), len(b)) + 1 for a in words[0] for b in words[1]) if _few(old, new) else 0
    if not smallest or not steps.pay(smallest):
        together = enumerate(zip(*words, strict=False))
        return [(at, at) for at, (before, after) in together if _alike(before, after)]
    alike = [[_alike(before, after) for after in words[1]] for before in words[0]]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]  # the best total from these two paragraphs to the end
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
    """Whether there are few enough pairs to look at each; only then is the cost of comparing them known."""
    return bool(old and new) and len(old) * len(new) <= STEPS // 20


def _alike(before: Counter[str], after: Counter[str]) -> float:
    """The share of words that both have, from 0 to 1; 0 if it is less than ALIKE."""
    few, many = sorted((before, after), key=len)
    shared = sum(min(count, many[word]) for word, count in few.items() if word in many)
    share = 2 * shared / max(1, before.total() + after.total())
    return share if share >= ALIKE else 0.0


def _key(word: str) -> str:
    """The word without the white space after it, for comparison."""
    return word.rstrip()


def _changed(old: str, new: str, left: _Left) -> list[Paragraph]:
    """The paragraph by words; removed and added as a whole if little of it is left, or if it would need too many pieces."""
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


def _shortened(paragraphs: Sequence[Paragraph]) -> Iterator[Paragraph]:
    """The paragraphs, with unchanged ones skipped unless they are next to a changed one."""
    changed = [at for at, paragraph in enumerate(paragraphs) if paragraph.op != "same"]
    shown = {near for at in changed for near in range(at - AROUND, at + AROUND + 1)}
    skipped = 0
    for at, paragraph in enumerate(paragraphs):
        if at in shown:
            if skipped:
                yield Paragraph("skipped", count=skipped)
                skipped = 0
            yield paragraph
        else:
            skipped += 1
    if skipped:
        yield Paragraph("skipped", count=skipped)
