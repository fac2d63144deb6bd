"""Regions, topics and offices that the words of a search name, and those that a misspelt word may mean."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from app.accounts.offices import OfficeRecord
from schemas import Code, UnknownCode, codes, folded
from schemas.alike import alike, letters

WORDS = 6  # words of a search that are looked up
TOGETHER = 3  # words that a name may have
LEAST = 80.0  # similarity in percent from which a word may be a misspelt name
SHORTEST, LONGEST = 2, 40  # letters of such a word
MOST = 5  # names


class Name(Struct, frozen=True):
    """A region, topic or office."""

    kind: str  # "region", "topic" or "office"
    code: str
    words: str  # of the search: those that name it
    rest: str  # the other words


def named_in(words: str, offices: Sequence[OfficeRecord]) -> list[Name]:
    """The regions, topics and offices whose exact names are among the words; long names first, at most MOST."""
    found: dict[tuple[str, str], Name] = {}
    by_name = _by_name(offices) if words else {}
    for text, rest in _parts(words):
        for kind, code in _exact(text, by_name):
            found.setdefault((kind, code), Name(kind, code, text, rest))
    return list(found.values())[:MOST]


def misspelt(words: str, offices: Sequence[OfficeRecord]) -> list[Name]:
    """What words may mean that are nearly, but not exactly, a name; at most MOST. It takes some milliseconds for each word."""
    found: dict[tuple[str, str], Name] = {}
    by_name = _by_name(offices) if words else {}
    spelt = {letters(name): code for name, code in by_name.items()}
    for text, rest in _parts(words, together=1):
        if SHORTEST <= len(text) <= LONGEST and not _exact(text, by_name):
            for kind, code in _near(text, spelt):
                found.setdefault((kind, code), Name(kind, code, text, rest))
    return list(found.values())[:MOST]


def _by_name(offices: Sequence[OfficeRecord]) -> dict[str, str]:
    """Name of an office, as names are compared -> its code."""
    return {
        _bare(name): office.code for office in offices for name in (*office.aliases, office.name, office.code) if name
    }


def _bare(name: str) -> str:
    return folded(name).replace(" ", "")


def _parts(words: str, together: int = TOGETHER) -> Iterator[tuple[str, str]]:
    """(some words that stand together, the others), longer ones first."""
    each = words.replace('"', " ").split()[:WORDS]
    for length in range(min(together, len(each)), 0, -1):
        for start in range(len(each) - length + 1):
            yield " ".join(each[start : start + length]), " ".join(each[:start] + each[start + length :])


def _exact(text: str, offices: dict[str, str]) -> list[tuple[str, str]]:
    found = [("region", code.code) for code in _codes("region", text)]
    found += [("topic", code.code) for code in _codes("topic", text)]
    return found + [("office", offices[name]) for name in (_bare(text),) if name in offices]


def _codes(scheme: str, text: str) -> Sequence[Code]:
    """The codes with this exact name: several if it does not say which."""
    table = codes("region" if scheme == "region" else "topic")
    if not table.knows(text):
        return ()
    try:
        return (table.resolve(text),)
    except UnknownCode as several:
        return several.candidates


def _near(text: str, offices: dict[str, str]) -> Iterator[tuple[str, str]]:
    for scheme in ("region", "topic"):
        table = codes("region" if scheme == "region" else "topic")
        yield from ((scheme, code.code) for code in table.similar(text, 2, LEAST))
    yield from (("office", code) for code in alike(_bare(text), offices, 2, LEAST))
