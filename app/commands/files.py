"""`import` and `watch`: import an archive into the database, and watch a drop folder."""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from app import store
from app.accounts.offices import OfficeRecord, Sender, may_publish_for
from app.commands import Misconfigured, Problem, as_json, connected, opened, report
from app.commands.reporting import progress, report_receipt, state, summarise, token_option
from app.errors import Fault, Unavailable
from app.intake import archive, imports, releases
from app.intake.dropfolder import DropFolder, Moved
from app.intake.releases import Receipt
from app.sender import PushClient
from app.settings import load


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--office", "code", required=True, help="The office that the releases belong to.")
@click.option("--backfill", is_flag=True, help="Sort the articles into the feeds by their own dates: for an archive.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes that read releases; one for each core if left out."
)
@click.option("--rejects", type=click.Path(path_type=Path), help="Write refused releases to this file, as JSON Lines.")
@as_json
def import_command(
    path: Path, code: str, backfill: bool, workers: int | None, rejects: Path | None, as_json: bool
) -> None:
    """Import a directory or ZIP file of releases directly into the database; exit 1 if one was not accepted."""
    settings, engine = opened()
    office = _office(engine, code)
    engine.dispose()
    summary: Counter[str] = Counter()
    files = 0
    try:
        refused = rejects.open("wb") if rejects else None
    except OSError as error:
        raise Misconfigured(f"{rejects} cannot be written: {error.strerror or error}.") from None
    taken = imports.take(settings, office, path, backfill=backfill, workers=workers)
    for file in progress("Importing", archive.count(path), taken):
        files += 1
        for receipt in file.receipts:
            summary[state(receipt.status)] += 1
            if receipt.problem is None:
                continue
            reject = {"file": file.name, "index": receipt.index, "problem": receipt.problem}
            if refused:
                refused.write(msgspec.json.encode(reject) + b"\n")
            if as_json:
                report(True, reject)
            else:
                report_receipt(file.name, {"problem": receipt.problem})
    if refused:
        refused.close()
    summarise(summary, files, as_json)
    sys.exit(1 if summary["refused"] else 0)


def _office(engine: store.Engine, code: str) -> OfficeRecord:
    found = next((office for office in store.accounts.all_offices(engine) if office.code == code), None)
    if found is None:
        raise Misconfigured(f"There is no office {code!r}: add it with `pressrelay office add`.")
    return found


@click.command("watch")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--office", "code", default="", help="Store the releases of this office in this server's database.")
@click.option("--url", envvar="PRESSRELAY_URL", default="", help="Push the releases to this server instead.")
@token_option
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(0.05, 3600), help="Seconds between two looks."
)
@click.option("--once", is_flag=True, help="Take the files that are there now, then stop.")
@as_json
def watch_command(folder: Path, code: str, url: str, token: str, every: float, once: bool, as_json: bool) -> None:
    """Take releases from a drop folder until SIGTERM or Ctrl-C. Files go to accepted/ or rejected/, with the problem beside them."""
    settings = load()
    if bool(code) == bool(url):
        raise Misconfigured(
            "Give either --office, for this server's database, or --url and --token, for another server."
        )
    if url and not token:
        raise Misconfigured("A token is needed: set PRESSRELAY_TOKEN, or give --token.")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    take = _pushing(PushClient(url, token, stop=stop)) if url else _storing(code)
    try:
        drop = DropFolder(folder, take, settings.max_body)
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be used: {error.strerror or error}.") from None
    report(as_json, {"message": f"Watching {folder}"}, f"Watching {folder}; stop with Ctrl-C.")
    sys.stdout.flush()
    _watch(drop, stop, every, once, as_json)


def _watch(drop: DropFolder, stop: threading.Event, every: float, once: bool, as_json: bool) -> None:
    waits = False
    left = 3 if once else -1  # a file must stay unchanged for a moment before it counts as complete
    while not stop.is_set() and left != 0:
        try:
            for moved in drop.look():
                _moved(moved, as_json)
            waits = False
        except Unavailable as error:
            if not waits:
                click.echo(f"{error} Files stay in the folder until it works again.", err=True)
            waits = True
        except OSError as error:
            raise Misconfigured(f"{drop.folder} cannot be used: {error.strerror or error}.") from None
        sys.stdout.flush()
        left -= 1
        stop.wait(max(every, 1.1) if once else every)


def _moved(moved: Moved, as_json: bool) -> None:
    if as_json:
        members: dict[str, Any] = {"file": moved.name, "accepted": moved.accepted}
        members |= {"problem": moved.problem.body()} if moved.problem else {"receipts": moved.receipts}
        report(True, members)
    elif moved.problem is not None:
        report_receipt(moved.name, {"problem": moved.problem.body()})
    else:
        for receipt in moved.receipts:
            report_receipt(moved.name, msgspec.to_builtins(receipt))


def _storing(code: str) -> Callable[[bytes], list[Receipt]]:
    context = connected()
    office = _office(context.engine, code)
    sender = Sender(office, may_publish_for(office, store.accounts.all_offices(context.engine)), "command watch")
    return lambda body: releases.take(context, sender, body, imports.CONTENT_TYPE)


def _pushing(client: PushClient) -> Callable[[bytes], list[Receipt]]:
    def take(body: bytes) -> list[Receipt]:
        answer = client.push(body)
        if answer.status == 0 or answer.status >= 500 or answer.status in (401, 429):
            title = str(answer.members.get("title", "The server failed"))
            raise Unavailable(f"{title}: {answer.members.get('detail', '')}".rstrip(": "))
        if "title" in answer.members:
            members = dict(answer.members)
            kind = str(members.pop("type", "")).rpartition(":")[2]
            status, title, detail = members.pop("status"), members.pop("title"), members.pop("detail", "")
            errors = msgspec.convert(members.pop("errors", []), list[Fault])
            raise Problem(status, kind, title, detail, errors=errors, **members)
        receipts = answer.members.get("receipts", [answer.members])
        return [msgspec.convert(receipt, Receipt) for receipt in receipts]

    return take
