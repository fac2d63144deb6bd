"""What a feed is asked for: one frozen query, one canonical spelling, whatever the order and the words it came in.

The parameters are rows in `FILTERS`. Values of one parameter mean or, parameters mean and, `exclude_…` means but not.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct
from msgspec.structs import replace

from app.errors import Fault, Problem
from app.text.characters import refused
from app.text.fulltext import search_terms
from schemas import UnknownCode, codes

LIMIT, MOST = 50, 200
VALUES = 20  # of one parameter; each is a range scan
MOST_COST = 400  # look-ups that a question may need for each article that it shows
WORDS = 200  # characters of a full-text question
EXCLUDE = "exclude_"
KINDS = ("press-release", "reference", "explanation")
NO_LICENCE = "none"  # all rights reserved
# Short names of the licences that offices use: https://www.kogl.or.kr/, https://creativecommons.org/
LICENCES = {
    **{f"kogl-{number}": f"https://www.kogl.or.kr/info/licenseType{number}.do" for number in range(5)},
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ogl-3.0": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # of a saved feed, a source, an office
CURSOR = re.compile(r"(-?\d{1,17})-(\d{1,20})(?:-([0-9a-f]{8}))?")  # an archive goes back beyond 1970
HIGHEST = 2**53  # number of an article; what unseals to more is no cursor of ours

Cursor = tuple[int, int]  # where an article stands: microseconds since 1970, and its number
Values = tuple[str, ...]


class Filter(Struct, frozen=True):
    """A parameter whose values are places or topics of the fan-out."""

    name: str
    axis: str  # "place" or "topic"
    resolve: Callable[[str, Sequence[str]], str]  # a value as asked, the known offices -> its one spelling
    key: Callable[[str], str]  # that spelling -> the name of a place or topic


class Saved(Struct, frozen=True):
    """A question with a short name."""

    name: str
    query: str  # its canonical form
    title: str = ""  # empty: made of the question
    limit: int = LIMIT  # articles, where no other number is asked for


class Query(Struct, frozen=True):
    """Values of one dimension mean or, dimensions mean and; each tuple is sorted and without repeats."""

    regions: Values = ()
    topics: Values = ()
    offices: Values = ()
    langs: Values = ()
    limit: int = LIMIT
    genres: Values = ()
    licences: Values = ()
    excluded: tuple[tuple[str, str], ...] = ()  # (parameter, value)
    since: datetime | None = None  # of the change: this instant or later
    until: datetime | None = None  # before this instant
    words: str = ""  # full text
    before: Cursor | None = None  # only what stands below
    after: Cursor | None = None  # only what stands above, the nearest of it
    saved: Saved | None = None  # the name it was asked by

    def address(self, base: str, format: str) -> str:
        """The one URL of this feed on the server at `base`: by its short name where it has one."""
        if self.saved is None:
            return url(f"{base}/feed.{format}", self.canonical())
        return url(f"{base}/f/{self.saved.name}.{format}", urlencode(self._page(self.saved.limit), quote_via=quote))

    def home(self, base: str) -> str:
        """The URL of the page that shows the same."""
        return url(f"{base}/", self.canonical())

    def _page(self, limit: int) -> list[tuple[str, str]]:
        """What names a page of the feed; `limit`: the one that need not be said."""
        pairs = [("limit", str(self.limit))] if self.limit != limit else []
        cursors = (("before", self.before), ("after", self.after))
        return pairs + [(name, written(cursor)) for name, cursor in cursors if cursor is not None]

    def canonical(self) -> str:
        """The one query string of this question, percent-encoded, without a question mark; empty for everything."""
        pairs: list[tuple[str, str]] = []
        for filter in FILTERS:
            pairs += [(filter.name, value) for value in self.values(filter.name)]
        pairs += [(EXCLUDE + name, value) for name, value in self.excluded]
        if self.words:
            pairs.append(("q", self.words))
        pairs += [(name, rfc3339(moment)) for name, moment in (("since", self.since), ("until", self.until)) if moment]
        return urlencode(pairs + self._page(LIMIT), quote_via=quote)

    def values(self, name: str) -> Values:
        """The values of a filter."""
        values: Values = getattr(self, FIELDS[name])
        return values

    def scans(self) -> tuple[tuple[str, str], ...]:
        """The (place, topic) pairs whose entries, together, hold every answer."""
        place, topic = self._scanned()
        return tuple((p, t) for p in self._keys(place) for t in self._keys(topic))

    def probes(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """(places, topics) in which an entry must stand as well, for each dimension that the scan leaves over."""
        scanned = self._scanned()
        left = [filter for filter in FILTERS if self.values(filter.name) and filter.name not in scanned]
        return tuple(_cross(filter, self._keys(filter.name)) for filter in left)

    def exclusions(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """(places, topics) in which an entry must not stand."""
        return tuple(_cross(BY_NAME[name], (BY_NAME[name].key(value),)) for name, value in self.excluded)

    def cost(self) -> int:
        """Look-ups that one article of each scan may need: a simple feed costs 1."""
        looked_up = (*self.probes(), *self.exclusions())
        return len(self.scans()) * (1 + sum(len(places) * len(topics) for places, topics in looked_up))

    def _scanned(self) -> tuple[str, str]:
        """The filters that the scan is made of: an office is narrower than a region. What has no entries by place (genre,
        licence) is scanned only where no place is asked for."""
        place = next((name for name in ("office", "region") if self.values(name)), "")
        topics = ("topic", "lang") if place else ("topic", "lang", "genre", "licence")
        return place, next((name for name in topics if self.values(name)), "")

    def _keys(self, name: str) -> tuple[str, ...]:
        return tuple(map(BY_NAME[name].key, self.values(name))) if name else ("*",)


def url(path: str, asked: str) -> str:
    """A URL and its query string, which may be empty."""
    return f"{path}?{asked}" if asked else path


def _cross(filter: Filter, keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (keys, ("*",)) if filter.axis == "place" else (("*",), keys)


def office_place(office: str) -> str:
    """The place of an office's own feed; no region id begins like this."""
    return f"office:{office}"


