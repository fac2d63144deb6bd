"""`outlet`: news outlets that may read under embargo."""

from datetime import UTC, datetime, timedelta

import click
import msgspec
from msgspec.structs import replace

from app import store
from app.accounts.rights import OutletRecord
from app.commands import Misconfigured, as_json, check_name, opened, report, resolved
from feeds import rfc3339_utc

MOST = 10**6  # subscriptions of one outlet


@click.group("outlet")
def outlet_group() -> None:
    """News outlets that may read under embargo."""


@outlet_group.command("add")
@click.argument("code")
@click.option("--name", required=True, help="Name of the outlet.")
@click.option("--region", "regions", multiple=True, help="It may read only articles of this region or a part of it.")
@click.option("--topic", "topics", multiple=True, help="It may read only articles of this topic or a narrower one.")
@click.option("--office", "offices", multiple=True, help="It may read only articles of this office or a part of it.")
@click.option("--no-limits", is_flag=True, help="Remove all its limits.")
@click.option("--site", default=None, help="URL of the outlet's own site.")
@click.option("--embargo/--no-embargo", default=None, help="Whether it may read under embargo; a new outlet may.")
@click.option(
    "--until", default=None, help="When its accreditation ends: an instant such as 2027-01-01T00:00:00+09:00, or never."
)
@as_json
def add(
    code: str,
    name: str,
    regions: tuple[str, ...],
    topics: tuple[str, ...],
    offices: tuple[str, ...],
    no_limits: bool,
    site: str | None,
    embargo: bool | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Add an outlet, or change the one with that code. Its limits stay unchanged if none is given. Then: token add --outlet CODE."""
    check_name(code)
    engine = opened().engine
    known = [office.code for office in store.accounts.all_offices(engine)]
    if wrong := [office for office in offices if office not in known]:
        raise Misconfigured(f"There is no office {wrong[0]!r}: add it with `pressrelay office add`.")
    limits = resolved("region", regions), resolved("topic", topics), tuple(dict.fromkeys(offices))
    present = next((outlet for outlet in store.accounts.all_outlets(engine) if outlet.code == code), None)
    if present is not None and not any(limits) and not no_limits:
        limits = present.regions, present.topics, present.offices
    regions, topics, offices = limits
    outlet = replace(present or OutletRecord(code, name), name=name, regions=regions, topics=topics, offices=offices)
    outlet = replace(
        outlet,
        site=outlet.site if site is None else site,
        embargo=outlet.embargo if embargo is None else embargo,
        until=outlet.until if until is None else _instant(until),
    )
    new = store.accounts.save_outlet(engine, outlet, datetime.now(UTC))
    report(
        as_json, msgspec.to_builtins(outlet) | {"new": new}, f"Outlet {code} {'added' if new else 'changed'}: {name}."
    )


def _instant(text: str) -> datetime | None:
    if text == "never":
        return None
    try:
        end = datetime.fromisoformat(text.strip())
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise Misconfigured(f"--until must be an instant with its zone or never, not {text!r}.")
    if end <= datetime.now(UTC):
        raise Misconfigured(f"--until: {text!r} is in the past. Give a later instant.")
    return end.astimezone(UTC)


@outlet_group.command("suspend")
@click.argument("code")
@click.option("--months", type=click.IntRange(1, 12), required=True, help="For how many months of 30 days.")
@click.option("--reason", required=True, help="The reason, which the outlet's people see.")
@as_json
def suspend(code: str, months: int, reason: str, as_json: bool) -> None:
    """Stop an outlet from reading under embargo for a time. The suspension ends by itself."""
    now = datetime.now(UTC)
    until = now + timedelta(days=30 * months)
    if not store.accounts.suspend_outlet(opened().engine, code, until, reason, now, "command"):
        raise Misconfigured(f"There is no outlet {code!r}: see `pressrelay outlet list`.")
    report(
        as_json,
        {"suspended": code, "until": rfc3339_utc(until)},
        f"Outlet {code} is suspended until {rfc3339_utc(until)}.",
    )


@outlet_group.command("resume")
@click.argument("code")
@as_json
def resume(code: str, as_json: bool) -> None:
    """End a suspension before its time."""
    if not store.accounts.resume_outlet(opened().engine, code, datetime.now(UTC), "command"):
        raise Misconfigured(f"There is no outlet {code!r}: see `pressrelay outlet list`.")
    report(as_json, {"resumed": code}, f"Outlet {code} is not suspended any more.")


@outlet_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List all outlets with their limits."""
    outlets = store.accounts.all_outlets(opened().engine)
    report(as_json, {"outlets": msgspec.to_builtins(outlets)}, *map(_line, outlets))


def _line(outlet: OutletRecord) -> str:
    limits = (" ".join(getattr(outlet, name)) for name in ("regions", "topics", "offices"))
    state = outlet.stopped(datetime.now(UTC))
    stopped = {"over": "ended", "public": "public only"}.get(state, state)
    until = f"until {rfc3339_utc(outlet.until)}" if outlet.until else ""
    return "\t".join((outlet.code, outlet.name, *limits, until, stopped)).rstrip()


@outlet_group.command("remove")
@click.argument("code")
@as_json
def remove(code: str, as_json: bool) -> None:
    """Remove an outlet: revoke its tokens and end its subscriptions. The record of what it read stays in the audit log."""
    engine = opened().engine
    if not store.accounts.remove_outlet(engine, code, datetime.now(UTC)):
        raise Misconfigured(f"There is no outlet {code!r}: see `pressrelay outlet list`.")
    for subscription in store.deliveries.find_subscriptions(engine, outlet=code, limit=MOST):
        store.deliveries.deny(engine, subscription, "The outlet was removed.", datetime.now(UTC))
    report(as_json, {"removed": code}, f"Outlet {code} removed. Its tokens are revoked.")
