"""The person's own account: name, password, passkeys, and the browsers in which they are signed in."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import store, web
from app.accounts.people import NAME_LONGEST, PASSKEY_NAME_LONGEST, may_invite, password_faults, with_parts
from app.web import Problem, Visit, gone, here, members, page_with_ways, signed_in

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
@signed_in
def account(visit: Visit) -> Response:
    """The person's name, roles, passkeys and sessions."""
    return _page(visit)


@blueprint.post("/account")
@signed_in
def change(visit: Visit) -> Response:
    """Change the name, or the password after a second sign-in. Other browsers are signed out by a new password."""
    context, person = here(), visit.person
    sent = members(("name", "old", "password"))
    faults: dict[str, str] = {}
    if "name" in sent:
        name = " ".join(sent["name"].split())
        if not 0 < len(name) <= NAME_LONGEST:
            return _page(visit, {"name": "name-wrong"}, name=sent["name"])
        store.accounts.set_name(context.engine, person.id, name)
        return gone("/account")
    if fault := password_faults(sent.get("password", ""), (person.name, person.email)):
        faults["password"] = fault
    if not faults and not web.proof.given(visit, sent.get("old", "")):
        faults["old"] = "old-wrong"
    if faults:
        return _page(visit, faults)
    hashed = web.proof.hash_password(sent["password"])
    store.accounts.set_password(context.engine, person.id, hashed, datetime.now(UTC), keep=visit.session.id)
    return _page(visit, done="password-set")


@blueprint.post("/account/sessions/<id>")
@signed_in
def end_session(visit: Visit, id: str) -> Response:
    """Sign out in another browser."""
    members(())
    store.accounts.end_session(here().engine, visit.person.id, id, datetime.now(UTC))
    return gone("/account")


@blueprint.post("/account/passkeys/options")
@signed_in
def asking(visit: Visit) -> Response:
    """What the browser asks an authenticator for, so that it makes a passkey (JSON); after a second sign-in."""
    members(())
    if not web.proof.possible():
        raise NotFound
    if not web.proof.recent(visit):
        raise Problem(403, "not-proven", "A second sign-in is needed", "Open /prove and show again who you are.")
    return web.proof.passkey_options("add", visit)


@blueprint.post("/account/passkeys")
@signed_in
def add(visit: Visit) -> Response:
    """Add a passkey: its `name`, and what the browser answers as JSON (`credential`); after a second sign-in."""
    engine = here().engine
    sent = members(("name", "credential"))
    name = " ".join(sent.get("name", "").split())
    if not 0 < len(name) <= PASSKEY_NAME_LONGEST:
        return _page(visit, {"passkey": "passkey-name-wrong"})
    if not web.proof.recent(visit):
        return _page(visit, {"passkey": "prove-first"})
    made = web.proof.added(visit, sent.get("credential", ""))
    if made is None:
        return _page(visit, {"passkey": "passkey-not-made"})
    try:
        store.accounts.add_passkey(
            engine,
            visit.person.id,
            made.credential,
            made.public_key,
            made.signs,
            name,
            datetime.now(UTC),
            session=visit.session.id,
        )
    except store.accounts.RightsChanged:
        raise NotFound from None
    except store.accounts.NoMorePasskeys:
        return _page(visit, {"passkey": "passkey-many"})
    return _page(visit, done="passkey-added")


@blueprint.post("/account/passkeys/<id>/<action>")
@signed_in
def steer(visit: Visit, id: str, action: str) -> Response:
    """`rename` a passkey of one's own, or `remove` it after a second sign-in."""
    engine, person = here().engine, visit.person
    sent = members(("name", "password"))
    if action not in ("rename", "remove") or id not in {
        one.id for one in store.accounts.passkeys_of(engine, person.id)
    }:
        raise NotFound
    if action == "rename":
        name = " ".join(sent.get("name", "").split())
        if not 0 < len(name) <= PASSKEY_NAME_LONGEST:
            return _page(visit, {f"name-{id}": "passkey-name-wrong"})
        store.accounts.name_passkey(engine, person.id, id, name)
    else:
        if not web.proof.given(visit, sent.get("password", "")):
            return _page(visit, {f"password-{id}": "old-wrong"})
        store.accounts.remove_passkey(engine, person.id, id, datetime.now(UTC))
    return gone("/account")


def _page(visit: Visit, faults: dict[str, str] | None = None, done: str = "", name: str | None = None) -> Response:
    engine, now = here().engine, datetime.now(UTC)
    person = store.accounts.person_by_id(engine, visit.person.id) or visit.person
    offices = store.accounts.all_offices(engine)
    near = with_parts(offices)
    outlets = store.accounts.all_outlets(engine) if person.outlets else []
    return page_with_ways(
        "account.html",
        status=422 if faults else 200,
        visit=visit,
        person=person,
        sessions=store.accounts.sessions_of(engine, person.id, now),
        keys=store.accounts.passkeys_of(engine, person.id),
        proven=web.proof.recent(visit),
        offices={office.code: office.name for office in offices},
        outlets={outlet.code: outlet.name for outlet in outlets},
        managing={office.code: office.name for office in offices if may_invite(person, office.code, near[office.code])},
        faults=faults or {},
        filled={"name": person.name if name is None else name},
        done=done,
    )
