"""/healthz, /readyz and /metrics: for the operators of the server."""

import logging

import msgspec
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from app import store, web
from app.intake.sources import instant
from app.run.metrics import registry, text
from app.web import Problem, Unavailable, here

log = logging.getLogger("pressrelay")
blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """200: this process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether requests can be answered: 200 if the database answers, else 503; and what the operator told the server to leave. Details
    of the cache and the sources need an administrator's token, because they name the machines behind this one."""
    context = here()
    try:
        operation = store.operation.now_holds(context.engine)
        left = ({"deliveries": "held"} if operation.held else {}) | ({"intake": "drained"} if operation.drained else {})
        principal = web.access.given()
        if principal is None or not principal.may("admin"):
            return _json({"status": "ok", **left}, 200)
        seq = store.articles.newest_seq(context.engine)
        sources = store.accounts.all_sources(context.engine)
    except Unavailable as error:
        log.error("%s", error)
        return _json({"status": "unavailable"}, 503)
    alarms = [
        {"name": source.name, "alarm": source.alarm, "error": source.error, "last_ok": instant(source.last_ok)}
        for source in sources
        if source.alarm
    ]
    cache = "ok" if context.cache.alive() else "down"
    told: dict[str, object] = {
        "status": "ok",
        **left,
        "database": "ok",
        "changes": seq,
        "cache": cache,
        "sources": alarms or "ok",
    }
    return _json(told, 200)


@blueprint.get("/metrics")
def metrics() -> Response:
    """The metrics in Prometheus' text format, for a token with the scope `metrics`; 404 if they have an address of their own."""
    context = here()
    if context.settings.metrics_address:
        raise Problem(
            404, "no-metrics", "There are no metrics here", "They are at the address in PRESSRELAY_METRICS_ADDRESS."
        )
    web.access.needed("metrics")
    if (shown := current_app.extensions.get("metrics")) is None:
        made = registry(context.settings, context.engine, context.cache)
        shown = current_app.extensions.setdefault("metrics", made)
    document = text(shown)
    return Response(document, 200, {"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _json(body: dict[str, object], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, mimetype="application/json")
