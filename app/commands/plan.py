"""`plan`: how large a server must be. It needs no server, no database and no setting."""

import math
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from app.commands import Misconfigured, as_json, report
from app.sizing import Demand, Estimate, HostSize, MeasuredCosts, SizePlan, polls_of, read_costs, size_plan

LARGEST = 1024 * 1024  # bytes of a file of costs
MOST = 1e12  # largest number of anything; a larger one is a typing error
SHARE = 100.0  # percent
F = TypeVar("F", bound=Callable[..., Any] | click.Command)


class Amount(click.FloatRange):
    """A number that is finite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


COUNT, POSITIVE = Amount(0, MOST), Amount(0, MOST, min_open=True)
PERCENT, SOME_PERCENT = Amount(0, SHARE), Amount(0, SHARE, min_open=True)


def _option(name: str, type: click.ParamType[Any], default: Any, help: str) -> Callable[[F], F]:
    return click.option(name, type=type, default=default, show_default=default is not None, help=help)


@click.command("plan")
@_option("--offices", click.IntRange(1, 10_000_000), 40, "Offices that push releases.")
@_option("--pushes-a-day", COUNT, None, "Releases on a busy day, corrections among them. [default: 5 for each office]")
@_option("--days", Amount(0, 366, min_open=True), 365, "Days of a year with so many pushes.")
@_option("--busiest-hour", SOME_PERCENT, 20, "Percent of the day's pushes that come in the busiest hour.")
@_option("--busiest-minute", SOME_PERCENT, 10, "Percent of that hour's pushes that come in the busiest minute.")
@_option("--release-kb", Amount(0, 3_000, min_open=True), 4, "Kilobytes of a release's text (UTF-8).")
@_option("--files-mb", Amount(0, 1e6), 1, "Megabytes of a release's files, on average.")
@_option("--years", Amount(0, 1_000, min_open=True), 10, "Years for which everything is kept.")
@_option(
    "--feeds", click.IntRange(1, 100_000_000), None, "Different feeds that are polled. [default: 5 for each office]"
)
@_option("--changed", COUNT, 12, "How many of these feeds show a release: its office's, its regions' and topics' …")
@_option("--page", click.IntRange(1, 200), 50, "Articles in a feed.")
@click.option(
    "--polls",
    multiple=True,
    default=("600/minute",),
    show_default=True,
    help="Polls, as COUNT/minute (or /second, /hour, /day) or POLLERS@INTERVAL, such as 2000@30s; may be repeated.",
)
@_option("--compressed", PERCENT, 95, "Percent of polls that take compressed answers.")
@_option("--not-modified", PERCENT, 80, "Percent of polls that are answered 304.")
@_option("--cdn", PERCENT, 0, "Percent of polls that a proxy or a CDN in front answers.")
@_option("--subscribers", COUNT, 100, "Subscriptions: WebSub, webhooks and e-mail alerts.")
@_option("--webhooks", PERCENT, 20, "Percent of them that are webhooks.")
@_option("--mails", PERCENT, 30, "Percent of them that are e-mail alerts; the rest is WebSub.")
@_option("--reach", COUNT, None, "Subscriptions that a release reaches. [default: 1 percent of them]")
@click.option(
    "--database",
    type=click.Choice(["sqlite", "postgresql"]),
    help="Kind of database. [default: SQLite as long as one machine is enough]",
)
@_option("--cores", click.IntRange(1, 10_000), 4, "Processor cores of a machine.")
@_option("--memory-gb", POSITIVE, 8, "Gigabytes of memory of a machine.")
@_option("--disk-gb", POSITIVE, 1000, "Gigabytes of a machine's disk.")
@_option("--network-mbit", POSITIVE, 1000, "Megabits a second that a machine can send.")
@_option("--busy", SOME_PERCENT, 50, "Percent of a machine that the busiest minute may use.")
@click.option(
    "--costs",
    "file",
    type=click.Path(path_type=Path),
    help="Costs measured on your own machine: `python -m bench costs --costs FILE` in a checkout.",
)
@as_json
def plan_command(file: Path | None, as_json: bool, **given: Any) -> None:
    """Say which processes, hosts, memory, disk, database and cache a server needs.

    The answer is computed from the costs of pushes, polls and deliveries, which were measured on one machine. Memory, disk and
    cache may differ by a factor of 1.5 either way, processor time by 2.
    """
    costs = _costs(file)
    demand, assumed = _demand(given)
    host = HostSize(
        given["cores"],
        given["memory_gb"] * 1e9,
        given["disk_gb"] * 1e9,
        given["network_mbit"] * 1e6 / 8,
        given["busy"] / SHARE,
    )
    plan = size_plan(costs, demand, host, given["days"], given["database"] or "")
    members = {
        "demand": demand,
        "host": host,
        "assumed": assumed,
        "costs": costs.machine,
        "plan": plan,
        "first": plan.first,
    }
    report(as_json, msgspec.to_builtins(members), *_sentences(plan, demand, host, costs, assumed))


def _costs(file: Path | None) -> MeasuredCosts:
    if file is None:
        return read_costs(files("app.sizing").joinpath("costs.json").read_bytes(), "costs.json")
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror or error}.") from None
    if len(content) > LARGEST:
        raise Misconfigured(f"{file} is too large for a file of costs: the limit is {LARGEST:,} bytes.")
    return read_costs(content, str(file))


def _demand(given: dict[str, Any]) -> tuple[Demand, dict[str, float]]:
    """What is expected, and which of its numbers were derived from other ones. Raises Misconfigured if numbers contradict each
    other."""
    derived = {
        "pushes_a_day": 5.0 * given["offices"],
        "feeds": 5 * given["offices"],
        "reach": min(given["subscribers"], max(1.0, given["subscribers"] / 100)),
    }
    assumed = {name: value for name, value in derived.items() if given[name] is None}
    given = given | assumed
    websubs = SHARE - given["webhooks"] - given["mails"]
    if websubs < 0:
        raise Misconfigured(
            f"--webhooks {given['webhooks']:g} and --mails {given['mails']:g} are more than 100 percent together."
        )
    if given["reach"] > given["subscribers"]:
        raise Misconfigured(
            f"--reach {given['reach']:,.0f} is more than all subscriptions, which are {given['subscribers']:,.0f}."
        )
    demand = Demand(
        offices=given["offices"],
        pushes=given["pushes_a_day"],
        busiest_hour=given["busiest_hour"] / SHARE,
        busiest_minute=given["busiest_minute"] / SHARE,
        text=given["release_kb"] * 1000,
        files=given["files_mb"] * 1e6,
        years=given["years"],
        feeds=given["feeds"],
        changed=given["changed"],
        page=given["page"],
        polls=sum(polls.a_second for polls in polls_of(given["polls"])),
        compressed=given["compressed"] / SHARE,
        unchanged=given["not_modified"] / SHARE,
        proxied=given["cdn"] / SHARE,
        webhooks=given["subscribers"] * given["webhooks"] / SHARE,
        websubs=given["subscribers"] * websubs / SHARE,
        mails=given["subscribers"] * given["mails"] / SHARE,
        reached=given["reach"],
    )
    return demand, assumed


def _sentences(
    plan: SizePlan, demand: Demand, host: HostSize, costs: MeasuredCosts, assumed: dict[str, float]
) -> list[str]:
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[plan.database]
    lacks = f"One machine is not enough: it lacks {', '.join(plan.lacking)}."
    together = ", on all of them together" if len(plan.hosts) > 1 else ""
    said = [
        f"For {demand.offices:,} offices, {demand.pushes:,.0f} pushes a day, {demand.polls * 60:,.0f} polls a minute and"
        f" {demand.subscribers:,.0f} subscriptions ({demand.reached:,.0f} for each release):",
        f"One machine is enough, with {kind}." if plan.one_machine else lacks,
        *plan.notes,
        "",
        "hosts      " + ", ".join(f"{count:,} × {name}" for name, count in plan.hosts.items()),
        "processes  " + ", ".join(f"{count:,} {name}" for name, count in plan.processes.items()) + together,
        f"database   {kind}",
    ]
    if plan.settings:
        said.append("settings   " + ", ".join(f"{name}={value}" for name, value in plan.settings.items()))
    said += ["", *_table(plan.estimates), ""]
    first = plan.first
    said.append(
        f"First limit of one such machine: {first.name} ({_times(first.share)}). If it is reached: {first.more}."
    )
    hard = next(limit for limit in plan.limits if not limit.grows)
    if hard != first:
        said.append(
            f"First limit that more machines cannot raise: {hard.name} ({_times(hard.share)}). If it is reached: {hard.more}."
        )
    names = {"pushes_a_day": "--pushes-a-day", "feeds": "--feeds", "reach": "--reach"}
    if assumed:
        said.append("Assumed: " + ", ".join(f"{names[name]} {value:g}" for name, value in assumed.items()) + ".")
    said.append(
        f"A machine has {host.cores:,} cores, {host.memory / 1e9:g} GB of memory, {host.disk / 1e9:g} GB of disk and"
        f" {host.bandwidth * 8 / 1e6:g} Mbit/s; the busiest minute may use {host.busy * 100:g} %."
        " Backups, logs and downloads of files are not in these numbers."
    )
    machine = costs.machine
    said.append(
        f"Costs: measured on {machine.get('cpu', 'an unknown machine')}, {machine.get('time', 'at an unknown time')}."
    )
    return said


def _times(share: float) -> str:
    if share > 1:
        return f"{_number(share)} times what there is"
    return f"{_number(share * 100)} % used" if share else "not used"


def _table(estimates: dict[str, Estimate]) -> list[str]:
    rows = [
        (
            name,
            f"{_number(one.value)} {one.unit}",
            "" if one.low == one.high else f"{_number(one.low)} to {_number(one.high)}",
            one.source,
        )
        for name, one in estimates.items()
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    return ["  ".join((*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3])) for row in rows]


def _number(value: float) -> str:
    """The number with two significant digits: the measurements are not more exact."""
    return f"{float(f'{value:.2g}'):,.15g}"
