"""Who asks, and whether they may: a token as Bearer (RFC 6750) or as Basic password (RFC 7617), for clients that know no other way."""

import logging
from datetime import UTC, datetime

from flask import g, request

from app import store
from app.errors import Problem, Unavailable
from app.office import Sender, may_publish_for
from app.rights import MEANING, OutletRecord, Principal
from app.routes.context import here
from app.store import Event, TokenRecord

log = logging.getLogger("pressrelay")

BASIC = 'Basic realm="pressrelay", charset="UTF-8"'
CHALLENGE = f'Bearer realm="pressrelay", {BASIC}'
INVALID = {"WWW-Authenticate": f'Bearer realm="pressrelay", error="invalid_token", {BASIC}'}  # RFC 6750, section 3.1


def needed(scope: str) -> Principal:
    """Who asks, with this scope. Raises Problem (401, 403)."""
    principal = given()
    if principal is None:
        raise Problem(
            401,
            "token-missing",
            "A token is needed",
            "Send the office's token: Authorization: Bearer …",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    if not principal.may(scope):
        detail = f"This token's scope is {' '.join(principal.scope)}; needed is {scope}: to {MEANING[scope]}."
        # RFC 6750, section 3.1.
        challenge = f'Bearer realm="pressrelay", error="insufficient_scope", scope="{scope}"'
        headers = {"WWW-Authenticate": challenge}
        raise Problem(403, "insufficient-scope", "The token may not do this", detail, headers=headers)
    return principal


def given() -> Principal | None:
    """Who asks; None where no token was sent. Raises Problem (401) for one that is not known, expired or revoked."""
    presented = secret()
    if not presented:
        return None
    engine, now = here().engine, datetime.now(UTC)
    token = store.token_of(engine, presented)
    if token is None:
        raise Problem(401, "token-wrong", "The token is not known", headers=INVALID)
    _noted(token.actor, token.office)
    state = token.state(now)
    if state == "expired":
        raise Problem(401, "token-expired", "The token has expired", headers=INVALID)
    if state == "revoked":
        raise Problem(401, "token-revoked", "The token was revoked", headers=INVALID)
    principal = _principal(token)
    try:
        store.used(engine, token, now)
    except Unavailable as error:
        log.warning("a token's last use is not noted: %s", error)
    return principal


def sender(principal: Principal) -> Sender:
    """As whom a token publishes. Raises Problem (403) for one of no office."""
    office = principal.office
    if office is None:
        detail = "An administrator's token publishes for no office: push with a token of the office."
        raise Problem(403, "wrong-office", "Not an office's token", detail)
    known = tuple(store.all_offices(here().engine)) if office.others else principal.within
    return Sender(office, may_publish_for(office, known), principal.actor)


def note_refusal(error: Problem) -> None:
    """Keep in the audit log what a known token or key was refused. A log that cannot be written now changes no answer."""
    who = g.get("asking")
    if who is None or (request.method in ("GET", "HEAD", "OPTIONS") and error.status not in (401, 403)):
        return
    actor, office = who
    article = (request.view_args or {}).get("id", "")
    detail = {"problem": error.type, "status": str(error.status), "request": f"{request.method} {request.path[:200]}"}
    keep([Event("refused", actor, office, article[:32], detail=detail)])


def keep(events: list[Event]) -> None:
    """Add events that happened by themselves; one that cannot be written now is told in the server's log."""
    try:
        store.append(here().engine, events, datetime.now(UTC))
    except Unavailable as error:
        log.error("not in the audit log: %s (%s)", ", ".join(f"{e.action} by {e.actor}" for e in events), error)


def _noted(actor: str, office: str) -> None:
    g.asking = (actor, office)


def secret() -> str:
    """The token that was sent, good or not; empty: none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.authorization is not None:
        return (request.authorization.password or "").strip()
    return token.strip() if scheme.lower() == "bearer" else ""


def _principal(token: TokenRecord) -> Principal:
    engine = here().engine
    offices = store.all_offices(engine) if token.office else []
    office = next((one for one in offices if one.code == token.office), None)
    within = tuple(one for one in offices if token.office in one.above)
    outlet: OutletRecord | None = None
    if token.outlet:
        outlet = next(one for one in store.all_outlets(engine) if one.code == token.outlet)
    return Principal(token.actor, token.role, token.scope, office, within, outlet)
