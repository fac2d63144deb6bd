"""The API reference for people: the same table as `/openapi.json`, in groups. Each address has a command to try it."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from flask import Flask
from markupsafe import Markup, escape
from msgspec import Struct

from app.web.manual import rendered
from app.web.openapi import Operation, operations, part, problems
from app.web.ways import HTML, JSON, PARAMETERS, XML

PART = re.compile(r"<(?:\w+:)?(\w+)>")
# A value for an example of a parameter.
VALUES = {
    "region": "kr:52",
    "topic": "medtop:20000498",
    "limit": "10",
    "from": "1",
    "to": "2",
    "reason": "Published by mistake",
}


class WayRow(Struct, frozen=True):
    """A parameter or a part of a path."""

    name: str
    values: str
    meaning: Markup
    required: bool = False


class Explained(Struct, frozen=True):
    """An address as the reference shows it."""

    operation: Operation
    summary: Markup
    rows: tuple[WayRow, ...] = ()
    body: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    who: str = ""
    answers: tuple[tuple[int, str], ...] = ()  # status, media types
    problems: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """What it does, without markup."""
        return self.summary.striptags()


class Group(Struct, frozen=True):
    """Addresses that belong together."""

    name: str  # as in the path of its page
    title: str
    programs: tuple[Explained, ...]
    people: tuple[Explained, ...]  # pages and forms


@lru_cache(4)
def groups(app: Flask) -> tuple[Group, ...]:
    """Every address of the server."""
    found: dict[str, list[Operation]] = {}
    for operation in operations(app):
        found.setdefault(operation.group, []).append(operation)
    return tuple(
        Group(
            re.sub(r"[^a-z]+", "-", title.lower()).strip("-"),
            title,
            tuple(_explained(one) for one in members if one.way),
            tuple(Explained(one, rendered(one.summary)) for one in members if not one.way),
        )
        for title, members in found.items()
    )


def _explained(operation: Operation) -> Explained:
    way = operation.way
    assert way is not None
    parts = tuple(
        WayRow(name, ", ".join(way.path.get(name, ())), rendered(part(name)["description"]), True)
        for name in operation.parts
    )
    query = tuple(
        WayRow(name, _values(PARAMETERS[name]["schema"]), rendered(PARAMETERS[name]["description"]))
        for name in way.query
    )
    answers = tuple((status, ", ".join(types)) for status, types in way.answers.items())
    return Explained(
        operation,
        rendered(operation.summary),
        parts + query,
        way.body,
        way.fields,
        way.who,
        answers,
        tuple(sorted({one.rpartition(" ")[2] for one in way.problems})),
    )


def _values(schema: dict[str, Any]) -> str:
    schema = schema.get("items", schema) | (
        {"type": "array"} if "items" in schema and "enum" not in schema["items"] else {}
    )
    if values := schema.get("enum"):
        return ", ".join(map(str, values))
    if "minimum" in schema:
        return f"{schema['minimum']}–{schema['maximum']}"
    return ""


def call(one: Explained, base: str, office: str = "") -> Markup:
    """A command that asks this address of this server."""
    operation, way = one.operation, one.operation.way
    assert way is not None
    values = {name: way.path[name][0] if name in way.path else str(part(name)["example"]) for name in operation.parts}
    values |= {"office": office} if office and "office" in values else {}
    path = PART.sub(lambda match: quote(values[match[1]]), operation.path)
    query = "&".join(
        f"{name}={quote(VALUES[name], safe=':')}"
        for name in way.query
        if name in VALUES and operation.method in ("GET", "DELETE") and (name != "from" or "to" in way.query)
    )
    address = f"{base}{path}{'?' if query else ''}{query}"
    options = way.example.format(base=base) if way.example else _options(one)
    quoted = f"'{address}'" if query else address
    return Markup("curl {}{}").format(Markup(escape(f"{options} ")) if options else "", quoted)


def _options(one: Explained) -> str:
    operation, way = one.operation, one.operation.way
    assert way is not None
    found = []
    if operation.method in ("PUT", "DELETE") or (operation.method == "POST" and not way.body):
        found.append(f"-X {operation.method}")
    if way.who == "token":
        found.append('-H "Authorization: Bearer $PRESSRELAY_TOKEN"')
    if way.fields:
        found += [f"-d {name}=…" for name in way.fields[:3]]
    elif way.body:
        type = XML[0] if XML[0] in way.body else way.body[0]
        found.append(f'-H "Content-Type: {type}" --data-binary @{"entry" if "atom" in way.body[0] else "release"}.xml')
    types = [type for types in way.answers.values() for type in types]
    if HTML in types and JSON in types:
        found.append(f"-H 'Accept: {JSON}'")
    return " ".join(found)


@lru_cache(1)
def problem_rows() -> tuple[tuple[int, str, Markup, bool], ...]:
    """(status, type, when, whether it is the type's first row) of every problem, by status."""
    found = sorted((status, type, when) for type, cases in problems().items() for status, when in cases)
    first = {type: status for status, type, _ in reversed(found)}
    return tuple((status, type, rendered(when), first[type] == status) for status, type, when in found)
