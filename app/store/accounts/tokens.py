"""Makes, finds and revokes tokens. Only the SHA-256 of a token is stored; its id is the first 12 hexadecimal digits of that."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, and_, bindparam, insert, or_, select, update

from app.accounts.people import PersonRecord
from app.accounts.rights import ROLES
from app.store import audit
from app.store.accounts.people import RightsChanged, has_still
from app.store.audit import Event
from app.store.built import Built
from app.store.engine import has_room, lock, reading, writing
from app.store.tables import instant, micros, tokens

USED_EVERY = timedelta(minutes=1)  # how exact the stored time of the last use is


class NoMoreTokens(Exception):
    """The office or outlet has as many valid tokens as it may have."""


class TokenRecord(Struct, frozen=True):
    """A token without its secret. Instants are in UTC."""

    id: str
    role: str
    scope: tuple[str, ...]
    office: str  # code; empty for an admin's or an outlet's token
    outlet: str
    name: str
    created: datetime
    expires: datetime | None
    used: datetime | None  # the last use, exact to a minute
    revoked: datetime | None
    networks: tuple[str, ...] = ()  # where it may be used, in CIDR notation; empty: everywhere

    @property
    def actor(self) -> str:
        """The name of the token as an actor in the audit log."""
        return f"token {self.id}"

    def state(self, now: datetime) -> str:
        """ "valid", "expired" or "revoked"."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "valid"


def new_token(
    engine: Engine,
    office: str,
    name: str,
    now: datetime,
    *,
    role: str = "editor",
    scope: Sequence[str] = (),
    outlet: str = "",
    expires: datetime | None = None,
    networks: Sequence[str] = (),
    actor: str = "command",
    most: int = 0,
    by: PersonRecord | None = None,
) -> str:
    """Make a token of 256 random bits and return it. A token with the same name of the same office, outlet or role is revoked.
    `scope`: empty for the full scope of the role; `networks`: where it may be used, everywhere if empty; `most`: valid tokens of that
    office or outlet, any number if 0; `by`: the person who makes it, as they were when their rights were checked. Raises
    NoMoreTokens and RightsChanged (then nothing is stored), and Unavailable."""
    token = f"pr_{secrets.token_urlsafe(32)}"
    hash = _hash(token)
    granted = tuple(scope) or ROLES[role]
    values = {
        "hash": hash,
        "id": hash.hex()[:12],
        "role": role,
        "scope": " ".join(granted),
        "office": office or None,
        "outlet": outlet or None,
        "name": name,
        "created": micros(now),
        "expires": micros(expires) if expires else None,
        "networks": " ".join(networks),
    }
    detail = {"token": values["id"], "role": role, "scope": values["scope"], "name": name, "outlet": outlet}
    detail |= {"networks": values["networks"]}
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both add a token of that name
        if by is not None and not has_still(connection, by):
            raise RightsChanged
        events = []
        theirs = (
            (tokens.c.office == office) if office else (tokens.c.outlet == outlet) if outlet else tokens.c.role == role
        )
        if name:
            same = select(tokens.c.id).where(theirs, tokens.c.name == name, tokens.c.revoked.is_(None))
            old = connection.execute(same).scalars()
            for id in old.all():
                connection.execute(update(tokens).where(tokens.c.id == id).values(revoked=micros(now)))
                events.append(Event("token-revoked", actor, office, detail={"token": id}))
        valid = and_(tokens.c.revoked.is_(None), or_(tokens.c.expires.is_(None), tokens.c.expires > micros(now)))
        if most and not has_room(connection, select(tokens.c.id).where(theirs, valid), most):
            raise NoMoreTokens
        connection.execute(insert(tokens).values(**values))
        events.append(Event("token-added", actor, office, detail={k: str(v) for k, v in detail.items() if v}))
        audit.record(connection, events, now)
    return token


def token_of(engine: Engine, token: str) -> TokenRecord | None:
    """The record of a token, or None. The lookup uses the hash, so its duration reveals nothing about a token. Raises Unavailable."""
    return _find(engine, _BY_HASH, _hash(token))


def token_by_id(engine: Engine, id: str) -> TokenRecord | None:
    """The record of the token with that id, or None. Raises Unavailable."""
    return _find(engine, _BY_ID, id)


def revoke_token(engine: Engine, id: str, now: datetime, actor: str = "command") -> TokenRecord | None:
    """Revoke the token with that id and return its record; None if there is no such token. Raises Unavailable."""
    found = _find(engine, _BY_ID, id)
    if found is None or found.revoked is not None:
        return found
    with writing(engine) as connection:
        lock(
            connection
        )  # A transaction that adds a subscription with this token locks it too, and then finds it revoked.
        live = and_(tokens.c.id == id, tokens.c.revoked.is_(None))
        if connection.execute(update(tokens).where(live).values(revoked=micros(now))).rowcount:
            audit.record(connection, [Event("token-revoked", actor, found.office, detail={"token": id})], now)
    return _find(engine, _BY_ID, id)


def all_tokens(engine: Engine, *, outlet: str = "") -> list[TokenRecord]:
    """All tokens, or those of an outlet, newest first. Raises Unavailable."""
    asked = _TOKENS.where(tokens.c.outlet == outlet) if outlet else _TOKENS
    with reading(engine) as connection:
        rows = connection.execute(asked.order_by(tokens.c.created.desc(), tokens.c.id)).all()
    return [_record(*row) for row in rows]


def used(engine: Engine, token: TokenRecord, now: datetime) -> None:
    """Note that a token is used, at most once a minute, because a commit for every request would cost too much. Raises Unavailable."""
    if token.used is not None and now - token.used < USED_EVERY:
        return
    before = micros(now - USED_EVERY)
    with writing(engine) as connection:
        stale = or_(tokens.c.used.is_(None), tokens.c.used <= before)
        connection.execute(update(tokens).where(tokens.c.id == token.id, stale).values(used=micros(now)))


_TOKENS = select(
    tokens.c.id,
    tokens.c.role,
    tokens.c.scope,
    tokens.c.office,
    tokens.c.outlet,
    tokens.c.name,
    tokens.c.created,
    tokens.c.expires,
    tokens.c.used,
    tokens.c.revoked,
    tokens.c.networks,
)
_BY_HASH = Built(lambda _: _TOKENS.where(tokens.c.hash == bindparam("wanted")))
_BY_ID = Built(lambda _: _TOKENS.where(tokens.c.id == bindparam("wanted")))


def _find(engine: Engine, question: Built, wanted: bytes | str) -> TokenRecord | None:
    with reading(engine) as connection:
        rows = question.rows(connection, wanted=wanted)
    return _record(*rows[0]) if rows else None


def _record(
    id: str, role: str, scope: str, office: str | None, outlet: str | None, name: str, *more: Any
) -> TokenRecord:
    *instants, networks = more
    created, expires, last, revoked = (None if value is None else instant(value) for value in instants)
    assert created is not None, "the column is never empty"
    return TokenRecord(
        *(id, role, tuple(scope.split()), office or "", outlet or "", name, created, expires, last, revoked),
        tuple(networks.split()),
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