def lang_topic(lang: str) -> str:
    """The topic that stands for a language; no topic id begins like this."""
    return f"lang:{lang.lower()}"


def genre_topic(kind: str) -> str:
    """The topic that stands for a kind of release."""
    return f"genre:{kind}"


def licence_topic(uri: str) -> str:
    """The topic that stands for a licence; an empty URI: all rights reserved."""
    return f"licence:{uri or NO_LICENCE}"


def parse(args: Iterable[tuple[str, str]], offices: Sequence[str]) -> Query:
    """The query of a request's parameters, `offices` being the known codes. Raises Problem: 400 for a parameter or a
    number out of place, 404 for an unknown value with the nearest known ones."""
    given = _given(args)
    if given.get("before") and given.get("after"):
        raise Problem(400, "bad-cursor", "Not a cursor", "before and after name two pages; ask for one.")
    resolved = {
        filter.name: _unique(filter.resolve(text, offices) for text in given.get(filter.name, ())) for filter in FILTERS
    }
    excluded = {
        (filter.name, filter.resolve(text, offices))
        for filter in FILTERS
        for text in given.get(EXCLUDE + filter.name, ())
    }
    query = Query(
        regions=resolved["region"],
        topics=resolved["topic"],
        offices=resolved["office"],
        langs=resolved["lang"],
        genres=resolved["genre"],
        licences=resolved["licence"],
        excluded=tuple(sorted(excluded)),
        since=_moment("since", given),
        until=_moment("until", given),
        words=_words(given),
        before=_cursor("before", given),
        after=_cursor("after", given),
        limit=_limit(given.get("limit", [])),
    )
    if query.since and query.until and query.since >= query.until:
        raise Problem(400, "bad-instant", "Not a period", "since is not before until: no article is in between.")
    if len(query.scans()) > 4 * VALUES:
        raise Problem(
            400, "too-many-values", "Too many values", f"Ask for at most {4 * VALUES} pairs of place and topic."
        )
    if query.cost() > MOST_COST:
        detail = (
            f"This question looks up each article of {len(query.scans())} pairs of place and topic in"
            f" {query.cost() // len(query.scans()) - 1} other values, exclusions included; the product may be {MOST_COST} at most."
            " Ask for fewer values, or for several feeds."
        )
        raise Problem(400, "too-many-values", "Too many values", detail)
    return query


