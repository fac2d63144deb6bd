"""`person`: the people who may sign in."""

from datetime import UTC, datetime

import click

from app import store
from app.accounts.people import DUTIES, EDITS_OUTLET, INVITED, RESET
from app.commands import Misconfigured, Problem, as_json, opened, report
from app.deliveries import links, smtp

OF_OUTLETS = ("outlet", EDITS_OUTLET)


@click.group("person")
def person_group() -> None:
    """People who may sign in on the server's pages."""


@person_group.command("list")
@as_json
def person_list(as_json: bool) -> None:
    """List the people with their roles."""
    engine = opened().engine
    found = store.accounts.all_people(engine)
    rows = [
        {
            "id": one.id,
            "email": one.email,
            "name": one.name,
            "admin": one.admin,
            "roles": one.roles(),
            "outlets": one.outlets,
            "runs": one.runs,
            "ended": one.ended.isoformat() if one.ended else "",
        }
        for one in found
    ]
    lines = []
    for one in found:
        roles = [f"{office}: {role}" for office, role in one.roles().items()] + ["administrator"] * one.admin
        roles += [f"{outlet}: {EDITS_OUTLET if outlet in one.runs else 'outlet'}" for outlet in one.outlets]
        lines.append(f"{one.id}  {one.email}  {one.name}  {', '.join(roles)}{'  (ended)' if one.ended else ''}")
    report(as_json, {"people": rows}, *(lines or ["Nobody yet."]))


@person_group.command("invite")
@click.argument("email")
@click.option("--office", default="", help="Code of the office, for an editor, a writer or a reader.")
@click.option("--outlet", default="", help="Code of the outlet, for a journalist who reads under embargo.")
@click.option(
    "--role", type=click.Choice([*DUTIES, *OF_OUTLETS, "admin"]), required=True, help="What the person may do there."
)
@as_json
def person_invite(email: str, office: str, outlet: str, role: str, as_json: bool) -> None:
    """Print a link that gives a role to the person with this address. It works once, for seven days."""
    settings, engine = opened()
    if (role in DUTIES) != bool(office) or (role in OF_OUTLETS) != bool(outlet):
        raise Misconfigured(
            "Give --office for an editor, a writer or a reader, and none for an administrator. Give --outlet for a journalist."
            if role not in OF_OUTLETS
            else "Give --outlet for a journalist of an outlet, and no --office."
        )
    if outlet and outlet not in {known.code for known in store.accounts.all_outlets(engine)}:
        raise Misconfigured(f"No outlet has the code {outlet!r}. Add it first: pressrelay outlet add {outlet} --name …")
    if office and office not in {known.code for known in store.accounts.all_offices(engine)}:
        raise Misconfigured(f"No office has the code {office!r}. Add it first: pressrelay office add {office} --name …")
    try:
        address = smtp.address(email)
    except Problem as problem:
        raise Misconfigured(problem.detail) from None
    now = datetime.now(UTC)
    try:
        link = store.accounts.new_link(
            engine, "invite", now, INVITED, email=address, office=office, outlet=outlet, role=role
        )
    except store.accounts.RightsChanged:
        raise Misconfigured(f"The outlet {outlet!r} was removed meanwhile. Nobody was invited.") from None
    url = links.once(engine, settings.url, link)
    report(
        as_json,
        {"url": url},
        f"Send this link to {address}. It works once, until {link.expires:%Y-%m-%d %H:%M} UTC.",
        url,
    )


@person_group.command("reset")
@click.argument("email")
@as_json
def person_reset(email: str, as_json: bool) -> None:
    """Print a link with which a person sets a new password. It works once, for an hour."""
    settings, engine = opened()
    found = store.accounts.person_by_email(engine, email)
    if found is None or found[0].ended is not None:
        raise Misconfigured(f"Nobody who may sign in has the address {email!r}.")
    link = store.accounts.new_link(engine, "reset", datetime.now(UTC), RESET, email=email)
    url = links.once(engine, settings.url, link)
    report(as_json, {"url": url}, f"Send this link to {found[0].email}. It works once, for an hour.", url)


@person_group.command("end")
@click.argument("email")
@as_json
def person_end(email: str, as_json: bool) -> None:
    """End a person's account: they can no longer sign in, and their sessions end."""
    engine = opened().engine
    found = store.accounts.person_by_email(engine, email)
    if found is None:
        raise Misconfigured(f"Nobody has the address {email!r}.")
    if not store.accounts.end_person(engine, found[0].id, "command", datetime.now(UTC)):
        raise Misconfigured(
            "This is the last administrator. Invite another one first: pressrelay person invite … --role admin"
        )
    report(as_json, {"ended": found[0].id}, f"{found[0].email} can no longer sign in.")
