"""A subscriber's own subscriptions, by its token: /subscriptions lists them, and makes webhooks; each has a page with what was
delivered, and what can be done. Forms of pages and JSON of programs alike."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Response

from app import store
from app.accounts.rights import Principal
from app.context import Context
from app.deliveries import account, webhooks
from app.deliveries.documents import DOCUMENTS
from app.errors import Problem
from app.store import Subscription
from app.syndication import embargoed as accredited
from app.web import access
from app.web.context import here
from app.web.forms import members
from app.web.routes import embargoed, pages

blueprint = Blueprint("subscriptions", __name__)

CHALLENGE = 'Basic realm="pressrelay", charset="UTF-8"'
GIVEN = ("url", "query", "format", "contact")
MOST = 1000  # subscriptions that are listed


@blueprint.get("/subscriptions")
def listed() -> Response:
    """The account's subscriptions that have not ended, the oldest first."""
    context, principal = here(), _account()
    found = [one for one in _mine(context, principal) if one.state != store.ENDED]
    shown = [account.told(context, one) for one in found]
    if pages.html_wanted():
        return _page("subscriptions.html", title="", subscriptions=shown, formats=list(DOCUMENTS))
    return _json({"subscriptions": shown})


@blueprint.post("/subscriptions")
def add() -> Response:
    """Make a webhook: `url`, `query` (a feed's parameters), `format`, `contact`. 201 with its secret, which is told once."""
    context, principal = here(), _account()
    given = members(GIVEN)
    if not given.get("url"):
        raise Problem(400, "bad-parameter", "A parameter is missing", "url is needed.")
    one = webhooks.add(
        context,
        given["url"],
        given.get("query", ""),
        given.get("format", "") or "json",
        outlet=principal.outlet.code if principal.outlet else "",
        token=principal.actor.removeprefix("token "),
        contact=given.get("contact", ""),
        accredited=accredited.may(principal),
    )
    return _made(context, one, 201)


@blueprint.get("/subscriptions/<name>")
def one(name: str) -> Response:
    """A subscription, with what was delivered last."""
    context = here()
    found = _found(context, _account(), name)
    told = account.whole(context, found)
    if pages.html_wanted():
        return _page("subscription.html", title=name, one=told, secret="", tried=None)
    return _json(told)


@blueprint.delete("/subscriptions/<name>")
def end(name: str) -> Response:
    """End a subscription: nothing is told any more, not even what waits."""
    context = here()
    found = _found(context, _account(), name)
    store.end_subscription(context.engine, found.id, "Its account ended it.", datetime.now(UTC))
    return Response(status=204, headers={"Cache-Control": "no-store"})


@blueprint.post("/subscriptions/<name>/<action>")
def steer(name: str, action: str) -> Response:
    """pause, resume, resend (of dead letters), test, rotate (the secret), end."""
    context, now = here(), datetime.now(UTC)
    found = _found(context, _account(), name)
    if action == "pause":
        store.pause_subscription(context.engine, found.id, "Its account paused it.", now)
    elif action == "resume":
        store.resume_subscription(context.engine, found.id, now)
    elif action == "end":
        store.end_subscription(context.engine, found.id, "Its account ended it.", now)
    elif action == "resend":
        count = store.resend(context.engine, found.id, now)
        if not pages.form_sent():
            return _json({"resent": count})
    elif action in ("test", "rotate") and found.kind == "webhook" and found.state != store.ENDED:
        if action == "rotate":
            return _made(context, webhooks.rotate(context, found), 200)
        tried = webhooks.test(context, found)
        if pages.form_sent():
            return _page("subscription.html", title=name, one=account.whole(context, found), secret="", tried=tried)
        return _json(msgspec.to_builtins(tried))
    else:
        detail = f"{action[:40]!r} is none of pause, resume, resend, end; of webhooks also test and rotate."
        raise Problem(404, "unknown-action", "Nothing that can be done with it", detail)
    if pages.form_sent():
        where = f"{context.settings.url}/subscriptions{'' if action == 'end' else f'/{found.name}'}"
        return embargoed.private(Response(status=303, headers={"Location": where}))
    again = store.subscription(context.engine, found.name)
    assert again is not None, "ended ones are kept for a while"
    return _json(account.told(context, again))


def _made(context: Context, one: Subscription, status: int) -> Response:
    """With its secret: the one answer that tells it."""
    told = account.whole(context, one)
    if pages.form_sent():
        return _page("subscription.html", title=one.name, one=told, secret=one.secret, tried=None)
    response = _json(told | {"secret": one.secret}, status)
    response.headers["Location"] = f"{context.settings.url}/subscriptions/{one.name}"
    return response


def _account() -> Principal:
    """Whose subscriptions: an outlet's, or for an administrator all. Raises Problem (401, 403)."""
    try:
        return access.needed("subscribe")
    except Problem as problem:
        if problem.status == 401 and pages.html_wanted():
            problem.headers["WWW-Authenticate"] = CHALLENGE  # a browser asks for the token then, as the password
        raise


def _mine(context: Context, principal: Principal) -> list[Subscription]:
    if principal.outlet is not None:
        return store.find_subscriptions(context.engine, outlet=principal.outlet.code, limit=MOST)
    return store.find_subscriptions(context.engine, limit=MOST)


def _found(context: Context, principal: Principal, name: str) -> Subscription:
    found = store.subscription(context.engine, name) if len(name) <= 16 else None
    other = principal.outlet is not None and found is not None and found.outlet != principal.outlet.code
    if found is None or other:
        raise Problem(404, "unknown-subscription", "No such subscription")
    return found


def _json(members: dict[str, Any], status: int = 200) -> Response:
    return embargoed.private(Response(msgspec.json.encode(members), status, mimetype="application/json"))


def _page(template: str, **values: Any) -> Response:
    return embargoed.private(pages.html(template, pages.language(), **values))
