"""Reads elements of our own dialect, in a release or as foreign markup in an Atom entry."""

from collections.abc import Callable

from lxml import etree

from app.intake.draft import DraftContact, DraftEnclosure, DraftRelated, DraftTerm, Value
from app.intake.parsers import files
from app.intake.parsers.tree import text
from feeds import LANG

NAMESPACE = "urn:pressrelay:press-release:1"
OURS = f"{{{NAMESPACE}}}"

At = Callable[[etree._Element], str]  # the path of an element


def terms(elements: list[etree._Element], at: At) -> tuple[DraftTerm, ...]:
    return tuple(DraftTerm(text(element), element.sourceline or 0, at(element)) for element in elements)


def contact(element: etree._Element) -> DraftContact:
    def part(name: str) -> str:
        return element.findtext(f"{OURS}{name}") or ""

    return DraftContact(part("department"), part("role"), part("name"), part("phone"), part("email"))


def enclosure(element: etree._Element, at: At) -> DraftEnclosure:
    licence = element.find(f"{OURS}licence")
    return DraftEnclosure(
        url=Value(files.address(element.get("url", "")), element.sourceline or 0, f"{at(element)}/@url"),
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
    translation = Value(lang, element.sourceline or 0, f"{at(element)}/@translation") if lang else None
    return DraftRelated(text(element), element.get("guid", ""), where, translation)


class Embargo:
    """The meaning of an `embargo` element."""

    def __init__(self, element: etree._Element | None, at: At) -> None:
        until = element.get("until") if element is not None else None
        self.there = element is not None
        held = element.get("held", "").strip() if element is not None else "false"
        self.until = (
            Value(until, element.sourceline or 0, f"{at(element)}/@until") if element is not None and until else None
        )
        self.wording = "" if element is None else text(element)
        # An element without an instant and without a wording means: held until the office releases it.
        self.held = held in ("true", "1") or (not held and until is None and not self.wording.strip())
        self.decides = not held and until is None and bool(self.wording.strip())
