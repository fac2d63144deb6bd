"""POST /hub: the WebSub hub (https://www.w3.org/TR/websub/). Errors are plain text, as section 5.1.2 requires."""

from datetime import UTC, datetime

import msgspec
from flask import Blueprint, Response, request

from app import store, web
from app.deliveries import hub
from app.web import Problem, fields, here

blueprint = Blueprint("hub", __name__)

WAITING = 100  # requests for one callback's host that may wait for verification
PROBLEMS = ("application/problem+json", "application/json")


@blueprint.get("/hub")
def explanation() -> Response:
    """A text that explains this address to people."""
    text = (
        "This is the WebSub hub (https://www.w3.org/TR/websub/) of every feed of this server.\n"
        "To subscribe, POST hub.mode, hub.topic and hub.callback to this address. Each feed names its topic and this hub in Link.\n"
    )
    return Response(text, 200, {"Allow": "GET, HEAD, POST"}, content_type="text/plain; charset=utf-8")


@blueprint.post("/hub")
def post() -> Response:
    """Subscribe or unsubscribe: 202, then the callback is asked to confirm. 4xx if the request cannot be accepted."""
    try:
        return _accepted()
    except Problem as problem:
        web.access.note_refusal(problem)
        if request.accept_mimetypes.best_match(["text/plain", *PROBLEMS], "text/plain") in PROBLEMS:
            raise
        headers = {**problem.headers, "Cache-Control": "no-store"}
        sentences = [f"{problem.title}.", problem.detail, *(fault.reason for fault in problem.errors)]
        body = "\n".join(dict.fromkeys(sentence for sentence in sentences if sentence)) + "\n"
        return Response(body, problem.status, headers, content_type="text/plain; charset=utf-8")


def _accepted() -> Response:
    context, now = here(), datetime.now(UTC)
    principal = web.access.given()
    intent = hub.requested(context, _form(), principal)
    subscription = intent.subscription
    if problem := hub.denied(intent, principal):
        # Section 5.2 requires that the callback hears of a denial too. Without a token, anybody could make this server call anybody,
        # so then only the requester hears of it. A denial starts nothing, and changes nothing at the callback.
        if principal is not None:
            heard = msgspec.structs.replace(intent, mode="denied", reason=problem.title)
            store.deliveries.ask(context.engine, heard, now, WAITING)
        raise problem
    if seconds := hub.wait(context, subscription):
        detail = f"Callbacks of this domain did not confirm earlier requests. Try again in {seconds} seconds."
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(seconds)})
    known = store.deliveries.same_subscription(context.engine, subscription.identity)
    if intent.mode == "subscribe" and (known is None or known.state == "ended"):
        most = context.settings.push_subscriptions
        if store.deliveries.count_subscriptions(context.engine, subscription.host) >= most:
            detail = f"{subscription.host} already has {most} subscriptions, and one host may not have more."
            raise Problem(403, "too-many-subscriptions", "Too many subscriptions", detail)
    if not store.deliveries.ask(context.engine, intent, now, WAITING):
        detail = (
            f"{WAITING} requests for {subscription.host} are already waiting for verification. Try again in 10 seconds."
        )
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": "10"})
    return Response(status=202, headers={"Cache-Control": "no-store"})


def _form() -> list[tuple[str, str]]:
    """The parameters of the request's form. Raises Problem."""
    if request.mimetype != "application/x-www-form-urlencoded":
        detail = f"Content-Type must be application/x-www-form-urlencoded, not {request.mimetype[:80] or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Not a form", detail)
    return fields()
