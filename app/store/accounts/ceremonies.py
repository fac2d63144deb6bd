"""What a browser may answer once: challenges of WebAuthn, and states of OpenID Connect. Only SHA-256 hashes are stored."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Engine, and_, delete, insert, select

from app.store.engine import has_room, lock, writing
from app.store.tables import ceremonies, instant, micros

CEREMONY_LASTS = timedelta(minutes=10)  # how long a browser may take
MOST_OPEN = 300  # open ceremonies of one network


class Ceremony(Struct, frozen=True):
    """What a browser began."""

    kind: str  # "signin", "prove" or "add" with a passkey; "oidc" or "oidc-prove" with OpenID Connect
    session: str  # id of the session that began it; empty: nobody was signed in
    back: str  # the page to go to afterwards
    begun: datetime


class TooManyBegun(Exception):
    """The network has as many open ceremonies as it may have."""


def begin_ceremony(
    engine: Engine, kind: str, browser: str, now: datetime, *, session: str = "", network: str = "", back: str = ""
) -> str:
    """Begin a ceremony that this browser may answer once, and return its challenge of 256 random bits. `browser`: the secret in the
    browser's cookie; `network`: of the client, empty if it is not known. Raises TooManyBegun and Unavailable."""
    challenge = secrets.token_urlsafe(32)
    values = {"kind": kind, "session": session, "network": network, "back": back, "begun": micros(now)}
    over = micros(now - CEREMONY_LASTS)
    open = select(ceremonies.c.hash).where(ceremonies.c.network == network, ceremonies.c.begun > over)
    with writing(engine) as connection:
        if network and not has_room(connection, open, MOST_OPEN):
            raise TooManyBegun
        connection.execute(delete(ceremonies).where(ceremonies.c.begun <= over))
        connection.execute(insert(ceremonies).values(hash=_digest(challenge), browser=_digest(browser), **values))
    return challenge


def take_ceremony(
    engine: Engine, challenge: str, kinds: Collection[str], browser: str, now: datetime
) -> Ceremony | None:
    """The ceremony that this browser began with that challenge; from now on it is used. None if there is none, or it has ended.
    Raises Unavailable."""
    which = and_(
        ceremonies.c.hash == _digest(challenge),
        ceremonies.c.browser == _digest(browser),
        ceremonies.c.kind.in_(list(kinds)),
        ceremonies.c.begun > micros(now - CEREMONY_LASTS),
    )
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both use it
        row = connection.execute(select(ceremonies).where(which)).first()
        if row is None:
            return None
        connection.execute(delete(ceremonies).where(which))
    return Ceremony(row.kind, row.session, row.back, instant(row.begun))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
