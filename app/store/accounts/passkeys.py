"""Saves, finds and removes the passkeys of people (WebAuthn credentials). Only public keys are stored."""

import secrets
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Engine, and_, delete, insert, select, update

from app.store import audit
from app.store.accounts.people import RightsChanged
from app.store.audit import Event
from app.store.engine import has_room, lock, reading, writing
from app.store.tables import instant, micros, passkeys, sessions

MOST_PASSKEYS = 20  # of one person


class Passkey(Struct, frozen=True):
    """A key that an authenticator holds for a person. Instants are in UTC."""

    id: str
    person: str  # id
    credential: bytes  # the authenticator's id of it
    public_key: bytes  # COSE_Key (RFC 9052, section 7)
    signs: int  # the authenticator's count of signatures; 0: it does not count
    name: str
    created: datetime
    used: datetime | None


class NoMorePasskeys(Exception):
    """The person has as many passkeys as they may have, or somebody has this one already."""


def add_passkey(
    engine: Engine,
    person: str,
    credential: bytes,
    public_key: bytes,
    signs: int,
    name: str,
    now: datetime,
    *,
    session: str = "",
) -> str:
    """Add a passkey of a person and return its id. `session`: the id of the session in which they do it. If the account's owner has
    ended that session and all passkeys meanwhile, no passkey may be added. Raises RightsChanged and NoMorePasskeys (then nothing is
    stored), and Unavailable."""
    id = secrets.token_hex(6)
    values = {"credential": credential, "public_key": public_key, "signs": signs, "name": name}
    with writing(engine) as connection:
        lock(connection)
        if session and connection.execute(select(sessions.c.id).where(sessions.c.id == session)).first() is None:
            raise RightsChanged
        theirs = select(passkeys.c.id).where(passkeys.c.person == person)
        same = select(passkeys.c.id).where(passkeys.c.credential == credential)
        if not has_room(connection, theirs, MOST_PASSKEYS) or connection.execute(same).first():
            raise NoMorePasskeys
        connection.execute(insert(passkeys).values(id=id, person=person, created=micros(now), **values))
        event = Event("passkey-added", f"person {person}", detail={"passkey": id, "name": name})
        audit.record(connection, [event], now)
    return id


def passkeys_of(engine: Engine, person: str) -> list[Passkey]:
    """A person's passkeys, the oldest first. Raises Unavailable."""
    which = select(passkeys).where(passkeys.c.person == person).order_by(passkeys.c.created, passkeys.c.id)
    with reading(engine) as connection:
        return [_passkey(*row) for row in connection.execute(which)]


def passkey_of(engine: Engine, credential: bytes) -> Passkey | None:
    """The passkey with that credential id, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(passkeys).where(passkeys.c.credential == credential)).first()
    return _passkey(*row) if row else None


def passkey_used(engine: Engine, passkey: Passkey, signs: int, now: datetime) -> bool:
    """Note a use, with the authenticator's count of signatures. False, with a warning in the audit log, if the count did not rise:
    then somebody may have a copy of the key (WebAuthn, section 6.1.1). Raises Unavailable."""
    newer = passkeys.c.signs < signs if signs else passkeys.c.signs == 0
    which = and_(passkeys.c.id == passkey.id, newer)
    with writing(engine) as connection:
        lock(connection)
        if connection.execute(update(passkeys).where(which).values(signs=signs, used=micros(now))).rowcount:
            return True
        if connection.execute(select(passkeys.c.id).where(passkeys.c.id == passkey.id)).first():
            detail = {"passkey": passkey.id, "count": str(signs), "known": str(passkey.signs)}
            audit.record(connection, [Event("passkey-suspect", f"person {passkey.person}", detail=detail)], now)
    return False


def name_passkey(engine: Engine, person: str, id: str, name: str) -> None:
    """Give a person's passkey another name. Raises Unavailable."""
    with writing(engine) as connection:
        which = and_(passkeys.c.person == person, passkeys.c.id == id)
        connection.execute(update(passkeys).where(which).values(name=name))


def remove_passkey(engine: Engine, person: str, id: str, now: datetime) -> None:
    """Remove a person's passkey. Raises Unavailable."""
    with writing(engine) as connection:
        which = and_(passkeys.c.person == person, passkeys.c.id == id)
        if connection.execute(delete(passkeys).where(which)).rowcount:
            audit.record(connection, [Event("passkey-removed", f"person {person}", detail={"passkey": id})], now)


def _passkey(
    id: str,
    person: str,
    credential: bytes,
    public_key: bytes,
    signs: int,
    name: str,
    created: int,
    used: int | None,
) -> Passkey:
    last = instant(used) if used is not None else None
    return Passkey(id, person, bytes(credential), bytes(public_key), signs, name, instant(created), last)
