"""`outlet`: who reads under embargo."""

from datetime import UTC, datetime

import click
import msgspec

from app import store
from app.accounts.rights import OutletRecord
from app.commands import as_json, tell
from app.commands.naming import check_name, resolved
from app.commands.opened import database
from app.errors import Misconfigured
from app.settings import load

MOST = 10**6  # subscriptions of one outlet


@click.group("outlet")
def outlet_group() -> None:
    """News outlets that may read under embargo."""


@outlet_group.command("add")
@click.argument("code")
@click.option("--name", required=True, help="What it is called.")
@click.option("--region", "regions", multiple=True, help="It reads only what is of this region, or within it.")
@click.option("--topic", "topics", multiple=True, help="It reads only what is of this topic, or narrower.")
@click.option("--office", "offices", multiple=True, help="It reads only what is of this office, or of a part of it.")
@click.option("--no-limits", is_flag=True, help="Take away the limits that it has.")
@as_json
def add(
    code: str,
    name: str,
    regions: tuple[str, ...],
    topics: tuple[str, ...],
    offices: tuple[str, ...],
    no_limits: bool,
    as_json: bool,
) -> None:
    """Add an outlet, or change the one of that code; it keeps its limits where none is given. Then: token add --outlet CODE."""
    check_name(code)
    engine = database(load())
    known = [office.code for office in store.all_offices(engine)]
    if wrong := [office for office in offices if office not in known]:
        raise Misconfigured(f"There is no office {wrong[0]!r}: add it with `pressrelay office add`.")
    limits = resolved("region", regions), resolved("topic", topics), tuple(dict.fromkeys(offices))
    kept = next((one for one in store.all_outlets(engine) if one.code == code), None)
    if kept is not None and not any(limits) and not no_limits:
        limits = kept.regions, kept.topics, kept.offices
    outlet = OutletRecord(code, name, *limits)
    new = store.save_outlet(engine, outlet, datetime.now(UTC))
    tell(as_json, msgspec.to_builtins(outlet) | {"new": new}, f"Outlet {code} {'added' if new else 'changed'}: {name}.")


@outlet_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """All outlets, with what they are limited to."""
    outlets = store.all_outlets(database(load()))
    tell(as_json, {"outlets": msgspec.to_builtins(outlets)}, *map(_told, outlets))


def _told(outlet: OutletRecord) -> str:
    limits = (" ".join(getattr(outlet, name)) for name in ("regions", "topics", "offices"))
    return "\t".join((outlet.code, outlet.name, *limits)).rstrip()


@outlet_group.command("remove")
@click.argument("code")
@as_json
def remove(code: str, as_json: bool) -> None:
    """Revoke every token of an outlet, end its subscriptions and forget its limits; what it read stays in the audit log."""
    engine = database(load())
    if not store.remove_outlet(engine, code, datetime.now(UTC)):
        raise Misconfigured(f"There is no outlet {code!r}.")
    for one in store.find_subscriptions(engine, outlet=code, limit=MOST):
        store.deny(engine, one, "The outlet was removed.", datetime.now(UTC))
    tell(as_json, {"removed": code}, f"Outlet {code} removed; its tokens are revoked.")
