"""Shows a subscription to its subscriber and the operator: its state and its deliveries, but no secret."""

from typing import Any

from app import store
from app.context import Context
from app.store import instant
from feeds import rfc3339_utc

LOGGED = 50  # deliveries to show
ATTEMPTED = ("waiting", "delivered", "dead")  # the states of deliveries that have attempts of their own


def summary(context: Context, subscription: store.deliveries.Subscription) -> dict[str, Any]:
    """A subscription and the state of its deliveries. Raises Unavailable."""
    queued = store.deliveries.failing(context.engine, [subscription.id]).get(subscription.id, {})
    return {
        "name": subscription.name,
        "kind": subscription.kind,
        "target": subscription.target,
        "topic": subscription.topic,
        "query": subscription.query,
        "format": subscription.format,
        "embargoed": subscription.embargoed,
        "signed": bool(subscription.secret),
        "outlet": subscription.outlet,
        "contact": subscription.contact,
        "pace": subscription.pace,
        "state": subscription.state,
        "reason": subscription.reason,
        "created": _when(subscription.created),
        "expires": _when(subscription.expires),
        "attempts": queued.get("attempts", 0),
        "failing": _when(queued.get("failing")),
        "next": _when(queued.get("next")),
    }


def delivery(row: store.deliveries.Delivery) -> dict[str, Any]:
    """A delivery of one change. `seconds`: from the change to its delivery; `millis`: duration of the last attempt; `tries`: each
    attempt, oldest first."""
    return {
        "number": row.seq,
        "article": row.article,
        "version": row.version,
        "event": row.kind,
        "state": row.state,
        "status": row.status,
        "error": row.error,
        "attempts": row.attempts,
        "changed": _when(row.at),
        "done": _when(row.done),
        "seconds": round((row.done - row.at) / 1_000_000, 3) if row.done and row.state == "delivered" else None,
        "millis": row.millis,
        "tries": tries(row),
    }


def tries(row: store.deliveries.Delivery) -> list[dict[str, Any]]:
    """The attempts of a delivery, oldest first. `millis` is 0 where no answer came."""
    found = [
        {"number": one.number, "at": _when(one.at), "status": one.status, "error": one.error, "millis": one.millis}
        for one in row.failures
    ]
    last = row.failures[-1].number if row.failures else 0
    # The last one succeeded, or it was made before failures were noted.
    if row.attempts > last and row.state in ATTEMPTED:
        own = {"number": row.attempts, "at": _when(row.done), "status": row.status, "error": row.error}
        found.append({**own, "millis": row.millis})
    return found


def details(
    context: Context, subscription: store.deliveries.Subscription, limit: int = LOGGED, *, operator: bool = False
) -> dict[str, Any]:
    """The summary with the latest deliveries, newest first. `operator`: with the request that each comes from, which is no business of
    the subscriber. Raises Unavailable."""
    rows = store.deliveries.log_of(context.engine, subscription.id, limit)
    deliveries = [delivery(row) | ({"request": row.request} if operator else {}) for row in rows]
    return summary(context, subscription) | {"deliveries": deliveries}


def _when(micros: int | None) -> str:
    return rfc3339_utc(instant(micros)) if micros else ""
