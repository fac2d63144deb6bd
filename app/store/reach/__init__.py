"""Whom a release reached: counts of polls and pages seen, deliveries of one article, and who read it under embargo. It may import
`deliveries` and `feeds`."""

from app.store.reach.counts import (
    FeedPairs,
    ReachBatch,
    ReaderClaim,
    add_counts,
    claims_of,
    polled_feeds,
    polls_by_feed,
    polls_by_step,
    prune_counts,
    uses_by_day,
    views_by_step,
)
from app.store.reach.recipients import (
    EARLY,
    EarlyReader,
    Recipient,
    came,
    count_recipients,
    early_pushes,
    early_readers,
    first_public,
    recipients,
)

__all__ = [
    "EARLY",
    "EarlyReader",
    "FeedPairs",
    "ReachBatch",
    "ReaderClaim",
    "Recipient",
    "add_counts",
    "came",
    "claims_of",
    "count_recipients",
    "early_pushes",
    "early_readers",
    "first_public",
    "polled_feeds",
    "polls_by_feed",
    "polls_by_step",
    "prune_counts",
    "recipients",
    "uses_by_day",
    "views_by_step",
]
