"""`token`: the tokens that give offices, outlets and others their rights."""

import re
from datetime import UTC, datetime, timedelta

import click
import msgspec

from app import store
from app.accounts.networks import NotANetwork, networks_in
from app.accounts.rights import ROLES
from app.commands import Misconfigured, as_json, opened, report
from app.store import Engine
from feeds import rfc3339_utc

SPAN = re.compile(r"(\d{1,5})([dh])")
MOST_TOLD = 100  # webhooks that are named


@click.group("token")
def token_group() -> None:
    """Tokens of offices, outlets, monitors and administrators."""


@token_group.command("add")
@click.argument("office", required=False, default="")
@click.option("--outlet", default="", help="Make a token of this outlet, which may read under embargo.")
@click.option("--role", type=click.Choice(list(ROLES)), help="If left out: outlet with --outlet, otherwise editor.")
@click.option("--scope", "scope", multiple=True, help="Give only this scope of the role; all its scopes if left out.")
@click.option(
    "--expires", default="", help="90d, 12h, or an instant such as 2027-01-01T00:00:00+09:00; never if left out."
)
@click.option("--from", "networks", multiple=True, help="Only from this address or network, such as 203.0.113.0/24.")
@click.option("--name", default="", help="Name of the token. An older token with the same name is revoked.")
@as_json
def token_add(
    office: str,
    outlet: str,
    role: str | None,
    scope: tuple[str, ...],
    expires: str,
    networks: tuple[str, ...],
    name: str,
    as_json: bool,
) -> None:
    """Make a token for OFFICE. It is shown only once, alone on the last line."""
    engine = opened().engine
    now = datetime.now(UTC)
    chosen = role or ("outlet" if outlet else "editor")
    _check_owner(chosen, office, outlet)
    if office and office not in [known.code for known in store.accounts.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    if outlet and outlet not in [known.code for known in store.accounts.all_outlets(engine)]:
        raise Misconfigured(f"There is no outlet {outlet!r}: add it with `pressrelay outlet add`.")
    granted = tuple(dict.fromkeys(word for words in scope for word in words.split()))
    if wrong := [word for word in granted if word not in ROLES[chosen]]:
        raise Misconfigured(f"The role {chosen} has no scope {wrong[0]!r}. Its scopes are {' '.join(ROLES[chosen])}.")
    end = _end(expires, now) if expires else None
    limits = _networks(networks)
    token = store.accounts.new_token(
        engine, office, name, now, role=chosen, scope=granted, outlet=outlet, expires=end, networks=limits
    )
    made = store.accounts.token_of(engine, token)
    assert made is not None, "it was made above"
    owner = office or outlet or {"admin": "an administrator", "metrics": "a monitor"}[chosen]
    until = f", until {rfc3339_utc(end)}" if end else ""
    report(
        as_json,
        {"id": made.id, "role": chosen, "scope": made.scope, "office": office, "outlet": outlet, "name": name}
        | {"expires": rfc3339_utc(end) if end else None, "networks": limits, "token": token},
        f"Token {made.id} of {owner} ({' '.join(made.scope)}{until}); it is shown only once:",
        token,
    )


def _check_owner(role: str, office: str, outlet: str) -> None:
    if role == "admin" and (office or outlet):
        raise Misconfigured("An administrator's token belongs to no office and no outlet. Leave them out.")
    if role == "metrics" and (office or outlet):
        raise Misconfigured("A token with the role metrics belongs to no office and no outlet. Leave them out.")
    if role == "outlet" and not (outlet and not office):
        raise Misconfigured("An outlet's token needs --outlet and must not have an office.")
    if role in ("editor", "reader") and not (office and not outlet):
        raise Misconfigured(f"A token with the role {role} needs an office and no outlet: pressrelay token add OFFICE.")


def _networks(given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return networks_in(" ".join(given))
    except NotANetwork as wrong:
        hint = f" Did you mean {wrong.nearest}?" if wrong.nearest else " Give 203.0.113.7 or 203.0.113.0/24."
        raise Misconfigured(f"--from: {wrong.part!r} is not a network.{hint}") from None


def _end(text: str, now: datetime) -> datetime:
    """The instant at which the token expires."""
    if span := SPAN.fullmatch(text.strip()):
        count = int(span[1])
        return now + (timedelta(days=count) if span[2] == "d" else timedelta(hours=count))
    try:
        end = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Misconfigured(f"--expires must be 90d, 12h or an instant, not {text!r}.") from None
    if end.tzinfo is None:
        raise Misconfigured(f"--expires: {text!r} has no time zone. End it with +09:00 or Z.")
    if end <= now:
        raise Misconfigured(f"--expires: {text!r} is in the past. Give a later instant.")
    return end.astimezone(UTC)


@token_group.command("list")
@as_json
def token_list(as_json: bool) -> None:
    """List all tokens, the newest first. The secret texts of the tokens are not stored, so they are not shown."""
    now = datetime.now(UTC)
    found = store.accounts.all_tokens(opened().engine)
    members = [msgspec.to_builtins(token) | {"state": token.state(now)} for token in found]
    report(as_json, {"tokens": members}, *(_line(token, now) for token in found))


def _line(token: store.accounts.TokenRecord, now: datetime) -> str:
    instants = [f"{word} {rfc3339_utc(at)}" for word, at in (("used", token.used), ("expires", token.expires)) if at]
    owner = token.office or token.outlet or "-"
    parts = (token.id, token.state(now), token.role, owner, token.name or "-", " ".join(token.scope), *instants)
    return "\t".join(parts)


@token_group.command("revoke")
@click.argument("id")
@click.option("--subscriptions", is_flag=True, help="Also end the webhooks and subscriptions that were made with it.")
@as_json
def token_revoke(id: str, subscriptions: bool, as_json: bool) -> None:
    """Revoke a token, given by its ID (see `token list`) or by its secret text. It is refused from now on. Webhooks of its outlet
    continue, except those that --subscriptions ends."""
    engine = opened().engine
    known = store.accounts.token_of(engine, id) if id.startswith("pr_") else None
    found = store.accounts.revoke_token(engine, known.id if known else id, datetime.now(UTC))
    if found is None:
        raise Misconfigured(f"There is no token {id[:20]!r}: see `pressrelay token list`.")
    ended = (
        store.deliveries.end_made_with(engine, found.id, found.outlet, "command", datetime.now(UTC))
        if subscriptions
        else []
    )
    told = [f"The {one.kind} {one.name} to {one.target} has ended." for one in ended]
    go_on = _webhooks(engine, found.outlet) if found.outlet else []
    for one in go_on:
        made = f"made with {one.token}" if one.token else "made on a page, or before this server noted the token"
        made = "made with this token" if one.token == found.id else made
        told.append(
            f"The webhook {one.name} of {found.outlet} ({made}) still delivers to {one.target}. If you do not know it:"
            f" pressrelay subscription end {one.name}"
        )
    if any(one.token == found.id for one in go_on):
        told.append(f"To end all that this token made: pressrelay token revoke {found.id} --subscriptions")
    members = msgspec.to_builtins(found) | {"webhooks": [{"name": one.name, "url": one.target} for one in go_on]}
    members |= {"ended": [one.name for one in ended]}
    report(as_json, members, f"Token {found.id} is revoked.", *told)


def _webhooks(engine: Engine, outlet: str) -> list[store.deliveries.Subscription]:
    """The webhooks of an outlet that still deliver. They belong to the outlet, so somebody who stole its token may have made
    one."""
    return store.deliveries.find_subscriptions(engine, outlet=outlet, kind="webhook", live=True, limit=MOST_TOLD)
