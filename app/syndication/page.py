"""The articles of a query as a page of a feed, with its title and the links to its other pages."""

from collections.abc import Callable, Sequence
from html import escape

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import LIMIT, Cursor, Query, Row, cut, feed_url
from app.syndication.retired import ending
from app.syndication.texts import feed_subtitle, feed_title, text, title_language
from feeds import NEVER, Article, Feed, Withdrawn

WITHDRAWN = 50  # withdrawn articles that one feed shows at most
PAGE_BYTES = 3 * 1024 * 1024  # bytes of the stored documents of a page's articles; about half of them go into a feed
LONGEST_BODY = 512 * 1024  # characters of HTML; a feed shows only the summary of a longer body
BOTTOM: Cursor = (0, 0)  # a position below every article


class Plan(Struct, frozen=True):
    """A document whose articles are known but not read yet."""

    dated: list[store.feeds.Dated]  # the articles' versions
    standing: list[Cursor]  # the position of each article
    finish: Callable[[tuple[Article, ...]], Feed]  # makes the document of these articles; may raise Unavailable


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
    return plan.finish(tuple(documents(context, plan.dated)))


def planned(context: Context, query: Query, format: str) -> Plan:
    """The plan of a page of a query's articles. Raises Unavailable."""
    # Ask for one row more than the page holds, to see whether a next page exists.
    rows = standing_of(context, replace(query, limit=query.limit + 1))
    rows, more = page(context, rows, query)
    standing = [(sort, num) for sort, num, *_ in rows]

    def finish(articles: tuple[Article, ...]) -> Feed:
        gone: tuple[Withdrawn, ...] = ()
        links = _pages(context, query, format, standing, more)
        if query.before is None and query.after is None:
            oldest = standing[-1][0] if more else 0
            gone = tuple(context.read(lambda engine: store.feeds.withdrawn(engine, query, oldest, WITHDRAWN)))
            if articles and archived(query):
                links["prev-archive"] = archive_address(context, query, format)
            if (last := ending(context, query, format)) is not None:
                articles = (last, *articles)
        made = shown(context, query, address(context, query, format), articles, links, gone)
        # Only the first page names the hub: clients subscribe to the feed, not to its other pages.
        # A saved feed that was removed has no news for them.
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
    refs = [(num, version) for _, num, version, _ in rows]
    sizes = context.read(lambda engine: store.articles.sizes(engine, refs)) if len(rows) > 1 else {}
    left = PAGE_BYTES
    for taken, (_, num, version, _) in enumerate(rows[::-1] if upwards else rows):
        left -= sizes.get((num, version), 0)
        if left < 0 and taken:
            return rows[len(rows) - taken :] if upwards else rows[:taken]
    return rows


def shortened(article: Article) -> Article:
    """The article as feeds show it: a very long body is replaced by the summary and a link to the full text."""
    if len(article.body) <= LONGEST_BODY:
        return article
    words = text("full-text", "ko" if article.lang.partition("-")[0].lower() == "ko" else "en")
    body = f'<p>{escape(article.summary, quote=False)}</p><p><a href="{escape(article.url)}">{words}</a></p>'
    return replace(article, body=body, text=f"{article.summary}\n\n{words}: {article.url}")


def archived(query: Query) -> bool:
    """Whether the feed has an archive by month. Searches and periods have none."""
    return not (query.words or query.since or query.until)


def shown(
    context: Context,
    query: Query,
    own: str,
    articles: tuple[Article, ...],
    links: dict[str, str],
    gone: tuple[Withdrawn, ...] = (),
) -> Feed:
    """The document of a query's articles; `own` is its URL. Raises Unavailable."""
    named = query.offices or any(name == "office" for name, _ in query.excluded)
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)} if named else {}
    lang = title_language(query, context.settings.language)
    instants = [article.updated for article in articles] + [withdrawn.at for withdrawn in gone]
    return Feed(
        self=own,
        home=home(context, replace(query, before=None, after=None)),
        title=feed_title(context.settings.site_name, query, offices, lang),
        subtitle=feed_subtitle(lang),
        lang=lang,
        updated=max(instants, default=NEVER),
        articles=tuple(map(shortened, articles)),
        links=links,
        withdrawn=gone,
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
    articles, read = completed(context, dated, context.cache.articles(dated))
    context.cache.keep_articles(read)
    return articles


def completed(
    context: Context, dated: Sequence[store.feeds.Dated], cached: dict[store.feeds.Dated, bytes]
) -> tuple[list[Article], dict[store.feeds.Dated, bytes]]:
    """The articles of these versions, in the same order, and the documents of those that the cache did not have. Raises
    Unavailable."""
    articles = {ref: article for ref, doc in cached.items() if (article := _decoded(doc))}
    missing = [ref for ref in dated if ref not in articles]
    refs = [(num, version) for num, version, _ in missing]
    docs = context.read(lambda engine: store.articles.documents(engine, refs)) if missing else {}
    read = {ref: docs[ref[:2]] for ref in missing}
    articles |= {ref: msgspec.json.decode(doc, type=Article) for ref, doc in read.items()}
    return [articles[ref] for ref in dated], read


def _decoded(doc: bytes) -> Article | None:
    """An article from the cache; None if it cannot be decoded, because another version of this program wrote it."""
    try:
        return msgspec.json.decode(doc, type=Article)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
