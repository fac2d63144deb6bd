"""People, their roles in offices and outlets, and links that work once."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, or_, select, update

from app.accounts.people import EDITS_OUTLET, Membership, PersonRecord
from app.store import audit
from app.store.accounts.outlets import is_outlet
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import (
    instant,
    memberships,
    micros,
    one_time_links,
    outlet_memberships,
    passkeys,
    people,
    sessions,
)

MOST_PEOPLE = 1_000  # that one list holds


class OneTimeLink(Struct, frozen=True):
    """A link that works once. Its secret is a signed token of its id (app/deliveries/links.py)."""

    id: str
    kind: str  # "setup": makes the administrator; "invite": gives a role in an office; "reset": sets a new password
    email: str  # empty for "setup"
    office: str  # code; empty except for an invitation into an office
    outlet: str  # code; empty except for an invitation into an outlet
    role: str  # "editor", "writer" or "reader"; of an outlet "outlet" or EDITS_OUTLET; "admin"; empty for "reset"
    lang: str
    maker: str  # the actor who made it
    created: datetime
    expires: datetime


class RightsChanged(Exception):
    """Somebody's rights changed after they were checked."""


class LinkSpent(Exception):
    """The link was used, is too old or was replaced; or another account has the address."""


def any_admin(engine: Engine) -> bool:
    """Whether there is an administrator who may sign in. Raises Unavailable."""
    which = select(people.c.id).where(people.c.admin, people.c.ended.is_(None)).limit(1)
    with reading(engine) as connection:
        return connection.execute(which).first() is not None


def person_by_email(engine: Engine, email: str) -> tuple[PersonRecord, str] | None:
    """The person with that address, and the stored password; None if there is none. Raises Unavailable."""
    with reading(engine) as connection:
        rows = people_where(connection, people.c.email == email.lower())
        if not rows:
            return None
        stored = connection.execute(select(people.c.password).where(people.c.id == rows[0].id)).scalar_one()
    return rows[0], str(stored)


def person_by_id(engine: Engine, id: str) -> PersonRecord | None:
    """The person with that id, or None. Raises Unavailable."""
    with reading(engine) as connection:
        rows = people_where(connection, people.c.id == id)
    return rows[0] if rows else None


def people_by_id(engine: Engine, ids: Collection[str]) -> list[PersonRecord]:
    """The people with these ids, also those who no longer sign in. Raises Unavailable."""
    if not ids:
        return []
    with reading(engine) as connection:
        return people_where(connection, people.c.id.in_(sorted(ids)))


def people_of_outlet(engine: Engine, outlet: str) -> list[PersonRecord]:
    """The people who belong to an outlet and may sign in, by name. Raises Unavailable."""
    theirs = select(outlet_memberships.c.person).where(outlet_memberships.c.outlet == outlet)
    with reading(engine) as connection:
        return people_where(connection, people.c.id.in_(theirs), people.c.ended.is_(None))


def administrators(engine: Engine) -> list[PersonRecord]:
    """The administrators who may sign in, by name. Raises Unavailable."""
    with reading(engine) as connection:
        return people_where(connection, people.c.admin, people.c.ended.is_(None))


def all_people(
    engine: Engine, offices: Collection[str] | None = None, outlets: Collection[str] = ()
) -> list[PersonRecord]:
    """The people with a role in one of these offices or outlets, by name; None: all people. Raises Unavailable."""
    which = []
    if offices is not None:
        theirs = select(memberships.c.person).where(memberships.c.office.in_(sorted(offices)))
        readers = select(outlet_memberships.c.person).where(outlet_memberships.c.outlet.in_(sorted(outlets)))
        which.append(or_(people.c.id.in_(theirs), people.c.id.in_(readers)))
    with reading(engine) as connection:
        return people_where(connection, *which)


def new_link(
    engine: Engine,
    kind: str,
    now: datetime,
    lasts: timedelta,
    *,
    email: str = "",
    office: str = "",
    outlet: str = "",
    role: str = "",
    lang: str = "ko",
    maker: str = "command",
    by: PersonRecord | None = None,
) -> OneTimeLink:
    """Make a link that works once; an older one of the same kind and address for the same office or outlet stops working. `by`: the
    person who makes it, as they were when their rights were checked. A person who loses a right also loses the links that they
    made, so this person must not make another one. Raises RightsChanged (then nothing is stored) and Unavailable."""
    link = OneTimeLink(secrets.token_hex(8), kind, email.lower(), office, outlet, role, lang, maker, now, now + lasts)
    values = {
        name: getattr(link, name) for name in ("id", "kind", "email", "office", "outlet", "role", "lang", "maker")
    }
    same = and_(
        one_time_links.c.kind == kind,
        one_time_links.c.email == link.email,
        one_time_links.c.office == office,
        one_time_links.c.outlet == outlet,
    )
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both leave a link that works
        if by is not None and not has_still(connection, by):
            raise RightsChanged
        if outlet and not is_outlet(connection, outlet):  # A link would let somebody into a later outlet of that code.
            raise RightsChanged
        connection.execute(delete(one_time_links).where(or_(same, one_time_links.c.expires <= micros(now))))
        connection.execute(insert(one_time_links).values(**values, created=micros(now), expires=micros(link.expires)))
        if kind == "invite":
            detail = {"kind": kind, "email": link.email, "role": role, "outlet": outlet}
            event = Event("invited", maker, office, detail={name: value for name, value in detail.items() if value})
            audit.record(connection, [event], now)
    return link


