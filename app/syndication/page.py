"""A query's articles as a feed: what is rendered, of whom it tells, and where its other pages are."""

from collections.abc import Sequence
from html import escape

import msgspec
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import query as queries
from app.query.query import LIMIT, Cursor, Query, Row, cut
from app.syndication.texts import feed_subtitle, feed_title, text, title_language
from feeds.article import Article, Feed, Withdrawn
from feeds.wording import EPOCH

WITHDRAWN = 50  # told in one feed at most
PAGE_BYTES = 3 * 1024 * 1024  # of the documents of a page's articles, of which about half goes into a feed
LONGEST_BODY = 512 * 1024  # characters of HTML; a feed shows the summary of what is longer
BOTTOM: Cursor = (0, 0)  # below every article

Shown = tuple[Feed, list[Cursor]]  # a feed, and where each of its articles stands


def address(context: Context, query: Query, format: str) -> str:
    """The one URL of a feed."""
    return query.address(context.settings.url, format)


def archive_address(context: Context, query: Query, format: str, month: str = "") -> str:
    """The URL of a document of the feed's archive (app/web/routes/archives.py); without a month of the newest one."""
    path = f"{context.settings.url}/feed.{format}/archive{'/' + month if month else ''}"
    return queries.url(path, replace(query, saved=None, limit=LIMIT).canonical())


def hub(context: Context) -> str:
    """The WebSub hub of every feed."""
    return f"{context.settings.url}/hub"


def home(context: Context, query: Query) -> str:
    """The page that shows the same query."""
    return query.home(context.settings.url)


def feed(context: Context, query: Query, format: str) -> Shown:
    """A page of a query's articles. Raises Unavailable."""
    # One more than the page holds: whether there is a next one.
    rows = store.standing(context.engine, replace(query, limit=query.limit + 1))
    rows, more = page(context, rows, query)
    articles = tuple(documents(context, store.dated(rows)))
    standing = [(sort, num) for sort, num, *_ in rows]
    gone: tuple[Withdrawn, ...] = ()
    links = _pages(context, query, format, standing, more)
    if query.before is None and query.after is None:
        oldest = standing[-1][0] if more else 0
        gone = tuple(store.withdrawn(context.engine, query, oldest, WITHDRAWN))
        if articles and archived(query):
            links["prev-archive"] = archive_address(context, query, format)
    made = shown(context, query, address(context, query, format), articles, links, gone)
    # Its other pages are no topics: what is subscribed to is the feed.
    return made if query.before or query.after else replace(made, hub=hub(context)), standing


def page(context: Context, rows: list[Row], query: Query) -> tuple[list[Row], bool]:
    """The rows of a page of which one more was asked for, by number and by bytes, and whether there are more. Raises Unavailable."""
    whole, more = cut(rows, query)
    fit = fitting(context, whole, upwards=query.after is not None)
    return fit, more or len(fit) < len(whole)


def fitting(context: Context, rows: list[Row], *, upwards: bool = False) -> list[Row]:
    """As many of these rows as a page has room for in bytes, from the top or, `upwards`, from the bottom; at least one. What a page
    costs to read and to render is bounded by its bytes, not by its number of articles. Raises Unavailable."""
    sizes = store.sizes(context.engine, [(num, version) for _, num, version, _ in rows]) if len(rows) > 1 else {}
    left = PAGE_BYTES
    for taken, (_, num, version, _) in enumerate(rows[::-1] if upwards else rows):
        left -= sizes.get((num, version), 0)
        if left < 0 and taken:
            return rows[len(rows) - taken :] if upwards else rows[:taken]
    return rows


def shortened(article: Article) -> Article:
    """The article as feeds show it: a very long text is its summary, and a link to the whole of it."""
    if len(article.body) <= LONGEST_BODY:
        return article
    words = text("full-text", "ko" if article.lang.partition("-")[0].lower() == "ko" else "en")
    body = f'<p>{escape(article.summary, quote=False)}</p><p><a href="{escape(article.url)}">{words}</a></p>'
    return replace(article, body=body, text=f"{article.summary}\n\n{words}: {article.url}")


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
        articles=tuple(map(shortened, articles)),
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
    rows = fitting(context, store.standing(context.engine, query))
    return documents(context, store.dated(rows))


def documents(context: Context, dated: Sequence[store.Dated]) -> list[Article]:
    """The articles of these versions, in the same order. Raises Unavailable."""
    found = {one: article for one, doc in context.cache.articles(dated).items() if (article := _decoded(doc))}
    missing = [one for one in dated if one not in found]
    if missing:
        docs = store.documents(context.engine, [(num, version) for num, version, _ in missing])
        read = {one: docs[one[:2]] for one in missing}
        context.cache.keep_articles(read)
        found |= {one: msgspec.json.decode(doc, type=Article) for one, doc in read.items()}
    return [found[one] for one in dated]


def _decoded(doc: bytes) -> Article | None:
    """A document of the cache; one that cannot be read (another version of this program wrote it) is a miss."""
    try:
        return msgspec.json.decode(doc, type=Article)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
