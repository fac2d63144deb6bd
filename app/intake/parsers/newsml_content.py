"""Reads what a NewsML-G2 item says and shows: the rendition that becomes its text, its pictures, and its places, topics and keywords.

https://iptc.org/std/NewsML-G2/guidelines/#content-set, #pictures, #controlled-values
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from lxml import etree
from msgspec import Struct

from app.intake.draft import DraftEnclosure, DraftTerm, Value
from app.intake.parsers import blocks, files, terms, tree
from app.intake.parsers.catalogs import NAR, Catalogs
from app.intake.parsers.tree import base_of, joined, lang_of, place
from feeds import ALL_RIGHTS_RESERVED
from schemas import UnknownCode, codes

XHTML = "{http://www.w3.org/1999/xhtml}"
PLAIN = ("", "text/plain")
NATURE, PICTURES = "/newscodes/ninature", ("picture", "graphic")
RENDITIONS = ("highRes", "baseImage", "fullHD", "web", "viewImage", "preview")  # the largest first
REUTERS_PLACES = ("cptType:5", "cpType:5")  # Reuters' catalog is not public


def rendition_text(item: etree._Element, lang: str, headline: str) -> Value | str:
    """The text of a rendition in the item's language: XHTML if there is any, else NITF, else plain text or HTML. If none can be read,
    the reason as the end of a sentence.

    `headline`: removed from the beginning of the body if it is repeated there.
    """
    sets = item.findall(f"{NAR}contentSet")
    renditions = [
        rendition for part in sets for rendition in part if rendition.tag in (f"{NAR}inlineXML", f"{NAR}inlineData")
    ]
    free = [rendition for rendition in renditions if not constrained(rendition)]
    if renditions and not free:
        return "it has a pubconstraint, which this server cannot interpret"
    spoken = [rendition for rendition in free if speaks(rendition, lang)] or free
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
    """The body.content elements of NITF inside, without those nested in a footnote or a note."""
    found = element.iterfind(".//{*}body.content")
    return [content for content in found if not any(above.tag == content.tag for above in content.iterancestors())]


def nitf_text(item: etree._Element, *names: str) -> str:
    """The text, on one line, of the first element with one of these names and with text in an NITF document inside the item."""
    for name in names:
        for found in item.iterfind(f"{NAR}contentSet/{NAR}inlineXML//{{*}}{name}"):
            if words := " ".join("".join(found.itertext()).split()):
                return words
    return ""


def _xhtml(element: etree._Element, headline: str) -> str:
    """The source of an XHTML document, a body, or elements. A document without a namespace declaration is in NewsML's namespace."""
    if element.tag != f"{NAR}inlineXML" or not len(element):
        return ""
    root = element[0]
    is_html = str(root.tag).startswith(XHTML) or etree.QName(root).localname == "html"
    if not is_html:
        return ""
    body = next(root.iter("{*}body"), None)
    if body is None:
        return "" if etree.QName(root).localname == "html" else tree.outer(element)
    return _without(body, headline)


def _without(body: etree._Element, headline: str) -> str:
    """The body without a repeated headline, and with h1 replaced by h2: headings in a body begin at the second level."""
    source = tree.fragment(body)
    first = body[0] if len(body) and not (body.text or "").strip() else None
    if first is not None and etree.QName(first).localname == "h1" and _words(first) == " ".join(headline.split()):
        source = re.sub(r"^<h1\b.*?</h1>", "", source, count=1, flags=re.DOTALL)
    return re.sub(r"<(/?)h1(?=[\s>])", r"<\1h2", source).strip()


def _nitf(element: etree._Element, _: str) -> str:
    return "".join(map(blocks.xhtml, contents(element))) if element.tag == f"{NAR}inlineXML" else ""


def _data(element: etree._Element, _: str) -> str:
    """The source of HTML; or of plain text, with a blank line between paragraphs."""
    if element.tag != f"{NAR}inlineData" or _encoded(element):
        return ""
    text, type = "".join(element.itertext()), _type(element)
    if "html" in type:
        return text.strip()
    if type not in PLAIN:
        return ""
    return "".join(f"<p>{escape(part.strip(), quote=False)}</p>" for part in re.split(r"\n\s*\n", text) if part.strip())


