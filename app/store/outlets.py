"""Outlets: who reads under embargo."""

from datetime import datetime

from sqlalchemy import Engine, delete, func, insert, select, update

from app.accounts.rights import OutletRecord
from app.store import audit
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.instants import micros
from app.store.tables import outlets, tokens


def save_outlet(engine: Engine, outlet: OutletRecord, now: datetime, actor: str = "command") -> bool:
    """Add an outlet, or change the one of that code; True where it is new. Raises Unavailable."""
    limits = {name: " ".join(getattr(outlet, name)) for name in ("regions", "topics", "offices")}
    values = {"name": outlet.name, **limits}
    with writing(engine) as connection:
        changed = connection.execute(update(outlets).where(outlets.c.code == outlet.code).values(**values)).rowcount
        if not changed:
            connection.execute(insert(outlets).values(code=outlet.code, **values))
        audit.record(connection, [Event("outlet-saved", actor, detail={"outlet": outlet.code, **limits})], now)
    return not changed


def remove_outlet(engine: Engine, code: str, now: datetime, actor: str = "command") -> bool:
    """Revoke an outlet's tokens and forget it, with all that was read by them still told; False where there is none. Raises
    Unavailable."""
    with writing(engine) as connection:
        valid = connection.execute(select(tokens.c.id).where(tokens.c.outlet == code, tokens.c.revoked.is_(None)))
        revoked = [Event("token-revoked", actor, detail={"token": id, "outlet": code}) for id in valid.scalars()]
        # A token without an owner may nothing: it is told as revoked, and its outlet is in the log.
        ended = {"revoked": func.coalesce(tokens.c.revoked, micros(now)), "outlet": None}
        connection.execute(update(tokens).where(tokens.c.outlet == code).values(**ended))
        if not connection.execute(delete(outlets).where(outlets.c.code == code)).rowcount:
            return False
        audit.record(connection, [*revoked, Event("outlet-removed", actor, detail={"outlet": code})], now)
    return True


def all_outlets(engine: Engine) -> list[OutletRecord]:
    """Every outlet by code. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(outlets).order_by(outlets.c.code)).all()
    return [
        OutletRecord(
            row.code, row.name, tuple(row.regions.split()), tuple(row.topics.split()), tuple(row.offices.split())
        )
        for row in rows
    ]
