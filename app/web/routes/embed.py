"""The newest releases of a feed for an office's own site, by our script (/embed.js) or in a frame (/embed).

The script reads `/feed.json` without credentials and adds plain elements with class names, so the page's own style applies. No cookie
is set or read, and nothing of the reader is kept. The frame has only links, so nobody can be made to press something in it.
"""

from flask import Blueprint, Response
from msgspec.structs import replace

from app import web
from app.syndication.in_words import feed_in_words
from app.syndication.texts import LANGUAGES
from app.web import building, here, html_page, language, meant, question_of, whole

blueprint = Blueprint("embed", __name__)

SHOWN, MOST = 5, 20  # articles
LANGUAGE = "language"  # parameter: the language of the texts around the releases
MINUTES = 5


@blueprint.get("/embed")
def frame() -> Response:
    """A page with the newest articles of a feed for a frame on any site: the parameters of feeds, `limit` (at most 20), `language`."""
    context = here()
    pairs = meant((*building.NAMES, LANGUAGE))
    asked = [value for name, value in pairs if name == LANGUAGE]
    lang = asked[0] if asked and asked[0] in LANGUAGES else language()
    query = question_of(pair for pair in pairs if pair[0] != LANGUAGE)
    limit = min(query.limit, MOST) if any(name == "limit" and value.strip() for name, value in pairs) else SHOWN
    found = web.page.find(context, replace(query, limit=limit))
    response = html_page(
        "embed.html",
        lang,
        title=feed_in_words(query, building.offices_by_code(), lang),
        articles=found,
        home=web.page.home(context, replace(query, limit=50)),
    )
    response.headers["Content-Security-Policy"] = web.protection.FRAME
    response.headers[web.protection.CORP] = "cross-origin"
    if context.settings.purge_url:
        response.headers["Surrogate-Key"] = " ".join(web.representation.article_key(article.id) for article in found)
    return response


@blueprint.get("/embed.js")
def script() -> Response:
    """The script that fills `<div class="pressrelay" data-query="…">` on a page of any site."""
    settings = here().settings
    body = web.assets.of_site(settings).files["embed.js"].body.replace(b"%ZONE%", settings.site_timezone.encode())
    response = web.representation.allow_all_origins(whole(body, "text/javascript; charset=utf-8"))
    response.headers["Cache-Control"] = f"public, max-age={MINUTES * 60}"
    return response