def recall(saved: Saved, args: Iterable[tuple[str, str]], offices: Sequence[str]) -> Query:
    """The query of a saved feed, with the page that a request's parameters ask for. Raises Problem as `parse` does."""
    args = list(args)
    for name, _ in args:
        if name not in PAGED:
            detail = f"{name[:40]!r} is none of {', '.join(PAGED)}: what a saved feed asks for is kept with its name."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    whole, page = parse(parse_qsl(saved.query), offices), parse(args, ())
    limit = page.limit if any(name == "limit" and value.strip() for name, value in args) else whole.limit
    return replace(whole, saved=replace(saved, limit=whole.limit), before=page.before, after=page.after, limit=limit)


def _given(args: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for name, value in args:
        if name not in PARAMETERS:
            raise Problem(
                400, "unknown-parameter", "Unknown parameter", f"{name[:40]!r} is none of {', '.join(PARAMETERS)}."
            )
        if character := refused(value, lines=name == "q"):
            # A question may come from inside another parameter, from the command line, or from where it was kept.
            reason = f"{name} holds the character {character}, which no parameter may hold. Leave it out."
            faults = [Fault(reason, path=name)]
            raise Problem(400, "bad-characters", "A character that is not taken", reason, errors=faults)
        if value.strip():
            given.setdefault(name, []).append(value.strip())
    for name, values in given.items():
        if len(values) > VALUES:
            raise Problem(400, "too-many-values", "Too many values", f"{name} takes at most {VALUES} values.")
        if name in ONCE and len(set(values)) > 1:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return given


def rfc3339(moment: datetime) -> str:
    """An instant in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _unique(values: Iterable[str]) -> Values:
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


def _region(text: str, _offices: Sequence[str]) -> str:
    return _code("region", text)


def _topic(text: str, _offices: Sequence[str]) -> str:
    return _code("topic", text)


def _office(text: str, offices: Sequence[str]) -> str:
    if text.lower() not in offices:
        reason = f"{text[:100]!r} is not a known office."
        raise Problem(404, "unknown-office", "Unknown office", reason, errors=[Fault(reason)])
    return text.lower()


def _lang(text: str, _offices: Sequence[str]) -> str:
    parts = text.replace("_", "-").split("-")
    if not (2 <= len(parts[0]) <= 3 and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in parts)):
        raise Problem(
            400, "bad-language", "Not a language tag", f"{text[:40]!r} is not a BCP 47 language tag such as ko."
        )
    return "-".join(parts).lower()


def _genre(text: str, _offices: Sequence[str]) -> str:
    kind = text.lower().removeprefix("kind:")
    if kind not in KINDS:
        reason = f"{text[:100]!r} is not a known genre."
        raise Problem(404, "unknown-genre", "Unknown genre", reason, errors=[Fault(reason, nearest=KINDS)])
    return kind


def _licence(text: str, _offices: Sequence[str]) -> str:
    known = LICENCES.get(text.lower(), text)
    if text.lower() == NO_LICENCE:
        return NO_LICENCE
    if not known.startswith(("https://", "http://")):
        reason = f"{text[:100]!r} is not a known licence: give its URL, or one of the names we know."
        nearest = (*LICENCES, NO_LICENCE)
        raise Problem(404, "unknown-licence", "Unknown licence", reason, errors=[Fault(reason, nearest=nearest)])
    return known


FILTERS = (
    Filter("region", "place", _region, str),
    Filter("topic", "topic", _topic, str),
    Filter("office", "place", _office, office_place),
    Filter("lang", "topic", _lang, lang_topic),
    Filter("genre", "topic", _genre, genre_topic),
    Filter("licence", "topic", _licence, licence_topic),
)
BY_NAME = {filter.name: filter for filter in FILTERS}
FIELDS = {filter.name: f"{filter.name}s" for filter in FILTERS}  # of Query
ONCE = ("q", "since", "until", "limit", "before", "after")
PAGED = ("limit", "before", "after")  # a saved feed takes these
PARAMETERS = (*BY_NAME, *(EXCLUDE + name for name in BY_NAME), *ONCE)


def _moment(name: str, given: dict[str, list[str]]) -> datetime | None:
    """RFC 3339, or a date: its midnight in UTC."""
    if name not in given:
        return None
    text = given[name][0].replace(" ", "+")  # a plus sign that nobody escaped
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        detail = f"{name} takes an instant such as 2026-03-02T09:00:00+09:00 or a date, not {text[:40]!r}."
        raise Problem(400, "bad-instant", "Not an instant", detail) from None
    if moment.tzinfo is None:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return moment.replace(tzinfo=UTC)
        raise Problem(400, "bad-instant", "Not an instant", f"{name} has no time zone: end it with +09:00 or Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Problem(400, "bad-instant", "Not an instant", f"{name} is out of range.") from None


def _words(given: dict[str, list[str]]) -> str:
    words = " ".join(given.get("q", [""])[0].split())
    if len(words) > WORDS:
        raise Problem(400, "bad-words", "Too many words", f"q takes at most {WORDS} characters.")
    if words and not search_terms(words):
        raise Problem(400, "bad-words", "Nothing to look for", f"q has no letter or digit: {words[:40]!r}.")
    return words


def _cursor(name: str, given: dict[str, list[str]]) -> Cursor | None:
    text = given.get(name, [""])[0]
    if not text:
        return None
    cursor = CURSOR.fullmatch(text)
    if cursor is None:
        raise Problem(400, "bad-cursor", "Not a cursor", f"{name} is taken from a feed's links to its pages.")
    check_tag(cursor[3] or "")
    if _unseal(int(cursor[2])) > HIGHEST:
        raise Problem(400, "bad-cursor", "Not a cursor", f"{name} is taken from a feed's links to its pages.")
    return int(cursor[1]), _unseal(int(cursor[2]))


def written(cursor: Cursor) -> str:
    """A cursor as links have it: where it stands, and the tag of the history that gave it."""
    tag = f"-{_tag['tag']}" if _tag["tag"] else ""
    return f"{cursor[0]}-{_seal(cursor[1])}{tag}"


# Articles get other numbers after a backup was put back, and a cursor holds one: so it names the history that gave it.
_tag = {"tag": ""}


def tag_with(instance: str) -> None:
    """Cursors of this process name the history of that name from now on."""
    _tag["tag"] = tag_of(instance)


def tag_of(instance: str) -> str:
    """Eight hexadecimal digits that tell one history from another."""
    return hashlib.blake2b(instance.encode(), digest_size=4, person=b"pr cursor").hexdigest()


def check_tag(tag: str) -> None:
    """Raises Problem (410) for a cursor that another history gave."""
    if tag != _tag["tag"]:
        detail = (
            "This cursor was given before the database was put back to an older state or replaced by another one (or by an earlier"
            " version of this server): begin again at the first page."
        )
        raise Problem(410, "bad-cursor", "A cursor of another state of the database", detail)


# An article's number tells how many came before it, those under embargo too: nobody outside may count them. So cursors carry it
# sealed: a Feistel network of four rounds over 64 bits (Luby and Rackoff, 1988), keyed by the database.
_sealing = {"key": b""}
ROUNDS = 4


def seal_with(key: bytes) -> None:
    """Seal the cursors of this process with the key of its database; without one they are plain."""
    _sealing["key"] = key


def _seal(num: int) -> int:
    return _feistel(num, range(ROUNDS)) if _sealing["key"] else num


def _unseal(sealed: int) -> int:
    if not _sealing["key"]:
        return sealed
    turned = _feistel((sealed & 0xFFFFFFFF) << 32 | (sealed >> 32) & 0xFFFFFFFF, reversed(range(ROUNDS)))
    return (turned & 0xFFFFFFFF) << 32 | turned >> 32


def _feistel(value: int, rounds: Iterable[int]) -> int:
    left, right = (value >> 32) & 0xFFFFFFFF, value & 0xFFFFFFFF
    for number in rounds:
        said = hashlib.blake2b(right.to_bytes(4, "big") + bytes([number]), digest_size=4, key=_sealing["key"]).digest()
        left, right = right, left ^ int.from_bytes(said, "big")
    return left << 32 | right


def _limit(values: Sequence[str]) -> int:
    if not values:
        return LIMIT
    value = values[0]
    if not (value.isascii() and value.isdigit() and len(value) < 9 and 1 <= int(value) <= MOST):
        raise Problem(400, "bad-limit", "Limit out of range", f"limit takes one whole number from 1 to {MOST}.")
    return int(value)


Row = tuple[int, int, int, int]  # sort, number, version, when that came


def cut(rows: list[Row], query: Query) -> tuple[list[Row], bool]:
    """The rows of a page of which one more was asked for, and whether it was there."""
    more = len(rows) > query.limit
    # Upwards, the row too many is the uppermost.
    return (rows[1:] if more and query.after else rows[: query.limit]), more
