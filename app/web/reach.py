"""Whom a release reached: its deliveries, its readers under embargo, and the polls and page views that the web workers counted."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from msgspec import Struct

from app import store
from app.accounts.rights import ROLES, OutletRecord, principal_of_outlet
from app.deliveries.matching import stands
from app.errors import Problem
from app.query import Query, parse
from app.syndication import embargoed
from app.syndication.texts import feed_title
from app.web.context import Context
from app.web.counting import hour_of
from feeds import Article

SHOWN = timedelta(days=30)  # how long after its publication polls and views are shown
AT_ONCE = timedelta(
    seconds=10
)  # an article that became public so soon after it came had no embargo during which anybody could read it
STEPS = (1, 3, 6, 12, 24)  # hours of a bar
BARS = 96
COMPLEX = 300  # feeds with several filters that are looked at
CLAIMS = 50
ROWS = 100  # recipients on a page
WHOLE = 10_000  # recipients in a CSV file
KINDS = ("webhook", "websub", "email")
STATES = ("delivered", "waiting", "failing", "dead", "replaced", "dropped")
OUTLETS = ("missed", "unread", "received", "read")
LISTED = ("dead", "waiting", "delivered", "replaced", "dropped")  # these recipients can be listed


class OutletReach(Struct, frozen=True):
    """An accredited outlet and an article under embargo."""

    code: str
    name: str
    lets: bool  # its limits allow it to read the article
    first: datetime | None = None  # when it first read it; None: it has not
    last: datetime | None = None
    push: str = ""  # the state of its last push; empty: it has none
    at: datetime | None = None  # of that push
    error: str = ""

    @property
    def state(self) -> str:
        """ "missed": a push did not reach it, and it has not read it; "unread"; "received": by a push alone; "read"."""
        if self.first is not None:
            return "read"
        return {"dead": "missed", "failing": "missed", "delivered": "received"}.get(self.push, "unread")


class Span(Struct, frozen=True):
    """The hours that polls and views are shown of, since 1970, and how many of them a bar stands for."""

    start: int
    end: int  # the first hour that is not shown
    step: int

    @property
    def starts(self) -> list[datetime]:
        """When each bar begins."""
        return [datetime.fromtimestamp(hour * 3600, UTC) for hour in range(self.start, self.end, self.step)]


class Traffic(Struct, frozen=True):
    """How often the feeds of an article were polled and its page seen."""

    span: Span
    polls: list[int]  # by bar
    views: list[int]
    feeds: list[tuple[str, int]]  # (canonical query, polls), the most polled first
    claims: list[store.reach.ReaderClaim]


def outlets_of(context: Context, article: Article) -> list[OutletReach]:
    """The accredited outlets that may read the article, did, or were pushed it: first those that it did not reach. None if it was
    public at once. Raises Unavailable."""
    engine = context.engine
    came, public = store.reach.came(engine, article.id), store.reach.first_public(engine, article.id)
    if came is not None and public is not None and public < came + AT_ONCE:
        return []
    readers: dict[str, list[store.reach.EarlyReader]] = {}
    for reader in store.reach.early_readers(engine, article.id):
        readers.setdefault(reader.outlet, []).append(reader)
    pushes: dict[str, store.reach.Recipient] = {}
    for push in store.reach.early_pushes(engine, article.id):
        # The newest push whose outcome is known: deliveries wait behind one that fails.
        known_outcome = state_of(push) != "waiting"
        if push.outlet not in pushes or (known_outcome and state_of(pushes[push.outlet]) == "waiting"):
            pushes[push.outlet] = push
    known = {outlet.code: outlet for outlet in store.accounts.all_outlets(engine)}
    offices, now = store.accounts.all_offices(engine), datetime.now(UTC)
    found = []
    for code in sorted((known.keys() | readers.keys() | pushes.keys()) - {""}):
        outlet = known.get(code, OutletRecord(code, code))
        who = principal_of_outlet("", ROLES["outlet"], outlet, offices, now)
        lets = code in known and who.reads_embargoed() and embargoed.lets(who, article)
        if not (lets or code in readers or code in pushes):
            continue
        own, pushed = readers.get(code, ()), pushes.get(code)
        found.append(
            OutletReach(
                code,
                outlet.name,
                lets,
                min((reader.first for reader in own), default=None),
                max((reader.last for reader in own), default=None),
                state_of(pushed) if pushed else "",
                (pushed.done or pushed.at) if pushed else None,
                pushed.error if pushed else "",
            )
        )
    return sorted(found, key=lambda outlet: (OUTLETS.index(outlet.state), outlet.name))


def state_of(recipient: store.reach.Recipient) -> str:
    """The state of a delivery; a waiting one that has failed before is "failing"."""
    return "failing" if recipient.state == "waiting" and recipient.error else recipient.state


def span_of(public: datetime, now: datetime) -> Span:
    """The hours to show of an article that became public then: until now, for thirty days at most."""
    start = hour_of(public)
    end = max(start, min(hour_of(now), hour_of(public + SHOWN))) + 1
    step = next((step for step in STEPS if end - start <= BARS * step), STEPS[-1])
    return Span(start, end, step)


def traffic_of(context: Context, article: Article, public: datetime, now: datetime, step: int = 0) -> Traffic:
    """The polls and views since the article became public. `step`: hours; 0: as it fits the plot. Raises Unavailable."""
    span = span_of(public, now)
    span = Span(span.start, span.end, step or span.step)
    engine, keys = context.engine, store.keys(article)
    pairs = {f"{place}/{topic}": (place, topic) for place, topic in keys.pairs()}
    offices = [office.code for office in store.accounts.all_offices(engine)]
    names = []
    for complex, name in store.reach.polled_feeds(engine, pairs, COMPLEX):
        query = query_of(name, offices) if complex else None
        if not complex or (query is not None and stands(query, keys)):
            names.append(name)
    bars = len(span.starts)
    polls = store.reach.polls_by_step(engine, names, span.start, span.end, span.step)
    views = store.reach.views_by_step(engine, article.id, span.start, span.end, span.step)
    return Traffic(
        span,
        [polls.get(bar, 0) for bar in range(bars)],
        [views.get(bar, 0) for bar in range(bars)],
        store.reach.polls_by_feed(engine, names, span.start, span.end),
        store.reach.claims_of(engine, names, span.start // 24, span.end // 24, CLAIMS),
    )


def query_of(name: str, offices: Sequence[str]) -> Query | None:
    """The query of a counted feed; None if one of its codes is not known any more."""
    try:
        return parse(parse_qsl(name), offices)
    except Problem:
        return None


def titles_of(context: Context, traffic: Traffic, lang: str) -> dict[str, str]:
    """Canonical query -> title, of the counted feeds. Raises Unavailable."""
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    names = {name for name, _ in traffic.feeds} | {claim.feed for claim in traffic.claims}
    found = {name: query_of(name, list(offices)) for name in names}
    site = context.settings.site_name
    return {name: feed_title(site, query, offices, lang) if query else name for name, query in found.items()}
