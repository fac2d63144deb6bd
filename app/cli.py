"""The `pressrelay` command. Every fault is a sentence on standard error and a non-zero exit; `--json` prints for programs."""

import re
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app import store
from app.cache import Cache
from app.doctor import checks
from app.errors import Misconfigured, PressrelayError
from app.logs import configure
from app.office import OfficeRecord
from app.serve import prepare, serve
from app.settings import Settings, load
from app.store import Engine
from app.worker import run
from schemas import UnknownCode, codes

OFFICE_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
UPLOAD_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pressrelay")
def cli() -> None:
    """Press-release syndication server. Settings: PRESSRELAY_* in the environment, see docs/settings.md."""


def main() -> None:
    """The console entry: no traceback for a fault of the set-up."""
    try:
        cli(standalone_mode=True)
    except PressrelayError as error:
        click.echo(f"pressrelay: {error}", err=True)
        sys.exit(1)


def tell(as_json: bool, members: dict[str, Any], *sentences: str) -> None:
    """One answer in the form that was asked for."""
    if as_json:
        click.echo(msgspec.json.encode(members).decode())
        return
    for sentence in sentences:
        click.echo(sentence)


def database(settings: Settings) -> Engine:
    """The database, its schema up to date: every command may be the first. Raises Misconfigured and Unavailable."""
    if not settings.database_url:
        prepare(settings)
    engine = store.connect(settings.database)
    store.upgrade(engine)
    return engine


@cli.command("serve")
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
    answer = _send(httpx.Client(timeout=UPLOAD_TIMEOUT, trust_env=False), settings.url, token, file, dry_run=False)
    if answer.status_code not in (200, 201):
        raise Misconfigured(f"The sample release was not accepted: {answer.text}")
    receipt = answer.json()
    say(f"Sample release of {office.name}: {receipt['url']}")
    for format in ("atom", "rss", "newsml"):
        say(f"  {settings.url}/feed.{format}?region=kr:52")


@cli.command("worker")
def worker_command() -> None:
    """Run the background worker alone: lift embargoes, announce changes."""
    settings = load()
    configure(settings.log_format)
    engine = database(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(engine, Cache(settings.redis, store.instance(engine)), stop)


@cli.command("push")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", envvar="PRESSRELAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The server.")
@click.option(
    "--token", envvar="PRESSRELAY_TOKEN", required=True, help="The office's token; better in PRESSRELAY_TOKEN."
)
@click.option("--dry-run", is_flag=True, help="Check only; nothing is stored.")
@as_json
def push_command(files: tuple[Path, ...], url: str, token: str, dry_run: bool, as_json: bool) -> None:
    """Send releases to a server; exit 1 when one was not accepted."""
    refused = 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        httpx.Client(timeout=UPLOAD_TIMEOUT, follow_redirects=False) as client,
        Progress(*columns, console=console, disable=len(files) < 2 or not console.is_terminal) as progress,
    ):
        for file in progress.track(files, description="Pushing"):
            try:
                answer = _send(client, url.rstrip("/"), token, file, dry_run=dry_run)
            except OSError as error:
                raise Misconfigured(f"{file} cannot be read: {error.strerror or error}.") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Misconfigured(f"{url} does not answer: {error}.") from None
            refused += not answer.is_success or answer.status_code == 207
            _told(file, answer, as_json)
    sys.exit(1 if refused else 0)


def _send(client: httpx.Client, url: str, token: str, file: Path, *, dry_run: bool) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
    params = {"dry_run": "1"} if dry_run else {}
    return client.post(f"{url}/releases", content=file.read_bytes(), headers=headers, params=params)


def _told(file: Path, answer: httpx.Response, as_json: bool) -> None:
    try:
        members = answer.json()
    except ValueError:
        members = {"status": answer.status_code, "title": "The answer is not JSON: is this a Pressrelay server?"}
    if as_json:
        tell(True, {"file": str(file), "answer": members})
        return
    for receipt in members.get("receipts", [members]):
        problem = receipt.get("problem") or (receipt if "title" in receipt else None)
        if problem is None:
            click.echo(f"{file}: {receipt['status']} {receipt['guid']} version {receipt['version']} {receipt['url']}")
            for warning in receipt.get("warnings", ()):
                click.echo(f"{file}: warning: {warning}", err=True)
            continue
        click.echo(f"{file}: {problem['status']} {problem['title']}. {problem.get('detail', '')}".rstrip(), err=True)
        for fault in problem.get("errors", ()):
            where = f"{file}:{fault['line']}" if fault.get("line") else str(file)
            hint = f" Did you mean: {'; '.join(fault['nearest'])}?" if fault.get("nearest") else ""
            click.echo(f"{where}: {fault.get('path', '')}: {fault['reason']}{hint}", err=True)


@cli.group("office")
def office_group() -> None:
    """Offices that may push."""


@office_group.command("add")
@click.argument("code")
@click.option("--name", required=True, help="In the office's own language.")
@click.option("--region", "regions", multiple=True, help="Default region of its releases: a code or an exact name.")
@click.option("--topic", "topics", multiple=True, help="Default topic of its releases.")
@click.option("--url", default="", help="Its home page.")
@as_json
def office_add(
    code: str, name: str, regions: tuple[str, ...], topics: tuple[str, ...], url: str, as_json: bool
) -> None:
    """Add an office, or change the one of that code."""
    if not OFFICE_CODE.fullmatch(code):
        raise Misconfigured(f"{code!r} is not an office code: use lower-case letters, digits and hyphens.")
    office = OfficeRecord(code, name, url, _resolved("region", regions), _resolved("topic", topics))
    new = store.save_office(database(load()), office)
    tell(as_json, msgspec.to_builtins(office) | {"new": new}, f"Office {code} {'added' if new else 'changed'}: {name}.")


def _resolved(scheme: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for text in texts:
        try:
            found.append(codes("region" if scheme == "region" else "topic").resolve(text).code)
        except UnknownCode as error:
            hint = f" Nearest: {'; '.join(error.nearest)}." if error.nearest else ""
            raise Misconfigured(f"{text!r} is not one known {scheme}.{hint}") from None
    return tuple(found)


@office_group.command("list")
@as_json
def office_list(as_json: bool) -> None:
    """All offices."""
    offices = store.all_offices(database(load()))
    tell(
        as_json,
        {"offices": msgspec.to_builtins(offices)},
        *(f"{o.code}\t{o.name}\t{' '.join(o.regions)}" for o in offices),
    )


@cli.group("token")
def token_group() -> None:
    """Tokens with which offices push."""


@token_group.command("add")
@click.argument("office")
@click.option("--name", default="", help="To tell tokens apart; one of the same name is replaced.")
@as_json
def token_add(office: str, name: str, as_json: bool) -> None:
    """Make a token; it is shown once, alone on the last line."""
    engine = database(load())
    if office not in [known.code for known in store.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    token = store.new_token(engine, office, name, datetime.now(UTC))
    tell(as_json, {"office": office, "name": name, "token": token}, f"Token of {office}; it is not shown again:", token)


@cli.group("db")
def db_group() -> None:
    """The database."""


@db_group.command("upgrade")
@as_json
def db_upgrade(as_json: bool) -> None:
    """Bring the database's schema to this version."""
    engine = database(load())
    shown = engine.url.render_as_string(hide_password=True)
    tell(as_json, {"database": shown, "status": "ok"}, f"{shown} is up to date.")


@cli.command("doctor")
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


if __name__ == "__main__":
    main()
