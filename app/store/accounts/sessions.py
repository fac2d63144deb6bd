"""Signing in: the browsers in which people are signed in, and their identities at providers of OpenID Connect.

Only the SHA-256 of a session's secret is stored. (issuer, subject) belongs to a person, once the provider vouched for the address.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, and_, delete, insert, or_, select, update

from app.accounts.people import IDLE, NAME_LONGEST, WHOLE, PersonRecord
from app.store import audit
from app.store.accounts.people import LinkSpent, disown, give, invitations, new_person, people_where
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import identities, instant, micros, passkeys, people, sessions

SEEN_EVERY = timedelta(minutes=1)  # how exact the time of a session's last request is
AGENT = 200  # characters of a browser's name that are kept


class NotInvited(Exception):
    """Nobody with this identity or address may sign in."""


class OtherIdentity(Exception):
    """The account with this address belongs to another identity of the same provider."""


class Session(Struct, frozen=True):
    """A browser in which somebody signed in."""

    id: str
    person: str  # id
    begun: datetime
    seen: datetime  # the last request, exact to a minute
    agent: str  # the browser, as it calls itself
    network: str  # where the sign-in came from
    proven: datetime | None = None  # when the person last showed again who they are


def begin_session(
    engine: Engine,
    person: PersonRecord,
    agent: str,
    network: str,
    now: datetime,
    by: str = "password",
    *,
    proved: str = "",
    passkey: str = "",
) -> str:
    """Begin a session and return its secret of 256 random bits. Sessions that are over are deleted. `by`: "password", "passkey",
    "openid" or "link": how the person signed in. `proved`: the stored password with which the one that was given was compared;
    `passkey`: the id of the one that was shown. Raises LinkSpent if the account does not have that password or passkey any more,
    and Unavailable."""
    secret = secrets.token_urlsafe(32)
    hash = _hash(secret)
    with writing(engine) as connection:
        lock(connection)  # otherwise a new password could end the sessions before this one is there
        if proved and connection.scalar(select(people.c.password).where(people.c.id == person.id)) != proved:
            raise LinkSpent
        if passkey and connection.execute(select(passkeys.c.id).where(passkeys.c.id == passkey)).first() is None:
            raise LinkSpent
        connection.execute(delete(sessions).where(_over(now)))
        connection.execute(
            insert(sessions).values(
                hash=hash,
                id=hash.hex()[:12],
                person=person.id,
                begun=micros(now),
                seen=micros(now),
                agent=agent[:AGENT],
                network=network,
            )
        )
        audit.record(connection, [Event("signed-in", person.actor, detail={"network": network, "by": by})], now)
    return secret


def session_of(engine: Engine, secret: str, now: datetime) -> tuple[Session, PersonRecord] | None:
    """The session with that secret and its person, or None if there is none, or it is over. Raises Unavailable."""
    with reading(engine) as connection:
        which = and_(sessions.c.hash == _hash(secret), ~_over(now))
        row = connection.execute(_SESSIONS.where(which)).first()
        if row is None:
            return None
        found = people_where(connection, people.c.id == row.person, people.c.ended.is_(None))
    return (_session(*row), found[0]) if found else None


def seen(engine: Engine, session: Session, now: datetime) -> None:
    """Note that a session is used, at most once a minute. Raises Unavailable."""
    if now - session.seen < SEEN_EVERY:
        return
    with writing(engine) as connection:
        connection.execute(update(sessions).where(sessions.c.id == session.id).values(seen=micros(now)))


def sessions_of(engine: Engine, person: str, now: datetime) -> list[Session]:
    """A person's sessions, the newest first. Raises Unavailable."""
    which = and_(sessions.c.person == person, ~_over(now))
    with reading(engine) as connection:
        return [_session(*row) for row in connection.execute(_SESSIONS.where(which).order_by(sessions.c.begun.desc()))]


