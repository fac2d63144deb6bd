"""What dialects share: the answer of every `parse`, and how a place in a document is named."""

from urllib.parse import urljoin

from lxml import etree
from msgspec import Struct

from app.draft import Draft
from app.errors import Fault

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"


class Parsed(Struct, frozen=True):
    """The articles of a release by their place in it, from 0; each is in one of the two."""

    drafts: tuple[tuple[int, Draft], ...]
    refused: dict[int, tuple[Fault, ...]]


def place(element: etree._Element, above: etree._Element | None = None, path: str = "") -> str:
    """The path of an element by local names, numbered where it has siblings of its name; from `above`, whose path is
    `path`, or from the root."""
    steps: list[str] = []
    current: etree._Element | None = element
    while current is not None and current is not above:
        name = etree.QName(current).localname
        before = sum(1 for _ in current.itersiblings(current.tag, preceding=True))
        if name == "article" or before or next(current.itersiblings(current.tag), None) is not None:
            name += f"[{before + 1}]"
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
    """A reference made absolute as far as its base is known."""
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
