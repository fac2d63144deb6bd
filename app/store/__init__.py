"""The store: the only code that runs SQL. It is grouped by subject: `store.articles.by_id`, `store.deliveries.claim`. The modules
beside these folders are shared by all subjects: the tables, the engine, the counter of changes, the audit log. Every function that
uses the database takes the engine, and raises Unavailable when the database cannot be used.
"""

from app.store import (
    accounts,
    articles,
    audit,
    backfill,
    clock,
    copies,
    deliveries,
    desk,
    feeds,
    identity,
    inventory,
    leftover,
    operation,
    plan,
    press_events,
    reach,
    samples,
    schema,
    snapshot,
)
from app.store.changes import Change, Keys, keys
from app.store.engine import Engine, connect, holding, shorten_log
from app.store.schema import upgrade
from app.store.tables import instant, micros

__all__ = [
    "Change",
    "Engine",
    "Keys",
    "accounts",
    "articles",
    "audit",
    "backfill",
    "clock",
    "connect",
    "copies",
    "deliveries",
    "desk",
    "feeds",
    "holding",
    "identity",
    "instant",
    "inventory",
    "keys",
    "leftover",
    "micros",
    "operation",
    "plan",
    "press_events",
    "reach",
    "samples",
    "schema",
    "shorten_log",
    "snapshot",
    "upgrade",
]
