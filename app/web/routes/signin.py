"""Signing in: with a password, a passkey, or by OpenID Connect; signing out; and the second sign-in before what cannot be undone."""

import logging
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.accounts.openid import NotTrusted, ProviderFault
from app.web import Problem, Visit, gone, here, members, prove_page, sign_in_page, signed_in

log = logging.getLogger("pressrelay")

blueprint = Blueprint("signin", __name__)


@blueprint.get("/signin")
def signing_in() -> Response:
    """The form to sign in. `next`: the page to go to afterwards."""
    return sign_in_page({}, "", request.args.get("next", ""))


@blueprint.post("/signin")
def sign_in() -> Response:
    """Sign in with a password. The words and the time of a refusal are the same whether the account exists or not."""
    context = here()
    sent = members(("email", "password", "next"))
    email, password, back = sent.get("email", ""), sent.get("password", ""), sent.get("next", "")
    if not email or not password:
        return sign_in_page({"email": "signin-empty"}, email, back)
    try:
        attempt = web.guessing.tried(context, web.smtp.known_as(email), web.places.client())
    except Problem as problem:
        return _slow(sign_in_page({"email": "signin-often"}, email, back, 429), problem)
    found = store.accounts.person_by_email(context.engine, web.smtp.known_as(email))
    person, stored = found if found else (None, None)
    fits = web.proof.is_password(password, stored)
    if person is None or not fits or person.ended is not None:
        return sign_in_page({"password": "signin-wrong"}, email, back)
    web.guessing.right(context, attempt)
    try:
        return web.sessions.begin(person, gone(web.sessions.back_to(back, "/account")), proved=stored or "")
    except store.accounts.LinkSpent:  # The password was changed while the old one was compared.
        return sign_in_page({"password": "signin-wrong"}, email, back)


@blueprint.post("/signout")
def sign_out() -> Response:
    """End the session of this browser."""
    return web.sessions.sign_off(gone("/"))


# Passkeys


@blueprint.post("/signin/passkey/options")
def asking() -> Response:
    """What the browser asks an authenticator for, so that somebody signs in (JSON)."""
    members(())
    _possible()
    return web.proof.passkey_options("signin", None)


@blueprint.post("/signin/passkey")
def show() -> Response:
    """Sign in with a passkey. `credential`: what the browser answers, as JSON."""
    sent = members(("credential", "next"))
    back = sent.get("next", "")
    _possible()
    try:
        shown = web.proof.holder(sent.get("credential", ""), None)
    except Problem as problem:
        return _slow(sign_in_page({"passkey": "signin-often"}, "", back, 429), problem)
    if shown is None:
        return sign_in_page({"passkey": "passkey-wrong"}, "", back)
    where = gone(web.sessions.back_to(back, "/account"))
    try:
        return web.sessions.begin(shown.person, where, "passkey", passkey=shown.passkey)
    except store.accounts.LinkSpent:  # The owner ended all passkeys meanwhile.
        return sign_in_page({"passkey": "passkey-wrong"}, "", back)


# The second sign-in


@blueprint.get("/prove")
@signed_in
def proving(visit: Visit) -> Response:
    """The form that asks again for a proof of who the person is. `next`: the page to go to afterwards."""
    return prove_page(visit, {}, request.args.get("next", ""))


@blueprint.post("/prove")
@signed_in
def prove(visit: Visit) -> Response:
    """Prove again who the person is: by a `password`, or a `credential` as JSON. That counts for ten minutes, in this browser."""
    sent = members(("password", "credential", "next"))
    back = sent.get("next", "")
    field = "passkey" if "credential" in sent else "password"
    try:
        if field == "password":
            if not web.proof.proves(visit, sent.get("password", "")):
                return prove_page(visit, {"password": "old-wrong"}, back)
        else:
            _possible()
            if web.proof.holder(sent["credential"], visit) is None:
                return prove_page(visit, {"passkey": "passkey-wrong"}, back)
    except Problem as problem:
        if problem.status != 429:
            raise
        return _slow(prove_page(visit, {field: "signin-often"}, back, 429), problem)
    return gone(web.sessions.back_to(back, "/account"))


