"""`office`: who may push."""

import click
import msgspec

from app import store
from app.accounts.offices import OfficeRecord
from app.commands import as_json, tell
from app.commands.naming import resolved
from app.commands.opened import database, renew
from app.errors import Misconfigured
from app.query.query import NAME
from app.settings import load
from schemas import agencies


@click.group("office")
def office_group() -> None:
    """Offices that may push."""


@office_group.command("add")
@click.argument("code")
@click.option("--name", required=True, help="In the office's own language.")
@click.option("--region", "regions", multiple=True, help="Default region of its releases: a code or an exact name.")
@click.option("--topic", "topics", multiple=True, help="Default topic of its releases.")
@click.option("--url", default="", help="Its home page.")
@click.option("--alias", "aliases", multiple=True, help="Another name under which releases name it.")
@click.option(
    "--within",
    "parent",
    help='The office it is part of, whose token publishes for it as well; "" for none. Kept if left out.',
)
@click.option("--for-others", is_flag=True, help="It may publish for every office that is registered.")
@as_json
def office_add(
    code: str,
    name: str,
    regions: tuple[str, ...],
    topics: tuple[str, ...],
    url: str,
    aliases: tuple[str, ...],
    parent: str | None,
    for_others: bool,
    as_json: bool,
) -> None:
    """Add an office, or change the one of that code."""
    if not NAME.fullmatch(code):
        raise Misconfigured(f"{code!r} is not an office code: use lower-case letters, digits and hyphens.")
    names = tuple(" ".join(alias.split()) for alias in aliases)
    settings = load()
    engine = database(settings)
    known = store.all_offices(engine)
    kept = next((one.parent for one in known if one.code == code), "")
    if parent:
        _check_parent(code, parent, known)
    within = kept if parent is None else parent
    office = OfficeRecord(
        code, name, url, resolved("region", regions), resolved("topic", topics), names, for_others, within
    )
    new = store.save_office(engine, office)
    renew(settings, engine)
    tell(as_json, msgspec.to_builtins(office) | {"new": new}, f"Office {code} {'added' if new else 'changed'}: {name}.")


def _check_parent(code: str, parent: str, offices: list[OfficeRecord]) -> None:
    found = next((one for one in offices if one.code == parent), None)
    if found is None:
        raise Misconfigured(f"There is no office {parent!r}: add it first.")
    if code in (parent, *found.above):
        raise Misconfigured(f"{parent!r} is part of {code!r}: an office cannot be within itself.")


@office_group.command("add-korea")
@as_json
def office_add_korea(as_json: bool) -> None:
    """Add Korea's central agencies by name; those that are here stay as they are."""
    engine = database(load())
    known = {office.code for office in store.all_offices(engine)}
    new = [OfficeRecord(code, name, "", ("kr",), (), names) for code, name, names in agencies() if code not in known]
    for office in new:
        store.save_office(engine, office)
    tell(as_json, {"added": [office.code for office in new]}, f"{len(new)} agencies added.")


@office_group.command("list")
@as_json
def office_list(as_json: bool) -> None:
    """All offices."""
    offices = store.all_offices(database(load()))
    tell(
        as_json,
        {"offices": msgspec.to_builtins(offices)},
        *map(_told, offices),
    )


def _told(office: OfficeRecord) -> str:
    others = "for others" if office.others else ""
    within = f"within {office.parent}" if office.parent else ""
    parts = (office.code, office.name, " ".join(office.regions), ", ".join(office.aliases), others, within)
    return "\t".join(parts).rstrip()
