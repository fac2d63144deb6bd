"""`source`: what is pulled from those who cannot push."""

import re
import sys
from typing import Any

import click
import msgspec

from app import store
from app.commands import as_json, tell
from app.commands.naming import check_name
from app.commands.opened import database
from app.commands.telling import tell_receipt
from app.context import connect
from app.errors import Misconfigured
from app.intake import sources
from app.intake.parsers import NAMES
from app.outbound.addresses import Refused, checked
from app.settings import load
from app.store import Source

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHORTEST = 5  # seconds


class Duration(click.ParamType[int]):
    """5m, 2h, 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,6})([smhdw])", str(value).strip())
        if found is None or not SHORTEST <= int(found[1]) * UNITS[found[2]] <= 366 * 86400:
            self.fail(f"{value!r} is not a duration from {SHORTEST}s to 366d, such as 30s, 5m, 2h or 7d.", param, ctx)
        return int(found[1]) * UNITS[found[2]]


@click.group("source")
def source_group() -> None:
    """Sources that are pulled."""


@source_group.command("add")
@click.argument("name")
@click.option("--dialect", required=True, type=click.Choice(sorted(set(NAMES.values()))), help="What it sends.")
@click.option("--url", required=True, help="Where it is.")
@click.option("--office", required=True, help="Whose releases they are.")
@click.option("--every", default="5m", show_default=True, type=Duration(), help="How often it is asked.")
@click.option(
    "--silent-after", default="7d", show_default=True, type=Duration(), help="Alarm when nothing new came for so long."
)
@click.option("--allow-private", is_flag=True, help="It may be at an address that is not public: an intranet.")
@as_json
def add(
    name: str, dialect: str, url: str, office: str, every: int, silent_after: int, allow_private: bool, as_json: bool
) -> None:
    """Add a source, or change the one of that name; it is pulled at once."""
    check_name(name)
    try:
        checked(url)
    except Refused as error:
        raise Misconfigured(str(error)) from None
    engine = database(load())
    if office not in [known.code for known in store.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    source = Source(name, dialect, url, office, every, silent_after, allow_private)
    new = store.save_source(engine, source)
    tell(as_json, msgspec.to_builtins(source) | {"new": new}, f"Source {name} {'added' if new else 'changed'}: {url}")


@source_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """All sources, with how the last pull went; exit 1 when one has an alarm."""
    found = store.all_sources(database(load()))
    tell(as_json, {"sources": msgspec.to_builtins(found)}, *map(_line, found))
    sys.exit(1 if any(source.alarm for source in found) else 0)


def _line(source: Source) -> str:
    state = f"ALARM {source.alarm}" if source.alarm else "failed" if source.error else "ok" if source.last_ok else "new"
    last = sources.instant(source.last_ok) or "never"
    parts = [source.name, source.dialect, source.office, state, f"{source.items} items", f"last ok {last}", source.url]
    return "\t".join([*parts, source.error] if source.error else parts)


@source_group.command("remove")
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Pull a source no more; its articles stay."""
    if not store.remove_source(database(load()), name):
        raise Misconfigured(f"There is no source {name!r}.")
    tell(as_json, {"removed": name}, f"Source {name} removed.")


@source_group.command("pull")
@click.argument("name")
@as_json
def pull(name: str, as_json: bool) -> None:
    """Pull a source now, and say what became of each article; exit 1 when something went wrong."""
    settings = load()
    found = next((one for one in store.all_sources(database(settings)) if one.name == name), None)
    if found is None:
        raise Misconfigured(f"There is no source {name!r}.")
    context = connect(settings)
    pulled = sources.pull(context, found)
    store.record_pull(context.engine, pulled.source)
    members = {"source": msgspec.to_builtins(pulled.source), "receipts": msgspec.to_builtins(pulled.receipts)}
    tell(as_json, members)
    if not as_json:
        for receipt in pulled.receipts:
            tell_receipt(name, msgspec.to_builtins(receipt))
        state = pulled.source.error or ("Nothing new." if pulled.unchanged else f"{len(pulled.receipts)} articles.")
        click.echo(f"{name}: {state}", err=bool(pulled.source.error))
    sys.exit(1 if pulled.source.error or any(not receipt.accepted for receipt in pulled.receipts) else 0)
