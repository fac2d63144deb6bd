"""Sources that cannot push are pulled: fetched when they are due, taken like a push, and watched.

A source that turns empty, silent or fails is an alarm and never success: a consumer once lost 36 days of releases because "0 items"
counted as fine.
"""

import logging
import re
import time
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.accounts.offices import Sender, may_publish_for
from app.context import Context
from app.errors import Problem
from app.intake import parsers, releases
from app.intake.releases import Receipt
from app.outbound.addresses import Fetched, Refused, Resolve, fetch, resolve
from app.store import Source
from app.text.masking import hushed

log = logging.getLogger("pressrelay.sources")

SECONDS = 30.0  # for one fetch, whatever comes
LONGEST = 6 * 3600  # seconds between two tries of a source that fails
FAILING = 3  # failures in a row that are an alarm
MILLION = 1_000_000
# Atomic groups: each comment is read once, however many there are.
HTML = re.compile(
    rb"\s*+(?:\xef\xbb\xbf)?+\s*+(?>(?><!--.*?-->)\s*+)*+<(?:!doctype\s++html|html)[\s>]", re.IGNORECASE | re.DOTALL
)


class Pulled(Struct, frozen=True):
    """How one pull went."""

    source: Source  # as it is after it
    receipts: tuple[Receipt, ...] = ()
    unchanged: bool = False  # 304, or the bytes say nothing new
    problem: Problem | None = None  # the document as a whole was refused


def pull(context: Context, source: Source, *, now: float | None = None, resolver: Resolve = resolve) -> Pulled:
    """Fetch a source once and take what is new. Raises Unavailable; every other failure is in the answer."""
    moment = int((time.time() if now is None else now) * MILLION)
    try:
        answer = fetch(
            source.url,
            _conditions(source),
            most=context.settings.max_body,
            seconds=SECONDS,
            private=source.private,
            resolver=resolver,
        )
        if answer.status == 304:
            return Pulled(_went_well(source, answer, moment, source.items, new=False), unchanged=True)
        return _taken(context, source, answer, moment)
    except Refused as error:
        return Pulled(failed(source, str(error), moment))


def _conditions(source: Source) -> dict[str, str]:
    """RFC 9110, section 13.1."""
    headers = {"Accept": "application/xml, application/rss+xml, application/atom+xml, text/xml, */*;q=0.1"}
    if source.etag:
        headers["If-None-Match"] = source.etag
    if source.modified:
        headers["If-Modified-Since"] = source.modified
    return headers


def _taken(context: Context, source: Source, answer: Fetched, now: int) -> Pulled:
    if answer.status != 200:
        return Pulled(failed(source, f"The source answered {answer.status}.", now, _wait(answer)))
    content_type = answer.headers.get("content-type", "")
    if HTML.match(answer.body[:2000]):
        return Pulled(failed(source, "The source sends an HTML page, not a feed.", now))
    offices = store.all_offices(context.engine)
    office = next((one for one in offices if one.code == source.office), None)
    if office is None:
        return Pulled(failed(source, f"There is no office {source.office!r} any more.", now))
    sender = Sender(office, may_publish_for(office, offices), f"source {source.name}")
    try:
        dialect = parsers.dialect(answer.body, content_type)
        if dialect != source.dialect:
            return Pulled(failed(source, f"The source sends {dialect}; expected is {source.dialect}.", now))
        receipts = tuple(releases.take(context, sender, answer.body, content_type))
    except Problem as problem:
        first = problem.errors[0].reason if problem.errors else problem.detail
        after = failed(source, f"{problem.title}: {first}", now, empty=problem.type == "empty-release")
        return Pulled(after, problem=problem)
    new = any(receipt.status == 201 for receipt in receipts)
    return Pulled(_went_well(source, answer, now, len(receipts), new=new), receipts, unchanged=not new)


def _went_well(source: Source, answer: Fetched, now: int, items: int, *, new: bool) -> Source:
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
    """What the next request can send back: a header is ASCII there, and a long one is no validator."""
    value = answer.headers.get(name, known if answer.status == 304 else "")
    return value if value.isascii() and len(value) <= 1000 else ""


def failed(source: Source, error: str, now: int, wait: int = 0, *, empty: bool = False) -> Source:
    """The source after a pull that failed at that instant (micros); it is pulled again in `wait` seconds at the earliest. Twice as
    long after each failure, to LONGEST; a source that empties is an alarm at once."""
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


def _interval(source: Source, answer: Fetched) -> int:
    """max-age may make it longer, never shorter: how often is the operator's to say (RFC 9111, section 5.2.2.1)."""
    age = re.search(r"max-age=(\d{1,9})", answer.headers.get("cache-control", ""))
    return max(source.every, min(LONGEST, int(age[1]) if age else 0))


def _wait(answer: Fetched) -> int:
    """Retry-After in seconds (RFC 9110, section 10.2.3)."""
    text = answer.headers.get("retry-after", "")
    return min(LONGEST, int(text[:9])) if text.isascii() and text.isdigit() else 0


def tell(before: Source, pulled: Pulled) -> None:
    """Say in the log what a pull brought, and where an alarm begins or ends."""
    after = pulled.source
    if after.alarm and after.alarm != before.alarm:
        log.error("source %s: alarm, %s: %s", after.name, after.alarm, after.error or "no new article")
    elif before.alarm and not after.alarm:
        log.info("source %s: alarm over", after.name)
    refused = sum(1 for receipt in pulled.receipts if not receipt.accepted)
    new = sum(1 for receipt in pulled.receipts if receipt.status == 201)
    if new or refused:
        log.info("source %s: %d new, %d refused, %d in all", after.name, new, refused, len(pulled.receipts))


def instant(micros: int) -> str:
    """RFC 3339, or empty for never."""
    return (
        datetime.fromtimestamp(micros / MILLION, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if micros
        else ""
    )
