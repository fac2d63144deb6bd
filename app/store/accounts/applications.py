"""Applications of outlets for accreditation. An application counts only after its mail address was confirmed. Then an administrator
decides.

Anybody may apply, and the owner of a domain can confirm any number of addresses. So the number of waiting applications is limited,
in total and for each website. At a limit, a new application displaces a waiting one, as in fair queueing: somebody who sends many
displaces only their own.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy import Engine, and_, delete, insert, or_, select, update

from app.accounts.rights import OutletRecord
from app.accounts.sites import site as domain_of
from app.store import audit
from app.store.accounts.outlets import is_outlet, keep_outlet
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import instant, micros, outlet_applications

UNCONFIRMED, WAITING, APPROVED, REFUSED = "unconfirmed", "waiting", "approved", "refused"
CODE_TAKEN = "taken"  # the result of a decision if another outlet has the code: nothing was stored
CONFIRMED_WITHIN = timedelta(hours=48)
MOST_WAITING = 500  # applications of new outlets that wait for an answer
SAME_SITE = 5  # waiting applications that name the same website
FULL = "Too many applications waited. Apply again in some days."  # why an application was displaced
TEXTS = ("state", "name", "site", "person", "email", "why", "outlet", "lang", "decider", "reason")


class Application(Struct, frozen=True):
    """A request to be accredited. Instants are in UTC."""

    name: str  # of the outlet
    site: str
    person: str  # the name of the applicant
    email: str
    why: str
    regions: tuple[str, ...]  # the regions that it wants to read; empty: all
    offices: tuple[str, ...]
    lang: str
    outlet: str = ""  # the code of the outlet that wants to stay accredited, or that was created
    id: str = ""
    state: str = UNCONFIRMED
    created: datetime | None = None
    decided: datetime | None = None
    decider: str = ""  # the actor
    reason: str = ""  # why it was refused


class Confirmed(Struct, frozen=True):
    """An application whose address was confirmed."""

    application: Application
    displaced: Application | None = None  # the waiting application that it displaced


class NoMoreApplications(Exception):
    """There is no room: every waiting application stays before this one."""


class _Place(Struct, frozen=True):
    """What decides which application is displaced."""

    id: str
    mail: str  # the registered domain of the address
    site: str  # that of the website

    @property
    def own(self) -> bool:
        """Whether the address belongs to the website's domain: nobody else can have one there."""
        return self.mail == self.site


def add_application(engine: Engine, application: Application, now: datetime, actor: str = "") -> str:
    """Store an application and return its id. It waits for its mail address to be confirmed, unless a member of the outlet
    (`actor`) asks to stay accredited. Unconfirmed ones that are too old are deleted. Raises Unavailable."""
    id, state = secrets.token_hex(8), WAITING if actor else UNCONFIRMED
    values: dict[str, Any] = {name: getattr(application, name) for name in TEXTS if name != "state"}
    values |= {"regions": " ".join(application.regions), "offices": " ".join(application.offices)}
    old = and_(
        outlet_applications.c.state == UNCONFIRMED, outlet_applications.c.created < micros(now - CONFIRMED_WITHIN)
    )
    same = and_(outlet_applications.c.state == WAITING, outlet_applications.c.outlet == application.outlet)
    with writing(engine) as connection:
        if actor:
            lock(connection)  # of each outlet, only one application waits
        connection.execute(delete(outlet_applications).where(or_(old, same) if actor else old))
        row = insert(outlet_applications).values(**values, id=id, state=state, created=micros(now))
        connection.execute(row)
        if actor:
            detail = {"application": id, "outlet": application.outlet}
            audit.record(connection, [Event("outlet-applied", actor, detail=detail)], now)
    return id


