"""Statements that every push runs: built and compiled once, then run in the driver's own words.

SQLAlchemy takes 13 µs and more to run a statement that it has compiled already, SQLite takes 1 to 5; a push runs fifteen. The
types of our tables need no conversion on the way in, and none on the way out save that SQLite's truth is 0 or 1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

Values = Mapping[str, Any]


class Built:
    """One statement; its parameters are given by name. Threads share it: two that compile it at once write the same text, and a
    failure to compile is not remembered."""

    def __init__(self, build: Callable[[str], Executable]) -> None:
        """`build` makes it for a dialect: "sqlite" or "postgresql"."""
        self._build = build
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None]] = {}  # by dialect: text, the order of parameters

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Run it; its rows as tuples. Raises what SQLAlchemy raises."""
        text, order = self._for(connection)
        given: Any = values if order is None else tuple([values[name] for name in order])
        if _heard(connection):
            result = connection.exec_driver_sql(text, given)
            return list(map(tuple, result)) if result.returns_rows else []
        try:
            cursor = connection.connection.cursor()
            cursor.execute(text, given)
            found = cursor.fetchall() if cursor.description else []
            cursor.close()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, text, error) from error
        return list(found)

    def many(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Run it for each of these. Raises what SQLAlchemy raises."""
        text, order = self._for(connection)
        given: Any = rows if order is None else [tuple([row[name] for name in order]) for row in rows]
        if _heard(connection):
            connection.exec_driver_sql(text, given)
            return
        try:
            cursor = connection.connection.cursor()
            cursor.executemany(text, given)
            cursor.close()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, text, error) from error

    def _for(self, connection: Connection) -> tuple[str, tuple[str, ...] | None]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            statement = self._build(dialect.name)
            assert isinstance(statement, ClauseElement)
            compiled: Any = statement.compile(dialect=dialect)
            order = tuple(compiled.positiontup) if compiled.positional else None
            self._compiled[dialect.name] = compiled.string, order
        return self._compiled[dialect.name]


def _heard(connection: Connection) -> bool:
    """Whether somebody listens to statements, a tracer or a test: then SQLAlchemy runs this one too, and tells of it."""
    return bool(connection.engine.dispatch.before_cursor_execute)


def _as_sqlalchemy(connection: Connection, text: str, error: Exception) -> BaseException:
    """The driver's error as the rest of the store knows it; a connection that is lost is not used again."""
    dbapi = connection.dialect.loaded_dbapi
    lost = connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(text, None, error, dbapi.Error, connection_invalidated=lost, dialect=connection.dialect)
