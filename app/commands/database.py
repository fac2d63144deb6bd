"""`db` and `doctor`: the database, and a check of everything that the server needs."""

import sys

import click
import msgspec

from app import store
from app.commands import as_json, open_database, report
from app.deliveries import vault
from app.run.datadir import prepare
from app.run.doctor import checks
from app.settings import Settings, load
from app.store.plan import PlannedMigration


@click.group("db")
def db_group() -> None:
    """The database."""


@db_group.command("upgrade")
@click.option(
    "--contract", is_flag=True, help="Also remove what only older versions need. No older version may run any more."
)
@click.option("--plan", "planned", is_flag=True, help="Only show what would run.")
@as_json
def db_upgrade(contract: bool, planned: bool, as_json: bool) -> None:
    """Upgrade the database's schema to this version, while servers run."""
    settings = load()
    engine = _opened(settings)
    if planned:
        found = store.plan.would_run(engine, contract=contract)
        lines = [line for migration in found for line in _lines(migration)]
        report(as_json, {"plan": msgspec.to_builtins(found)}, *(lines or ["Nothing would run."]))
        return
    store.upgrade(engine, contract=contract, say=lambda words: click.echo(words, err=True))
    store.deliveries.seal_all(engine, lambda secret: vault.seal(settings, secret))
    shown = engine.url.render_as_string(hide_password=True)
    report(as_json, {"database": shown, "status": "ok"}, f"{shown} is up to date.")


def _lines(migration: PlannedMigration) -> list[str]:
    beside = f"only beside code that knows {migration.oldest}" if migration.oldest else "older code may go on"
    lines = [f"{migration.revision}  {migration.kind}, {beside}: {migration.purpose}"]
    for step in migration.steps:
        lines.append(f"      {step.statement if len(step.statement) <= 110 else step.statement[:109] + '…'}")
        if step.lock:
            rows = f"; {step.rows:,} rows" if step.rows else ""
            lines.append(f"        lock: {step.lock}{rows}; about {step.seconds:g} s")
    if migration.filled:
        lines.append(f"      then fills in {migration.filled:,} rows in the background")
    return [*lines, f"      about {migration.seconds:g} s"]


@db_group.command("status")
@as_json
def db_status(as_json: bool) -> None:
    """Show the schema, the migrations that wait, and the progress of backfills."""
    engine = _opened(load())
    schema, oldest = store.schema.state(engine)
    words = store.plan.standing(engine)
    report(as_json, {"schema": schema, "oldest": oldest, "status": words}, *words)


@db_group.command("backfill")
@as_json
def db_backfill(as_json: bool) -> None:
    """Fill in now what migrations left to the background worker; it can be stopped and goes on later."""
    from rich.console import Console
    from rich.progress import Progress

    engine = open_database(load())
    with Progress(console=Console(stderr=True)) as shown:
        tasks = {found.revision: shown.add_task(found.revision) for found in store.backfill.progress(engine)}

        def progressed() -> None:
            for found in store.backfill.progress(engine):
                total = found.total if found.ended is None else found.done
                shown.update(tasks[found.revision], completed=found.done, total=max(total, found.done, 1))

        store.backfill.Filler(engine).finish(progressed)
    done = store.backfill.progress(engine)
    lines = [found.words() for found in done] or ["There is nothing to fill in."]
    report(as_json, {"backfills": msgspec.to_builtins(done)}, *lines)


@db_group.command("downgrade")
@click.option("--lose-data", is_flag=True, help="Do it even if data is lost for which the older schema has no place.")
@as_json
def db_downgrade(lose_data: bool, as_json: bool) -> None:
    """Undo the schema's last migration; stop this version first."""
    before, after = store.schema.downgrade(_opened(load()), lose=lose_data)
    words = f"The database now has schema {after}; before it had {before}. Start the version whose newest schema is {after}."
    report(as_json, {"before": before, "schema": after}, words)


def _opened(settings: Settings) -> store.Engine:
    """The database with the schema that it has. Raises Misconfigured."""
    if not settings.database_url:
        prepare(settings)
    return store.connect(settings.database)


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
