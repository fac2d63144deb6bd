"""The articles of a query as a page of a feed, with its title and the links to its other pages."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import LIMIT, Cursor, Query, Row, cut, feed_url
from app.spans import traced
from app.syndication.retired import ending
from app.syndication.texts import feed_subtitle, feed_title, title_language
from app.syndication.written import fragments, fragments_of
from feeds import NEVER, Article, Feed, Fragment, Withdrawn

WITHDRAWN = 50  # withdrawn articles that one feed shows at most
PAGE_BYTES = 3 * 1024 * 1024  # bytes of the stored documents of a page's articles; about half of them go into a feed
SIZE = 150  # bytes of memory that the size of one document needs
BOTTOM: Cursor = (0, 0)  # a position below every article


class Plan(Struct, frozen=True):
    """A document whose articles are known but not read yet."""

    dated: list[store.feeds.Dated]  # the articles' versions
    standing: list[Cursor]  # the position of each article
    finish: Callable[[tuple[Fragment, ...]], Feed]  # makes the document of their fragments; may raise Unavailable


def address(context: Context, query: Query, format: str) -> str:
    """The canonical URL of a feed."""
    return query.address(context.settings.url, format, context.write_cursor)


def archive_address(context: Context, query: Query, format: str, month: str = "") -> str:
    """The URL of a document of the feed's archive (app/web/routes/archives.py); without a month, that of the newest one."""
    asked = replace(query, saved=None, limit=LIMIT).canonical(context.write_cursor)
    return feed_url(context.settings.url, "/feed", format, asked, f"/archive{'/' + month if month else ''}")


def hub(context: Context) -> str:
    """The WebSub hub of every feed."""
    return f"{context.settings.url}/hub"


def path_of(section: str, code: str) -> str:
    """The page of a region, topic or office. `section`: "regions", "topics" or "offices"."""
    return f"/{section}/{code}"


def home(context: Context, query: Query) -> str:
    """The URL of the HTML page for the same query."""
    return query.home(context.settings.url)


def feed(context: Context, query: Query, format: str) -> Feed:
    """A page of a query's articles. Raises Unavailable."""
    plan = planned(context, query, format)
    return plan.finish(fragments(context, format, plan.dated))


def of_one(context: Context, query: Query, format: str, article: Article) -> Feed:
    """A feed with an article that need not be in it. Raises Unavailable."""
    return shown(context, query, address(context, query, format), fragments_of(format, (article,)), {})


@traced("find articles")
def planned(context: Context, query: Query, format: str) -> Plan:
    """The plan of a page of a query's articles. Raises Unavailable."""
    # Ask for one row more than the page holds, to see whether a next page exists.
    rows = standing_of(context, replace(query, limit=query.limit + 1))
    rows, more = page(context, rows, query)
    standing = [(sort, num) for sort, num, *_ in rows]
    newest = query.before is None and query.after is None
    oldest = standing[-1][0] if more else 0
    left = context.read(lambda engine: store.feeds.withdrawn(engine, query, oldest, WITHDRAWN)) if newest else []

    def finish(written: tuple[Fragment, ...]) -> Feed:
        links = _pages(context, query, format, standing, more)
        if newest:
            if written and archived(query):
                links["prev-archive"] = archive_address(context, query, format)
            if (last := ending(context, query, format)) is not None:
                written = (*fragments_of(format, (last,)), *written)
        made = shown(context, query, address(context, query, format), written, links, tuple(left))
        # Only the first page names the hub: clients subscribe to the feed, not to its other pages.
        # A saved feed that was removed has no hub, because nothing new comes.
        over = query.saved is not None and query.saved.ended is not None
        return made if query.before or query.after or over else replace(made, hub=hub(context))

    return Plan(store.feeds.dated(rows), standing, finish)


def standing_of(context: Context, query: Query) -> list[Row]:
    """The numbers and versions of a query's articles. Raises Unavailable."""
    return context.read(lambda engine: store.feeds.standing(engine, query))


