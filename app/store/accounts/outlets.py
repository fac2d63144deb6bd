"""Saves, removes, suspends and reads outlets, which may read articles under embargo."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from app.accounts.rights import OutletRecord
from app.store import audit
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import instant, micros, one_time_links, outlet_memberships, outlets, tokens

LIMITS = ("regions", "topics", "offices")


def save_outlet(engine: Engine, outlet: OutletRecord, now: datetime, actor: str = "command") -> bool:
    """Add an outlet, or change the outlet with that code. Return True if it is new. Raises Unavailable."""
    with writing(engine) as connection:
        return keep_outlet(connection, outlet, now, actor)


def keep_outlet(connection: Connection, outlet: OutletRecord, now: datetime, actor: str) -> bool:
    """Do the work of `save_outlet` within a transaction. A suspension stays as it is."""
    limits = {name: " ".join(getattr(outlet, name)) for name in LIMITS}
    until = micros(outlet.until) if outlet.until is not None else None
    values = {"name": outlet.name, "site": outlet.site, "embargo": outlet.embargo, "until": until, **limits}
    changed = connection.execute(update(outlets).where(outlets.c.code == outlet.code).values(**values)).rowcount
    if not changed:
        connection.execute(insert(outlets).values(code=outlet.code, **values))
    detail = {"outlet": outlet.code, **limits}
    detail |= {"until": outlet.until.isoformat()} if outlet.until else {}
    detail |= {} if outlet.embargo else {"embargo": "no"}
    audit.record(connection, [Event("outlet-saved", actor, detail=detail)], now)
    return not changed


def is_outlet(connection: Connection, code: str) -> bool:
    """Whether there is an outlet with that code, within a transaction."""
    return connection.execute(select(outlets.c.code).where(outlets.c.code == code)).first() is not None


def suspend_outlet(engine: Engine, code: str, until: datetime, reason: str, now: datetime, actor: str) -> bool:
    """Let an outlet read nothing under embargo until then. Return False if there is no such outlet. Raises Unavailable."""
    values = {"suspended": micros(until), "reason": reason}
    return _changed(
        engine, code, values, "outlet-suspended", {"until": until.isoformat(), "reason": reason}, now, actor
    )


def resume_outlet(engine: Engine, code: str, now: datetime, actor: str) -> bool:
    """End a suspension before its time. Return False if there is no such outlet. Raises Unavailable."""
    return _changed(engine, code, {"suspended": None, "reason": ""}, "outlet-resumed", {}, now, actor)


def _changed(
    engine: Engine, code: str, values: dict[str, Any], action: str, detail: dict[str, str], now: datetime, actor: str
) -> bool:
    with writing(engine) as connection:
        if not connection.execute(update(outlets).where(outlets.c.code == code).values(**values)).rowcount:
            return False
        audit.record(connection, [Event(action, actor, detail={"outlet": code, **detail})], now)
    return True


def remove_outlet(engine: Engine, code: str, now: datetime, actor: str = "command") -> bool:
    """Revoke an outlet's tokens and invitations, take the outlet's role from its people, and remove the outlet; the audit log keeps
    what they read. Return False if there is no such outlet. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)  # so that nobody joins it at the same time
        valid = connection.execute(select(tokens.c.id).where(tokens.c.outlet == code, tokens.c.revoked.is_(None)))
        revoked = [Event("token-revoked", actor, detail={"token": id, "outlet": code}) for id in valid.scalars()]
        # The tokens lose their outlet. They stay listed as revoked, and the audit log says which outlet they belonged to.
        ended = {"revoked": func.coalesce(tokens.c.revoked, micros(now)), "outlet": None}
        connection.execute(update(tokens).where(tokens.c.outlet == code).values(**ended))
        connection.execute(delete(one_time_links).where(one_time_links.c.outlet == code))
        connection.execute(delete(outlet_memberships).where(outlet_memberships.c.outlet == code))
        if not connection.execute(delete(outlets).where(outlets.c.code == code)).rowcount:
            return False
        audit.record(connection, [*revoked, Event("outlet-removed", actor, detail={"outlet": code})], now)
    return True


def all_outlets(engine: Engine) -> list[OutletRecord]:
    """All outlets, in the order of their codes. Raises Unavailable."""
    with reading(engine) as connection:
        return [_record(row) for row in connection.execute(select(outlets).order_by(outlets.c.code))]


def outlet_of(engine: Engine, code: str) -> OutletRecord | None:
    """The outlet with that code, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(outlets).where(outlets.c.code == code)).first()
    return None if row is None else _record(row)


def _record(row: Any) -> OutletRecord:
    regions, topics, offices = (tuple(getattr(row, name).split()) for name in LIMITS)
    return OutletRecord(
        row.code,
        row.name,
        regions,
        topics,
        offices,
        site=row.site,
        embargo=bool(row.embargo),
        until=instant(row.until) if row.until is not None else None,
        suspended=instant(row.suspended) if row.suspended is not None else None,
        reason=row.reason,
    )
