"""GET /feed.<format>/archive: all of a feed by month (RFC 5005, section 4).

An article belongs to the month (UTC) in which it became public here or was last corrected. The document without a month
is that of the newest article; from it `prev-archive` leads down to the first. Each document ends where the next one
begins, and articles move only up, to the top of the newest: so a walk has each article once, whatever comes meanwhile.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store
from app.context import Context
from app.errors import Problem
from app.query.query import Cursor, Query
from app.syndication import page
from app.syndication.page import Shown, address, archive_address, documents, fitting
from app.web import rendering, representation
from app.web.context import here
from app.web.representation import CACHE_CONTROL
from app.web.routes import feeds
from feeds.wording import EPOCH

blueprint = Blueprint("archives", __name__)
blueprint.after_request(representation.allow_all_origins)

PART = 500  # articles of a document; a month that has more is parted
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
# A month that is over changes only by what leaves it: an hour is how long a cache may still show that.
LONG = "public, max-age=3600, stale-while-revalidate=300, stale-if-error=604800"
GRACE = timedelta(hours=1)  # until nothing that began in a month is committed any more


@blueprint.get("/feed.<format>/archive")
def newest(format: str) -> Response:
    """The month of the newest article."""
    return _answer(format, "")


@blueprint.get("/feed.<format>/archive/<month>")
def of_month(format: str, month: str) -> Response:
    """A month, or the part of it below `before` or above `after`."""
    if not MONTH.fullmatch(month) or month < "0001":
        detail = f"{month[:40]!r} is not a month such as 2026-03."
        raise Problem(404, "unknown-month", "Not a month", detail)
    return _answer(format, month)


def _answer(format: str, month: str) -> Response:
    feeds.known(format)
    query = _query(month)
    context, encoding = here(), representation.encoding()
    # No saved feed has such a name.
    named = ("/archive", month)
    rendered = rendering.kept(context, query, format, encoding, named, lambda: _document(context, query, format, month))
    over = month != "" and bounds(month)[1] <= datetime.now(UTC) - GRACE
    own = archive_address(context, query, format, month)
    return feeds.respond(rendered, query, format, encoding, own, LONG if over else CACHE_CONTROL)


def _query(month: str) -> Query:
    """What is asked for: all of a feed, so neither a number nor a search nor a period. Raises Problem."""
    for name in request.args:
        if name in ("limit", "q", "since", "until") or (name in ("before", "after") and not month):
            detail = f"{name} does not go with an archive, which holds all of a feed, by month."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    return feeds.parse()


def _document(context: Context, query: Query, format: str, month: str) -> Shown:
    """The articles of a month, or a part of them, and the ways to the documents below and above."""
    whole = replace(query, before=None, after=None)
    links = {"current": address(context, whole, format)}
    newest = _first(context, whole)
    shown = month or (month_of(newest) if newest else "")
    rows = store.standing(context.engine, _within(query, shown)) if shown else []
    rows = fitting(context, rows, upwards=query.after is not None)
    articles = tuple(documents(context, store.dated(rows)))
    standing = [(sort, num) for sort, num, *_ in rows]
    if shown:
        under, over = _edges(query, shown, standing)
        if below := _first(context, replace(whole, before=under)):
            links["prev-archive"] = _down(context, whole, format, shown, below, under)
        if above := _first(context, replace(whole, after=over)):
            links["next-archive"] = _up(context, whole, format, shown, above, over)
    own = archive_address(context, query, format, month)
    made = page.shown(context, query, own, articles, links)
    return replace(made, title=f"{made.title} ({shown})" if shown else made.title, archive=True), standing


def _within(query: Query, month: str) -> Query:
    since, until = bounds(month)
    return replace(query, since=since, until=until, limit=PART)


def _first(context: Context, query: Query) -> Cursor | None:
    """Where the first article stands: the uppermost, or the nearest above `after`. An index probe, however far it is."""
    return next(((sort, num) for sort, num, *_ in store.standing(context.engine, replace(query, limit=1))), None)


def _edges(query: Query, month: str, standing: Sequence[Cursor]) -> tuple[Cursor, Cursor]:
    """What stands under the one is below a document, what stands over the other above it. Of an empty document they are the
    edges of what was asked for, so that nothing falls in between."""
    if standing:
        return standing[-1], standing[0]
    if query.before:
        return query.before, (query.before[0], query.before[1] - 1)
    if query.after:
        return (query.after[0], query.after[1] + 1), query.after
    since, until = bounds(month)
    return (store.micros(since), 0), (store.micros(until), 0)


def _down(context: Context, whole: Query, format: str, month: str, below: Cursor, under: Cursor) -> str:
    """The document that holds the next article below: the rest of the month, or an earlier one from its top."""
    if month_of(below) == month:
        return archive_address(context, replace(whole, before=under), format, month)
    return archive_address(context, whole, format, month_of(below))


def _up(context: Context, whole: Query, format: str, month: str, above: Cursor, over: Cursor) -> str:
    """The document that holds the next article above: more of the month, or a later one from its bottom."""
    other = month_of(above)
    if other == month:
        return archive_address(context, replace(whole, after=over), format, month)
    inside = _within(whole, other)
    rows = store.standing(context.engine, replace(inside, limit=PART + 1))
    if len(rows) > PART or len(fitting(context, rows)) < len(rows):  # more than one document holds
        bottom = (store.micros(bounds(other)[0]), 0)
        return archive_address(context, replace(whole, after=bottom), format, other)
    newest = _first(context, whole)
    last = newest is not None and month_of(newest) == other
    return archive_address(context, whole, format, "" if last else other)


def month_of(cursor: Cursor) -> str:
    """The month in which an article stands: "2026-03"."""
    moment = EPOCH + timedelta(microseconds=cursor[0])
    return f"{moment.year:04}-{moment.month:02}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """The instants at which a month begins and the next one does."""
    year, number = int(month[:4]), int(month[5:])
    since = datetime(year, number, 1, tzinfo=UTC)
    if (year, number) == (9999, 12):
        return since, datetime.max.replace(tzinfo=UTC)
    return since, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
