"""The home page `/`: the latest articles and every feed, or the articles of one feed. It needs no script."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.query import LIMIT, Query, office_place, url
from app.web import (
    Context,
    OfficeRecord,
    choosing,
    feed_title,
    here,
    html_page,
    language,
    links,
    name,
    pairs_of,
    question_here,
    share,
)
from schemas import codes

blueprint = Blueprint("pages", __name__)

SHOWN = 20  # articles on the first page
LISTED = 24  # offices beside them


@blueprint.get("/")
def home() -> Response:
    """The home page, or the page of one feed: it accepts the parameters of feeds."""
    context = here()
    query = question_here()
    if any(not value for value in request.args.values()):  # from a form in which some fields were left empty
        return Response(status=302, headers={"Location": web.page.home(context, query), "Cache-Control": "no-store"})
    whole, lang, now = query == Query(), language(), datetime.now(UTC)
    share(pairs_of(query), seconds=web.amounts.left_of_day(context, now) if whole else inf)
    shown = query if query.limit < SHOWN else replace(query, limit=SHOWN)
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    found = web.page.find(context, shown)
    response = html_page(
        "home.html",
        lang,
        title=feed_title(context.settings.site_name, query, offices, lang),
        articles=found,
        mark=partial(web.marking.mark, words=query.words),
        lead=partial(web.marking.passage, words=query.words),
        picture=web.showing.picture,
        words=query.words,
        kept=[pair for pair in parse_qsl(replace(query, before=None, after=None).canonical()) if pair[0] != "q"],
        feeds=links(context, query),
        alerts=_alerts(context, query),
        whole=whole,
        canonical=web.page.home(context, query),
        **_filters(context, query, offices, lang),
        **(_overview(context, offices, now, lang) if whole and found else {}),
    )
    if context.settings.purge_url:
        response.headers["Surrogate-Key"] = " ".join(web.representation.article_key(article.id) for article in found)
    return response


def _filters(context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> dict[str, Any]:
    """The filters that are chosen, and the choices of each that can be chosen besides."""
    chosen = [
        (filter.label, web.page.home(context, filter.without))
        for filter in choosing.chosen_filters(query, offices, lang)
    ]
    return {
        "chosen": chosen,
        "choices": [
            ("region", choosing.region_choices(query, lang)),
            ("topic", choosing.topic_choices(query, lang)),
            ("office", choosing.office_choices(offices)),
            ("genre", choosing.kind_choices(lang)),
        ],
    }


def _overview(context: Context, offices: Mapping[str, OfficeRecord], now: datetime, lang: str) -> dict[str, Any]:
    """What the page shows beside the newest articles: how many releases each province has, and the topics and offices that have
    articles. Raises Unavailable."""
    used = store.feeds.names_in_use(context.engine)
    amounts = web.amounts.amounts_by_province(context, now)
    first = [code.code for code in codes("topic") if code.scheme == "medtop" and not code.parent and code.code in used]
    there = [(office.code, office.name) for office in offices.values() if office_place(office.code) in used]
    return {
        "map": web.maps.map_of("kr", amounts.counts, lang, web.amounts.MOST),
        "tiles": web.maps.tile_links(amounts.counts, lang, web.amounts.MOST),
        "amounts": amounts,
        "amount_words": partial(web.maps.amount_words, most=web.amounts.MOST),
        "topics": [(code, name(code, lang)) for code in first],
        "offices": there[:LISTED],
    }


def _alerts(context: Context, query: Query) -> str:
    """The URL of the form for e-mail alerts of this query; empty if there can be none."""
    simple = replace(query, before=None, after=None, limit=LIMIT)
    pairs = parse_qsl(simple.canonical())
    names = [name for name, _ in pairs]
    plain = len(set(names)) == len(names) and not (query.words or query.excluded or query.since or query.until)
    return url("/alerts", simple.canonical()) if context.settings.smtp_url and plain else ""
