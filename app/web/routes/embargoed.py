"""What is still under embargo, for those who may read it before: `status=embargoed` of a feed, an article, its files.

Nothing of this module goes through the cache, and none of it is kept by one on the way. Each article that is shown is in the
audit log before the answer leaves; where that cannot be written, nothing is shown.
"""

from collections.abc import Sequence

import msgspec
from flask import Response, request
from msgspec.structs import replace
from werkzeug.datastructures import MultiDict

from app import store
from app.accounts.rights import Principal
from app.announce import synced
from app.errors import Problem
from app.query import query as queries
from app.store import FileRecord
from app.syndication import embargoed, page
from app.web import access
from app.web.context import here
from feeds import FORMATS
from feeds.article import Article

PRIVATE = "private, no-store"
LEFT_OUT = ("q", "since", "until")  # the search holds what is public; a period is of what became so


def asked(args: MultiDict[str, str]) -> bool:
    """Whether a feed of what is under embargo is asked for. Raises Problem for another `status`."""
    given = {value.strip() for value in args.getlist("status")} - {""}
    if len(given) > 1 or not given <= {"public", "embargoed"}:
        raise Problem(400, "bad-status", "Not a status", "status takes public or embargoed.")
    return given == {"embargoed"}


def feed(format: str) -> Response:
    """The articles under embargo that this token may read, each plainly marked; 401 without a token, 403 for one that may not."""
    context, principal = here(), reader()
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name != "status"]
    if refused := [name for name, value in pairs if name in LEFT_OUT and value.strip()]:
        detail = f"{refused[0]} asks for what is public, and goes not with status=embargoed."
        raise Problem(400, "bad-parameter", "Bad parameter", detail)
    if any(name in ("before", "after") for name, _ in pairs):
        synced(context.cache, context.engine)
    query = queries.parse(pairs, [office.code for office in store.all_offices(context.engine)])
    rows = store.waiting(context.engine, replace(query, limit=query.limit + 1), embargoed.within(principal))
    rows, more = page.page(context, rows, query)
    refs = [(num, version) for _, num, version, _ in rows]
    documents = store.documents(context.engine, refs)
    found = [msgspec.json.decode(documents[ref], type=Article) for ref in refs]
    articles = [one for one in found if embargoed.lets(principal, one)]
    below = rows and (more or query.after)
    last = replace(query, before=(rows[-1][0], rows[-1][1]), after=None) if below else None
    first = replace(query, before=None, after=None)
    links = {"first": embargoed.address(context, first, format)} if query.before or query.after else {}
    if last:
        links["next"] = embargoed.address(context, last, format)
    shown = embargoed.feed(context, query, format, articles, links)
    body = FORMATS[format].render(shown)
    audit(principal, articles, f"feed.{format}")
    response = private(Response(body, content_type=FORMATS[format].MIMETYPE))
    links = {"self": shown.self, **({"hub": shown.hub} if shown.hub else {}), **shown.links}
    response.headers["Link"] = ", ".join(f'<{href}>; rel="{rel}"' for rel, href in links.items())
    return response


def article(id: str, how: str) -> Article | None:
    """The article under embargo of that public id, if a token came that may read it; `how`: as what it is shown, for the log."""
    context = here()
    principal = access.given() if access.secret() else None
    if principal is None or not embargoed.may(principal):
        return None
    kept = store.newest(context.engine, id)
    if kept is None or kept.public or kept.pubstatus != "usable" or not embargoed.lets(principal, kept.article):
        return None
    audit(principal, [kept.article], how)
    return kept.article


def file(sha256: str, name: str) -> FileRecord | None:
    """The file of an article under embargo, if a token came that may read that."""
    principal = access.given() if access.secret() else None
    if principal is None or not embargoed.may(principal):
        return None
    for found, held in store.waiting_files(here().engine, sha256):
        if found.name == name and embargoed.lets(principal, held):
            audit(principal, [held], "file")
            return found
    return None


def reader() -> Principal:
    """Who asks, if it may read under embargo: an outlet, or an office what is its own. Raises Problem (401, 403)."""
    principal = access.given()
    return principal if principal is not None and embargoed.may(principal) else access.needed("embargo")


def audit(principal: Principal, articles: Sequence[Article], how: str) -> None:
    """Keep who read what, before it is shown; HEAD too, because its headers tell that the article is there and how long it is.
    Raises Unavailable, and then it is not."""
    embargoed.record(here().engine, principal, articles, how)


def private(response: Response) -> Response:
    """For this reader alone: no cache keeps it (RFC 9111, section 5.2.2)."""
    for name in ("ETag", "Last-Modified", "Surrogate-Key", "Access-Control-Allow-Origin"):
        response.headers.pop(name, None)
    response.headers["Cache-Control"] = PRIVATE
    response.headers["Vary"] = "Authorization"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
