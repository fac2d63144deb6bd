"""GET /feed.<format>: query, cache, else store and renderer; the same articles always give the same bytes."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import query as queries
from app import store
from app.cache import Rendered
from app.context import Context
from app.errors import Problem
from app.fastlane import Kept, may_keep
from app.query import LIMIT, Cursor, Query, Values, cut
from app.routes import delta, embargoed, representation
from app.routes.context import here
from app.routes.limits import COSTLY
from app.routes.rendering import Shown, kept, key_of
from app.routes.representation import CACHE_CONTROL, IDENTITY, media_type
from app.wording import feed_subtitle, feed_title, title_language
from feeds import FORMATS
from feeds.article import Article, Feed, Withdrawn
from feeds.wording import EPOCH

blueprint = Blueprint("feeds", __name__)
blueprint.after_request(representation.allow_all_origins)

TYPES = {media_type(module.MIMETYPE): name for name, module in FORMATS.items()}  # media type -> format
WITHDRAWN = 50  # told in one feed at most
BOTTOM: Cursor = (0, 0)  # below every article


@blueprint.get("/feed.<format>")
def get(format: str) -> Response:
    """A feed. 404 for an unknown format or value, 400 for a bad parameter, 304 by ETag or date, 226 for a delta."""
    known(format)
    return embargoed.feed(format) if embargoed.asked(request.args) else answer(here(), parse(), format)


@blueprint.get("/feed")
def negotiated() -> Response:
    """The format that the client likes best, by Accept; RSS where it does not say."""
    format = representation.negotiate(TYPES, media_type(FORMATS["rss"].MIMETYPE))
    if embargoed.asked(request.args):
        return embargoed.feed(format)
    context, query = here(), parse()
    response = answer(context, query, format)
    response.headers["Content-Location"] = address(context, query, format)
    response.headers["Vary"] = "Accept, A-IM, Accept-Encoding"
    return response


@blueprint.get("/f/<name>.<format>")
def saved(name: str, format: str) -> Response:
    """A feed by its short name (`pressrelay feed add`); `limit`, `before` and `after` ask for its pages."""
    known(format)
    found = store.saved_feed(here().engine, name) if queries.NAME.fullmatch(name) else None
    if found is None:
        raise Problem(404, "unknown-feed", "No such feed", f"No feed is saved under {name[:64]!r}.")
    offices = _offices() if "office" in found.query else []
    return answer(here(), queries.recall(found, request.args.items(multi=True), offices), format)


def known(format: str) -> None:
    """Raises Problem 404 for a format that there is not."""
    if format not in FORMATS:
        detail = f"{format[:40]!r} is not one of {', '.join(FORMATS)}."
        raise Problem(404, "unknown-format", "Unknown feed format", detail)


def answer(context: Context, query: Query, format: str) -> Response:
    """A query's feed in one format, as this client wants it."""
    encoding = representation.encoding()
    own = address(context, query, format)
    marks = context.cache.marks
    slots = marks.slots(_pairs(query))
    numbers = marks.read(slots)
    rendered = read(context, query, format, encoding)
    if not COSTLY & set(request.args):
        key = key_of(context, query, format, _named(query), encoding)
        may_keep(request.environ, Kept(key, rendered.etag, rendered.modified, slots, numbers))
    since = _since(context, query, format, encoding, delta.bases(rendered.etag)) if delta.possible(query) else None
    if since is None:
        response = respond(rendered, query, format, encoding, own)
    else:
        base, part = since
        # The ETag is of the whole that the client has now. Read before the part, it may be older than that, never newer.
        response = respond(replace(part, etag=rendered.etag), query, format, encoding, own, delta.CACHE_CONTROL, 226)
        response.headers["IM"] = delta.FEED
        response.headers["Delta-Base"] = f'"{base}"'
    response.headers["Vary"] = "A-IM, Accept-Encoding"
    response.headers["Link"] += _alternates(context.settings.url, query, format)
    return response


@lru_cache(1000)
def _alternates(base: str, query: Query, format: str) -> str:
    """The page and the other formats of a feed, as the rest of a Link header (RFC 8288)."""
    links = [(replace(query, before=None, after=None).home(base), "text/html")]
    links += [(query.address(base, name), mimetype) for mimetype, name in TYPES.items() if name != format]
    return "".join(f', <{href}>; rel="alternate"; type="{mimetype}"' for href, mimetype in links)


def _since(
    context: Context, query: Query, format: str, encoding: str, bases: Mapping[str, str]
) -> tuple[str, Rendered] | None:
    """The base and what changed in the feed since, where one of the client's instances is known; None: tell the whole."""
    known = context.cache.instances(key_of(context, query, format, _named(query)), list(bases)) if bases else {}
    if not known:
        return None
    etag, instance = max(known.items(), key=lambda one: one[1].seq)

    def make() -> Shown:
        whole, standing = feed(context, query, format)
        changed = store.changed_since(context.engine, instance.seq)
        return delta.part(whole, standing, instance, changed, format, WITHDRAWN), standing

    try:
        return bases[etag], kept(context, query, format, encoding, (*_named(query), "/since", etag), make)
    except delta.Whole:
        return None


def respond(
    rendered: Rendered,
    query: Query,
    format: str,
    encoding: str,
    own: str,
    cache_control: str = CACHE_CONTROL,
    status: int = 200,
) -> Response:
    """The response to a rendered document; `own` is its one URL."""
    response = representation.respond(
        rendered.body,
        FORMATS[format].MIMETYPE,
        rendered.etag,
        encoding=encoding,
        modified=rendered.modified,
        cache_control=cache_control,
        status=status,
    )
    links = [f'<{own}>; rel="self"']
    links += [f'<{href}>; rel="{rel}"' for rel, href in rendered.links.items()]
    response.headers["Link"] = ", ".join(links)
    response.headers["Surrogate-Key"] = " ".join(_pairs(query))
    return response