def _why(element: etree._Element) -> str:
    """Why a rendition cannot be read."""
    if element.tag == f"{NAR}inlineXML":
        if not len(element):
            return "its inlineXML is empty"
        name = str(etree.QName(element[0]).localname)
        if name in ("html", "nitf") or str(element[0].tag).startswith(XHTML):
            return f"the <{name}> in its inlineXML has no text in a body"
        return f"its inlineXML contains <{name[:40]}>, which is neither XHTML nor NITF"
    if _encoded(element):
        return "its inlineData is encoded"
    if _type(element) not in PLAIN and "html" not in _type(element):
        return f"its inlineData has the type {_type(element)[:60]!r}; expected text/plain or text/html"
    return "its inlineData is empty"


def _encoded(element: etree._Element) -> bool:
    return bool(element.get("encoding") or element.get("encodinguri"))


def _type(element: etree._Element) -> str:
    return str(element.get("contenttype", "").partition(";")[0].strip().lower())


def _words(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


class Pictures:
    """The pictures among the items of a document: each becomes an enclosure of the text items that refer to it."""

    def __init__(self, items: Sequence[etree._Element]) -> None:
        self._items = {item.get("guid", "").strip(): item for item in items if len(items) > 1 and _is_picture(item)}
        self.used: set[str] = set()

    def of(self, item: etree._Element, warnings: list[str]) -> Iterator[DraftEnclosure]:
        """The pictures that an item refers to by `residref`. One that is under embargo, or that has no file, is left out."""
        if not self._items:
            return
        named = (element.get("residref", "").strip() for element in item.iter() if element.get("residref"))
        for guid in dict.fromkeys(named):
            picture = self._items.get(guid)
            if picture is None or picture is item:
                continue
            file = _file(picture) if _free(picture) else None
            if file is None:
                warnings.append(
                    f"The picture {guid[:100]} was left out, because it is not usable or has no file on the web."
                )
                continue
            self.used.add(guid)
            warnings.append(f"The picture {guid[:100]} became a file of this article.")
            yield file


def _is_picture(item: etree._Element) -> bool:
    element = item.find(f"{NAR}itemMeta/{NAR}itemClass")
    scheme, code = ("", "") if element is None else Catalogs(item).concept(element)
    return scheme.rstrip("/").endswith(NATURE) and code in PICTURES


def _free(item: etree._Element) -> bool:
    """Whether a picture may be published now."""
    status = item.find(f"{NAR}itemMeta/{NAR}pubStatus")
    usable = status is None or Catalogs(item).concept(status)[1] == "usable"
    return usable and item.find(f"{NAR}itemMeta/{NAR}embargoed") is None


def _file(item: etree._Element) -> DraftEnclosure | None:
    found = [
        (element, url)
        for element in item.iterfind(f"{NAR}contentSet/{NAR}remoteContent")
        if not constrained(element) and blocks.fetchable(url := joined(base_of(element), element.get("href", "")))
    ]
    if not found:
        return None
    element, url = min(found, key=lambda one: _rank(one[0]))
    type = files.media_type(url, element.get("contenttype", ""))
    described = item.findall(f"{NAR}contentMeta/{NAR}description")
    captions = [text for text in described if text.get("role", "").rpartition(":")[2] == "caption"] or described
    words = next((" ".join(tree.text(text).split()) for text in captions), "")
    words = words or " ".join((item.findtext(f"{NAR}contentMeta/{NAR}headline") or "").split())
    credit = " ".join((item.findtext(f"{NAR}contentMeta/{NAR}creditline") or "").split())
    usage = " ".join((item.findtext(f"{NAR}rightsInfo/{NAR}usageTerms") or "").split())
    return DraftEnclosure(
        url=Value(url, element.sourceline or 0, f"{place(element)}/@href"),
        type="image/jpeg" if type == files.UNKNOWN else type,
        length=files.length(element.get("size", "")),
        role="photo",
        caption=f"{words} ({credit})" if words and credit else words or credit,
        lang="",
        licence_uri="",
        licence_text="" if usage == ALL_RIGHTS_RESERVED else usage,
        has_licence=bool(usage),
    )


def _rank(element: etree._Element) -> int:
    code = element.get("rendition", "").rpartition(":")[2]
    return RENDITIONS.index(code) if code in RENDITIONS else len(RENDITIONS)


class Concepts(Struct, frozen=True):
    """The classifications of an item, in its order."""

    regions: tuple[DraftTerm, ...]
    topics: tuple[DraftTerm, ...]
    keywords: tuple[str, ...]


def classified(elements: Iterable[etree._Element], catalogs: Catalogs, lang: str) -> Concepts:
    """The classifications in `located` and `subject` elements. Terms that our tables do not know later become keywords, with a warning
    (app/intake/normalize.py)."""
    regions: list[DraftTerm] = []
    topics: list[DraftTerm] = []
    keywords: list[str] = []
    for element in elements:
        # A faceted subject (2.32): the main concept counts, and its facets become keywords.
        main = element.find(f"{NAR}mainConcept")
        subject = element if main is None else main
        keywords += filter(None, (name(facet, lang) for facet in element.findall(f"{NAR}facetConcept")))
        kind, written = _known(subject, catalogs)
        called = name(subject, lang) or subject.get("literal", "") or catalogs.concept(subject)[1]
        if kind == "keyword" and not called:
            continue
        is_place = kind == "region" or (kind == "keyword" and _is_place(element, catalogs))
        own = kind != "keyword" and _own(subject, catalogs)
        term = DraftTerm(
            called if kind == "keyword" else written, element.sourceline or 0, place(element), not own, called
        )
        (regions if is_place else topics).append(term)
        if is_place and kind == "keyword":
            regions += _above(subject, catalogs, called, lang)
    return Concepts(tuple(regions), tuple(topics), tuple(keywords))


def name(element: etree._Element, lang: str) -> str:
    """The name of a concept or party in a language; else its first name."""
    names = element.findall(f"{NAR}name")
    first = next((candidate for candidate in names if speaks(candidate, lang)), names[0] if names else None)
    return "" if first is None else " ".join("".join(first.itertext()).split())


def speaks(element: etree._Element, lang: str) -> bool:
    """Whether an element is in a language or does not give its language. Only the first subtags are compared."""
    own = lang_of(element)
    return not own or not lang or own.lower().split("-")[0] == lang.lower().split("-")[0]


def constrained(element: etree._Element) -> bool:
    """Whether the element or an element around it has a pubconstraint, which applies to everything inside."""
    around = (element, *element.iterancestors())
    return any(outer.get("pubconstraint") or outer.get("pubconstrainturi") for outer in around)


def _known(element: etree._Element, catalogs: Catalogs) -> tuple[terms.Kind, str]:
    """(kind, text) of a concept by its own scheme, or by the scheme of a concept declared to be the same; else a keyword."""
    for concept in (element, *element.findall(f"{NAR}sameAs")):
        scheme, code = catalogs.concept(concept)
        kind, text, _ = terms.term(scheme, code)
        if kind != "keyword" and code:
            return kind, text
    return "keyword", ""


def _own(element: etree._Element, catalogs: Catalogs) -> bool:
    """Whether the code is from our own vocabulary, so that it must be known."""
    return terms.term(*catalogs.concept(element))[2]


def _is_place(element: etree._Element, catalogs: Catalogs) -> bool:
    if element.tag == f"{NAR}located":
        return True
    if element.get("type", "") in REUTERS_PLACES:
        return True
    scheme, code = catalogs.resolve(element.get("type", ""))
    return code == "geoArea" and scheme.rstrip("/").endswith("/cpnature")


def _above(element: etree._Element, catalogs: Catalogs, called: str, lang: str) -> Iterator[DraftTerm]:
    """The nearest known place around an unknown one: Germany, if Berlin were not in our table."""
    if _unmistakable(called):
        return
    for wider in element.findall(f"{NAR}broader"):
        kind, text = _known(wider, catalogs)
        if kind == "region":
            yield DraftTerm(text, wider.sourceline or 0, place(wider), soft=True, name=name(wider, lang) or text)
            return


def _unmistakable(name: str) -> bool:
    """Whether the name belongs to exactly one region."""
    regions = codes("region")
    if not regions.knows(name):
        return False
    try:
        regions.resolve(name)
    except UnknownCode:
        return False
    return True
