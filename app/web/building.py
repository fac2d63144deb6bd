"""What the address of the feed builder chooses: each value by itself, so that one wrong value costs none of the others.

The parameters are those of feeds. A value that is wrong becomes a fault beside its field, with the nearest names; what is right stays
chosen. Only a choice without a fault is a query.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
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
from schemas import UnknownCode, codes
from schemas.alike import alike, letters

__all__ = ["NAMES", "PATH", "Choice", "Wrong", "address", "all_offices", "choice_of", "feed_in_words", "value_in_words"]

CHOICES = (*BY_NAME, *(EXCLUDE + name for name in BY_NAME))
SINGLE = ("q", "since", "until", "limit")
NAMES = (*CHOICES, *SINGLE)
PATH = "/feeds/build"
LONGEST = 200  # characters of a name or code
SHOWN = 60  # values of one field that the page shows
GUESSED = 3  # wrong names of a page whose nearest ones are looked for
NEAREST = 5
# The type of a problem of the whole query -> the field that it is about, and what is said there.
OF_QUERY = {
    "bad-words": ("q", "build-words-wrong"),
    "bad-instant": ("since", "build-value-wrong"),
    "bad-limit": ("limit", "build-value-wrong"),
}


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

    def has(self, *parameters: str) -> bool:
        """Whether one of these parameters has a value, also a wrong one."""
        return any(self.chosen.get(one) or self.wrong.get(one) for one in parameters)

    def pairs(self) -> Pairs:
        """All that is right, as parameters."""
        pairs = [(name, value) for name in CHOICES for value in self.values(name)]
        return pairs + [(name, self.single[name]) for name in SINGLE if self.single.get(name)]


def choice_of(pairs: Iterable[tuple[str, str]], offices: Mapping[str, OfficeRecord], lang: str) -> Choice:
    """The choice of these parameters, which are of NAMES, with its faults in that language."""
    choice, left = Choice(), GUESSED
    sent: dict[str, dict[str, None]] = {}
    for parameter, value in pairs:
        if value.strip():
            sent.setdefault(parameter, {})[value.strip()] = None
    for parameter in SINGLE:
        values = [*sent.get(parameter, ())]
        choice.single[parameter] = values[0][: 2 * LONGEST] if values else ""
        if len(values) > 1:
            _fault(choice, parameter, text("build-value-wrong", lang).format(text=values[1][:40]))
    for parameter in CHOICES:
        texts = [*sent.get(parameter, ())]
        for value in texts[:SHOWN]:
            try:
                known = _resolved(parameter, value, offices)
                choice.chosen.setdefault(parameter, {})[known] = value_in_words(_bare(parameter), known, offices, lang)
            except (Problem, UnknownCode) as error:
                _fault(choice, parameter, _said(error, value, lang), getattr(error, "status", 404))
                near = _nearest(error, parameter, value, offices, lang) if left else []
                left -= bool(left)
                rest = [(one, other) for one in sent for other in sent[one] if (one, other) != (parameter, value)]
                instead = tuple((label, address((*rest, (parameter, code)))) for code, label in near)
                choice.wrong.setdefault(parameter, []).append(Wrong(value[:LONGEST], instead))
        if len(texts) > VALUES:
            many = text("build-many", lang).format(most=VALUES, count=len(texts))
            _fault(choice, parameter, many)
    if not choice.faults:
        _ask(choice, offices, lang)
    return choice


def address(pairs: Iterable[tuple[str, str]]) -> str:
    """The address of the page with these choices, from the root of the server."""
    return url(PATH, urlencode([*pairs], quote_via=quote, safe=":"))


def all_offices() -> dict[str, OfficeRecord]:
    """The known offices by their code. Raises Unavailable."""
    return {office.code: office for office in store.accounts.all_offices(here().engine)}


def _ask(choice: Choice, offices: Mapping[str, OfficeRecord], lang: str) -> None:
    try:
        choice.query = parse(choice.pairs(), [*offices])
    except Problem as problem:
        parameter, key = OF_QUERY.get(problem.type, ("all", "build-costly"))
        shown = choice.single.get(parameter, "")[:40]
        _fault(choice, parameter, text(key, lang).format(text=shown), problem.status)


def _fault(choice: Choice, parameter: str, sentence: str, status: int = 400) -> None:
    choice.faults.setdefault(parameter, sentence)
    choice.status = max(choice.status, status)


def _bare(parameter: str) -> str:
    return parameter.removeprefix(EXCLUDE)


def _resolved(parameter: str, value: str, offices: Mapping[str, OfficeRecord]) -> str:
    """The canonical form of a value. An office may be given by its name too. Raises Problem and UnknownCode."""
    if len(value) > LONGEST:
        raise Problem(400, "too-long", "The value is too long")
    if parameter.endswith("office"):
        named = [office.code for office in offices.values() if office.named(value)]
        if len(named) == 1:
            return named[0]
        if named:
            raise Problem(404, "ambiguous-office", "Ambiguous office")
    if (scheme := _scheme(parameter)) is not None:
        return codes(scheme).resolve(value).code
    return BY_NAME[_bare(parameter)].resolve(value, [*offices])


def _scheme(parameter: str) -> Literal["region", "topic"] | None:
    """The code table of a parameter; None if it has none."""
    bare = _bare(parameter)
    return "region" if bare == "region" else "topic" if bare == "topic" else None


def _said(error: Problem | UnknownCode, value: str, lang: str) -> str:
    """What is wrong with a value, in a sentence."""
    if isinstance(error, UnknownCode):
        key = "build-ambiguous" if error.candidates else "build-unknown"
    else:
        kinds = {"too-long": "build-long", "bad-language": "build-value-wrong", "ambiguous-office": "build-ambiguous"}
        key = kinds.get(error.type, "build-unknown")
    return text(key, lang).format(text=value[:40])


def _nearest(
    error: Problem | UnknownCode, parameter: str, value: str, offices: Mapping[str, OfficeRecord], lang: str
) -> Sequence[tuple[str, str]]:
    """(code, name) of what may be meant."""
    if isinstance(error, UnknownCode):
        scheme = _scheme(parameter) or "topic"
        return [(code, _within(scheme, code, lang)) for code in (shown.partition(" ")[0] for shown in error.nearest)]
    if _bare(parameter) != "office":
        known = [code for fault in error.errors for code in fault.nearest]
        return [(code, value_in_words(_bare(parameter), code, offices, lang)) for code in known]
    if error.type == "ambiguous-office":
        return [(office.code, f"{office.name} ({office.code})") for office in offices.values() if office.named(value)]
    names = {
        letters(name): office for office in offices.values() for name in (office.name, *office.aliases, office.code)
    }
    return [*{office.code: office.name for office in alike(value[:100], names, NEAREST)}.items()]


def _within(scheme: Literal["region", "topic"], code: str, lang: str) -> str:
    """The name of a code, and of what it is in: several districts have the same name."""
    table = codes(scheme)
    found = table.get(code)
    above = table.get(found.parent) if found else None
    return f"{name(code, lang)} ({name(above.code, lang)})" if above and above.parent else name(code, lang)
