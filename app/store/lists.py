"""Questions of many values in one parameter: the statement stays the same however many there are, and is compiled once."""

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY


def among(column: Column[str], name: str, dialect: str) -> ColumnElement[bool]:
    """Whether a text is one of those in the parameter of that name, which `listed` makes."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(Text)))
    # https://www.sqlite.org/json1.html#jeach
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def listed(connection: Connection, texts: Collection[str]) -> Any:
    """Texts as that database takes them in one parameter."""
    return list(texts) if connection.dialect.name == "postgresql" else msgspec.json.encode(list(texts)).decode()
