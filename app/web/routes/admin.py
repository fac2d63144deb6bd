"""/admin: the operator's pages, for administrators. They show the state of the server, and have buttons for what the commands
do."""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.deliveries import account
from app.errors import Problem
from app.web import Visit, gone, here, language, own_page, signed_in

blueprint = Blueprint("admin", __name__)

LISTED = 50  # rows of a list
DEPTH = 20_000  # records of the audit log that one search looks at
# Orders to the whole server, and their names in the audit log.
ORDERS = {
    "hold": "deliveries-held",
    "resume": "deliveries-resumed",
    "drain": "intake-drained",
    "fill": "intake-resumed",
    "flush": "cache-flushed",
}
NOT_FLUSHED = "Nothing was flushed. The cache is empty when it starts again."
STEERED = {"pause": "paused", "resume": "resumed", "resend": "resent", "end": "ended"}  # the same of a subscription
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
FILTERS = {"office": 64, "article": 32, "action": 32, "actor": 120}  # of the audit log, with their greatest lengths


@blueprint.get("/admin")
@signed_in
def overview(visit: Visit) -> Response:
    """The state of the server, and plots of the last day or week."""
    web.newsrooms.administrators_only(visit)
    context, now, lang = here(), datetime.now(UTC), language()
    period = request.args.get("period", "day")
    if period not in web.operating.SPANS:
        raise NotFound
    return own_page(
        "admin.html",
        health=web.operating.health(context, now),
        complaints=web.operating.complaints(context),
        plots=web.operating.plots(context, now, period, lang, lambda at: web.html.plot_end(at, period, lang)),
        period=period,
        late_lift=web.operating.LATE_LIFT,
        late_delivery=web.operating.LATE_DELIVERY,
        backed_up=now - web.operating.OLD_BACKUP,
    )


@blueprint.post("/admin/<action>")
@signed_in
def order(visit: Visit, action: str) -> Response:
    """`hold` or `resume` all deliveries and pulls, `drain` or `fill` the intake of releases, `flush` the cache."""
    web.newsrooms.administrators_only(visit)
    context, now = here(), datetime.now(UTC)
    if action not in ORDERS:
        raise NotFound
    if action in ("hold", "resume"):
        store.operation.hold_deliveries(context.engine, now if action == "hold" else None)
    elif action in ("drain", "fill"):
        store.operation.drain_intake(context.engine, now if action == "drain" else None)
    elif not context.cache.renew():
        raise Problem(503, "unavailable", "The cache does not answer", NOT_FLUSHED, headers={"Retry-After": "10"})
    _record(visit, ORDERS[action], {}, now)
    return gone("/admin")


@blueprint.get("/admin/offices")
@signed_in
def offices(visit: Visit) -> Response:
    """The offices, with when each last published. `after`: the last code of the page before."""
    web.newsrooms.administrators_only(visit)
    engine = here().engine
    known = store.accounts.all_offices(engine)
    after = request.args.get("after", "")
    rest = [office for office in known if office.code > after]
    rows = rest[:LISTED]
    newest = store.feeds.newest_of_offices(engine, [office.code for office in rows])
    return own_page(
        "admin_offices.html",
        rows=[(office, store.instant(at) if (at := newest.get(office.code)) else None) for office in rows],
        amount=len(known),
        older=f"/admin/offices?{urlencode({'after': rows[-1].code})}" if len(rest) > LISTED else "",
    )


@blueprint.get("/admin/sources")
@signed_in
def sources(visit: Visit) -> Response:
    """The sources, with the results of their last pulls."""
    web.newsrooms.administrators_only(visit)
    return own_page("admin_sources.html", sources=store.accounts.all_sources(here().engine), instant=store.instant)


@blueprint.post("/admin/sources/<name>/pull")
@signed_in
def pull(visit: Visit, name: str) -> Response:
    """Make a source due now; the puller takes it within a second."""
    web.newsrooms.administrators_only(visit)
    now = datetime.now(UTC)
    if not store.accounts.hurry_source(here().engine, name, now):
        raise NotFound
    _record(visit, "source-hurried", {"source": name}, now)
    return gone("/admin/sources")


@blueprint.get("/admin/deliveries")
@signed_in
def deliveries(visit: Visit) -> Response:
    """The subscriptions whose deliveries fail or are paused."""
    web.newsrooms.administrators_only(visit)
    return own_page(
        "admin_deliveries.html",
        rows=[
            (found, store.instant(since) if since else None)
            for found, since in store.deliveries.in_trouble(here().engine, LISTED)
        ],
    )


@blueprint.get("/admin/deliveries/<name>")
@signed_in
def subscription(visit: Visit, name: str) -> Response:
    """A subscription with what was given up, and its last deliveries."""
    web.newsrooms.administrators_only(visit)
    context, found = here(), _subscription(name)
    return own_page(
        "admin_subscription.html",
        subscription=found,
        details=account.summary(context, found),
        dead=store.deliveries.log_of(context.engine, found.id, LISTED, "dead"),
        log=store.deliveries.log_of(context.engine, found.id, LISTED),
        instant=store.instant,
    )


@blueprint.post("/admin/deliveries/<name>/<action>")
@signed_in
def steer(visit: Visit, name: str, action: str) -> Response:
    """`pause`, `resume`, `resend` what was given up, or `end` a subscription."""
    web.newsrooms.administrators_only(visit)
    context, now, found = here(), datetime.now(UTC), _subscription(name)
    if action not in STEERED or found.state == store.deliveries.ENDED:
        raise NotFound
    if action == "pause":
        store.deliveries.pause_subscription(context.engine, found.id, "The operator paused it.", now)
    elif action == "resume":
        store.deliveries.resume_subscription(context.engine, found.id, now)
    elif action == "resend":
        store.deliveries.resend(context.engine, found.id, now)
    else:
        store.deliveries.deny(context.engine, found, "The operator ended it.", now)
    _record(visit, f"subscription-{STEERED[action]}", {"subscription": found.name}, now)
    return gone(f"/admin/deliveries/{found.name}")


@blueprint.get("/admin/audit")
@signed_in
def audit(visit: Visit) -> Response:
    """Records of the audit log, the newest first. `before`: where a page begins; and what is looked for."""
    web.newsrooms.administrators_only(visit)
    wanted = {name: request.args.get(name, "").strip() for name in FILTERS}
    long = [name for name, value in wanted.items() if len(value) > FILTERS[name]]
    engine = here().engine
    first = request.args.get("before", "")
    if first and not NUMBER.fullmatch(first):
        raise NotFound
    before = int(first) if first else store.audit.head(engine)[0] + 1
    rows, after = ([], 0) if long else store.audit.newest(engine, before, LISTED, DEPTH, **wanted)
    asked = {name: value for name, value in wanted.items() if value}
    return own_page(
        "admin_audit.html",
        rows=rows,
        wanted=wanted,
        faults=dict.fromkeys(long, "too-long"),
        lengths=FILTERS,
        looked=min(DEPTH, before - 1),
        older=f"/admin/audit?{urlencode({**asked, 'before': after})}" if after else "",
    )


def _subscription(name: str) -> store.deliveries.Subscription:
    found = store.deliveries.subscription(here().engine, name)
    if found is None:
        raise NotFound
    return found


def _record(visit: Visit, action: str, detail: dict[str, str], now: datetime) -> None:
    store.audit.append(here().engine, [store.audit.Event(action, visit.person.actor, detail=detail)], now)
