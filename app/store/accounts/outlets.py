"""Saves, removes and reads outlets, which may read articles under embargo."""

from datetime import datetime

from sqlalchemy import Engine, delete, func, insert, select, update

from app.accounts.rights import OutletRecord
from app.store import audit
from app.store.audit import Event
from app.store.engine import lock, reading, writing
from app.store.tables import micros, one_time_links, outlet_memberships, outlets, tokens


def save_outlet(engine: Engine, outlet: OutletRecord, now: datetime, actor: str = "command") -> bool:
    """Add an outlet, or change the outlet with that code. Return True if it is new. Raises Unavailable."""
    limits = {name: " ".join(getattr(outlet, name)) for name in ("regions", "topics", "offices")}
    values = {"name": outlet.name, **limits}
    with writing(engine) as connection:
        changed = connection.execute(update(outlets).where(outlets.c.code == outlet.code).values(**values)).rowcount
        if not changed:
            connection.execute(insert(outlets).values(code=outlet.code, **values))
        audit.record(connection, [Event("outlet-saved", actor, detail={"outlet": outlet.code, **limits})], now)
    return not changed


def remove_outlet(engine: Engine, code: str, now: datetime, actor: str = "command") -> bool:
    """Revoke an outlet's tokens and invitations, let its people read no more for it, and remove the outlet; the audit log keeps what
    they read. Return False if there is no such outlet. Raises Unavailable."""
    with writing(engine) as connection:
        lock(connection)  # nobody may join it meanwhile
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
        rows = connection.execute(select(outlets).order_by(outlets.c.code)).all()
    return [
        OutletRecord(
            row.code, row.name, tuple(row.regions.split()), tuple(row.topics.split()), tuple(row.offices.split())
        )
        for row in rows
    ]
