"""`push`: send releases to a server. It uses no database."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import click

from app.commands import Misconfigured, as_json, report
from app.commands.reporting import progress, report_receipt, state, summarise, token_option
from app.intake import archive
from app.sender import Journal, PushAnswer, PushClient, Signing

JOURNAL = ".pressrelay-pushed"  # a file in the directory that is pushed
url_option = click.option(
    "--url", envvar="PRESSRELAY_URL", default="http://127.0.0.1:8080", show_default=True, help="URL of the server."
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
    help="A file to send with the release; may be repeated.",
)
@click.option(
    "--key", "key", type=click.Path(path_type=Path), help="Sign with this private key (`key new`); no token is needed."
)
@click.option("--key-id", "keyid", default="", help="The id of the key at the server (`key add`).")
@click.option("--dry-run", is_flag=True, help="Only check the releases; nothing is stored.")
@click.option(
    "--retries",
    default=5,
    show_default=True,
    type=click.IntRange(0, 100),
    help="How often to try again after a failure.",
)
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1, 32),
    help="Connections to use; with more than one, files are not sent in order.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help=f"File that lists what was sent; by default DIR/{JOURNAL} for a directory.",
)
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
    """Send releases, or all releases in a directory, to a server; exit 1 if one was not accepted.

    If the push of a directory was interrupted, run it again: it continues where it stopped.
    """
    if not token and key is None:
        raise Misconfigured(
            "A token or a key is needed. Set PRESSRELAY_TOKEN or give --token, or sign with --key and --key-id."
        )
    if key is not None and enclosures:
        raise Misconfigured(
            "A signed release cannot have enclosures. Leave out --key, and send the release and its files with a token."
        )
    if (key is None) != (not keyid):
        raise Misconfigured("--key and --key-id must be given together.")
    files = [file for path in paths for file in _listed(path)]
    if enclosures and len(files) != 1:
        raise Misconfigured(f"--enclosure works only with exactly one release, not with {len(files)}.")
    if journal is None and not enclosures and len(paths) == 1 and paths[0].is_dir() and not dry_run:
        journal = paths[0] / JOURNAL
    client = PushClient(url, token, retries=retries, signing=_signing(key, keyid) if key else None)
    sent = Journal(journal, client)

    def send(file: Path) -> tuple[Path, PushAnswer]:
        body = _read(file)
        if sent.has(body):
            return file, PushAnswer(200, {"receipts": [], "known": True})
        try:
            answer = client.push(body, enclosures, dry_run=dry_run)
        except OSError as error:
            raise Misconfigured(f"{error.filename} cannot be read: {error.strerror or error}.") from None
        if answer.accepted and not dry_run:
            sent.add(body)
        return file, answer

    summary: Counter[str] = Counter()
    try:
        for file, answer in progress("Pushing", len(files), _mapped(send, files, jobs)):
            summary += _counted(answer)
            _print(file, answer, as_json)
    finally:
        sent.close()
        client.close()
    summarise(summary, len(files), as_json)
    sys.exit(1 if summary["refused"] or summary["refused files"] or summary["failed"] else 0)


def _signing(key: Path, keyid: str) -> Signing:
    from app.accounts import signatures  # imported only if releases are signed

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
    return sorted(file for file in path.rglob("*") if archive.is_release(file.name) and file.is_file())


def _mapped(
    work: Callable[[Path], tuple[Path, PushAnswer]], files: list[Path], jobs: int
) -> Iterator[tuple[Path, PushAnswer]]:
    if jobs == 1:
        yield from map(work, files)
        return
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(work, files)


def _counted(answer: PushAnswer) -> Counter[str]:
    """The number of articles by result, and the result of the file as a whole."""
    if answer.status == 0 or answer.status >= 500:
        return Counter(failed=1)
    if answer.members.get("known"):
        return Counter({"sent before": 1})
    if "title" in answer.members:
        return Counter({"refused files": 1})
    receipts = answer.members.get("receipts", [answer.members])
    return Counter(state(receipt.get("status", 0)) for receipt in receipts)


def _print(file: Path | str, answer: PushAnswer, as_json: bool) -> None:
    if as_json:
        report(True, {"file": str(file), "answer": answer.members})
        return
    for receipt in answer.members.get("receipts", [answer.members]):
        report_receipt(str(file), receipt)
