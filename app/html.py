"""The body: HTML of any origin in, a safe and well-formed XHTML fragment and its plain-text twin out."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

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
VOID = {"br", "hr", "img"}
BLOCKS = TAGS - {
    "a", "em", "strong", "b", "i", "u", "s", "q", "cite", "img", "br", "sub", "sup", "span", "code", "abbr",
}  # fmt: skip
CELLS = {"td", "th"}


class Body(Struct, frozen=True):
    """A cleaned body."""

    xhtml: str  # fragment without namespace, well-formed, URLs absolute
    text: str  # paragraphs parted by a blank line
    faults: tuple[str, ...]  # what makes it unacceptable, one sentence each


def clean(source: str, base: str) -> Body:
    """Clean a fragment; relative URLs are resolved against `base`, or are faults where it is empty."""
    tree = _tree(source)
    faults = list(_links(tree, base))
    html = nh3.clean(
        "".join([tree.text or "", *(etree.tostring(child, encoding="unicode", method="html") for child in tree)]),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    safe = lxml.html.fragment_fromstring(html, create_parent="div")
    for element in safe.iter():
        if isinstance(element.tag, str) and element.tag not in VOID and element.text is None and len(element) == 0:
            element.text = ""  # <p></p>, not <p/>, which an HTML reader takes for a start tag
    return Body(_inner(safe), _text(safe), tuple(faults))


def plain(source: str) -> str:
    """The words of an HTML text, without its tags: a title, a summary."""
    return _text(_tree(source)) if source.strip() else ""


def _tree(source: str) -> etree._Element:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        return etree.fromstring(f"<div>{source}</div>", parser)
    except etree.XMLSyntaxError:
        parent: etree._Element = lxml.html.fragment_fromstring(source, create_parent="div")
        return parent


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
            else:
                element.set(name, url.geturl())


def _inner(tree: etree._Element) -> str:
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
        parts.append(" ".join((element.text or "").split(" ")))
        for child in element:
            walk(child)
            parts.append(child.tail or "")
        if tag in BLOCKS and tag not in CELLS and tag != "tr":
            parts.append("\n\n")

    walk(tree)
    blocks = ("".join(parts)).split("\n\n")
    lines = ("\n".join(" ".join(line.split()) for line in block.split("\n")).strip() for block in blocks)
    return "\n\n".join(line for line in lines if line and line != "-")
