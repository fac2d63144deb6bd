"""Topics of subscriptions: every feed of this server, by its canonical URL."""

from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from app import store
from app.context import Context
from app.deliveries.channel import recalled
from app.errors import Problem
from app.query import NAME, Query, parse, recall
from app.syndication import embargoed as accredited
from app.syndication.page import address
from app.syndication.retired import has_ended
from feeds import CHOICES, FORMATS, variants
from schemas import codes

LONGEST = 2000  # characters
MOST = 10**6  # subscriptions of one saved feed
EMBARGOED = ("status", "embargoed")


class Topic(Struct, frozen=True):
    """A feed that can be subscribed to."""

    url: str
    query: Query
    format: str
    embargoed: bool = False
    saved: str = ""  # the name of the saved feed in the URL; empty: none

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(place, topic): each change of this feed has at least one of these pairs."""
        return self.query.scans()


def topic_of(context: Context, url: str) -> Topic:
    """The topic of a URL. Raises Problem: 404 if it is not a feed of this server, 400 if it is not the canonical URL of the feed."""
    base = context.settings.url
    if len(url) > LONGEST or not url.startswith(f"{base}/"):
        raise _unknown(f"The topics of this hub are its own feeds, with URLs below {base}/.")
    try:
        parts = urlsplit(url[len(base) :])
    except ValueError:
        raise _unknown(f"{url[:200]!r} is not a URL.") from None
    name, _, format = parts.path.rpartition(".")
    if parts.scheme or parts.netloc or parts.fragment or format not in FORMATS:
        known = f"{base}/feed.{{{','.join(FORMATS)}}} or {base}/f/NAME.atom"
        raise _unknown(f"{url[:200]!r} is not a feed of this server; expected {known}.")
    given = parse_qsl(parts.query, keep_blank_values=True)
    varied = {(CHOICES[format][0], value): variant for value, variant in variants(format).items()}
    format = next((varied[pair] for pair in given if pair in varied), format)
    embargoed = EMBARGOED in given
    pairs = [pair for pair in given if pair != EMBARGOED and pair not in varied]
    if name == "/feed":
        topic = feed_topic(context, pairs, format, embargoed)
    elif name.startswith("/f/") and not embargoed:
        topic = _saved(context, name.removeprefix("/f/"), pairs, format)
    else:
        raise _unknown(f"{url[:200]!r} is not a feed of this server.")
    if topic.url != url:
        detail = f"Subscribe to the canonical URL of this feed, which is in its `self` link: {topic.url}."
        raise Problem(400, "not-canonical", "Not a feed's own URL", detail)
    return topic


def feed_topic(context: Context, pairs: list[tuple[str, str]], format: str, embargoed: bool) -> Topic:
    """The topic for the parameters of a feed. Raises Problem."""
    _whole(pairs)
    query = parse(pairs, [office.code for office in store.accounts.all_offices(context.engine)])
    if embargoed:
        if query.words or query.since or query.until:
            detail = "q, since and until cannot be combined with status=embargoed."
            raise Problem(400, "bad-parameter", "Bad parameter", detail)
        return Topic(accredited.address(context, query, format), query, format, embargoed=True)
    return Topic(address(context, query, format), query, format)


def _saved(context: Context, name: str, pairs: list[tuple[str, str]], format: str) -> Topic:
    found = store.feeds.saved_feed(context.engine, name) if NAME.fullmatch(name) else None
    if found is None:
        raise Problem(404, "unknown-feed", "No such feed", f"No feed is saved under the name {name[:64]!r}.")
    if found.ended is not None:
        raise Problem(404, "unknown-feed", "The feed has ended", f"The feed {name!r} has ended: read its last entry.")
    _whole(pairs)
    query = recall(found, pairs, [office.code for office in store.accounts.all_offices(context.engine)])
    return Topic(address(context, query, format), query, format, saved=name)


def _whole(pairs: list[tuple[str, str]]) -> None:
    if any(name in ("before", "after") and value.strip() for name, value in pairs):
        raise Problem(
            400,
            "bad-cursor",
            "A page is not a topic",
            "Subscribe to the first page of the feed, without before and after.",
        )


def _unknown(detail: str) -> Problem:
    return Problem(404, "unknown-topic", "No such topic", detail)


def tell_of_endings(context: Context, now: datetime) -> None:
    """Tell subscribers once that the regions of their feeds no longer exist. The subscriptions continue: corrections and
    withdrawals of old articles are delivered as before. Raises Unavailable."""
    gone = [code.code for code in codes("region") if code.valid_to and code.successors]
    for subscription in store.deliveries.to_be_told(context.engine, gone):
        try:
            ended = has_ended(recalled(subscription))
        except Problem:  # Its query is not valid any more. Its next delivery reports that.
            ended = False
        store.deliveries.tell_once(context.engine, subscription.id, now, ended=ended)


def renew_saved(context: Context, name: str, now: datetime) -> None:
    """Update the subscriptions of a saved feed after its query changed. If the feed was removed, queue a last delivery that says
    so, after which they end; if its address answers 410 by now, end them at once. Raises Unavailable."""
    saved = store.feeds.saved_feed(context.engine, name)
    for subscription in store.deliveries.find_subscriptions(context.engine, saved=name, limit=MOST):
        if subscription.state == store.deliveries.ENDED:
            continue
        if saved is not None and saved.ended is not None and not saved.gone:
            store.deliveries.say_the_end(context.engine, subscription.id, now)
            continue
        try:
            topic = topic_of(context, subscription.topic)
        except Problem as problem:
            store.deliveries.deny(context.engine, subscription, problem.detail or problem.title, now)
        else:
            store.deliveries.listen(
                context.engine, subscription.id, subscription.embargoed, topic.pairs, topic.query.canonical()
            )
