"""Reads the choice in the address of the feed builder: each value by itself, so that a wrong one does not affect the others. The
parameters are those of feeds. A wrong value becomes a fault beside its field, with the nearest names; the right values stay chosen.
Only a choice without faults becomes a query.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode

from msgspec import Struct, field

from app import store
from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.query import BY_NAME, EXCLUDE, VALUES, Query, parse, url
from app.syndication.in_words import feed_in_words, value_in_words
from app.syndication.texts import name, text
from app.web.context import here
from app.web.parameters import Pairs
from schemas import Code, UnknownCode, codes
from schemas.alike import alike, letters

__all__ = [
    "NAMES",
    "PATH",
    "Choice",
    "address",
    "choice_of",
    "feed_in_words",
    "halls",
    "offices_by_code",
    "value_in_words",
]

CHOICES = (*BY_NAME, *(EXCLUDE + name for name in BY_NAME))
SINGLE = ("q", "since", "until", "limit")
NAMES = (*CHOICES, *SINGLE)
PATH = "/feeds/build"
LONGEST = 200  # characters of a name or code
SHOWN = 25  # values of one field that the page keeps: more than a feed accepts, so that no usable one is lost
GUESSED = 3  # wrong names of a page whose nearest ones are looked for
NEAREST = 5
LONG = 2_000  # characters of a choice, from which on only one wrong name gets its nearest ones: each link repeats the choice
# The type of a problem of the whole query -> the field that it is about, and the key of the text shown there.
OF_QUERY = {
    "bad-words": ("q", "build-words-wrong"),
    "bad-instant": ("since", "build-value-wrong"),
    "bad-limit": ("limit", "build-value-wrong"),
}

HALL = re.compile(r"\w{2,30}[도시군구]청")

Sent = dict[str, dict[str, None]]  # parameter -> its different values, in their order


class Unusable(Exception):
    """A value that cannot be used: the key of a text that says why, and (code, name) of what may be meant."""

    def __init__(self, key: str, status: int, near: Callable[[], Sequence[tuple[str, str]]] = tuple) -> None:
        super().__init__(key)
        self.key, self.status, self.near = key, status, near


class Wrong(Struct, frozen=True):
    """A value that cannot be used."""

    text: str
    instead: tuple[tuple[str, str], ...] = ()  # (name, the address of the page with it in the wrong one's place)


class Choice(Struct):
    """What was chosen, field by field."""

    chosen: dict[str, dict[str, str]] = field(default_factory=dict)  # parameter -> value -> its name
    single: dict[str, str] = field(default_factory=dict)  # parameter -> its value
    wrong: dict[str, list[Wrong]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)  # parameter -> a sentence
    status: int = 200
    query: Query | None = None  # None: something is wrong

    def values(self, parameter: str) -> dict[str, str]:
        """The values of a parameter, with their names."""
        return self.chosen.get(parameter, {})

    def hints(self, parameter: str) -> dict[str, dict[str, str]]:
        """The same as the page's script takes them (static/pick.js)."""
        return {value: {"code": value, "name": name} for value, name in self.values(parameter).items()}

    def has(self, *parameters: str) -> bool:
        """Whether one of these parameters has a value, even a wrong one."""
        return any(self.chosen.get(one) or self.wrong.get(one) for one in parameters)

    def pairs(self) -> Pairs:
        """All right values, as parameters."""
        pairs = [(name, value) for name in CHOICES for value in self.values(name)]
        return pairs + [(name, self.single[name]) for name in SINGLE if self.single.get(name)]


def choice_of(pairs: Iterable[tuple[str, str]], offices: Mapping[str, OfficeRecord], lang: str) -> Choice:
    """The choice of these parameters, which are of NAMES, with its faults in that language."""
    choice = Choice()
    sent: Sent = {}
    for parameter, value in pairs:
        if value.strip():
            sent.setdefault(parameter, {})[value.strip()] = None
    for parameter in SINGLE:
        values = [*sent.get(parameter, ())]
        choice.single[parameter] = values[0][: 2 * LONGEST] if values else ""
        if len(values) > 1:
            _fault(choice, parameter, text("build-value-wrong", lang).format(text=values[1][:40]))
    for parameter in CHOICES:
        if (count := len(sent.get(parameter, ()))) > VALUES:
            _fault(choice, parameter, text("build-many", lang).format(most=VALUES, count=count))
    sent = {parameter: dict.fromkeys([*values][:SHOWN]) for parameter, values in sent.items()}
    for parameter in CHOICES:
        for value in sent.get(parameter, ()):
            _take(choice, parameter, value, sent, offices, lang)
    if not choice.faults:
        _ask(choice, offices, lang)
    return choice


