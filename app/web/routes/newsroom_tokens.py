"""Tokens of an outlet, made and ended by its editors: what they may do, until when, from where, and how often they are used."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.accounts.networks import MOST, NotANetwork, networks_in
from app.accounts.rights import ROLES
from app.syndication.texts import text
from app.web import Visit, gone, here, language, members, signed_in

blueprint = Blueprint("newsroom_tokens", __name__)

NAME_LONGEST = 60  # characters
DAYS = ("90", "30", "365", "")  # how long a token may be valid; empty: until it is ended
SCOPES = {"all": ROLES["outlet"], "embargo": ("embargo",), "subscribe": ("subscribe",)}
MOST_VALID = 50  # tokens of one outlet at a time
USED_DAYS = 30  # that uses are shown of


@blueprint.get("/newsroom/<outlet>/tokens")
@signed_in
def listed(visit: Visit, outlet: str) -> Response:
    """The tokens of an outlet, without their secret texts, and a form to make one."""
    return _page(web.newsrooms.newsroom_at(here(), visit, outlet, edits=True))


@blueprint.post("/newsroom/<outlet>/tokens")
@signed_in
def add(visit: Visit, outlet: str) -> Response:
    """Make a token after a second sign-in: `name`, `rights`, `days`, `networks`. The page shows it, once."""
    context, now = here(), datetime.now(UTC)
    room = web.newsrooms.newsroom_at(context, visit, outlet, edits=True)
    sent = members(("name", "rights", "days", "networks", "password"))
    name, days = " ".join(sent.get("name", "").split()), sent.get("days", "")
    networks, faults = _networks(sent.get("networks", ""))
    if not 0 < len(name) <= NAME_LONGEST:
        faults["name"] = "token-name-wrong"
    if sent.get("rights") not in SCOPES:
        faults["rights"] = "role-wrong"
    if days not in DAYS:
        faults["days"] = "role-wrong"
    if not faults and not web.proof.given(visit, sent.get("password", "")):
        faults["password"] = "old-wrong"
    if faults:
        return _page(room, faults, sent)
    try:
        token = store.accounts.new_token(
            context.engine,
            "",
            name,
            now,
            role="outlet",
            scope=SCOPES[sent["rights"]],
            outlet=outlet,
            expires=now + timedelta(days=int(days)) if days else None,
            networks=networks,
            actor=visit.person.actor,
            most=MOST_VALID,
            by=visit.person,
        )
    except store.accounts.NoMoreTokens:
        return _page(room, {"name": "newsroom-tokens-many"}, sent)
    except store.accounts.RightsChanged:
        raise NotFound from None
    return _page(room, token=token)


@blueprint.post("/newsroom/<outlet>/tokens/<id>")
@signed_in
def end(visit: Visit, outlet: str, id: str) -> Response:
    """End a token of the outlet after a second sign-in; with `subscriptions`, also what was made with it."""
    room = web.newsrooms.newsroom_at(here(), visit, outlet, edits=True)
    sent = members(("password", "subscriptions"))
    found = store.accounts.token_by_id(here().engine, id) if len(id) <= 12 else None
    if found is None or found.outlet != outlet:
        raise NotFound
    if not web.proof.given(visit, sent.get("password", "")):
        return _page(room, {f"password-{id}": "old-wrong"}, sent)
    actor, now = visit.person.actor, datetime.now(UTC)
    store.accounts.revoke_token(here().engine, id, now, actor)
    if sent.get("subscriptions"):
        store.deliveries.end_made_with(here().engine, id, outlet, actor, now)
    return gone(f"{room.path}/tokens")


def _networks(given: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """(the networks that a field names, what is wrong with it)."""
    try:
        networks = networks_in(given)
    except NotANetwork as wrong:
        key = "networks-bits" if wrong.nearest else "networks-wrong"
        return (), {"networks": text(key, language()).format(part=wrong.part, nearest=wrong.nearest)}
    return (networks, {}) if len(networks) <= MOST else ((), {"networks": "networks-many"})


def _page(
    room: web.newsrooms.Newsroom,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
    token: str = "",
) -> Response:
    engine, now = here().engine, datetime.now(UTC)
    found = store.accounts.all_tokens(engine, outlet=room.outlet.code)
    today = int(now.timestamp()) // 86_400
    uses = store.reach.uses_by_day(engine, [one.id for one in found], today - USED_DAYS + 1)
    made = Counter(one.token for one in store.deliveries.find_subscriptions(engine, outlet=room.outlet.code, live=True))
    days = {
        day: datetime.fromtimestamp(day * 86_400, UTC).date().isoformat() for day in range(today - USED_DAYS, today + 1)
    }
    return web.newsrooms.newsroom_page(
        "newsroom_tokens.html",
        room,
        status=422 if faults else 200,
        tokens=[(one, one.state(now), uses.get(one.id, {}), made[one.id]) for one in found[:100]],
        day_names=days,
        days=DAYS,
        counted=bool(here().settings.reach_days),
        used_days=USED_DAYS,
        proven=web.proof.recent(room.visit),
        faults=faults or {},
        filled=filled or {},
        token=token,
        address=request.remote_addr or "",
    )
