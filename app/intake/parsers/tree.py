"""Shared by the dialects in XML: paths of elements in a document, their texts, their content as XHTML and their base URLs."""

import threading
from urllib.parse import urljoin
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from app.text import html
from app.text.html import LONGEST_BASE, LONGEST_URL
from feeds import BASE, LANG

VOID = {"br", "hr", "img"}
PREFIXED = etree.XPath(
    "boolean(descendant::*[contains(name(), ':')]) or boolean(descendant::*/@*[contains(name(), ':')])"
)
ODD = ("xmlns", "&quot;", "&#13;", *(f"</{name}>" for name in sorted(VOID)))


class _Numbers(threading.local):
    """The numbers of children among their siblings of the same name, by parent. Counting them again for each child would take
    quadratic time in a document that repeats an element a hundred thousand times."""

    def __init__(self) -> None:
        self.known: dict[etree._Element, dict[etree._Element, tuple[int, int]]] = {}
        self.named: dict[etree._Element, dict[str, list[etree._Element]]] = {}
        self.paths: dict[etree._Element, str] = {}

    def child(self, parent: etree._Element, name: str, number: int) -> etree._Element | None:
        """The child with a local name ("*": any) and a number, from 1."""
        if parent not in self.named:
            if len(self.named) >= PARENTS:
                self.named.pop(next(iter(self.named)))
            names: dict[str, list[etree._Element]] = {"*": list(parent)}
            for child in parent:
                names.setdefault(etree.QName(child).localname, []).append(child)
            self.named[parent] = names
        self.named[parent] = of = self.named.pop(parent)  # moves it to the end, as the most recently used
        children = of.get(name, [])
        return children[number - 1] if number <= len(children) else None

    def remembered(self, parent: etree._Element, path: str) -> str:
        """The path of a parent, for its next child."""
        if len(self.paths) >= PARENTS:
            self.paths.pop(next(iter(self.paths)))
        self.paths[parent] = path
        return path

    def of(self, element: etree._Element) -> tuple[int, int]:
        """(number from 1, count) of an element among its siblings of the same name."""
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
        self.known[parent] = numbers_of = self.known.pop(parent)  # moves it to the end, as the most recently used
        return numbers_of.get(element, (1, 1))


PARENTS = 128  # parents to remember: more than the elements around any element (`max_depth`), so that none is counted again and again
_numbers = _Numbers()


def forget() -> None:
    """Forget the document that was read last."""
    _numbers.known.clear()
    _numbers.named.clear()
    _numbers.paths.clear()


def child(parent: etree._Element, name: str, number: int) -> etree._Element | None:
    """The child with a local name ("*": any) and a number, from 1."""
    return _numbers.child(parent, name, number)


def place(element: etree._Element, above: etree._Element | None = None, path: str = "") -> str:
    """The path of an element by local names, with numbers where siblings have the same name. It starts at `above`, which has the path
    `path`, or at the root."""
    if element is above:
        return path
    parent = element.getparent()
    if parent is None or parent is above:
        before = path
    elif above is not None:
        before = place(parent, above, path)
    else:
        before = _numbers.paths.get(parent, "") or _numbers.remembered(parent, place(parent, None, path))
    return f"{before}/{_step(element)}"


def _step(element: etree._Element) -> str:
    name = str(element.tag).rpartition("}")[2]
    number, many = _numbers.of(element)
    return f"{name}[{number}]" if name == "article" or many > 1 else name


def text(element: etree._Element | None) -> str:
    """All the text in an element; empty if there is no element."""
    return "" if element is None else "".join(element.itertext())


def fragment(body: etree._Element) -> str:
    """The content of a body as XHTML without namespaces; only void elements are self-closing.

    A body with too many elements is refused for their number alone, so nothing else of it is written.
    """
    if (elements := int(html.WITHIN(body))) > html.MOST_ELEMENTS:
        return "<br/>" * elements
    return _inside(body).strip()


def outer(parent: etree._Element) -> str:
    """The child elements, with their own tags, as XHTML without namespaces."""
    parts: list[str] = []
    _children(parent, parts)
    return "".join(parts).strip()


def _inside(parent: etree._Element) -> str:
    """The content of an element as `_children` writes it. libxml2 writes the same in a tenth of the time, if there are no prefixes and
    namespaces, and nothing that it escapes otherwise."""
    if not PREFIXED(parent):
        written = html.inner(parent)
        if not any(odd in written for odd in ODD):
            return written
    parts = [escape(parent.text or "")]
    _children(parent, parts)
    return "".join(parts)


def _element(node: etree._Element, parts: list[str]) -> None:
    name = etree.QName(node).localname
    attributes = "".join(f" {key}={quoteattr(str(value))}" for key, value in node.attrib.items() if key[0] != "{")
    if name in VOID:
        parts.append(f"<{name}{attributes}/>")
        return
    parts.append(f"<{name}{attributes}>{escape(node.text or '')}")
    _children(node, parts)
    parts.append(f"</{name}>")


def _children(node: etree._Element, parts: list[str]) -> None:
    for inner in node:
        _element(inner, parts)
        parts.append(escape(inner.tail or ""))


def lang_of(element: etree._Element) -> str:
    """The xml:lang of the element itself; empty if it has none."""
    return str(element.get(LANG, ""))


def own_base(element: etree._Element) -> str:
    """The xml:base of the element itself; empty if it has none."""
    return str(element.get(BASE, ""))


def set_base(element: etree._Element, url: str) -> None:
    """Give an element an xml:base, against which the relative links in it are resolved."""
    element.set(BASE, url)


def base_of(element: etree._Element) -> str:
    """The base URL of an element (XML Base), from the URL that the document was fetched from."""
    base = element.getroottree().docinfo.URL or ""
    for above in (*reversed(list(element.iterancestors())), element):
        base = joined(base, own_base(above))
    return base


def joined(base: str, reference: str) -> str:
    """The reference, made absolute if there is a base. A reference that is too long or not a URL stays as it is; the code that uses it
    reports the fault."""
    if len(base) > LONGEST_BASE or len(reference) > LONGEST_URL:
        return reference
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return reference  # not a URL


def inherited_lang(element: etree._Element) -> str:
    """The xml:lang that applies to an element; empty if there is none."""
    return inherited(element, LANG)


def inherited(element: etree._Element, name: str) -> str:
    """The value of xml:lang or xml:base that applies to an element; empty if there is none."""
    current: etree._Element | None = element
    while current is not None:
        if value := current.get(name):
            return str(value)
        current = current.getparent()
    return ""
