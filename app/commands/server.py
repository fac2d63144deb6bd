"""`serve`, `worker`, `db upgrade`, `doctor`: the server itself."""

import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from app import sources, store
from app.client import Client
from app.commands import as_json, tell
from app.commands.opened import database
from app.context import connect
from app.doctor import checks
from app.errors import Misconfigured
from app.logs import configure
from app.office import OfficeRecord
from app.serve import serve
from app.settings import Settings, load
from app.worker import run


@click.command("serve")
@click.option(
    "--sample", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Push this release once ready."
)
@as_json
def serve_command(sample: Path | None, as_json: bool) -> None:
    """Run the cache, the web workers and the background worker until SIGTERM or Ctrl-C."""
    settings = load()
    configure(settings.log_format)

    def say(sentence: str) -> None:
        click.echo(msgspec.json.encode({"message": sentence.strip()}).decode() if as_json else sentence)

    def push_sample() -> None:
        if sample:
            _sample(settings, sample, say)

    sys.exit(serve(settings, say, push_sample))


def _sample(settings: Settings, file: Path, say: Callable[[str], None]) -> None:
    engine = database(settings)
    office = OfficeRecord("jeonbuk", "전북특별자치도", "https://www.jeonbuk.go.kr/", ("kr:52",))
    store.save_office(engine, office)
    token = store.new_token(engine, office.code, "sample", datetime.now(UTC))
    engine.dispose()
    client = Client(settings.url, token)
    answer = client.push(file.read_bytes())
    client.close()
    if not answer.accepted:
        raise Misconfigured(f"The sample release was not accepted: {answer.members}")
    receipt = answer.members
    say(f"Sample release of {office.name}: {receipt['url']}")
    for format in ("atom", "rss", "newsml"):
        say(f"  {settings.url}/feed.{format}?region=kr:52")


@click.command("worker")
def worker_command() -> None:
    """Run the background worker alone: lift embargoes, announce changes, pull sources."""
    settings = load()
    configure(settings.log_format)
    database(settings).dispose()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    context = connect(settings)
    sources.run(context, stop)
    run(context.engine, context.cache, stop)


@click.group("db")
def db_group() -> None:
    """The database."""


@db_group.command("upgrade")
@as_json
def db_upgrade(as_json: bool) -> None:
    """Bring the database's schema to this version."""
    engine = database(load())
    shown = engine.url.render_as_string(hide_password=True)
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
