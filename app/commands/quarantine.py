"""`quarantine`: the documents that crashed a process of this host."""

from datetime import UTC, datetime

import click
import msgspec

from app.commands import Misconfigured, as_json, report
from app.intake.quarantine import NAME, Quarantine, Suspect
from app.settings import load
from feeds import rfc3339_utc


@click.group("quarantine")
def quarantine_group() -> None:
    """Documents that crashed the server."""


@quarantine_group.command("list")
@as_json
def quarantine_list(as_json: bool) -> None:
    """Print SHA-256, state, number of crashes, and the first and the last crash of each document. With --json: JSON Lines."""
    found = Quarantine.of(load()).all()
    for sha256, suspect in found.items():
        report(
            as_json,
            {"sha256": sha256, **msgspec.to_builtins(suspect)},
            _line(sha256, suspect),
        )
    if not found:
        click.echo("No document crashed a process of this host.", err=True)


def _line(sha256: str, suspect: Suspect) -> str:
    state = "refused" if suspect.refused else "read alone"
    first, last = (rfc3339_utc(datetime.fromtimestamp(at, UTC)) for at in (suspect.first, suspect.last))
    return f"{sha256}  {state}  {suspect.crashes}  {first}  {last}"


@quarantine_group.command("release")
@click.argument("sha256")
@as_json
def quarantine_release(sha256: str, as_json: bool) -> None:
    """Read the document with this SHA-256 again, for example after an upgrade."""
    if not NAME.fullmatch(sha256) or not Quarantine.of(load()).release(sha256):
        raise Misconfigured(
            f"{sha256[:80]!r} is not in quarantine on this host. `pressrelay quarantine list` shows what is."
        )
    report(as_json, {"sha256": sha256, "status": "released"}, f"{sha256} is read again when it is sent again.")
