"""A subscription as its subscriber and the operator see it: how it stands, and what was delivered. No secret is told."""

from typing import Any

from app import store
from app.context import Context
from app.query.query import rfc3339
from app.store import Logged, Subscription
from app.store.instants import instant

LOGGED = 50  # deliveries that are shown


def told(context: Context, one: Subscription) -> dict[str, Any]:
    """Raises Unavailable."""
    stands = store.failing(context.engine, [one.id]).get(one.id, {})
    return {
        "name": one.name,
        "kind": one.kind,
        "target": one.target,
        "topic": one.topic,
        "query": one.query,
        "format": one.format,
        "embargoed": one.embargoed,
        "signed": bool(one.secret),
        "outlet": one.outlet,
        "contact": one.contact,
        "pace": one.pace,
        "state": one.state,
        "reason": one.reason,
        "created": _when(one.created),
        "expires": _when(one.expires),
        "attempts": stands.get("attempts", 0),
        "failing": _when(stands.get("failing")),
        "next": _when(stands.get("next")),
    }


def logged(one: Logged) -> dict[str, Any]:
    """A delivery. `seconds`: from the change to its delivery."""
    return {
        "number": one.seq,
        "article": one.article,
        "version": one.version,
        "event": one.kind,
        "state": one.state,
        "status": one.status,
        "error": one.error,
        "attempts": one.attempts,
        "changed": _when(one.at),
        "done": _when(one.done),
        "seconds": round((one.done - one.at) / 1_000_000, 3) if one.done and one.state == "delivered" else None,
        "millis": one.millis,
    }


def whole(context: Context, one: Subscription, limit: int = LOGGED) -> dict[str, Any]:
    """With its last deliveries, the newest first. Raises Unavailable."""
    return told(context, one) | {"deliveries": [logged(row) for row in store.log_of(context.engine, one.id, limit)]}


def _when(micros: int | None) -> str:
    return rfc3339(instant(micros)) if micros else ""
