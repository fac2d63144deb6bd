"""Authentication and permission: a token as Bearer (RFC 6750), or as the password of Basic (RFC 7617) for clients without Bearer."""

import logging
import time
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
from flask import g, request
from msgspec.structs import replace

from app import store
from app.accounts import rights
from app.accounts.networks import allows
from app.accounts.offices import Sender, may_publish_for
from app.accounts.rights import MEANING, ROLES, Principal
from app.errors import Problem, Unavailable
from app.query import url
from app.syndication.embargoed import principal_of
from app.web import counting, crosssite
from app.web.context import here

log = logging.getLogger("pressrelay")

BASIC = 'Basic realm="pressrelay", charset="UTF-8"'
# Basic first, each in a field of its own: clients such as libwww-perl read only the first challenge of the first field.
CHALLENGE = (BASIC, 'Bearer realm="pressrelay"')
INVALID = {"WWW-Authenticate": (BASIC, 'Bearer realm="pressrelay", error="invalid_token"')}  # RFC 6750, section 3.1


def needed(scope: str) -> Principal:
    """The principal of this request, which has this scope. Raises Problem (401, 403)."""
    principal = given()
    if scope == "publish" and "Signature-Input" in request.headers:
        principal = _signing(principal)
    if principal is None:
        raise Problem(
            401,
            "token-missing",
            "A token is needed",
            "Send the office's token as Authorization: Bearer …, or sign the request with a key that the office has registered.",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    if not principal.may(scope):
        detail = (
            f"The scope of this token is {' '.join(principal.scope)}. This request needs {scope}: to {MEANING[scope]}."
        )
        # RFC 6750, section 3.1.
        challenge = f'Bearer realm="pressrelay", error="insufficient_scope", scope="{scope}"'
        headers = {"WWW-Authenticate": challenge}
        raise Problem(403, "insufficient-scope", "The token may not do this", detail, headers=headers)
    return principal


def given() -> Principal | None:
    """The principal of this request; None if it has no token. Raises Problem: 401 if the token is unknown, expired or revoked, 403 if
    it may not be used from this address."""
    presented = secret()
    if not presented:
        return None
    engine, now = here().engine, datetime.now(UTC)
    token = store.accounts.token_of(engine, presented)
    if token is None:
        raise Problem(401, "token-wrong", "Unknown token", headers=INVALID)
    _noted(token.actor, token.office)
    state = token.state(now)
    if state == "expired":
        raise Problem(401, "token-expired", "The token has expired", headers=INVALID)
    if state == "revoked":
        raise Problem(401, "token-revoked", "The token was revoked", headers=INVALID)
    if not allows(token.networks, request.remote_addr or ""):
        detail = "This token may be used only from the addresses that its owner has listed, and this request comes from another."
        raise Problem(403, "address-not-allowed", "Not from this address", detail)
    principal = principal_of(engine, token, now)
    if principal is None:  # Its outlet was removed after the token was looked up.
        raise Problem(401, "token-revoked", "The token was revoked", headers=INVALID)
    if (counted := counting.counts()) is not None and "used" not in g:
        g.used = True  # A request counts once, however often it asks who sent it.
        counted.use(token.id)
    try:
        store.accounts.used(engine, token, now)
    except Unavailable as error:
        log.warning("the last use of a token could not be recorded: %s", error)
    return principal


def _signing(principal: Principal | None) -> Principal:
    """The principal that signed the request. The body is not read yet; it is compared with Content-Digest when it is (see
    `body.body_parts`). A token in the same request must belong to the same office. Raises Problem (401, 403)."""
    from app.accounts import signatures  # imported by the first signed request

    engine = here().engine
    headers = {name: request.headers[name] for name in request.headers.keys()}  # noqa: SIM118
    try:
        keyid = signatures.keyid(headers)
        record = store.accounts.key_of(engine, keyid) if len(keyid) <= 64 else None
        if record is None:
            raise signatures.NotSigned("No office has registered a key with this keyid.")
        key = signatures.SigningKey(record.id, record.office, record.public, record.name, record.revoked is not None)
        if "asking" not in g:
            _noted(f"unproven key {key.id}", key.office)
        signed = signatures.verify(request.method, _target(), headers, key)
    except signatures.NotSigned as error:
        raise Problem(401, "signature-wrong", "The signature is not valid", str(error)) from None
    if record.revoked is not None:
        raise Problem(401, "key-revoked", "The key was revoked", f"It was revoked on {record.revoked.date()}.")
    if principal is not None and (principal.office is None or principal.office.code != key.office):
        detail = f"The key belongs to the office {key.office!r}, the token does not. Send only one of them, or a token of that office."
        raise Problem(403, "wrong-office", "Two offices in one request", detail)
    actor = f"key {key.id}"
    _noted(actor, key.office)
    g.signed = signed
    scope = principal.scope if principal else ROLES["editor"]
    return rights.make_principal(actor, "editor", scope, store.accounts.all_offices(engine), office=key.office)


def _target() -> str:
    """`@target-uri` (RFC 9421, section 2.2.2) under the server's public URL, whatever Host says."""
    query = request.query_string.decode("ascii", "replace")
    return url(f"{here().settings.url}{quote(request.path)}", query)


def spent(sender: Sender) -> Sender:
    """The sender with the signature of the request. Call it when the body was read and matches the signed digest. It marks the
    signature as used. Raises Problem: 401 if the signature was used before, 503 if the database cannot know that."""
    signed = g.get("signed")
    if signed is None:
        return sender
    use = store.accounts.spend(here().engine, signed.hash, signed.created, datetime.now(UTC))
    if use == "unknown":
        detail = (
            "The database was restored or moved after this signature was made, so the server cannot tell whether it was used before."
            " Sign the request again."
        )
        title = "The signature is older than the database"
        raise Problem(503, "signature-unknown", title, detail, headers={"Retry-After": "1"})
    if use == "again":
        detail = "Each signature can be used only once. Sign the request again, also when you repeat it."
        raise Problem(401, "signature-replayed", "The signature was used before", detail)
    return replace(sender, signature=msgspec.json.encode(signed))


def sender(principal: Principal) -> Sender:
    """The sender for whom a token publishes. Raises Problem (403) if the token belongs to no office."""
    office = principal.office
    if office is None:
        detail = "An administrator's token cannot publish. Push with a token of the office."
        raise Problem(403, "wrong-office", "Not a token of an office", detail)
    known = tuple(store.accounts.all_offices(here().engine)) if office.others else principal.within
    return Sender(office, may_publish_for(office, known), principal.actor)


def note_refusal(error: Problem) -> None:
    """Record in the audit log what a known token or key was refused. If the log cannot be written, the answer stays the same."""
    who = g.get("asking")
    if who is None or (request.method in ("GET", "HEAD", "OPTIONS") and error.status not in (401, 403)):
        return
    actor, office = who
    if error.status == 401 and not _first_in_a_minute(f"{actor} {error.type}"):
        return
    article = (request.view_args or {}).get("id", "")
    detail = {"problem": error.type, "status": str(error.status), "request": f"{request.method} {request.path[:200]}"}
    keep_refusals([store.audit.Event("refused", actor, office, article[:32], detail=detail)])


_recorded: dict[
    str, float
] = {}  # refusals without proof of identity that this process recorded, and when (monotonic seconds)


def _first_in_a_minute(what: str) -> bool:
    """Whether this is the first such refusal within a minute. Anybody can name a key or send a revoked token, and the audit log is
    append-only. One record a minute of the same refusal is enough, and nobody can fill the log from outside."""
    now = time.monotonic()
    if now - _recorded.get(what, -60.0) < 60.0:
        return False
    if len(_recorded) > 1000:
        _recorded.clear()
    _recorded[what] = now
    return True


def keep_refusals(events: list[store.audit.Event]) -> None:
    """Record refusals in the audit log. If it cannot be written now, the server's log says so."""
    try:
        store.accounts.refused(here().engine, events, datetime.now(UTC))
    except Unavailable as error:
        log.error("%d refusals of %s could not be written to the audit log: %s", len(events), events[0].actor, error)


def _noted(actor: str, office: str) -> None:
    g.asking = (actor, office)


def secret() -> str:
    """The token in the request, valid or not; empty if there is none. A token that a browser added by itself to something that another
    site's page embeds does not count."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.authorization is not None and not crosssite.embedded():
        return (request.authorization.password or "").strip()
    return token.strip() if scheme.lower() == "bearer" else ""
