"""/healthz, /readyz and /metrics: for the operators of the server."""

import logging

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import store, web
from app.intake.sources import instant
from app.run.metrics import text
from app.web import Problem, Unavailable, here

log = logging.getLogger("pressrelay")
blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """200: this process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether releases can be accepted: 200 if the database answers and has a schema for this version, else 503. Details of the cache
    and the sources need an administrator's token, because they name the machines behind this one."""
    context = here()
    try:
        store.schema.check(context.engine)
        seq = store.articles.newest_seq(context.engine)
        principal = web.access.given()
        if principal is None or not principal.may("admin"):
            return _json({"status": "ok"}, 200)
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
    return _json({"status": "ok", "database": "ok", "changes": seq, "cache": cache, "sources": alarms or "ok"}, 200)


@blueprint.get("/metrics")
def metrics() -> Response:
    """The metrics in Prometheus' text format, for a token with the scope `metrics`; 404 if they have an address of their own."""
    context = here()
    if context.settings.metrics_address:
        raise Problem(
            404, "no-metrics", "There are no metrics here", "They are at the address in PRESSRELAY_METRICS_ADDRESS."
        )
    web.access.needed("metrics")
    return Response(text(context.engine), 200, {"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _json(body: dict[str, object], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, mimetype="application/json")
