"""Counts in this process how often feeds are polled and pages of articles seen, and what feed readers say of their subscribers.

A request only raises a number in memory. A thread writes the numbers every minute (PRESSRELAY_REACH_SECONDS), so a worker that is
killed loses the counts of a minute at most. No address, no cookie and no User-Agent is stored. What is kept in memory and written in
an hour is limited: beyond that, polls and views are only counted together (`OTHERS`).
"""

import logging
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

from flask import current_app, request
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.errors import Unavailable
from app.query import LIMIT, Query
from app.settings import Settings
from app.store import Engine

log = logging.getLogger("pressrelay.reach")

OTHERS = "*"  # the feeds, and the articles, that are only counted together
SIMPLE, COMPLEX, ARTICLES = (
    4000,
    1000,
    4000,
)  # simple feeds, complex feeds and articles that one process tells apart in an hour
CLAIMS = 2000  # claims of feed readers that it keeps until they are written
READERS = 8  # programs of feed readers that are told apart for each feed, between two writings
LONGEST = 300  # characters of a feed's canonical query, of a pair and of a User-Agent
PAIRS = 16  # pairs of place and topic by which a feed is found
REGISTERED = 20_000  # feeds whose pairs a process remembers to have written
MOST = 1_000_000  # subscribers that a reader may claim
LOOK = 0.5  # seconds between two looks whether the process ends
RACING = 0.02  # seconds: much longer than it takes to raise a number

# What stands in the User-Agent of feed readers that say for how many people they poll; each has a form of its own:
# "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 462 subscribers; )", "Feedbin feed-id:1697787 - 102 subscribers",
# "NewsBlur Feed Fetcher - 27 subscribers - https://…", "Mozilla/5.0 (compatible; inoreader.com; 114 subscribers)",
# "Mozilla/5.0 (compatible; theoldreader.com; 1 subscribers; feed-id=…)", "Mozilla/5.0 (compatible; BazQux/2.4; +https://bazqux.com/fetcher;
# 1 subscribers)" (https://docs.buttondown.com/rss-subscribers); "Overcast/1.0 Podcast Sync (123 subscribers; feed-id=…; +http://overcast.fm/)"
# (https://overcast.fm/podcasterinfo).
PROGRAMS = (
    *(("feedly", "Feedly"), ("inoreader", "Inoreader"), ("newsblur", "NewsBlur"), ("feedbin", "Feedbin")),
    *(("theoldreader", "The Old Reader"), ("bazqux", "BazQux"), ("overcast", "Overcast"), ("newsgator", "NewsGator")),
    *(("feedfetcher-google", "Google FeedFetcher"), ("bloglovin", "Bloglovin"), ("hanrss", "HanRSS")),
    *(("livedoor", "livedoor"), ("netvibes", "Netvibes"), ("feedhq", "FeedHQ"), ("commafeed", "CommaFeed")),
)
SAYS = re.compile(r"(?<![A-Za-z0-9.,])(\d[\d,]{0,14})[ _+]subscriber(?:s|\(s\))?(?![A-Za-z])", re.ASCII)
PRODUCT = re.compile(r"([A-Za-z](?:[A-Za-z0-9 ._-]{0,30}[A-Za-z0-9])?)(?=[/; (]|$)", re.ASCII)
# Programs that fetch pages without a person. Programs that pretend to be a browser are counted as browsers.
ROBOT = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|fetch|preview|monitor|scan|archiv|feed|rss\b|curl|wget|python|java/|okhttp|httpclient"
    r"|libwww|go-http|axios|node|ruby|perl|php|headless|lighthouse|facebookexternalhit|embedly|scrap|\byeti\b|daum(?:oa)?\b|validator|http",
    re.IGNORECASE,
)


class PolledFeed(Struct, frozen=True):
    """A feed as its polls are counted: all its formats, pages and encodings together."""

    name: str  # its canonical query; OTHERS: it is not told apart
    complex: bool = False  # it has a filter besides one place and one topic
    pairs: tuple[str, ...] = ()  # "place/topic"


NOT_TOLD_APART = PolledFeed(OTHERS, complex=True)


def polled_feed(query: Query) -> PolledFeed:
    """How the polls of a query are counted. Searches, periods and very long queries are not told apart."""
    if query.words or query.since or query.until:
        return NOT_TOLD_APART
    name = replace(query, before=None, after=None, limit=LIMIT, saved=None).canonical()
    scans = query.scans()
    pairs = tuple(f"{place}/{topic}" for place, topic in scans)
    if len(name) > LONGEST or len(pairs) > PAIRS or max(map(len, pairs)) > LONGEST:
        return NOT_TOLD_APART
    return PolledFeed(name, len(scans) > 1 or bool(query.probes() or query.exclusions()), pairs)


