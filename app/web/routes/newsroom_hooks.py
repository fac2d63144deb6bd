"""Webhooks and WebSub subscriptions of an outlet, for its editors: past and next deliveries, tests, and the self-test of a
callback. Programs use /subscriptions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import store, web
from app.deliveries import account, selftest, webhooks
from app.web import Problem, Visit, gone, here, language, members, signed_in

blueprint = Blueprint("newsroom_hooks", __name__)

FIELDS = ("url", "query", "format", "contact")
# The type of a problem -> the field of the form that it is about.
FIELD_OF = {
    "bad-callback": "url",
    "taken": "url",
    "too-many-subscriptions": "url",
    "bad-address": "contact",
    "insufficient-scope": "query",
    **dict.fromkeys(("bad-parameter", "unknown-parameter", "bad-status"), "query"),
    **{f"{how}-{what}": "query" for how in ("unknown", "ambiguous") for what in ("region", "topic", "office")},
    "unknown-format": "format",
}
MOST = 200  # subscriptions that are listed
LOGGED = 40  # deliveries in the timeline
CALLS_HOUR = 60  # tests and self-tests of one outlet
PUBLISHED = ("published", "corrected")  # the changes that have a public headline
STEERED = ("pause", "resume", "end", "rotate", "resend", "test", "check", "move")


@blueprint.get("/newsroom/<outlet>/subscriptions")
@signed_in
def listed(visit: Visit, outlet: str) -> Response:
    """The subscriptions of an outlet, and a form to make a webhook."""
    return _list_page(web.newsrooms.newsroom_at(here(), visit, outlet, edits=True))


@blueprint.post("/newsroom/<outlet>/subscriptions")
@signed_in
def add(visit: Visit, outlet: str) -> Response:
    """Make a webhook. The page shows its secret, once."""
    context = here()
    room = web.newsrooms.newsroom_at(context, visit, outlet, edits=True)
    sent = members(FIELDS)
    if not sent.get("url"):
        return _list_page(room, sent, {"url": "webhook-url-hint"})
    try:
        made = webhooks.add(
            context,
            sent["url"],
            sent.get("query", ""),
            sent.get("format", "") or "json",
            outlet=outlet,
            contact=sent.get("contact", ""),
            accredited=room.may.reads_embargoed(),
        )
    except Problem as problem:
        field = FIELD_OF.get(problem.type)
        if field is None:
            raise
        return _list_page(room, sent, {field: web.html.fault_of(problem, language())})
    _record(room, made, "webhook-added")
    return _page(room, made, secret=made.secret)


@blueprint.get("/newsroom/<outlet>/subscriptions/<name>")
@signed_in
def one(visit: Visit, outlet: str, name: str) -> Response:
    """A subscription with its last deliveries as a timeline."""
    room = web.newsrooms.newsroom_at(here(), visit, outlet, edits=True)
    return _page(room, _found(room, name))


@blueprint.post("/newsroom/<outlet>/subscriptions/<name>/<action>")
@signed_in
def steer(visit: Visit, outlet: str, name: str, action: str) -> Response:
    """The actions pause, resume, end, rotate, resend (one delivery, or all that were given up), test, check (the self-test) and move
    (to another URL)."""
    context, now = here(), datetime.now(UTC)
    room = web.newsrooms.newsroom_at(context, visit, outlet, edits=True)
    found = _found(room, name)
    sent = members(("number", "url"))
    if action not in STEERED or found.state == store.deliveries.ENDED:
        raise NotFound
    if action in ("rotate", "move", "test") and found.kind != "webhook":
        raise NotFound
    if action in ("check", "test"):
        _count_call(outlet)
        with web.places.trying(outlet):
            if action == "test":
                return _page(room, found, tried=webhooks.test(context, found))
            return _page(room, found, findings=selftest.examine(context, found))
    if action == "rotate":
        changed = webhooks.rotate(context, found)
        _record(room, found, "webhook-secret-replaced")
        return _page(room, changed, secret=changed.secret)
    if action == "move":
        try:
            webhooks.readdress(context, found, sent.get("url", ""))
        except Problem as problem:
            fault = {"url": web.html.fault_of(problem, language())}
            return _page(room, found, faults=fault, filled=sent)
        _record(room, found, "webhook-moved")
    elif action == "pause":
        store.deliveries.pause_subscription(context.engine, found.id, "Its account paused it.", now)
        _record(room, found, "subscription-paused")
    elif action == "resume":
        store.deliveries.resume_subscription(context.engine, found.id, now)
        _record(room, found, "subscription-resumed")
    elif action == "end":
        store.deliveries.end_subscription(context.engine, found.id, "Its account ended it.", now)
        _record(room, found, "subscription-ended")
        return gone(f"{room.path}/subscriptions")
    else:
        number = web.number_sent(sent.get("number", ""))
        if sent.get("number") and number <= 0:
            raise NotFound
        store.deliveries.resend(context.engine, found.id, now, [number] if number > 0 else ())
        _record(room, found, "subscription-resent")
    return gone(f"{room.path}/subscriptions/{found.name}")


def _count_call(outlet: str) -> None:
    """Count a call that an outlet makes this server make. Raises Problem (429): nobody may use this server to call others again and
    again."""

    def judge(tally: store.deliveries.Tally) -> str:
        if tally.client_hour >= CALLS_HOUR:
            detail = f"An outlet may test its callbacks {CALLS_HOUR} times in an hour. Try again in an hour."
            raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": "3600"})
        return store.deliveries.OPEN

    call = store.deliveries.Attempt("test", outlet, outlet, outlet)
    store.deliveries.attempt(here().engine, call, judge, datetime.now(UTC))


def _found(room: web.newsrooms.Newsroom, name: str) -> store.deliveries.Subscription:
    """A subscription of the outlet. Raises NotFound, as if there were none, for those of others."""
    found = store.deliveries.subscription(here().engine, name) if len(name) <= 16 else None
    if found is None or found.outlet != room.outlet.code or found.kind not in ("webhook", "websub"):
        raise NotFound
    return found


def _record(room: web.newsrooms.Newsroom, of: store.deliveries.Subscription, action: str) -> None:
    detail = {"outlet": room.outlet.code, "subscription": of.name}
    event = store.audit.Event(action, room.visit.person.actor, detail=detail)
    store.audit.append(here().engine, [event], datetime.now(UTC))


def _list_page(
    room: web.newsrooms.Newsroom, filled: dict[str, str] | None = None, faults: dict[str, str] | None = None
) -> Response:
    context = here()
    found = store.deliveries.find_subscriptions(context.engine, outlet=room.outlet.code, live=True, limit=MOST)
    failing = store.deliveries.failing(context.engine, [one.id for one in found])
    return web.newsrooms.newsroom_page(
        "newsroom_subscriptions.html",
        room,
        status=422 if faults else 200,
        subscriptions=[(one, failing.get(one.id, {}).get("failing")) for one in found],
        in_words=_in_words(context, [one.query for one in found]),
        instant=store.instant,
        formats=[(format, format) for format in webhooks.FORMATS],
        filled=filled or {},
        faults=faults or {},
        may_read=room.may.reads_embargoed(),
    )


def _page(
    room: web.newsrooms.Newsroom,
    subscription: store.deliveries.Subscription,
    *,
    secret: str = "",
    tried: webhooks.Trial | None = None,
    findings: list[selftest.Finding] | None = None,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
) -> Response:
    context = here()
    # A suspended outlet does not learn what waits for it, nor how much.
    hidden = subscription.embargoed and not room.may.reads_embargoed()
    rows = [] if hidden else store.deliveries.log_of(context.engine, subscription.id, LOGGED)
    return web.newsrooms.newsroom_page(
        "newsroom_subscription.html",
        room,
        status=422 if faults else 200,
        about=account.summary(context, subscription),
        feed=_in_words(context, [subscription.query])[subscription.query],
        rows=[(account.delivery(row), headline) for row, headline in _with_headlines(context, rows)],
        hidden=hidden,
        secret=secret,
        tried=tried,
        findings=findings or [],
        faults=faults or {},
        filled=filled or {},
    )


def _with_headlines(
    context: web.Context, rows: list[store.deliveries.Delivery]
) -> list[tuple[store.deliveries.Delivery, str]]:
    """The deliveries with the headline of what was delivered; empty if it is not public (any more)."""
    shown = {row.seq: (row.num, row.version) for row in rows if row.public and row.kind in PUBLISHED}
    briefs = store.articles.briefs(context.engine, sorted(set(shown.values())))
    return [(row, briefs[shown[row.seq]].headline if shown.get(row.seq) in briefs else "") for row in rows]


def _in_words(context: web.Context, queries: Iterable[str]) -> dict[str, str]:
    """What the feed of each query shows, such as "지역: 전북특별자치도"; the query itself if one of its names is gone."""
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}

    def said(query: str) -> str:
        try:
            parsed = web.parse(parse_qsl(query), list(offices))
        except (Problem, web.Elsewhere):
            return query
        return " · ".join(one.label for one in web.choosing.chosen_filters(parsed, offices, language()))

    return {query: said(query) for query in set(queries)}
