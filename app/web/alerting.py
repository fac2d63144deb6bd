"""Alerts by mail, as `/alerts` and the desk's lists of reporters ask for them."""

from datetime import UTC, datetime

from app import store
from app.context import Context
from app.query import Query


def alert_of(context: Context, target: str, query: Query, pace: str, lang: str) -> store.deliveries.Subscription:
    """A subscription by mail that is not stored yet. `pace`: "" or "daily"; `lang`: of the text around the releases."""
    return store.deliveries.Subscription(
        kind="email",
        target=target,
        topic=query.home(context.settings.url),
        query=query.canonical(),
        format="email",
        host=target.rpartition("@")[2],
        pace=pace,
        lang=lang,
        created=store.micros(datetime.now(UTC)),
    )
