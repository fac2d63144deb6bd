"""Articles under embargo for accredited readers: who may read which articles, their copies, and their feed.

An outlet gets copies of its own, with an invisible fingerprint (`copies`). No other code may show an outlet an article under embargo.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from app import store
from app.accounts.rights import OutletRecord, Principal, make_principal, principal_of_outlet
from app.context import Context
from app.query import Query, feed_url, office_place
from app.store import Engine
from app.syndication.page import hub
from app.syndication.texts import text
from app.syndication.written import shortened
from app.text import fingerprint
from feeds import NEVER, Article, Feed, Withdrawn, format_of

Within = tuple[
    tuple[tuple[str, ...], tuple[str, ...]], ...
]  # (places, topics); an article must belong to each of these pairs


def principal_of(engine: Engine, token: store.accounts.TokenRecord, now: datetime) -> Principal | None:
    """The principal of a token; None if its outlet was removed. Raises Unavailable."""
    if not token.outlet:
        offices = store.accounts.all_offices(engine) if token.office else []
        return make_principal(token.actor, token.role, token.scope, offices, office=token.office or "")
    outlet = store.accounts.outlet_of(engine, token.outlet)
    return None if outlet is None else principal_for(engine, token.actor, token.scope, outlet, now)


def principal_for(engine: Engine, actor: str, scope: Sequence[str], outlet: OutletRecord, now: datetime) -> Principal:
    """The principal of an outlet, with the rights that it has now. Raises Unavailable."""
    offices = store.accounts.all_offices(engine) if outlet.offices else []
    return principal_of_outlet(actor, scope, outlet, offices, now)


def within(principal: Principal) -> Within:
    """The limits of a token. An article must satisfy every limit, and needs one of the values in each."""
    outlet, offices = principal.outlet, principal.reads()
    limits: Within = ((tuple(map(office_place, offices)), ("*",)),) if offices is not None else ()
    if outlet is None:
        return limits
    by_region: Within = ((outlet.regions, ("*",)),) if outlet.regions else ()
    by_topic: Within = ((("*",), outlet.topics),) if outlet.topics else ()
    return (*limits, *by_region, *by_topic)


def lets(principal: Principal, article: Article) -> bool:
    """Whether it may read this article."""
    # The places of an article were fixed when it came. But the present structure of the offices decides who may read it.
    offices = principal.reads()
    if offices is not None and article.office.code not in offices:
        return False
    keys = store.keys(article)
    return all(
        set(places) & set(keys.places) and set(topics) & set(keys.topics) for places, topics in within(principal)
    )


def copies(
    engine: Engine, principal: Principal, articles: Sequence[Article], how: str, *, apart: bool = False
) -> list[Article]:
    """The articles as this reader may see them. Before that, the reading is recorded. An outlet's copies have its fingerprint, and
    the database notes that it got them. `apart`: each has a document of its own. Raises Unavailable; then nothing may be shown."""
    if principal.outlet is None or not articles:
        note_reading(engine, principal, articles, how)
        return list(articles)
    outlet, now = principal.outlet.code, datetime.now(UTC)
    new, first = store.copies.not_noted(engine, outlet, [(article.id, article.version) for article in articles])
    if new:
        found = [article for article in articles if (article.id, article.version) in first]
        known = fingerprint.known_each(articles)
        words = {one.id: fingerprint.kept_shingles(f"{one.summary}\n{one.text}"[:known]) for one in found}
        store.copies.note_copies(engine, outlet, new, words, now)
    note_reading(engine, principal, articles, how)
    key = fingerprint.key_of(store.identity.secret(engine))
    most = fingerprint.MOST if apart else fingerprint.length_each(articles)
    return [fingerprint.marked(article, key, outlet, most) for article in articles]


def note_reading(
    engine: Engine, principal: Principal, articles: Sequence[Article], how: str, action: str = "read"
) -> None:
    """Record who reads which articles. `action`: "listed" where only their headlines are shown. Raises Unavailable."""
    detail = {"as": how} | ({"outlet": principal.outlet.code} if principal.outlet else {})
    events = [
        store.audit.Event(action, principal.actor, article.office.code, article.id, article.version, detail)
        for article in articles
    ]
    store.audit.append(engine, events, datetime.now(UTC))


def dated_as_it_came(article: Article, came: datetime) -> Article:
    """The article dated when its version came. Its own dates may be those at which the embargo ends, and readers hide entries from the
    future."""
    return replace(article, published=min(article.published, came), updated=min(article.updated, came))


def feed(
    context: Context,
    query: Query,
    format: str,
    articles: Sequence[Article],
    links: dict[str, str],
    gone: tuple[Withdrawn, ...] = (),
) -> Feed:
    """A document of articles under embargo, each clearly marked."""
    lang = context.settings.language
    return Feed(
        self=address(context, query, format),
        home=f"{context.settings.url}/",
        title=f"{context.settings.site_name}: {text('embargoed', lang)}",
        subtitle=text("embargoed-how", lang),
        lang=lang,
        updated=max((article.updated for article in articles), default=NEVER),
        articles=tuple(format_of(format).marked(shortened(article)) for article in articles),
        links=links,
        withdrawn=gone,
        hub="" if query.before or query.after else hub(context),
    )


def address(context: Context, query: Query, format: str) -> str:
    """The canonical URL of a feed of articles under embargo."""
    own = query.canonical(context.write_cursor)
    return feed_url(context.settings.url, "/feed", format, f"{own}&status=embargoed" if own else "status=embargoed")
