"""One web process: its routes, its connections, and the one handler of errors."""

import logging
from http import HTTPStatus

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import schemas
from app.context import connect
from app.errors import PressrelayError, Problem, TooSlow, Unavailable, Unfit
from app.settings import Settings, load
from app.web import access, crosssite, limits, parameters, places
from app.web.origin import Placed
from app.web.protection import Protected
from app.web.routes import (
    alerts,
    archives,
    articles,
    atompub,
    changes,
    differences,
    discovery,
    feeds,
    files,
    hub,
    ingest,
    lifecycle,
    ops,
    pages,
    provenance,
    subscriptions,
    versions,
)

log = logging.getLogger("pressrelay")

ROUTES = (
    ingest,
    atompub,
    feeds,
    archives,
    changes,
    articles,
    versions,
    differences,
    provenance,
    lifecycle,
    files,
    pages,
    discovery,
    hub,
    subscriptions,
    alerts,
    ops,
)
BLUEPRINTS = tuple(routes.blueprint for routes in ROUTES)


def create_app(settings: Settings | None = None) -> Flask:
    """One web process's application. Raises Misconfigured and Unavailable."""
    settings = settings or load()
    app = Flask("app.web", static_folder="static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = None  # routes.ingest reads and counts by itself
    schemas.prepare()
    context = connect(settings, settings.statement_seconds)
    app.extensions["pressrelay"] = context
    parameters.install(app)  # the first: nothing else reads a header that is too long
    crosssite.install(app, settings.url)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.wsgi_app = Protected(Placed(app.wsgi_app, settings.url), settings.url)  # type: ignore[method-assign]
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0)  # type: ignore[method-assign]
    places.install(app, settings.threads)
    limits.install(app, context)
    app.register_error_handler(Exception, answer)
    return app


def answer(error: Exception) -> Response:
    """The one handler: every error is a problem document (RFC 9457), none shows a traceback."""
    headers: dict[str, str] = {}
    if isinstance(error, Problem):
        access.note_refusal(error)
        body, status, headers = error.body(), error.status, error.headers
    elif isinstance(error, TooSlow):
        detail = "Ask for less at once: fewer values, a shorter period, a rarer word."
        body, status = Problem(503, "too-costly", "The question takes too long to answer", detail).body(), 503
        headers = {"Retry-After": "10"}
        log.error("%s", error)
    elif isinstance(error, Unavailable):
        problem = Problem(
            503,
            "unavailable",
            "The database or the file store cannot be used right now",
            "Nothing was stored; send it again.",
        )
        body, status, headers = problem.body(), 503, {"Retry-After": "1"}
        log.error("%s", error)
    elif isinstance(error, Unfit):
        problem = Problem(400, "bad-parameter", "A value that cannot be looked up or kept", str(error))
        body, status = problem.body(), 400
        log.error("%s", error)
    elif isinstance(error, HTTPException):
        status = error.code or 500
        title = HTTPStatus(status).phrase
        body = Problem(status, title.lower().replace(" ", "-"), title, error.description or "").body()
        headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
    else:
        log.error(
            "unexpected %s", type(error).__name__, exc_info=error if not isinstance(error, PressrelayError) else None
        )
        status = 500
        body = Problem(500, "internal", "The server failed", "The fault is ours and was logged.").body()
    headers["Cache-Control"] = "no-store"
    if pages.wanted():
        return pages.problem(body, status, headers)
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/problem+json")
