"""HTML pages: their language, their times, their parts, and which problems are shown as pages. They need no script.

A public page depends on its address and on its language, and never on who is signed in: caches may share it. The language is the
reader's choice (a cookie, set by `POST /language`), then Accept-Language, so public pages say `Vary: Cookie, Accept-Language`. What
depends on a person is made by `sessions.own_page`, which no cache stores.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import quote, urlencode

from babel import Locale, UnknownLocaleError
from babel.dates import get_day_names, get_month_names, get_timezone_name
from flask import Response, current_app, g, render_template, request
from markupsafe import Markup

from app import store
from app.desk import sentences
from app.errors import TYPE_BASE, Problem
from app.query import Query, url
from app.syndication.fault_words import fault_in_words
from app.syndication.page import address
from app.syndication.texts import LANGUAGES, TEXTS, feed_title, name_and_language
from app.text.zones import zone_of
from app.web import assets, protection, representation, showing
from app.web.context import Context, here
from app.web.representation import media_type, whole
from app.web.variants import LANGUAGE, language_of
from feeds import FORMATS, Article, metadata, rfc3339_utc


def _endpoints(views: Mapping[str, str]) -> set[str]:
    """The names of endpoints. `views`: blueprint -> its views, with spaces between them."""
    return {f"{blueprint}.{view}" for blueprint, names in views.items() for view in names.split()}


# Endpoints whose problems are shown as a page.
PAGES = _endpoints(
    {
        "account": "account",
        "accreditation": "confirming form",
        "admin": "audit deliveries offices overview sources subscription",
        "alerts": "confirmation form leaving",
        "articles": "page",
        "build": "page",
        "compose": "aside file",
        "desk": "composing listed one preview published",
        "desk_announcements": "listed one",
        "desk_calendar": "shown",
        "desk_lists": "contacts templates",
        "desk_preview": "checking formatted mail page",
        "desk_reach": "shown",
        "desk_reporters": "listed",
        "desk_routine": "shown",
        "desk_sharing": "shared",
        "desk_start": "choosing",
        "desk_trace": "asking",
        "desk_versions": "compared listed one",
        "differences": "compared",
        "discovery": "page",
        "documentation": "contents page",
        "embed": "frame",
        "newsroom": "choosing desk document file read",
        "newsroom_hooks": "listed one",
        "newsroom_tokens": "listed",
        "outlets": "application listed one",
        "pages": "home",
        "people": "forgetting joining listed resetting setting_up",
        "press_calendar": "month one",
        "reference": "group listed",
        "search": "shown",
        "signin": "back leaving leaving_again proving signing_in",
        "subjects": "office offices region regions topic topics",
        "subscriptions": "listed one",
        "tokens": "listed",
        "versions": "listed one",
    }
)
# Endpoints that the forms of pages are sent to.
FORMS = _endpoints(
    {
        "account": "add change end_session steer",
        "accreditation": "ask confirm",
        "admin": "order pull steer",
        "alerts": "ask confirm leave",
        "compose": "settle upload",
        "desk": "begin save steer step",
        "desk_announcements": "change steer tell",
        "desk_lists": "add keep remove steer take",
        "desk_preview": "check",
        "desk_reporters": "add remove",
        "desk_routine": "change",
        "desk_sharing": "limit make revoke",
        "desk_start": "start",
        "desk_trace": "found",
        "desk_versions": "rebase take",
        "look": "choose",
        "newsroom": "renew",
        "newsroom_hooks": "add steer",
        "newsroom_tokens": "add end",
        "outlets": "decide steer",
        "people": "forgot invite joined reset set_up steer",
        "signin": "prove show sign_in sign_out",
        "subscriptions": "add steer",
        "tokens": "add end",
    }
)
WORDS = {lang: {key: words[lang] for key, words in TEXTS.items()} for lang in LANGUAGES}
DAYS, MONTHS = get_day_names("abbreviated", locale="ko"), get_month_names("wide", locale="en")
# Korean press offices write days like this: 2021. 3. 9.(화). Not by Babel, which takes a tenth of the time of a page with 100.
WRITTEN: dict[str, Callable[[datetime], str]] = {
    "ko": lambda at: f"{at.year}. {at.month}. {at.day}.({DAYS[at.weekday()]})",
    "en": lambda at: f"{at.day} {MONTHS[at.month]} {at.year}",
}
# The links in the header: (the text's key, the path). Public pages have only the first ones.
NAVIGATION = (
    ("nav-browse", "/regions"),
    ("nav-feeds", "/feeds"),
    ("nav-calendar", "/press-calendar"),
    ("nav-search", "/search"),
)
OWN_NAVIGATION = (("desk", "/desk"), ("newsroom", "/newsroom"), ("people", "/people"), ("account", "/account"))


def html_page(template: str, lang: str, *, status: int = 200, **values: object) -> Response:
    """A page in that language. Without `visit` among its values it is a public page, which shows nothing of who is signed in."""
    settings = here().settings
    visit = values.get("visit")
    page = render_template(
        template,
        **{
            "lang": lang,
            "t": WORDS[lang],
            "when": partial(when, lang=lang),
            "time": partial(time, lang=lang),
            "day": partial(day, lang=lang),
            "zone": zone_name(lang),
            "clock_of": partial(clock_of, lang=lang),
            "sentence": partial(sentence, lang=lang),
            "why_failed": partial(why_failed, lang=lang),
            "name": partial(called, lang=lang),
            "alt": partial(showing.alt, lang=lang),
            "site": settings.site_name,
            "asset": assets.of_site(settings).url,
            "logo": assets.of_site(settings).logo,
            "navigation": (*NAVIGATION, *(OWN_NAVIGATION if visit else ())),
            "visit": None,
            "here": request.path,
            "back": _back(),
            "other": next(other for other in LANGUAGES if other != lang),
            "status": status,
            **values,
        },
    )
    response = whole(page.encode(), "text/html; charset=utf-8", status=status)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = representation.VARY_OF_PAGES
    # Set here and not by media type: a 304 has no media type, and its headers replace those that the browser stored.
    response.headers["Content-Security-Policy"] = protection.PAGE
    response.headers[protection.CORP] = "same-origin"
    return response


def language() -> str:
    """The language of the page, "ko" or "en": the one that the reader chose, else by Accept-Language."""
    return language_of(request.cookies.get(LANGUAGE, ""), request.accept_languages)


def remember(response: Response, lang: str) -> None:
    """Make the browser remember the reader's choice for a year; a language that pages do not have changes nothing."""
    if lang in LANGUAGES:
        secure = here().settings.url.startswith("https://")
        response.set_cookie(LANGUAGE, lang, max_age=365 * 86_400, secure=secure, httponly=True, samesite="Lax")


