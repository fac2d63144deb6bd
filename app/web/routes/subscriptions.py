"""A subscriber's own subscriptions, by its token. /subscriptions lists them and makes webhooks. Each subscription has a page with its
deliveries and the actions on it. The routes accept the forms of pages as well as JSON from programs."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from app import store, web
from app.deliveries import account, webhooks
from app.web import Context, Principal, Problem, form_sent, here, html_page, html_wanted, language, members

blueprint = Blueprint("subscriptions", __name__)

CHALLENGE = 'Basic realm="pressrelay", charset="UTF-8"'
FIELDS = ("url", "query", "format", "contact")
# The type of a problem -> the field of the form that it is about.
FIELD_OF = {
    "bad-callback": "url",
    "bad-address": "contact",
    **dict.fromkeys(("bad-parameter", "unknown-parameter"), "query"),
    **{f"{how}-{what}": "query" for how in ("unknown", "ambiguous") for what in ("region", "topic", "office")},
}
ACTIONS = "pause, resume, resend and end; also test and rotate for a webhook that has not ended"
MOST = 1000  # subscriptions that are listed


@blueprint.get("/subscriptions")
def listed() -> Response:
    """The account's subscriptions that have not ended, the oldest first. `query` fills the form for a webhook in."""
    context, principal = here(), _account()
    found = [subscription for subscription in _mine(context, principal) if subscription.state != store.deliveries.ENDED]
    shown = [account.summary(context, subscription) for subscription in found]
    if html_wanted():
        return _list_page(shown, {"query": request.args.get("query", "")[:2000]})
    return _json({"subscriptions": shown})


@blueprint.post("/subscriptions")
def add() -> Response:
    """Make a webhook from `url`, `query` (a feed's parameters), `format` and `contact`. 201 with its secret, which is shown once."""
    context, principal = here(), _account()
    sent = members(FIELDS)
    try:
        return _added(context, principal, sent)
    except Problem as problem:
        field = FIELD_OF.get(problem.type)
        if field is None or not form_sent():
            raise
        shown = [account.summary(context, subscription) for subscription in _mine(context, principal)]
        page = _list_page(shown, sent, {field: web.html.fault_of(problem, language())})
        page.status_code = problem.status
        return page


def _added(context: Context, principal: Principal, sent: dict[str, str]) -> Response:
    if not sent.get("url"):
        raise Problem(
            400, "bad-parameter", "A parameter is missing", "url is needed: the address that the webhook calls."
        )
    made = webhooks.add(
        context,
        sent["url"],
        sent.get("query", ""),
        sent.get("format", "") or "json",
        outlet=principal.outlet.code if principal.outlet else "",
        token=principal.actor.removeprefix("token "),
        contact=sent.get("contact", ""),
        accredited=principal.reads_embargoed(),
    )
    _record(principal, made, "webhook-added")
    return _made(context, made, 201)


@blueprint.get("/subscriptions/<name>")
def one(name: str) -> Response:
    """A subscription with its last deliveries."""
    context = here()
    principal = _account()
    found = _found(context, principal, name)
    details = _details(context, principal, found)
    if html_wanted():
        return _page("subscription.html", title=name, subscription=details, secret="", tried=None)
    return _json(details)


@blueprint.delete("/subscriptions/<name>")
def end(name: str) -> Response:
    """End a subscription: nothing more is delivered, not even what is waiting."""
    context = here()
    found = _found(context, _account(), name)
    store.deliveries.end_subscription(context.engine, found.id, "Its account ended it.", datetime.now(UTC))
    return Response(status=204, headers={"Cache-Control": "no-store"})


