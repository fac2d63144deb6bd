"""How feeds and articles are found: /feeds, /feeds.opml, sitemaps, robots.txt and security.txt."""

import re
from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store
from app.context import Context
from app.errors import Problem
from app.query.query import Query
from app.syndication.catalogue import MOST_CROSSED, Directory, Listed, directory
from app.syndication.page import address, documents, fitting, home
from app.syndication.texts import text, title_language
from app.web import representation
from app.web.context import here
from app.web.representation import whole
from app.web.routes.pages import html, language, links
from feeds import opml, sitemap
from feeds.article import Article
from feeds.opml import Outline

blueprint = Blueprint("discovery", __name__)

BLOCK = 30 * 86_400_000_000  # microseconds: a sitemap holds what was changed last within thirty days
NEWS_HOURS = 48
LOOKED_AT = 5 * sitemap.MOST_NEWS  # changed articles that are looked at for the news sitemap
AT_ONCE = 500
EXPIRES_DAYS = 90
PLAIN = "text/plain; charset=utf-8"


@blueprint.get("/feeds")
def page() -> Response:
    """Every feed that has articles, for people."""
    _takes()
    context, lang = here(), language()
    found = _directory(context, lang)
    return html(
        "feeds.html",
        lang,
        title=f"{text('all-feeds', lang)} · {context.settings.site_name}",
        canonical=f"{context.settings.url}/feeds",
        feeds=links(context, Query()),
        feeds_title=context.settings.site_name,
        directory=found,
        most=MOST_CROSSED,
        links=lambda query: links(context, query),
        page=lambda query: home(context, query),
    )


@blueprint.get("/feeds.opml")
def subscriptions() -> Response:
    """The same for feed readers, as OPML 2.0."""
    _takes()
    context, lang = here(), language()
    found = _directory(context, lang)
    outlines = [_outline(context, found.everything)]
    outlines += [
        Outline(text(key, lang), below=tuple(_outline(context, listed) for listed in feeds))
        for key, feeds in found.groups
    ]
    if found.cut:
        outlines.append(Outline(text("feeds-cut", lang).format(most=MOST_CROSSED)))
    body = opml.render(found.everything.title, f"{context.settings.url}/", tuple(outlines))
    response = representation.allow_all_origins(whole(body, opml.MIMETYPE))
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Encoding, Accept-Language"
    return response


def _directory(context: Context, lang: str) -> Directory:
    return directory(context.engine, context.settings.site_name, lang)


def _outline(context: Context, listed: Listed) -> Outline:
    return Outline(
        listed.title,
        address(context, listed.query, "rss"),
        home(context, listed.query),
        title_language(listed.query, context.settings.language),
        tuple(_outline(context, one) for one in listed.below),
    )


@blueprint.get("/sitemap.xml")
def sitemaps() -> Response:
    """Every public article. Where they are of more than one period, an index: each sitemap holds what was changed last in one, so that
    it stays where it is and costs what it lists."""
    _takes("from")
    context = here()
    _, changed = store.newest_change(context.engine)
    modified = representation.whole_seconds(changed, datetime.now(UTC))
    own = f"{context.settings.url}/sitemap.xml"
    if "from" in request.args:
        given = request.args["from"]
        body = _sitemap(context, None, pages=True) if given == "pages" else _sitemap(context, _start(given))
    else:
        blocks = store.blocks(context.engine, BLOCK, sitemap.MOST)
        if len(blocks) > 1:
            body = sitemap.index(f"{own}?from={start}" for start in ("pages", *blocks))
        else:
            body = _sitemap(context, blocks[0] if blocks else None, pages=True)
    return whole(body, sitemap.MIMETYPE, modified=modified)


def _start(given: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,17}", given) or int(given) % BLOCK:
        raise Problem(400, "bad-cursor", "Not a cursor", "from is taken from the links of the sitemap's index.")
    return int(given)


def _sitemap(context: Context, start: int | None, *, pages: bool = False) -> bytes:
    """The articles of one period, the newest 50,000 of them; `pages`: before them those that are always there."""
    url = context.settings.url
    found: list[tuple[str, datetime | None]] = [(f"{url}/", None), (f"{url}/feeds", None)] if pages else []
    if start is not None:
        most = sitemap.MOST - len(found)
        found += [(f"{url}/articles/{id}", changed) for id, changed in store.block(context.engine, start, BLOCK, most)]
    if not found:
        raise Problem(404, "unknown-sitemap", "No such sitemap", "No public article was changed last in that period.")
    return sitemap.render(found)


@blueprint.get("/sitemap-news.xml")
def sitemap_news() -> Response:
    """Google's sitemap for news: what was published in the last 48 hours. It has no `Last-Modified`, for articles leave it
    while nothing is changed."""
    _takes()
    context = here()
    url = context.settings.url
    articles = _news(context, datetime.now(UTC))
    body = sitemap.news(context.settings.site_name, [(f"{url}/articles/{one.id}", one) for one in articles])
    return whole(body, sitemap.MIMETYPE)


def _news(context: Context, now: datetime) -> list[Article]:
    """What changed in the window is read newest first, and what was published in it is kept: a correction of an old article
    is no news. An article stands by its change, which is not before its publication."""
    since = now - timedelta(hours=NEWS_HOURS)
    query = Query(since=since, limit=AT_ONCE)
    found: list[Article] = []
    for _ in range(LOOKED_AT // AT_ONCE):
        standing = store.standing(context.engine, query)
        rows = fitting(context, standing)
        articles = documents(context, store.dated(rows))
        found += [article for article in articles if since <= article.published <= now]
        if (len(standing) < AT_ONCE and len(rows) == len(standing)) or len(found) >= sitemap.MOST_NEWS:
            break
        query = replace(query, before=rows[-1][:2])
    return found[: sitemap.MOST_NEWS]


@blueprint.get("/robots.txt")
def robots() -> Response:
    """RFC 9309: everything may be read but what needs a token."""
    url = here().settings.url
    lines = ("User-agent: *", "Disallow: /atompub", "Allow: /", "")
    sitemaps = (f"Sitemap: {url}/{name}" for name in ("sitemap.xml", "sitemap-news.xml"))
    return whole("\n".join((*lines, *sitemaps, "")).encode(), PLAIN)


@blueprint.get("/.well-known/security.txt")
def security() -> Response:
    """RFC 9116: whom to tell of a hole. The same bytes all day."""
    settings = here().settings
    if not settings.security_contact:
        detail = "PRESSRELAY_SECURITY_CONTACT is not set."
        raise Problem(404, "no-security-contact", "No contact for security is known", detail)
    expires = datetime.combine(datetime.now(UTC).date(), time(), UTC) + timedelta(days=EXPIRES_DAYS)
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: ko, en",
    ]
    if settings.url.startswith("https://"):  # Section 2.5.2: no web URI of another scheme.
        lines.append(f"Canonical: {settings.url}/.well-known/security.txt")
    return whole("\r\n".join((*lines, "")).encode(), PLAIN)


def _takes(*names: str) -> None:
    """Raises Problem where the request has other parameters than these, or one of them twice."""
    for name, values in request.args.lists():
        if name not in names:
            known = f"is none of {', '.join(names)}" if names else "is not known here: it takes none"
            raise Problem(400, "unknown-parameter", "Unknown parameter", f"{name[:40]!r} {known}.")
        if len(values) > 1:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
