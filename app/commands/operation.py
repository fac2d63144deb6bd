"""`deliveries`, `drain` and `cache`: switches that an operator sets for the whole server."""

import time
from datetime import UTC, datetime

import click

from app import store
from app.commands import Misconfigured, as_json, opened, renew, report

LOOK = 0.2  # seconds between two looks at the deliveries that run


@click.group("deliveries")
def deliveries_group() -> None:
    """Whether this server delivers to subscribers and pulls sources at all."""


@deliveries_group.command("hold")
@as_json
def hold_command(as_json: bool) -> None:
    """Deliver nothing and pull nothing, on all hosts, until `deliveries resume`."""
    store.operation.hold_deliveries(opened().engine, datetime.now(UTC))
    report(
        as_json,
        {"deliveries": "held"},
        "Nothing is delivered or pulled any more. To resume: pressrelay deliveries resume",
    )


@deliveries_group.command("resume")
@as_json
def resume_command(as_json: bool) -> None:
    """Deliver and pull again. Do this only on the real server, when no copy of it delivers."""
    store.operation.hold_deliveries(opened().engine, None)
    report(as_json, {"deliveries": "on"}, "Deliveries and pulls go on.")


@click.command("drain")
@click.option("--end", is_flag=True, help="Take releases again.")
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, 86_400),
    help="Largest number of seconds to wait for deliveries that are due.",
)
@as_json
def drain_command(end: bool, wait: float, as_json: bool) -> None:
    """Take no more releases, corrections and withdrawals, on all hosts: they get 503 with Retry-After. Feeds are still served,
    embargoes lift, and releases that were taken are delivered. When the command returns, no more releases are acknowledged. `--end`
    takes releases again."""
    engine = opened().engine
    store.operation.drain_intake(engine, None if end else datetime.now(UTC))
    if end:
        report(as_json, {"intake": "on"}, "Releases are taken again.")
        return
    until = time.monotonic() + wait
    while (due := _due(engine)) and time.monotonic() < until:
        time.sleep(LOOK)
    left = f"{due} subscriptions still wait for deliveries." if due else "No delivery is due."
    report(
        as_json,
        {"intake": "drained", "waiting": due},
        f"No releases are taken any more. {left} To take releases again: pressrelay drain --end",
    )


def _due(engine: store.Engine) -> int:
    if store.operation.now_holds(engine).held:
        return 0
    return store.deliveries.figures(engine).due


@click.group("cache")
def cache_group() -> None:
    """The cache."""


@cache_group.command("flush")
@as_json
def flush_command(as_json: bool) -> None:
    """Render every feed and page again. Nothing is lost: the cache is only a cache."""
    if not renew(*opened()):
        raise Misconfigured(
            "The cache does not answer, so nothing was flushed. If it is stopped, it is empty when `pressrelay serve` starts it."
        )
    report(as_json, {"cache": "flushed"}, "Every feed is rendered again.")
