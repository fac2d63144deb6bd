"""`office`: the offices that may push."""

import click
import msgspec

from app import store
from app.accounts.offices import OfficeRecord
from app.commands import Misconfigured, as_json, check_zone, opened, renew, report, resolved
from app.query import NAME
from schemas import agencies


@click.group("office")
def office_group() -> None:
    """Offices that may push releases."""


@office_group.command("add")
@click.argument("code")
@click.option("--name", required=True, help="Name of the office in its own language.")
@click.option("--region", "regions", multiple=True, help="Default region of its releases: a code or an exact name.")
@click.option("--topic", "topics", multiple=True, help="Default topic of its releases: a code or an exact name.")
@click.option("--url", default="", help="Home page of the office.")
@click.option("--alias", "aliases", multiple=True, help="Another name that releases use for it; may be repeated.")
@click.option(
    "--within",
    "parent",
    help='The office that it is part of; that office may also publish for it. "" for none; unchanged if left out.',
)
@click.option(
    "--timezone", help='IANA time zone of its dates without a zone. "" for that of the site; unchanged if left out.'
)
@click.option("--for-others", is_flag=True, help="It may publish for every registered office.")
@as_json
def office_add(
    code: str,
    name: str,
    regions: tuple[str, ...],
    topics: tuple[str, ...],
    url: str,
    aliases: tuple[str, ...],
    parent: str | None,
    timezone: str | None,
    for_others: bool,
    as_json: bool,
) -> None:
    """Add an office, or change the one with that code."""
    if not NAME.fullmatch(code):
        raise Misconfigured(
            f"{code!r} cannot be used as an office code. Use at most 63 lower-case letters, digits and hyphens."
        )
    names = tuple(" ".join(alias.split()) for alias in aliases)
    settings, engine = opened()
    known = store.accounts.all_offices(engine)
    present = next((office for office in known if office.code == code), OfficeRecord(code, name))
    if parent:
        _check_parent(code, parent, known)
    office = OfficeRecord(
        code,
        name,
        url,
        resolved("region", regions),
        resolved("topic", topics),
        names,
        for_others,
        present.parent if parent is None else parent,
        timezone=present.timezone if timezone is None else check_zone(timezone),
    )
    new = store.accounts.save_office(engine, office)
    renew(settings, engine)
    report(
        as_json, msgspec.to_builtins(office) | {"new": new}, f"Office {code} {'added' if new else 'changed'}: {name}."
    )


def _check_parent(code: str, parent: str, offices: list[OfficeRecord]) -> None:
    found = next((office for office in offices if office.code == parent), None)
    if found is None:
        raise Misconfigured(f"There is no office {parent!r}. Add it first with `pressrelay office add`.")
    if code in (parent, *found.above):
        raise Misconfigured(f"{parent!r} cannot contain {code!r}: it is the same office or a part of it.")


@office_group.command("add-korea")
@as_json
def office_add_korea(as_json: bool) -> None:
    """Add Korea's central agencies. Offices that already exist stay unchanged."""
    engine = opened().engine
    known = {office.code for office in store.accounts.all_offices(engine)}
    new = [
        OfficeRecord(code, name, "", ("kr",), (), names, timezone="Asia/Seoul")
        for code, name, names in agencies()
        if code not in known
    ]
    for office in new:
        store.accounts.save_office(engine, office)
    report(as_json, {"added": [office.code for office in new]}, f"{len(new)} agencies added.")


@office_group.command("list")
@as_json
def office_list(as_json: bool) -> None:
    """List all offices."""
    offices = store.accounts.all_offices(opened().engine)
    report(
        as_json,
        {"offices": msgspec.to_builtins(offices)},
        *map(_line, offices),
    )


def _line(office: OfficeRecord) -> str:
    others = "for others" if office.others else ""
    within = f"within {office.parent}" if office.parent else ""
    parts = (
        office.code,
        office.name,
        " ".join(office.regions),
        ", ".join(office.aliases),
        others,
        within,
        office.timezone,
    )
    return "\t".join(parts).rstrip()
