"""Bytes to a tree, or one clear refusal before it costs anything. https://www.w3.org/TR/xml/, https://www.rfc-editor.org/rfc/rfc7303

Decoded here and not by libxml2: it would take UTF-7 and mistake CP949 called EUC-KR for an error. No DOCTYPE, so no entities.
"""

import codecs
import re
from functools import cache

from lxml import etree

from app.errors import Fault, Problem
from app.text.characters import NOT_XML

LATIN = "cp1252"
ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    # What calls itself EUC-KR in Korea is CP949, its superset.
    **dict.fromkeys(
        ("euc-kr", "euckr", "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "ks_c_5601", "korean"), "cp949"
    ),
    **dict.fromkeys(("cp949", "ms949", "x-windows-949", "windows-949", "uhc", "x-uhc"), "cp949"),
    # And what calls itself Latin-1 anywhere is windows-1252. https://encoding.spec.whatwg.org/#names-and-labels
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252", "us-ascii", "ascii"), LATIN),
}
BOMS = (
    (codecs.BOM_UTF32_LE, ""),  # before UTF-16, whose mark it begins with; not taken
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ACCEPTED = "UTF-8, UTF-16 with a byte order mark, EUC-KR (CP949) or ISO-8859-1 (windows-1252)"
MAX_ELEMENTS = 400_000  # 1,000 articles of 400
MAX_CHILDREN = 10_000  # of one element: what libxml2 tells of each is found by counting its siblings
MAX_ALL_ATTRIBUTES = 200_000  # of the whole document
# What could be wrong in each element and attribute, times its siblings before it: libxml2 counts them for the path of each fault.
MAX_COUNTED = 80_000_000
WIDE = 300  # children; fewer are counted quickly
# By XPath, in C: to touch .attrib of 200,000 attributes takes a minute with the GIL held.
ELEMENTS, ATTRIBUTES = etree.XPath("count(//*)"), etree.XPath("count(//@*)")
TOO_WIDE, IS_WIDE = etree.XPath(f"//*[*[{MAX_CHILDREN + 1}]]"), etree.XPath(f"//*[*[{WIDE + 1}]]")
MAX_NAMESPACES = 5_000  # declarations in the whole document

CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
DECLARED = re.compile(rb"<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([^\"'>]{0,60})[\"']")
DECLARATION = re.compile(
    r"<\?xml\s+version\s*=\s*(?:\"1\.\d+\"|'1\.\d+')"
    r"(?:\s+encoding\s*=\s*(?:\"[\w.-]+\"|'[\w.-]+'))?(?:\s+standalone\s*=\s*(?:\"(?:yes|no)\"|'(?:yes|no)'))?\s*\?>",
    re.ASCII,
)
# Comments, instructions and white space before it; atomic groups keep this linear.
DOCTYPE = re.compile(r"\s*+(?>(?><!--.*?-->|<\?.*?\?>)\s*+)*+<!DOCTYPE", re.DOTALL)
LIMITS = {  # what libxml2 refuses by its own limits
    etree.ErrorTypes.ERR_RESOURCE_LIMIT,
    etree.ErrorTypes.ERR_NAME_TOO_LONG,
    etree.ErrorTypes.ERR_ENTITY_LOOP,
}


def read(
    body: bytes,
    content_type: str,
    *,
    max_depth: int = 100,
    max_elements: int = MAX_ELEMENTS,
    max_attributes: int = 64,
) -> etree._Element:
    """The root of a document without DOCTYPE, comments and instructions, within the limits. Raises Problem."""
    if not body.strip():
        raise Problem(400, "empty-body", "Nothing was sent", "The request has no body; send one XML document.")
    text = _plain(_decode(body, content_type))
    data = text.encode()
    _count("elements", data.count(b"<") - data.count(b"</"), max_elements)
    _count("namespace declarations", data.count(b"xmlns"), MAX_NAMESPACES)
    root = _parse(data)
    _shape(root, max_depth, max_elements, max_attributes)
    return root


def _decode(body: bytes, content_type: str) -> str:
    """By byte order mark, else the charset parameter, else the XML declaration, else UTF-8 (RFC 7303, 3)."""
    for bom, codec in BOMS:
        if body.startswith(bom):
            return _strictly(body, len(bom), codec, "its byte order mark")
    if charset := CHARSET.search(content_type):
        return _strictly(body, 0, ENCODINGS.get(charset[1].lower(), ""), "Content-Type", charset[1])
    if declared := DECLARED.match(body):
        name = declared[1].decode("ascii", "replace")
        return _strictly(body, 0, ENCODINGS.get(name.lower(), ""), "the XML declaration", name)
    if body.startswith((b"<\0", b"\0<")):
        return _strictly(body, 0, "", "its first bytes", "UTF-16 or UTF-32 without a byte order mark")
    return _strictly(body, 0, "utf-8", "default")


def _strictly(body: bytes, start: int, codec: str, source: str, name: str = "") -> str:
    if not codec:
        shown = f"{name[:60]!r}" if name else "The encoding"
        detail = f"{shown} (by {source}) is not an encoding we read; send {ACCEPTED}."
        raise Problem(415, "unsupported-encoding", "Unsupported encoding", detail, errors=[Fault(detail, line=1)])
    if codec == LATIN and not body.isascii() and _is_utf8(body):
        # Nearly any bytes are Latin-1; these are UTF-8, and would be kept as "ê°" and the like for ever.
        reason = f"The document is {name or codec!r} by {source}, but its bytes are UTF-8."
        line = body[: next(at for at, byte in enumerate(body) if byte > 127)].count(b"\n") + 1
        raise Problem(
            422, "bad-encoding", "The bytes do not match the encoding", reason, errors=[Fault(reason, line=line)]
        )
    try:
        return body[start:].decode(codec)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(codec, "replace")
        reason = (
            f"Byte {start + error.start} (counted from 0) is not {name or codec.upper()}, the encoding by {source}."
        )
        fault = Fault(reason, line=before.count("\n") + 1)
        raise Problem(422, "bad-encoding", "The bytes do not match the encoding", reason, errors=[fault]) from None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(text: str) -> str:
    """The text without its XML declaration, with every line and column where it was."""
    declaration = DECLARATION.match(text)
    if declaration:
        text = re.sub(r"[^\r\n]", " ", declaration[0]) + text[declaration.end() :]
    elif re.match(r"<\?xml\s", text):
        raise _malformed('The XML declaration is not of the form <?xml version="1.0" encoding="UTF-8"?>.', 1)
    elif re.match(r"\s+<\?xml\s", text):
        raise _malformed("White space stands before the XML declaration; it must be the very first thing.", 1)
    if bad := NOT_XML.search(text):
        before = text[: bad.start()]
        reason = (
            f"The character U+{ord(bad[0]):04X} (column {bad.start() - before.rfind(chr(10))}) is not allowed in XML."
        )
        fault = Fault(reason, line=before.count("\n") + 1)
        raise Problem(422, "forbidden-character", "A character that XML forbids", reason, errors=[fault])
    if doctype := DOCTYPE.match(text):
        reason = "The document has a DOCTYPE; none is read, and no entity besides &amp; &lt; &gt; &quot; &apos;."
        fault = Fault(reason, line=text.count("\n", 0, doctype.end()) + 1)
        raise Problem(422, "doctype-forbidden", "DOCTYPE is not allowed", reason, errors=[fault])
    return text


def _parse(data: bytes) -> etree._Element:
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
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = (error.lineno or 1) if data.strip() else 1
        if error.code in LIMITS or "huge" in str(error) or "xcessive depth" in str(error):
            raise _too_complex(
                "The document is nested too deeply, or holds a text or name that is too long.", line
            ) from None
        raise _malformed(_sentence(error), line) from None
    if root.getroottree().docinfo.doctype:  # cannot be: _plain refused it
        raise Problem(422, "doctype-forbidden", "DOCTYPE is not allowed")
    return root


def _sentence(error: etree.XMLSyntaxError) -> str:
    message = re.sub(r", line \d+, column \d+.*", "", str(error.msg), flags=re.DOTALL).strip()
    if "Start tag expected" in message:
        return "This is not XML: it does not begin with a tag."
    if entity := re.match(r"Entity '(.+)' not defined", message):
        return f"The entity &{entity[1]}; is not defined in XML; write the character itself."
    return f"{message}."


def _shape(root: etree._Element, max_depth: int, max_elements: int, max_attributes: int) -> None:
    _count("elements", int(ELEMENTS(root)), max_elements)
    if _deeper(max_depth)(root):
        raise _too_complex(f"Elements are nested more than {max_depth} deep.", 0)
    wide = TOO_WIDE(root)
    if wide:
        raise _too_complex(f"An element has more than {MAX_CHILDREN} children.", wide[0].sourceline or 0)
    _count("attributes", int(ATTRIBUTES(root)), MAX_ALL_ATTRIBUTES)
    _siblings(root)
    many = _more(max_attributes)(root)
    if many:
        raise _too_complex(f"An element has more than {max_attributes} attributes.", many[0].sourceline or 0)


@cache
def _deeper(depth: int) -> etree.XPath:
    """Finds elements that are nested more than so many deep."""
    return etree.XPath("/*" * (depth + 1))


@cache
def _more(attributes: int) -> etree.XPath:
    """Finds elements with more than so many attributes."""
    return etree.XPath(f"//*[@*[{attributes + 1}]]")


def _siblings(root: etree._Element) -> None:
    counted = 0
    for parent in IS_WIDE(root):
        counted += len(parent) * (len(parent) + int(parent.xpath("count(*/@*)"))) // 2
        if counted > MAX_COUNTED:
            raise _too_complex(
                f"Too many elements have more than {WIDE} children, or the children too many attributes: part them.",
                parent.sourceline or 0,
            )


def _count(what: str, number: int, most: int) -> None:
    if number > most:
        raise _too_complex(f"The document has {number} {what}; at most {most} are read.", 0)


def _malformed(reason: str, line: int) -> Problem:
    return Problem(400, "not-well-formed", "Not well-formed XML", reason, errors=[Fault(reason, line=line)])


def _too_complex(reason: str, line: int) -> Problem:
    return Problem(422, "too-complex", "The document is too complex", reason, errors=[Fault(reason, line=line)])
