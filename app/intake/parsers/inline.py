"""The text inside a NewsML-G2 item: which of its renditions is read, and as what; else why none is.

https://iptc.org/std/NewsML-G2/guidelines/#content-set
"""

import re
from html import escape

from lxml import etree

from app.intake.draft import Value
from app.intake.parsers import blocks, ours
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.concepts import constrained, speaks
from app.intake.parsers.tree import place

XHTML = "{http://www.w3.org/1999/xhtml}"
PLAIN = ("", "text/plain")


def read(item: etree._Element, lang: str, headline: str) -> Value | str:
    """XHTML before NITF before plain text, of the renditions in the item's language; else the reason why none is read.

    `headline`: left out where the body begins with it again.
    """
    sets = item.findall(f"{NAR}contentSet")
    renditions = [one for part in sets for one in part if one.tag in (f"{NAR}inlineXML", f"{NAR}inlineData")]
    free = [one for one in renditions if not constrained(one)]
    if renditions and not free:
        return "it has a pubconstraint, and what that means cannot be known here"
    spoken = [one for one in free if speaks(one, lang)] or free
    for way in (_xhtml, _nitf, _data):
        for element in spoken:
            source = way(element, headline)
            if source:
                return Value(source, element.sourceline or 0, place(element))
    if renditions:
        return "; ".join(dict.fromkeys(map(_why, renditions)))
    if any(part.find(f"{NAR}remoteContent") is not None for part in sets):
        return "it only refers to remote content"
    return "it has no contentSet with inlineXML or inlineData"


def contents(element: etree._Element) -> list[etree._Element]:
    """The body.content of NITF inside; not those that a footnote or a note has within."""
    found = element.iterfind(".//{*}body.content")
    return [one for one in found if not any(above.tag == one.tag for above in one.iterancestors())]


def nitf_text(item: etree._Element, *names: str) -> str:
    """The first of these elements of an NITF document inside that has words; on one line."""
    for name in names:
        for found in item.iterfind(f"{NAR}contentSet/{NAR}inlineXML//{{*}}{name}"):
            if words := " ".join("".join(found.itertext()).split()):
                return words
    return ""


def _xhtml(element: etree._Element, headline: str) -> str:
    """A document, a body, or elements; a document may have forgotten its namespace and then stands in NewsML's."""
    if element.tag != f"{NAR}inlineXML" or not len(element):
        return ""
    root = element[0]
    is_html = str(root.tag).startswith(XHTML) or etree.QName(root).localname == "html"
    if not is_html:
        return ""
    body = next(root.iter("{*}body"), None)
    if body is None:
        return "" if etree.QName(root).localname == "html" else ours.outer(element)
    return _without(body, headline)


def _without(body: etree._Element, headline: str) -> str:
    """An article's headline is no part of its body, whose headings begin with the second level."""
    source = ours.fragment(body)
    first = body[0] if len(body) and not (body.text or "").strip() else None
    if first is not None and etree.QName(first).localname == "h1" and _words(first) == " ".join(headline.split()):
        source = re.sub(r"^<h1\b.*?</h1>", "", source, count=1, flags=re.DOTALL)
    return re.sub(r"<(/?)h1(?=[\s>])", r"<\1h2", source).strip()


def _nitf(element: etree._Element, _: str) -> str:
    return "".join(map(blocks.xhtml, contents(element))) if element.tag == f"{NAR}inlineXML" else ""


def _data(element: etree._Element, _: str) -> str:
    """HTML, or plain text whose paragraphs are parted by a blank line."""
    if element.tag != f"{NAR}inlineData" or _encoded(element):
        return ""
    text, type = "".join(element.itertext()), _type(element)
    if "html" in type:
        return text.strip()
    if type not in PLAIN:
        return ""
    return "".join(f"<p>{escape(part.strip(), quote=False)}</p>" for part in re.split(r"\n\s*\n", text) if part.strip())


def _why(element: etree._Element) -> str:
    """Why a rendition is not read."""
    if element.tag == f"{NAR}inlineXML":
        if not len(element):
            return "its inlineXML is empty"
        name = str(etree.QName(element[0]).localname)
        if name in ("html", "nitf") or str(element[0].tag).startswith(XHTML):
            return f"the <{name}> in its inlineXML has no text in a body"
        return f"its inlineXML has <{name[:40]}>, which is neither XHTML nor NITF"
    if _encoded(element):
        return "its inlineData is encoded"
    if _type(element) not in PLAIN and "html" not in _type(element):
        return f"its inlineData is of the type {_type(element)[:60]!r}, not text/plain or text/html"
    return "its inlineData is empty"


def _encoded(element: etree._Element) -> bool:
    return bool(element.get("encoding") or element.get("encodinguri"))


def _type(element: etree._Element) -> str:
    return str(element.get("contenttype", "").partition(";")[0].strip().lower())


def _words(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())
