"""The ETags of public feeds in one state of the database. After a restore they must be the same."""

from app import store
from app.backup.manifest import ShownFeed
from app.context import alone
from app.settings import Settings
from app.web.rendering import fresh_etag
from feeds import FORMATS

OFFICES = 5  # whose feeds are compared, besides those of everything


def shown_feeds(settings: Settings, engine: store.Engine) -> tuple[ShownFeed, ...]:
    """Each format's feed of everything, and the Atom feeds of some offices. It uses no cache. Raises Unavailable."""
    context = alone(settings, engine)
    offices = sorted(office.code for office in store.accounts.all_offices(engine))
    asked = [(format, "") for format in FORMATS] + [("atom", office) for office in offices[:OFFICES]]
    return tuple(ShownFeed(format, office, fresh_etag(context, format, office, offices)) for format, office in asked)
