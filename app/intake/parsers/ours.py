"""Elements of our own dialect, wherever they stand: in a release of ours, or as foreign markup in an Atom entry."""

from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from app.intake.draft import DraftContact, DraftEnclosure, DraftRelated, DraftTerm, Value
from app.intake.parsers.tree import LANG

NAMESPACE = "urn:pressrelay:press-release:1"
OURS = f"{{{NAMESPACE}}}"
VOID = {"br", "hr", "img"}

At = Callable[[etree._Element], str]  # the path of an element


def text(element: etree._Element) -> str:
    return "".join(element.itertext())


def terms(elements: list[etree._Element], at: At) -> tuple[DraftTerm, ...]:
    return tuple(DraftTerm(text(element), element.sourceline or 0, at(element)) for element in elements)


def contact(element: etree._Element) -> DraftContact:
    def part(name: str) -> str:
        return element.findtext(f"{OURS}{name}") or ""

    return DraftContact(part("department"), part("role"), part("name"), part("phone"), part("email"))


def enclosure(element: etree._Element, at: At) -> DraftEnclosure:
    licence = element.find(f"{OURS}licence")
    return DraftEnclosure(
        url=Value(element.get("url", ""), element.sourceline or 0, f"{at(element)}/@url"),
        type=element.get("type", ""),
        length=int(element.get("length", "0")) if element.get("length") else None,
        role=element.get("role", "document").strip(),
        caption=element.findtext(f"{OURS}caption") or "",
        lang=element.get(LANG) or "",
        licence_uri="" if licence is None else licence.get("uri", ""),
        licence_text="" if licence is None else text(licence),
        has_licence=licence is not None,
    )


def related(element: etree._Element, at: At) -> DraftRelated:
    url = element.get("url")
    where = Value(url, element.sourceline or 0, f"{at(element)}/@url") if url else None
    lang = element.get("translation")
    told = Value(lang, element.sourceline or 0, f"{at(element)}/@translation") if lang else None
    return DraftRelated(text(element), element.get("guid", ""), where, told)


def fragment(body: etree._Element) -> str:
    """What is inside a body, as XHTML without namespace; only void elements are closed in their start tag."""
    parts = [escape(body.text or "")]
    _children(body, parts)
    return "".join(parts).strip()


def outer(parent: etree._Element) -> str:
    """The elements below, themselves included, as XHTML without namespace."""
    parts: list[str] = []
    _children(parent, parts)
    return "".join(parts).strip()


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


class Embargo:
    """What an `embargo` element says."""

    def __init__(self, element: etree._Element | None, at: At) -> None:
        until = element.get("until") if element is not None else None
        self.there = element is not None
        said = element.get("held", "").strip() if element is not None else "false"
        self.until = (
            Value(until, element.sourceline or 0, f"{at(element)}/@until") if element is not None and until else None
        )
        self.wording = "" if element is None else text(element)
        # Neither an instant nor a word on it: held until the office releases it.
        self.held = said in ("true", "1") or (not said and until is None and not self.wording.strip())
        self.decides = not said and until is None and bool(self.wording.strip())
