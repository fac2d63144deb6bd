"""`token`: who may do what, and for how long."""

import re
from datetime import UTC, datetime, timedelta

import click
import msgspec

from app import store
from app.accounts.rights import ROLES
from app.commands import as_json, tell
from app.commands.opened import database
from app.errors import Misconfigured
from app.query.query import rfc3339
from app.settings import load
from app.store import TokenRecord

SPAN = re.compile(r"(\d{1,5})([dh])")


@click.group("token")
def token_group() -> None:
    """Tokens of offices, outlets, monitors and administrators."""


@token_group.command("add")
@click.argument("office", required=False, default="")
@click.option("--outlet", default="", help="It is an outlet's, and reads under embargo.")
@click.option("--role", type=click.Choice(list(ROLES)), help="editor if left out; outlet with --outlet.")
@click.option("--scope", "scope", multiple=True, help="A part of what the role may do; all of it if left out.")
@click.option(
    "--expires", default="", help="90d, 12h, or an instant such as 2027-01-01T00:00:00+09:00; never if left out."
)
@click.option("--name", default="", help="To tell tokens apart; one of the same name is revoked.")
@as_json
def token_add(
    office: str, outlet: str, role: str | None, scope: tuple[str, ...], expires: str, name: str, as_json: bool
) -> None:
    """Make a token of OFFICE; it is shown once, alone on the last line."""
    engine = database(load())
    now = datetime.now(UTC)
    chosen = role or ("outlet" if outlet else "editor")
    _check_owner(chosen, office, outlet)
    if office and office not in [known.code for known in store.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    if outlet and outlet not in [known.code for known in store.all_outlets(engine)]:
        raise Misconfigured(f"There is no outlet {outlet!r}: add it with `pressrelay outlet add`.")
    granted = tuple(dict.fromkeys(word for words in scope for word in words.split()))
    if wrong := [word for word in granted if word not in ROLES[chosen]]:
        raise Misconfigured(f"The scope of the role {chosen} is {' '.join(ROLES[chosen])}; {wrong[0]!r} is not in it.")
    end = _end(expires, now) if expires else None
    token = store.new_token(
        engine, office, name, now, role=chosen, scope=granted, outlet=outlet, expires=end, actor="command"
    )
    made = store.token_of(engine, token)
    assert made is not None, "it was made above"
    owner = office or outlet or {"admin": "an administrator", "metrics": "a monitor"}[chosen]
    until = f", until {rfc3339(end)}" if end else ""
    tell(
        as_json,
        {"id": made.id, "role": chosen, "scope": made.scope, "office": office, "outlet": outlet, "name": name}
        | {"expires": rfc3339(end) if end else None, "token": token},
        f"Token {made.id} of {owner} ({' '.join(made.scope)}{until}); it is not shown again:",
        token,
    )


def _check_owner(role: str, office: str, outlet: str) -> None:
    if role == "admin" and (office or outlet):
        raise Misconfigured("An administrator's token is of no office and of no outlet: leave them out.")
    if role == "metrics" and (office or outlet):
        raise Misconfigured("A token of the role metrics is of no office and of no outlet: leave them out.")
    if role == "outlet" and not (outlet and not office):
        raise Misconfigured("An outlet's token needs --outlet, and no office.")
    if role in ("editor", "reader") and not (office and not outlet):
        raise Misconfigured(f"A token of the role {role} needs an office: pressrelay token add OFFICE.")


def _end(text: str, now: datetime) -> datetime:
    """When it ends."""
    if span := SPAN.fullmatch(text.strip()):
        count = int(span[1])
        return now + (timedelta(days=count) if span[2] == "d" else timedelta(hours=count))
    try:
        end = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Misconfigured(f"--expires takes 90d, 12h or an instant, not {text!r}.") from None
    if end.tzinfo is None:
        raise Misconfigured(f"--expires: {text!r} has no time zone: end it with +09:00 or Z.")
    if end <= now:
        raise Misconfigured(f"--expires: {text!r} is past.")
    return end.astimezone(UTC)


@token_group.command("list")
@as_json
def token_list(as_json: bool) -> None:
    """All tokens, the newest first; the tokens themselves are kept nowhere."""
    now = datetime.now(UTC)
    found = store.all_tokens(database(load()))
    members = [msgspec.to_builtins(token) | {"state": token.state(now)} for token in found]
    tell(as_json, {"tokens": members}, *(_told(token, now) for token in found))


def _told(token: TokenRecord, now: datetime) -> str:
    instants = [f"{word} {rfc3339(at)}" for word, at in (("used", token.used), ("expires", token.expires)) if at]
    owner = token.office or token.outlet or "-"
    parts = (token.id, token.state(now), token.role, owner, token.name or "-", " ".join(token.scope), *instants)
    return "\t".join(parts)


@token_group.command("revoke")
@click.argument("id")
@as_json
def token_revoke(id: str, as_json: bool) -> None:
    """Revoke the token of that ID (see `token list`), or the token itself; it is refused from now on."""
    engine = database(load())
    given = store.token_of(engine, id) if id.startswith("pr_") else None
    found = store.revoke_token(engine, given.id if given else id, datetime.now(UTC))
    if found is None:
        raise Misconfigured(f"There is no token {id[:20]!r}: see `pressrelay token list`.")
    tell(as_json, msgspec.to_builtins(found), f"Token {found.id} is revoked.")