def _back() -> str:
    """The page to return to after the choice of a language: this one; if this one answers a form, the nearest page above it."""
    if request.method in ("GET", "HEAD"):
        # If the route said which parameters it reads, others that the link collected are left out.
        raw = request.query_string.decode("latin-1")
        return url(quote(request.path), urlencode(g.meant, quote_via=quote) if "meant" in g else raw)
    adapter, path = current_app.create_url_adapter(request), request.path
    while adapter is not None and path and not adapter.test(path, "GET"):
        path = path.rpartition("/")[0]
    return path or "/"


def when(instant: datetime, lang: str) -> str:
    """Date and time in the site's time zone. In English the zone's short name follows. Korean readers take a time without a zone as
    Korean time, so in Korean it follows only on a site in another zone. The foot of each page names the zone in full."""
    zone_id = here().settings.site_timezone
    local = instant.astimezone(zone_of(zone_id))
    written = f"{WRITTEN[lang](local)}{',' if lang == 'en' else ''} {local:%H:%M}"
    return written if (lang, zone_id) == ("ko", "Asia/Seoul") else f"{written} {local.tzname()}"


def day(instant: datetime, lang: str) -> str:
    """The day in the site's time zone."""
    return WRITTEN[lang](instant.astimezone(zone_of(here().settings.site_timezone)))


def plot_end(instant: datetime, period: str, lang: str) -> str:
    """An end of a plot, in few letters: the hour for a period of a "day", else the day."""
    local = instant.astimezone(zone_of(here().settings.site_timezone))
    return f"{local:%H:%M}" if period == "day" else day(instant, lang)


def sheet_time(instant: datetime) -> str:
    """Date and time in the site's time zone as spreadsheets read them: 2021-03-09 20:15."""
    return instant.astimezone(zone_of(here().settings.site_timezone)).strftime("%Y-%m-%d %H:%M")


def time(instant: datetime | str, lang: str) -> Markup:
    """The element `<time>`, which shows the instant as `when` does, and has it in UTC for programs. A text must be as in RFC
    3339."""
    instant = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return Markup('<time datetime="{}">{}</time>').format(rfc3339_utc(instant), when(instant, lang))


def clock_of(instant: str, lang: str) -> Markup:
    """The element `<time>` with the seconds, for what happens several times in a minute. The text must be as in RFC 3339."""
    moment = datetime.fromisoformat(instant)
    local = moment.astimezone(zone_of(here().settings.site_timezone))
    return Markup('<time datetime="{}">{} {:%H:%M:%S}</time>').format(
        rfc3339_utc(moment), day(moment, lang) + ("," if lang == "en" else ""), local
    )


def why_failed(reason: str, lang: str) -> str:
    """Why a delivery failed or a subscription stopped, in that language; where it is known in English only, marked so."""
    return marked(fault_in_words(reason, lang), lang)


def marked(said: tuple[str, str], lang: str) -> str:
    """A text and its language; marked if that is another one than the page's."""
    text_, spoken = said
    return text_ if spoken in ("", lang) else Markup('<span lang="{}">{}</span>').format(spoken, text_)


