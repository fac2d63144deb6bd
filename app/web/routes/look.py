"""What every page needs: its style sheet, scripts and logo, and the choice of its language."""

from contextlib import suppress

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import store, web
from app.syndication.texts import LANGUAGES
from app.web import Unavailable, here, members

blueprint = Blueprint("look", __name__)

YEAR = 365 * 86_400
FOR_LONG = f"public, max-age={YEAR}, immutable"
FOR_SHORT = "public, max-age=60"  # for an address with another version: from a page before an update, or guessed


@blueprint.get("/static/<version>/<path:filename>")
def asset(version: str, filename: str) -> Response:
    """A file that pages load. Another version than the current one gets the current file, which may be kept for a minute."""
    known = web.assets.of_site(here().settings)
    found = known.files.get(filename)
    if found is None:
        raise NotFound
    response = web.whole(found.body, found.content_type)
    response.headers["Cache-Control"] = FOR_LONG if version == known.version else FOR_SHORT
    response.headers[web.protection.CORP] = "same-origin"
    return response


@blueprint.post("/language")
def choose() -> Response:
    """Show pages in `lang` from now on, kept in a cookie of this browser, and go back to the page `back`. For a signed-in person it
    is also stored for mails."""
    sent = members(("lang", "back"))
    lang = sent.get("lang", "")
    response = Response(status=303, headers={"Location": web.sessions.back_to(sent.get("back", ""), "/")})
    web.html.remember(response, lang)
    with suppress(Unavailable):  # the cookie is enough for pages
        visit = web.sessions.visit()
        if visit is not None and lang in LANGUAGES and lang != visit.person.lang:
            store.accounts.set_language(here().engine, visit.person.id, lang)
    return web.sessions.private(response)
