"""From what an operator expects to processes, hosts, memory, disk, database and cache, and to what reaches its limit first."""

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from app.errors import Misconfigured
from app.sizing.costs import MEASURE, Costs, MeasuredCosts, Spent
from app.sizing.demand import Demand
from app.sizing.model import (
    BYTES_WITHIN,
    CACHE_DAYS,
    DELIVERY_DAYS,
    PROCESSOR_WITHIN,
    Counts,
    KeptCounts,
    StoredBytes,
    counts_of,
    feed_bytes,
    sent_bytes,
    spent_on,
    stored_bytes,
)

HOT_MEMORY = 96 * 1024 * 1024  # bytes; the default of PRESSRELAY_HOT_MEMORY
SERVERS = "web, worker and deliver"  # the hosts of a server that is spread
LEAST_WEB = 2  # web workers of a host, the default of PRESSRELAY_WORKERS
CACHE_MEMORY = 256e6  # bytes; the default of PRESSRELAY_CACHE_MEMORY
SQLITE_DELIVERERS = 1  # delivery workers beside which pushes were measured with SQLite
FREE = 0.8  # share of a machine's memory and disk that is planned with
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class HostSize(Struct, frozen=True):
    """A machine of the kind that the operator has."""

    cores: int
    memory: float  # bytes
    disk: float  # bytes
    bandwidth: float  # bytes a second
    busy: float  # share of a core, of the network and of the counter row that may be used in the busiest minute


class Estimate(Struct, frozen=True):
    """One number of the plan, with its lower and upper bound and its source."""

    value: float
    low: float
    high: float
    unit: str
    source: str


class SizeLimit(Struct, frozen=True):
    """A resource that can run out. A flow, such as bandwidth, counts in the busiest minute."""

    name: str
    share: float  # the used part of what one machine has
    more: str  # what to do about it
    grows: bool  # more machines help


class SizePlan(Struct, frozen=True):
    """The answer."""

    database: str  # "sqlite" or "postgresql"
    one_machine: bool
    fits: bool  # the plan works; False only for a database that the operator insists on
    lacking: tuple[str, ...]  # why one machine is not enough
    processes: dict[str, int]  # web, worker, deliver: on all hosts together
    hosts: dict[str, int]  # by what they do
    estimates: dict[str, Estimate]
    limits: tuple[SizeLimit, ...]  # the nearest first
    settings: dict[str, str]  # that differ from their defaults
    notes: tuple[str, ...]

    @property
    def first(self) -> SizeLimit:
        """What reaches its limit first."""
        return self.limits[0]


class _Load(Struct, frozen=True):
    """The busiest minute, and what is kept, on one kind of database."""

    kind: str
    costs: Costs
    demand: Demand
    host: HostSize
    counts: Counts  # each second
    spent: Spent  # milliseconds each second
    web: int  # processes
    deliver: int
    stored: StoredBytes
    sent: float  # bytes each second
    servers: int = 1  # hosts that run them


def size_plan(measured: MeasuredCosts, demand: Demand, host: HostSize, days: float, wanted: str = "") -> SizePlan:
    """The plan; `wanted`: the kind of database, otherwise SQLite as long as one machine is enough. `days`: days of a year with pushes.
    Raises Misconfigured if the costs lack that database."""
    kind = wanted or ("sqlite" if "sqlite" in measured.databases else "postgresql")
    load = _load(measured, kind, demand, host, days)
    lacking = _lacking(load)
    without: tuple[str, ...] = ()
    if lacking and not wanted and kind == "sqlite":
        load, without = _load(measured, "postgresql", demand, host, days), lacking
        lacking = _lacking(load)
    return _plan(load, lacking, without, days)


