"""Our own dialect, `urn:pressrelay:press-release:1`: docs/press-release-format.md, schemas/xsd/press-release.xsd."""

from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from app.draft import Draft, DraftContact, DraftEnclosure, DraftRelated, DraftTerm, Mark, Value
from app.errors import Invalid
from app.parsers.faults import check
from app.parsers.tree import Parsed, place

NAMESPACE = "urn:pressrelay:press-release:1"
ROOT = f"{{{NAMESPACE}}}release"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"

At = Callable[[etree._Element], str]  # the path of an element

VOID = {"br", "img"}
FORMS = {
    "instant": "a date and time with its zone, such as 2021-03-09T20:15:00+09:00 or …Z",
    "version": "a whole number from 1 to 2147483647",
    "length": "a whole number of bytes",
    "identifier": "1 to 512 characters without white space",
    "line": "at least one character",
    "email": "an e-mail address",
    "mediatype": "a media type such as application/pdf",
    "weburl": "an http or https URL",
    "url": "a URL without white space",
}


def parse(root: etree._Element) -> Parsed:
    """The drafts of a release; an article that breaks the schema is refused with every fault of it.

    Raises Invalid for faults outside any article.
    """
    checked = check("press-release", root, list(root), _form)
    if checked.outside:
        raise Invalid(checked.outside)
    drafts = [
        (index, _article(root, element, index)) for index, element in enumerate(root) if index not in checked.refused
    ]
    return Parsed(tuple(drafts), checked.refused)


TYPES = {
    "guid": "identifier", "issued": "instant", "until": "instant", "version": "version", "length": "length", "email": "email",
    "type": "mediatype", "uri": "weburl", "url": "url", "href": "url", "src": "url", "cite": "url",
}  # fmt: skip
LINES = ("office", "headline", "subheadline", "region", "topic", "keyword", "department", "role", "name", "phone")


def _form(name: str, element: etree._Element | None) -> str:
    if name in LINES and not (element is not None and name == "role" and etree.QName(element).localname == "enclosure"):
        return FORMS["line"]
    return FORMS.get(TYPES.get(name, ""), "")


def _article(root: etree._Element, article: etree._Element, index: int) -> Draft:
    """One article that the schema accepted."""
    here = f"/release/article[{index + 1}]"

    def at(element: etree._Element) -> str:
        return place(element, article, here)

    def child(name: str) -> etree._Element | None:
        return article.find(f"{{{NAMESPACE}}}{name}")

    def text(name: str) -> str:
        found = child(name)
        return "" if found is None else _text(found)

    def all_of(name: str) -> list[etree._Element]:
        return list(article.findall(f"{{{NAMESPACE}}}{name}"))

    def value(element: etree._Element) -> Value:
        return Value(_text(element), element.sourceline or 0, at(element))

    def one(name: str) -> Value:
        element = child(name)
        assert element is not None, f"the schema demands {name}"
        return value(element)

    body = child("body")
    embargo, office, issued, licence = child("embargo"), child("office"), child("issued"), child("licence")
    assert body is not None and issued is not None
    until = embargo.get("until") if embargo is not None else None
    lang = article.get(LANG) or root.get(LANG) or ""
    return Draft(
        mark=Mark(article.sourceline or 0, here),
        guid=one("guid"),
        version=int(article.get("version", "1")),
        lang=Value(lang, article.sourceline or 0, f"{here}/@xml:lang"),
        office=None if office is None else value(office),
        kind=article.get("kind", "press-release").strip(),
        pubstatus=article.get("pubstatus", "usable").strip(),
        headline=one("headline"),
        subheadlines=tuple(map(_text, all_of("subheadline"))),
        summary=text("summary"),
        body=Value(fragment(body), body.sourceline or 0, at(body)),
        base=article.get(BASE) or root.get(BASE) or "",
        dateline=text("dateline"),
        byline=text("byline"),
        issued=one("issued"),
        issued_weekday=issued.get("weekday", ""),
        embargo=Value(until, embargo.sourceline or 0, f"{at(embargo)}/@until")
        if embargo is not None and until
        else None,
        held=embargo is not None and (embargo.get("held", "").strip() in ("true", "1") or not until),
        embargo_wording="" if embargo is None else _text(embargo),
        regions=_terms(all_of("region"), at),
        topics=_terms(all_of("topic"), at),
        keywords=tuple(map(_text, all_of("keyword"))),
        contacts=tuple(map(_contact, all_of("contact"))),
        enclosures=tuple(_enclosure(element, at) for element in all_of("enclosure")),
        licence_uri="" if licence is None else licence.get("uri", ""),
        licence_text="" if licence is None else _text(licence),
        related=tuple(_related(element, at) for element in all_of("related")),
        note=text("note"),
    )


def _text(element: etree._Element) -> str:
    return "".join(element.itertext())


def _terms(elements: list[etree._Element], at: At) -> tuple[DraftTerm, ...]:
    return tuple(DraftTerm(_text(element), element.sourceline or 0, at(element)) for element in elements)


def _contact(element: etree._Element) -> DraftContact:
    def part(name: str) -> str:
        return element.findtext(f"{{{NAMESPACE}}}{name}") or ""

    return DraftContact(part("department"), part("role"), part("name"), part("phone"), part("email"))


def _enclosure(element: etree._Element, at: At) -> DraftEnclosure:
    licence = element.find(f"{{{NAMESPACE}}}licence")
    return DraftEnclosure(
        url=Value(element.get("url", ""), element.sourceline or 0, f"{at(element)}/@url"),
        type=element.get("type", ""),
        length=int(element.get("length", "0")) if element.get("length") else None,
        role=element.get("role", "document").strip(),
        caption=element.findtext(f"{{{NAMESPACE}}}caption") or "",
        lang=element.get(LANG) or "",
        licence_uri="" if licence is None else licence.get("uri", ""),
        licence_text="" if licence is None else _text(licence),
        has_licence=licence is not None,
    )


def _related(element: etree._Element, at: At) -> DraftRelated:
    url = element.get("url")
    where = Value(url, element.sourceline or 0, f"{at(element)}/@url") if url else None
    return DraftRelated(_text(element), element.get("guid", ""), where)


def fragment(body: etree._Element) -> str:
    """The body as XHTML without namespace; only void elements are closed in their start tag."""
    parts: list[str] = []
    write: Callable[[str], None] = parts.append

    def element(node: etree._Element) -> None:
        name = etree.QName(node).localname
        attributes = "".join(f" {key}={quoteattr(str(value))}" for key, value in node.attrib.items())
        if name in VOID:
            write(f"<{name}{attributes}/>")
            return
        write(f"<{name}{attributes}>{escape(node.text or '')}")
        children(node)
        write(f"</{name}>")

    def children(node: etree._Element) -> None:
        for inner in node:
            element(inner)
            write(escape(inner.tail or ""))

    children(body)
    return "".join(parts).strip()
