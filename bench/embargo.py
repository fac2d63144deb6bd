"""Measures embargoes: how long after their instant a reader can see the thousand articles of one release."""

import time
from datetime import UTC, datetime, timedelta

import msgspec

from bench.amounts import Amounts
from bench.figures import Figure, Say, figure
from bench.releases import document, samples
from bench.server import Connection, Running, get, post, running

PUSHED = 300  # articles that this machine can push in a second, at least
GIVEN_UP = 30.0  # seconds after the instant at which the measurement fails
PAGE = 200  # articles on a page


def embargo(amounts: Amounts, say: Say) -> list[Figure]:
    """Push one release of many articles under embargo until the same instant, and read all pages again and again."""
    seen = []
    for number in range(amounts.rounds):
        say(f"embargo, {amounts.embargoed:,} articles, round {number + 1}")
        with running() as server:
            seen.append(_round(server, amounts.embargoed) * 1000)
    what = f"{amounts.embargoed:,} embargoes of one instant, until a reader has all"
    return [figure("embargo", what, "ms", seen)]


def _round(server: Running, count: int) -> float:
    """Seconds from the instant until a reader has read all the articles."""
    instant = datetime.now(UTC) + timedelta(seconds=2 + count / PUSHED)
    with Connection(server.settings.port) as connection:
        connection.ask(post(server.token, document(list(samples(count, "embargo")), instant)), 201)
    if datetime.now(UTC) >= instant:
        raise RuntimeError("The push ended after the instant. This machine is too slow for the measurement.")
    while (shown := _shown(server)) < count:
        if time.time() > instant.timestamp() + GIVEN_UP:
            raise RuntimeError(f"Only {shown} of {count} articles are public {GIVEN_UP:.0f} seconds after the instant.")
    return time.time() - instant.timestamp()


def _shown(server: Running) -> int:
    """Number of articles on all pages of the feed of everything. Each page is read over a new connection, so that any web worker
    may answer."""
    count, path = 0, f"/feed.json?limit={PAGE}"
    while path:
        with Connection(server.settings.port) as connection:
            page = msgspec.json.decode(connection.ask(get(path), 200))
        count += len(page["items"])
        path = page.get("next_url", "").removeprefix(server.settings.url)
    return count
