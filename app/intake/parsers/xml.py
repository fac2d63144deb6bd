"""Parses bytes into a tree, or refuses them early with one clear reason.
https://www.w3.org/TR/xml/, https://www.rfc-editor.org/rfc/rfc7303

The bytes are decoded by app/intake/parsers/encodings.py and not by libxml2, which accepts UTF-7 and rejects CP949 that is labelled
EUC-KR. A DOCTYPE that only names an external one is dropped unread; every other DOCTYPE is refused. So the sender cannot define
entities.
"""

import re
from functools import cache
from html.entities import name2codepoint

from lxml import etree
from msgspec import Struct

from app.errors import Fault, Problem
from app.intake.parsers.encodings import Leniency, decode
from app.text.characters import NOT_XML

MAX_ELEMENTS = 60_000  # 1,000 articles of 60; reading so many takes a core about a second
MAX_PARTS = (
    20_000  # regions, topics, contacts, files and so on of all articles; also elements that are named as these are
)
MAX_CHILDREN = 10_000  # of one element, because libxml2 counts the siblings before an element to name its path
MAX_ALL_ATTRIBUTES = 200_000  # of the whole document
# Possible faults (elements and attributes), each times the siblings before it, which libxml2 counts for the path of the fault.
MAX_COUNTED = 80_000_000
WIDE = 300  # children; fewer are counted fast enough
MAX_NAME = (
    200  # characters of the name of an element or attribute, because each fault has the names of all elements above it
)
# Named as the dialects name what becomes a region, a topic, a keyword, a contact, a file or a related article. Each costs more than
# another element, so they are counted before any is read.
PARTS = tuple(
    f"{{*}}{name}"
    for name in (
        *("author", "category", "contact", "content", "contributor", "creator", "enclosure", "keyword", "link"),
        *("region", "related", "remoteContent", "subject", "thumbnail", "topic"),
    )
)
# XPath runs in C. Reading .attrib of 200,000 attributes in Python takes a minute and holds the GIL.
ELEMENTS, ATTRIBUTES = etree.XPath("count(//*)"), etree.XPath("count(//@*)")
TOO_WIDE, IS_WIDE = etree.XPath(f"//*[*[{MAX_CHILDREN + 1}]]"), etree.XPath(f"//*[*[{WIDE + 1}]]")
LONG_NAME = etree.XPath(f"(//*[string-length(name()) > {MAX_NAME}] | //@*[string-length(name()) > {MAX_NAME}]/..)[1]")
MAX_NAMESPACES = 5_000  # declarations in the whole document

DECLARATION = re.compile(
    r"<\?xml\s+version\s*=\s*(?:\"1\.\d+\"|'1\.\d+')"
    r"(?:\s+encoding\s*=\s*(?:\"[\w.-]+\"|'[\w.-]+'))?(?:\s+standalone\s*=\s*(?:\"(?:yes|no)\"|'(?:yes|no)'))?\s*\?>",
    re.ASCII,
)
BEFORE = " \t\r\n\ufeff"  # what may stand before the declaration, though XML allows nothing
# Comments, instructions and white space may come before it. Atomic groups keep the match linear.
PROLOG = r"\s*+(?>(?><!--.*?-->|<\?.*?\?>)\s*+)*+"
DOCTYPE = re.compile(PROLOG + "(<!DOCTYPE)", re.DOTALL)
# One that names a document type elsewhere and declares nothing itself. Its literals are bounded.
EXTERNAL = re.compile(
    r"""<!DOCTYPE\s++[\w.:-]{1,100}\s++(?:PUBLIC\s++(?:"[^"<>]{0,200}"|'[^'<>]{0,200}')(?:\s*+(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'))?
    |SYSTEM\s++(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'))\s*+>""",
    re.VERBOSE,
)
# Document types that define HTML's named entities: XHTML, RSS 0.91, and the IPTC's with HTML inside.
WITH_ENTITIES = re.compile(r"xhtml|rss|nitf|newsml", re.IGNORECASE)
# The text is read from left to right, so that what looks like an entity in a CDATA section or a comment stays as it is.
NAMED = re.compile(
    r"<!\[CDATA\[(?>.*?\]\]>|.*)|<!--(?>.*?-->|.*)|<\?(?>.*?\?>|.*)|&([A-Za-z][A-Za-z0-9]{1,7});", re.DOTALL
)
PREDEFINED = {"amp", "lt", "gt", "quot", "apos"}
LIMITS = {  # errors of libxml2's own limits
    etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    etree.ErrorTypes.ERR_NAME_TOO_LONG,
    etree.ErrorTypes.ERR_ENTITY_LOOP,
}


