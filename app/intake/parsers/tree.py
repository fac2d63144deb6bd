"""What dialects share: the answer of every `parse`, and how a place in a document is named."""

import threading
from urllib.parse import urljoin

from lxml import etree
from msgspec import Struct

from app.errors import Fault
from app.intake.draft import Draft
from app.text.html import LONGEST_BASE, LONGEST_URL

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"


class Parsed(Struct, frozen=True):
    """The articles of a release by their place in it, from 0; each is in one of the two."""

    drafts: tuple[tuple[int, Draft], ...]
    refused: dict[int, tuple[Fault, ...]]
    unread: int = 0  # parts of the document besides these that may say what is not to be published


class _Numbers(threading.local):
    """The places of children among their siblings of the same name, by parent: to count them anew for each would take time
    quadratic in a document that repeats one element a hundred thousand times."""

    def __init__(self) -> None:
        self.known: dict[etree._Element, dict[etree._Element, tuple[int, int]]] = {}
        self.named: dict[etree._Element, dict[str, list[etree._Element]]] = {}

    def child(self, parent: etree._Element, name: str, number: int) -> etree._Element | None:
        """The child of that local name ("*": any) and number, from 1."""
        if parent not in self.named:
            if len(self.named) >= PARENTS:
                self.named.pop(next(iter(self.named)))
            names: dict[str, list[etree._Element]] = {"*": list(parent)}
            for child in parent:
                names.setdefault(etree.QName(child).localname, []).append(child)
            self.named[parent] = names
        self.named[parent] = of = self.named.pop(parent)  # the one used last goes last
        children = of.get(name, [])
        return children[number - 1] if number <= len(children) else None

    def of(self, element: etree._Element) -> tuple[int, int]:
        """(number from 1, how many there are)."""
        parent = element.getparent()
        if parent is None:
            return 1, 1
        if parent not in self.known:
            if len(self.known) >= PARENTS:
                self.known.pop(next(iter(self.known)))
            counts: dict[str, int] = {}
            numbers: dict[etree._Element, int] = {}
            for child in parent:
                numbers[child] = counts[child.tag] = counts.get(child.tag, 0) + 1
            self.known[parent] = {child: (number, counts[child.tag]) for child, number in numbers.items()}
        self.known[parent] = numbers_of = self.known.pop(parent)  # the one used last goes last
        return numbers_of.get(element, (1, 1))


PARENTS = 8  # remembered: an article's, and those above it
_numbers = _Numbers()


def forget() -> None:
    """Let go of the document that was read last."""
    _numbers.known.clear()
    _numbers.named.clear()


def child(parent: etree._Element, name: str, number: int) -> etree._Element | None:
    """The child of that local name ("*": any) and number, from 1."""
    return _numbers.child(parent, name, number)


def place(element: etree._Element, above: etree._Element | None = None, path: str = "") -> str:
    """The path of an element by local names, numbered where it has siblings of its name; from `above`, whose path is
    `path`, or from the root."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None and current is not above:
        name = etree.QName(current).localname
        number, many = _numbers.of(current)
        if name == "article" or many > 1:
            name += f"[{number}]"
        steps.append(name)
        current = current.getparent()
    return "/".join([path, *reversed(steps)])


def text(element: etree._Element | None) -> str:
    """All the text in an element; empty where there is none."""
    return "" if element is None else "".join(element.itertext())


def base_of(element: etree._Element) -> str:
    """What a relative reference in an element is relative to (XML Base)."""
    base = ""
    for above in (*reversed(list(element.iterancestors())), element):
        base = joined(base, above.get(BASE, ""))
    return base


def joined(base: str, reference: str) -> str:
    """A reference made absolute as far as its base is known. One that is too long stays: it is told where it is used."""
    if len(base) > LONGEST_BASE or len(reference) > LONGEST_URL:
        return reference
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return reference  # not a URL: told where it is used


def inherited(element: etree._Element, name: str) -> str:
    """The value of xml:lang or xml:base that is in force here; empty where none is."""
    current: etree._Element | None = element
    while current is not None:
        if value := current.get(name):
            return str(value)
        current = current.getparent()
    return ""
