"""`python -m bench [serve|ingest|…]`: measure, print a table, write JSON."""

import signal
import sys
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace
from rich.console import Console

from bench.amounts import QUICK, Amounts
from bench.builder import builder
from bench.change import change
from bench.costs import costs
from bench.counting import counting
from bench.desk import desk
from bench.embargo import embargo
from bench.figures import Figure, Missing, table
from bench.freshness import freshness
from bench.imports import imports
from bench.ingest import ingest
from bench.machine import machine
from bench.nodes import nodes
from bench.pages import pages
from bench.plan import plan
from bench.profile import LOADS, profile
from bench.push import push
from bench.scale import scale
from bench.serve import serve
from bench.storm import storm

PARTS = {
    "serve": serve,
    "ingest": ingest,
    "scale": scale,
    "change": change,
    "storm": storm,
    "freshness": freshness,
    "import": imports,
    "embargo": embargo,
    "push": push,
    "desk": desk,
    "counting": counting,
    "pages": pages,
    "nodes": nodes,
    "builder": builder,
    "costs": costs,
    "plan": plan,
}
WIDTH = 150  # columns, if the output is not a terminal


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("part", required=False, type=click.Choice([*PARTS, "profile"]))
@click.argument("what", required=False, type=click.Choice(list(LOADS)))
@click.option("--quick", is_flag=True, help="Measure small amounts, in one round: only to see that everything works.")
@click.option(
    "--rounds", type=click.IntRange(1, 100), help=f"Rounds for each figure, which is their median. [{Amounts().rounds}]"
)
@click.option(
    "--articles", type=click.IntRange(10, 20_000_000), help=f"Articles in the large archive. [{Amounts().large:,}]"
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False),
    help="Directory in which the archives of `scale` and `builder` stay for its next run.",
)
@click.option(
    "--costs",
    type=click.Path(dir_okay=False),
    help="Write what `costs` measures to this file, for `pressrelay plan --costs`.",
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to this file.")
def main(
    part: str | None,
    what: str | None,
    quick: bool,
    rounds: int | None,
    articles: int | None,
    keep: str | None,
    costs: str | None,
    file: Path | None,
) -> None:
    """Measure a real server on 127.0.0.1, with the clients on the same machine. Without PART, all parts are measured.

    `profile` with WHAT writes a flame graph of a web worker under load (profile-WHAT.svg) and prints the functions in which it
    spent its time.
    """
    if (part == "profile") != bool(what):
        raise click.UsageError(f"`profile` needs one of {', '.join(LOADS)}; the other parts take nothing.")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that started programs are stopped
    amounts = QUICK if quick else Amounts()
    amounts = replace(amounts, rounds=rounds or amounts.rounds, large=articles or amounts.large, keep=keep or "")
    amounts = replace(amounts, costs_file=costs or "")
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if what:
        _profile(what, amounts, console)
        return
    figures: list[Figure] = []
    left_out: list[str] = []
    with console.status("Starting") as status:
        for name, measure in PARTS.items():
            if part in (None, name):
                try:
                    figures += measure(amounts, status.update)
                except Missing as error:
                    left_out.append(str(error))
    console.print(table(figures))
    for line in left_out:
        console.print(line)
    found = machine()
    console.print(", ".join(f"{name} {value}" for name, value in found.items()))
    if file:
        members = {"machine": found, "amounts": amounts, "figures": figures, "left_out": left_out}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(members)) + b"\n")
    if part and left_out:
        sys.exit(1)


def _profile(what: str, amounts: Amounts, console: Console) -> None:
    flames = Path(f"profile-{what}.svg")
    with console.status("Starting") as status:
        try:
            shown = profile(what, amounts, flames, status.update)
        except Missing as error:
            raise click.ClickException(str(error)) from None
    console.print(shown)
    console.print(f"The flame graph is in {flames}.")


if __name__ == "__main__":
    main()