def link_by_id(engine: Engine, id: str, now: datetime) -> OneTimeLink | None:
    """The link with that id that still works, or None. Raises Unavailable."""
    with reading(engine) as connection:
        return link_of(connection, id, now)


def join(engine: Engine, id: str, name: str, email: str, password: str, now: datetime) -> PersonRecord:
    """Use a link that makes the administrator or gives a role: makes the account, or adds the role to the account with that address.
    `password`: as it is stored, for a new account; empty for one that is there, so that nobody who only opened a link takes it over.
    Raises LinkSpent (then nothing is stored) and Unavailable."""
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both use the link
        link = link_of(connection, id, now)
        if link is None or link.kind not in ("setup", "invite"):
            raise LinkSpent
        if link.kind == "setup" and people_where(connection, people.c.admin, people.c.ended.is_(None)):
            raise LinkSpent
        address = (link.email or email).lower()
        found = people_where(connection, people.c.email == address)
        if bool(found) == bool(password):  # The account was made after the caller looked, or does not exist.
            raise LinkSpent
        if found and (link.kind == "setup" or found[0].ended is not None):
            raise LinkSpent
        events: list[Event] = []
        if found:
            person = found[0].id
        else:
            person = new_person(connection, address, name, password, now)
            events.append(Event("person-added", f"person {person}", link.office, detail={"email": address}))
        events.append(give(connection, link, person))
        audit.record(connection, events, now)
        return people_where(connection, people.c.id == person)[0]


def new_person(connection: Connection, email: str, name: str, password: str, now: datetime) -> str:
    """Make an account and return its id. `password`: as it is stored; empty: none fits."""
    id = secrets.token_hex(6)
    values = {"email": email, "name": name, "password": password, "admin": False, "created": micros(now)}
    connection.execute(insert(people).values(id=id, **values))
    return id


def give(connection: Connection, link: OneTimeLink, person: str) -> Event:
    """Give a person what a link invites to, and use the link up. Return what the audit log says of it."""
    if link.role == "admin":
        connection.execute(update(people).where(people.c.id == person).values(admin=True))
    elif link.outlet:
        theirs = {"person": person, "outlet": link.outlet}
        role = "editor" if link.role == EDITS_OUTLET else "reader"
        connection.execute(delete(outlet_memberships).where(*(outlet_memberships.c[k] == v for k, v in theirs.items())))
        connection.execute(insert(outlet_memberships).values(**theirs, role=role))
    else:
        old = and_(memberships.c.person == person, memberships.c.office == link.office)
        connection.execute(delete(memberships).where(old))
        connection.execute(insert(memberships).values(person=person, office=link.office, role=link.role))
    connection.execute(delete(one_time_links).where(one_time_links.c.id == link.id))
    detail = {"person": person, "role": link.role} | ({"outlet": link.outlet} if link.outlet else {})
    return Event("role-given", link.maker, link.office, detail=detail)


def set_password(engine: Engine, person: str, stored: str, now: datetime, *, link: str = "", keep: str = "") -> None:
    """Set a password and end the person's sessions except `keep`. `link`: the link that allows it, which is used up; passkeys end too,
    because somebody else may have used the account until then and added one. Raises LinkSpent (then nothing is stored) and
    Unavailable."""
    with writing(engine) as connection:
        lock(connection)
        if link:
            found = link_of(connection, link, now)
            if found is None or found.kind != "reset":
                raise LinkSpent
            connection.execute(delete(one_time_links).where(one_time_links.c.id == link))
        connection.execute(update(people).where(people.c.id == person).values(password=stored))
        # A link that was asked for before could set the password once more.
        own = select(people.c.email).where(people.c.id == person).scalar_subquery()
        connection.execute(
            delete(one_time_links).where(one_time_links.c.kind == "reset", one_time_links.c.email == own)
        )
        if link:
            disown(connection, person)
        connection.execute(delete(sessions).where(sessions.c.person == person, sessions.c.id != keep))
        how = "link" if link else "old password"
        audit.record(connection, [Event("password-set", f"person {person}", detail={"by": how})], now)


def disown(connection: Connection, person: str) -> None:
    """End the passkeys and the sessions of a person whose mailbox or provider shows that they own the account."""
    connection.execute(delete(passkeys).where(passkeys.c.person == person))
    connection.execute(delete(sessions).where(sessions.c.person == person))


