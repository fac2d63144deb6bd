"""Every address described for programs: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), made from the table of routes.

The row of an address in docs/http.md says what it is for; app/web/ways.py says what it takes and answers. Objects are described by
the very types that the server writes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import msgspec
from flask import Flask
from msgspec import Struct
from werkzeug.routing import Rule

from app.errors import TYPE_BASE, Fault
from app.intake.releases import Receipt
from app.web import html, manual
from app.web.ways import EVERYWHERE, FILES, FORM, HTML, JSON, PARAMETERS, PROBLEM, WAYS, Way
from feeds import Article

METHODS = ("GET", "POST", "PUT", "DELETE")
MIMETYPE = "application/openapi+json"  # draft-ietf-httpapi-rest-api-mediatypes
ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE) (/\S*)` \| (.*) \|$")
GROUP = re.compile(r"^\*\*(.+?)\*\*")
PROBLEM_ROW = re.compile(r"^\| (\d{3}) \| ((?:`[a-z-]+`(?:, )?)+) \| (.*) \|$")
PART = re.compile(r"<(?:\w+:)?(\w+)>")
FIRST = re.compile(r"^\[?[a-z]")
LINK = re.compile(r"\[([^\[\]]+)\]\([^()]*\)")
# Errors of the framework itself (docs/http.md says so in a sentence).
FRAMEWORK = {
    "not-found": [(404, "There is nothing at this address.")],
    "method-not-allowed": [(405, "Another method.")],
}
# The variable parts of a path: an example and a description.
PARTS: dict[str, dict[str, Any]] = {
    "id": {"example": "og2rbz5dp7gvzxbtps2wlfuftq", "description": "The id of an article, a draft or another thing."},
    "version": {"example": "1", "description": "The number of a version; of `/static`, the hash of all its files."},
    "month": {
        "example": "2026-03",
        "description": "A month in UTC.",
        "schema": {"type": "string", "pattern": r"^\d{4}-\d\d$"},
    },
    "sha256": {
        "example": "0" * 64,
        "description": "The hash of a file.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "office": {"example": "jeonbuk", "description": "The code of an office."},
    "name": {"example": "jeonbuk-economy", "description": "A name: of a feed, a subscription, a file or a document."},
    "secret": {"example": "SECRET", "description": "The secret of a link that was sent."},
    "scheme": {"example": "region", "description": "A scheme of codes."},
    "action": {"example": "pause", "description": "What to do."},
    "step": {"example": "publish", "description": "What to do next."},
    "format": {"example": "atom", "description": "A format."},
    "filename": {"example": "style.css", "description": "The name of a file."},
}
SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "": [],
    "token": [{"token": []}, {"basic": []}],
    "token-may": [{}, {"token": []}, {"basic": []}],
    "session": [{"session": []}],
}
SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of an office, an outlet or an administrator.",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "The token as the password, with any user name."},
    "session": {"type": "apiKey", "in": "cookie", "name": "pressrelay", "description": "The cookie of a sign-in."},
}


class Operation(Struct, frozen=True):
    """A method of an address."""

    id: str  # "get-feed.format"
    method: str
    path: str  # as routes write it: /feed.<format>
    endpoint: str
    group: str  # a heading of docs/http.md
    summary: str  # Markdown
    way: Way | None  # None: a page or a form for people

    @property
    def parts(self) -> list[str]:
        """The names of what stands in the path."""
        return PART.findall(self.path)


def _section(title: str) -> list[str]:
    """The lines of a section of docs/http.md."""
    text = (manual.DOCS / "http.md").read_text("utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0].splitlines()


@cache
def route_rows() -> Mapping[tuple[str, str], tuple[str, str]]:
    """(method, path) -> (group, what it does), as the tables of docs/http.md say."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    group = ""
    for line in _section("Routes"):
        if heading := GROUP.match(line):
            group = heading[1]
        elif row := ROW.match(line):
            found[row[1], row[2]] = (group, row[3])
    return found


