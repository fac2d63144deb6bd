"""The home page `/`: the latest articles and every feed, or the articles of one feed. It needs no script."""

from functools import partial
from urllib.parse import parse_qsl

from flask import Blueprint, Response
from msgspec.structs import replace

from app import store, web
from app.query import LIMIT, Query, office_place, url
from app.web import Context, feed_title, here, html_page, language, links, name, question_here
from app.web.marking import mark, passage
from schemas import codes

blueprint = Blueprint("pages", __name__)

SHOWN = 20  # articles on the first page


@blueprint.get("/")
def home() -> Response:
    """The home page, or the page of one feed: it accepts the parameters of feeds."""
    context = here()
    query = question_here()
    lang = language()
    shown = query if query.limit < SHOWN else replace(query, limit=SHOWN)
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    used = store.feeds.names_in_use(context.engine) if query == Query() else set()  # only the home page lists them
    found = web.page.find(context, shown)
    response = html_page(
        "home.html",
        lang,
        title=feed_title(context.settings.site_name, query, offices, lang),
        articles=found,
        mark=partial(mark, words=query.words),
        lead=partial(passage, words=query.words),
        words=query.words,
        kept=[pair for pair in parse_qsl(replace(query, before=None, after=None).canonical()) if pair[0] != "q"],
        feeds=links(context, query),
        alerts=_alerts(context, query),
        whole=query == Query(),
        canonical=web.page.home(context, query),
        regions=[(c, name(c, lang)) for c in _ordered("region", used)],
        topics=[(c, name(c, lang)) for c in _ordered("topic", used)],
        offices=[(office.code, office.name) for office in offices.values() if office_place(office.code) in used],
    )
    if context.settings.purge_url:
        response.headers["Surrogate-Key"] = " ".join(web.representation.article_key(article.id) for article in found)
    return response


def _alerts(context: Context, query: Query) -> str:
    """The URL of the form for e-mail alerts of this query; empty if there can be none."""
    simple = replace(query, before=None, after=None, limit=LIMIT)
    pairs = parse_qsl(simple.canonical())
    names = [name for name, _ in pairs]
    plain = len(set(names)) == len(names) and not (query.words or query.excluded or query.since or query.until)
    return url("/alerts", simple.canonical()) if context.settings.smtp_url and plain else ""


def _ordered(scheme: str, used: set[str]) -> list[str]:
    """The codes in use, in the order of the code table, so that a province comes before its cities."""
    return [code.code for code in codes("region" if scheme == "region" else "topic") if code.code in used]
