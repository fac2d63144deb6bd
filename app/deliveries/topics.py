"""What can be subscribed to: every feed of this server, by its one canonical URL."""

from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from app import store
from app.context import Context
from app.errors import Problem
from app.query import query as queries
from app.query.query import Query
from app.syndication import embargoed as accredited
from app.syndication.page import address
from feeds import FORMATS

LONGEST = 2000  # characters
MOST = 10**6  # subscriptions of one saved feed
EMBARGOED = ("status", "embargoed")


class Topic(Struct, frozen=True):
    """A feed that is subscribed to."""

    url: str
    query: Query
    format: str
    embargoed: bool = False
    saved: str = ""  # the name it was asked by

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(place, topic): a change of this feed is one of theirs."""
        return self.query.scans()


def topic_of(context: Context, url: str) -> Topic:
    """The topic of a URL. Raises Problem: 404 for what is no feed here, 400 for another spelling of one, which is named."""
    base = context.settings.url
    if len(url) > LONGEST or not url.startswith(f"{base}/"):
        raise _unknown(f"Topics of this hub are its own feeds, below {base}/.")
    try:
        parts = urlsplit(url[len(base) :])
    except ValueError:
        raise _unknown(f"{url[:200]!r} is not a URL.") from None
    name, _, format = parts.path.rpartition(".")
    if parts.scheme or parts.netloc or parts.fragment or format not in FORMATS:
        raise _unknown(f"{url[:200]!r} is none: a feed is {base}/feed.{{{','.join(FORMATS)}}}, or {base}/f/NAME.atom.")
    given = parse_qsl(parts.query, keep_blank_values=True)
    embargoed = EMBARGOED in given
    pairs = [pair for pair in given if pair != EMBARGOED]
    if name == "/feed":
        topic = asked(context, pairs, format, embargoed)
    elif name.startswith("/f/") and not embargoed:
        topic = _saved(context, name.removeprefix("/f/"), pairs, format)
    else:
        raise _unknown(f"{url[:200]!r} is none.")
    if topic.url != url:
        detail = f"That feed's own URL, which its `self` link tells, is {topic.url}: subscribe to that."
        raise Problem(400, "not-canonical", "Not a feed's own URL", detail)
    return topic


def asked(context: Context, pairs: list[tuple[str, str]], format: str, embargoed: bool) -> Topic:
    """The topic of a feed's parameters. Raises Problem."""
    _whole(pairs)
    query = queries.parse(pairs, [office.code for office in store.all_offices(context.engine)])
    if embargoed:
        if query.words or query.since or query.until:
            detail = "q, since and until ask for what is public, and go not with status=embargoed."
            raise Problem(400, "bad-parameter", "Bad parameter", detail)
        return Topic(accredited.address(context, query, format), query, format, embargoed=True)
    return Topic(address(context, query, format), query, format)


def _saved(context: Context, name: str, pairs: list[tuple[str, str]], format: str) -> Topic:
    found = store.saved_feed(context.engine, name) if queries.NAME.fullmatch(name) else None
    if found is None:
        raise Problem(404, "unknown-feed", "No such feed", f"No feed is saved under {name[:64]!r}.")
    _whole(pairs)
    query = queries.recall(found, pairs, [office.code for office in store.all_offices(context.engine)])
    return Topic(address(context, query, format), query, format, saved=name)


def _whole(pairs: list[tuple[str, str]]) -> None:
    if any(name in ("before", "after") and value.strip() for name, value in pairs):
        raise Problem(400, "bad-cursor", "A page is no topic", "Subscribe to the feed itself: its first page.")


def _unknown(detail: str) -> Problem:
    return Problem(404, "unknown-topic", "No such topic", detail)


def renew_saved(context: Context, name: str, now: datetime) -> None:
    """The saved feed of that name asks for something else, or is gone: its subscriptions follow it, or are told that they end.
    Raises Unavailable."""
    for one in store.find_subscriptions(context.engine, saved=name, limit=MOST):
        if one.state == store.ENDED:
            continue
        try:
            topic = topic_of(context, one.topic)
        except Problem as problem:
            store.deny(context.engine, one, problem.detail or problem.title, now)
        else:
            store.listen(context.engine, one.id, one.embargoed, topic.pairs, topic.query.canonical())
