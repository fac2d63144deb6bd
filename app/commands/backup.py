"""`backup` and `restore`: keep the server's state elsewhere, and put it back."""

import sys
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from app.backup import making, restoring
from app.commands import as_json, report, untouched
from app.commands.reporting import progress
from app.settings import load

postgres_bin = click.option(
    "--postgres-bin",
    default="",
    help="Directory of pg_dump and pg_restore; found on the path if left out.",
)


@click.command("backup")
@click.argument("place")
@click.option(
    "--encrypt-to",
    "keys",
    multiple=True,
    help="Encrypt for this public key of age (age1…) or SSH, or for those in this file; may be repeated.",
)
@click.option("--keep", type=click.IntRange(1), help="Remove older backups, so that this many remain.")
@postgres_bin
@as_json
def backup_command(place: str, keys: tuple[str, ...], keep: int | None, postgres_bin: str, as_json: bool) -> None:
    """Back up the database and the files to PLACE, a directory or s3://BUCKET/PREFIX, while the server runs. Files that are there
    are not copied again. Exit 1 if a file of the archive could not be read."""
    settings, engine = untouched()
    made = making.make(
        settings,
        engine,
        place,
        encrypt_to=keys,
        keep=keep or 0,
        postgres=postgres_bin,
        steps=progress,
    )
    key = "" if settings.secret_key else " and secret.key"
    report(
        as_json,
        msgspec.to_builtins(made),
        f"Backup {made.name} is complete: {made.files} files, {made.copied} of them new, {made.bytes // 1024} KiB written.",
        *([f"Old backups removed: {made.removed}."] if made.removed else []),
        f"The backup does not contain the settings{key}. Keep them in another place.",
        f"The audit log ends with {made.audit_head}",
    )
    if made.missing:
        click.echo(
            f"{made.missing} files of the archive are missing or damaged, so the backup does not have them.", err=True
        )
        sys.exit(1)


@click.command("restore")
@click.argument("place")
@click.option("--backup", "name", default="", help="Name of the backup; the newest if left out.")
@click.option("--into", default="", help="Directory or database URL; those of the settings if left out.")
@click.option("--identity", type=click.Path(path_type=Path), help="File with the private key of an encrypted backup.")
@click.option("--verify", is_flag=True, help="Also check every file, the audit log, and feeds byte for byte.")
@click.option("--over", is_flag=True, help="Replace a database that is there already; its content is lost.")
@postgres_bin
@as_json
def restore_command(
    place: str, name: str, into: str, identity: Path | None, verify: bool, over: bool, postgres_bin: str, as_json: bool
) -> None:
    """Restore a backup from PLACE, a directory or s3://BUCKET/PREFIX. The restored server delivers to nobody until `pressrelay
    deliveries resume`."""
    settings = load()
    if "://" in into:
        settings = replace(settings, database_url=into)
    elif into:
        settings = replace(settings, data_dir=into, database_url="", s3_bucket="")
    restored = restoring.restore(
        settings,
        place,
        name=name,
        identity=identity,
        verify=verify,
        over=over,
        postgres=postgres_bin,
        steps=progress,
    )
    report(
        as_json,
        msgspec.to_builtins(restored),
        f"Restored {restored.name}, made at {restored.created:%Y-%m-%d %H:%M:%S} UTC, into {restored.database}:"
        f" {restored.files} files, {restored.copied} of them copied now.",
        *restored.verified,
        f"The audit log ends with {restored.audit_head}",
        "It delivers to nobody and pulls no source. If it is the real server now: pressrelay deliveries resume",
    )
    if restored.missing:
        click.echo(f"{restored.missing} files were missing when the backup was made.", err=True)