def _pairs(query: Query) -> list[str]:
    """The pairs that a feed shows, as announcements and shared caches name them."""
    return [f"{place}/{topic}" for place, topic in query.scans()]


def parse() -> Query:
    """The query of this request. Raises Problem."""
    named = any(name.endswith("office") for name in request.args)
    # `status` is answered elsewhere: what waits is no part of any question here.
    public = {("status", "public"), ("status", "")}
    pairs = [(name, value) for name, value in request.args.items(multi=True) if (name, value.strip()) not in public]
    return queries.parse(pairs, _offices() if named else [])


def _offices() -> list[str]:
    return [office.code for office in store.all_offices(here().engine)]


def address(context: Context, query: Query, format: str) -> str:
    """The one URL of a feed."""
    return query.address(context.settings.url, format)


def archive_address(context: Context, query: Query, format: str, month: str = "") -> str:
    """The URL of a document of the feed's archive (app/routes/archives.py); without a month of the newest one."""
    path = f"{context.settings.url}/feed.{format}/archive{'/' + month if month else ''}"
    return queries.url(path, replace(query, saved=None, limit=LIMIT).canonical())


def home(context: Context, query: Query) -> str:
    """The page that shows the same query."""
    return query.home(context.settings.url)


def read(context: Context, query: Query, format: str, encoding: str = IDENTITY) -> Rendered:
    """A feed's bytes in an encoding, from the cache while they are fresh. Raises Unavailable."""
    return kept(context, query, format, encoding, _named(query), lambda: feed(context, query, format))


def _named(query: Query) -> Values:
    return (query.saved.name, query.saved.title) if query.saved else ()


def feed(context: Context, query: Query, format: str) -> Shown:
    """A page of a query's articles. Raises Unavailable."""
    # One more than the page holds: whether there is a next one.
    rows = store.standing(context.engine, replace(query, limit=query.limit + 1))
    rows, more = cut(rows, query)
    articles = tuple(documents(context, [(num, version) for _, num, version in rows]))
    standing = [(sort, num) for sort, num, _ in rows]
    gone: tuple[Withdrawn, ...] = ()
    links = _pages(context, query, format, standing, more)
    if query.before is None and query.after is None:
        oldest = standing[-1][0] if more else 0
        gone = tuple(store.withdrawn(context.engine, query, oldest, WITHDRAWN))
        if articles and archived(query):
            links["prev-archive"] = archive_address(context, query, format)
    return shown(context, query, address(context, query, format), articles, links, gone), standing


def archived(query: Query) -> bool:
    """Whether the feed has an archive: all of it by month, so neither a search nor a period."""
    return not (query.words or query.since or query.until)


def shown(
    context: Context,
    query: Query,
    own: str,
    articles: tuple[Article, ...],
    links: dict[str, str],
    gone: tuple[Withdrawn, ...] = (),
) -> Feed:
    """A document of a query's articles whose URL is `own`. Raises Unavailable."""
    named = query.offices or any(name == "office" for name, _ in query.excluded)
    offices = {office.code: office for office in store.all_offices(context.engine)} if named else {}
    lang = title_language(query, context.settings.language)
    instants = [article.updated for article in articles] + [one.at for one in gone]
    return Feed(
        self=own,
        home=home(context, replace(query, before=None, after=None)),
        title=feed_title(context.settings.site_name, query, offices, lang),
        subtitle=feed_subtitle(lang),
        lang=lang,
        updated=max(instants, default=EPOCH),
        articles=articles,
        links=links,
        withdrawn=gone,
    )


def _pages(context: Context, query: Query, format: str, standing: Sequence[Cursor], more: bool) -> dict[str, str]:
    """RFC 5005, section 3: from any page to the others. A feed that fits one page has none."""
    first = replace(query, before=None, after=None)
    upwards, downwards = query.after is not None, query.before is not None
    pages: dict[str, Query] = {}
    if standing and (more or upwards):
        pages["next"] = replace(first, before=standing[-1])
    if standing and (downwards or (upwards and more)):
        pages["previous"] = replace(first, after=standing[0])
    if query.after == BOTTOM:  # The last page: nothing is below it.
        pages.pop("next", None)
    if pages or upwards or downwards:
        pages |= {"first": first, "last": replace(first, after=BOTTOM)}
    return {rel: address(context, asked, format) for rel, asked in sorted(pages.items())}


def find(context: Context, query: Query) -> list[Article]:
    """The articles of a query, newest change first: one range scan, one multi-get. Raises Unavailable."""
    return documents(context, store.find(context.engine, query))


def documents(context: Context, refs: Sequence[store.Ref]) -> list[Article]:
    """The articles of these versions, in the same order. Raises Unavailable."""
    found = {ref: article for ref, doc in context.cache.articles(refs).items() if (article := _decoded(doc))}
    missing = [ref for ref in refs if ref not in found]
    if missing:
        read = store.documents(context.engine, missing)
        context.cache.keep_articles(read)
        found |= {ref: msgspec.json.decode(doc, type=Article) for ref, doc in read.items()}
    return [found[ref] for ref in refs]


def _decoded(doc: bytes) -> Article | None:
    """A document of the cache; one that cannot be read (another version of this program wrote it) is a miss."""
    try:
        return msgspec.json.decode(doc, type=Article)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
