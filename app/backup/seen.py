"""What public feeds show in one state of the database, as their ETags: a restored one must show the same."""

from app import store
from app.backup.manifest import ShownFeed
from app.cache.redis import Cache
from app.context import Context
from app.files import blobs
from app.query import parse
from app.query.cursors import Cursors
from app.settings import Settings
from app.syndication import page
from app.web.representation import etag_of
from feeds import FORMATS, format_of

OFFICES = 5  # whose feeds are compared, besides those of everything


def shown_feeds(settings: Settings, engine: store.Engine) -> tuple[ShownFeed, ...]:
    """Each format's feed of everything, and the Atom feeds of some offices. It uses no cache. Raises Unavailable."""
    context = Context(
        settings,
        engine,
        Cache(settings.redis, store.identity.instance(engine)),  # never asked: it only tells the history to the cursors
        blobs.connect(settings),
        Cursors(store.identity.secret(engine)),
    )
    try:
        offices = sorted(office.code for office in store.accounts.all_offices(engine))
        asked = [(format, "") for format in FORMATS] + [("atom", office) for office in offices[:OFFICES]]
        return tuple(ShownFeed(format, office, _etag(context, format, office, offices)) for format, office in asked)
    finally:
        context.cache.close()


def _etag(context: Context, format: str, office: str, offices: list[str]) -> str:
    query = parse([("office", office)] if office else [], offices)
    plan = page.planned(context, query, format)
    articles, _ = page.completed(context, plan.dated, {})
    body = format_of(format).render(plan.finish(tuple(articles)))
    return etag_of(body)
