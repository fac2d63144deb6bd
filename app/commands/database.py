"""`db` and `doctor`: the state of what the server stands on."""

import sys

import click
import msgspec

from app import store
from app.commands import as_json, tell
from app.commands.opened import database
from app.deliveries import vault
from app.run.doctor import checks
from app.settings import load
from app.text.masking import masked


@click.group("db")
def db_group() -> None:
    """The database."""


@db_group.command("upgrade")
@as_json
def db_upgrade(as_json: bool) -> None:
    """Bring the database's schema to this version."""
    settings = load()
    engine = database(settings)
    store.seal_all(engine, lambda secret: vault.seal(settings, secret))
    shown = masked(engine.url.render_as_string(hide_password=True))
    tell(as_json, {"database": shown, "status": "ok"}, f"{shown} is up to date.")


@click.command("doctor")
@as_json
def doctor(as_json: bool) -> None:
    """Say whether everything the server needs is there; exit 1 when not."""
    found = checks(load())
    tell(
        as_json,
        {"checks": [msgspec.to_builtins(check) for check in found]},
        *(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.words}" for check in found),
    )
    sys.exit(0 if all(check.ok for check in found) else 1)
