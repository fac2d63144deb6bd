"""/healthz and /readyz: for those who run the server."""

import time

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from app import store
from app.errors import Unavailable
from app.routes.context import here
from app.sources import instant
from app.store import Figures

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """This process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether releases can be taken: the database answers. The cache is told, and does not count."""
    context = here()
    try:
        seq = store.newest_seq(context.engine)
    except Unavailable as error:
        return _json({"status": "unavailable", "database": str(error)}, 503)
    alarms = [
        {"name": source.name, "alarm": source.alarm, "error": source.error, "last_ok": instant(source.last_ok)}
        for source in store.all_sources(context.engine)
        if source.alarm
    ]
    cache = "ok" if context.cache.alive() else "down"
    return _json({"status": "ok", "database": "ok", "changes": seq, "cache": cache, "sources": alarms or "ok"}, 200)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus' text format: what the database knows, so that every worker tells the same."""
    context = here()
    registry = CollectorRegistry()
    Gauge("pressrelay_changes", "Changes since the first", registry=registry).set(store.newest_seq(context.engine))
    names = {
        "last_ok": ("pressrelay_source_last_ok_seconds", "When a source was last pulled well, Unix time"),
        "last_new": ("pressrelay_source_last_new_seconds", "When it last brought something new, Unix time"),
        "failures": ("pressrelay_source_failures", "Failures since the last success"),
        "items": ("pressrelay_source_items", "Articles in its last document"),
    }
    gauges = {field: Gauge(*told, ["source"], registry=registry) for field, told in names.items()}
    alarm = Gauge("pressrelay_source_alarm", "1 while it has an alarm", ["source", "alarm"], registry=registry)
    for source in store.all_sources(context.engine):
        for field, gauge in gauges.items():
            value = getattr(source, field)
            gauge.labels(source.name).set(value / 1_000_000 if field.startswith("last") else value)
        for kind in ("failing", "empty", "silent"):
            alarm.labels(source.name, kind).set(source.alarm == kind)
    _pushes(registry, store.figures(context.engine))
    return Response(generate_latest(registry), 200, {"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _pushes(registry: CollectorRegistry, figures: Figures) -> None:
    """How the deliveries to subscribers stand."""
    subscriptions = Gauge("pressrelay_subscriptions", "Subscriptions", ["kind", "state"], registry=registry)
    for (kind, state), count in figures.subscriptions.items():
        subscriptions.labels(kind, state).set(count)
    outcomes = Counter(
        "pressrelay_deliveries", "Attempts by what became of them", ["kind", "outcome"], registry=registry
    )
    seconds = Counter("pressrelay_delivery_seconds", "What they took", ["kind", "outcome"], registry=registry)
    for (kind, outcome), (count, millis) in figures.outcomes.items():
        outcomes.labels(kind, outcome).inc(count)
        seconds.labels(kind, outcome).inc(millis / 1000)
    due = Gauge("pressrelay_deliveries_waiting", "Subscriptions that something waits for", registry=registry)
    due.set(figures.due)
    late = Gauge(
        "pressrelay_deliveries_late_seconds", "How long the one that is due longest is late", registry=registry
    )
    late.set(max(0.0, time.time() - figures.oldest / 1_000_000) if figures.oldest else 0)


def _json(body: dict[str, object], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, mimetype="application/json")