@cache
def problems() -> Mapping[str, list[tuple[int, str]]]:
    """Type of a problem -> (status, when), as the table of docs/http.md says."""
    found: dict[str, list[tuple[int, str]]] = {}
    for line in _section("Problems"):
        if row := PROBLEM_ROW.match(line):
            for type in re.findall(r"[a-z-]+", row[2]):
                found.setdefault(type, []).append((int(row[1]), row[3]))
    return found | FRAMEWORK


def part(name: str) -> dict[str, Any]:
    """What stands in a path under that name."""
    return PARTS.get(name, {"example": name, "description": f"The {name}."})


def operations(app: Flask) -> list[Operation]:
    """Every address of the server, in the order of docs/http.md. Raises KeyError for one that is not described."""
    found: dict[tuple[str, str], Operation] = {}
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) & set(METHODS):
            found[method, rule.rule] = _operation(method, rule)
    order = {key: place for place, key in enumerate(route_rows())}
    return [found[key] for key in sorted(found, key=lambda key: order.get(key, 0))]


def _operation(method: str, rule: Rule) -> Operation:
    group, summary = route_rows()[method, rule.rule]
    way = WAYS.get(rule.endpoint)
    if way is None and rule.endpoint not in html.PAGES | html.FORMS:
        raise KeyError(f"{rule.endpoint}: add a line to WAYS in app/web/ways.py")
    name = re.sub(r"[^a-z0-9.]+", "-", PART.sub(r"\1", rule.rule).lower()).strip("-") or "home"
    return Operation(
        f"{method.lower()}-{name}",
        method,
        rule.rule,
        rule.endpoint,
        group,
        FIRST.sub(lambda letter: letter[0].upper(), summary),
        way,
    )


@lru_cache(4)
def written(app: Flask, base: str, site: str) -> bytes:
    """The OpenAPI document as JSON."""
    return msgspec.json.encode(document(app, base, site, app.extensions["structs"]))


def document(app: Flask, base: str, site: str, structs: Mapping[str, type[Struct]]) -> dict[str, Any]:
    """The OpenAPI document. `structs`: further objects that routes answer with, by name."""
    paths: dict[str, dict[str, Any]] = {}
    used: set[tuple[int, tuple[str, ...]]] = set()
    every = operations(app)
    for operation in every:
        paths.setdefault(PART.sub(r"{\1}", operation.path), {})[operation.method.lower()] = _described(
            operation, used, structs
        )
    return {
        "openapi": "3.1.1",
        "info": {
            "title": site,
            "version": "1",
            "summary": "Press releases in, feeds out.",
            "description": f"Explained at {base}/docs.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "externalDocs": {"url": f"{base}/docs/api"},
        "servers": [{"url": base}],
        "tags": [{"name": group} for group in dict.fromkeys(one.group for one in every)],
        "security": [],
        "paths": paths,
        "components": {
            "schemas": _schemas(structs),
            "responses": {_name(status, types): _problem(status, types) for status, types in sorted(used)},
            "securitySchemes": SCHEMES,
        },
    }


def _described(
    operation: Operation, used: set[tuple[int, tuple[str, ...]]], structs: Mapping[str, type[Struct]]
) -> dict[str, Any]:
    way = operation.way or _for_people(operation)
    answers: dict[str, Any] = {
        str(status): _answer(status, types, way, structs) for status, types in way.answers.items()
    }
    if operation.way is None:
        answers["default"] = {"description": "A problem.", "content": {HTML: {}, PROBLEM: {"schema": _ref("Problem")}}}
    else:
        for status, types in of_status((*EVERYWHERE, *way.problems)).items():
            if way.errors != (PROBLEM,):
                answers.setdefault(str(status), _problem(status, types, way.errors))
                continue
            used.add((status, types))
            # A status may also be an answer of its own, such as 503 of /readyz.
            answers.setdefault(str(status), {"$ref": f"#/components/responses/{_name(status, types)}"})
    members: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": _plain(operation.summary),
        "parameters": [*_parts(operation, way), *_parameters(way)],
        "responses": dict(sorted(answers.items())),
        "security": SECURITY[way.who],
    }
    if way.body:
        members["requestBody"] = {"required": True, "content": {type: _body(type, way) for type in way.body}}
    return {name: value for name, value in members.items() if value != []} | {"security": SECURITY[way.who]}


