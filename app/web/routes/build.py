"""The feed builder: /feeds/build. Its address holds the whole choice, in the parameters of feeds; the form is sent with GET.

The page shows what the feed would show: the same query is asked for its newest articles and for a bounded count.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import quote

import msgspec
import segno
from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.desk import suggesting
from app.errors import TooSlow
from app.query import LICENCES, opposed_values, url
from app.syndication.in_words import feed_in_words, language_in_words, licence_in_words
from app.text.zones import zone_of
from app.web import (
    SPOKEN,
    Context,
    OfficeRecord,
    Problem,
    Query,
    building,
    here,
    html_page,
    language,
    links,
    meant,
    name,
    text,
    whole,
)
from feeds import DEFAULT, Article, Outline, opml
from schemas import codes, folded

blueprint = Blueprint("build", __name__)

DAYS = 30
PREVIEWED = 10
MOST_COUNTED = 1_000  # above this the page says "more than"
OFFERED = ("ko", "en", "zh", "ja", "vi")  # languages that the page offers; others by their tag in the address
LONGEST_QR = 500  # bytes of an address; a code of more is too fine for a telephone
QR_MASK = 3  # the pattern over a code (ISO/IEC 18004, table 10): one of diagonals, which no address has
LONGEST_MAIL = 1_000  # bytes of a query that the links in mails can hold
EMBEDDED = 5  # articles that the code for other sites shows
PICKED = (
    "search",
    "none",
    "results",
    "remove",
    "added",
    "removed",
    "map",
    "map-source",
    "tree",
    "whole",
    "back",
    "below",
)
OPENED = 4  # provinces or topics whose parts the list shows without a script
FOUND = 20  # offices that a search finds


@blueprint.get(building.PATH)
def page() -> Response:
    """The builder with what its address chooses. Wrong values are shown beside their fields, with the nearest names."""
    context, lang = here(), language()
    offices = building.offices_by_code()
    choice = building.choice_of(meant(building.NAMES), offices, lang)
    shown = _result(context, choice.query, offices, lang) if choice.query is not None else {}
    response = html_page(
        "build.html",
        lang,
        status=choice.status,
        title=f"{shown.get('in_words') or text('build', lang)} · {context.settings.site_name}",
        choice=choice,
        faults=choice.faults,
        canonical="",
        feeds_title=shown.get("in_words", ""),
        lists={kind: _lists(kind, choice, lang) for kind in suggesting.SCHEMES},
        countries=_countries(lang),
        kinds=[(kind, text(f"kind:{kind}", lang)) for kind in ("press-release", "reference", "explanation")],
        languages=[(tag, language_in_words(tag, lang)) for tag in OFFERED],
        licences=[(uri, licence_in_words(uri, lang)) for uri in (*LICENCES.values(), "none")],
        offices=sorted(office.name for office in offices.values())[:200],
        provinces=_provinces(choice),
        spoken={key: SPOKEN["compose"][key][lang] for key in PICKED}
        | {key: both[lang] for key, both in SPOKEN["build"].items()},
        **{"articles": (), "feeds": (), "in_words": "", **shown},
    )
    if choice.faults:
        response.headers["Cache-Control"] = "no-store"
    elif context.settings.purge_url:
        keys = [web.representation.article_key(article.id) for article in shown["articles"]]
        response.headers["Surrogate-Key"] = " ".join(keys)
    return response


@blueprint.get(f"{building.PATH}/names")
def names() -> Response:
    """Names of a `kind` (region, topic or office) that have `q` in them, or those one level below the code `under`, as JSON."""
    lang, kind = language(), request.args.get("kind", "")
    words, under = request.args.get("q", "")[:100], request.args.get("under")
    if kind == "office":
        found = _offices_named(words)
    elif kind not in suggesting.SCHEMES:
        raise Problem(400, "bad-parameter", "Unknown kind", "kind must be region, topic or office.")
    else:
        hints = suggesting.under(kind, under[:20], lang) if under is not None else suggesting.search(kind, words, lang)
        more = suggesting.has_more
        found = [
            {"code": hint.code, "name": hint.name, "within": hint.within, "more": more(kind, hint.code)}
            for hint in hints
        ]
    response = whole(msgspec.json.encode({"found": found}), "application/json")
    response.headers["Vary"] = web.representation.VARY_OF_PAGES
    return response


@blueprint.get(f"{building.PATH}/qr.svg")
def picture() -> Response:
    """The QR code of the page that shows the releases of a feed."""
    target = _home(here(), web.question_here())
    if len(target) > LONGEST_QR:
        detail = f"The address has {len(target)} bytes. A QR code may have {LONGEST_QR}."
        raise Problem(400, "bad-parameter", "The address is too long for a QR code", detail)
    return whole(_qr(target), "image/svg+xml")


@blueprint.get(f"{building.PATH}/feeds.opml")
def outlines() -> Response:
    """The feed as OPML 2.0, and if several values were chosen, a feed for each of them."""
    context, lang = here(), language()
    query = _first_page(web.question_here())
    offices = building.offices_by_code()
    parts = _parts(query)
    listed = [_outline(context, query, offices, lang)]
    listed += [_outline(context, part, offices, lang, _parts(part, "topic")) for part in parts]
    body = opml.render(feed_in_words(query, offices, lang), f"{context.settings.url}/", tuple(listed))
    response = web.representation.allow_all_origins(whole(body, opml.MIMETYPE))
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = web.representation.VARY_OF_PAGES
    response.headers["Content-Disposition"] = web.representation.disposition("feeds.opml", inline=False)
    return response


# The result


def _result(context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> dict[str, Any]:
    """What the page shows of the feed."""
    asked, settings = query.canonical(), context.settings
    home, hub = _home(context, query), web.page.hub(context)
    atom = web.page.address(context, query, "atom")
    in_words = feed_in_words(query, offices, lang)
    seen, articles = _glance(context, query, offices, lang)
    return seen | {
        "in_words": in_words,
        "articles": articles,
        "feeds": links(context, query),
        "atom": atom,
        "reader": f"feed:{atom}",
        "home": home,
        "this": settings.url + building.address(_pairs(query)),
        "asked": asked,
        "opml": url(f"{building.PATH}/feeds.opml", asked),
        "qr": url(f"{building.PATH}/qr.svg", asked) if len(home) <= LONGEST_QR else "",
        "mail": bool(settings.smtp_url),
        "mail_fits": len(asked) <= LONGEST_MAIL,
        "hub": hub,
        "request": f"curl {hub} -d hub.mode=subscribe \\\n  --data-urlencode 'hub.topic={atom}' \\\n"
        "  --data-urlencode 'hub.callback=https://…'",
        "webhook": url("/subscriptions", f"query={quote(asked, safe='')}" if asked else ""),
        "script": _script(settings.url, asked, home, in_words),
        "frame": _frame(settings.url, query, in_words, lang),
    }


def _script(base: str, asked: str, home: str, in_words: str) -> str:
    """The code by which a page of another site shows the feed. The words of a search may be anything, so each part is escaped."""
    return (
        f'<div class="pressrelay" data-query="{escape(asked)}" data-count="{EMBEDDED}">'
        f'<a href="{escape(home)}">{escape(in_words)}</a></div>\n'
        f'<script src="{escape(base)}/embed.js" async></script>'
    )


def _frame(base: str, query: Query, in_words: str, lang: str) -> str:
    """The same as a frame."""
    asked = "&".join((replace(query, limit=EMBEDDED).canonical(), f"language={lang}"))
    address = escape(url(f"{base}/embed", asked))
    return f'<iframe src="{address}" title="{escape(in_words)}" width="100%" height="360" loading="lazy"></iframe>'


def _glance(
    context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str
) -> tuple[dict[str, Any], list[Article]]:
    """The count in a sentence and why there is nothing, and the newest articles."""
    above = {office.code: office.above for office in offices.values()}
    if (found := opposed_values(query, above)) is not None:
        parameter, value, without = found
        said = [building.value_in_words(parameter, one, offices, lang) for one in (value, without)]
        key = "build-opposed-same" if value == without else "build-opposed"
        why = text(key, lang).format(value=said[0], without=said[1])
        return {"count": _counted((store.feeds.Count(0, True),) * 2, lang), "why": why}, []
    now = datetime.now(UTC)
    zone = zone_of(context.settings.site_timezone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    try:
        seen = store.feeds.glance(context.engine, query, (now - timedelta(days=DAYS), midnight), PREVIEWED)
    except TooSlow:
        return {"count": "", "why": text("build-costly-preview", lang)}, []
    rows = web.page.fitting(context, seen.newest)
    articles = web.page.documents(context, store.feeds.dated(rows))
    why = "" if articles else text("build-preview-part", lang)
    if not articles and seen.whole:
        why = _all_excluded(context, query, offices, lang) or _why_empty(query, offices, lang)
    return {"count": _counted(seen.counts, lang), "why": why, "part_only": not seen.whole}, articles


def _counted(counts: Sequence[store.feeds.Count], lang: str) -> str:
    """ "최근 30일 동안 31건, 오늘 2건"."""
    month, today = (_amount(count, lang) for count in counts)
    if lang == "en":
        key = "build-release" if counts[0].number == 1 else "build-releases"
        month = text(key, lang).format(number=month)
    return text("build-count", lang).format(month=month, today=today)


def _amount(count: store.feeds.Count, lang: str) -> str:
    if count.number > MOST_COUNTED:
        return text("build-count-more", lang).format(number=f"{MOST_COUNTED:,}")
    return text("build-count-is" if count.whole else "build-count-least", lang).format(number=f"{count.number:,}")


def _all_excluded(context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """The sentence that says that all fitting releases are left out; empty if that is not so."""
    if not query.excluded:
        return ""
    try:
        seen = store.feeds.glance(context.engine, replace(query, excluded=()), (), 1)
    except TooSlow:
        return ""
    if not seen.newest:
        return ""
    without = [building.value_in_words(parameter, value, offices, lang) for parameter, value in query.excluded]
    return text("build-all-excluded", lang).format(without=", ".join(without))


def _why_empty(query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """Why nothing fits, if the choice shows a likely reason; else that nothing fits yet."""
    lineage = codes("region").lineage
    for code in query.offices:
        own = offices[code].regions
        near = {one for region in own for one in lineage(region)}
        if (
            own
            and query.regions
            and not any(region in near or set(own) & set(lineage(region)) for region in query.regions)
        ):
            said = {"office": offices[code].name, "region": name(query.regions[0], lang)}
            return text("build-elsewhere", lang).format(**said)
    return text("build-preview-none", lang)


def _first_page(query: Query) -> Query:
    return replace(query, before=None, after=None)


def _home(context: Context, query: Query) -> str:
    return web.page.home(context, _first_page(query))


def _pairs(query: Query) -> list[tuple[str, str]]:
    return web.parameters.pairs(query.canonical())


@lru_cache(256)
def _qr(target: str) -> bytes:
    out = BytesIO()
    # One mask, not the best of eight: trying all takes five times as long, and every reader can read each.
    segno.make(target, error="m", micro=False, mask=QR_MASK).save(
        out, kind="svg", scale=4, border=4, light="#fff", omitsize=False
    )
    return out.getvalue()


# The feeds of a choice


def _parts(query: Query, *dimensions: str) -> list[Query]:
    """A query for each value of the first of these dimensions that has several."""
    for parameter in dimensions or ("region", "office", "topic"):
        if len(values := query.values(parameter)) > 1:
            return [replace(query, **{f"{parameter}s": (value,)}) for value in values]
    return []


def _outline(
    context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str, below: Sequence[Query] = ()
) -> Outline:
    return Outline(
        feed_in_words(query, offices, lang),
        web.page.address(context, query, DEFAULT),
        _home(context, query),
        lang,
        tuple(_outline(context, part, offices, lang) for part in below),
    )


# What can be chosen


def _lists(kind: str, choice: web.building.Choice, lang: str) -> list[tuple[str, list[suggesting.Hint]]]:
    """(heading, names) of the lists that need no script: the widest ones, and the parts of what is chosen."""
    table = codes("region" if kind == "region" else "topic")
    opened: dict[str, None] = {}
    for code in choice.values(kind):
        if kind == "region" and not code.startswith("kr:"):
            continue  # Of other countries the menu has the whole; their parts are found by name.
        opened |= dict.fromkeys(one for one in (code, *table.ancestors(code)) if one != "kr" and table.children(one))
    found = [("", suggesting.under(kind, "", lang))]
    return found + [(name(code, lang), suggesting.under(kind, code, lang)) for code in [*opened][:OPENED]]


@lru_cache(4)
def _countries(lang: str) -> list[tuple[str, str]]:
    """(code, name) of the countries besides Korea, by their names."""
    found = [
        (code.code, name(code.code, lang)) for code in codes("region") if code.level == "country" and code.code != "kr"
    ]
    return sorted(found, key=lambda country: country[1])


def _provinces(choice: web.building.Choice) -> str:
    """The address of the same choice with all provinces of Korea."""
    others = [pair for pair in choice.pairs() if pair[0] != "region"]
    return building.address([*others, *(("region", hint.code) for hint in suggesting.under("region", "kr", "ko"))])


def _offices_named(words: str) -> list[dict[str, object]]:
    """The offices with these words in a name, those that begin with them first; without words, all."""
    wanted, found, offices = folded(words), [], building.offices_by_code()
    meant_by_hall = {office.code for office in building.halls(words, offices)}
    for office in offices.values():
        names = [folded(one) for one in (office.name, *office.aliases, office.code)]
        if office.code in meant_by_hall or any(wanted in one for one in names):
            found.append((not any(one.startswith(wanted) for one in names), office.name, office.code))
    most = FOUND if wanted else 300
    return [{"code": code, "name": name, "within": "", "more": False} for _, name, code in sorted(found)[:most]]