def set_name(engine: Engine, person: str, name: str) -> None:
    """Set a person's name. Raises Unavailable."""
    with writing(engine) as connection:
        connection.execute(update(people).where(people.c.id == person).values(name=name))


def set_language(engine: Engine, person: str, lang: str) -> None:
    """Note the language in which a person reads pages. Raises Unavailable."""
    with writing(engine) as connection:
        connection.execute(update(people).where(people.c.id == person).values(lang=lang))


def end_person(engine: Engine, person: str, actor: str, now: datetime) -> bool:
    """End a person's account and sessions: they cannot sign in any more. False, and nothing is stored, if it is the last
    administrator. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)
        others = and_(people.c.admin, people.c.ended.is_(None), people.c.id != person)
        if not people_where(connection, others):
            return False
        ended = update(people).where(people.c.id == person, people.c.ended.is_(None)).values(ended=micros(now))
        if connection.execute(ended).rowcount:
            connection.execute(delete(sessions).where(sessions.c.person == person))
            _unmake(connection, person)
            audit.record(connection, [Event("person-ended", actor, detail={"person": person})], now)
    return True


def take_role(engine: Engine, person: str, office: str, actor: str, now: datetime, *, outlet: str = "") -> None:
    """Take a person's role in an office or an outlet away. Raises Unavailable."""
    where = outlet_memberships.c.outlet == outlet if outlet else memberships.c.office == office
    table = outlet_memberships if outlet else memberships
    with writing(engine) as connection:
        lock(connection)  # as in `new_link`, which must not run after this with the old rights
        if connection.execute(delete(table).where(table.c.person == person, where)).rowcount:
            _unmake(connection, person)
            detail = {"person": person} | ({"outlet": outlet} if outlet else {})
            audit.record(connection, [Event("role-taken", actor, office, detail=detail)], now)


def has_still(connection: Connection, person: PersonRecord) -> bool:
    """Whether somebody has the rights that this record of them has, within a transaction that has locked the counter's row."""

    def rights(record: PersonRecord) -> tuple[object, ...]:
        return record.ended, record.admin, record.memberships, record.outlets, record.runs

    return [rights(record) for record in people_where(connection, people.c.id == person.id)] == [rights(person)]


def _unmake(connection: Connection, person: str) -> None:
    """End the links that a person made: somebody who loses a right must not get it back by their own invitation."""
    connection.execute(delete(one_time_links).where(one_time_links.c.maker == f"person {person}"))


def people_where(connection: Connection, *which: ColumnElement[bool]) -> list[PersonRecord]:
    """The people for whom all of this holds, by name."""
    columns = (
        people.c.id,
        people.c.email,
        people.c.name,
        people.c.admin,
        people.c.created,
        people.c.ended,
        people.c.lang,
    )
    rows = connection.execute(
        select(*columns).where(*which).order_by(func.lower(people.c.name), people.c.id).limit(MOST_PEOPLE)
    ).all()
    roles: dict[str, list[Membership]] = {row.id: [] for row in rows}
    theirs = select(memberships).where(memberships.c.person.in_(list(roles))).order_by(memberships.c.office)
    for row in connection.execute(theirs):
        roles[row.person].append(Membership(row.office, row.role))
    read: dict[str, list[str]] = {id: [] for id in roles}
    runs: dict[str, list[str]] = {id: [] for id in roles}
    within = select(outlet_memberships).where(outlet_memberships.c.person.in_(list(roles)))
    for found in connection.execute(within.order_by(outlet_memberships.c.outlet)):
        read[found.person].append(found.outlet)
        if found.role == "editor":
            runs[found.person].append(found.outlet)
    return [
        PersonRecord(
            row.id,
            row.email,
            row.name,
            bool(row.admin),
            tuple(roles[row.id]),
            instant(row.created),
            instant(row.ended) if row.ended is not None else None,
            tuple(read[row.id]),
            tuple(runs[row.id]),
            row.lang,
        )
        for row in rows
    ]


def link_of(connection: Connection, id: str, now: datetime) -> OneTimeLink | None:
    """The link with that id that still works, or None."""
    row = connection.execute(
        select(one_time_links).where(one_time_links.c.id == id, one_time_links.c.expires > micros(now))
    ).first()
    return None if row is None else _link(row)


def invitations(connection: Connection, email: str, now: datetime) -> list[OneTimeLink]:
    """The invitations of an address that still work."""
    waiting = and_(one_time_links.c.kind == "invite", one_time_links.c.email == email)
    rows = connection.execute(select(one_time_links).where(waiting, one_time_links.c.expires > micros(now))).all()
    return [_link(row) for row in rows]


def _link(row: Any) -> OneTimeLink:
    until = instant(row.expires)
    texts = (row.id, row.kind, row.email, row.office, row.outlet, row.role, row.lang, row.maker)
    return OneTimeLink(*texts, instant(row.created), until)
