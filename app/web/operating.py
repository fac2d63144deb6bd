"""What the operator's page shows: the state of the server, and plots of its work."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup
from msgspec import Struct

from app import store
from app.errors import Unavailable
from app.run.datadir import full
from app.run.metrics import Vitals, disk_free, lift_late, vitals
from app.store.samples import SPAN, sample_span
from app.syndication.texts import text
from app.web.context import Context
from app.web.plot import BarSeries, plotted

SILENT = timedelta(minutes=3)  # a host that has not written for so long counts as gone
OLD_BACKUP = timedelta(days=2)
LATE = 5.0  # seconds after its end for which an embargo may wait to be lifted
LATE_LIFT, LATE_DELIVERY = 10.0, 300.0  # seconds; as the alerts in contrib/prometheus
SPANS = {"day": 86_400 // SPAN, "week": 7 * 86_400 // SPAN}  # spans that a plot shows
BARS = 144  # of a plot


class Plot(Struct, frozen=True):
    """A plot, and the same as numbers."""

    title: str
    picture: Markup
    heads: tuple[str, ...]
    rows: tuple[tuple[datetime, tuple[int, ...]], ...]  # the spans with any value, the newest first


class Health(Struct, frozen=True):
    """The state of the server now."""

    vitals: Vitals
    size: int  # bytes of the database
    cache: bool
    files: "Storage"
    alarms: int  # sources with an alarm
    disk: float  # free part of this host's disk
    records: int  # of the audit log
    backup: datetime | None  # the moment that the newest backup shows
    held: datetime | None  # since when nothing is delivered or pulled
    drained: datetime | None  # since when no release is taken
    hosts: tuple[tuple[store.samples.Host, bool], ...]  # with each, whether it writes


class Storage(Struct, frozen=True):
    """The store of files, as the hosts with a worker noted it: nobody counts its files for a page."""

    bucket: str  # empty: the data directory
    answers: bool | None  # None: no host has asked it lately
    number: int | None  # of files of public articles; None: not counted yet
    size: int  # bytes of them


# Key of the plot's title -> (key of a series, sample, how the values of hosts and spans become one, unit factor).
Sum = Callable[[Sequence[float]], float]
PLOTS: Mapping[str, Sequence[tuple[str, str, Sum, float]]] = {
    "admin-plot-requests": (("admin-requests", "requests", sum, 1), ("admin-errors", "errors", sum, 1)),
    "admin-plot-taken": (("admin-taken", "taken", sum, 1), ("admin-refused", "refused", sum, 1)),
    "admin-plot-seconds": (("admin-slow", "slow", max, 1000), ("admin-database", "database", max, 1000)),
    "admin-plot-lifts": (("admin-lifted", "lifted", sum, 1), ("admin-lift", "lift", max, 1000)),
}


def health(context: Context, now: datetime) -> Health:
    """The state of the server. Raises Unavailable."""
    found, sources = vitals(context.engine), store.accounts.all_sources(context.engine)
    return Health(
        found,
        size=store.samples.database_size(context.engine),
        cache=context.cache.alive(),
        files=_storage(context, now),
        alarms=sum(bool(source.alarm) for source in sources),
        disk=disk_free(context.settings),
        records=store.audit.head(context.engine)[0],
        backup=_since(found.orders.backed_up),
        held=_since(found.orders.held),
        drained=_since(found.orders.drained),
        hosts=tuple((host, now - host.seen < SILENT) for host in store.samples.all_hosts(context.engine)),
    )


def warnings(context: Context) -> list[str]:
    """What is wrong with the server as a whole, or with this host, although releases can be accepted. Raises Unavailable."""
    found = [clock] if (clock := store.clock.complaint(context.engine)) else []
    if (late := lift_late(context.engine)) > LATE:
        found.append(
            f"An embargo ended {late:.0f} seconds ago and is not lifted. Check that a background worker is running."
        )
    return found


def complaints(context: Context) -> list[str]:
    """All warnings of this host, each in one sentence: the same ones, and faults of the disk, the cache and the file store. Raises
    Unavailable."""
    found = [reason] if (reason := full(context.settings)) else []
    found += warnings(context)
    if refused := context.cache.trial():
        found.append(f"The cache cannot be used: {refused}. Feeds come from the database until it works again.")
    try:
        context.blobs.check()
    except Unavailable as error:
        found.append(f"{error} Releases with files are refused until it works again.")
    return found


def _storage(context: Context, now: datetime) -> Storage:
    span, answers = store.samples.newest_samples(context.engine, "store")
    _, numbers = store.samples.newest_samples(context.engine, "files")
    _, sizes = store.samples.newest_samples(context.engine, "file_bytes")
    return Storage(
        context.settings.s3_bucket,
        all(answers) if answers and span >= sample_span(now) - 1 else None,
        int(max(numbers)) if numbers else None,
        int(max(sizes, default=0)),
    )


def plots(context: Context, now: datetime, period: str, lang: str, when: Callable[[datetime], str]) -> list[Plot]:
    """The plots of a period of SPANS, up to now. Raises Unavailable."""
    last, width = sample_span(now), max(1, SPANS[period] // BARS)
    first = last - BARS * width + 1
    found = store.samples.samples_since(context.engine, first)
    ends = (when(_instant(first)), when(now))
    made = []
    for title, series in PLOTS.items():
        bars = [_bars(found.get(sample, {}), first, width, how, factor) for _, sample, how, factor in series]
        names = [text(key, lang) for key, *_ in series]
        rows = [BarSeries(name, amounts) for name, amounts in zip(names, bars, strict=True)]
        table = [
            (_instant(first + place * width), tuple(amounts[place] for amounts in bars))
            for place in reversed(range(BARS))
            if any(amounts[place] for amounts in bars)
        ]
        picture = Markup(plotted(text(title, lang), rows, ends, within=True))
        made.append(Plot(text(title, lang), picture, tuple(names), tuple(table)))
    return made


def _bars(samples: Mapping[int, Sequence[float]], first: int, width: int, how: Sum, factor: float) -> list[int]:
    """One amount for each bar: of `width` spans each, from the span `first` on."""
    found: list[list[float]] = [[] for _ in range(BARS)]
    for span, values in samples.items():
        if 0 <= span - first < BARS * width:
            found[(span - first) // width] += values
    return [round(how(values) * factor) if values else 0 for values in found]


def _instant(span: int) -> datetime:
    return datetime.fromtimestamp(span * SPAN, UTC)


def _since(at: int) -> datetime | None:
    return store.instant(at) if at else None
