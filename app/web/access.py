"""Who asks, and whether they may: a token as Bearer (RFC 6750) or as Basic password (RFC 7617), for clients that know no other way."""

import logging
import time
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from flask import g, request
from msgspec.structs import replace

from app import store
from app.accounts.offices import Sender, may_publish_for
from app.accounts.rights import MEANING, ROLES, Principal
from app.errors import Problem, Unavailable
from app.query.query import url
from app.store import Event
from app.syndication.embargoed import principal_of
from app.web import crosssite
from app.web.context import here

log = logging.getLogger("pressrelay")

BASIC = 'Basic realm="pressrelay", charset="UTF-8"'
CHALLENGE = f'Bearer realm="pressrelay", {BASIC}'
INVALID = {"WWW-Authenticate": f'Bearer realm="pressrelay", error="invalid_token", {BASIC}'}  # RFC 6750, section 3.1


def needed(scope: str) -> Principal:
    """Who asks, with this scope. Raises Problem (401, 403)."""
    principal = given()
    if scope == "publish" and "Signature-Input" in request.headers:
        principal = _signing(principal)
    if principal is None:
        raise Problem(
            401,
            "token-missing",
            "A token is needed",
            "Send the office's token: Authorization: Bearer …; or sign the request with a key that it registered.",
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
    principal = principal_of(engine, token)
    if principal is None:  # Its outlet was removed since the token was looked up.
        raise Problem(401, "token-revoked", "The token was revoked", headers=INVALID)
    try:
        store.used(engine, token, now)
    except Unavailable as error:
        log.warning("a token's last use is not noted: %s", error)
    return principal


def _signing(principal: Principal | None) -> Principal:
    """Whose signature came, of a request whose body is still to be read: it is compared with Content-Digest then, as each is (see
    `ingest.body_parts`). A token that comes besides must be of the same office. Raises Problem (401, 403)."""
    from app.accounts import signatures  # loaded by the first that is signed

    engine = here().engine
    headers = {name: request.headers[name] for name in request.headers.keys()}  # noqa: SIM118
    try:
        keyid = signatures.keyid(headers)
        record = store.key_of(engine, keyid) if len(keyid) <= 64 else None
        if record is None:
            raise signatures.NotSigned("No office registered a key of that keyid.")
        key = signatures.Key(record.id, record.office, record.public, record.name, record.revoked is not None)
        if "asking" not in g:
            _noted(f"unproven key {key.id}", key.office)
        signed = signatures.verify(request.method, _target(), headers, key)
    except signatures.NotSigned as error:
        raise Problem(401, "signature-wrong", "The request is not signed well", str(error)) from None
    if record.revoked is not None:
        raise Problem(401, "key-revoked", "The key was revoked", f"It was on {record.revoked.date()}.")
    if principal is not None and (principal.office is None or principal.office.code != key.office):
        detail = f"The signature is of {key.office!r}, the token is not."
        raise Problem(403, "wrong-office", "Two offices in one request", detail)
    actor = f"key {key.id}"
    _noted(actor, key.office)
    g.signed = signed
    offices = store.all_offices(engine)
    office = next(one for one in offices if one.code == key.office)
    within = tuple(one for one in offices if key.office in one.above)
    scope = principal.scope if principal else ROLES["editor"]
    return Principal(actor, "editor", scope, office, within)


def _target() -> str:
    """`@target-uri` (RFC 9421, section 2.2.2) under the server's own name, whatever Host says."""
    asked = request.query_string.decode("ascii", "replace")
    return url(f"{here().settings.url}{quote(request.path)}", asked)


def spent(sender: Sender) -> Sender:
    """The sender with the signature that came, once the body is read and was found to be the one that is signed; it cannot be used
    again. Raises Problem (401) where it was."""
    signed = g.get("signed")
    if signed is None:
        return sender
    if not store.spend(here().engine, signed.hash, signed.created, datetime.now(UTC)):
        detail = "This very signature came before: sign each request anew, also one that is repeated."
        raise Problem(401, "signature-replayed", "The signature was used before", detail)
    return replace(sender, signature=msgspec.json.encode(signed))


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
    if error.status == 401 and not _first_in_a_minute(f"{actor} {error.type}"):
        return
    article = (request.view_args or {}).get("id", "")
    detail = {"problem": error.type, "status": str(error.status), "request": f"{request.method} {request.path[:200]}"}
    keep_refusals([Event("refused", actor, office, article[:32], detail=detail)])


_told: dict[str, float] = {}  # what of the unproven was told in this process, and when


def _first_in_a_minute(what: str) -> bool:
    """Anybody can name a key, or send a token that was revoked: of the same, one record a minute tells enough, and a log that is
    only added to cannot be filled from outside."""
    now = time.monotonic()
    if now - _told.get(what, -60.0) < 60.0:
        return False
    if len(_told) > 1000:
        _told.clear()
    _told[what] = now
    return True


def keep_refusals(events: list[Event]) -> None:
    """Keep what somebody was refused; where that cannot be written now, the server's log tells it."""
    try:
        store.refused(here().engine, events, datetime.now(UTC))
    except Unavailable as error:
        log.error("not in the audit log: %d refusals of %s (%s)", len(events), events[0].actor, error)


def _noted(actor: str, office: str) -> None:
    g.asking = (actor, office)


def secret() -> str:
    """The token that was sent, good or not; empty: none. One that a browser added to a part of another site's page was not."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.authorization is not None and not crosssite.embedded():
        return (request.authorization.password or "").strip()
    return token.strip() if scheme.lower() == "bearer" else ""