class XmlDocument(Struct, frozen=True):
    """A parsed document."""

    root: etree._Element  # without comments and instructions
    data: bytes  # the text that was parsed, in UTF-8
    lenient: tuple[
        Leniency, ...
    ] = ()  # faults that are only warnings in a foreign dialect; our own dialect refuses them


def read(
    body: bytes,
    content_type: str,
    *,
    max_depth: int = 100,
    max_elements: int = MAX_ELEMENTS,
    max_attributes: int = 64,
    base: str = "",
) -> XmlDocument:
    """Parse a document. Raises Problem if it has a DOCTYPE with declarations or breaks a limit.

    `base`: the URL that it was fetched from; relative links are resolved against it.
    """
    if not body.strip():
        raise Problem(400, "empty-body", "Nothing was sent", "The request has no body. Send one XML document.")
    decoded = decode(body, content_type)
    text, lenient = _plain(decoded.text)
    data = text.encode()
    _count("elements", data.count(b"<") - data.count(b"</"), max_elements)
    _count("namespace declarations", data.count(b"xmlns"), MAX_NAMESPACES)
    root = _parse(data, base)
    _shape(root, max_depth, max_elements, max_attributes)
    return XmlDocument(root, data, (*decoded.lenient, *lenient))


def _plain(text: str) -> tuple[str, list[Leniency]]:
    """The text with its XML declaration and an external DOCTYPE replaced by spaces, so that lines stay the same, and what was wrong
    with them. Raises Problem."""
    lenient: list[Leniency] = []
    bare = text.lstrip(BEFORE)
    before, text = text[: len(text) - len(bare)], bare
    if text.startswith("<?xml") and before.strip("\ufeff"):
        reason = "There is white space before the XML declaration."
        problem = _malformed(f"{reason} The declaration must come first.", 1)
        lenient.append(Leniency(f"{reason} It was skipped.", problem))
    blank = before.replace("\ufeff", "")
    declaration = DECLARATION.match(text)
    if declaration:
        text = _spaces(declaration[0]) + text[declaration.end() :]
    elif re.match(r"<\?xml\s", text):
        raise _malformed('The XML declaration must have the form <?xml version="1.0" encoding="UTF-8"?>.', 1)
    text = blank + text
    if bad := NOT_XML.search(text):
        before = text[: bad.start()]
        reason = (
            f"The character U+{ord(bad[0]):04X} (column {bad.start() - before.rfind(chr(10))}) is not allowed in XML."
        )
        fault = Fault(reason, line=before.count("\n") + 1)
        raise Problem(422, "forbidden-character", "A character that XML forbids", reason, errors=[fault])
    if found := DOCTYPE.match(text):
        text, dropped = _without_doctype(text, found.start(1))
        lenient.append(dropped)
    return text, lenient


def _without_doctype(text: str, start: int) -> tuple[str, Leniency]:
    """The text without its external DOCTYPE, which is never fetched. Raises Problem if the DOCTYPE has declarations of its own."""
    external = EXTERNAL.match(text, start)
    reason = "The document has a DOCTYPE"
    rest = "Remove it, and use no entities except &amp; &lt; &gt; &quot; &apos;."
    detail = f"{reason}, which is not allowed. {rest}"
    if external is None:
        detail = f"{reason} that is not only the name of an external one, which is not allowed. {rest}"
    problem = Problem(
        422,
        "doctype-forbidden",
        "DOCTYPE is not allowed",
        detail,
        errors=[Fault(detail, line=text.count("\n", 0, start) + 1)],
    )
    if external is None:
        raise problem
    after = text[external.end() :]
    if WITH_ENTITIES.search(external[0]):
        after = NAMED.sub(_character, after)
    return f"{text[:start]}{_spaces(external[0])}{after}", Leniency("", problem)


