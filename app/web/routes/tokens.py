"""Tokens of an office, made and ended by its editors on a page, as `pressrelay token` does."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import store, web
from app.web import Visit, gone, here, may_invite, members, page_with_ways, signed_in

blueprint = Blueprint("tokens", __name__)

ROLES_HERE = ("editor", "reader")  # of tokens that belong to an office
NAME_LONGEST = 60  # characters of a token's name
MOST_VALID = 50  # tokens of one office at a time, as of an outlet
DAYS = ("30", "90", "365", "")  # how long a token may be valid; empty: until it is ended


@blueprint.get("/people/<office>/tokens")
@signed_in
def listed(visit: Visit, office: str) -> Response:
    """The tokens of an office, without their secret texts, and a form to make one."""
    return _page(visit, office)


@blueprint.post("/people/<office>/tokens")
@signed_in
def add(visit: Visit, office: str) -> Response:
    """Make a token after a second sign-in: `name`, `role`, `days`. The page shows it, once."""
    sent = members(("name", "role", "days", "password"))
    name, role, days = " ".join(sent.get("name", "").split()), sent.get("role", ""), sent.get("days", "")
    _name(visit, office)
    faults: dict[str, str] = {}
    if not 0 < len(name) <= NAME_LONGEST:
        faults["name"] = "token-name-wrong"
    if role not in ROLES_HERE:
        faults["role"] = "role-wrong"
    elif role == "editor" and not visit.person.admin and store.desk.routine(here().engine, office).approval:
        faults["role"] = "token-second-person"  # nobody approves what such a token pushes
    if days not in DAYS:
        faults["days"] = "role-wrong"
    if not faults and not web.proof.given(visit, sent.get("password", "")):
        faults["password"] = "old-wrong"
    if faults:
        return _page(visit, office, faults, sent)
    now = datetime.now(UTC)
    end = now + timedelta(days=int(days)) if days else None
    actor = visit.person.actor
    try:
        token = store.accounts.new_token(
            here().engine, office, name, now, role=role, expires=end, actor=actor, most=MOST_VALID, by=visit.person
        )
    except store.accounts.NoMoreTokens:
        return _page(visit, office, {"name": "newsroom-tokens-many"}, sent)
    except store.accounts.RightsChanged:
        raise NotFound from None
    return _page(visit, office, token=token)


@blueprint.post("/people/<office>/tokens/<id>")
@signed_in
def end(visit: Visit, office: str, id: str) -> Response:
    """End a token of an office after a second sign-in."""
    sent = members(("password",))
    _name(visit, office)
    found = store.accounts.token_by_id(here().engine, id)
    if found is None or found.office != office:
        raise NotFound
    if not web.proof.given(visit, sent.get("password", "")):
        return _page(visit, office, {f"password-{id}": "old-wrong"})
    store.accounts.revoke_token(here().engine, id, datetime.now(UTC), visit.person.actor)
    return gone(f"/people/{office}/tokens")


def _name(visit: Visit, office: str) -> str:
    """The name of the office. Raises NotFound if there is none, or it is not the person's to manage."""
    known = store.accounts.all_offices(here().engine)
    found = next((record for record in known if record.code == office), None)
    if found is None or not may_invite(visit.person, office, known):
        raise NotFound
    return found.name


def _page(
    visit: Visit,
    office: str,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
    token: str = "",
) -> Response:
    name, now = _name(visit, office), datetime.now(UTC)
    found = [one for one in store.accounts.all_tokens(here().engine) if one.office == office]
    return page_with_ways(
        "tokens.html",
        status=422 if faults else 200,
        visit=visit,
        office=office,
        name_of_office=name,
        tokens=[(one, one.state(now)) for one in found],
        roles=ROLES_HERE,
        days=DAYS,
        proven=web.proof.recent(visit),
        faults=faults or {},
        filled=filled or {},
        token=token,
    )
