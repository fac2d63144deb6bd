"""The figures: our value, the peer's value, their ratio, and whether the target was reached."""

import statistics
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct
from rich.table import Table

Say = Callable[[str], None]  # shows what is now being measured


class Target(Struct, frozen=True):
    """The target of a figure."""

    bound: float
    of: Literal["value", "ratio"] = "value"
    sense: Literal["at least", "at most", "within"] = "at least"  # within: that factor, either way


class Figure(Struct, frozen=True):
    """One line of the table. Values are medians of their runs. The ratio is the median of the ratios of each round, our value divided
    by the peer's: both are measured in the same round, so a disturbance affects both."""

    part: str
    what: str
    unit: str
    runs: tuple[float, ...]
    value: float
    peer: str = ""
    peer_runs: tuple[float, ...] = ()
    peer_value: float | None = None
    ratio: float | None = None
    target: Target | None = None
    reached: bool | None = None  # None: there is no target, or it could not be measured
    note: str = ""  # why a peer was left out, or details of the measurement


def figure(
    part: str,
    what: str,
    unit: str,
    runs: Sequence[float],
    *,
    peer: str = "",
    peer_runs: Sequence[float] = (),
    target: Target | None = None,
    note: str = "",
) -> Figure:
    """The figure of these runs; there must be at least one run."""
    value = statistics.median(runs)
    ratios = [ours / theirs for ours, theirs in zip(runs, peer_runs, strict=True) if theirs] if peer_runs else []
    ratio = statistics.median(ratios) if ratios else None
    shown = ratio if target and target.of == "ratio" else value
    reached = None
    if target and shown is not None:
        low = 1 / target.bound if target.sense == "within" else target.bound
        reached = (target.sense == "at most" or shown >= low) and (target.sense == "at least" or shown <= target.bound)
    return Figure(
        part,
        what,
        unit,
        _rounded(runs),
        _round(value),
        peer,
        _rounded(peer_runs),
        _round(statistics.median(peer_runs)) if peer_runs else None,
        None if ratio is None else float(f"{ratio:.4g}"),
        target,
        reached,
        note,
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The percentile of these values; `part` is from 0 to 1. Raises IndexError if there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def table(figures: Sequence[Figure]) -> Table:
    """A table of all figures, one line for each."""
    shown = Table("what", "ours", "peer", "its", "ratio", "target", "reached", "note")
    for column in shown.columns[1], shown.columns[3], shown.columns[4]:
        column.justify = "right"
    for number, line in enumerate(figures):
        if number and line.part != figures[number - 1].part:
            shown.add_section()
        shown.add_row(
            f"{line.part}: {line.what}",
            f"{_text(line.value)} {line.unit}",
            line.peer,
            _text(line.peer_value),
            "" if line.ratio is None else f"{line.ratio:.3g}",
            _target(line.target),
            {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[line.reached],
            line.note,
        )
    return shown


def _target(target: Target | None) -> str:
    if target is None:
        return ""
    sign = {"at least": "≥", "at most": "≤", "within": "within ×"}[target.sense]
    return f"{'ratio ' if target.of == 'ratio' else ''}{sign} {target.bound:,g}"


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(_round, values))


class Missing(Exception):
    """A part cannot be measured on this machine; the text says why."""