def _character(entity: re.Match[str]) -> str:
    """A named entity of HTML 4 as a reference by number; everything else as it is."""
    number = name2codepoint.get(entity[1] or "")
    return entity[0] if number is None or entity[1] in PREDEFINED else f"&#{number};"


def _spaces(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _parse(data: bytes, base: str) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    try:
        root = etree.fromstring(data, parser, base_url=base or None)
    except etree.XMLSyntaxError as error:
        line = (error.lineno or 1) if data.strip() else 1
        if error.code in LIMITS or "huge" in str(error) or "xcessive depth" in str(error):
            raise _too_complex(
                "The document is nested too deeply, or contains a text or a name that is too long.", line
            ) from None
        raise _malformed(_sentence(error), line) from None
    if root.getroottree().docinfo.doctype:  # cannot happen, because _plain dropped or refused it
        raise Problem(422, "doctype-forbidden", "DOCTYPE is not allowed")
    return root


def _sentence(error: etree.XMLSyntaxError) -> str:
    message = re.sub(r", line \d+, column \d+.*", "", str(error.msg), flags=re.DOTALL).strip()
    if "Start tag expected" in message:
        return "This is not XML: it does not begin with a tag."
    if entity := re.match(r"Entity '(.+)' not defined", message):
        return f"The entity &{entity[1]}; is not defined in XML. Write the character itself."
    return f"{message}."


def _shape(root: etree._Element, max_depth: int, max_elements: int, max_attributes: int) -> None:
    elements = int(ELEMENTS(root))
    _count("elements", elements, max_elements)
    if elements > MAX_PARTS:
        _count("categories, contacts, files and links", sum(1 for _ in root.iter(*PARTS)), MAX_PARTS)
    if _deeper(max_depth)(root):
        raise _too_complex(f"Elements are nested more than {max_depth} deep.", 0)
    wide = TOO_WIDE(root)
    if wide:
        raise _too_complex(f"An element has more than {MAX_CHILDREN} children.", wide[0].sourceline or 0)
    _count("attributes", int(ATTRIBUTES(root)), MAX_ALL_ATTRIBUTES)
    if long := LONG_NAME(root):
        raise _too_complex(
            f"The name of an element or attribute has more than {MAX_NAME} characters.", long[0].sourceline or 0
        )
    _siblings(root)
    many = _more(max_attributes)(root)
    if many:
        raise _too_complex(f"An element has more than {max_attributes} attributes.", many[0].sourceline or 0)


@cache
def _deeper(depth: int) -> etree.XPath:
    """An XPath that finds elements nested deeper than `depth`."""
    return etree.XPath("/*" * (depth + 1))


@cache
def _more(attributes: int) -> etree.XPath:
    """An XPath that finds elements with more than this number of attributes."""
    return etree.XPath(f"//*[@*[{attributes + 1}]]")


def _siblings(root: etree._Element) -> None:
    counted = 0
    for parent in IS_WIDE(root):
        counted += len(parent) * (len(parent) + int(parent.xpath("count(*/@*)"))) // 2
        if counted > MAX_COUNTED:
            raise _too_complex(
                f"Too many elements have more than {WIDE} children, or their children have too many attributes. Split the document.",
                parent.sourceline or 0,
            )


def _count(what: str, number: int, most: int) -> None:
    if number > most:
        raise _too_complex(f"The document has {number} {what}; at most {most} are allowed.", 0)


def _malformed(reason: str, line: int) -> Problem:
    return Problem(400, "not-well-formed", "Not well-formed XML", reason, errors=[Fault(reason, line=line)])


def _too_complex(reason: str, line: int) -> Problem:
    return Problem(422, "too-complex", "The document is too complex", reason, errors=[Fault(reason, line=line)])