def page(context: Context, rows: list[Row], query: Query) -> tuple[list[Row], bool]:
    """The rows of a page, limited by number and by bytes, and whether more follow. `rows` may have one row more than the page holds.
    Raises Unavailable."""
    whole, more = cut(rows, query)
    fit = fitting(context, whole, upwards=query.after is not None)
    return fit, more or len(fit) < len(whole)


def fitting(context: Context, rows: list[Row], *, upwards: bool = False) -> list[Row]:
    """As many of these rows as fit into the bytes of a page, counted from the top or, with `upwards`, from the bottom; at least one.
    The bytes limit the cost of reading and rendering a page; its number of articles does not. Raises Unavailable."""
    sizes = _sizes(context, store.feeds.dated(rows)) if len(rows) > 1 else {}
    left = PAGE_BYTES
    for taken, ref in enumerate(store.feeds.dated(rows[::-1] if upwards else rows)):
        left -= sizes.get(ref, 0)
        if left < 0 and taken:
            return rows[len(rows) - taken :] if upwards else rows[:taken]
    return rows


def _sizes(context: Context, dated: Sequence[store.feeds.Dated]) -> dict[store.feeds.Dated, int]:
    """The sizes of the stored documents in bytes, remembered in this process. Raises Unavailable."""
    sizes = context.sizes.find(dated)
    unknown = [ref for ref in dated if ref not in sizes]
    refs = [(num, version) for num, version, _ in unknown]
    found = context.read(lambda engine: store.articles.sizes(engine, refs)) if refs else {}
    for ref in unknown:
        sizes[ref] = found.get(ref[:2], 0)
        if ref[:2] in found:
            context.sizes.keep(ref, sizes[ref], SIZE)
    return sizes


def archived(query: Query) -> bool:
    """Whether the feed has an archive by month. Searches and periods have none."""
    return not (query.words or query.since or query.until)


def shown(
    context: Context,
    query: Query,
    own: str,
    written: Sequence[Fragment],
    links: dict[str, str],
    gone: tuple[Withdrawn, ...] = (),
) -> Feed:
    """The document of a query's articles, in the format in which they are written; `own` is its URL. Raises Unavailable."""
    named = query.offices or any(name == "office" for name, _ in query.excluded)
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)} if named else {}
    lang = title_language(query, context.settings.language)
    instants = [fragment.updated for fragment in written] + [withdrawn.at for withdrawn in gone]
    return Feed(
        self=own,
        home=home(context, replace(query, before=None, after=None)),
        title=feed_title(context.settings.site_name, query, offices, lang),
        subtitle=feed_subtitle(lang),
        lang=lang,
        updated=max(instants, default=NEVER),
        links=links,
        withdrawn=gone,
        fragments=tuple(fragment for fragment in written if fragment.pieces),
    )


def _pages(context: Context, query: Query, format: str, standing: Sequence[Cursor], more: bool) -> dict[str, str]:
    """The links from a page to the others (RFC 5005, section 3). A feed that fits on one page has none."""
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
    return {rel: address(context, linked, format) for rel, linked in sorted(pages.items())}


def find(context: Context, query: Query) -> list[Article]:
    """The articles of a query, newest change first: one range scan and one multi-get. Raises Unavailable."""
    rows = fitting(context, standing_of(context, query))
    return documents(context, store.feeds.dated(rows))


def documents(context: Context, dated: Sequence[store.feeds.Dated]) -> list[Article]:
    """The articles of these versions, in the same order. Raises Unavailable."""
    cached = context.cache.documents(dated)
    articles = {ref: article for ref, doc in cached.items() if (article := _decoded(doc))}
    missing = [ref for ref in dated if ref not in articles]
    refs = [(num, version) for num, version, _ in missing]
    docs = context.read(lambda engine: store.articles.documents(engine, refs)) if missing else {}
    read = {ref: docs[ref[:2]] for ref in missing}
    articles |= {ref: msgspec.json.decode(doc, type=Article) for ref, doc in read.items()}
    context.cache.keep_documents(read)
    return [articles[ref] for ref in dated]


def _decoded(doc: bytes) -> Article | None:
    """An article from the cache; None if it cannot be decoded, because another version of this program wrote it."""
    try:
        return msgspec.json.decode(doc, type=Article)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
