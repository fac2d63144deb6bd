"""What the pages of regions, topics and offices have in common: their releases by month, their newest ones, and what is below them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Literal

from flask import Response
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import LIMIT, Query, office_place, url
from app.syndication import page
from app.syndication.retired import day_name
from app.syndication.texts import text
from app.web.html import html_page, language, links
from app.web.months import month_name, month_starts
from app.web.plot import BarSeries, plotted
from app.web.representation import article_key
from app.web.sharing import ANY, share
from feeds import Article
from schemas import Code, codes

MONTHS = 24  # of the plot
YEAR = 12  # months in which what is below is counted
SHOWN = 10  # the newest releases

Scheme = Literal["region", "topic"]


class Crumb(Struct, frozen=True):
    """A page that is linked."""

    path: str
    name: str
    amount: int = 0


class Month(Struct, frozen=True):
    """A month of the plot."""

    name: str
    amount: int
    path: str  # the search for its releases; empty: there are none


def in_force(found: Collection[Code]) -> list[Code]:
    """Those of these codes that are used today."""
    return [code for code in found if code.valid_to is None and code.retired is None]


def paths_in_use(context: Context, most: int) -> list[str]:
    """The pages of the regions, topics and offices that have releases; at most so many. Raises Unavailable."""
    used = store.feeds.names_in_use(context.engine)
    found = [("regions", code.code) for code in codes("region") if code.code in used]
    found += [("topics", code.code) for code in codes("topic") if code.code in used]
    offices = store.accounts.all_offices(context.engine)
    found += [("offices", office.code) for office in offices if office_place(office.code) in used]
    return [page.path_of(section, code) for section, code in found[:most]]


@cache
def before(scheme: Scheme) -> dict[str, list[Code]]:
    """Code -> the codes that it follows."""
    found: dict[str, list[Code]] = {}
    for code in codes(scheme):
        for other in code.successors:
            found.setdefault(other, []).append(code)
    return found


@cache
def meaning(topic: str) -> tuple[Code, ...]:
    """The policy fields that mean this Media Topic."""
    return tuple(code for code in codes("topic") if topic in code.maps_to)


def shared(*pairs: str) -> None:
    """Let the page be copied while nothing changes in the feeds of these pairs, or in any if none is given; at most until the month
    ends, because the plot and the amounts include this month. Call it before anything is read."""
    now = datetime.now(UTC)
    share(pairs or (ANY,), seconds=(month_starts(now, 1)[-1] - now).total_seconds())


def counted(context: Context, names: Collection[str]) -> dict[str, int]:
    """Name of a place or topic -> its releases of the last twelve months. Raises Unavailable."""
    starts = month_starts(datetime.now(UTC), YEAR)
    return store.feeds.amounts_of(context.engine, names, starts[0], starts[-1])


def months(context: Context, query: Query, name: str, lang: str) -> tuple[Markup, list[Month]]:
    """The plot of the releases of a place or topic, and its numbers, newest first. Raises Unavailable."""
    starts = month_starts(datetime.now(UTC), MONTHS)
    amounts = store.feeds.monthly(context.engine, name, starts)
    named = [month_name(start, lang) for start in starts[:-1]]
    series = BarSeries(text("browse-amount", lang), amounts)
    drawn = plotted(text("browse-plot", lang), (series,), (named[0], named[-1]), within=True)
    rows = [
        Month(label, amount, searched(replace(query, since=since, until=until)) if amount else "")
        for label, amount, since, until in zip(named, amounts, starts, starts[1:], strict=False)
    ]
    return Markup(drawn), rows[::-1]


def searched(query: Query) -> str:
    """The page of the search for this query."""
    return url("/search", replace(query, before=None, after=None, limit=LIMIT).canonical())


def newest_releases(context: Context, query: Query) -> list[Article]:
    """The newest releases of a query. Raises Unavailable."""
    return page.find(context, replace(query, limit=SHOWN))


def subject_page(
    context: Context, query: Query, found: Sequence[Article], section: str, title: str, key: str, **more: Any
) -> Response:
    """The page of a region, topic or office. `found`: its newest releases; `key`: the name of its place or topic in the fan-out.
    Raises Unavailable."""
    lang = language()
    plot, rows = months(context, query, key, lang)
    own = page.path_of(section, query.values(section[:-1])[0])
    response = html_page(
        "subject.html",
        lang,
        section=section,
        title=f"{title} · {context.settings.site_name}",
        heading=title,
        canonical=f"{context.settings.url}{own}",
        feeds=links(context, query),
        feeds_title=title,
        articles=found,
        plot=plot,
        months=rows,
        search=searched(query),
        alerts=url("/alerts", query.canonical()) if context.settings.smtp_url else "",
        build=url("/feeds/build", query.canonical()),
        day=partial(day_name, lang=lang),
        **more,
    )
    return keyed(context, response, found)


def keyed(context: Context, response: Response, shown: Sequence[Article]) -> Response:
    """The response, with the keys by which shared caches drop it when one of these articles changes, if there is such a cache."""
    if context.settings.purge_url:
        response.headers["Surrogate-Key"] = " ".join(article_key(article.id) for article in shown)
    return response
