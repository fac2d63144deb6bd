"""Measures how much time the counting of a poll adds to a hot answer of the fast lane, in this process and without sockets."""

import time
from collections.abc import Callable
from typing import Any

from app.cache.marks import Marks
from app.web.counting import PolledFeed, ReachCounts
from app.web.fastlane import Fastlane, KeptAnswer, may_keep
from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure

ADDED = Target(1.0, sense="at most")  # microseconds; a whole answer with its sockets takes tens of them
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
READER = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 462 subscribers; )"
TAG = '"tag"'


class _Copies:
    """A cache that has only marks: every copy is in the process."""

    def __init__(self) -> None:
        self.marks = Marks()


def counting(amounts: Amounts, say: Say) -> list[Figure]:
    """Microseconds of processor time of a 304 from a copy, and of the counting in it."""
    say("counting")
    figures = []
    for name, agent in (("a browser", BROWSER), ("a reader that says its subscribers", READER)):
        whole = [_each(_hot(agent), amounts.counted) for _ in range(amounts.rounds)]
        figures.append(figure("counting", f"a 304 of the fast lane to {name}", "µs", whole))
        alone = [_each(_count(agent), amounts.counted) for _ in range(amounts.rounds)]
        figures.append(figure("counting", f"counting it, for {name}", "µs", alone, target=ADDED))
    return figures


def _each(call: Callable[[], object], count: int) -> float:
    start = time.thread_time()  # other programs do not disturb it
    for _ in range(count):
        call()
    return (time.thread_time() - start) / count * 1e6


def _hot(agent: str) -> Callable[[], object]:
    cache = _Copies()
    slots = cache.marks.slots(["*/*"])

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        may_keep(environ, KeptAnswer("key", "tag", 0, slots, cache.marks.read(slots), PolledFeed("", False, ("*/*",))))
        start("200 OK", [("ETag", TAG)])
        return [b""]

    lane = Fastlane(application, cache, 1_000_000)  # type: ignore[arg-type]
    lane.alive(float("inf"))
    environ = {"PATH_INFO": "/feed.atom", "REQUEST_METHOD": "GET", "HTTP_USER_AGENT": agent}
    lane(dict(environ), lambda *_: None)
    asked = environ | {"HTTP_IF_NONE_MATCH": TAG}
    return lambda: lane(asked, lambda *_: None)


def _count(agent: str) -> Callable[[], object]:
    """The statements of `Fastlane.__call__` that count."""
    counts, feed = ReachCounts(), PolledFeed("", False, ("*/*",))
    counts.poll(feed)
    environ = {"HTTP_USER_AGENT": agent}

    def count() -> None:
        try:
            counts.polls[feed.name] += 1
        except KeyError:
            counts.poll(feed)
        said = environ.get("HTTP_USER_AGENT")
        if said and "subscriber" in said:
            counts.claim(feed, said)

    return count
