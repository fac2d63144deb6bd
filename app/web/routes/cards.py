"""GET /articles/{id}/card.png: the picture of a public article for social networks, with headline, office and day.

Drawing one takes a tenth of a second, so only a few are drawn at once (app/web/places.py). The cache keeps them by their words, which
determine the bytes. They are seldom requested, so no worker keeps them in memory."""

import hashlib

from flask import Blueprint, Response

from app import web
from app.cache.redis import Rendered
from app.web import Context, here, kept_public, meant
from feeds import Article
from feeds.card import MIMETYPE, render_card

blueprint = Blueprint("cards", __name__)
blueprint.after_request(web.representation.of_article)


@blueprint.get("/articles/<id>/card.png")
def card(id: str) -> Response:
    """The picture. 404 while the article is not public, 410 once canceled, 503 if too many are being drawn."""
    meant(())
    body = _drawn(here(), kept_public(id).article)
    return web.representation.respond(body, MIMETYPE, web.etag_of(body))


def _drawn(context: Context, article: Article) -> bytes:
    """The picture, from the cache if it is there. Raises Problem (503) and Unavailable."""
    day = web.showing.day_of(context, article)
    korean = article.lang.partition("-")[0].lower() == "ko"
    written = f"{day.year}. {day.month}. {day.day}." if korean else f"{day:%Y-%m-%d}"
    words = (article.headline, article.office.name, article.lang, written, context.settings.site_name)
    key = hashlib.sha256("\n".join(("card", *words)).encode()).hexdigest()
    kept, revisions = context.cache.feed(key, ()) if context.trusted() else (None, None)
    if kept is not None:
        return kept.body
    with web.places.asking():
        body = render_card(article, context.settings.site_name, written)
    if revisions is not None:
        context.cache.keep({key: Rendered(revisions, web.etag_of(body), body, {}, 0)})
    return body
