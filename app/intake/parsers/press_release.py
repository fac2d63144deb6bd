"""Our own dialect, `urn:pressrelay:press-release:1`: docs/press-release-format.md, schemas/xsd/press-release.xsd."""

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import ArticlePlace, Draft, Parsed, Value
from app.intake.parsers import ours, tree
from app.intake.parsers.faults import check
from app.intake.parsers.ours import OURS
from app.intake.parsers.tree import lang_of, own_base, place

ROOT = f"{OURS}release"
ARTICLE = f"{OURS}article"
FORMS = {
    "instant": "a date and time with its zone, such as 2021-03-09T20:15:00+09:00 or …Z",
    "version": "a whole number from 1 to 2147483647",
    "length": "a whole number of bytes",
    "urgency": "a whole number from 1 to 9",
    "silent": "true or false",
    "identifier": "1 to 512 characters without white space",
    "line": "at least one character",
    "email": "an e-mail address",
    "mediatype": "a media type such as application/pdf",
    "weburl": "an http or https URL",
    "url": "a URL without white space",
}


def parse(root: etree._Element) -> Parsed:
    """The drafts of a release; an article that breaks the schema is refused with all its faults.

    Raises Invalid for faults outside the articles.
    """
    checked = check("press-release", root, list(root), _form)
    if checked.outside:
        raise Invalid(checked.outside)
    refused = dict(checked.refused)
    for index, element in enumerate(root):
        # Behind a misplaced element the schema checks each element by itself, and not its place.
        if index not in refused and (loose := _misplaced(element) or _loose(element)):
            refused[index] = (loose,)
    drafts = [(index, _article(root, element, index)) for index, element in enumerate(root) if index not in refused]
    return Parsed(tuple(drafts), refused)


def _misplaced(element: etree._Element) -> Fault | None:
    if element.tag == ARTICLE:
        return None
    name = etree.QName(element).localname
    return Fault(f"<{name}> is not allowed here; expected <article>.", place(element), element.sourceline or 0)


def _loose(article: etree._Element) -> Fault | None:
    """A fault that the schema cannot express: XHTML must be in blocks, and HTML must not be in elements."""
    body = article.find(f"{OURS}body")
    if body is None:
        return None  # The body may come from an HWPX file of the release.
    if body.get("type", "xhtml").strip() == "html":
        wrong = 'has elements. With type="html", write the HTML as text: escaped or in CDATA' if len(body) else ""
    else:
        texts = (body.text, *(child.tail for child in body))
        wrong = "has text outside a block. Put it into <p>" if any(text and text.strip() for text in texts) else ""
        wrong = wrong or ("is empty; expected <p> or another block" if len(body) == 0 else "")
    return Fault(f"<body> {wrong}.", place(body), body.sourceline or 0) if wrong else None


def _body(body: etree._Element) -> str:
    return body.text or "" if body.get("type", "xhtml").strip() == "html" else tree.fragment(body)


TYPES = {
    "guid": "identifier", "issued": "instant", "until": "instant", "version": "version", "length": "length", "email": "email",
    "urgency": "urgency", "silent": "silent",
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

    children: dict[str, list[etree._Element]] = {}
    for element in article:
        children.setdefault(element.tag, []).append(element)

    def child(name: str) -> etree._Element | None:
        found = children.get(f"{OURS}{name}")
        return found[0] if found else None

    def text(name: str) -> str:
        found = child(name)
        return "" if found is None else tree.text(found)

    def all_of(name: str) -> list[etree._Element]:
        return children.get(f"{OURS}{name}", [])

    def value(element: etree._Element) -> Value:
        return Value(tree.text(element), element.sourceline or 0, at(element))

    def required(name: str) -> Value:
        element = child(name)
        assert element is not None, f"the schema demands {name}"
        return value(element)

    body = child("body")
    office, issued, licence = child("office"), child("issued"), child("licence")
    embargo = ours.Embargo(child("embargo"), at)
    assert issued is not None, "the schema demands issued"
    written = Value("", article.sourceline or 0, f"{here}/body")
    if body is not None:
        written = Value(_body(body), body.sourceline or 0, at(body))
    lang = lang_of(article) or lang_of(root)
    return Draft(
        mark=ArticlePlace(article.sourceline or 0, here),
        guid=required("guid"),
        version=int(article.get("version", "1")),
        lang=Value(lang, article.sourceline or 0, f"{here}/@xml:lang"),
        office=None if office is None else value(office),
        kind=article.get("kind", "press-release").strip(),
        pubstatus=article.get("pubstatus", "usable").strip(),
        headline=required("headline"),
        subheadlines=tuple(map(tree.text, all_of("subheadline"))),
        summary=text("summary"),
        body=written,
        base=own_base(article) or own_base(root),
        dateline=text("dateline"),
        byline=text("byline"),
        issued=required("issued"),
        issued_weekday=issued.get("weekday", ""),
        embargo=embargo.until,
        held=embargo.held,
        embargo_wording=embargo.wording,
        wording_decides=embargo.decides,
        says_embargo=embargo.there,
        regions=ours.terms(all_of("region"), at),
        topics=ours.terms(all_of("topic"), at),
        keywords=tuple(map(tree.text, all_of("keyword"))),
        contacts=tuple(map(ours.contact, all_of("contact"))),
        enclosures=tuple(ours.enclosure(element, at) for element in all_of("enclosure")),
        licence_uri="" if licence is None else licence.get("uri", ""),
        licence_text="" if licence is None else tree.text(licence),
        related=tuple(ours.related(element, at) for element in all_of("related")),
        note=text("note"),
        urgency=int(article.get("urgency", "0")),
        slugline=text("slugline"),
        source=text("source"),
        copyright=text("copyright"),
        signal=article.get("signal", "").strip(),
        silent=article.get("silent", "false").strip() in ("true", "1"),
    )
