"""/openapi.json and /docs/api: every address of the server, for programs and for people. See app/web/openapi.py."""

from typing import cast

from flask import Blueprint, Flask, Response, current_app
from werkzeug.exceptions import NotFound

from app import web
from app.web import explained, here, manual_page, only, openapi

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
def openapi_document() -> Response:
    """The OpenAPI document of this server."""
    only(())
    settings = here().settings
    body = openapi.written(_app(), settings.url, settings.site_name)
    return web.representation.allow_all_origins(web.whole(body, openapi.MIMETYPE))


@blueprint.get("/docs/api")
def listed() -> Response:
    """Every address with what it does."""
    return manual_page("api.html", "/docs/api", groups=explained.groups(_app()))


@blueprint.get("/docs/api/<name>")
def group(name: str) -> Response:
    """The addresses of a group with their parameters and answers; `problems`: the types of problems."""
    if name == "problems":
        return manual_page("api_problems.html", "/docs/api/problems", problems=explained.problem_rows())
    found = next((group for group in explained.groups(_app()) if group.name == name), None)
    if found is None:
        raise NotFound
    return manual_page("api_group.html", f"/docs/api/{name}", group=found, call=explained.call)


def _app() -> Flask:
    return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
