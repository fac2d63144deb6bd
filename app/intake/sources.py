"""Pulls sources that cannot push: fetches each when it is due, takes what is new like a push, and watches for failures.

A source that becomes empty, goes silent or fails raises an alarm and never counts as a success: a consumer once lost 36 days of
releases because "0 items" counted as fine.
"""

import logging
import re
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from app import spans, store
from app.accounts.offices import Sender, may_publish_for
from app.context import Context
from app.errors import Problem, Refused
from app.intake import parsers, releases
from app.intake.releases import Receipt
from app.outbound.addresses import Fetched, Resolve, fetch, resolve
from app.text.masking import hushed

log = logging.getLogger("pressrelay.sources")
DIALECTS = parsers.ALL  # that a source may have

SECONDS = 30.0  # for one whole fetch
LONGEST = 6 * 3600  # seconds between two attempts at a failing source
FAILING = 3  # failures in a row that raise an alarm
MILLION = 1_000_000
# Atomic groups make sure that each comment is scanned only once.
HTML = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?>(?><!--.*?-->)\s*+)*+<(?:!doctype\s++html|html)[\s>]", re.IGNORECASE | re.DOTALL
)


class Pulled(Struct, frozen=True):
    """The result of one pull."""

    source: store.accounts.Source  # with its state after the pull
    receipts: tuple[Receipt, ...] = ()
    unchanged: bool = False  # the answer was 304, or it had nothing new
    problem: Problem | None = None  # the document as a whole was refused


def pull(
    context: Context, source: store.accounts.Source, *, now: float | None = None, resolver: Resolve = resolve
) -> Pulled:
    """Fetch a source once and take what is new. Raises Unavailable; every other failure is in the result."""
    moment = int((time.time() if now is None else now) * MILLION)
    try:
        with spans.span(
            "GET", spans.CLIENT, http__request__method="GET", server__address=urlsplit(source.url).hostname or ""
        ) as span:
            answer = fetch(
                source.url,
                _conditions(source),
                most=context.settings.max_body,
                seconds=SECONDS,
                private=source.private,
                resolver=resolver,
            )
            span.set("http.response.status_code", answer.status)
        if answer.status == 304:
            return Pulled(_went_well(source, answer, moment, source.items, new=False), unchanged=True)
        return _taken(context, source, answer, moment)
    except Refused as error:
        return Pulled(failed(source, str(error), moment))


def _conditions(source: store.accounts.Source) -> dict[str, str]:
    """Headers of a conditional request (RFC 9110, section 13.1)."""
    headers = {
        "Accept": "application/xml, application/rss+xml, application/atom+xml, text/xml, application/feed+json,"
        " application/json;q=0.9, */*;q=0.1"
    }
    if source.etag:
        headers["If-None-Match"] = source.etag
    if source.modified:
        headers["If-Modified-Since"] = source.modified
    return headers


def _taken(context: Context, source: store.accounts.Source, answer: Fetched, now: int) -> Pulled:
    if answer.status != 200:
        return Pulled(failed(source, f"The source answered with the status {answer.status}.", now, _wait(answer)))
    content_type = answer.headers.get("content-type", "")
    if HTML.match(answer.body[:2000]):
        return Pulled(failed(source, "The source sent an HTML page instead of a feed.", now))
    offices = store.accounts.all_offices(context.engine)
    office = next((office for office in offices if office.code == source.office), None)
    if office is None:
        return Pulled(failed(source, f"The office {source.office!r} does not exist any more.", now))
    sender = Sender(office, may_publish_for(office, offices), f"source {source.name}")
    try:
        dialect = parsers.dialect(answer.body, content_type)
        if dialect != source.dialect:
            return Pulled(failed(source, f"The source sent the dialect {dialect}; expected {source.dialect}.", now))
        receipts = tuple(
            releases.take(context, sender, answer.body, content_type, zone=source.timezone, base=answer.url)
        )
    except Problem as problem:
        first = problem.errors[0].reason if problem.errors else problem.detail
        after = failed(source, f"{problem.title}: {first}", now, empty=problem.type == "empty-release")
        return Pulled(after, problem=problem)
    new = any(receipt.status == 201 for receipt in receipts)
    return Pulled(_went_well(source, answer, now, len(receipts), new=new), receipts, unchanged=not new)


def _went_well(
    source: store.accounts.Source, answer: Fetched, now: int, items: int, *, new: bool
) -> store.accounts.Source:
    last_new = now if new or not source.last_new else source.last_new
    silent = now - last_new > source.silent_after * MILLION
    return replace(
        source,
        next_due=now + _interval(source, answer) * MILLION,
        etag=_validator(answer, "etag", source.etag),
        modified=_validator(answer, "last-modified", source.modified),
        last_ok=now,
        last_new=last_new,
        failures=0,
        error="",
        items=items,
        alarm="silent" if silent else "",
    )


def _validator(answer: Fetched, name: str, known: str) -> str:
    """The validator for the next request. A value that is too long or not ASCII cannot be sent back and is dropped."""
    value = answer.headers.get(name, known if answer.status == 304 else "")
    return value if value.isascii() and len(value) <= 1000 else ""


def failed(
    source: store.accounts.Source, error: str, now: int, wait: int = 0, *, empty: bool = False
) -> store.accounts.Source:
    """The source after a failed pull. `now`: when it failed (microseconds); `wait`: the shortest pause before the next pull (seconds).
    The pause doubles with each failure, up to LONGEST. A source that becomes empty raises an alarm at once."""
    failures = source.failures + 1
    pause = max(wait, min(LONGEST, source.every * 2 ** min(failures - 1, 16)))
    emptied = empty and bool(source.items or source.last_new or source.alarm == "empty")
    alarm = "empty" if emptied else "failing" if failures >= FAILING else source.alarm
    return replace(
        source,
        next_due=now + pause * MILLION,
        failures=failures,
        error=hushed(error)[:500],
        alarm=alarm,
        etag="",
        modified="",
    )


def _interval(source: store.accounts.Source, answer: Fetched) -> int:
    """Seconds until the next pull: the operator's interval, or max-age if it is longer (RFC 9111, section 5.2.2.1)."""
    age = re.search(r"max-age=(\d{1,9})", answer.headers.get("cache-control", ""))
    return max(source.every, min(LONGEST, int(age[1]) if age else 0))


def _wait(answer: Fetched) -> int:
    """Retry-After in seconds (RFC 9110, section 10.2.3); 0 if it is missing."""
    text = answer.headers.get("retry-after", "")
    return min(LONGEST, int(text[:9])) if text.isascii() and text.isdigit() else 0


def log_pull(before: store.accounts.Source, pulled: Pulled) -> None:
    """Log the result of a pull, and the begin or end of an alarm."""
    after = pulled.source
    if after.alarm and after.alarm != before.alarm:
        log.error("source %s: alarm, %s: %s", after.name, after.alarm, after.error or "no new article")
    elif before.alarm and not after.alarm:
        log.info("source %s: alarm over", after.name)
    refused = sum(1 for receipt in pulled.receipts if not receipt.accepted)
    new = sum(1 for receipt in pulled.receipts if receipt.status == 201)
    if new or refused:
        log.info("source %s: %d new, %d refused, %d in total", after.name, new, refused, len(pulled.receipts))


def instant(micros: int) -> str:
    """An instant in RFC 3339; empty for 0, which means never."""
    return (
        datetime.fromtimestamp(micros / MILLION, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if micros
        else ""
    )
