"""The interface between the delivery worker and a channel. A channel is a way to deliver, such as WebSub, webhooks or mail.

A channel makes parcels of the changes that wait for a subscription, sends them, and reports the outcome of each attempt. The worker
decides when, in which order and how often a parcel is sent (app/deliveries/worker.py). To add a channel, write a module with such a
class and add it to the worker's table `CHANNELS`.

A `Batch` has the articles of jobs that were claimed together, and knows which of them belong to each subscription. A `Database` calls
the store from the asyncio loop without blocking the loop.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.accounts.rights import ROLES, OutletRecord, Principal
from app.accounts.sites import site
from app.context import Context
from app.deliveries.matching import stands, within
from app.deliveries.smtp import Mailer
from app.errors import Unavailable
from app.outbound.callbacks import Client
from app.query import Query, Saved, parse
from app.syndication import embargoed
from app.syndication.retired import ending
from feeds import DEFAULT

log = logging.getLogger("pressrelay.push")

STOPPED = {
    "suspended": "The outlet is suspended: embargoed articles wait until the suspension ends.",
    "over": "The accreditation of the outlet has ended: embargoed articles wait until it is renewed.",
}  # why subscriptions to embargoed articles wait, by what OutletRecord.stopped says
RENEWED_WITHIN = timedelta(days=30)  # how long subscriptions wait after an accreditation ended: it may be renewed
PAUSE = 0.5  # seconds before a call is repeated when the database is unavailable

T = TypeVar("T")


class Database:
    """A thread that makes the calls one after the other. `name`: the name of the thread."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of the function. Raises whatever it raises, such as Unavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def until_it_works(self, function: Callable[..., T], *arguments: Any) -> T:
        """The same, repeated while the database is unavailable."""
        while True:
            try:
                return await self.call(function, *arguments)
            except Unavailable as error:
                log.error("%s", error)
                await asyncio.sleep(PAUSE)


