"""`source`: feeds of offices that cannot push; the server pulls them."""

import re
import sys
from typing import Any

import click
import msgspec

from app import store
from app.commands import Misconfigured, as_json, check_name, check_zone, connected, opened, report
from app.commands.reporting import report_receipt
from app.errors import Refused
from app.intake import sources
from app.outbound.addresses import checked

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHORTEST = 5  # seconds


class Duration(click.ParamType[int]):
    """A length of time such as 5m, 2h or 7d, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The length in seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,6})([smhdw])", str(value).strip())
        if found is None or not SHORTEST <= int(found[1]) * UNITS[found[2]] <= 366 * 86400:
            self.fail(
                f"{value!r} is not a length of time from {SHORTEST}s to 366d. Write it like 30s, 5m, 2h or 7d.",
                param,
                ctx,
            )
        return int(found[1]) * UNITS[found[2]]


@click.group("source")
def source_group() -> None:
    """Sources that are pulled."""


@source_group.command("add")
@click.argument("name")
@click.option("--dialect", required=True, type=click.Choice(sorted(sources.DIALECTS)), help="The format of the source.")
@click.option("--url", required=True, help="URL of the source.")
@click.option("--office", required=True, help="The office that its releases belong to.")
@click.option("--every", default="5m", show_default=True, type=Duration(), help="How often to pull it.")
@click.option(
    "--silent-after",
    default="7d",
    show_default=True,
    type=Duration(),
    help="Raise an alarm if nothing new comes for this long.",
)
@click.option(
    "--timezone", default="", help="IANA time zone of its dates without a zone; left out: that of the office."
)
@click.option("--allow-private", is_flag=True, help="Allow an address that is not public, for example in an intranet.")
@as_json
def add(
    name: str,
    dialect: str,
    url: str,
    office: str,
    every: int,
    silent_after: int,
    timezone: str,
    allow_private: bool,
    as_json: bool,
) -> None:
    """Add a source, or change the one with that name. It is pulled at once."""
    check_name(name)
    try:
        checked(url)
    except Refused as error:
        raise Misconfigured(str(error)) from None
    engine = opened().engine
    if office not in [known.code for known in store.accounts.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    source = store.accounts.Source(
        name, dialect, url, office, every, silent_after, allow_private, timezone=check_zone(timezone)
    )
    new = store.accounts.save_source(engine, source)
    report(as_json, msgspec.to_builtins(source) | {"new": new}, f"Source {name} {'added' if new else 'changed'}: {url}")


@source_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List all sources with the result of the last pull; exit 1 if one has an alarm."""
    found = store.accounts.all_sources(opened().engine)
    report(as_json, {"sources": msgspec.to_builtins(found)}, *map(_line, found))
    sys.exit(1 if any(source.alarm for source in found) else 0)


def _line(source: store.accounts.Source) -> str:
    state = f"ALARM {source.alarm}" if source.alarm else "failed" if source.error else "ok" if source.last_ok else "new"
    last = sources.instant(source.last_ok) or "never"
    parts = [source.name, source.dialect, source.office, state, f"{source.items} items", f"last ok {last}", source.url]
    return "\t".join([*parts, source.error] if source.error else parts)


@source_group.command("remove")
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Remove a source; its articles stay."""
    if not store.accounts.remove_source(opened().engine, name):
        raise Misconfigured(f"There is no source {name!r}: see `pressrelay source list`.")
    report(as_json, {"removed": name}, f"Source {name} removed.")


@source_group.command("pull")
@click.argument("name")
@as_json
def pull(name: str, as_json: bool) -> None:
    """Pull a source now and print the result for each article; exit 1 if something went wrong."""
    context = connected()
    found = next((source for source in store.accounts.all_sources(context.engine) if source.name == name), None)
    if found is None:
        raise Misconfigured(f"There is no source {name!r}: see `pressrelay source list`.")
    pulled = sources.pull(context, found)
    store.accounts.record_pull(context.engine, pulled.source)
    members = {"source": msgspec.to_builtins(pulled.source), "receipts": msgspec.to_builtins(pulled.receipts)}
    report(as_json, members)
    if not as_json:
        for receipt in pulled.receipts:
            report_receipt(name, msgspec.to_builtins(receipt))
        state = pulled.source.error or ("Nothing new." if pulled.unchanged else f"{len(pulled.receipts)} articles.")
        click.echo(f"{name}: {state}", err=bool(pulled.source.error))
    sys.exit(1 if pulled.source.error or any(not receipt.accepted for receipt in pulled.receipts) else 0)
