"""What is under embargo, for those who may read it before: who they are, what of it each may read, and the feed of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app import store
from app.accounts.rights import OutletRecord, Principal
from app.context import Context
from app.query import query as queries
from app.query.query import Query, office_place
from app.store import Engine, Event, TokenRecord
from app.syndication.page import hub, shortened
from app.syndication.texts import text
from feeds import embargo
from feeds.article import Article, Feed, Withdrawn
from feeds.wording import EPOCH

Within = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # (places, topics), in each of which an article must stand


def principal_of(engine: Engine, token: TokenRecord) -> Principal | None:
    """Whom a token stands for; None where its outlet was removed. Raises Unavailable."""
    outlet: OutletRecord | None = None
    if token.outlet:
        outlet = next((one for one in store.all_outlets(engine) if one.code == token.outlet), None)
        if outlet is None:
            return None
    wanted = set(outlet.offices) if outlet else set()
    offices = store.all_offices(engine) if token.office or wanted else []
    limited = tuple(one.code for one in offices if wanted & {one.code, *one.above})
    office = next((one for one in offices if one.code == token.office), None)
    within = tuple(one for one in offices if token.office in one.above)
    return Principal(token.actor, token.role, token.scope, office, within, outlet, limited)


def may(principal: Principal) -> bool:
    """Whether it may read under embargo: an outlet, or an office what is its own."""
    return principal.may("embargo") or (principal.office is not None and principal.may("read"))


def within(principal: Principal) -> Within:
    """The limits of a token: values of one mean or, limits mean and."""
    outlet, offices = principal.outlet, principal.reads()
    limits: Within = ((tuple(map(office_place, offices)), ("*",)),) if offices is not None else ()
    if outlet is None:
        return limits
    by_region: Within = ((outlet.regions, ("*",)),) if outlet.regions else ()
    by_topic: Within = ((("*",), outlet.topics),) if outlet.topics else ()
    return (*limits, *by_region, *by_topic)


def lets(principal: Principal, article: Article) -> bool:
    """Whether it may read this one."""
    # An article stands where it stood when it came; whose it may be read by is decided by what the offices are now.
    offices = principal.reads()
    if offices is not None and article.office.code not in offices:
        return False
    stands = store.keys(article)
    return all(
        set(places) & set(stands.places) and set(topics) & set(stands.topics) for places, topics in within(principal)
    )


def record(engine: Engine, principal: Principal, articles: Sequence[Article], how: str) -> None:
    """Keep who reads what, before it is shown. Raises Unavailable, and then it must not be."""
    detail = {"as": how} | ({"outlet": principal.outlet.code} if principal.outlet else {})
    events = [Event("read", principal.actor, one.office.code, one.id, one.version, detail) for one in articles]
    store.append(engine, events, datetime.now(UTC))


def feed(
    context: Context,
    query: Query,
    format: str,
    articles: Sequence[Article],
    links: dict[str, str],
    gone: tuple[Withdrawn, ...] = (),
) -> Feed:
    """A document of articles under embargo, each plainly marked."""
    lang = context.settings.language
    return Feed(
        self=address(context, query, format),
        home=f"{context.settings.url}/",
        title=f"{context.settings.site_name}: {text('embargoed', lang)}",
        subtitle=text("embargoed-how", lang),
        lang=lang,
        updated=max((one.updated for one in articles), default=EPOCH),
        articles=tuple(embargo.marked(shortened(one), format) for one in articles),
        links=links,
        withdrawn=gone,
        hub="" if query.before or query.after else hub(context),
    )


def address(context: Context, query: Query, format: str) -> str:
    """The one URL of a feed of what is under embargo."""
    own: Any = query.canonical()
    return queries.url(
        f"{context.settings.url}/feed.{format}", f"{own}&status=embargoed" if own else "status=embargoed"
    )
