"""One web process: its routes, its connections, and its only error handler."""

import logging
from collections.abc import Callable
from errno import EMFILE, ENFILE, ENOMEM
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.proxy_fix import ProxyFix

import schemas
from app import web
from app.context import connect
from app.errors import Draining, NoFiles, PressrelayError, Problem, TooSlow, Unavailable, Unfit
from app.query import url
from app.requestid import current_request
from app.settings import Settings, load
from app.web import crosssite, measured
from app.web.identified import Identified
from app.web.origin import Placed
from app.web.outage import Outage
from app.web.protection import Protected
from app.web.routes import blueprints, differences, versions

log = logging.getLogger("pressrelay")

QUERY = "!$%&'()*+,;=:@/?-._~"  # what may stand in a query string (RFC 3986, section 3.4)
BLUEPRINTS = blueprints()
STRUCTS = {
    "Versions": versions.Versions,
    "Compared": differences.Compared,
}  # objects of other rooms that /openapi.json describes


class WebApplication(Flask):
    """Flask without its check, before each call, whether a function is a coroutine. None of ours is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


_prepared: list[Flask] = []  # an application that has its routes and nothing else, until `create_app` takes it


def prepare() -> Flask:
    """Make ahead what the applications of all settings share: the routes, which take most of the time. A process that forks web
    processes calls this first, so that none of them has to. Returns what the next `create_app` takes."""
    if not _prepared:
        _prepared.append(_routed())
    return _prepared[0]


def create_app(settings: Settings | None = None) -> Flask:
    """The application of one web process. Raises Misconfigured and Unavailable."""
    settings = settings or load()
    app = _prepared.pop() if _prepared else _routed()
    web.assets.of_site(settings)  # a logo that cannot be read is told at the start
    app.config["MAX_CONTENT_LENGTH"] = None  # app.web.body limits the length itself
    schemas.prepare()
    context = connect(settings, web=True)
    app.extensions["pressrelay"] = context
    if settings.reach_days:
        app.extensions["reach"] = web.counting.ReachCounts()
    web.parameters.install(app)  # first, so that nothing else reads a header that is too long
    crosssite.install(app, settings.url)
    app.wsgi_app = Protected(Placed(app.wsgi_app, settings.url), settings.url)  # type: ignore[method-assign]
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=0)  # type: ignore[method-assign]
    web.places.install(app, settings.threads)
    web.limits.install(app, context)
    measured.install(app)
    app.wsgi_app = Identified(app.wsgi_app, bool(settings.proxies))  # type: ignore[method-assign]
    app.register_error_handler(Exception, answer)
    app.extensions["outage"] = outage = Outage()
    app.after_request(lambda response: _worked(response, outage))
    return app


def _routed() -> Flask:
    app = WebApplication("app.web", static_folder=None, template_folder="templates")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True  # before the first template is read
    for blueprint in BLUEPRINTS:  # none of them adds functions that run before or after requests of others
        app.register_blueprint(blueprint)
    app.extensions["structs"] = STRUCTS
    return app


def answer(error: Exception) -> Response:
    """The only error handler: every error becomes a problem document (RFC 9457), and none shows a traceback."""
    headers: dict[str, str | tuple[str, ...]] = {}
    if isinstance(error, Problem):
        web.access.note_refusal(error)
        body, status, headers = error.body(), error.status, error.headers
    elif isinstance(error, TooSlow):
        detail = "Narrow the query: use fewer values, a shorter period or a rarer word."
        body, status = Problem(503, "too-costly", "The query takes too long", detail).body(), 503
        headers = {"Retry-After": "10"}
        current_app.extensions["outage"].fail(str(error))
    elif isinstance(error, Draining):
        detail = "Nothing was stored. Send the request again in some minutes. Reading still works."
        body, status = Problem(503, "draining", "The server takes no releases at this time", detail).body(), 503
        headers = {"Retry-After": "30"}
    elif isinstance(error, NoFiles):
        title = "The file store cannot be used right now"
        body, status = Problem(503, "unavailable", title, error.public_message).body(), 503
        headers = {"Retry-After": "2"}
        current_app.extensions["outage"].fail(str(error))
    elif isinstance(error, Unavailable):
        problem = Problem(
            503,
            "unavailable",
            "The database cannot be used right now",
            "Nothing was stored. Send the request again.",
        )
        body, status, headers = problem.body(), 503, {"Retry-After": "1"}
        current_app.extensions["outage"].fail(str(error))
    elif _is_shortage(error):
        title = "The server has no room left for this request"
        detail = "It has no memory or no file descriptors left at this moment. Send the request again."
        body, status, headers = Problem(503, "unavailable", title, detail).body(), 503, {"Retry-After": "2"}
        current_app.extensions["outage"].fail(f"No memory or no file descriptors are left: {type(error).__name__}.")
    elif isinstance(error, Unfit):
        problem = Problem(400, "bad-parameter", "A value cannot be used", str(error))
        body, status = problem.body(), 400
        log.error("%s", error)
    elif isinstance(error, NotFound) and (elsewhere := _without_slash()):
        return Response(status=308, headers={"Location": elsewhere, "Cache-Control": "no-store"})
    elif isinstance(error, HTTPException):
        status = error.code or 500
        title = HTTPStatus(status).phrase
        body = Problem(status, title.lower().replace(" ", "-"), title, error.description or "").body()
        headers |= {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
    else:
        log.error(
            "unexpected error: %s",
            type(error).__name__,
            exc_info=error if not isinstance(error, PressrelayError) else None,
        )
        status = 500
        body = Problem(500, "internal", "The server failed", "This is an error of the server. It was logged.").body()
    headers["Cache-Control"] = "no-store"
    # A refusal to read depends on what was asked alone, so that two of them can be compared; its header names the request.
    if status >= 500 or request.method not in ("GET", "HEAD"):
        body["request_id"] = current_request()
    if web.html.wanted():
        return web.html.problem(body, status, headers)
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/problem+json")


def _is_shortage(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in (EMFILE, ENFILE, ENOMEM))


def _worked(response: Response, outage: Outage) -> Response:
    if response.status_code != 503:
        outage.calm()
    return response


def _without_slash() -> str:
    """The address of the request without the slashes at its end, if that is an address of this server; else empty."""
    path = request.path.rstrip("/")
    adapter = current_app.create_url_adapter(request)
    if path == request.path or not path or adapter is None or not adapter.test(path, request.method):
        return ""
    base = current_app.extensions["pressrelay"].settings.url
    return url(f"{base}{quote(path)}", quote(request.query_string, safe=QUERY))
