"""GET /changes: every article that was published, corrected, canceled or withheld, in commit order and without gaps.

The answer is JSON Lines (https://jsonlines.org/). Clients should store the article of a line, and drop it if the line has none. Every
line shows the present state of its article: a line of an article that was canceled later has no article any more. The answer can also
be one NewsML-G2 message with one item for each article.
"""

import re
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from app import store, web
from app.run.process import ending
from app.web import Context, Elsewhere, Problem, here, only
from feeds import EPOCH, Article, Brief, Feed, Withdrawn, newsml, render, rfc3339_utc, withdrawal

blueprint = Blueprint("changes", __name__)
blueprint.after_request(web.representation.allow_all_origins)

PARAMETERS = ("since", "limit", "wait", "format")
MOST = 200  # changes in one answer
BYTES = 8 * 1024 * 1024  # an answer of this size ends, even before `limit` is reached
LONGEST = 30.0  # seconds that a client may wait
LOOK = 0.2  # seconds between two looks for a new change
NOW = "now"
LARGEST = 2**63 - 1  # the largest number in a column of 64 bits
CURSOR = re.compile(r"([0-9a-f]{1,32})-(\d{1,17})")  # the stamp of a change, and its number
# JSON Lines itself recommends application/jsonl, and new names should have no "x-" (RFC 6648). Neither name is registered.
JSONL = "application/jsonl; charset=utf-8"
TYPES = {
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/json": "jsonl",  # JSON clients ask for this type, whatever they can read
    web.representation.media_type(newsml.MIMETYPE): "newsml",
}


class Line(Struct, frozen=True, omit_defaults=True):
    """One change: a line of the answer."""

    seq: int
    cursor: str  # to continue after this change
    kind: str  # "published", "corrected", "canceled" or "withheld"
    at: str
    id: str
    guid: str
    version: int  # the version that the change was about
    now: str  # the present state of the article: "usable", "canceled" or "withheld"
    note: str = ""  # the office's note, if the article is canceled now
    article: Article | None = None  # in its present version, if it is usable


