"""Reads the parameters of a request as a query. Each kind of fault has its own answer."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from msgspec.structs import replace

from app.errors import Fault, Problem
from app.query.filters import BY_NAME, FILTERS
from app.query.query import EXCLUDE, LIMIT, Cursor, Query, Read, Saved, Values
from app.text.characters import refused
from app.text.fulltext import search_terms

MOST = 200  # articles on one page of a feed
VALUES = 20  # values of one parameter; each is a range scan
MOST_COST = 400  # look-ups that a query may need for each article that it shows
WORDS = 200  # characters of a full-text search
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # the name of a saved feed, a source or an office
ONCE = ("q", "since", "until", "limit", "before", "after")
PAGED = ("limit", "before", "after")  # the parameters that a saved feed accepts
PARAMETERS = (*BY_NAME, *(EXCLUDE + name for name in BY_NAME), *ONCE)


def _no_pages(name: str, _text: str) -> Cursor:
    raise Problem(
        400,
        "bad-cursor",
        "A page cannot be given here",
        f"A cursor names one page, not a whole feed. Leave out {name}.",
    )


def parse(args: Iterable[tuple[str, str]], offices: Sequence[str], read: Read = _no_pages) -> Query:
    """The query of a request's parameters. `offices` are the known office codes; `read` reads cursors, if pages can be given here.
    Raises Problem: 400 for a wrong parameter or number, 404 for an unknown value, with the nearest known values."""
    parameters = _parameters(args)
    if parameters.get("before") and parameters.get("after"):
        raise Problem(
            400, "bad-cursor", "Not a cursor", "before and after name two different pages. Give only one of them."
        )
    resolved = {
        filter.name: _unique(filter.resolve(text, offices) for text in parameters.get(filter.name, ()))
        for filter in FILTERS
    }
    excluded = {
        (filter.name, filter.resolve(text, offices))
        for filter in FILTERS
        for text in parameters.get(EXCLUDE + filter.name, ())
    }
    query = Query(
        regions=resolved["region"],
        topics=resolved["topic"],
        offices=resolved["office"],
        langs=resolved["lang"],
        genres=resolved["genre"],
        licences=resolved["licence"],
        excluded=tuple(sorted(excluded)),
        since=_moment("since", parameters),
        until=_moment("until", parameters),
        words=_words(parameters),
        before=_cursor("before", parameters, read),
        after=_cursor("after", parameters, read),
        limit=_limit(parameters.get("limit", [])),
    )
    if query.since and query.until and query.since >= query.until:
        raise Problem(400, "bad-instant", "Not a period", "since must be earlier than until.")
    if len(query.scans()) > 4 * VALUES:
        raise Problem(
            400,
            "too-many-values",
            "Too many values",
            f"A query may combine at most {4 * VALUES} pairs of place and topic.",
        )
    if query.cost() > MOST_COST:
        detail = (
            f"This query combines {len(query.scans())} pairs of place and topic with"
            f" {query.cost() // len(query.scans()) - 1} other values, exclusions included. It needs {query.cost()} look-ups for each"
            f" article, and at most {MOST_COST} are allowed. Use fewer values, or several feeds."
        )
        raise Problem(400, "too-many-values", "Too many values", detail)
    return query


def recall(saved: Saved, args: Iterable[tuple[str, str]], offices: Sequence[str], read: Read = _no_pages) -> Query:
    """The query of a saved feed, with the page that the request's parameters name. Raises Problem as `parse` does."""
    args = list(args)
    for name, _ in args:
        if name not in PAGED:
            detail = f"{name[:40]!r} is not known here. A saved feed has its own query; the parameters are {', '.join(PAGED)}."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    whole, page = parse(parse_qsl(saved.query), offices), parse(args, (), read)
    limit = page.limit if any(name == "limit" and value.strip() for name, value in args) else whole.limit
    if saved.ended is not None:  # What changed later is not in it.
        whole = replace(whole, until=min(saved.ended, whole.until or saved.ended))
    return replace(whole, saved=replace(saved, limit=whole.limit), before=page.before, after=page.after, limit=limit)


def _parameters(args: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    parameters: dict[str, list[str]] = {}
    for name, value in args:
        if name not in PARAMETERS:
            raise Problem(
                400,
                "unknown-parameter",
                "Unknown parameter",
                f"{name[:40]!r} is not known here. The parameters are {', '.join(PARAMETERS)}.",
            )
        if character := refused(value, lines=name == "q"):
            # Checked again here: a query may also come from another parameter, from the command line or from the database.
            reason = f"{name} contains the character {character}, which is not allowed in parameters. Leave it out."
            faults = [Fault(reason, path=name)]
            raise Problem(400, "bad-characters", "A character is not allowed", reason, errors=faults)
        if value.strip():
            parameters.setdefault(name, []).append(value.strip())
    for name, values in parameters.items():
        if len(values) > VALUES:
            raise Problem(400, "too-many-values", "Too many values", f"{name} accepts at most {VALUES} values.")
        if name in ONCE and len(set(values)) > 1:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return parameters


def _unique(values: Iterable[str]) -> Values:
    return tuple(sorted(set(values)))


def _moment(name: str, parameters: dict[str, list[str]]) -> datetime | None:
    """An instant as in RFC 3339, or a date, which means its midnight in UTC."""
    if name not in parameters:
        return None
    text = parameters[name][0].replace(" ", "+")  # a plus sign that was not escaped
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        detail = f"{name} must be an instant such as 2026-03-02T09:00:00+09:00 or a date, not {text[:40]!r}."
        raise Problem(400, "bad-instant", "Not an instant", detail) from None
    if moment.tzinfo is None:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return moment.replace(tzinfo=UTC)
        raise Problem(400, "bad-instant", "Not an instant", f"{name} has no time zone. End it with +09:00 or Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Problem(400, "bad-instant", "Not an instant", f"{name} is out of range.") from None


def _words(parameters: dict[str, list[str]]) -> str:
    words = " ".join(parameters.get("q", [""])[0].split())
    if len(words) > WORDS:
        raise Problem(400, "bad-words", "Too many words", f"q may have at most {WORDS} characters.")
    if words and not search_terms(words):
        raise Problem(400, "bad-words", "Nothing to search for", f"q has no letter and no digit: {words[:40]!r}.")
    return words


def _cursor(name: str, parameters: dict[str, list[str]], read: Read) -> Cursor | None:
    text = parameters.get(name, [""])[0]
    return read(name, text) if text else None


def _limit(values: Sequence[str]) -> int:
    if not values:
        return LIMIT
    value = values[0]
    if not (value.isascii() and value.isdigit() and len(value) < 9 and 1 <= int(value) <= MOST):
        raise Problem(400, "bad-limit", "Limit out of range", f"limit must be a whole number from 1 to {MOST}.")
    return int(value)
