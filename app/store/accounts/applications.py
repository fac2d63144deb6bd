"""Applications of outlets for accreditation. One counts only after its mail address was confirmed; an administrator decides."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, and_, delete, func, insert, or_, select, update

from app.accounts.rights import OutletRecord
from app.store import audit
from app.store.accounts.outlets import is_outlet, keep_outlet
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import instant, micros, outlet_applications

UNCONFIRMED, WAITING, APPROVED, REFUSED = "unconfirmed", "waiting", "approved", "refused"
CODE_TAKEN = "taken"  # what came of a decision besides a state: another outlet has the code, and nothing was stored
CONFIRMED_WITHIN = timedelta(hours=48)
MOST_WAITING = 500  # applications that wait for an answer
TEXTS = ("state", "name", "site", "person", "email", "why", "outlet", "lang", "decider", "reason")


class Application(Struct, frozen=True):
    """Who asks to be accredited. Instants are in UTC."""

    name: str  # of the outlet
    site: str
    person: str  # the name of who asks
    email: str
    why: str
    regions: tuple[str, ...]  # that it wants to read; empty: all
    offices: tuple[str, ...]
    lang: str
    outlet: str = ""  # the code of the outlet: of one that wants to stay accredited, or that came of it
    id: str = ""
    state: str = UNCONFIRMED
    created: datetime | None = None
    decided: datetime | None = None
    decider: str = ""  # the actor
    reason: str = ""  # why it was refused


def add_application(engine: Engine, application: Application, now: datetime, actor: str = "") -> str:
    """Keep an application and return its id. It waits for its mail address to be confirmed, unless a member of the outlet (`actor`)
    asks to stay accredited. Unconfirmed ones that are too old are deleted. Raises Unavailable."""
    id, state = secrets.token_hex(8), WAITING if actor else UNCONFIRMED
    values: dict[str, Any] = {name: getattr(application, name) for name in TEXTS if name != "state"}
    values |= {"regions": " ".join(application.regions), "offices": " ".join(application.offices)}
    old = and_(
        outlet_applications.c.state == UNCONFIRMED, outlet_applications.c.created < micros(now - CONFIRMED_WITHIN)
    )
    same = and_(outlet_applications.c.state == WAITING, outlet_applications.c.outlet == application.outlet)
    with writing(engine) as connection:
        if actor:
            lock(connection)  # of an outlet, one waits
        connection.execute(delete(outlet_applications).where(or_(old, same) if actor else old))
        row = insert(outlet_applications).values(**values, id=id, state=state, created=micros(now))
        connection.execute(row)
        if actor:
            detail = {"application": id, "outlet": application.outlet}
            audit.record(connection, [Event("outlet-applied", actor, detail=detail)], now)
    return id


def confirm_application(engine: Engine, id: str, now: datetime) -> Application | None:
    """The address of an application is confirmed: it waits for an administrator, in place of an older one from that address. None if
    it is not there any more, was confirmed before, or too many wait. Raises Unavailable."""
    table = outlet_applications.c
    with writing(engine) as connection:
        lock(connection)
        fresh = and_(table.id == id, table.state == UNCONFIRMED, table.created >= micros(now - CONFIRMED_WITHIN))
        email = connection.execute(select(table.email).where(fresh)).scalar_one_or_none()
        waiting = select(func.count()).select_from(outlet_applications).where(table.state == WAITING)
        if email is None or connection.execute(waiting).scalar_one() >= MOST_WAITING:
            return None
        same = and_(table.state == WAITING, table.email == email, table.outlet == "")
        connection.execute(delete(outlet_applications).where(same))
        connection.execute(update(outlet_applications).where(table.id == id).values(state=WAITING))
        audit.record(connection, [Event("outlet-applied", "applicant", detail={"application": id})], now)
    return application(engine, id)


def application(engine: Engine, id: str) -> Application | None:
    """The application with that id, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(outlet_applications).where(outlet_applications.c.id == id)).first()
    return None if row is None else _application(row)


def applications(engine: Engine, *states: str, outlet: str = "", limit: int = 100) -> list[Application]:
    """The applications in these states, the newest first; `outlet`: only those of that outlet. Raises Unavailable."""
    table = outlet_applications.c
    which = [table.state.in_(states), *([table.outlet == outlet] if outlet else [])]
    asked = select(outlet_applications).where(*which).order_by(table.created.desc(), table.id).limit(limit)
    with reading(engine) as connection:
        return [_application(row) for row in connection.execute(asked)]


def decide_application(
    engine: Engine, id: str, actor: str, now: datetime, *, outlet: OutletRecord | None = None, reason: str = ""
) -> str:
    """Answer an application that waits: accredit the outlet so, or refuse it for that reason. Return its new state; CODE_TAKEN if it
    would become another outlet's, and "" if it does not wait any more, nothing being stored. Raises Unavailable."""
    state = APPROVED if outlet else REFUSED
    values: dict[str, Any] = {"state": state, "decided": micros(now), "decider": actor, "reason": reason}
    values |= {"outlet": outlet.code} if outlet else {}
    waiting = and_(outlet_applications.c.id == id, outlet_applications.c.state == WAITING)
    with writing(engine) as connection:
        lock(connection)
        of = connection.execute(select(outlet_applications.c.outlet).where(waiting)).scalar_one_or_none()
        if of is None:
            return ""
        # Whoever applied becomes its editor: two decisions at once must not let two applicants into one outlet.
        if outlet and of != outlet.code and is_outlet(connection, outlet.code):
            return CODE_TAKEN
        connection.execute(update(outlet_applications).where(waiting).values(**values))
        if outlet:
            keep_outlet(connection, outlet, now, actor)
        detail = {"application": id, "outlet": outlet.code if outlet else "", "reason": reason}
        told = {name: value for name, value in detail.items() if value}
        audit.record(connection, [Event(f"outlet-{state}", actor, detail=told)], now)
    return state


def _application(row: Any) -> Application:
    return Application(
        **{name: getattr(row, name) for name in TEXTS},
        id=row.id,
        regions=tuple(row.regions.split()),
        offices=tuple(row.offices.split()),
        created=instant(row.created),
        decided=instant(row.decided) if row.decided is not None else None,
    )
