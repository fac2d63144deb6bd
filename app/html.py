"""The body: HTML of any origin in, a safe and well-formed XHTML fragment and its plain-text twin out."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import lxml.html
import nh3
from lxml import etree
from msgspec import Struct

TAGS = {
    "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr",
    "th", "td", "a", "em", "strong", "b", "i", "u", "s", "blockquote", "q", "cite", "img", "br", "hr", "figure", "figcaption", "sub",
    "sup", "span", "div", "pre", "code", "abbr",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
    "ol": {"start"},
    "blockquote": {"cite"},
    "q": {"cite"},
}
LINKS = {"href": {"http", "https", "mailto", "tel"}, "src": {"http", "https"}, "cite": {"http", "https"}}
CLEANER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None)
VOID = {"br", "hr", "img"}
OPEN_VOID = re.compile(r"<(br|hr|img)((?: [a-z]+=\"[^\"]*\")*)>")
BLOCKS = TAGS - {
    "a", "em", "strong", "b", "i", "u", "s", "q", "cite", "img", "br", "sub", "sup", "span", "code", "abbr",
}  # fmt: skip
CELLS = {"td", "th"}
# Blocks that are not kept: their words must not run into their neighbours'. What a page says of itself is no text.
OTHER_BLOCKS = ("address", "article", "aside", "center", "footer", "header", "main", "nav", "section")
ABOUT = ("head", "title")
CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
IN_CAPITALS = etree.XPath(f"boolean((//*|//@*)[local-name() != translate(local-name(), '{CAPITALS}', '{SMALL}')])")
# What another's HTML may hold and an article cannot: told to the sender, for words or pictures go with it.
LEFT_OUT = {
    "iframe", "object", "embed", "applet", "video", "audio", "canvas", "svg", "math", "form", "input", "button", "select",
    "textarea", "frame", "frameset",
}  # fmt: skip
PASSES = 5
LINE = "\n"
BLOCK = re.compile(rf"<(?:{'|'.join(sorted(BLOCKS))})\b", re.IGNORECASE)
REFERENCE = re.compile(r"&#(?:([0-9]+)|[xX]([0-9A-Fa-f]+));?")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # in XML, even as a reference


class Body(Struct, frozen=True):
    """A cleaned body."""

    xhtml: str  # fragment without namespace, well-formed, URLs absolute
    text: str  # paragraphs parted by a blank line
    faults: tuple[str, ...]  # what makes it unacceptable, one sentence each


def clean(source: str, base: str) -> Body:
    """Clean a fragment; relative URLs are resolved against `base`, or are faults where it is empty.

    What comes out is stable: cleaned again it is the same, so that an article survives the way through any dialect.
    """
    tree = _tree(_legible(source))
    faults = list(_links(tree, base))
    written = _inner(tree)
    safe = _xml(_safe(written))
    if safe != written:  # else it is that very tree
        tree = etree.fromstring(f"<div>{safe}</div>", _parser())
        written = _inner(tree)
    return Body(written, _text(tree), tuple(faults))


def active(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a fragment of another's HTML does besides being read: faults, and warnings of what `clean` will leave out."""
    faults: dict[str, None] = {}
    warnings: dict[str, None] = {}
    for element in _tree(_legible(source)).iter():
        if not isinstance(element.tag, str):
            continue
        name = element.tag.rpartition("}")[2].lower()
        if name == "script":
            faults["<script> is not allowed: send the text without programs."] = None
        elif name in LEFT_OUT:
            warnings[f"<{name}> was left out of the body."] = None
        for key in element.attrib:
            if key.lower().startswith("on"):
                warnings[f"The attribute {key.lower()[:30]} of <{name[:30]}> was left out of the body."] = None
    return tuple(faults), tuple(warnings)


def plain(source: str) -> str:
    """A fragment of HTML as plain text: entities resolved once, paragraphs parted by a blank line."""
    return clean(source, "").text


def paragraphs(text: str) -> str:
    """Plain text as HTML: a blank line parts paragraphs, a line break stays one."""
    blocks = (
        block.strip() for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.replace("\r\n", "\n").replace("\r", "\n"))
    )
    return "".join(f"<p>{_escape(block).replace(LINE, '<br/>')}</p>" for block in blocks if block)


