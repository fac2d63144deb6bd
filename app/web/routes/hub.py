"""POST /hub: the WebSub hub (https://www.w3.org/TR/websub/). Errors are told in plain text, as its section 5.1.2 wants."""

from datetime import UTC, datetime

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.deliveries import hub
from app.errors import Problem
from app.web import access
from app.web.context import here
from app.web.forms import fields

blueprint = Blueprint("hub", __name__)

WAITING = 100  # requests of one callback's host that wait to be verified
PROBLEMS = ("application/problem+json", "application/json")


@blueprint.get("/hub")
def told() -> Response:
    """What this is, for people."""
    words = (
        "This is the WebSub hub (https://www.w3.org/TR/websub/) of every feed of this server.\n"
        "POST hub.mode, hub.topic and hub.callback here; each feed names itself and this hub in its Link header.\n"
    )
    return Response(words, 200, {"Allow": "GET, HEAD, POST"}, content_type="text/plain; charset=utf-8")


@blueprint.post("/hub")
def post() -> Response:
    """Subscribe or unsubscribe: 202, then the callback is asked whether it means it. 4xx for what cannot be."""
    try:
        return _accepted()
    except Problem as problem:
        access.note_refusal(problem)
        if request.accept_mimetypes.best_match(["text/plain", *PROBLEMS], "text/plain") in PROBLEMS:
            raise
        headers = {**problem.headers, "Cache-Control": "no-store"}
        sentences = [f"{problem.title}.", problem.detail, *(fault.reason for fault in problem.errors)]
        body = "\n".join(dict.fromkeys(sentence for sentence in sentences if sentence)) + "\n"
        return Response(body, problem.status, headers, content_type="text/plain; charset=utf-8")


def _accepted() -> Response:
    context, now = here(), datetime.now(UTC)
    principal = access.given()
    intent = hub.requested(context, _form(), principal)
    one = intent.subscription
    if problem := hub.denied(intent, principal):
        # Section 5.2 wants a denial to be told at the callback too. Without a token anybody could have anybody called with it, so then
        # it is told here alone. It begins nothing, and changes nothing at the callback either.
        if principal is not None and store.count_intents(context.engine, one.host) < WAITING:
            store.ask(context.engine, msgspec.structs.replace(intent, mode="denied", reason=problem.title), now)
        raise problem
    if store.count_intents(context.engine, one.host) >= WAITING:
        detail = f"{WAITING} requests of {one.host} wait to be verified already."
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": "10"})
    if seconds := hub.wait(context, one):
        detail = f"Callbacks of this domain did not confirm what was asked for them. Ask again in {seconds} seconds."
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(seconds)})
    known = store.same_subscription(context.engine, one.identity)
    if intent.mode == "subscribe" and (known is None or known.state == "ended"):
        most = context.settings.push_subscriptions
        if store.count_subscriptions(context.engine, one.host) >= most:
            detail = f"{one.host} has {most} subscriptions, which is as many as one host may have here."
            raise Problem(403, "too-many-subscriptions", "Too many subscriptions", detail)
    store.ask(context.engine, intent, now)
    return Response(status=202, headers={"Cache-Control": "no-store"})


def _form() -> list[tuple[str, str]]:
    """The parameters, which come as a form. Raises Problem."""
    if request.mimetype != "application/x-www-form-urlencoded":
        detail = f"Send application/x-www-form-urlencoded, not {request.mimetype[:80] or 'nothing'!r}."
        raise Problem(415, "unsupported-media-type", "Not a form", detail)
    return fields()
