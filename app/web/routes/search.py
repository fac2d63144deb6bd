"""GET /search: full-text search in public releases, with facets, and with the regions, topics and offices that the words name. The
work is bounded: facets count the newest five hundred releases that were found, and only the first few words are looked up as names.
"""

from datetime import datetime
from functools import partial
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.query import FIELDS, LIMIT, url
from app.syndication.texts import value_name
from app.web import Context, OfficeRecord, Query, feed_title, here, html_page, language, links, question_here
from app.web.misspelling import Name, misspelt, named_in

blueprint = Blueprint("search", __name__)

SHOWN = 20  # releases on a page
FEW = 5  # found releases below which a misspelt name is looked for


@blueprint.get("/search")
def shown() -> Response:
    """The page of the search; it takes the parameters of feeds."""
    context, lang = here(), language()
    query = replace(question_here(), limit=LIMIT, after=None)
    if any(not value for value in request.args.values()):  # of a form in which not everything was chosen
        return Response(status=302, headers={"Location": web.subjects.searched(query), "Cache-Control": "no-store"})
    whole = replace(query, before=None)
    every = store.accounts.all_offices(context.engine)
    offices = {office.code: office for office in every}
    standing = web.page.standing_of(context, replace(whole, limit=web.facets.MOST))
    rows = standing
    if query.before is not None:
        rows = web.page.standing_of(context, replace(query, limit=SHOWN + 1))
    fit = web.page.fitting(context, rows[:SHOWN])
    found = web.page.documents(context, store.feeds.dated(fit))
    older = ""
    if len(rows) > len(fit):
        older = url("/search", replace(whole, before=fit[-1][:2]).canonical(context.write_cursor))
    meant = misspelt(query.words, every) if len(standing) < FEW else []
    response = html_page(
        "search.html",
        lang,
        title=feed_title(context.settings.site_name, whole, offices, lang),
        words=query.words,
        kept=[pair for pair in parse_qsl(whole.canonical()) if pair[0] != "q"],
        chosen=_chosen(whole, offices, lang),
        plain=web.subjects.searched(Query(words=query.words)),
        articles=found,
        mark=partial(web.marking.mark, words=query.words),
        lead=partial(web.marking.passage, words=query.words),
        amount=len(standing),
        most=web.facets.MOST,
        older=older,
        facets=_facets(context, whole, standing, offices, lang),
        named=[_shown(one, whole, offices, lang) for one in named_in(query.words, every)],
        meant=[_shown(one, whole, offices, lang) for one in meant],
        feeds=links(context, whole),
        canonical=f"{context.settings.url}{web.subjects.searched(whole)}",
        alerts=url("/alerts", whole.canonical()) if _alerting(context, whole) else "",
        build=url("/feeds/build", whole.canonical()),
    )
    return web.subjects.keyed(context, response, found)


def _alerting(context: Context, query: Query) -> bool:
    """Whether this query can have alerts by mail: a query with a period cannot, because it gets no new releases."""
    return bool(context.settings.smtp_url) and not (query.since or query.until)


def _facets(
    context: Context,
    query: Query,
    standing: list[store.feeds.Standing],
    offices: dict[str, OfficeRecord],
    lang: str,
) -> list[tuple[str, list[web.subjects.Crumb]]]:
    """(key of the heading, links with their amounts) of each facet that divides what was found."""
    found = web.facets.counted_by(context, query, standing)

    def label(filter: str, value: web.facets.FacetValue) -> str:
        if filter == "month":
            return web.months.month_name(datetime.fromisoformat(value.name), lang)
        return value_name(filter, value.name, offices, lang)

    rows = (
        ("regions", "region", found.regions),
        ("topics", "topic", found.topics),
        ("offices", "office", found.offices),
        ("search-months", "month", found.months),
    )
    return [
        (
            key,
            [
                web.subjects.Crumb(web.subjects.searched(value.query), label(filter, value), value.amount)
                for value in values
            ],
        )
        for key, filter, values in rows
        if values
    ]


def _chosen(query: Query, offices: dict[str, OfficeRecord], lang: str) -> list[web.subjects.Crumb]:
    """The conditions besides the words; each leads to the search without it."""
    found = []
    for filter, field in FIELDS.items():
        values = query.values(filter)
        for value in values:
            rest = replace(query, **{field: tuple(other for other in values if other != value)})
            found.append(web.subjects.Crumb(web.subjects.searched(rest), value_name(filter, value, offices, lang)))
    for filter, value in query.excluded:
        rest = replace(query, excluded=tuple(pair for pair in query.excluded if pair != (filter, value)))
        found.append(web.subjects.Crumb(web.subjects.searched(rest), f"− {value_name(filter, value, offices, lang)}"))
    if query.since or query.until:
        found.append(
            web.subjects.Crumb(web.subjects.searched(replace(query, since=None, until=None)), _period(query, lang))
        )
    return found


def _period(query: Query, lang: str) -> str:
    """A month by its name, another period by its ends."""
    since, until = query.since, query.until
    if since and until and web.months.month_of(since) == (since, until):
        return web.months.month_name(web.months.month_of(since)[0], lang)
    return " – ".join(web.html.when(moment, lang) if moment else "" for moment in (since, until))


def _shown(one: Name, query: Query, offices: dict[str, OfficeRecord], lang: str) -> dict[str, object]:
    """A name as the page shows it: its page, and the search for the other words in it."""
    label = value_name(one.kind, one.code, offices, lang)
    narrowed = replace(query, **{f"{one.kind}s": (one.code,)}, words=one.rest)
    return {
        "kind": one.kind,
        "name": label,
        "path": web.page.path_of(f"{one.kind}s", one.code),
        "words": one.words,
        "rest": one.rest,
        "search": web.subjects.searched(narrowed),
    }
