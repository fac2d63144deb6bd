"""`python -m bench [ingest|import|feeds|embargo]`: measure, print a table, write JSON."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench.embargo import embargo
from bench.measure import Result, feeds, imports, ingest, plan, ratios

PARTS = {"ingest": ingest, "import": imports, "feeds": feeds, "embargo": embargo}
FULL, QUICK = 100_000, 500  # articles


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("part", required=False, type=click.Choice(list(PARTS)))
@click.option("--quick", is_flag=True, help="Small amounts, one round: shows that it works; the figures mean nothing.")
@click.option("--articles", type=click.IntRange(10, 1_000_000), help=f"Articles in the large archive. [{FULL:,}]")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to this file.")
def main(part: str | None, quick: bool, articles: int | None, file: Path | None) -> None:
    """Measure a real server on 127.0.0.1, client and server on this machine; PART is one of those above, all if left out."""
    console = Console()
    amounts = plan(quick=quick, articles=articles or (QUICK if quick else FULL))
    results: list[Result] = []
    with console.status("Starting") as status:
        for name, measure in PARTS.items():
            if part in (None, name):
                results += measure(amounts, status.update)
    compared = ratios(results)
    console.print(table(results, compared))
    found = machine()
    console.print(", ".join(f"{name} {value}" for name, value in found.items()))
    if file:
        members = {"machine": found, "plan": amounts, "results": results, "ratios": compared}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(members)) + b"\n")


def table(results: list[Result], compared: dict[str, float]) -> Table:
    """The figures, the archives side by side."""
    sizes = sorted({result.articles for result in results}, key=lambda size: size or 0)
    shown = Table("what", *(f"{size:,} articles" if size else "archive grows" for size in sizes), "unit", "ratio")
    for name in dict.fromkeys(result.name for result in results):
        own = {result.articles: result for result in results if result.name == name}
        cells = [f"{own[size].value:,.0f}" if size in own else "" for size in sizes]
        shown.add_row(name, *cells, next(iter(own.values())).unit, f"{compared.get(name, '')}")
    return shown


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": platform.system(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
