"""GET /changes: all that became visible, was corrected, canceled or withheld, in commit order and without a gap.

JSON Lines (https://jsonlines.org/): a line with an article is to be kept, a line without one to be dropped. Both are told
as the article is now: what was canceled since shows nothing any more. Or one NewsML-G2 message with an item an article.
"""

import re
import time
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from app import store
from app.context import Context
from app.errors import Elsewhere, Problem
from app.query.query import rfc3339
from app.run.process import ending
from app.store import Entry, Mark, Ref
from app.syndication.page import documents
from app.web import places, representation
from app.web.context import here
from feeds import newsml
from feeds.article import Article, Feed, Withdrawn
from feeds.wording import EPOCH

blueprint = Blueprint("changes", __name__)
blueprint.after_request(representation.allow_all_origins)

PARAMETERS = ("since", "limit", "wait", "format")
MOST = 200  # changes in one answer
BYTES = 8 * 1024 * 1024  # an answer that is as long as this ends, before `limit`
BATCH = 25  # articles that are read at once
LONGEST = 30.0  # seconds
LOOK = 0.2  # seconds between two looks for something new
NOW = "now"
LARGEST = 2**63 - 1  # what a column of 64 bits holds
CURSOR = re.compile(r"([0-9a-f]{1,32})-(\d{1,17})")  # the stamp of a change, and its number
# application/jsonl is the name that JSON Lines gives itself, and a new name has no "x-" (RFC 6648); neither is registered.
JSONL = "application/jsonl; charset=utf-8"
TYPES = {
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/json": "jsonl",  # what clients for JSON ask for, whatever they read
    representation.media_type(newsml.MIMETYPE): "newsml",
}


class Line(Struct, frozen=True, omit_defaults=True):
    """A change; a line of the answer."""

    seq: int
    cursor: str  # to go on behind this change
    kind: str  # "published", "corrected", "canceled" or "withheld"
    at: str
    id: str
    guid: str
    version: int  # that the change was about
    now: str  # the article: "usable", "canceled" or "withheld"
    note: str = ""  # the office's words, where it is canceled now
    article: Article | None = None  # as it is now, where it is usable


