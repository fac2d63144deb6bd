"""`db` and `doctor`: the database, and a check of everything that the server needs."""

import sys

import click
import msgspec

from app import store
from app.commands import as_json, open_database, report
from app.deliveries import vault
from app.run.doctor import checks
from app.settings import load


@click.group("db")
def db_group() -> None:
    """The database."""


@db_group.command("upgrade")
@as_json
def db_upgrade(as_json: bool) -> None:
    """Upgrade the database's schema to this version."""
    settings = load()
    engine = open_database(settings)
    store.deliveries.seal_all(engine, lambda secret: vault.seal(settings, secret))
    shown = engine.url.render_as_string(hide_password=True)
    report(as_json, {"database": shown, "status": "ok"}, f"{shown} is up to date.")


@click.command("doctor")
@as_json
def doctor(as_json: bool) -> None:
    """Check everything that the server needs; exit 1 if something is missing."""
    found = checks(load())
    report(
        as_json,
        {"checks": [msgspec.to_builtins(check) for check in found]},
        *(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.words}" for check in found),
    )
    sys.exit(0 if all(check.ok for check in found) else 1)