def _load(measured: MeasuredCosts, kind: str, demand: Demand, host: HostSize, days: float) -> _Load:
    costs = measured.databases.get(kind)
    if costs is None:
        raise Misconfigured(f"This plan needs {NAMES[kind]}, but the costs were measured without it. {MEASURE}")
    pushes = demand.pushes * demand.busiest_hour * demand.busiest_minute / 60
    polls = demand.polls * (1 - demand.proxied)
    web = LEAST_WEB
    while (
        True
    ):  # More web workers take more feeds from the cache. That has an end, because no more are taken than are polled.
        counts = counts_of(demand, pushes, polls, 1.0, web)
        spent = spent_on(costs, demand, counts)
        more = max(web, math.ceil(spent.web / 1000 / host.busy))
        if more == web:
            break
        web = more
    deliver = max(1, math.ceil(spent.deliver / 1000 / host.busy)) if demand.subscribers else 1
    day = counts_of(demand, demand.pushes, polls * 86_400, 86_400.0, web)
    articles = demand.pushes * days * demand.years
    kept = KeptCounts(
        articles,
        min(articles, demand.pushes * CACHE_DAYS) * min(1.0, demand.changed),
        day.rendered * CACHE_DAYS,
        day.deliveries * min(DELIVERY_DAYS, days * demand.years),
    )
    stored = stored_bytes(costs, demand, kept)
    return _Load(kind, costs, demand, host, counts, spent, web, deliver, stored, sent_bytes(costs, demand, counts))


def _hot(load: _Load) -> float:
    """The bytes of copies that each web worker keeps."""
    return min(load.stored.copies, HOT_MEMORY)


def _memory(load: _Load) -> float:
    costs = load.costs
    return (
        load.web * (costs.web_memory + _hot(load))
        + load.deliver * costs.deliver_memory
        + load.servers * costs.background_memory
        + load.stored.cached
    )


def _lacking(load: _Load) -> tuple[str, ...]:
    """What one machine has too little of."""
    host, found = load.host, []
    cores = load.spent.total() / 1000 / host.busy
    if cores > host.cores:
        found.append(f"processors (needs {math.ceil(cores):,} cores, has {host.cores:,})")
    if _memory(load) > host.memory * FREE:
        found.append(f"memory (needs {_gb(_memory(load))}, has {_gb(host.memory)})")
    if load.stored.database + load.stored.files > host.disk * FREE:
        whole = load.stored.database + load.stored.files
        found.append(f"disk (needs {_gb(whole)}, has {_gb(host.disk)})")
    if load.sent > host.bandwidth * host.busy:
        found.append(f"bandwidth (needs {load.sent * 8 / 1e6:,.0f} Mbit/s, has {host.bandwidth * 8 / 1e6:,.0f})")
    if _writing(load) > host.busy:
        found.append(f"time at the counter row (needs {_writing(load) * 100:,.0f} % of the busiest minute)")
    if load.kind == "sqlite" and load.deliver > SQLITE_DELIVERERS:
        found.append(
            f"turns to write ({load.deliver} delivery workers write too, and SQLite allows one writer at a time)"
        )
    return tuple(found)


def _writing(load: _Load) -> float:
    """The share of the time for which the counter row is locked."""
    return load.counts.pushes * load.costs.counter / 1000


