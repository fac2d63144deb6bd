"""Reads JSON strictly, within limits, and gives its members with their places as JSON pointers.

https://www.rfc-editor.org/rfc/rfc8259, https://www.rfc-editor.org/rfc/rfc6901, https://www.rfc-editor.org/rfc/rfc7493 (I-JSON)
"""

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import Any, NoReturn

from msgspec import Struct

from app.errors import Fault, Problem
from app.intake.draft import Value
from app.intake.parsers import filled
from app.intake.parsers.encodings import Decoded, decode
from app.text.characters import NOT_XML

MOST_VALUES = 200_000  # of a document
MOST_MEMBERS = 10_000  # of one object or array
LONGEST_NUMBER = 20  # characters of a whole number; 2^53 has 16
# A string without an end reaches to the end, so that each byte is looked at once.
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
DEPTHS = bytes(1 if byte in b"[{" else 255 if byte in b"]}" else 0 for byte in range(256))
OTHER = bytes(byte for byte in range(256) if byte not in b"[]{}")
BLANK = b" \t\r\n\xef\xbb\xbf"


class Node(Struct, frozen=True):
    """A value with its place."""

    value: Any
    path: str  # JSON pointer

    def get(self, *names: str) -> "Node | None":
        """The first member with one of these names that is not null; None if there is none, or this is no object."""
        if not isinstance(self.value, dict):
            return None
        found = next((name for name in names if self.value.get(name) is not None), None)
        return None if found is None else Node(self.value[found], f"{self.path}/{escaped(found)}")

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """(name, value) of an object; the name of an array's items is that of nothing."""
        if isinstance(self.value, dict):
            for name, value in self.value.items():
                yield name, Node(value, f"{self.path}/{escaped(name)}")
        elif isinstance(self.value, list):
            for number, value in enumerate(self.value):
                yield "", Node(value, f"{self.path}/{number}")

    def each(self) -> list["Node"]:
        """The items of an array; an object or text that stands alone counts as one."""
        if isinstance(self.value, list):
            return [node for _, node in self.members() if node.value is not None]
        return [self]


