"""Ceremonies: what a browser began and may answer once, such as the challenge of a passkey or a sign-in by OpenID Connect. A cookie
binds each to its browser.

The cookie is a random secret, made when the browser begins the first one. It is `SameSite=Lax`, because the provider of OpenID Connect
sends the browser back from its own site.
"""

import secrets
from datetime import UTC, datetime

from flask import Response, request

from app import store
from app.errors import Problem
from app.web import sessions
from app.web.context import here
from app.web.places import client

LONGEST = 100  # characters of the cookie's value and of a challenge


def begin(kind: str, *, session: str = "", back: str = "") -> tuple[str, str]:
    """(challenge, secret of the browser) of something that this browser may answer once. Put the second into the answer by `bound`.
    Raises Problem (429)."""
    browser = _browser() or secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    try:
        challenge = store.accounts.begin_ceremony(
            here().engine, kind, browser, now, session=session, network=client(), back=back
        )
    except store.accounts.TooManyBegun:
        raise Problem(
            429,
            "too-many-attempts",
            "Too many attempts to sign in",
            "Try again in 10 minutes.",
            headers={"Retry-After": "600"},
        ) from None
    return challenge, browser


def bound(response: Response, browser: str) -> Response:
    """The response, with the cookie that binds what was begun to this browser."""
    lasts = store.accounts.CEREMONY_LASTS
    response.set_cookie(name(), browser, max_age=lasts, secure=sessions.secure(), httponly=True, samesite="Lax")
    return sessions.private(response)


def taken(challenge: str, *kinds: str) -> tuple[store.accounts.Ceremony, str] | None:
    """(what this browser began with that challenge, secret of the browser); None if it began no such thing, or it was answered
    before."""
    browser = _browser()
    if not browser or not challenge or len(challenge) > LONGEST:
        return None
    found = store.accounts.take_ceremony(here().engine, challenge, kinds, browser, datetime.now(UTC))
    return (found, browser) if found else None


def name() -> str:
    """The name of the cookie."""
    return f"{sessions.name()}-once"


def _browser() -> str:
    secret = request.cookies.get(name(), "")
    return secret if len(secret) <= LONGEST else ""
