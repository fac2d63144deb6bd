"""`push`: releases to a server. Loads no database."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click

from app.commands import as_json, tell
from app.commands.telling import progress, state, summarise, tell_receipt, token_option
from app.errors import Misconfigured
from app.intake import archive
from app.sender import Answer, Client, Journal, Signing

JOURNAL = ".pressrelay-pushed"  # beside the files of a directory that is pushed
url_option = click.option(
    "--url", envvar="PRESSRELAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The server."
)


@click.command("push")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@url_option
@token_option
@click.option(
    "--enclosure",
    "enclosures",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file that goes with the one release; may be repeated.",
)
@click.option(
    "--key", "key", type=click.Path(path_type=Path), help="Sign with this private key (`key new`); no token is needed."
)
@click.option("--key-id", "keyid", default="", help="What the key is called at the server (`key add`).")
@click.option("--dry-run", is_flag=True, help="Check only; nothing is stored.")
@click.option("--retries", default=5, show_default=True, type=click.IntRange(0, 100), help="Tries after a failure.")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1, 32), help="Connections; more lose the files' order."
)
@click.option("--journal", type=click.Path(path_type=Path), help=f"What was sent; for a directory DIR/{JOURNAL}.")
@as_json
def push_command(
    paths: tuple[Path, ...],
    url: str,
    token: str,
    enclosures: tuple[Path, ...],
    key: Path | None,
    keyid: str,
    dry_run: bool,
    retries: int,
    jobs: int,
    journal: Path | None,
    as_json: bool,
) -> None:
    """Send releases, or all in a directory, to a server; exit 1 when one was not accepted.

    A directory that was cut off goes on where it stopped.
    """
    if not token and key is None:
        raise Misconfigured(
            "A token is needed: set PRESSRELAY_TOKEN, or give --token; or sign with --key and --key-id."
        )
    if key is not None and enclosures:
        raise Misconfigured("A signed release comes without files: leave out --key, and send both with a token.")
    if (key is None) != (not keyid):
        raise Misconfigured("--key and --key-id go together.")
    files = [file for path in paths for file in _listed(path)]
    if enclosures and len(files) != 1:
        raise Misconfigured(f"--enclosure goes with one release, not with {len(files)}.")
    if journal is None and not enclosures and len(paths) == 1 and paths[0].is_dir() and not dry_run:
        journal = paths[0] / JOURNAL
    client = Client(url, token, retries=retries, signing=_signing(key, keyid) if key else None)
    sent = Journal(journal, client)

    def one(file: Path) -> tuple[Path, Answer]:
        body = _read(file)
        if sent.has(body):
            return file, Answer(200, {"receipts": [], "known": True})
        try:
            answer = client.push(body, enclosures, dry_run=dry_run)
        except OSError as error:
            raise Misconfigured(f"{error.filename} cannot be read: {error.strerror or error}.") from None
        if answer.accepted and not dry_run:
            sent.add(body)
        return file, answer

    summary: Counter[str] = Counter()
    try:
        for file, answer in progress("Pushing", len(files), _mapped(one, files, jobs)):
            summary += _counted(answer)
            _told(file, answer, as_json)
    finally:
        sent.close()
        client.close()
    summarise(summary, len(files), as_json)
    sys.exit(1 if summary["refused"] or summary["failed"] else 0)


def _signing(key: Path, keyid: str) -> Signing:
    from app.accounts import signatures  # loaded only by who signs

    return partial(_sign, signatures.private_key(_read(key)), keyid)


def _sign(key: Any, keyid: str, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    from app.accounts import signatures

    return signatures.sign(method, url, headers, body, key, keyid)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror or error}.") from None


def _listed(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() == archive.SUFFIX and file.is_file())


def _mapped(work: Callable[[Path], tuple[Path, Answer]], files: list[Path], jobs: int) -> Iterator[tuple[Path, Answer]]:
    if jobs == 1:
        yield from map(work, files)
        return
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(work, files)


def _counted(answer: Answer) -> Counter[str]:
    """Articles by what became of them; a document that could not be sent or read counts as one."""
    if answer.status == 0 or answer.status >= 500:
        return Counter(failed=1)
    if answer.members.get("known"):
        return Counter({"sent before": 1})
    if "title" in answer.members:
        return Counter(refused=1)
    receipts = answer.members.get("receipts", [answer.members])
    return Counter(state(receipt.get("status", 0)) for receipt in receipts)


def _told(file: Path | str, answer: Answer, as_json: bool) -> None:
    if as_json:
        tell(True, {"file": str(file), "answer": answer.members})
        return
    for receipt in answer.members.get("receipts", [answer.members]):
        tell_receipt(str(file), receipt)