@blueprint.post("/prove/passkey/options")
@signed_in
def asking_again(visit: Visit) -> Response:
    """What the browser asks an authenticator for, so that somebody shows again who they are (JSON)."""
    members(())
    _possible()
    return web.proof.passkey_options("prove", visit)


# OpenID Connect


@blueprint.get("/signin/oidc")
def leaving() -> Response:
    """To the provider of OpenID Connect. `next`: the page to go to afterwards."""
    return _leave("oidc", None)


@blueprint.get("/prove/oidc")
@signed_in
def leaving_again(visit: Visit) -> Response:
    """To the provider, which asks the person to sign in again. `next`: as above."""
    return _leave("oidc-prove", visit)


def _leave(kind: str, visit: Visit | None) -> Response:
    back = request.args.get("next", "")
    if not web.openid.offered():
        raise NotFound
    if not web.sessions.followed_here():  # another site's page may not sign anybody in here
        return gone("/prove" if visit else "/signin")
    try:
        return web.openid.begin(
            kind, back if web.sessions.PATH.fullmatch(back) else "", visit.session.id if visit else ""
        )
    except ProviderFault as error:
        log.error("the provider of OpenID Connect: %s", error)
        return _refused(visit, "oidc-down", back, 502)


@blueprint.get("/signin/oidc/done")
def back() -> Response:
    """Where the provider sends the browser back to: `code`, `state`, `iss`, `error` (OpenID Connect Core, section 3.1.2.5)."""
    context, visit = here(), web.sessions.visit()
    state, code = request.args.get("state", ""), request.args.get("code", "")
    issuer, error = request.args.get("iss", ""), request.args.get("error", "")
    if not web.openid.offered():
        raise NotFound
    try:
        attempt = web.guessing.tried(context, f"oidc {state[:100]}", web.places.client())
        brought = web.openid.brought(state, code, issuer, error)
        if brought.kind == "oidc-prove":
            return _proven(visit, brought)
        known = brought.identity
        person = store.accounts.enter_by_identity(
            context.engine,
            known.issuer,
            known.subject,
            web.smtp.known_as(known.email),
            known.name,
            datetime.now(UTC),
            signed_in=visit.person.id if visit else "",
        )
    except ProviderFault as fault:
        log.error("the provider of OpenID Connect: %s", fault)
        return _refused(visit, "oidc-down", "", 502)
    except NotTrusted as refusal:
        log.warning("a sign-in by OpenID Connect was refused: %s", refusal)
        return _refused(visit, "oidc-refused", "", 422)
    except store.accounts.NotInvited:
        return _refused(visit, "oidc-stranger", "", 422)
    except store.accounts.OtherIdentity:
        return _refused(visit, "oidc-other", "", 422)
    except Problem as problem:
        if problem.status != 429:
            raise
        return _slow(_refused(visit, "signin-often", "", 429), problem)
    web.guessing.right(context, attempt)
    return web.sessions.begin(person, gone(web.sessions.back_to(brought.back, "/account")), "openid")


def _proven(visit: Visit | None, brought: web.openid.Brought) -> Response:
    identity = brought.identity
    if visit is None or visit.session.id != brought.session:
        raise NotTrusted("Another session began it.")
    if (identity.issuer, identity.subject) not in store.accounts.identities_of(here().engine, visit.person.id):
        raise NotTrusted("Somebody else signed in at the provider.")
    web.proof.proven(visit, "openid")
    return web.sessions.private(gone(web.sessions.back_to(brought.back, "/account")))


def _refused(visit: Visit | None, why: str, back: str, status: int) -> Response:
    if visit is not None:
        return prove_page(visit, {"oidc": why}, back, status)
    return sign_in_page({"oidc": why}, "", back, status)


def _possible() -> None:
    if not web.proof.possible():
        detail = "Browsers offer passkeys only to a server with a name and https. Its address is PRESSRELAY_BASE_URL."
        raise Problem(404, "no-passkeys", "This server has no passkeys", detail)


def _slow(response: Response, problem: Problem) -> Response:
    response.headers["Retry-After"] = problem.headers.get("Retry-After", "1")
    return response