@blueprint.get("/changes")
def get() -> Response:
    """What changed behind a cursor, from the first change on where there is none; `wait` for it if there is nothing yet."""
    given = parameters(PARAMETERS)
    limit, wait, format = _limit(given), _wait(given), _format(given)
    context = here()
    after = _after(context, given.get("since", ""))
    # HEAD asks for the cursor, not for what is to come.
    waited = wait == 0 or request.method != "GET" or _until_changed(context, after, wait)
    try:
        entries, articles = _read(context, store.log(context.engine, after, limit))
    except Elsewhere:
        # The numbers of another history mean other changes: going on from there would skip some in silence.
        detail = (
            "This cursor was given by another database, or by this one before it was put back to an older state (or by an earlier"
            " version of this server): begin again without since, and drop what does not come again."
        )
        raise Problem(410, "bad-cursor", "A cursor of another state of the database", detail) from None
    last = _cursor(entries[-1].seq, entries[-1].stamp) if entries else _cursor(*after)
    if format == "newsml":
        body, content_type = newsml.render(_message(context, entries, articles)), newsml.MIMETYPE
    else:
        notes = {ref: gone.note for ref, gone in _gone(context, entries, "canceled").items()}
        lines = [_line(entry, articles, notes) for entry in entries]
        body, content_type = b"".join(msgspec.json.encode(line) + b"\n" for line in lines), JSONL
    response = representation.whole(body, content_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    response.headers["Link"] = f'<{_address(context, {**given, "since": last})}>; rel="next"'
    if not waited and not entries:
        response.headers["Retry-After"] = "1"  # Nobody may ask again and again without a pause.
    return response


# What is read


def _read(context: Context, entries: Sequence[Entry]) -> tuple[list[Entry], dict[Ref, Article]]:
    """The changes that fit an answer, and the articles of those that are public now."""
    fitting: list[Entry] = []
    articles: dict[Ref, Article] = {}
    size = 0
    for start in range(0, len(entries), BATCH):
        batch = entries[start : start + BATCH]
        dated = [(entry.num, entry.newest, entry.edited) for entry in batch if entry.public]
        articles |= {one[:2]: doc for one, doc in zip(dated, documents(context, dated), strict=True)}
        for entry in batch:
            fitting.append(entry)
            article = articles.get((entry.num, entry.newest))
            size += len(article.body) + len(article.text) if article else 0
            if size >= BYTES:
                return fitting, articles
    return fitting, articles


def _gone(context: Context, entries: Sequence[Entry], *states: str) -> dict[Ref, Article]:
    """The articles that are in one of these states now. Not through the cache: it holds what is public."""
    refs = [(entry.num, entry.newest) for entry in entries if entry.now in states]
    found = store.documents(context.engine, refs)
    return {ref: msgspec.json.decode(doc, type=Article) for ref, doc in found.items()}


def _line(entry: Entry, articles: Mapping[Ref, Article], notes: Mapping[Ref, str]) -> Line:
    ref = (entry.num, entry.newest)
    return Line(
        seq=entry.seq,
        cursor=_cursor(entry.seq, entry.stamp),
        kind=entry.kind,
        at=rfc3339(entry.at),
        id=entry.id,
        guid=entry.guid,
        version=entry.version,
        now=entry.now,
        note=notes.get(ref, ""),
        # It went, whether it came back later or not: then a later line has it.
        article=articles.get(ref) if entry.kind in ("published", "corrected") else None,
    )


def _message(context: Context, entries: Sequence[Entry], articles: Mapping[Ref, Article]) -> Feed:
    """The articles, each once, as it is now, in the order of their last changes."""
    last = {entry.num: entry for entry in sorted(entries, key=lambda entry: entry.seq)}
    told = sorted(last.values(), key=lambda entry: entry.seq)
    gone = _gone(context, told, "canceled", "withheld")
    address = f"{context.settings.url}/changes"
    return Feed(
        self=address,
        home=f"{context.settings.url}/",
        title=context.settings.site_name,
        subtitle="",
        lang="",
        updated=max((entry.at for entry in told), default=EPOCH),
        articles=tuple(articles[entry.num, entry.newest] for entry in told if entry.public),
        withdrawn=tuple(
            _withdrawn(entry, gone[entry.num, entry.newest])
            for entry in told
            if not entry.public and (entry.num, entry.newest) in gone
        ),
    )


def _withdrawn(entry: Entry, article: Article) -> Withdrawn:
    canceled = entry.now == "canceled"
    return Withdrawn(
        id=entry.id,
        guid=entry.guid,
        at=entry.at,
        canceled=canceled,
        version=entry.newest if canceled else entry.version,
        note=article.note if canceled else "",
        office=article.office,
        lang=article.lang,
        withheld=not canceled,
    )


# What is asked for


def parameters(names: Collection[str]) -> dict[str, str]:
    """What is asked for, each parameter once, without those that are empty. Raises Problem."""
    given: dict[str, str] = {}
    for name, value in request.args.items(multi=True):
        if name not in names:
            detail = f"{name[:40]!r} is none of {', '.join(names)}."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
        if given.setdefault(name, value.strip()) != value.strip():
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return {name: value for name, value in given.items() if value}


def _limit(given: Mapping[str, str]) -> int:
    value = given.get("limit", str(MOST))
    if not (re.fullmatch(r"[0-9]{1,4}", value) and 1 <= int(value) <= MOST):
        raise Problem(400, "bad-limit", "Limit out of range", f"limit takes one whole number from 1 to {MOST}.")
    return int(value)


def _wait(given: Mapping[str, str]) -> float:
    value = given.get("wait", "0")
    if not (re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", value) and float(value) <= LONGEST):
        raise Problem(400, "bad-wait", "Wait out of range", f"wait takes seconds, from 0 to {LONGEST:g}.")
    return float(value)


def _format(given: Mapping[str, str]) -> str:
    """As the parameter says, else as the client likes best."""
    if "format" not in given:
        return representation.negotiate(TYPES, "application/jsonl")
    names = sorted(set(TYPES.values()))
    if given["format"] not in names:
        detail = f"{given['format'][:40]!r} is not one of {', '.join(names)}."
        raise Problem(404, "unknown-format", "Unknown format", detail)
    return given["format"]


def _cursor(seq: int, stamp: int) -> str:
    return f"{stamp:016x}-{seq}"


def _after(context: Context, since: str) -> Mark:
    """The change that a cursor stands behind; whether it is one of this history is found when it is read. Raises Problem."""
    if not since:
        return store.START
    if since == NOW:
        return store.head(context.engine).mark
    cursor = CURSOR.fullmatch(since)
    if cursor is None:
        detail = f"since takes a cursor of a change here, or {NOW!r}; {since[:40]!r} is neither."
        raise Problem(400, "bad-cursor", "Not a cursor", detail)
    # A stamp of the first kind of cursors, which named the database, is none of a change.
    return int(cursor[2]), min(int(cursor[1], 16), LARGEST)


def _address(context: Context, given: Mapping[str, str]) -> str:
    asked = urlencode({name: given[name] for name in PARAMETERS if name in given})
    return f"{context.settings.url}/changes?{asked}"


def _until_changed(context: Context, after: Mark, seconds: float) -> bool:
    """Wait for a change behind that number, at most so long; False: at once, for every place to wait in is taken.

    Half of the threads are never waited with: releases and feeds go on whoever waits. That a client hung up is not noticed until its
    time is over, so one client's network has a few of the places and no more.
    """
    waiting, who = places.kinds().waiting, places.client()
    free = waiting.take(who)
    try:
        end = time.monotonic() + seconds if free else 0.0
        while store.head(context.engine).mark == after:
            left = end - time.monotonic()
            if left <= 0 or ending.wait(min(LOOK, left)):
                return free
    finally:
        if free:
            waiting.leave(who)
    return True