def _for_people(operation: Operation) -> Way:
    """A page or a form: its summary says which parameters and fields it has."""
    own = operation.path.startswith(("/desk", "/people", "/account", "/prove"))
    who = "session" if own and operation.path not in ("/signin",) else ""
    if operation.method == "GET":
        return Way({200: (HTML,), 303: ()}, who=who)
    return Way({200: (HTML, JSON), 303: ()}, body=(FORM, FILES, JSON), who=who)


def of_status(types: Iterable[str]) -> dict[int, tuple[str, ...]]:
    """Status -> the types of problems with it."""
    found: dict[int, list[str]] = {}
    for one in dict.fromkeys(types):
        only, _, type = one.rpartition(" ")
        for status, _ in problems()[type]:
            if only in ("", str(status)):
                found.setdefault(status, []).append(type)
    return {status: tuple(sorted(types)) for status, types in sorted(found.items())}


def _name(status: int, types: tuple[str, ...]) -> str:
    return f"{status}-{types[0]}" if len(types) == 1 else f"{status}-{'.'.join(types)}"


def _problem(status: int, types: tuple[str, ...], errors: tuple[str, ...] = (PROBLEM,)) -> dict[str, Any]:
    lines = [f"`{type}`: {_plain(when)}" for type in types for known, when in problems()[type] if known == status]
    schema = {"allOf": [_ref("Problem"), {"properties": {"type": {"enum": [f"{TYPE_BASE}{type}" for type in types]}}}]}
    return {
        "description": "\n".join(f"- {line}" for line in lines),
        "content": {error: {"schema": schema} if error == PROBLEM else {} for error in errors},
    }


def _answer(status: int, types: tuple[str, ...], way: Way, structs: Mapping[str, type[Struct]]) -> dict[str, Any]:
    said = {
        200: "The answer.",
        201: "Stored.",
        202: "Accepted.",
        204: "Done.",
        206: "A part of it.",
        207: "Results that differ.",
    }
    said |= {303: "Go on at `Location`.", 503: "Not ready."}
    content: dict[str, Any] = {}
    for type in types:
        known = way.schema and type == JSON and (way.schema in structs or way.schema in OBJECTS)
        content[type] = {"schema": _ref(way.schema)} if known else {}
    if way.schema == "Receipt" and JSON in content and status != 204:
        several = {
            "type": "object",
            "properties": {"receipts": {"type": "array", "items": _ref("Receipt")}},
            "required": ["receipts"],
        }
        content[JSON] = {"schema": several if status == 207 else {"anyOf": [_ref("Receipt"), several]}}
    return {"description": said[status], **({"content": content} if content else {})}


def _parts(operation: Operation, way: Way) -> Iterator[dict[str, Any]]:
    for name in operation.parts:
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if values := way.path.get(name):
            schema = {"type": "string", "enum": list(values)}
        known = {"schema": schema} | part(name)
        if values:
            known = known | {"example": values[0], "schema": schema}
        yield {"name": name, "in": "path", "required": True, **known}


def _parameters(way: Way) -> Iterator[dict[str, Any]]:
    for name in way.query:
        yield {"name": name, "in": "query", **PARAMETERS[name]}


def _body(type: str, way: Way) -> dict[str, Any]:
    if type == FILES:
        return {"schema": {"type": "object", "additionalProperties": True}}
    if type not in (FORM, JSON) or (type == JSON and not way.fields):
        return {}
    return {"schema": {"type": "object", "properties": {name: {"type": "string"} for name in way.fields}}}


OBJECTS: dict[str, type[Struct]] = {"Article": Article, "Receipt": Receipt, "Fault": Fault}


def _schemas(structs: Mapping[str, type[Struct]]) -> dict[str, Any]:
    _, found = msgspec.json.schema_components(
        [*OBJECTS.values(), *structs.values()], ref_template="#/components/schemas/{name}"
    )
    problem = {
        "type": "object",
        "description": "RFC 9457.",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": _ref("Fault")},
        },
    }
    return dict(sorted((found | {"Problem": problem}).items()))


def _plain(markdown: str) -> str:
    """A line without its links, which lead from docs/http.md."""
    return LINK.sub(r"\1", markdown)


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
