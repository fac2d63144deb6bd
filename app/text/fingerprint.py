"""Invisible fingerprints: each outlet's copy of an article differs from all others in ways that no reader sees. Pure.

A mark is a yes or a no at one place of the text: between two words, three characters without width and a no-break space may stand;
where the office wrote a pair of quotation marks, a middle dot or an ellipsis, one of two usual forms may. A keyed hash of article,
outlet, place and kind decides whether a mark is at a place. A place is known by the words around it, not by its number. So any part
of a copy can be read, in any order and beside other texts, and nobody without the key can know another outlet's marks.

A text that does not come from this copy agrees with its marks only by chance, like tosses of a coin. `chance` is an upper bound of
that probability, whatever the text is and whatever was done to it.

Words, numbers, links, addresses, code, headlines and places beside a number are never changed. Kinds of marks that were removed
from a text or made uniform in it do not count (`living`).
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import chain, islice

from msgspec import Struct
from msgspec.structs import replace

from feeds import Article

# Different cleaners remove different ones: a non-joiner (in the lists that most have), a word joiner, and a mark that is no format
# character (general category Mn). None of them is drawn, joins letters or moves a line's end where it stands: before a space.
THIN = ("\u200c", "\u2060", "\u034f")
NO_BREAK = "\u00a0"
KINDS = ("non-joiner", "word-joiner", "grapheme-joiner", "no-break-space", "quotes", "dot", "ellipsis")
FIXED_SPACE, QUOTES, DOT, ELLIPSIS = 3, 4, 5, 6  # places in KINDS
MOST = 16_000  # characters from the beginning of an article that are marked
LONGEST_TIE = 12  # letters of two words with a no-break space between them
LENGTHS = (
    MOST,
    4_000,
    1_000,
    500,
)  # marked characters of each article: alone in a document, or with more and more long ones
TOGETHER = 120_000  # characters that are marked in one document
READABLE = 100_000  # characters of a text that are read
SHINGLE = 4  # words in one sequence by which an article is found again
MOST_SHINGLES = 256  # sequences that are stored for an article
MOST_ASKED = 2_000  # shingles that are looked up for one text
DEAREST = 100_000  # words times outlets that are compared
LEAST = 40  # words that are compared with each of however many outlets
PENALTY = 3  # agreeing marks that a stretch must have for each mark that does not
MIXED = 0.08  # part of a kind's places that must have each state: less is noise, as in a text whose marks were removed
_KEY = b"pressrelay fingerprint"

UNSEEN = "\u00ad\u034f\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"  # is not drawn
_UNSEEN = re.compile(f"[{UNSEEN}]")
_TAG = re.compile(r"(<[^<>]*>)")  # of cleaned XHTML, which has no ">" in attributes
_CODE = re.compile(r"<(/?)(?:pre|code)\b")
_SPACES = re.compile(r"(\s+)")
# Words that are, or may be, numbers, links, addresses of any kind, formulas or code.
_KEPT = re.compile(rf"[{UNSEEN}\d@/\\_=&#<>|*+%^`~$:\[\]{{}}]|[A-Za-z0-9][.][A-Za-z0-9]")
_PLACE = re.compile(r"[가-힣]+(?:시|도|군|구|읍|면|동|리|로|길|가)")  # two of them are a postal address
_LETTERS = re.compile(r"[\W_]+")
# Pairs of quotation marks with words between them. An apostrophe is none.
_DOUBLE = re.compile('(?<![\\w"“])(?:“([^“”"‘’\'<>\n]{1,80})”|"(?! )([^“”"‘’\'<>\n]{1,80})(?<! )")(?![A-Za-z0-9"”])')
_SINGLE = re.compile("(?<![\\w'‘])(?:‘([^“”\"‘’'<>\n]{1,80})’|'(?! )([^“”\"‘’'<>\n]{1,80})(?<! )')(?![A-Za-z0-9'’])")
_DOTS = re.compile(r"([가-힣]{1,4})([·‧])(?=([가-힣]{1,4}))")
_DOTTED = re.compile(r"([가-힣A-Za-z]{1,6})(…|\.\.\.)(?![.…\d])")


class Marking(Struct, frozen=True):
    """The places of an article that can have a mark."""

    gaps: dict[str, bool]  # words around a gap -> whether its space may be a no-break space; in the order of the text
    choices: frozenset[tuple[int, str]]  # (kind, words there)


class FoundMarks(Struct, frozen=True):
    """What a text has at each of its places: (kind, words there) -> whether the mark is there."""

    found: dict[tuple[int, str], bool]


class Match(Struct, frozen=True):
    """How far a text agrees with an outlet's copy."""

    outlet: str
    agreed: int
    places: int
    chance: float  # upper bound of the probability that a text from elsewhere agrees so well with any of the outlets