def prove(engine: Engine, session: Session, by: str, now: datetime) -> None:
    """Note that the person of a session showed again who they are, by "password", "passkey" or "openid". Raises Unavailable."""
    with writing(engine) as connection:
        proven = update(sessions).where(sessions.c.id == session.id).values(proven=micros(now))
        if connection.execute(proven).rowcount:
            audit.record(connection, [Event("proven", f"person {session.person}", detail={"by": by})], now)


def end_session(engine: Engine, person: str, id: str, now: datetime) -> None:
    """End a person's session. Raises Unavailable."""
    with writing(engine) as connection:
        which = and_(sessions.c.person == person, sessions.c.id == id)
        if connection.execute(delete(sessions).where(which)).rowcount:
            audit.record(connection, [Event("signed-out", f"person {person}")], now)


def enter_by_identity(
    engine: Engine, issuer: str, subject: str, email: str, name: str, now: datetime, *, signed_in: str = ""
) -> PersonRecord:
    """The person with that identity. A person whose identity is not known yet is found by the address, once. Somebody who is
    invited at that address gets an account with that name. The account's earlier passwords and passkeys end, unless its person is
    signed in in this browser (`signed_in`: id), because somebody else may have opened the invitation to that address. `email`: an
    address that the provider verified, empty if it verified none. Raises NotInvited and OtherIdentity (then nothing is stored), and
    Unavailable."""
    same = and_(identities.c.issuer == issuer, identities.c.subject == subject)
    email = email.lower() if email.isascii() else ""  # as are all addresses of accounts
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both make the account
        person = connection.execute(select(identities.c.person).where(same)).scalar()
        if person is None:
            found = people_where(connection, people.c.email == email) if email else []
            waiting = invitations(connection, email, now) if email and not found else []
            if not (found or waiting):
                raise NotInvited
            events = []
            if found:
                if found[0].ended is not None:
                    raise NotInvited
                person = found[0].id
                theirs = and_(identities.c.issuer == issuer, identities.c.person == person)
                if connection.execute(select(identities.c.subject).where(theirs)).first():
                    raise OtherIdentity
                if person != signed_in:
                    disown(connection, person)
                    connection.execute(update(people).where(people.c.id == person).values(password=""))
            else:
                person = new_person(connection, email, (name or email.partition("@")[0])[:NAME_LONGEST], "", now)
                events.append(Event("person-added", f"person {person}", waiting[0].office, detail={"email": email}))
                events += [give(connection, link, person) for link in waiting]
            values = {"issuer": issuer, "subject": subject, "person": person}
            connection.execute(insert(identities).values(**values, created=micros(now)))
            detail = {"issuer": issuer, "subject": subject}
            events.append(Event("identity-linked", f"person {person}", detail=detail))
            audit.record(connection, events, now)
        (record,) = people_where(connection, people.c.id == person)
    if record.ended is not None:
        raise NotInvited
    return record


def identities_of(engine: Engine, person: str) -> list[tuple[str, str]]:
    """(issuer, subject) of each identity of a person. Raises Unavailable."""
    which = select(identities.c.issuer, identities.c.subject).where(identities.c.person == person)
    with reading(engine) as connection:
        return [(row.issuer, row.subject) for row in connection.execute(which.order_by(identities.c.created))]


_SESSIONS = select(
    sessions.c.id,
    sessions.c.person,
    sessions.c.begun,
    sessions.c.seen,
    sessions.c.agent,
    sessions.c.network,
    sessions.c.proven,
)


def _session(id: str, person: str, begun: int, last: int, agent: str, network: str, proven: int | None) -> Session:
    shown = instant(proven) if proven is not None else None
    return Session(id, person, instant(begun), instant(last), agent, network, shown)


def _over(now: datetime) -> ColumnElement[bool]:
    return or_(sessions.c.seen <= micros(now - IDLE), sessions.c.begun <= micros(now - WHOLE))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
