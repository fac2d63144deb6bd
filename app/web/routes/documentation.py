"""/docs: the documentation as pages, with the address of this server in its examples. See app/web/manual.py."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import web
from app.web import here, manual_page

blueprint = Blueprint("documentation", __name__)

DAY = "public, max-age=86400"


@blueprint.get("/docs")
def contents() -> Response:
    """The list of all documents."""
    return _page(web.manual.INDEX)


@blueprint.get("/docs/<path:name>")
def page(name: str) -> Response:
    """A document. A name that ends in `.md`, as links between the files do, leads to its page."""
    if name.endswith(".md") and (document := name.removesuffix(".md")) in web.manual.documents():
        return Response(status=308, headers={"Location": f"{here().settings.url}/docs/{document}"})
    return _page(name)


@blueprint.get("/docs/pictures/<name>")
def picture(name: str) -> Response:
    """A picture of the documentation."""
    try:
        body, mimetype = web.manual.picture(name)
    except KeyError:
        raise NotFound from None
    response = web.whole(body, mimetype)
    response.headers["Cache-Control"] = DAY
    return response


def _page(name: str) -> Response:
    try:
        found = web.manual.page_of(name)
    except KeyError:
        raise NotFound from None
    index = name == web.manual.INDEX
    return manual_page(
        "document.html",
        "/docs" if index else f"/docs/{name}",
        title=f"{found.title} · {here().settings.site_name}",
        manual=found,
        addressed=web.manual.addressed,
        shelves=web.manual.shelves(),
        index=index,
    )