class Turn:
    """A claimed subscription or request, until it is finished."""

    def __init__(self, line: int, host: str, account: str) -> None:
        self.line, self.host, self.account, self.site = line, host, account, site(host)
        self.keys = store.deliveries.Room.keys(host, self.site, account)
        self.began = 0.0  # monotonic seconds
        self.lasts = False
        self.groups: tuple[tuple[str, str], ...] = ()  # site and address whose room it uses while it lasts
        self._since = 0.0  # start of the call in flight (monotonic seconds)
        self._limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Wrap one call. Raises TimeoutError if it is cut off."""
        async with asyncio.timeout(None) as self._limit:
            self._since = time.monotonic()
            try:
                yield
            finally:
                self._limit = None

    def seconds(self) -> float:
        """Duration of the call in flight; 0 if there is no call that can be cut off."""
        return time.monotonic() - self._since if self._limit else 0.0

    def cut(self) -> None:
        if self._limit:
            self._limit.reschedule(asyncio.get_running_loop().time())


class Refusal(Exception):
    """The subscription must end, because its reader may not read these articles, or because its query is not valid any more. The
    message says why."""


class Stopped(Refusal):
    """The subscription must wait, because its outlet may not read under embargo for now."""


class Batch:
    """The public articles of several jobs, read together. Raises Unavailable."""

    def __init__(self, context: Context, jobs: Sequence[store.deliveries.Job]) -> None:
        self.context = context
        context.synced()
        nums = {row.num for job in jobs if not job.subscription.embargoed for row in job.rows}
        self._states = store.articles.states(context.engine, nums)
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make`, which is called once for each key in this batch."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def parted(
        self, query: Query, rows: Sequence[store.deliveries.Waiting]
    ) -> tuple[list[store.articles.State], list[store.articles.State], tuple[int, ...]]:
        """(articles of the rows that are in the feed now, articles that left it, rows of articles that were never in it)."""
        last = {row.num: row for row in rows}  # each article once
        last_words = self._last_words(query, rows)
        found = {num: state for num in last if (state := self._states.get(num)) is not None}
        there = {num for num, state in found.items() if state.public and stands(query, state.keys)}
        there = {num for num in there if within(query, found[num])}
        if query.words:
            there &= store.feeds.search_found(self.context.engine, query.words, there)
        others = found.keys() - there
        axes = (
            store.articles.stood(self.context.engine, [row.seq for row in rows if row.num in others]) if others else {}
        )
        left = {
            row.num for row in rows if row.num in others and any(stands(query, keys) for keys in axes.get(row.seq, ()))
        }
        left = {num for num in left if not (query.words or query.since or query.until) or not found[num].public}
        # If an article came into the feed and left it again, both changes are delivered as the later one.
        in_feed = there | {state.num for state in last_words}
        dropped = tuple(row.seq for row in rows if row.num not in in_feed and row.num not in left)
        shown = [*last_words, *(found[num] for num in last if num in there)]
        return shown, [found[num] for num in last if num in left], dropped

    def _last_words(self, query: Query, rows: Sequence[store.deliveries.Waiting]) -> list[store.articles.State]:
        """The entry that says that the feed has ended, as the state of an article that has no number, if it is to be delivered."""
        if not any(row.kind == store.deliveries.RETIRED for row in rows):
            return []
        entry = ending(self.context, query, DEFAULT)
        keys = store.Keys((), ())
        return [] if entry is None else [store.articles.State(0, True, "usable", 1, entry, keys, None, entry.updated)]

    def readable(
        self, subscription: store.deliveries.Subscription, query: Query, rows: Sequence[store.deliveries.Waiting]
    ) -> tuple[Principal, list[store.articles.State], list[store.articles.State]]:
        """For a subscription to embargoed articles: (its reader, embargoed articles of these rows, embargoed articles that were
        withdrawn). Raises Refusal, Unavailable."""
        principal = reader(self.context, subscription)
        found = store.articles.waiting_states(self.context.engine, {row.num for row in rows})
        allowed = [
            state
            for state in found.values()
            if not state.public and stands(query, state.keys) and embargoed.lets(principal, state.article)
        ]
        allowed.sort(key=lambda state: (state.at, state.num), reverse=True)
        lapsed = {row.num for row in rows if row.kind == "lapsed"}
        waits = [state for state in allowed if state.pubstatus == "usable"]
        return principal, waits, [state for state in allowed if state.pubstatus != "usable" and state.num in lapsed]


def recalled(subscription: store.deliveries.Subscription, saved: Saved | None = None) -> Query:
    """The query of a subscription, as it was stored; `saved`: its saved feed as it is now."""
    pairs = parse_qsl(subscription.query, keep_blank_values=True)
    offices = [value for name, value in pairs if name.endswith("office")]
    query = parse(pairs, offices)
    if saved is not None:
        return replace(query, saved=saved, until=saved.ended)
    return replace(query, saved=Saved(subscription.saved, subscription.query)) if subscription.saved else query


def reader(context: Context, subscription: store.deliveries.Subscription) -> Principal:
    """The current reader of a subscription to embargoed articles. Raises Refusal, Stopped, Unavailable."""
    found: Principal | None = None
    now = datetime.now(UTC)
    # A webhook of an outlet belongs to the outlet, whichever token made it.
    if subscription.token and not (subscription.outlet and subscription.kind == "webhook"):
        token = store.accounts.token_by_id(context.engine, subscription.token)
        if token is None or token.state(now) != "valid":
            raise Refusal("The token of the subscription is no longer valid.")
        found = embargoed.principal_of(context.engine, token, now)
    elif subscription.outlet:
        outlet = store.accounts.outlet_of(context.engine, subscription.outlet)
        if outlet is not None:
            actor = f"outlet {outlet.code}"
            found = embargoed.principal_for(context.engine, actor, ROLES["outlet"], outlet, now)
    if found is not None and found.outlet is not None:
        _check_stopped(found.outlet, now)
    if found is None or not found.reads_embargoed():
        raise Refusal("The subscriber may not read embargoed articles any more.")
    return found


def _check_stopped(outlet: OutletRecord, now: datetime) -> None:
    """Raises Stopped while an outlet is suspended, and for a time after its accreditation has ended: it may be renewed."""
    stopped = outlet.stopped(now)
    if stopped == "over" and outlet.until is not None and outlet.until < now - RENEWED_WITHIN:
        return  # The subscriptions end, as those of anybody who may not read under embargo.
    if stopped in STOPPED:
        raise Stopped(STOPPED[stopped])


def delivery_id(subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting]) -> str:
    """The identifier of a delivery: the same for each attempt, and never the same for other content. It includes random stamps,
    because a database that was restored to an older state uses its numbers again."""
    return f"msg_{hashlib.blake2b(delivery_words(subscription, rows).encode(), digest_size=12).hexdigest()}"


def delivery_words(subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting]) -> str:
    """The text that identifies a delivery: its subscription, and its first and last row."""
    stamps = [f":{row.stamp}" for row in (rows[0], rows[-1]) if row.stamp]
    return f"{subscription.name}:{rows[0].seq}:{rows[-1].seq}{''.join(stamps)}"


CUT = "No answer came, and the call was ended to make room for others."  # for a call that was cut off (app/deliveries/turns.py)

Content = TypeVar("Content")


class Parcel(Struct, Generic[Content], frozen=True):
    """One message to a subscriber."""

    seqs: tuple[int, ...]  # the rows of the queue that it delivers
    content: Content  # of the channel's own type
    id: str = ""  # the same at every attempt


class Pack(Struct, Generic[Content], frozen=True):
    """The parcels of one job, in order, and the rows for which nothing is sent."""

    parcels: tuple[Parcel[Content], ...] = ()
    replaced: tuple[int, ...] = ()  # rows whose article has a later row in the job
    dropped: tuple[int, ...] = ()  # rows of articles that the subscription does not include
    due: int | None = (
        None  # when to look at the remaining rows again (microseconds since 1970); None: the parcels are sent now
    )
    end: str = ""  # why the subscription ends when the parcels are delivered; empty: it continues


class Outcome(Struct, frozen=True):
    """The result of one attempt to send a parcel."""

    status: int = 0  # of the answer, in HTTP or SMTP; 0: there was no answer
    error: str = ""  # why the attempt failed, as a sentence for the subscriber; empty: the parcel was delivered
    wait: float = 0.0  # seconds until the next attempt, if the subscriber asked for a pause
    end: str = ""  # why the subscription ends; empty: it continues
    unreachable: bool = False  # the host could not be reached, so it is not called for a while
    latency: float = 0.0  # seconds that the subscriber's own host took; 0: another host answered


class Means(Struct, frozen=True):
    """What channels need to work: one of each in a process."""

    context: Context
    client: Client
    mailer: Mailer
    database: Database


class Channel(Protocol[Content]):
    """Delivers to the subscriptions of one kind."""

    pauses: bool  # whether a subscription is paused if all its deliveries fail for PRESSRELAY_PUSH_PAUSE days

    def pack(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Pack[Content]:
        """Make the parcels for these rows. Runs in the database's thread. Raises Refusal, Problem, Unfit and Unavailable."""

    async def send(
        self, subscription: store.deliveries.Subscription, parcel: Parcel[Content], attempt: int, turn: Turn
    ) -> Outcome:
        """Send a parcel; `attempt` counts from 1. A call that may be cut off must be made within `turn.calling()`."""

    async def ask(self, intent: store.deliveries.Intent, turn: Turn) -> bool | None:
        """Carry out an intent: ask the subscriber, or send it a denial. True: the subscriber confirmed it. False: it did not, or there
        is nothing to confirm. None: not known yet, so the intent is tried again when its claim ends."""
