"""The pages for people: `/` with the latest articles and every feed, and an article's own page. No script is needed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from msgspec.structs import replace

from app import store
from app.context import Context
from app.errors import TYPE_BASE
from app.intake.enclosures import address as address_of
from app.query.query import LIMIT, Query, office_place, url
from app.store import Version
from app.syndication.page import address, find
from app.syndication.page import home as home_of
from app.syndication.texts import LANGUAGES, TEXTS, feed_title, name
from app.text.fulltext import marked
from app.web import protection
from app.web.context import here
from app.web.representation import media_type, whole
from app.web.routes.feeds import parse
from feeds import FORMATS, metadata
from feeds.article import Article
from schemas import codes

blueprint = Blueprint("pages", __name__)

# Endpoints whose problems are told as a page.
PAGES = {"pages.home", "articles.page", "discovery.page", "versions.listed", "versions.one", "differences.compared"}
PAGES |= {"subscriptions.listed", "subscriptions.one", "alerts.form", "alerts.confirmation", "alerts.leaving"}
# Where the forms of pages go.
FORMS = {"alerts.ask", "alerts.confirm", "alerts.leave", "subscriptions.add", "subscriptions.steer"}
SHOWN = 20  # articles on the first page
BEFORE_WORDS = 100  # characters shown before what was asked for, and twice as many after it
SEOUL = ZoneInfo("Asia/Seoul")
# As press offices write it: 2021. 3. 9.(화) 20:15
PATTERNS = {"ko": "y. M. d.(E) HH:mm", "en": "d MMMM y, HH:mm 'UTC'"}
LABELS = {"rss": "RSS", "atom": "Atom", "newsml": "NewsML-G2", "json": "JSON Feed"}


@blueprint.get("/")
def home() -> Response:
    """The first page, or the page of one feed: it takes the feeds' parameters."""
    context = here()
    query = parse()
    lang = language()
    shown = query if query.limit < SHOWN else replace(query, limit=SHOWN)
    offices = {office.code: office for office in store.all_offices(context.engine)}
    used = store.names_in_use(context.engine) if query == Query() else set()  # only the first page lists them
    return html(
        "home.html",
        lang,
        title=feed_title(context.settings.site_name, query, offices, lang),
        articles=find(context, shown),
        mark=partial(_mark, words=query.words),
        lead=partial(_lead, words=query.words),
        words=query.words,
        kept=[pair for pair in parse_qsl(replace(query, before=None, after=None).canonical()) if pair[0] != "q"],
        feeds=links(context, query),
        alerts=_alerts(context, query),
        whole=query == Query(),
        canonical=home_of(context, query),
        regions=[(c, name(c, lang), links(context, Query(regions=(c,)))) for c in _ordered("region", used)],
        topics=[(c, name(c, lang), links(context, Query(topics=(c,)))) for c in _ordered("topic", used)],
        offices=[
            (o.code, o.name, links(context, Query(offices=(o.code,))))
            for o in offices.values()
            if office_place(o.code) in used
        ],
    )


def _alerts(context: Context, query: Query) -> str:
    """Where this is asked for by e-mail; empty where it cannot be."""
    simple = replace(query, before=None, after=None, limit=LIMIT)
    pairs = parse_qsl(simple.canonical())
    names = [name for name, _ in pairs]
    plain = len(set(names)) == len(names) and not (query.words or query.excluded or query.since or query.until)
    return url("/alerts", simple.canonical()) if context.settings.smtp_url and plain else ""


def article_page(
    article: Article, versions: Sequence[Version] = (), past: Version | None = None, embargo: str = ""
) -> Response:
    """The page of a public article, with the texts of its files. `versions`: the newest two, where it was corrected; `past`: the page
    shows this version, and not the current one; `embargo`: the sentence that says it is not public."""
    context, lang = here(), language()
    known = store.files_of(context.engine, article.guid) if article.enclosures else []
    paths = {address_of(file.sha256, file.name): file for file in reversed(known)}  # the first has the text
    # By path and not by place: a correction may come between reading the article and its files.
    files = {e.url: file for e in article.enclosures for path, file in paths.items() if e.url.endswith(path)}
    # Several enclosures may be one file: its text is shown at the first.
    first = {e.url: number for number, e in reversed([*enumerate(article.enclosures)])}
    query = Query(regions=tuple(term.code for term in article.regions[:1]))
    others = [(other.lang, endonym(other.lang), other) for other in store.translations_of(context.engine, article)]
    return html(
        "article.html",
        lang,
        article=article,
        body=Markup(article.body),
        files=files,
        first=first,
        feeds=links(context, query),
        others=others,
        versions=versions,
        past=past,
        embargo=embargo,
        canonical=article.url,
        feeds_title=feed_title(context.settings.site_name, query, {}, lang),
        opengraph=metadata.opengraph(article, context.settings.site_name),
        jsonld=Markup(metadata.embedded(article, context.settings.site_name, f"{context.settings.url}/")),
    )


