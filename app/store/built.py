"""Builds and compiles frequent statements once, and runs them directly on the database driver.

SQLAlchemy takes at least 13 µs to run a statement that is compiled already; SQLite takes 1 to 5. A push runs fifteen statements. The
column types of our tables need no conversion, except that SQLite returns 0 or 1 for a Boolean.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Executable, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

Values = Mapping[str, Any]


class Built:
    """One statement with named parameters. Threads share it: two threads that compile it at once get the same text. A failure to
    compile is not remembered."""

    def __init__(self, build: Callable[[str], Executable]) -> None:
        """`build` makes the statement for a dialect: "sqlite" or "postgresql"."""
        self._build = build
        # dialect -> text, order of parameters, and the values that the statement itself gives (on SQLite, OFFSET 0 of each LIMIT)
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Run the statement and return its rows as tuples. Raises what SQLAlchemy raises."""
        text, order, own = self._for(connection)
        values |= own
        given: Any = values if order is None else tuple([values[name] for name in order])
        if _observed(connection):
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
        """Run the statement once for each of `rows`. Raises what SQLAlchemy raises."""
        text, order, _ = self._for(connection)
        given: Any = rows if order is None else [tuple([row[name] for name in order]) for row in rows]
        if _observed(connection):
            connection.exec_driver_sql(text, given)
            return
        try:
            cursor = connection.connection.cursor()
            cursor.executemany(text, given)
            cursor.close()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(connection, text, error) from error

    def _for(self, connection: Connection) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            statement = self._build(dialect.name)
            assert isinstance(statement, ClauseElement)
            compiled: Any = statement.compile(dialect=dialect)
            order = tuple(compiled.positiontup) if compiled.positional else None
            own = {name: value for name, value in compiled.params.items() if value is not None}
            self._compiled[dialect.name] = compiled.string, order, own
        return self._compiled[dialect.name]


def _observed(connection: Connection) -> bool:
    """Whether a tracer or a test listens to statements. Then SQLAlchemy runs the statement, so that they see it."""
    return bool(connection.engine.dispatch.before_cursor_execute)


def _as_sqlalchemy(connection: Connection, text: str, error: Exception) -> BaseException:
    """The driver's error as SQLAlchemy raises it. A connection that was lost is not used again."""
    dbapi = connection.dialect.loaded_dbapi
    lost = connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(text, None, error, dbapi.Error, connection_invalidated=lost, dialect=connection.dialect)


def among(column: Column[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """The condition that a column's value is in the list of the parameter `name`; `listed` makes the value of the parameter."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(type(column.type))))
    # https://www.sqlite.org/json1.html#jeach
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def listed(connection: Connection, values: Collection[str] | Collection[int]) -> Any:
    """Texts or numbers as one parameter: an array for PostgreSQL, JSON for SQLite."""
    return list(values) if connection.dialect.name == "postgresql" else msgspec.json.encode(list(values)).decode()