def confirm_application(engine: Engine, id: str, now: datetime) -> Confirmed | None:
    """Note that the address of an application is confirmed. From now on it waits for an administrator. It replaces an older one
    from that address, and another one if too many wait. None if it does not exist any more, or was confirmed before. Raises
    NoMoreApplications (then nothing is stored) and Unavailable."""
    table = outlet_applications.c
    with writing(engine) as connection:
        lock(connection)
        fresh = and_(table.id == id, table.state == UNCONFIRMED, table.created >= micros(now - CONFIRMED_WITHIN))
        columns = (table.id, table.email, table.site)
        new = connection.execute(select(*columns).where(fresh)).first()
        if new is None:
            return None
        new_ones = and_(table.state == WAITING, table.outlet == "")
        connection.execute(delete(outlet_applications).where(new_ones, table.email == new.email))
        waiting = [_place(*row) for row in connection.execute(select(*columns).where(new_ones))]
        gone = _gives_way(waiting, _place(*new))
        if gone:
            refused = {"state": REFUSED, "decided": micros(now), "decider": "server", "reason": FULL}
            connection.execute(update(outlet_applications).where(table.id == gone).values(**refused))
            detail = {"application": gone, "reason": FULL}
            audit.record(connection, [Event("outlet-refused", "server", detail=detail)], now)
        connection.execute(update(outlet_applications).where(table.id == id).values(state=WAITING))
        audit.record(connection, [Event("outlet-applied", "applicant", detail={"application": id})], now)
    found = application(engine, id)
    assert found is not None, "nothing deletes one that waits but its own successor"
    return Confirmed(found, application(engine, gone) if gone else None)


def _place(id: str, email: str, url: str) -> _Place:
    return _Place(id, domain_of(email.rpartition("@")[2]), domain_of(urlsplit(url).hostname or ""))


def _gives_way(waiting: Sequence[_Place], new: _Place) -> str:
    """The id of the application that a new one displaces; empty: there is room. An application with an address at the website's own
    domain is kept before others. Of the rest, a random one is displaced, from the mail domain that has the most. It must not always
    be the newest, because then a flood would keep out everybody who comes after it. Raises NoMoreApplications."""
    there = [place for place in waiting if place.site == new.site] if new.site else []
    if len(there) < SAME_SITE:
        there = list(waiting)
        if len(there) < MOST_WAITING:
            return ""
    pool = [place for place in there if not place.own] or (there if new.own else [])
    if not pool:
        raise NoMoreApplications
    amounts = Counter(place.mail for place in waiting)
    most = max(amounts[place.mail] for place in pool)
    return secrets.choice([place.id for place in pool if amounts[place.mail] == most])


def waiting_applications(engine: Engine, limit: int = 100) -> tuple[list[Application], int]:
    """(applications that wait, at most `limit`; how many more wait). First the oldest of each mail domain, then the second of each, so
    that nobody fills the list alone. Raises Unavailable."""
    table = outlet_applications.c
    asked = select(outlet_applications).where(table.state == WAITING).order_by(table.created, table.id)
    with reading(engine) as connection:
        found = [_application(row) for row in connection.execute(asked)]
    turns: Counter[str] = Counter()
    order: list[tuple[int, Application]] = []
    for application in found:
        mail = domain_of(application.email.rpartition("@")[2])
        order.append((turns[mail], application))
        turns[mail] += 1
    order.sort(key=lambda entry: entry[0])
    return [application for _, application in order[:limit]], max(0, len(found) - limit)


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
    """Answer an application that waits: accredit the outlet with these rights, or refuse it for that reason. Return its new state.
    If another outlet has the code, return CODE_TAKEN; if the application does not wait any more, return "". In both cases nothing
    is stored. Raises Unavailable."""
    state = APPROVED if outlet else REFUSED
    values: dict[str, Any] = {"state": state, "decided": micros(now), "decider": actor, "reason": reason}
    values |= {"outlet": outlet.code} if outlet else {}
    waiting = and_(outlet_applications.c.id == id, outlet_applications.c.state == WAITING)
    with writing(engine) as connection:
        lock(connection)
        of = connection.execute(select(outlet_applications.c.outlet).where(waiting)).scalar_one_or_none()
        if of is None:
            return ""
        # The applicant becomes its editor: two decisions at once must not let two applicants into one outlet.
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
