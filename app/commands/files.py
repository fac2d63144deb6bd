"""`push`: files to a server."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.commands import as_json, tell
from app.errors import Misconfigured
from app.uploads import RELEASE

UPLOAD_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds


@click.command("push")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--url", envvar="PRESSRELAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The server.")
@click.option(
    "--token", envvar="PRESSRELAY_TOKEN", required=True, help="The office's token; better in PRESSRELAY_TOKEN."
)
@click.option(
    "--enclosure",
    "enclosures",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file that goes with the one release; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Check only; nothing is stored.")
@as_json
def push_command(
    files: tuple[Path, ...], url: str, token: str, enclosures: tuple[Path, ...], dry_run: bool, as_json: bool
) -> None:
    """Send releases to a server; exit 1 when one was not accepted."""
    if enclosures and len(files) != 1:
        raise Misconfigured(f"--enclosure goes with one release, not with {len(files)}.")
    refused = 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        httpx.Client(timeout=UPLOAD_TIMEOUT, follow_redirects=False) as client,
        Progress(*columns, console=console, disable=len(files) < 2 or not console.is_terminal) as progress,
    ):
        for file in progress.track(files, description="Pushing"):
            try:
                answer = send(client, url.rstrip("/"), token, file, enclosures, dry_run=dry_run)
            except OSError as error:
                raise Misconfigured(f"{error.filename or file} cannot be read: {error.strerror or error}.") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise Misconfigured(f"{url} does not answer: {error}.") from None
            refused += not answer.is_success or answer.status_code == 207
            _told(file, answer, as_json)
    sys.exit(1 if refused else 0)


def send(
    client: httpx.Client, url: str, token: str, file: Path, enclosures: Sequence[Path] = (), *, dry_run: bool
) -> httpx.Response:
    """Push one release, with its files where there are any. Raises OSError and httpx.HTTPError."""
    headers = {"Authorization": f"Bearer {token}"}
    params = {"dry_run": "1"} if dry_run else {}
    body = file.read_bytes()
    if not enclosures:
        headers["Content-Type"] = "application/xml"
        return client.post(f"{url}/releases", content=body, headers=headers, params=params)
    with ExitStack() as opened:
        parts: list[tuple[str, tuple[str, bytes | IO[bytes], str]]] = [(RELEASE, (file.name, body, "application/xml"))]
        for path in enclosures:
            # The server looks at the bytes, and knows HWP, which this machine's tables do not.
            parts.append(("file", (path.name, opened.enter_context(path.open("rb")), "application/octet-stream")))
        return client.post(f"{url}/releases", files=parts, headers=headers, params=params)


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
