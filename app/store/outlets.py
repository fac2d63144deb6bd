"""Outlets: who reads under embargo."""

from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from app.rights import OutletRecord
from app.store import audit
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.tables import outlets


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