class Reader:
    """Reads members, and collects faults and warnings."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def fault(self, at: Node, reason: str) -> None:
        self.faults.append(Fault(reason, at.path))

    def text(self, parent: Node | None, *names: str) -> str:
        """The text of the first of these members; empty if there is none. A number is its digits."""
        found = self.value(parent, *names)
        return found.text if found else ""

    def value(self, parent: Node | None, *names: str) -> Value | None:
        """The text of the first of these members that is not empty, with its place."""
        found = None if parent is None else parent.get(*names)
        if found is None:
            return None
        if isinstance(found.value, bool | list | dict):
            kind = {bool: "true or false", list: "an array", dict: "an object"}[type(found.value)]
            self.fault(found, f"This is {kind}; expected a text.")
            return None
        text = found.value if isinstance(found.value, str) else str(found.value)
        return Value(text, 0, found.path) if text.strip() else None

    def objects(self, parent: Node | None, *names: str) -> list[Node]:
        """The objects in an array. Anything else in it is a fault."""
        found = None if parent is None else parent.get(*names)
        if found is None:
            return []
        nodes = found.each()
        for node in nodes:
            if not isinstance(node.value, dict):
                self.fault(node, "This is not an object; expected one.")
        return [node for node in nodes if isinstance(node.value, dict)]

    def texts(self, parent: Node | None, *names: str) -> list[str]:
        """The texts in an array, or one text that stands alone."""
        found = None if parent is None else parent.get(*names)
        nodes = [] if found is None else found.each()
        for node in nodes:
            if isinstance(node.value, bool | list | dict):
                self.fault(node, "This is not a text; expected one.")
        return [str(node.value) for node in nodes if not isinstance(node.value, bool | list | dict)]

    def headline(self, item: Node, body: Value, name: str) -> Value | None:
        """The beginning of the text, for an item without the member `name`, which is not required."""
        words = filled.first_line(body.text)
        if words:
            self.warnings.append(filled.NO_HEADLINE)
        elif not self.faults:
            self.fault(item, f"The item has no {name}, and its text has no words. One of them is required.")
        return Value(words, 0, item.path) if words else None

    def version_at(self, changed: Value | None) -> int:
        """The seconds from 1970 to the last change, in ISO 8601; 1 without a date."""
        if changed is None:
            return 1
        version = filled.version(datetime.fromisoformat(changed.text))
        if version is None:
            self.faults.append(Fault(f"The date is {changed.text}. {filled.RANGE}", changed.path))
        return version or 1

    def language(self, found: Value | None, item: Node, what: str) -> Value:
        """The language, spelled as a tag; if it is not given, `what` is named in a warning."""
        if found is None:
            self.warnings.append(f"The {what} does not give its language. It was stored as und (undetermined).")
            return Value("und", 0, f"{item.path}/language")
        return Value(found.text.strip().replace("_", "-"), 0, found.path)


class JsonDocument(Struct, frozen=True):
    """A parsed document."""

    root: Node
    data: bytes  # the text that was parsed, in UTF-8
    decoded: Decoded


def escaped(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")


def is_json(body: bytes, content_type: str) -> bool:
    """Whether a document is JSON: by its first byte, and by its media type unless it begins like XML."""
    first = body[:4096].lstrip(BLANK)[:1]
    return first in (b"{", b"[") or (
        "json" in content_type.partition(";")[0].lower() and first != b"<" and bool(body.strip())
    )


def read(body: bytes, content_type: str, *, max_depth: int = 100) -> JsonDocument:
    """Parse a document. Raises Problem if it breaks a limit, or repeats a member in an object."""
    decoded = decode(body, content_type)
    text = decoded.text.lstrip("\ufeff \t\r\n")
    lines = decoded.text[: len(decoded.text) - len(text)].count("\n")
    data = text.encode("utf-8")
    structure = STRING.sub(b"", data)
    nested = structure.translate(DEPTHS, OTHER)
    if structure.count(b",") + len(nested) > MOST_VALUES:
        raise _too_complex(f"The document has more than {MOST_VALUES} values.")
    if max(accumulate((1 if byte == 1 else -1 for byte in nested), initial=0)) > max_depth:
        raise _too_complex(f"Objects and arrays are nested more than {max_depth} deep.")
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_whole, parse_float=_float
        )
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg}.", error.lineno + lines) from None
    except RecursionError:
        raise _too_complex(f"Objects and arrays are nested more than {max_depth} deep.") from None
    root = Node(value, "")
    _legible(root)
    return JsonDocument(root, data, decoded)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Two members of one name are refused, because each reader would take another of them."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                reason = f"An object has two members with the name {name[:60]!r}. Names must be unique (RFC 7493)."
                raise _malformed(reason, 0)
            seen.add(name)
    if len(made) > MOST_MEMBERS:
        raise _too_complex(f"An object has more than {MOST_MEMBERS} members.")
    return made


def _constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not JSON.", 0)


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _malformed(f"A number has {len(digits)} digits; at most {LONGEST_NUMBER} are allowed.", 0)
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits) if len(digits) <= 100 else math.inf
    if not math.isfinite(number):
        raise _malformed(f"The number {digits[:30]} is too large or too long.", 0)
    return number


def walk(root: Node) -> Iterator[tuple[str, Node]]:
    """(name, value) of each value below a root, with the name of the array for the items of an array."""
    waiting: list[tuple[str, Node]] = [("", root)]
    while waiting:
        name, node = waiting.pop()
        yield name, node
        if isinstance(node.value, dict | list):
            waiting += [(inner or name, value) for inner, value in node.members()]


def _legible(root: Node) -> None:
    for name, node in walk(root):
        if isinstance(node.value, list) and len(node.value) > MOST_MEMBERS:
            raise _too_complex(f"An array has more than {MOST_MEMBERS} items.", node.path)
        for text in (name, node.value):
            if isinstance(text, str) and (bad := NOT_XML.search(text)):
                reason = f"The character U+{ord(bad[0]):04X} is not allowed."
                fault = Fault(reason, node.path.encode("utf-8", "replace").decode())
                raise Problem(422, "forbidden-character", "A character that is not allowed", reason, errors=[fault])


def _malformed(reason: str, line: int) -> Problem:
    return Problem(400, "not-well-formed", "Not well-formed JSON", reason, errors=[Fault(reason, line=line)])


def _too_complex(reason: str, path: str = "") -> Problem:
    return Problem(422, "too-complex", "The document is too complex", reason, errors=[Fault(reason, path)])