def key_of(secret: bytes) -> bytes:
    """The key of the fingerprints of a database with that secret."""
    return blake2b(_KEY, key=secret[:64]).digest()


# Marking


def marked(article: Article, key: bytes, outlet: str, most: int = MOST) -> Article:
    """The copy of an article for an outlet, marked in its first `most` characters. The same outlet always gets the same copy."""
    write = _Writer(marking_of(article, most), article.id, key, outlet, most)
    return replace(
        article,
        subheadlines=tuple(map(write.plain, article.subheadlines)),
        summary=write.plain(article.summary),
        body=write.html(article.body),
        text=write.plain(article.text),
    )


def length_each(articles: Sequence[Article]) -> int:
    """How many characters of each are marked in a document of these articles: marking takes time."""
    lengths = [len(article.text) for article in articles]
    fits = (most for most in LENGTHS if sum(min(length, most) for length in lengths) <= TOGETHER)
    return next(fits, LENGTHS[-1])


def known_each(articles: Sequence[Article]) -> int:
    """By how many characters each is found again, if outlets get it first in a document of these articles."""
    return max(LENGTHS[1], length_each(articles))


def marking_of(article: Article, most: int = MOST) -> Marking:
    """Where the first `most` characters of an article can have marks: in its summary, subheadlines and body."""
    code = " ".join(part for part, kind in _parts(article.body) if kind == "code")
    verbatim = {gap for gap, *_ in _gaps(code)}
    gaps: dict[str, bool] = {}
    choices: set[tuple[int, str]] = set()
    for run in _runs(article):
        run, most = run[:most], most - len(run)
        choices |= {(kind, place) for kind, place, _ in _choices(run)}
        line = list(_gaps(run))
        weights = [_weight(gap) if tied else math.inf for gap, _, tied in line]
        around = [math.inf, *weights, math.inf]
        for number, (gap, safe, _) in enumerate(line):
            if safe and gap not in verbatim:
                # Of two neighbouring spaces at most one may become a no-break space, so that lines can still break between words.
                gaps.setdefault(gap, weights[number] < min(around[number], around[number + 2]))
        if most <= 0:
            break
    return Marking(gaps, frozenset(choices))


def _runs(article: Article) -> Iterator[str]:
    """The texts of an article between its tags, in order, without code."""
    yield article.summary
    yield from article.subheadlines
    yield from (part for part, kind in _parts(article.body) if kind == "text")


def _parts(fragment: str) -> Iterator[tuple[str, str]]:
    """The parts of an XHTML fragment in order, each with its kind: "tag", "text", or "code" for what is in code."""
    code = 0
    for number, part in enumerate(_TAG.split(fragment)):
        if number % 2:
            name = _CODE.match(part)
            code += 0 if name is None or part.endswith("/>") else -1 if name[1] else 1
            yield part, "tag"
        else:
            yield part, "code" if code else "text"


class _Writer:
    """Writes an outlet's marks into the texts of an article."""

    def __init__(self, marking: Marking, article: str, key: bytes, outlet: str, most: int) -> None:
        self.marking = marking
        self.bits = _Bits(key, article, outlet)
        self.most = most

    def html(self, fragment: str) -> str:
        """The fragment with marks in its texts, but for code; its tags stay as they are."""
        parts, left = [], self.most
        for part, kind in _parts(fragment):
            marking = kind == "text" and left > 0 and part
            parts.append(self.plain(part, left) if marking else part)
            left -= len(part) if kind == "text" else 0
        return "".join(parts)

    def plain(self, text: str, most: int = 0) -> str:
        """The text with marks."""
        most = most or self.most
        parts = _SPACES.split(self._chosen(text[:most]))
        cores = [core(part) if number % 2 == 0 else "" for number, part in enumerate(parts)]
        for number in range(1, len(parts) - 1, 2):
            gap = f"{cores[number - 1]} {cores[number + 1]}"
            if parts[number] == " " and gap in self.marking.gaps and _safe(parts[number - 1], parts[number + 1]):
                bits = self.bits.of(gap)
                space = NO_BREAK if self.marking.gaps[gap] and bits >> FIXED_SPACE & 1 else " "
                parts[number] = "".join(mark for kind, mark in enumerate(THIN) if bits >> kind & 1) + space
        return "".join(parts) + text[most:]

    def _chosen(self, text: str) -> str:
        """The text with the outlet's form of each sign that has two."""
        text = _DOUBLE.sub(partial(self._pair, "“{}”", '"{}"'), text)
        text = _SINGLE.sub(partial(self._pair, "‘{}’", "'{}'"), text)
        return _DOTTED.sub(self._ellipsis, _DOTS.sub(self._dot, text))

    def _pair(self, first: str, second: str, found: re.Match[str]) -> str:
        words = found[1] or found[2]
        bit = self._form(QUOTES, core(words))
        return found[0] if bit is None else (first, second)[bit].format(words)

    def _dot(self, found: re.Match[str]) -> str:
        bit = self._form(DOT, f"{found[1]} {found[3]}")
        return found[0] if bit is None else f"{found[1]}{'·‧'[bit]}"

    def _ellipsis(self, found: re.Match[str]) -> str:
        bit = self._form(ELLIPSIS, core(found[1]))
        return found[0] if bit is None else f"{found[1]}{('…', '...')[bit]}"

    def _form(self, kind: int, place: str) -> int | None:
        """Which of its forms a sign has in this copy; None: the one that the office wrote."""
        return self.bits.of(place) >> kind & 1 if (kind, place) in self.marking.choices else None


