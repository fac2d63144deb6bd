"""`audit`: what was done, by whom, and whether the log of it is whole."""

import sys

import click
import msgspec

from app import store
from app.commands import as_json, tell
from app.commands.opened import database
from app.query.query import rfc3339
from app.settings import load
from app.store import AuditRecord


@click.group("audit")
def audit_group() -> None:
    """The audit log."""


@audit_group.command("list")
@click.option("--article", default="", help="Of this article: its id or its URL.")
@click.option("--office", default="", help="Of this office.")
@click.option("--action", default="", help="pushed, corrected, released, lifted, canceled, withheld, read, refused, …")
@click.option("--after", default=0, type=click.IntRange(0), help="Behind the record of this number.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="Records at most.")
@as_json
def audit_list(article: str, office: str, action: str, after: int, limit: int, as_json: bool) -> None:
    """Records in order: number, instant, action, who, office, article and version, details. JSON Lines with --json."""
    id = article.rstrip("/").rpartition("/")[2].partition(".")[0]
    engine = database(load())
    for record in store.records(engine, article=id, office=office, action=action, after=after, limit=limit):
        tell(as_json, msgspec.to_builtins(record), _told(record))


def _told(record: AuditRecord) -> str:
    event = record.event
    what = f"{event.article} version {event.version}" if event.version else event.article
    details = ", ".join(f"{name}: {value}" for name, value in event.detail.items())
    parts = (str(record.seq), rfc3339(record.at), event.action, event.actor, event.office or "-", what or "-", details)
    return "\t".join(parts).rstrip()


@audit_group.command("verify")
@click.option("--head", default="", help="A hash that was noted before: the log must still hold it.")
@as_json
def audit_verify(head: str, as_json: bool) -> None:
    """Check the whole chain; exit 1 where it is broken. Note the hash it prints elsewhere: nothing can be cut off behind it."""
    verdict = store.verify(database(load()), head.strip())
    words = f"{verdict.count} records, whole. The last hash is" if not verdict.fault else f"BROKEN: {verdict.fault}"
    tell(as_json, msgspec.to_builtins(verdict), words, *(() if verdict.fault else (verdict.head,)))
    sys.exit(1 if verdict.fault else 0)