def block(source: str) -> str:
    """A fragment of HTML as a paragraph where it has none of its own."""
    return source if BLOCK.search(source) else f"<p>{source}</p>"


def _safe(html: str) -> str:
    """HTML with only what is allowed, such that cleaning it again changes nothing: misnested tags settle by repetition."""
    for _ in range(PASSES):
        # An HTML reader drops one line break after <pre>; here it is text.
        again = CLEANER.clean(html.replace("<pre>\n", "<pre>\n\n"))
        if again == html:
            break
        html = again
    return html


def _tree(source: str) -> etree._Element:
    tree = _parsed(source)
    etree.strip_elements(tree, *ABOUT, with_tail=False)
    for element in tree.iter(*OTHER_BLOCKS):
        element.tag = "div"
    return tree


def _parsed(source: str) -> etree._Element:
    try:
        tree = etree.fromstring(f"<div>{source}</div>", _parser())
        if not IN_CAPITALS(tree):  # <A HREF=…> is HTML: as XML its links would not be seen
            return tree
    except etree.XMLSyntaxError:
        pass
    parent: etree._Element = lxml.html.fragment_fromstring(source, create_parent="div")
    return parent


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _xml(html: str) -> str:
    """HTML as nh3 writes it, made XML: its void elements closed, its one named entity written out."""
    return OPEN_VOID.sub(r"<\1\2/>", html.replace("&nbsp;", "\u00a0"))


def _legible(source: str) -> str:
    """The source without characters that XML forbids, even as a reference; a carriage return is a line break."""
    return FORBIDDEN.sub("", REFERENCE.sub(_reference, source).replace("\r", "\n"))


def _reference(match: re.Match[str]) -> str:
    digits = (match[1] or match[2]).lstrip("0")
    number = int(digits, 10 if match[1] else 16) if 0 < len(digits) < 8 else 0
    if number == 13:
        return "\n"
    return "" if number > 0x10FFFF or FORBIDDEN.match(chr(number)) else match[0]


def _links(tree: etree._Element, base: str) -> Iterator[str]:
    """Make every link absolute in place; yield what is wrong with the others."""
    for name, schemes in LINKS.items():
        for element in tree.iter():
            if not isinstance(element.tag, str):
                continue
            value = element.get(name)
            if value is None:
                continue
            shown = f"the {name} {value.strip()[:100]!r} of <{element.tag}>"
            try:
                url = urlsplit(urljoin(base, value.strip()))
            except ValueError:
                yield f"{shown} is not a URL."
                continue
            if url.scheme and url.scheme not in schemes:
                yield f"{shown} is not allowed: use {', '.join(sorted(schemes))}."
            elif not url.scheme or (url.scheme in ("http", "https") and not url.hostname):
                yield f"{shown} is relative: write the whole URL, or give the article an xml:base."
            elif any(c.isspace() for c in url.netloc):
                yield f"{shown} is not a URL."
            else:
                element.set(name, "".join(quote(c) if c.isspace() else c for c in url.geturl()))


def _inner(tree: etree._Element) -> str:
    for element in tree.iter():
        if isinstance(element.tag, str) and element.tag not in VOID and element.text is None and len(element) == 0:
            element.text = ""  # <p></p>, not <p/>, which an HTML reader takes for a start tag
    parts = [_escape(tree.text or "")]
    parts += (etree.tostring(child, encoding="unicode") for child in tree)
    return "".join(parts).strip()


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(tree: etree._Element) -> str:
    """Words as a reader sees them: a block parts them, an inline tag never does."""
    parts: list[str] = []

    def walk(element: etree._Element) -> None:
        tag = element.tag
        if tag == "br":
            parts.append("\n")
        elif tag == "li":
            parts.append("\n\n- ")
        elif tag in CELLS:
            parts.append("\t")
        elif tag in BLOCKS:
            parts.append("\n\n")
        parts.append(element.text or "")
        for child in element:
            walk(child)
            parts.append(child.tail or "")
        if tag in BLOCKS and tag not in CELLS and tag != "tr":
            parts.append("\n\n")

    walk(tree)
    blocks = ("".join(parts)).split("\n\n")
    lines = ("\n".join(" ".join(line.split()) for line in block.split("\n")).strip() for block in blocks)
    return "\n\n".join(line for line in lines if line and line != "-")