def sentence(reason: str, lang: str) -> str:
    """What intake says of a draft, in that language; where it is known in English only, marked so."""
    return marked(sentences.said(reason, lang), lang)


def called(code: str, lang: str) -> str:
    """The name of a region or topic in that language; where it has none, its name in another language, marked so."""
    return marked(name_and_language(code, lang), lang)


def zone_name(lang: str) -> str:
    """The name of the site's time zone in that language."""
    return _zone_name(here().settings.site_timezone, lang)


@lru_cache(16)
def _zone_name(zone_id: str, lang: str) -> str:
    zone = zone_of(zone_id)
    changes = zone.utcoffset(datetime(2026, 1, 1)) != zone.utcoffset(datetime(2026, 7, 1))  # with summer time
    variant: Literal["generic", "standard"] = "generic" if changes else "standard"
    return str(get_timezone_name(zone, width="long", zone_variant=variant, locale=lang))


def endonym(lang: str) -> str:
    """The name of a language in that language; its tag if the name is not known."""
    try:
        return str(Locale.parse(lang, sep="-").get_display_name() or lang)
    except (UnknownLocaleError, ValueError):
        return lang


def links(context: Context, query: Query) -> list[tuple[str, str, str]]:
    """(label, media type, URL) of a query's feed in each format."""
    return [
        (format.LABEL, media_type(format.MIMETYPE), address(context, query, name)) for name, format in FORMATS.items()
    ]


def article_page(
    article: Article,
    versions: Sequence[store.articles.Version] = (),
    past: store.articles.Version | None = None,
    embargo: str = "",
    newsroom: Any = None,
) -> Response:
    """The page of an article, with the texts of its files. `versions`: the newest two, if it was corrected; `past`: the version that
    the page shows instead of the current one; `embargo`: the sentence that says that the article is not public; `newsroom`: the desk
    at which an outlet reads it, which has no other formats of it."""
    context, lang = here(), language()
    known = store.articles.files_of(context.engine, article.guid) if article.enclosures else []
    query = Query(regions=tuple(term.code for term in article.regions[:1]))
    others = [
        (other.lang, endonym(other.lang), other) for other in store.articles.translations_of(context.engine, article)
    ]
    return html_page(
        "article.html",
        lang,
        **showing.shown_parts(context, article, lang, known),
        feeds=links(context, query),
        others=others,
        versions=versions,
        past=past,
        embargo=embargo,
        newsroom=newsroom,
        visit=newsroom.visit if newsroom else None,
        canonical=article.url,
        feeds_title=feed_title(context.settings.site_name, query, {}, lang),
        in_feeds=() if embargo else showing.feed_links(context, article, lang),
        citation=None if embargo else showing.citation_of(context, article, lang),
        opengraph=showing.social_tags(context, article),
        jsonld=Markup(metadata.embedded(article, context.settings.site_name, f"{context.settings.url}/")),
    )


def html_wanted() -> bool:
    """Whether the client accepts HTML, as browsers do."""
    return "text/html" in request.headers.get("Accept", "")


def form_sent() -> bool:
    """Whether the request is the form of a page."""
    return html_wanted() and request.method == "POST"


def wanted() -> bool:
    """Whether a problem should be a page. Browsers accept HTML; programs accept other types or name none."""
    endpoint = request.endpoint or ""
    page = request.method in ("GET", "HEAD") and (endpoint in PAGES or not endpoint)
    return html_wanted() and (page or endpoint in FORMS)


def fault_of(problem: Problem, lang: str) -> str:
    """What is wrong, in a sentence beside a field, with the nearest known values. Our details exist only in English."""
    known = TEXTS.get(f"problem:{problem.type}")
    if lang == "en" or known is None:
        return problem.detail or problem.title
    nearest = [near for fault in problem.errors for near in fault.nearest]
    guess = f" {TEXTS['nearest'][lang]} {', '.join(nearest)}" if nearest else ""
    return f"{known[lang]}.{guess}"


def problem(body: Mapping[str, Any], status: int, headers: Mapping[str, str | tuple[str, ...]]) -> Response:
    """A problem as a page, with the members of RFC 9457, section 3.1."""
    lang = language()
    kind = str(body["type"]).removeprefix(TYPE_BASE)
    known = TEXTS.get(f"problem:{kind}", {})
    # The detail of a cancelation is the office's own note, in its language. Our own details exist only in English.
    shown = kind == "canceled" or not known or lang == "en"
    response = html_page(
        "problem.html",
        lang,
        title=known.get(lang) or body["title"],
        detail=body.get("detail", "") if shown else "",
        detail_lang="" if kind == "canceled" or lang == "en" else "en",
        errors=body.get("errors", ()),
        type=kind,
        status=status,
    )
    response.headers.pop("ETag", None)
    response.headers.update(headers)
    return response
