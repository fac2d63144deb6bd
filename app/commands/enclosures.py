"""`files`: the files that came with releases."""

from datetime import timedelta
from functools import partial

import click

from app import store
from app.commands import as_json, tell
from app.commands.opened import database
from app.files import blobs
from app.settings import load


@click.group("files")
def files_group() -> None:
    """Files that came with releases."""


@files_group.command("sweep")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1), help="How old a file must be to go.")
@as_json
def sweep_command(days: int, as_json: bool) -> None:
    """Remove files that no version of any article has, such as those of pushes that were refused or cut off."""
    settings = load()
    engine = database(settings)
    removed = blobs.connect(settings).sweep(partial(store.wanted, engine), timedelta(days=days))
    tell(as_json, {"removed": removed}, f"Files removed: {removed}.")
