"""Pages and files through which feeds and articles are found: /feeds, /feeds.opml, sitemaps, robots.txt and security.txt."""

import re
from datetime import UTC, datetime, time, timedelta

from flask import Blueprint, Response
from msgspec.structs import replace

from app import store, web
from app.syndication.catalogue import MOST_CROSSED, Directory, Listed, directory
from app.web import Context, Problem, Query, here, html_page, language, links, only, text, title_language, whole
from feeds import DEFAULT, Article, Outline, opml, sitemap

blueprint = Blueprint("discovery", __name__)

BLOCK = (
    30 * 86_400_000_000
)  # microseconds: a sitemap lists the articles that last changed within a period of thirty days
NEWS_HOURS = 48
LOOKED_AT = 5 * sitemap.MOST_NEWS  # changed articles that are read for the news sitemap at most
AT_ONCE = 500
EXPIRES_DAYS = 90
ALWAYS = ("/", "/feeds", "/regions", "/topics", "/offices", "/press-calendar")
MOST_PAGES = 20_000  # of regions, topics and offices in the sitemap
PLAIN = "text/plain; charset=utf-8"


@blueprint.get("/feeds")
def page() -> Response:
    """A page with every feed that has articles."""
    only(())
    context, lang = here(), language()
    found = _directory(context, lang)
    return html_page(
        "feeds.html",
        lang,
        title=f"{text('all-feeds', lang)} · {context.settings.site_name}",
        canonical=f"{context.settings.url}/feeds",
        feeds=links(context, Query()),
        feeds_title=context.settings.site_name,
        directory=found,
        most=MOST_CROSSED,
        links=lambda query: links(context, query),
        page=lambda query: web.page.home(context, query),
    )


@blueprint.get("/feeds.opml")
def subscriptions() -> Response:
    """The same list for feed readers, as OPML 2.0."""
    only(())
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
    response = web.representation.allow_all_origins(whole(body, opml.MIMETYPE))
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = web.representation.VARY_OF_PAGES
    return response


def _directory(context: Context, lang: str) -> Directory:
    return directory(context.engine, context.settings.site_name, lang)


def _outline(context: Context, listed: Listed) -> Outline:
    return Outline(
        listed.title,
        web.page.address(context, listed.query, DEFAULT),
        web.page.home(context, listed.query),
        title_language(listed.query, context.settings.language),
        tuple(_outline(context, feed) for feed in listed.below),
    )


@blueprint.get("/sitemap.xml")
def sitemaps() -> Response:
    """Every public article; an index if they are of more than one period. Each sitemap lists the articles that last changed in its
    period, so its URL stays the same and its cost depends only on its length."""
    parameters = only(("from",))
    context = here()
    _, changed = store.articles.newest_change(context.engine)
    modified = web.representation.whole_seconds(changed)
    own = f"{context.settings.url}/sitemap.xml"
    if start := parameters.get("from", ""):
        body = _sitemap(context, None, pages=True) if start == "pages" else _sitemap(context, _start(start))
    else:
        blocks = store.feeds.blocks(context.engine, BLOCK, sitemap.MOST)
        if len(blocks) > 1:
            body = sitemap.index(f"{own}?from={start}" for start in ("pages", *blocks))
        else:
            body = _sitemap(context, blocks[0] if blocks else None, pages=True)
    return whole(body, sitemap.MIMETYPE, modified=modified)


def _start(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,17}", text) or int(text) % BLOCK:
        raise Problem(400, "bad-cursor", "Not a cursor", "from must be a value from the links in /sitemap.xml.")
    return int(text)


def _sitemap(context: Context, start: int | None, *, pages: bool = False) -> bytes:
    """The newest 50,000 articles of one period; with `pages`, the other public pages come before them."""
    url = context.settings.url
    found: list[tuple[str, datetime | None]] = (
        [(f"{url}{path}", None) for path in (*ALWAYS, *web.subjects.paths_in_use(context, MOST_PAGES))] if pages else []
    )
    if start is not None:
        most = sitemap.MOST - len(found)
        found += [
            (f"{url}/articles/{id}", changed) for id, changed in store.feeds.block(context.engine, start, BLOCK, most)
        ]
    if not found:
        raise Problem(
            404, "unknown-sitemap", "No such sitemap", "The last change of no public article is in that period."
        )
    return sitemap.render(found)


@blueprint.get("/sitemap-news.xml")
def sitemap_news() -> Response:
    """Google's sitemap for news: the articles that were published in the last 48 hours. It has no `Last-Modified`, because articles
    leave it even if nothing changes."""
    only(())
    context = here()
    url = context.settings.url
    articles = _news(context, datetime.now(UTC))
    body = sitemap.news(context.settings.site_name, [(f"{url}/articles/{article.id}", article) for article in articles])
    return whole(body, sitemap.MIMETYPE)


def _news(context: Context, now: datetime) -> list[Article]:
    """The articles published in the last 48 hours. The articles that changed in that time are read, newest first, and those that were
    published earlier are left out: a correction of an old article is not news. No change is earlier than the publication."""
    since = now - timedelta(hours=NEWS_HOURS)
    query = Query(since=since, limit=AT_ONCE)
    found: list[Article] = []
    for _ in range(LOOKED_AT // AT_ONCE):
        standing = web.page.standing_of(context, query)
        rows = web.page.fitting(context, standing)
        articles = web.page.documents(context, store.feeds.dated(rows))
        found += [article for article in articles if since <= article.published <= now]
        if (len(standing) < AT_ONCE and len(rows) == len(standing)) or len(found) >= sitemap.MOST_NEWS:
            break
        query = replace(query, before=rows[-1][:2])
    return found[: sitemap.MOST_NEWS]


@blueprint.get("/robots.txt")
def robots() -> Response:
    """RFC 9309: robots may read everything that needs no token."""
    url = here().settings.url
    lines = ("User-agent: *", "Disallow: /atompub", "Allow: /", "")
    sitemaps = (f"Sitemap: {url}/{name}" for name in ("sitemap.xml", "sitemap-news.xml"))
    return whole("\n".join((*lines, *sitemaps, "")).encode(), PLAIN)


@blueprint.get("/.well-known/security.txt")
def security() -> Response:
    """RFC 9116: where to report a vulnerability. The bytes are the same for a whole day."""
    settings = here().settings
    if not settings.security_contact:
        detail = "The operator has not set PRESSRELAY_SECURITY_CONTACT."
        raise Problem(404, "no-security-contact", "There is no security contact", detail)
    expires = datetime.combine(datetime.now(UTC).date(), time(), UTC) + timedelta(days=EXPIRES_DAYS)
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: ko, en",
    ]
    if settings.url.startswith("https://"):  # Section 2.5.2: a web URI must be https.
        lines.append(f"Canonical: {settings.url}/.well-known/security.txt")
    return whole("\r\n".join((*lines, "")).encode(), PLAIN)
