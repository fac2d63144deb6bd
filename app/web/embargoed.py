"""Articles under embargo, for those who may read them early: `status=embargoed` of a feed, one article, and its files.

These answers never go through the cache, and no cache on the way may store them. Each article is recorded in the audit log before
it is shown. If the log cannot be written, nothing is shown. An outlet's copies have its fingerprint (docs/tracing.md).
"""

from collections.abc import Sequence

import msgspec
from flask import Response
from msgspec.structs import replace
from werkzeug.datastructures import MultiDict

from app import store
from app.accounts.rights import Principal
from app.errors import Problem
from app.query import Query
from app.syndication import embargoed, page
from app.web import access
from app.web.context import here
from app.web.parameters import ASKED, VARYING, meant, of_format
from app.web.question import question_of
from feeds import Article, format_of, fullest, render

PRIVATE = "private, no-store"
PUBLIC_ONLY = ("q", "since", "until")  # only public articles are in the search index and have a time of publication


def is_requested(args: MultiDict[str, str]) -> bool:
    """Whether the request is for articles under embargo. Raises Problem for an unknown `status`."""
    values = {value.strip() for value in args.getlist("status")} - {""}
    if len(values) > 1 or not values <= {"public", "embargoed"}:
        raise Problem(400, "bad-status", "Not a status", "status must be public or embargoed.")
    return values == {"embargoed"}


def feed(format: str) -> Response:
    """The articles under embargo that this token may read, each clearly marked. 401 without a token, 403 if the token may not."""
    context, principal = here(), reader()
    pairs = [(name, value) for name, value in meant((*ASKED, *of_format(format))) if name not in {"status", *VARYING}]
    if refused := [name for name, value in pairs if name in PUBLIC_ONLY and value.strip()]:
        detail = f"{refused[0]} cannot be combined with status=embargoed: it works only for public articles."
        raise Problem(400, "bad-parameter", "Bad parameter", detail)
    query = question_of(pairs)
    rows, more, waiting = waiting_page(principal, query)
    articles = copies(principal, waiting, f"feed.{format}")
    below = rows and (more or query.after)
    last = replace(query, before=(rows[-1][0], rows[-1][1]), after=None) if below else None
    first = replace(query, before=None, after=None)
    links = {"first": embargoed.address(context, first, format)} if query.before or query.after else {}
    if last:
        links["next"] = embargoed.address(context, last, format)
    shown = embargoed.feed(context, query, format, articles, links)
    body = render(format_of(fullest(format)), shown)
    response = private(Response(body, content_type=format_of(format).MIMETYPE))
    links = {"self": shown.self, **({"hub": shown.hub} if shown.hub else {}), **shown.links}
    response.headers["Link"] = ", ".join(f'<{href}>; rel="{rel}"' for rel, href in links.items())
    return response


def waiting_page(principal: Principal, query: Query) -> tuple[list[tuple[int, int, int, int]], bool, list[Article]]:
    """(rows of a page, whether more follow, the articles of these that the principal may read), newest version first. Raises
    Unavailable."""
    context = here()
    rows = store.feeds.waiting(context.engine, replace(query, limit=query.limit + 1), embargoed.within(principal))
    rows, more = page.page(context, rows, query)
    refs = [(num, version) for _, num, version, _ in rows]
    documents = store.articles.documents(context.engine, refs)
    found = [msgspec.json.decode(documents[ref], type=Article) for ref in refs]
    came = [store.instant(at) for *_, at in rows]
    dated = [embargoed.dated_as_it_came(article, at) for article, at in zip(found, came, strict=True)]
    return rows, more, [article for article in dated if embargoed.lets(principal, article)]


def article(id: str, how: str) -> Article | None:
    """The article under embargo with that public id, if the request has a token that may read it. `how`: its form, for the log."""
    principal = access.given() if access.secret() else None
    return None if principal is None else article_for(principal, id, how)


def article_for(principal: Principal, id: str, how: str) -> Article | None:
    """The article under embargo with that public id, if the principal may read it. `how`: its form, for the log."""
    if not principal.reads_embargoed():
        return None
    newest = store.articles.newest_for(here().engine, id, principal.reads(), embargoed.within(principal))
    if newest is None or newest.public or newest.pubstatus != "usable" or not embargoed.lets(principal, newest.article):
        return None
    (copy,) = copies(principal, [newest.article], how)
    return copy


def file(sha256: str, name: str) -> store.articles.FileRecord | None:
    """The file of an article under embargo, if the request has a token that may read the article."""
    principal = access.given() if access.secret() else None
    return None if principal is None else file_for(principal, sha256, name)


def file_for(principal: Principal, sha256: str, name: str) -> store.articles.FileRecord | None:
    """The file of an article under embargo, if the principal may read the article."""
    if not principal.reads_embargoed():
        return None
    limits = principal.reads(), embargoed.within(principal)
    for found, held in store.articles.waiting_files(here().engine, sha256, name, *limits):
        if embargoed.lets(principal, held):
            copies(principal, [held], "file")
            return found
    return None


def reader() -> Principal:
    """The principal of this request: an outlet, or an office for its own articles. Raises Problem (401, 403) if it may not read under
    embargo."""
    principal = access.given()
    return principal if principal is not None and principal.reads_embargoed() else access.needed("embargo")


def copies(principal: Principal, articles: Sequence[Article], how: str) -> list[Article]:
    """The articles as this reader may see them, after it was recorded who reads what. HEAD is recorded too, because its headers reveal
    that the article exists and how long it is. Raises Unavailable; then the articles must not be shown."""
    return embargoed.copies(here().engine, principal, articles, how)


def note_listed(principal: Principal, articles: Sequence[Article], how: str) -> None:
    """Record whose headlines are shown, before they are. Raises Unavailable; then they must not be shown."""
    embargoed.note_reading(here().engine, principal, articles, how, "listed")


def private(response: Response) -> Response:
    """The response, for this reader only: no cache may store it (RFC 9111, section 5.2.2)."""
    for name in ("ETag", "Last-Modified", "Surrogate-Key", "Access-Control-Allow-Origin"):
        response.headers.pop(name, None)
    response.headers["Cache-Control"] = PRIVATE
    response.headers["Vary"] = "Authorization"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