def html_wanted() -> bool:
    """Whether a browser asks."""
    return "text/html" in request.headers.get("Accept", "")


def form_sent() -> bool:
    """Whether the form of a page was sent."""
    return html_wanted() and request.method == "POST"


def wanted() -> bool:
    """Whether a person asks: a browser names HTML, and programs name nothing or what they read."""
    endpoint = request.endpoint or ""
    asked = request.method in ("GET", "HEAD") and (endpoint in PAGES or not endpoint)
    return html_wanted() and (asked or endpoint in FORMS)


def problem(body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    """A problem as a page: the members of RFC 9457, section 3.1, in words."""
    lang = language()
    kind = str(body["type"]).removeprefix(TYPE_BASE)
    known = TEXTS.get(f"problem:{kind}", {})
    # What an office says of its withdrawal is in its own words; what we say is English where there is no Korean for it.
    said = kind == "canceled" or not known or lang == "en"
    response = html(
        "problem.html",
        lang,
        title=known.get(lang) or body["title"],
        detail=body.get("detail", "") if said else "",
        detail_lang="" if kind == "canceled" or lang == "en" else "en",
        errors=body.get("errors", ()),
        type=kind,
        status=status,
    )
    response.headers.pop("ETag", None)
    response.headers.update(headers)
    return response


def _mark(text: str, words: str) -> Markup:
    """The text with the words that were asked for."""
    pieces = marked(text, words) if words else [(text, False)]
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if named else piece for piece, named in pieces)


def _lead(article: Article, words: str) -> str:
    """What is shown of an article in a list: the summary, or where the words stand."""
    if not words or any(named for _, named in marked(article.summary, words)):
        return article.summary
    for paragraph in article.text.split("\n\n"):
        start = 0
        for piece, named in marked(paragraph, words):
            if named:
                cut = max(0, start - BEFORE_WORDS)
                end = start + len(piece) + 2 * BEFORE_WORDS
                return f"{'… ' if cut else ''}{paragraph[cut:end]}{' …' if end < len(paragraph) else ''}"
            start += len(piece)
    return article.summary


def links(context: Context, query: Query) -> list[tuple[str, str, str]]:
    """(label, media type, URL) of a query's feed in each format."""
    return [
        (LABELS.get(form, form), media_type(module.MIMETYPE), address(context, query, form))
        for form, module in FORMATS.items()
    ]


def endonym(lang: str) -> str:
    """What a language calls itself; its tag where that is not known."""
    try:
        return str(Locale.parse(lang, sep="-").get_display_name() or lang)
    except (UnknownLocaleError, ValueError):
        return lang


def when(instant: datetime, lang: str) -> str:
    """Date and time: Korean readers think in their own; others are told UTC and see so."""
    zone = SEOUL if lang == "ko" else UTC
    return str(format_datetime(instant.astimezone(zone), PATTERNS[lang], tzinfo=zone, locale=lang))


def html(template: str, lang: str, *, status: int = 200, **values: object) -> Response:
    """A page in that language."""
    words = {key: words[lang] for key, words in TEXTS.items()}
    settings = here().settings
    page = render_template(
        template,
        lang=lang,
        t=words,
        when=partial(when, lang=lang),
        name=lambda code: name(code, lang),
        site=settings.site_name,
        status=status,
        **values,
    )
    response = whole(page.encode(), "text/html; charset=utf-8", status=status)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Encoding, Accept-Language"
    # Here, and not by the media type: a 304 has none, and changes what the browser keeps of the page.
    response.headers["Content-Security-Policy"] = protection.PAGE
    response.headers[protection.CORP] = "same-origin"
    return response


def language() -> str:
    """ "ko" or "en", by Accept-Language."""
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def _ordered(scheme: str, used: set[str]) -> list[str]:
    """The codes in use, in the table's order, so that a province stands before its cities."""
    return [code.code for code in codes("region" if scheme == "region" else "topic") if code.code in used]
