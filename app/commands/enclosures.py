"""`files`: the files that offices sent with releases."""

from datetime import timedelta
from functools import partial

import click

from app import store
from app.commands import as_json, opened, report
from app.files import blobs


@click.group("files")
def files_group() -> None:
    """Files that offices sent with releases."""


@files_group.command("sweep")
@click.option(
    "--days",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Remove only files that are at least this many days old.",
)
@as_json
def sweep_command(days: int, as_json: bool) -> None:
    """Remove files that no version of any article and no draft uses, for example those of refused or interrupted pushes."""
    settings, engine = opened()
    removed = blobs.connect(settings).sweep(partial(_wanted, engine), timedelta(days=days))
    report(as_json, {"removed": removed}, f"Files removed: {removed}.")


def _wanted(engine: store.Engine, hashes: list[str]) -> set[str]:
    return store.articles.wanted(engine, hashes) | store.desk.wanted(engine, hashes)