@blueprint.get("/changes")
def get() -> Response:
    """The changes after a cursor, or from the first one if there is no cursor. With `wait`, wait for a change if there is none yet."""
    parameters = only(PARAMETERS)
    limit, wait, format = _limit(parameters), _wait(parameters), _format(parameters)
    context = here()
    after = _after(context, parameters.get("since", ""))
    # HEAD asks for the present cursor, so it does not wait.
    waited = wait == 0 or request.method != "GET" or _until_changed(context, after, wait)
    try:
        entries, articles = _read(context, store.articles.log(context.engine, after, limit))
    except Elsewhere:
        # The same number means another change in another history: continuing from it would silently skip some.
        detail = (
            "This cursor was made by another database, by this one before it was restored from a backup, or by an earlier version of"
            " this server. Start again without since, and drop the articles that do not come again."
        )
        raise Problem(410, "bad-cursor", "The cursor belongs to another state of the database", detail) from None
    last = _cursor(entries[-1].seq, entries[-1].stamp) if entries else _cursor(*after)
    if format == "newsml":
        body, content_type = render(newsml, _message(context, entries, articles)), newsml.MIMETYPE
    else:
        notes = {ref: gone.note for ref, gone in _gone(context, entries, "canceled").items()}
        lines = [_line(entry, articles, notes) for entry in entries]
        body, content_type = b"".join(msgspec.json.encode(line) + b"\n" for line in lines), JSONL
    response = web.representation.whole(body, content_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    response.headers["Link"] = f'<{_address(context, {**parameters, "since": last})}>; rel="next"'
    if not waited and not entries:
        response.headers["Retry-After"] = (
            "1"  # No place to wait was free: the client should not ask again without a pause.
        )
    return response


# Reading the changes


def _read(
    context: Context, entries: Sequence[store.articles.ChangeEntry]
) -> tuple[list[store.articles.ChangeEntry], dict[store.feeds.Ref, Article]]:
    """The changes that fit into one answer, and the articles of those that are public now."""
    sizes = store.articles.sizes(context.engine, [(entry.num, entry.newest) for entry in entries if entry.public])
    fitting: list[store.articles.ChangeEntry] = []
    size = 0
    for entry in entries:
        size += sizes.get((entry.num, entry.newest), 0) if entry.public else 0
        if size > BYTES and fitting:
            break
        fitting.append(entry)
    dated = list(dict.fromkeys((entry.num, entry.newest, entry.edited) for entry in fitting if entry.public))
    return fitting, {ref[:2]: article for ref, article in zip(dated, web.page.documents(context, dated), strict=True)}


def _gone(
    context: Context, entries: Sequence[store.articles.ChangeEntry], *states: str
) -> dict[store.feeds.Ref, Brief]:
    """The articles that are in one of these states now. They are not read from the cache, which contains only public articles."""
    refs = [(entry.num, entry.newest) for entry in entries if entry.now in states]
    return store.articles.briefs(context.engine, refs)


def _line(
    entry: store.articles.ChangeEntry, articles: Mapping[store.feeds.Ref, Article], notes: Mapping[store.feeds.Ref, str]
) -> Line:
    ref = (entry.num, entry.newest)
    return Line(
        seq=entry.seq,
        cursor=_cursor(entry.seq, entry.stamp),
        kind=entry.kind,
        at=rfc3339_utc(entry.at),
        id=entry.id,
        guid=entry.guid,
        version=entry.version,
        now=entry.now,
        note=notes.get(ref, ""),
        # A line that says that the article left has no article. If the article came back, a later line has it.
        article=articles.get(ref) if entry.kind in ("published", "corrected") else None,
    )


def _message(
    context: Context, entries: Sequence[store.articles.ChangeEntry], articles: Mapping[store.feeds.Ref, Article]
) -> Feed:
    """A message with each article once, in its present version, in the order of their last changes."""
    last = {entry.num: entry for entry in sorted(entries, key=lambda entry: entry.seq)}
    shown = sorted(last.values(), key=lambda entry: entry.seq)
    gone = _gone(context, shown, "canceled", "withheld")
    address = f"{context.settings.url}/changes"
    return Feed(
        self=address,
        home=f"{context.settings.url}/",
        title=context.settings.site_name,
        subtitle="",
        lang="",
        updated=max((entry.at for entry in shown), default=EPOCH),
        articles=tuple(articles[entry.num, entry.newest] for entry in shown if entry.public),
        withdrawn=tuple(
            _withdrawn(entry, gone[entry.num, entry.newest])
            for entry in shown
            if not entry.public and (entry.num, entry.newest) in gone
        ),
    )


def _withdrawn(entry: store.articles.ChangeEntry, article: Brief) -> Withdrawn:
    canceled = entry.now == "canceled"
    version = entry.newest if canceled else entry.version
    return withdrawal(article, entry.at, canceled=canceled, version=version, withheld=not canceled)


# The parameters


def _limit(parameters: Mapping[str, str]) -> int:
    value = parameters.get("limit", str(MOST))
    if not (re.fullmatch(r"[0-9]{1,4}", value) and 1 <= int(value) <= MOST):
        raise Problem(400, "bad-limit", "Limit out of range", f"limit must be a whole number from 1 to {MOST}.")
    return int(value)


def _wait(parameters: Mapping[str, str]) -> float:
    value = parameters.get("wait", "0")
    if not (re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", value) and float(value) <= LONGEST):
        raise Problem(400, "bad-wait", "Wait out of range", f"wait must be a number of seconds from 0 to {LONGEST:g}.")
    return float(value)


def _format(parameters: Mapping[str, str]) -> str:
    """The format that the parameter names; without it, the format that `Accept` prefers."""
    if "format" not in parameters:
        return web.representation.negotiate(TYPES, "application/jsonl")
    names = sorted(set(TYPES.values()))
    if parameters["format"] not in names:
        detail = f"{parameters['format'][:40]!r} is not known. The formats are {', '.join(names)}."
        raise Problem(404, "unknown-format", "Unknown format", detail)
    return parameters["format"]


def _cursor(seq: int, stamp: int) -> str:
    return f"{stamp:016x}-{seq}"


def _after(context: Context, since: str) -> store.identity.Mark:
    """The change that a cursor names. Whether this history has that change is checked when the changes are read. Raises Problem."""
    if not since:
        return store.identity.START
    if since == NOW:
        return store.identity.head(context.engine).mark
    cursor = CURSOR.fullmatch(since)
    if cursor is None:
        detail = f"since must be a cursor from this address or {NOW!r}, not {since[:40]!r}."
        raise Problem(400, "bad-cursor", "Not a cursor", detail)
    # Cursors of the first kind had the database's name instead of a stamp; it may be larger than any stamp, and no change has it.
    return int(cursor[2]), min(int(cursor[1], 16), LARGEST)


def _address(context: Context, parameters: Mapping[str, str]) -> str:
    query = urlencode({name: parameters[name] for name in PARAMETERS if name in parameters})
    return f"{context.settings.url}/changes?{query}"


def _until_changed(context: Context, after: store.identity.Mark, seconds: float) -> bool:
    """Wait for a change after that one, for at most so many seconds. False if it did not wait, because no place for waiting was free.

    At most half of the threads may wait, so that releases and feeds are always answered. The server does not notice when a client
    hangs up before its time is over, so one client's network gets only a few of the places.
    """
    waiting, who = web.places.kinds().waiting, web.places.client()
    free = waiting.take(who)
    try:
        end = time.monotonic() + seconds if free else 0.0
        while store.identity.head(context.engine).mark == after:
            left = end - time.monotonic()
            if left <= 0 or ending.wait(min(LOOK, left)):
                return free
    finally:
        if free:
            waiting.leave(who)
    return True
