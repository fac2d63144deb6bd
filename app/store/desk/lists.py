"""What an office's desk uses again and again: templates, contacts, and the lists of reporters who agreed to get its releases."""

import secrets
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Engine, Table, and_, delete, insert, select

from app.store import audit
from app.store.audit import Event
from app.store.engine import has_room, lock, reading, writing
from app.store.tables import instant, micros, office_contacts, office_templates, reporters

MOST_TEMPLATES, MOST_CONTACTS, MOST_REPORTERS = 100, 200, 2_000  # of an office


class DeskTemplate(Struct, frozen=True):
    """A recurring form: the text of a draft under a name."""

    id: str
    office: str  # code
    name: str
    content: bytes  # JSON, as that of a draft
    person: str  # id of who saved it last
    updated: datetime


class DeskContact(Struct, frozen=True):
    """A person or department that readers may ask. At least one of the last four fields is set."""

    id: str
    office: str  # code
    department: str = ""
    role: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""

    @property
    def entry(self) -> dict[str, str]:
        """Its parts as a draft has them, without empty ones."""
        parts = {name: getattr(self, name) for name in ("department", "role", "name", "phone", "email")}
        return {name: value for name, value in parts.items() if value}


class Reporter(Struct, frozen=True):
    """Somebody who agreed to get an office's releases. They get none before they confirm it (app/web/routes/alerts.py)."""

    id: str
    office: str  # code
    name: str
    outlet: str
    email: str
    query: str  # the canonical query of the beat
    identity: bytes  # of the subscription that sends them the releases
    own: bool  # they had subscribed by themselves, before they were on the list
    agreed: str  # the day on which they agreed, "2026-03-09"
    how: str  # how they agreed
    person: str  # id of who added them
    created: datetime


def save_template(
    engine: Engine, office: str, name: str, content: bytes, person: str, now: datetime
) -> DeskTemplate | None:
    """Store a template; one of the same name is replaced. None if the office has MOST_TEMPLATES others. Raises Unavailable."""
    template = DeskTemplate(secrets.token_hex(8), office, name, content, person, now)
    mine = office_templates.c.office == office
    values = {field: getattr(template, field) for field in DeskTemplate.__struct_fields__} | {"updated": micros(now)}
    with writing(engine) as connection:
        lock(connection)  # otherwise two requests at once could both insert one of that name
        connection.execute(delete(office_templates).where(mine, office_templates.c.name == name))
        if not has_room(connection, select(office_templates.c.id).where(mine), MOST_TEMPLATES):
            connection.rollback()
            return None
        connection.execute(insert(office_templates).values(**values))
        audit.record(connection, [Event("template-saved", f"person {person}", office, detail={"name": name})], now)
    return template


def templates_of(engine: Engine, office: str) -> list[DeskTemplate]:
    """The templates of an office by name. Raises Unavailable."""
    statement = select(office_templates).where(office_templates.c.office == office).order_by(office_templates.c.name)
    with reading(engine) as connection:
        return [
            DeskTemplate(row.id, row.office, row.name, bytes(row.content), row.person, instant(row.updated))
            for row in connection.execute(statement)
        ]


def remove_template(engine: Engine, office: str, id: str, actor: str, now: datetime) -> None:
    """Remove a template of an office. Raises Unavailable."""
    _remove(engine, office_templates, office, id, Event("template-removed", actor, office), now)


def add_contact(engine: Engine, contact: DeskContact) -> bool:
    """Store a contact; False if the office has MOST_CONTACTS. Raises Unavailable."""
    mine = select(office_contacts.c.id).where(office_contacts.c.office == contact.office)
    with writing(engine) as connection:
        if not has_room(connection, mine, MOST_CONTACTS):
            return False
        values = {name: getattr(contact, name) for name in DeskContact.__struct_fields__}
        connection.execute(insert(office_contacts).values(**values | {"id": secrets.token_hex(8)}))
    return True


def contacts_of(engine: Engine, office: str) -> list[DeskContact]:
    """The contacts of an office by department and name. Raises Unavailable."""
    columns = [office_contacts.c[name] for name in DeskContact.__struct_fields__]
    order = (office_contacts.c.department, office_contacts.c.name, office_contacts.c.id)
    statement = select(*columns).where(office_contacts.c.office == office).order_by(*order)
    with reading(engine) as connection:
        return [DeskContact(*row) for row in connection.execute(statement)]


def remove_contact(engine: Engine, office: str, id: str, actor: str, now: datetime) -> None:
    """Remove a contact of an office. Raises Unavailable."""
    _remove(engine, office_contacts, office, id, Event("contact-removed", actor, office), now)


def add_reporter(engine: Engine, reporter: Reporter, now: datetime) -> str:
    """Put a reporter on the list of an office. Returns "known" if the address is on it, "full" if there are MOST_REPORTERS (in both
    cases nothing is stored), else "". Raises Unavailable."""
    mine = reporters.c.office == reporter.office
    with writing(engine) as connection:
        lock(connection)  # as in `save_template`
        same = select(reporters.c.id).where(mine, reporters.c.email == reporter.email)
        if connection.execute(same).first() is not None:
            return "known"
        if not has_room(connection, select(reporters.c.id).where(mine), MOST_REPORTERS):
            return "full"
        values = {name: getattr(reporter, name) for name in Reporter.__struct_fields__}
        values |= {"id": secrets.token_hex(8), "created": micros(now)}
        connection.execute(insert(reporters).values(**values))
        event = Event("reporter-added", f"person {reporter.person}", reporter.office)
        audit.record(connection, [event], now)
    return ""


def reporters_of(engine: Engine, office: str) -> list[Reporter]:
    """The reporters on the list of an office by name. Raises Unavailable."""
    statement = select(reporters).where(reporters.c.office == office).order_by(reporters.c.name, reporters.c.id)
    found = []
    with reading(engine) as connection:
        for row in connection.execute(statement):
            values = {name: getattr(row, name) for name in Reporter.__struct_fields__}
            values |= {"identity": bytes(row.identity), "own": bool(row.own), "created": instant(row.created)}
            found.append(Reporter(**values))
    return found


def remove_reporter(engine: Engine, office: str, id: str, actor: str, now: datetime) -> None:
    """Take a reporter off the list of an office. Raises Unavailable."""
    _remove(engine, reporters, office, id, Event("reporter-removed", actor, office), now)


def _remove(engine: Engine, table: Table, office: str, id: str, event: Event, now: datetime) -> None:
    with writing(engine) as connection:
        if connection.execute(delete(table).where(and_(table.c.office == office, table.c.id == id))).rowcount:
            audit.record(connection, [event], now)
