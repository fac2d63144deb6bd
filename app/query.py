"""What a feed is asked for: one frozen query, one canonical spelling, whatever the order and the words it came in."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

from msgspec import Struct

from app.errors import Fault, Problem
from schemas import UnknownCode, codes

LIMIT, MOST = 50, 200
VALUES = 20  # of one parameter; each is a range scan
PARAMETERS = ("region", "topic", "office", "lang", "limit")


class Query(Struct, frozen=True):
    """Values of one dimension mean or, dimensions mean and; each tuple is sorted and without repeats."""

    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    limit: int = LIMIT

    def canonical(self) -> str:
        """The one query string of this question, percent-encoded, without a question mark; empty for everything."""
        pairs: list[tuple[str, str]] = []
        for name, values in zip(PARAMETERS, (self.regions, self.topics, self.offices, self.langs), strict=False):
            pairs += [(name, value) for value in values]
        if self.limit != LIMIT:
            pairs.append(("limit", str(self.limit)))
        return urlencode(pairs, quote_via=quote)

    def scans(self) -> tuple[tuple[str, str], ...]:
        """The (place, topic) pairs whose entries, together, hold every answer."""
        return tuple((place, topic) for place in self._places() for topic in self._topics())

    def probes(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """(places, topics) in which an entry must stand as well, for a dimension that the scan leaves over."""
        probes: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        if self.offices and self.regions:
            probes.append((self.regions, ("*",)))
        if self.langs and self.topics:
            probes.append((("*",), tuple(lang_topic(lang) for lang in self.langs)))
        return tuple(probes)

    def _places(self) -> tuple[str, ...]:
        # An office's feed is the narrower one: scan it, and look the region up.
        return tuple(office_place(office) for office in self.offices) or self.regions or ("*",)

    def _topics(self) -> tuple[str, ...]:
        return self.topics or tuple(lang_topic(lang) for lang in self.langs) or ("*",)


def office_place(office: str) -> str:
    """The place of an office's own feed; no region id begins like this."""
    return f"office:{office}"


def lang_topic(lang: str) -> str:
    """The topic that stands for a language; no topic id begins like this."""
    return f"lang:{lang.lower()}"


def parse(args: Iterable[tuple[str, str]], offices: Sequence[str]) -> Query:
    """The query of a request's parameters, `offices` being the known codes. Raises Problem: 400 for a parameter or a
    number out of place, 404 for an unknown value with the nearest known ones."""
    given: dict[str, list[str]] = {}
    for name, value in args:
        if name not in PARAMETERS:
            raise Problem(
                400, "unknown-parameter", "Unknown parameter", f"{name[:40]!r} is none of {', '.join(PARAMETERS)}."
            )
        if value.strip():
            given.setdefault(name, []).append(value.strip())
    for name, values in given.items():
        if len(values) > VALUES:
            raise Problem(400, "too-many-values", "Too many values", f"{name} takes at most {VALUES} values.")
    query = Query(
        regions=_unique(_code("region", text) for text in given.get("region", ())),
        topics=_unique(_code("topic", text) for text in given.get("topic", ())),
        offices=_unique(_office(text, offices) for text in given.get("office", ())),
        langs=_unique(_lang(text) for text in given.get("lang", ())),
        limit=_limit(given.get("limit", [])),
    )
    if len(query.scans()) > 4 * VALUES:
        raise Problem(
            400, "too-many-values", "Too many values", f"Ask for at most {4 * VALUES} pairs of place and topic."
        )
    return query


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _code(scheme: str, text: str) -> str:
    try:
        return codes("region" if scheme == "region" else "topic").resolve(text).code
    except UnknownCode as error:
        several = bool(error.candidates)
        reason = (
            f"{text[:100]!r} is {'borne by several' if several else 'not a known'} {scheme}{'s' if several else ''}."
        )
        raise Problem(
            404,
            f"{'ambiguous' if several else 'unknown'}-{scheme}",
            f"{'Ambiguous' if several else 'Unknown'} {scheme}",
            reason,
            errors=[Fault(reason, nearest=error.nearest)],
        ) from None


def _office(text: str, offices: Sequence[str]) -> str:
    if text.lower() not in offices:
        reason = f"{text[:100]!r} is not a known office."
        raise Problem(404, "unknown-office", "Unknown office", reason, errors=[Fault(reason)])
    return text.lower()


def _lang(text: str) -> str:
    parts = text.replace("_", "-").split("-")
    if not (2 <= len(parts[0]) <= 3 and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in parts)):
        raise Problem(
            400, "bad-language", "Not a language tag", f"{text[:40]!r} is not a BCP 47 language tag such as ko."
        )
    return "-".join(parts).lower()


def _limit(values: Sequence[str]) -> int:
    if not values:
        return LIMIT
    value = values[0]
    if len(values) > 1 or not (value.isascii() and value.isdigit() and len(value) < 9 and 1 <= int(value) <= MOST):
        raise Problem(400, "bad-limit", "Limit out of range", f"limit takes one whole number from 1 to {MOST}.")
    return int(value)
