"""`backup`, `restore`, `deliveries` and `drain`: keep the server's state elsewhere, put it back, and say who is the real one."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from app import store
from app.backup import making, restoring
from app.backup.places import place_of
from app.backup.sealing import Opener, Seal
from app.commands import Misconfigured, as_json, opened, report
from app.commands.reporting import progress
from app.settings import load
from feeds import rfc3339_utc

LOOK = 0.2  # seconds between two looks at the deliveries that run

postgres_bin = click.option(
    "--postgres-bin",
    default="",
    envvar="PRESSRELAY_POSTGRES_BIN",
    help="Directory of pg_dump and pg_restore; left out: they are on the path.",
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
    """Back the database and the files up to PLACE, a directory or s3://BUCKET/PREFIX, while the server runs. Files that are there are
    not copied again. Exit 1 if a file of the archive could not be read."""
    seal = Seal(keys) if keys else None
    settings, engine = opened()
    made = making.make(
        settings,
        engine,
        place_of(settings, place, new=True),
        seal=seal,
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
        f"Not in it: the settings{key}. Keep them apart from it.",
        f"The audit log ends with {made.audit_head}",
    )
    if made.missing:
        click.echo(
            f"{made.missing} files of the archive are missing or damaged, so the backup is without them.", err=True
        )
        sys.exit(1)


@click.command("restore")
@click.argument("place")
@click.option("--backup", "name", default="", help="Which backup; left out: the newest.")
@click.option("--into", default="", help="Directory or database URL; left out: those of the settings.")
@click.option("--identity", type=click.Path(path_type=Path), help="File with the private key of an encrypted backup.")
@click.option("--verify", is_flag=True, help="Also check every file, the audit log, and feeds byte for byte.")
@click.option("--over", is_flag=True, help="Restore over a database that is there; it is lost.")
@postgres_bin
@as_json
def restore_command(
    place: str, name: str, into: str, identity: Path | None, verify: bool, over: bool, postgres_bin: str, as_json: bool
) -> None:
    """Restore a backup from PLACE, a directory or s3://BUCKET/PREFIX. What is restored delivers to nobody until
    `pressrelay deliveries resume`."""
    opener = Opener(identity) if identity else None
    settings = load()
    source = place_of(settings, place, new=False)
    if "://" in into:
        settings = replace(settings, database_url=into)
    elif into:
        settings = replace(settings, data_dir=into, database_url="", s3_bucket="")
    restored = restoring.restore(
        settings,
        source,
        name=name,
        opener=opener,
        verify=verify,
        over=over,
        postgres=postgres_bin,
        steps=progress,
    )
    report(
        as_json,
        msgspec.to_builtins(restored),
        f"Restored {restored.name} of {rfc3339_utc(restored.created)} into {restored.database}:"
        f" {restored.files} files, {restored.copied} of them copied now.",
        *restored.verified,
        f"The audit log ends with {restored.audit_head}",
        "It delivers to nobody and pulls no source. If it is the real server now: pressrelay deliveries resume",
    )
    if restored.missing:
        click.echo(f"{restored.missing} files were missing when the backup was made.", err=True)


@click.group("deliveries")
def deliveries_group() -> None:
    """Whether this server delivers to subscribers and pulls sources at all."""


@deliveries_group.command("hold")
@as_json
def hold_command(as_json: bool) -> None:
    """Deliver nothing and pull nothing, on all hosts, until it is resumed."""
    store.operation.hold(opened().engine, datetime.now(UTC))
    report(
        as_json,
        {"deliveries": "held"},
        "Nothing is delivered or pulled any more. To resume: pressrelay deliveries resume",
    )


@deliveries_group.command("resume")
@as_json
def resume_command(as_json: bool) -> None:
    """Deliver and pull again: this is the real server, and no other one delivers for it."""
    store.operation.hold(opened().engine, None)
    report(as_json, {"deliveries": "on"}, "Deliveries and pulls go on.")


@click.command("drain")
@click.option("--end", is_flag=True, help="Take releases again.")
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, 86_400),
    help="Wait at most this many seconds for deliveries that are due.",
)
@as_json
def drain_command(end: bool, wait: float, as_json: bool) -> None:
    """Take no more releases, corrections and withdrawals, on all hosts: they get 503 with Retry-After. Reading goes on, embargoes
    lift, and what was taken is delivered. On return, nothing more is acknowledged. `--end` takes releases again."""
    engine = opened().engine
    store.operation.drain(engine, None if end else datetime.now(UTC))
    if end:
        report(as_json, {"intake": "on"}, "Releases are taken again.")
        return
    until = time.monotonic() + wait
    while (due := _due(engine)) and time.monotonic() < until:
        time.sleep(LOOK)
    left = f"{due} subscriptions wait for deliveries." if due else "No delivery is due."
    report(
        as_json,
        {"intake": "drained", "waiting": due},
        f"No releases are taken any more. {left} To take releases again: pressrelay drain --end",
    )


def _due(engine: store.Engine) -> int:
    if store.operation.now_holds(engine).held:
        return 0
    return store.deliveries.figures(engine).due


@click.group("cache")
def cache_group() -> None:
    """The cache."""


@cache_group.command("flush")
@as_json
def flush_command(as_json: bool) -> None:
    """Render every feed and page anew. Nothing is lost: the cache is only a cache."""
    from app.context import cache_of

    settings, engine = opened()
    cache = cache_of(settings, engine)
    try:
        if not cache.renew():
            raise Misconfigured(
                "The cache does not answer, so nothing was flushed. It is empty when it starts: `pressrelay serve` starts it."
            )
    finally:
        cache.close()
    report(as_json, {"cache": "flushed"}, "Every feed is rendered anew.")