class _Bits:
    """The marks of one outlet in one article."""

    def __init__(self, key: bytes, article: str, outlet: str) -> None:
        self.hash = blake2b(f"{article}\0{outlet}\0".encode(), key=key, digest_size=1)

    def of(self, place: str) -> int:
        """One bit for each of KINDS."""
        hash = self.hash.copy()
        hash.update(place.encode())
        return hash.digest()[0]


def core(word: str) -> str:
    """The part of a word that survives cleaning, copying and other marks: its letters and digits."""
    if word.isalnum() and word.isascii():
        return word.lower()
    return _LETTERS.sub("", unicodedata.normalize("NFKC", _UNSEEN.sub("", word))).casefold()


def _gaps(run: str) -> Iterator[tuple[str, bool, bool]]:
    """(words around it, whether it may be marked, whether its space may be a no-break space) of each gap in a run of text."""
    parts = _SPACES.split(run)
    cores = [core(part) if number % 2 == 0 else "" for number, part in enumerate(parts)]
    for number in range(1, len(parts) - 1, 2):
        before, after = cores[number - 1], cores[number + 1]
        if before and after:
            safe = parts[number] == " " and _safe(parts[number - 1], parts[number + 1])
            yield f"{before} {after}", safe, safe and _tied(parts[number - 1], parts[number + 1])


def _safe(before: str, after: str) -> bool:
    """Whether nothing beside a gap is a number, a link, an address, code or a name in capitals."""
    if _KEPT.search(before) or _KEPT.search(after):
        return False
    if before[:1].isupper() and after[:1].isupper():
        return False
    return not (_PLACE.fullmatch(before) and _PLACE.fullmatch(after))


def _tied(before: str, after: str) -> bool:
    """Whether a no-break space may join two words: both are short, and no line can break within them, as it may beside a quotation
    mark."""
    return before.isalnum() and after.rstrip(".,").isalnum() and len(before) + len(after) <= LONGEST_TIE


def _weight(gap: str) -> int:
    return int.from_bytes(blake2b(gap.encode(), digest_size=8).digest())


def _choices(text: str) -> Iterator[tuple[int, str, bool]]:
    """(kind, words there, whether it has the second form) of each sign that has two forms."""
    for found in chain(_DOUBLE.finditer(text), _SINGLE.finditer(text)):
        if place := core(found[1] or found[2]):
            yield QUOTES, place, found[1] is None
    for found in _DOTS.finditer(text):
        yield DOT, f"{found[1]} {found[3]}", found[2] == "‧"
    for found in _DOTTED.finditer(text):
        yield ELLIPSIS, core(found[1]), found[2] == "..."


# Reading


def read(text: str) -> FoundMarks:
    """The marks of any text."""
    text = text[:READABLE]
    seen: dict[tuple[int, str], list[bool]] = {}
    parts = _SPACES.split(text)
    cores = [core(part) if number % 2 == 0 else "" for number, part in enumerate(parts)]
    for number in range(1, len(parts) - 1, 2):
        if not cores[number - 1] or not cores[number + 1]:
            continue
        gap = f"{cores[number - 1]} {cores[number + 1]}"
        before, after = parts[number - 1], parts[number + 1]
        ends = before[len(before.rstrip(UNSEEN)) :] + after[: len(after) - len(after.lstrip(UNSEEN))]
        for kind, mark in enumerate(THIN):
            seen.setdefault((kind, gap), []).append(mark in ends)
        if len(parts[number]) == 1 and parts[number] in (" ", NO_BREAK):
            seen.setdefault((FIXED_SPACE, gap), []).append(parts[number] == NO_BREAK)
    bare = _UNSEEN.sub("", text).replace(NO_BREAK, " ")
    for kind, place, second in _choices(bare):
        seen.setdefault((kind, place), []).append(second)
    return FoundMarks({where: 2 * sum(values) >= len(values) for where, values in seen.items()})


