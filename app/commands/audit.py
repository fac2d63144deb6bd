"""`audit`: the events of the audit log, and a check that the log is complete."""

import sys

import click
import msgspec

from app import store
from app.commands import as_json, opened, report
from feeds import rfc3339_utc


@click.group("audit")
def audit_group() -> None:
    """The audit log."""


@audit_group.command("list")
@click.option("--article", default="", help="Only events of this article, given by id or URL.")
@click.option("--office", default="", help="Only events of this office.")
@click.option(
    "--action",
    default="",
    help="Only this action: pushed, corrected, released, lifted, canceled, withheld, read, refused, …",
)
@click.option("--after", default=0, type=click.IntRange(0), help="Only records after the one with this number.")
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="Largest number of records."
)
@as_json
def audit_list(article: str, office: str, action: str, after: int, limit: int, as_json: bool) -> None:
    """Print records in order: number, time, action, actor, office, article and version, details. With --json: JSON Lines."""
    id = article.rstrip("/").rpartition("/")[2].partition(".")[0]
    engine = opened().engine
    for record in store.audit.records(engine, article=id, office=office, action=action, after=after, limit=limit):
        report(as_json, msgspec.to_builtins(record), _line(record))


def _line(record: store.audit.Record) -> str:
    event = record.event
    what = f"{event.article} version {event.version}" if event.version else event.article
    details = ", ".join(f"{name}: {value}" for name, value in event.detail.items())
    parts = (
        str(record.seq),
        rfc3339_utc(record.at),
        event.action,
        event.actor,
        event.office or "-",
        what or "-",
        details,
    )
    return "\t".join(parts).rstrip()


@audit_group.command("verify")
@click.option("--head", default="", help="A hash that you noted before: the log must still contain it.")
@as_json
def audit_verify(head: str, as_json: bool) -> None:
    """Check the whole chain of records; exit 1 if it is broken. Keep the printed hash in another place: with it, you can later prove
    that no record up to it was removed."""
    verdict = store.audit.verify(opened().engine, head.strip())
    words = (
        f"The log is complete: {verdict.count} records. The last hash is"
        if not verdict.fault
        else f"BROKEN: {verdict.fault}"
    )
    report(as_json, msgspec.to_builtins(verdict), words, *(() if verdict.fault else (verdict.head,)))
    sys.exit(1 if verdict.fault else 0)
