"""Saves, removes and reads saved feeds: queries with a short name."""

from sqlalchemy import Engine, delete, insert, select, update

from app.query import Saved
from app.store.engine import reading, writing
from app.store.tables import saved_feeds


def save_feed(engine: Engine, saved: Saved) -> bool:
    """Add a saved feed, or change the query and title of that name. Return True if it is new. Raises Unavailable."""
    values = {"query": saved.query, "title": saved.title}
    with writing(engine) as connection:
        changed = connection.execute(
            update(saved_feeds).where(saved_feeds.c.name == saved.name).values(values)
        ).rowcount
        if not changed:
            connection.execute(insert(saved_feeds).values(name=saved.name, **values))
    return not changed


def remove_feed(engine: Engine, name: str) -> bool:
    """Remove a saved feed. Return whether there was one. Raises Unavailable."""
    with writing(engine) as connection:
        return bool(connection.execute(delete(saved_feeds).where(saved_feeds.c.name == name)).rowcount)


def saved_feed(engine: Engine, name: str) -> Saved | None:
    """The saved feed with that name, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(saved_feeds).where(saved_feeds.c.name == name)).one_or_none()
    return None if row is None else Saved(row.name, row.query, row.title)


def all_saved(engine: Engine) -> list[Saved]:
    """All saved feeds, in the order of their names. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(select(saved_feeds).order_by(saved_feeds.c.name)).all()
    return [Saved(row.name, row.query, row.title) for row in rows]