def _gb(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


def _limits(load: _Load) -> tuple[SizeLimit, ...]:
    host, spent = load.host, load.spent
    whole = load.stored.database + load.stored.files
    found = [
        SizeLimit(
            "the one writer: the counter row",
            _writing(load),
            "send several articles in one release, or divide the offices among several servers",
            False,
        ),
        SizeLimit("the cache's one core", spent.cache / 1000, "a Cluster, or a cache in front", False),
        SizeLimit("web workers", spent.web / 1000 / host.cores, "more web hosts, or a cache in front", True),
        SizeLimit("deliveries", spent.deliver / 1000 / host.cores, "more delivery workers, on more hosts", True),
        SizeLimit("bandwidth", load.sent / host.bandwidth, "a CDN in front, or more web hosts", True),
        SizeLimit("disk", whole / host.disk, "a larger disk, or files in object storage", True),
        SizeLimit("memory", _memory(load) / host.memory, "more memory, or more web hosts", True),
    ]
    if load.kind == "postgresql":
        more = "a larger host for the database, or several servers"
        found.append(SizeLimit("PostgreSQL's processors", spent.database / 1000 / host.cores, more, False))
    return tuple(sorted(found, key=lambda limit: -limit.share))


def _plan(load: _Load, lacking: Sequence[str], without: Sequence[str], days: float) -> SizePlan:
    one = not lacking
    spread = not one and load.kind == "postgresql"
    hosts = _hosts(load) if spread else {"whole server": 1}
    count = hosts.get(SERVERS, 1)
    each = max(LEAST_WEB, math.ceil(load.web / count)), math.ceil(load.deliver / count)
    load = replace(load, web=each[0] * count, deliver=each[1] * count, servers=count)
    settings = {}
    if each[0] != LEAST_WEB:
        settings["PRESSRELAY_WORKERS"] = str(each[0])
    if each[1] != 1:
        settings["PRESSRELAY_DELIVERERS"] = str(each[1])
    if load.stored.cached * BYTES_WITHIN > CACHE_MEMORY:
        settings["PRESSRELAY_CACHE_MEMORY" if not spread else "maxmemory of the cache"] = (
            f"{math.ceil(load.stored.cached * BYTES_WITHIN / 1e6)}mb"
        )
    notes = []
    if without:
        why = "it stays on one machine" if spread else f"it lacks {', '.join(without)}"
        notes.append(f"SQLite is not enough: {why}.")
    if load.kind == "sqlite" and lacking:
        notes.append(f"SQLite is not enough: it stays on one machine, which lacks {', '.join(lacking)}.")
    if load.stored.files > load.host.disk * FREE:
        notes.append(f"Files need {_gb(load.stored.files)}: put them into object storage (PRESSRELAY_S3_BUCKET).")
    if load.stored.copies > HOT_MEMORY:
        notes.append(
            f"All hot feeds take {_gb(load.stored.copies)} in each web worker, which keeps {_gb(HOT_MEMORY)}"
            " (PRESSRELAY_HOT_MEMORY). The others come from the cache, which takes more processor time than this plan has."
        )
    if load.spent.cache / 1000 > load.host.busy:
        notes.append("The cache needs more than one core: use a Cluster, or a cache in front.")
    if spread and load.spent.database / 1000 / load.host.busy > load.host.cores:
        cores = math.ceil(load.spent.database / 1000 / load.host.busy)
        notes.append(
            f"PostgreSQL needs a host of {cores:,} cores, or divide the offices among several servers (docs/scaling.md)."
        )
    if _writing(load) > load.host.busy and load.kind == "postgresql":
        notes.append("No number of hosts writes that fast: divide the offices among several servers (docs/scaling.md).")
    return SizePlan(
        database=load.kind,
        one_machine=one,
        fits=one or (spread and _writing(load) <= load.host.busy),
        lacking=tuple(lacking),
        processes={"web": load.web, "worker": count, "deliver": load.deliver},
        hosts=hosts,
        estimates=_estimates(load, days),
        limits=_limits(load),
        settings=settings,
        notes=tuple(notes),
    )


def _hosts(load: _Load) -> dict[str, int]:
    """The number of hosts of each kind: enough for one host that answers requests to fail, except in the busiest minute."""
    host, spent = load.host, load.spent
    cores = (spent.web + spent.deliver + spent.background) / 1000 / host.busy
    memory = _memory(load) - load.stored.cached
    return {
        SERVERS: max(
            2,
            math.ceil(cores / host.cores),
            math.ceil(memory / (host.memory * FREE)),
            math.ceil(load.sent / (host.bandwidth * host.busy)),
        ),
        "PostgreSQL, and its standby": 2,
        "Valkey, and its replica": 2,
    }


def _estimates(load: _Load, days: float) -> dict[str, Estimate]:
    """Each number with its bounds. What follows from the demand alone has none."""
    costs, demand, counts = load.costs, load.demand, load.counts
    feed = feed_bytes(costs, demand) / 1000
    push = (costs.push + costs.push_kb * (demand.text / 1000)).total()
    render = (costs.cold + costs.cold_kb * feed).total()
    body = (costs.hot + costs.hot_kb * (feed * costs.compressed)).total()
    each = f"{push:.2g} ms a push, {render:.2g} a feed rendered again, {body:.2g} a hot 200, {costs.unchanged.total():.2g} a 304"
    sends = (
        f"{costs.webhook.deliver:.2g} ms a webhook, {costs.websub.deliver:.2g} WebSub, {costs.mail.deliver:.2g} a mail"
    )
    articles = demand.pushes * days * demand.years
    one = costs.article.of(demand.text)
    peak = f"{demand.busiest_hour * 100:g} % in an hour, {demand.busiest_minute * 100:g} % of that in a minute"
    found = {
        "pushes": _exact(
            counts.pushes,
            "a second",
            f"{demand.pushes:,.0f} a day, {peak}",
        ),
        "polls": _exact(
            demand.polls * (1 - demand.proxied),
            "a second",
            f"{demand.proxied * 100:g} % are answered by a cache in front",
        ),
        "deliveries": _exact(counts.deliveries, "a second", f"each push reaches {demand.reached:,.0f}"),
    }
    for part, millis in zip(("web", "deliver", "background", "cache", "database"), load.spent.parts(), strict=True):
        source = {"web": each, "deliver": sends, "database": "PostgreSQL's share of all of these"}.get(part, "measured")
        if part == "database" and load.kind == "sqlite":
            continue  # It is in the processes that ask it.
        found[f"processor: {part}"] = _about(millis / 1000, PROCESSOR_WITHIN, "cores", source)
    one_web = f"{_some(load.web, 'web worker')} of {(costs.web_memory + _hot(load)) / 1e6:,.0f} MB"
    others = (
        f"{_some(load.deliver, 'deliverer')} of {costs.deliver_memory / 1e6:,.0f} MB,"
        f" {load.servers * costs.background_memory / 1e6:,.0f} MB others"
    )
    found |= {
        "memory": _about(
            _memory(load) / 1e9, BYTES_WITHIN, "GB", f"{one_web}, {others}, the cache; not PostgreSQL's, which you set"
        ),
        "cache": _about(
            load.stored.cached / 1e6,
            BYTES_WITHIN,
            "MB",
            f"{demand.feeds:,} feeds of {feed:,.0f} kB, and their articles",
        ),
        "database": _about(
            load.stored.database / 1e9,
            BYTES_WITHIN,
            "GB",
            f"{articles:,.0f} articles of {one / 1000:,.1f} kB, {load.stored.deliveries / 1e9:,.1f} GB of deliveries",
        ),
        "files": _exact(load.stored.files / 1e9, "GB", f"{articles:,.0f} releases, {demand.files / 1e6:g} MB each"),
        "bandwidth": _about(
            load.sent * 8 / 1e6,
            BYTES_WITHIN,
            "Mbit/s",
            f"feeds of {feed:,.0f} kB, {feed * costs.compressed:,.0f} kB compressed; without downloads of files",
        ),
        "counter row": _about(
            _writing(load) * 100, PROCESSOR_WITHIN, "% of the time", f"{costs.counter:.2g} ms a push, by the clock"
        ),
    }
    return found


def _some(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' if count != 1 else ''}"


def _exact(value: float, unit: str, source: str) -> Estimate:
    return Estimate(value, value, value, unit, source)


def _about(value: float, within: float, unit: str, source: str) -> Estimate:
    return Estimate(value, value / within, value * within, unit, source)
