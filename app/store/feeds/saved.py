"""Saves, removes and reads saved feeds: queries with a short name. A removed one is kept, to say that it has ended and which feed
follows it."""

from datetime import datetime

from sqlalchemy import Connection, Engine, Row, insert, select, update

from app.query import Saved
from app.store.engine import reading, writing
from app.store.tables import instant, micros, saved_feeds


def save_feed(engine: Engine, saved: Saved) -> bool:
    """Add a saved feed, or change the query and title of that name. Return True if it is new, or was removed before. Raises
    Unavailable."""
    values = {"query": saved.query, "title": saved.title, "ended": None, "following": "", "gone": 0}
    with writing(engine) as connection:
        there = _row(connection, saved.name)
        if there is None:
            connection.execute(insert(saved_feeds).values(name=saved.name, **values))
        else:
            connection.execute(update(saved_feeds).where(saved_feeds.c.name == saved.name).values(values))
    return there is None or there.ended is not None


def remove_feed(engine: Engine, name: str, now: datetime, following: str = "", *, gone: bool = False) -> bool:
    """Remove a saved feed. If it was removed before, its instant stays, and its successor changes if one is given. Return whether
    there was one. Raises Unavailable."""
    with writing(engine) as connection:
        there = _row(connection, name)
        if there is None:
            return False
        ended = micros(now) if there.ended is None else there.ended
        values = {"ended": ended, "following": following or there.following, "gone": int(gone)}
        connection.execute(update(saved_feeds).where(saved_feeds.c.name == name).values(values))
    return True


def saved_feed(engine: Engine, name: str) -> Saved | None:
    """The saved feed that has or had that name, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = _row(connection, name)
    return None if row is None else _saved(row)


def all_saved(engine: Engine, *, ended: bool = False) -> list[Saved]:
    """The saved feeds that are in use, in the order of their names; with `ended`, those that were removed. Raises Unavailable."""
    chosen = saved_feeds.c.ended.is_not(None) if ended else saved_feeds.c.ended.is_(None)
    with reading(engine) as connection:
        rows = connection.execute(select(saved_feeds).where(chosen).order_by(saved_feeds.c.name)).all()
    return [_saved(row) for row in rows]


def _row(connection: Connection, name: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(saved_feeds).where(saved_feeds.c.name == name)).one_or_none()


def _saved(row: Row[tuple[object, ...]]) -> Saved:
    ended = None if row.ended is None else instant(row.ended)
    return Saved(row.name, row.query, row.title, ended=ended, following=row.following, gone=bool(row.gone))