def _take(
    choice: Choice, parameter: str, value: str, sent: Sent, offices: Mapping[str, OfficeRecord], lang: str
) -> None:
    """Add one value to the choice, with its name, or with what is wrong with it."""
    try:
        known = _resolved(parameter, value, offices, lang)
        choice.chosen.setdefault(parameter, {})[known] = value_in_words(_bare(parameter), known, offices, lang)
    except Unusable as error:
        _fault(choice, parameter, text(error.key, lang).format(text=value[:40]), error.status)
        long = sum(len(one) for values in sent.values() for one in values) > LONG
        near = error.near() if sum(map(len, choice.wrong.values())) < (1 if long else GUESSED) else ()
        rest = [(one, other) for one in sent for other in sent[one] if (one, other) != (parameter, value)]
        instead = tuple((label, address((*rest, (parameter, code)))) for code, label in near)
        choice.wrong.setdefault(parameter, []).append(Wrong(value[:LONGEST], instead))


def address(pairs: Iterable[tuple[str, str]]) -> str:
    """The address of the page with these choices, from the root of the server."""
    return url(PATH, urlencode([*pairs], quote_via=quote, safe=":"))


def offices_by_code() -> dict[str, OfficeRecord]:
    """The known offices by their code. Raises Unavailable."""
    return {office.code: office for office in store.accounts.all_offices(here().engine)}


def _ask(choice: Choice, offices: Mapping[str, OfficeRecord], lang: str) -> None:
    try:
        choice.query = parse(choice.pairs(), [*offices])
    except Problem as problem:
        parameter, key = OF_QUERY.get(problem.type, ("all", "build-costly"))
        parameter = "until" if parameter == "since" and not choice.single["since"] else parameter
        shown = choice.single.get(parameter, "")[:40]
        _fault(choice, parameter, text(key, lang).format(text=shown), problem.status)


def _fault(choice: Choice, parameter: str, sentence: str, status: int = 400) -> None:
    choice.faults.setdefault(parameter, sentence)
    choice.status = max(choice.status, status)


def _bare(parameter: str) -> str:
    return parameter.removeprefix(EXCLUDE)


def _resolved(parameter: str, value: str, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """The canonical form of a value. Raises Unusable. The nearest names take milliseconds, so they are searched only if the caller
    asks for them."""
    bare = _bare(parameter)
    if len(value) > LONGEST:
        raise Unusable("build-long", 400)
    if bare == "office":
        return _office(value, offices)
    try:
        if bare == "region" or bare == "topic":
            return codes(bare).resolve(value).code
        return BY_NAME[bare].resolve(value, ())
    except UnknownCode as error:
        unknown = error
        key = "build-ambiguous" if unknown.candidates else "build-unknown"
        raise Unusable(
            key, 404, lambda: [_shown(bare, one.partition(" ")[0], lang) for one in unknown.nearest]
        ) from None
    except Problem as problem:
        near = [code for fault in problem.errors for code in fault.nearest]
        names = [(code, value_in_words(bare, code, offices, lang)) for code in near]
        raise Unusable("build-unknown" if near else "build-value-wrong", problem.status, lambda: names) from None


def _office(value: str, offices: Mapping[str, OfficeRecord]) -> str:
    """The code of the office with this code or name. Raises Unusable."""
    if value.lower() in offices:
        return value.lower()
    named = [office for office in offices.values() if office.named(value)] or halls(value, offices)
    if len(named) == 1:
        return named[0].code
    if named:
        raise Unusable("build-ambiguous", 404, lambda: [(one.code, f"{one.name} ({one.code})") for one in named])

    def near() -> Sequence[tuple[str, str]]:
        names = {
            letters(name): office for office in offices.values() for name in (office.name, *office.aliases, office.code)
        }
        return [*{office.code: office.name for office in alike(value[:100], names, NEAREST)}.items()]

    raise Unusable("build-unknown", 404, near)


def halls(text: str, offices: Mapping[str, OfficeRecord]) -> list[OfficeRecord]:
    """The offices that people mean when they name a hall: 전북도청 is the office with the name of the province, 전주시청 that of the
    city."""
    called = text.replace(" ", "")
    if not HALL.fullmatch(called):
        return []
    table = codes("region")
    names: dict[str, None] = {}
    for region in (called[:-1], called[:-2]):
        try:
            found: Sequence[Code] = (table.resolve(region),)
        except UnknownCode as unknown:
            found = unknown.candidates
        names |= dict.fromkeys(one for code in found for one in (*code.names.values(), *code.aliases))
    return [office for office in offices.values() if any(office.named(one) for one in names)]


def _shown(scheme: str, code: str, lang: str) -> tuple[str, str]:
    """A code, and its name with that of what it is in: several districts have the same name."""
    table = codes("region" if scheme == "region" else "topic")
    found = table.get(code)
    above = table.get(found.parent) if found else None
    return code, f"{name(code, lang)} ({name(above.code, lang)})" if above and above.parent else name(code, lang)