def match_outlets(article: Article, marks: FoundMarks, key: bytes, outlets: Sequence[str]) -> list[Match]:
    """How far a text agrees with each outlet's copy of an article, best first."""
    matches: dict[str, Match] = {}
    plans: list[Marking] = []
    for most in LENGTHS:
        marking = marking_of(article, most)
        plans += [marking] if marking not in plans else []
    most = max(LEAST, DEAREST // (len(plans) * max(1, len(outlets))))
    for marking in plans:
        read: dict[str, tuple[int, int]] = {}  # words -> (the kinds that are read there, those with a mark), as bits
        for (kind, place), mark in living(marking, marks).items():
            kinds, there = read.get(place, (0, 0))
            read[place] = kinds | 1 << kind, there | mark << kind
        places = [(place, kinds, there) for place, (kinds, there) in islice(read.items(), most)]
        counts = [kinds.bit_count() for _, kinds, _ in places]
        for outlet in outlets:
            of = _Bits(key, article.id, outlet).of
            wrong = [((of(place) ^ there) & kinds).bit_count() for place, kinds, there in places]
            match = min(_whole(outlet, counts, wrong), _stretch(outlet, counts, wrong), key=_chance)
            match = replace(match, chance=min(1.0, match.chance * 2 * len(outlets) * len(plans)))
            matches[outlet] = min(matches.get(outlet, match), match, key=_chance)
    return sorted(matches.values(), key=lambda match: (match.chance, match.outlet))


def _chance(match: Match) -> float:
    return match.chance


def _whole(outlet: str, counts: list[int], wrong: list[int]) -> Match:
    """How far all places of a text agree."""
    places = sum(counts)
    return Match(outlet, places - sum(wrong), places, chance(places - sum(wrong), places))


def _stretch(outlet: str, counts: list[int], wrong: list[int]) -> Match:
    """How well the best stretch of a text agrees: the rest may come from elsewhere. Any stretch could have been the best one, so
    the chance of one stretch is multiplied by the number of stretches."""
    best = gain = start = 0
    ends = (0, 0)
    for number, (count, errors) in enumerate(zip(counts, wrong, strict=True)):
        if gain <= 0:
            gain, start = 0, number
        gain += count - (1 + PENALTY) * errors
        if gain > best:
            best, ends = gain, (start, number + 1)
    places = sum(counts[slice(*ends)])
    agreed = places - sum(wrong[slice(*ends)])
    stretches = max(1, len(counts) * (len(counts) + 1) // 2)
    return Match(outlet, agreed, places, min(1.0, chance(agreed, places) * stretches))


def living(marking: Marking, marks: FoundMarks) -> Mapping[tuple[int, str], bool]:
    """The places of an article that a text has, of the kinds that it shows in both states: others were removed or evened out."""
    own: dict[int, dict[tuple[int, str], bool]] = {}
    for (kind, place), mark in marks.found.items():
        fits = (kind, place) in marking.choices if kind >= QUOTES else place in marking.gaps
        if fits and (kind != FIXED_SPACE or marking.gaps[place]):
            own.setdefault(kind, {})[kind, place] = mark
    found: dict[tuple[int, str], bool] = {}
    for places in own.values():
        least, there = max(1.0, MIXED * len(places)), sum(places.values())
        if least <= there <= len(places) - least:
            found |= places
    return found


def chance(agreed: int, places: int) -> float:
    """An upper bound of the probability that so many tosses of a coin agree (Chernoff's bound; it is exact if all of them
    agree)."""
    if 2 * agreed <= places:
        return 1.0
    part = agreed / places
    entropy = 0.0 if part == 1 else -(part * math.log2(part) + (1 - part) * math.log2(1 - part))
    return math.exp2(max(-1000.0, -places * (1 - entropy)))


# Finding the article of a text


def shingles(text: str) -> list[int]:
    """A number for each sequence of SHINGLE words of a text: signed, 64 bits, without repetitions."""
    cores = [word for word in map(core, text[:READABLE].split()) if word]
    hashes = dict.fromkeys(
        int.from_bytes(blake2b(" ".join(cores[n : n + SHINGLE]).encode(), digest_size=8).digest(), signed=True)
        for n in range(len(cores) - SHINGLE + 1)
    )
    return list(hashes)


def kept_shingles(text: str) -> list[int]:
    """The shingles by which an article is found. For a long article, only those that end in many zeros."""
    return _fewest(shingles(text), MOST_SHINGLES)


def asked_shingles(text: str) -> list[int]:
    """The shingles of a text that are looked up. For a long text, only those that would also be stored for long articles."""
    return _fewest(shingles(text), MOST_ASKED)


def _fewest(hashes: list[int], most: int) -> list[int]:
    def zeros(number: int) -> int:
        return (number & -number).bit_length()

    return sorted(hashes, key=zeros, reverse=True)[:most]
