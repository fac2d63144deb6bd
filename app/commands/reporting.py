"""The output that `push`, `import` and `watch` share: a progress bar, a line for each receipt, one summary."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.commands import report

token_option = click.option(
    "--token",
    envvar="PRESSRELAY_TOKEN",
    default="",
    help="The office's token. It is safer in the variable PRESSRELAY_TOKEN.",
)


def progress(words: str, total: int, steps: Iterable[Any]) -> Iterator[Any]:
    """The steps, with a progress bar on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=total < 2 or not console.is_terminal) as progress:
        yield from progress.track(steps, total=total, description=words)


def state(status: int) -> str:
    return {201: "accepted", 200: "unchanged"}.get(status, "refused")


def summarise(summary: Counter[str], files: int, as_json: bool) -> None:
    """Report files and articles separately: a refused file may have had any number of articles."""
    articles = {name: summary[name] for name in ("accepted", "unchanged", "refused")}
    whole = {name: summary[name] for name in ("refused files", "failed", "sent before")}
    apart = _listed({name.removesuffix(" files"): count for name, count in whole.items()})
    words = f"{files} {'file' if files == 1 else 'files'}{f' ({apart})' if apart else ''}"
    if count := sum(articles.values()):
        words += f", {count} {'article' if count == 1 else 'articles'}: {_listed(articles)}"
    counts = articles | {"refused": articles["refused"] + whole["refused files"]}
    members = counts | {
        "failed": whole["failed"],
        "sent before": whole["sent before"],
        "files": files,
        "articles": count,
    }
    report(as_json, {"summary": members}, f"{words}.")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def report_receipt(file: str, receipt: dict[str, Any]) -> None:
    problem = receipt.get("problem") or (receipt if "title" in receipt else None)
    if problem is None:
        click.echo(f"{file}: {receipt['status']} {receipt['guid']} version {receipt['version']} {receipt['url']}")
        for warning in receipt.get("warnings", ()):
            click.echo(f"{file}: warning: {warning}", err=True)
        return
    status = problem.get("status", "")
    click.echo(
        f"{file}: {f'{status} ' if status else ''}{problem['title']}. {problem.get('detail', '')}".rstrip(), err=True
    )
    for fault in problem.get("errors", ()):
        where = f"{file}:{fault['line']}" if fault.get("line") else file
        hint = f" Did you mean: {'; '.join(fault['nearest'])}?" if fault.get("nearest") else ""
        click.echo(f"{where}: {fault.get('path', '')}: {fault['reason']}{hint}", err=True)