@blueprint.post("/subscriptions/<name>/<action>")
def steer(name: str, action: str) -> Response:
    """The actions pause, resume, resend (failed deliveries), test, rotate (the secret) and end."""
    context, now = here(), datetime.now(UTC)
    principal = _account()
    found = _found(context, principal, name)
    if action == "pause":
        store.deliveries.pause_subscription(context.engine, found.id, "Its account paused it.", now)
    elif action == "resume":
        store.deliveries.resume_subscription(context.engine, found.id, now)
    elif action == "end":
        store.deliveries.end_subscription(context.engine, found.id, "Its account ended it.", now)
    elif action == "resend":
        count = store.deliveries.resend(context.engine, found.id, now)
        if not form_sent():
            return _json({"resent": count})
    elif action in ("test", "rotate") and found.kind == "webhook" and found.state != store.deliveries.ENDED:
        if action == "rotate":
            _record(principal, found, "webhook-secret-replaced")
            return _made(context, webhooks.rotate(context, found), 200)
        with web.places.trying(found.outlet or "server"):
            tried = webhooks.test(context, found)
        if form_sent():
            details = _details(context, principal, found)
            return _page("subscription.html", title=name, subscription=details, secret="", tried=tried)
        return _json(msgspec.to_builtins(tried))
    else:
        detail = f"{action[:40]!r} is not possible. The actions are {ACTIONS}."
        raise Problem(404, "unknown-action", "No such action", detail)
    if form_sent():
        where = f"{context.settings.url}/subscriptions{'' if action == 'end' else f'/{found.name}'}"
        return web.embargoed.private(Response(status=303, headers={"Location": where}))
    again = store.deliveries.subscription(context.engine, found.name)
    assert again is not None, "ended ones are kept for a while"
    return _json(account.summary(context, again))


def _record(principal: Principal, of: store.deliveries.Subscription, action: str) -> None:
    """Record what a token did, so that somebody who revokes a stolen token can see it."""
    detail = {"outlet": of.outlet, "subscription": of.name}
    event = store.audit.Event(action, principal.actor, detail={name: value for name, value in detail.items() if value})
    store.audit.append(here().engine, [event], datetime.now(UTC))


def _details(context: Context, principal: Principal, found: store.deliveries.Subscription) -> dict[str, Any]:
    """A subscription with its last deliveries; without them, while its outlet may not read what they were about."""
    stopped = principal.outlet is not None and principal.outlet.stopped(datetime.now(UTC))
    return account.details(context, found, 0 if stopped and found.embargoed else account.LOGGED)


def _made(context: Context, webhook: store.deliveries.Subscription, status: int) -> Response:
    """The answer with a webhook's secret; no other answer shows it."""
    details = account.details(context, webhook)
    if form_sent():
        return _page("subscription.html", title=webhook.name, subscription=details, secret=webhook.secret, tried=None)
    response = _json(details | {"secret": webhook.secret}, status)
    response.headers["Location"] = f"{context.settings.url}/subscriptions/{webhook.name}"
    return response


def _account() -> Principal:
    """The principal: an outlet sees its own subscriptions, an administrator all. Raises Problem (401, 403)."""
    try:
        return web.access.needed("subscribe")
    except Problem as problem:
        if problem.status == 401 and html_wanted():
            problem.headers["WWW-Authenticate"] = CHALLENGE  # makes a browser ask for the token as the password
        raise


def _mine(context: Context, principal: Principal) -> list[store.deliveries.Subscription]:
    if principal.outlet is not None:
        return store.deliveries.find_subscriptions(context.engine, outlet=principal.outlet.code, limit=MOST)
    return store.deliveries.find_subscriptions(context.engine, limit=MOST)


def _found(context: Context, principal: Principal, name: str) -> store.deliveries.Subscription:
    found = store.deliveries.subscription(context.engine, name) if len(name) <= 16 else None
    other = principal.outlet is not None and found is not None and found.outlet != principal.outlet.code
    if found is None or other:
        raise Problem(404, "unknown-subscription", "No such subscription")
    return found


def _list_page(
    shown: list[dict[str, Any]], filled: dict[str, str] | None = None, faults: dict[str, str] | None = None
) -> Response:
    return _page(
        "subscriptions.html",
        title="",
        subscriptions=[subscription for subscription in shown if subscription["state"] != store.deliveries.ENDED],
        formats=[(format, format) for format in webhooks.FORMATS],
        filled=filled or {},
        faults=faults or {},
    )


def _json(members: dict[str, Any], status: int = 200) -> Response:
    return web.embargoed.private(Response(msgspec.json.encode(members), status, mimetype="application/json"))


def _page(template: str, **values: Any) -> Response:
    return web.embargoed.private(html_page(template, language(), **values))
