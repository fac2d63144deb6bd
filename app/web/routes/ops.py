"""/healthz, /readyz and /metrics: for the operators of the server."""

import msgspec
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from app import store, web
from app.intake.sources import instant
from app.liveness import draining
from app.run.datadir import full
from app.run.metrics import registry, text
from app.web import Problem, Unavailable, here

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """200: this process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether releases can be accepted: 200 if the database answers, has a schema for this version and the disk has room, else 503;
    also 503 while the server drains. The status "degraded" says that something else is wrong. The reason is shown only for an
    administrator's token, because it may concern releases that wait, or name internal hosts."""
    context = here()
    if draining():
        return _json({"status": "draining"}, 503)
    if reason := full(context.settings):
        _note(reason)
        return _json({"status": "disk-full"}, 503)
    try:
        store.schema.check(context.engine)
        operation = store.operation.now_holds(context.engine)
        left = ({"deliveries": "held"} if operation.held else {}) | ({"intake": "drained"} if operation.drained else {})
        warnings = web.operating.warnings(context)
        status = "degraded" if warnings else "ok"
        principal = web.access.given()
        if principal is None or not principal.may("admin"):
            return _json({"status": status, **left}, 200)
        seq = store.articles.newest_seq(context.engine)
        sources = store.accounts.all_sources(context.engine)
    except Unavailable as error:
        _note(str(error))
        return _json({"status": "unavailable"}, 503)
    alarms = [
        {"name": source.name, "alarm": source.alarm, "error": source.error, "last_ok": instant(source.last_ok)}
        for source in sources
        if source.alarm
    ]
    cache = "ok" if context.cache.alive() else "down"
    told: dict[str, object] = {
        "status": status,
        **left,
        "database": "ok",
        "changes": seq,
        "cache": cache,
        "sources": alarms or "ok",
    }
    return _json(told | ({"warnings": warnings} if warnings else {}), 200)


def _note(sentence: str) -> None:
    """Write a line to the log, but not for each of many checks a second."""
    current_app.extensions["outage"].fail(sentence)


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