class ReachCounts:
    """The counts of one process. Its threads share it: `polls` is raised without the lock, everything else is changed under it."""

    def __init__(self) -> None:
        self.polls: dict[
            str, int
        ] = {}  # since the last writing; the fast lane raises the numbers of names that are in it
        self._lock = threading.Lock()
        self._views: dict[str, int] = {}
        self._uses: dict[str, int] = {}  # of tokens, by their ids
        self._claims: set[tuple[str, str]] = set()  # (feed, User-Agent)
        self._feeds: dict[str, PolledFeed] = {}  # told apart in this hour
        self._complex = 0  # how many of them are complex
        self._articles: set[str] = set()  # told apart in this hour
        self._hour = 0
        self._registered: set[str] = set()  # feeds whose pairs are written

    def poll(self, feed: PolledFeed, agent: str = "") -> None:
        """Count a poll of a feed, by a program with that User-Agent."""
        with self._lock:
            name = feed.name if self._told_apart(feed) else OTHERS
            self.polls[name] = self.polls.get(name, 0) + 1
        if "subscriber" in agent:
            self.claim(feed, agent)

    def claim(self, feed: PolledFeed, agent: str) -> None:
        """Keep what a feed reader says of its subscribers until it is written."""
        if len(agent) > LONGEST or (feed.name, agent) in self._claims:
            return
        with self._lock:
            if feed.name in self._feeds and len(self._claims) < CLAIMS:
                self._claims.add((feed.name, agent))

    def view(self, article: str) -> None:
        """Count that somebody saw the page of a public article. `article`: its public id."""
        with self._lock:
            if article not in self._articles and len(self._articles) >= ARTICLES:
                article = OTHERS
            self._articles.add(article)
            self._views[article] = self._views.get(article, 0) + 1

    def use(self, token: str) -> None:
        """Count a request with a token that is valid. `token`: its id."""
        with self._lock:
            self._uses[token] = self._uses.get(token, 0) + 1

    def _told_apart(self, feed: PolledFeed) -> bool:
        if feed.name in self._feeds:
            return True
        if feed.name == OTHERS or (
            self._complex >= COMPLEX if feed.complex else len(self._feeds) - self._complex >= SIMPLE
        ):
            return False
        self._feeds[feed.name] = feed
        self._complex += feed.complex
        return True

    def take(self, hour: int) -> store.reach.ReachBatch:
        """What was counted since the last call, for the hour `hour` (since 1970, UTC). Only one thread may call it."""
        with self._lock:
            polls, self.polls = self.polls, {}
            views, self._views = self._views, {}
            uses, self._uses = self._uses, {}
            claims, self._claims = self._claims, set()
            feeds = self._feeds
            if hour // 24 != self._hour // 24 or len(self._registered) > REGISTERED:
                self._registered = set()  # Rows that are still used are written again each day.
            if hour != self._hour:  # A new hour begins with none counted separately.
                self._hour, self._feeds, self._complex, self._articles = hour, {}, 0, set()
            new = [feeds[name] for name in polls if name in feeds and name not in self._registered]
            self._registered |= {feed.name for feed in new}
        time.sleep(RACING)  # until a thread that had the old dictionary has raised its number
        pairs = [store.reach.FeedPairs(feed.name, feed.complex, feed.pairs) for feed in new]
        return store.reach.ReachBatch(hour, dict(polls), views, _claims(claims, hour // 24), pairs, uses)

    def put_back(self, batch: store.reach.ReachBatch) -> None:
        """Take back what could not be written."""
        with self._lock:
            for counts, lost in ((self.polls, batch.polls), (self._views, batch.views)):
                for name, number in lost.items():
                    name = name if len(counts) < SIMPLE + COMPLEX or name in counts else OTHERS
                    counts[name] = counts.get(name, 0) + number
            for token, number in batch.uses.items():
                self._uses[token] = self._uses.get(token, 0) + number
            self._registered -= {feed.feed for feed in batch.feeds}


def _claims(sayings: set[tuple[str, str]], day: int) -> list[store.reach.ReaderClaim]:
    """The largest number of each program and feed. Unknown programs, whose names anybody can make up, are limited."""
    found: dict[str, dict[str, int]] = {}
    known = {name for _, name in PROGRAMS}
    read = sorted(
        (said for feed, agent in sayings if (said := _saying(feed, agent))), key=lambda said: said[1] not in known
    )
    for feed, program, count in read:
        programs = found.setdefault(feed, {})
        if program in programs or program in known or len(programs) < READERS:
            programs[program] = max(count, programs.get(program, 0))
    return [
        store.reach.ReaderClaim(feed, day, program, count)
        for feed, programs in found.items()
        for program, count in programs.items()
    ]


def _saying(feed: str, agent: str) -> tuple[str, str, int] | None:
    said = claimed(agent)
    return said and (feed, *said)


def claimed(agent: str) -> tuple[str, int] | None:
    """(name of the feed reader, for how many subscribers it says that it polls), from its User-Agent; None if it says nothing."""
    found = SAYS.search(agent)
    if found is None:
        return None
    count = min(int(found[1].replace(",", "") or "0"), MOST)
    lower = agent.lower()
    name = next((name for part, name in PROGRAMS if part in lower), "")
    if not name:
        start = agent.partition("compatible;")[2].strip() or agent
        product = PRODUCT.match(start)
        name = product[1].strip() if product else "?"
    return (name, count) if count else None


def is_robot(agent: str) -> bool:
    """Whether a User-Agent is of a program that fetches pages by itself, or says nothing."""
    return not agent or ROBOT.search(agent[:LONGEST].replace("https://", "").replace("http://", "")) is not None


def is_person(agent: str, purpose: str) -> bool:
    """Whether a person seems to see the page that a program with that User-Agent asks for. `purpose`: the header Sec-Purpose
    (https://wicg.github.io/nav-speculation/prefetch.html#sec-purpose-header)."""
    return "prefetch" not in purpose and not (is_robot(agent) if len(agent) > LONGEST else _is_known_robot(agent))


@lru_cache(2000)
def _is_known_robot(agent: str) -> bool:
    return is_robot(agent)


def counts() -> ReachCounts | None:
    """The counts of the application that answers this request; None: nothing is counted."""
    return cast(ReachCounts | None, current_app.extensions.get("reach"))


AGAIN = "pressrelay.again"  # a key of the WSGI environment: the fast lane asks once more for a request that was counted


def count_poll(query: Query) -> PolledFeed:
    """Count that this request polls a feed."""
    feed = polled_feed(query)
    counted = counts()
    walks = query.before is not None or query.after is not None  # a reader that follows the links to older pages
    if counted is not None and not walks and AGAIN not in request.environ:
        counted.poll(feed, request.headers.get("User-Agent", ""))
    return feed


def count_view(article: str) -> None:
    """Count that this request shows the page of a public article, if a person seems to read it."""
    counted = counts()
    if counted is None or request.method != "GET" or AGAIN in request.environ:
        return
    if is_person(request.headers.get("User-Agent", ""), request.headers.get("Sec-Purpose", "")):
        counted.view(article)


# Writing


def hour_of(now: datetime) -> int:
    """The hour of an instant, since 1970, UTC."""
    return int(now.timestamp()) // 3600


def write(engine: Engine, counted: ReachCounts, now: datetime) -> None:
    """Write what was counted. Raises Unavailable; then nothing is lost."""
    batch = counted.take(hour_of(now))
    try:
        store.reach.add_counts(engine, batch)
    except Unavailable:
        counted.put_back(batch)
        raise


def keep_writing(engine: Engine, counted: ReachCounts, seconds: int, days: int, stop: threading.Event) -> None:
    """Write every `seconds`, and once more when `stop` is set or the main thread has ended; once an hour delete what is older than
    `days`. If the database fails, try again."""
    failed, pruned, ending = False, 0, False
    while not ending:
        now = datetime.now(UTC)
        ending = _wait(min(seconds, 3600 - now.timestamp() % 3600), stop)  # An hour ends with a writing.
        try:
            write(engine, counted, now)
            if not ending and hour_of(now) != pruned:
                pruned = hour_of(now)
                while store.reach.prune_counts(engine, pruned - 24 * days) and not stop.is_set():
                    pass
            failed = False
        except Unavailable as error:
            if not failed:
                log.error("%s", error)
            failed = True


def _wait(seconds: float, stop: threading.Event) -> bool:
    """Wait; True, and no longer, when the process ends."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if stop.wait(min(LOOK, left)) or not threading.main_thread().is_alive():
            return True
    return stop.is_set()


def install(engine: Engine, settings: Settings, extensions: Mapping[str, object], stop: threading.Event) -> None:
    """Start the thread that writes the counts of an application, whose `extensions` these are, until `stop` is set."""
    counted = extensions.get("reach")
    if isinstance(counted, ReachCounts):
        given = (engine, counted, settings.reach_seconds, settings.reach_days, stop)
        # The process waits for it when it ends, so that the last counts are written.
        threading.Thread(target=keep_writing, args=given, name="reach", daemon=False).start()
