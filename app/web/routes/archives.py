"""GET /feed.<format>/archive: a whole feed by month (RFC 5005, section 4).

An article belongs to the month (UTC) in which it became public here or was last corrected. The document without a month is that of
the month of the newest article; from it, `prev-archive` leads down to the first month. Each document ends where the next one begins,
and articles move only upwards, to the top of the newest. So a client that follows the links gets each article once, even if articles
change meanwhile.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.web import Context, Cursor, Problem, Query, Rendering, here, known, question_here, respond
from feeds import EPOCH, Feed, Fragment

blueprint = Blueprint("archives", __name__)
blueprint.after_request(web.representation.allow_all_origins)

PART = 500  # articles in one document; a month that has more is split
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@blueprint.get("/feed.<format>/archive")
def newest(format: str) -> Response:
    """The month of the newest article."""
    return _answer(format, "")


@blueprint.get("/feed.<format>/archive/<month>")
def of_month(format: str, month: str) -> Response:
    """A month, or the part of it below `before` or above `after`."""
    if not MONTH.fullmatch(month) or month < "0001":
        detail = f"{month[:40]!r} is not a month. Write it like 2026-03."
        raise Problem(404, "unknown-month", "Not a month", detail)
    return _answer(format, month)


def _answer(format: str, month: str) -> Response:
    format = known(format)
    query = _query(month, format)
    context, encoding = here(), web.representation.encoding()
    # The name of a saved feed cannot look like this, so the two cannot be confused.
    named = ("/archive", month)
    rendering = Rendering(context, query, format, named, lambda: _document(context, query, format, month))
    own = web.page.archive_address(context, query, format, month)
    return respond(rendering.read(encoding), query, format, own)


def _query(month: str, format: str) -> Query:
    """The query of this request. An archive shows a whole feed, so `limit`, a search and a period are refused. Raises Problem."""
    for name in request.args:
        if name in ("limit", "q", "since", "until") or (name in ("before", "after") and not month):
            detail = f"{name} cannot be used here: an archive shows a whole feed, by month."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    return question_here(format)


def _document(context: Context, query: Query, format: str, month: str) -> web.page.Plan:
    """The plan for the articles of a month, or a part of them, with the links to the documents below and above."""
    whole = replace(query, before=None, after=None)
    links = {"current": web.page.address(context, whole, format)}
    newest = _first(context, whole)
    shown = month or (month_of(newest) if newest else "")
    rows = web.page.standing_of(context, _within(query, shown)) if shown else []
    rows = web.page.fitting(context, rows, upwards=query.after is not None)
    standing = [(sort, num) for sort, num, *_ in rows]

    def finish(written: tuple[Fragment, ...]) -> Feed:
        if shown:
            under, over = _edges(query, shown, standing)
            if below := _first(context, replace(whole, before=under)):
                links["prev-archive"] = _down(context, whole, format, shown, below, under)
            if above := _first(context, replace(whole, after=over)):
                links["next-archive"] = _up(context, whole, format, shown, above, over)
        own = web.page.archive_address(context, query, format, month)
        made = web.page.shown(context, query, own, written, links)
        return replace(made, title=f"{made.title} ({shown})" if shown else made.title, archive=True)

    return web.page.Plan(store.feeds.dated(rows), standing, finish)


def _within(query: Query, month: str) -> Query:
    since, until = bounds(month)
    return replace(query, since=since, until=until, limit=PART)


def _first(context: Context, query: Query) -> Cursor | None:
    """The position of the first article: the uppermost, or the nearest above `after`. It costs one index look-up at any distance."""
    return next(((sort, num) for sort, num, *_ in web.page.standing_of(context, replace(query, limit=1))), None)


def _edges(query: Query, month: str, standing: Sequence[Cursor]) -> tuple[Cursor, Cursor]:
    """The lower and the upper edge of a document: articles below the first or above the second belong to other documents. If the
    document is empty, these are the edges of the requested range, so that no article is lost between documents."""
    if standing:
        return standing[-1], standing[0]
    if query.before:
        return query.before, (query.before[0], query.before[1] - 1)
    if query.after:
        return (query.after[0], query.after[1] + 1), query.after
    since, until = bounds(month)
    return (store.micros(since), 0), (store.micros(until), 0)


def _down(context: Context, whole: Query, format: str, month: str, below: Cursor, under: Cursor) -> str:
    """The URL of the document with the next article below: the rest of this month, or an earlier month from its top."""
    if month_of(below) == month:
        return web.page.archive_address(context, replace(whole, before=under), format, month)
    return web.page.archive_address(context, whole, format, month_of(below))


def _up(context: Context, whole: Query, format: str, month: str, above: Cursor, over: Cursor) -> str:
    """The URL of the document with the next article above: more of this month, or a later month from its bottom."""
    other = month_of(above)
    if other == month:
        return web.page.archive_address(context, replace(whole, after=over), format, month)
    inside = _within(whole, other)
    rows = web.page.standing_of(context, replace(inside, limit=PART + 1))
    if len(rows) > PART or len(web.page.fitting(context, rows)) < len(rows):  # more than one document can show
        bottom = (store.micros(bounds(other)[0]), 0)
        return web.page.archive_address(context, replace(whole, after=bottom), format, other)
    newest = _first(context, whole)
    last = newest is not None and month_of(newest) == other
    return web.page.archive_address(context, whole, format, "" if last else other)


def month_of(cursor: Cursor) -> str:
    """The month of an article's position: "2026-03"."""
    moment = EPOCH + timedelta(microseconds=cursor[0])
    return f"{moment.year:04}-{moment.month:02}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """The instants at which a month and the next month begin."""
    year, number = int(month[:4]), int(month[5:])
    since = datetime(year, number, 1, tzinfo=UTC)
    if (year, number) == (9999, 12):
        return since, datetime.max.replace(tzinfo=UTC)
    return since, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
