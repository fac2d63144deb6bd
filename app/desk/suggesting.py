"""Places and topics that a text may be about, and those that a few letters may mean: by rules over the code tables' names. They are
only suggested, never set. Pure.

Korean words carry their endings ("김제시는"), so a name counts if a word begins with it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from msgspec import Struct

from app.accounts.offices import OfficeRecord
from schemas import Code, Table, UnknownCode, codes, folded

LONGEST = 20_000  # characters of a text that are looked at
MOST = 8  # suggestions
FOUND = 20  # results of a search
LETTERS = 12  # of the longest name that a word may begin with
WORD = re.compile(r"[^\W_]+")
SCHEMES = ("region", "topic")
# Names that are ordinary words too, so they say nothing about a place or a topic.
ORDINARY = {
    "한국", "대한민국", "사회", "정부", "도시", "지역", "고성", "중구", "동구", "서구", "남구", "북구", "사람", "활동", "문화", "인재",
    "가족", "감시", "경제", "공무원", "공직자", "광고", "기업", "남성", "대출", "법률", "병원", "부상", "사기", "사진", "성별", "성인",
    "성취", "신문", "언론", "언어", "여성", "은행", "인물", "자연", "장관", "전력", "조각", "학교", "학생", "후보자",
}  # fmt: skip
# what may follow a name: the first syllable of a Korean particle
ENDINGS = "은는이가을를의에로와과도만나서까부및등들께"


class Hint(Struct, frozen=True):
    """A code that may be meant."""

    code: str
    name: str  # in the reader's language
    within: str = ""  # the name of what it belongs to
    lang: str = ""  # the language of the name, if it has none in the reader's


def hint(code: Code, lang: str) -> Hint:
    """A code with its names. `lang`: "ko" or "en"."""
    table = codes("region" if code.scheme == "region" else "topic")
    above = table.get(code.parent)
    name, spoken = code.named(lang)
    return Hint(
        code.code, name, above.named(lang)[0] if above and above.parent else "", "" if spoken == lang else spoken
    )


def known(scheme: str, text: str, lang: str, within: Sequence[str] = ()) -> Hint | None:
    """The code that a line of the form means; None if none or several. `within`: the codes of the office."""
    try:
        return hint(_table(scheme).resolve(text, within=within), lang)
    except UnknownCode:
        return None


def chosen(scheme: str, lines: Sequence[str], lang: str, office: OfficeRecord) -> dict[str, Hint]:
    """Line of the form -> what it means, for the lines that mean something."""
    within = office.regions if scheme == "region" else office.topics
    found = {line: known(scheme, line, lang, within) for line in lines}
    return {line: hint for line, hint in found.items() if hint}


def under(scheme: str, code: str, lang: str) -> list[Hint]:
    """The codes in force one level below a code; without one, those at the top: Korea's provinces, or topics without a parent."""
    found = _table(scheme).children(code or ("kr" if scheme == "region" else ""))
    return [hint(one, lang) for one in found if one.valid_to is None and one.retired is None]


def search(scheme: str, words: str, lang: str, within: Sequence[str] = ()) -> list[Hint]:
    """The codes in force whose names have the words in them: first those that begin with them and those of the office. If there are
    none, the most similar ones."""
    wanted = folded(words[:100])
    if not wanted:
        return []
    near = {above for code in within for above in _table(scheme).lineage(code)}
    ranked: list[tuple[tuple[bool, bool, bool, int], Code]] = []
    for code, named in _searched(scheme):
        found = [name for name in named if wanted in name]
        if found:
            first = not any(name.startswith(wanted) for name in found)
            shortest = min(map(len, found))
            rank = (wanted not in named, first, not near & {code.code, code.parent}, shortest)
            ranked.append((rank, code))
    ranked.sort(key=lambda one: one[0])
    if ranked:
        return [hint(code, lang) for _, code in ranked[:FOUND]]
    table = _table(scheme)
    similar = (table.get(shown.partition(" ")[0]) for shown in table.nearest(words))
    return [hint(one, lang) for one in similar if one]


def suggested(
    scheme: str, headline: str, text: str, lang: str, within: Sequence[str] = (), besides: Collection[str] = ()
) -> list[Hint]:
    """The codes whose names a release has in it, the most often named first; the headline counts three times. `within`: the codes of
    the office, which decide between places of one name. `besides`: codes that are not suggested."""
    table, counted = _table(scheme), Counter[str]()
    for part, weight in ((headline, 3), (text[:LONGEST], 1)):
        for name in _names_in(scheme, folded(part)):
            try:
                code = table.resolve(name, within=within)
            except UnknownCode:
                continue
            if code.valid_to is None and code.retired is None and (scheme != "region" or code.code.startswith("kr:")):
                counted[code.code] += weight
    # A text that names a district does not need its province as a suggestion too.
    above = {one for code in counted for one in table.ancestors(code)} if scheme == "region" else set()
    chosen = [code for code, _ in counted.most_common() if code not in above and code not in besides]
    return [hint(known, lang) for one in chosen[:MOST] if (known := table.get(one))]


def _names_in(scheme: str, text: str) -> Iterator[str]:
    """The longest name that each word of a folded text begins with."""
    names = _beginnings(scheme)
    for word in WORD.findall(text):
        for end in range(min(len(word), LETTERS), 1, -1):
            if word[:end] in names and (end == len(word) or word[end] in ENDINGS):
                yield word[:end]
                break


def _table(scheme: str) -> Table:
    return codes("region" if scheme == "region" else "topic")


@cache
def _searched(scheme: str) -> list[tuple[Code, tuple[str, ...]]]:
    """(code, its folded names) of all that is in force."""
    return [
        (code, tuple(dict.fromkeys(folded(name) for name in (*code.names.values(), *code.aliases, code.code) if name)))
        for code in _table(scheme)
        if code.valid_to is None and code.retired is None
    ]


@cache
def _beginnings(scheme: str) -> frozenset[str]:
    """The names of one word that a text may have: Korean ones of two letters and more, others of five and more."""
    found = (
        name
        for code, names in _searched(scheme)
        if scheme == "topic" or code.code.startswith("kr:")
        for name in names
        if WORD.fullmatch(name) and len(name) >= (2 if name[0] >= "가" else 5) and not name.isdecimal()
    )
    return frozenset(found) - ORDINARY


def has_more(scheme: str, code: str) -> bool:
    """Whether there are codes below a code."""
    return bool(_table(scheme).children(code))
