"""Proof of who somebody is: passwords and passkeys, and the second sign-in before what cannot be undone.

A route for something that cannot be undone asks `recent(visit)` whether the person proved who they are within the last ten minutes.
A form may also ask for the password itself: `given(visit, password)`. Otherwise `/prove` asks for it, or for a passkey. All ways
are counted by the limits on guessing (app/web/guessing.py).
"""

import logging
from datetime import UTC, datetime

import msgspec
from flask import Response
from msgspec import Struct

from app import store
from app.accounts import passkeys, passwords
from app.accounts.passkeys import NotProven
from app.accounts.people import PROVEN, PersonRecord
from app.web import ceremonies, guessing, places
from app.web.context import here
from app.web.origin import origin_of
from app.web.sessions import Visit

log = logging.getLogger("pressrelay")


def recent(visit: Visit) -> bool:
    """Whether the person at this browser showed again who they are within the last ten minutes; the sign-in itself does not count."""
    last = visit.session.proven
    return last is not None and datetime.now(UTC) - last < PROVEN


def given(visit: Visit, password: str) -> bool:
    """Whether the person at this browser showed again who they are: with this password, or within the last ten minutes. Raises Problem
    (429, 503)."""
    return recent(visit) or proves(visit, password)


def proven(visit: Visit, by: str) -> None:
    """The person at this browser showed again who they are, by "password", "passkey" or "openid": that counts for ten minutes."""
    store.accounts.prove(here().engine, visit.session, by, datetime.now(UTC))


def proves(visit: Visit, password: str) -> bool:
    """Whether this is the person's password; if it is, that counts for ten minutes. Raises Problem (429, 503)."""
    context, person = here(), visit.person
    attempt = guessing.tried(context, person.email, places.client())
    found = store.accounts.person_by_email(context.engine, person.email)
    if not is_password(password, found[1] if found else None):
        return False
    guessing.right(context, attempt)
    proven(visit, "password")
    return True


def hash_password(password: str) -> str:
    """The text that is stored instead of a password. Raises Problem (503) if too many are hashed at once."""
    with places.proving():
        return passwords.hashed(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether a password is the stored one. Raises Problem (503) if too many are compared at once."""
    with places.proving():
        return passwords.fits(password, stored)


def possible() -> bool:
    """Whether browsers offer passkeys under this server's public URL."""
    return bool(passkeys.relying_party(here().settings.url))


def passkey_options(kind: str, visit: Visit | None) -> Response:
    """The options with which the browser asks an authenticator, as JSON. The challenge works once, in this browser. `kind`:
    "signin", "prove" or "add". Raises Problem (429)."""
    settings, engine = here().settings, here().engine
    party = passkeys.relying_party(settings.url)
    known = [one.credential for one in store.accounts.passkeys_of(engine, visit.person.id)] if visit else []
    challenge, browser = ceremonies.begin(kind, session=visit.session.id if visit else "")
    if kind == "add" and visit:
        person = visit.person
        options = passkeys.creation(party, settings.site_name, challenge, person.id, person.email, person.name, known)
    else:
        options = passkeys.request(party, challenge, known)
    return ceremonies.bound(Response(msgspec.json.encode(options), mimetype="application/json"), browser)


def added(visit: Visit, sent: str) -> passkeys.NewPasskey | None:
    """The passkey that this browser made for its person; None, with a line in the log, if it made none."""
    try:
        return _added(visit, sent)
    except NotProven as error:
        log.info("%s made no passkey: %s", visit.person.actor, error)
        return None


def _added(visit: Visit, sent: str) -> passkeys.NewPasskey:
    answer = passkeys.answered(sent)
    begun = ceremonies.taken(answer.challenge, "add")
    if begun is None or begun[0].session != visit.session.id:
        raise NotProven("This browser was not asked to make a passkey, or it was and has answered.")
    url = here().settings.url
    return passkeys.made(answer, passkeys.relying_party(url), origin_of(url))


class Holder(Struct, frozen=True):
    """Who showed a passkey."""

    person: PersonRecord
    passkey: str  # id


def holder(sent: str, visit: Visit | None) -> Holder | None:
    """The person whose passkey this browser shows, to sign in (`visit`: None) or to prove again who they are; None, with a line in the
    log, if it shows none. Raises Problem (429)."""
    try:
        return _holder(sent, visit)
    except NotProven as error:
        log.info("%s showed no passkey: %s", visit.person.actor if visit else "a browser", error)
        return None


def _holder(sent: str, visit: Visit | None) -> Holder:
    context, now = here(), datetime.now(UTC)
    answer = passkeys.answered(sent)
    passkey = store.accounts.passkey_of(context.engine, answer.credential)
    person = store.accounts.person_by_id(context.engine, passkey.person) if passkey else None
    # Guesses count against the account, as wrong passwords do. If nobody has the passkey, they count against the network alone.
    attempt = guessing.tried(context, person.email if person else f"passkey {answer.challenge[:100]}", places.client())
    begun = ceremonies.taken(answer.challenge, "prove" if visit else "signin")
    if begun is None or begun[0].session != (visit.session.id if visit else ""):
        raise NotProven("This browser was not asked for a passkey, or it was and has answered.")
    if passkey is None or person is None or person.ended is not None:
        raise NotProven("Nobody who may sign in has this passkey.")
    if answer.person != person.id and (answer.person or not visit):
        raise NotProven("The passkey says that it is somebody else's.")
    if visit and visit.person.id != person.id:
        raise NotProven("The passkey is somebody else's.")
    url = context.settings.url
    signs = passkeys.signs_of(answer, passkeys.relying_party(url), origin_of(url), passkey.public_key)
    if not store.accounts.passkey_used(context.engine, passkey, signs, now):
        log.warning(
            "the passkey %s of person %s may have been copied: its signature counter did not rise",
            passkey.id,
            person.id,
        )
        raise NotProven("The signature counter did not rise.")
    guessing.right(context, attempt)
    if visit:
        proven(visit, "passkey")
    return Holder(person, passkey.id)
