"""The body: HTML of any origin in, a safe and well-formed XHTML fragment and its plain-text twin out."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import lxml.html
import nh3
from lxml import etree
from msgspec import Struct

from app.text.characters import NOT_XML

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
# Threads share both: a cleaner is frozen once it is made, and lxml evaluates a compiled XPath under a lock of its own.
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
_CAPITAL = f"local-name() != translate(local-name(), '{CAPITALS}', '{SMALL}')"
# Two questions: libxml2 needs quadratic time for the union of two sets.
IN_CAPITALS = etree.XPath(f"boolean(//*[{_CAPITAL}]) or boolean(//@*[{_CAPITAL}])")
# What another's HTML may hold and an article cannot: told to the sender, for words or pictures go with it.
LEFT_OUT = {
    "iframe", "object", "embed", "applet", "video", "audio", "canvas", "svg", "math", "form", "input", "button", "select",
    "textarea", "frame", "frameset",
}  # fmt: skip
PASSES = 5
# What a fragment may cost. The longest release of plain prose has some 60,000 elements, and hardly five in each other.
MOST_ELEMENTS = 100_000
MOST_ATTRIBUTES = 64  # of one element: parsers of HTML compare each attribute with all before it
DEEPEST = 100  # elements in each other; libxml2 leaves out what is deeper than 255 and does not say so
MOST_REOPENED = 100_000  # start tags that a reader of HTML may have to repeat: see `_bounded`
GROWTH, SLACK = 2, 64 * 1024  # a body is at most so many times its source, and so many characters, long
MOST_REFERENCES = 500_000
MOST_LINKS = 30_000
MOST_MOVED = 20_000_000_000  # characters: nh3 moves the rest of a text for each & and no-break space in it
LONGEST_URL = 8_000  # characters
LONGEST_BASE = 500  # characters of a URL that others are relative to: it is copied into each of them
FORMATTING = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
LINE = "\n"
BLOCK = re.compile(
    rf"<(?=[{''.join(sorted({name[0] for name in BLOCKS}))}])(?:{'|'.join(sorted(BLOCKS))})\b", re.IGNORECASE
)
REFERENCE = re.compile(r"&#(?:([0-9]++)|[xX]([0-9A-Fa-f]++));?")
# A start tag with more attributes than are read. A name ends at white space, "/" or ">", so what stands between two of
# these is looked at once, wherever in it tags begin; and all is possessive.
_TAG = r"(?<![^\s/>])[^\s/><]*+<(?:(?![A-Za-z])[^\s/><]*+<)*+[A-Za-z][^\s/>]*+"
_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+"""
MANY_ATTRIBUTES = re.compile(f"{_TAG}(?:{_ATTRIBUTE}){{{MOST_ATTRIBUTES + 1}}}")
TOO_DEEP = etree.XPath(f"boolean({'/*' * (DEEPEST + 2)})")  # the <div> around the fragment is one
LINKED = etree.XPath(f"//*[{' or '.join(f'@{name}' for name in LINKS)}]")
SPACE = re.compile(r"\s")
WITHIN = etree.XPath("count(descendant::*)")


class TooComplex(Exception):
    """A fragment would cost more than one may; the message is the end of a sentence that begins "In the body, "."""


class Body(Struct, frozen=True):
    """A cleaned body."""

    xhtml: str  # fragment without namespace, well-formed, URLs absolute
    text: str  # paragraphs parted by a blank line
    faults: tuple[str, ...]  # what makes it unacceptable, one sentence each


def clean(source: str, base: str) -> Body:
    """Clean a fragment; relative URLs are resolved against `base`, or are faults where it is empty.

    What comes out is stable: cleaned again it is the same, so that an article survives the way through any dialect.
    A fragment that is too complex has no text and one fault.
    """
    try:
        return _clean(source, base)
    except TooComplex as error:
        return Body("", "", (str(error),))


def _clean(source: str, base: str) -> Body:
    most = GROWTH * len(source) + SLACK
    tree = _tree(source)
    faults = list(_links(tree, base, most))
    written = _inner(tree)
    safe = _xml(_safe(written, most))
    if safe != written:  # else it is that very tree
        tree = _cleaned(safe)
        written = _inner(tree)
    return Body(written, _text(tree), tuple(faults))


def active(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a fragment of another's HTML does besides being read: faults, and warnings of what `clean` will leave out."""
    faults: dict[str, None] = {}
    warnings: dict[str, None] = {}
    try:
        tree = _tree(source)
    except TooComplex as error:
        return (str(error),), ()
    for element in tree.iter():
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
    """A fragment of HTML as plain text: entities resolved once, paragraphs parted by a blank line. Raises TooComplex."""
    return _clean(source, "").text


def paragraphs(text: str) -> str:
    """Plain text as HTML: a blank line parts paragraphs, a line break stays one."""
    blocks = (
        block.strip() for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.replace("\r\n", "\n").replace("\r", "\n"))
    )
    return "".join(f"<p>{_escape(block).replace(LINE, '<br/>')}</p>" for block in blocks if block)


def block(source: str) -> str:
    """A fragment of HTML as a paragraph where it has none of its own."""
    return source if BLOCK.search(source) else f"<p>{source}</p>"


def _safe(html: str, most: int) -> str:
    """HTML with only what is allowed, such that cleaning it again changes nothing: misnested tags settle by repetition.

    Raises TooComplex where it becomes longer than `most` characters.
    """
    _short(html, most)
    _parted(html)
    for _ in range(PASSES):
        _short(html, most)
        # An HTML reader drops one line break after <pre>; here it is text.
        again = CLEANER.clean(html.replace("<pre>\n", "<pre>\n\n"))
        if again == html:
            break
        html = again
    _short(html, most)
    return html


def _parted(html: str) -> None:
    """Raises TooComplex for texts without a tag that are too long for all that must be escaped in them."""
    if (html.count("&") + html.count("\u00a0")) * len(html) <= MOST_MOVED:
        return
    texts = ((len(text), text.count("&") + text.count("\u00a0")) for text in html.split("<"))
    if sum(length * escaped for length, escaped in texts) > MOST_MOVED:
        raise TooComplex(
            "the texts between two tags are too long for all the &, <, > and no-break spaces in them: part them into paragraphs."
        )


def _short(html: str, most: int) -> None:
    if len(html) > most:
        raise TooComplex(
            f"the HTML becomes {len(html)} characters long when it is cleaned; at most {most} are taken for one of its length:"
            " close each tag before the paragraph ends, and write more text than tags."
        )


def _tree(source: str) -> etree._Element:
    _few(source)
    tree = _parsed(_legible(source))
    _bounded(tree)
    etree.strip_elements(tree, *ABOUT, with_tail=False)
    for element in tree.iter(*OTHER_BLOCKS):
        element.tag = "div"
    return tree


def without(source: str, *pairs: tuple[str, str]) -> str:
    """The source without what stands between these, in small letters, and they themselves; in time linear in its length."""
    for start, end in pairs:
        lowered, kept, at = source.lower(), [], 0
        if len(lowered) != len(source):  # Some letter has no single small one: places would not be the same.
            return source
        while (begin := lowered.find(start, at)) >= 0 and (stop := lowered.find(end, begin)) >= 0:
            kept.append(source[at:begin])
            at = stop + len(end)
        source = "".join((*kept, source[at:]))
    return source


def _few(source: str) -> None:
    """Raises TooComplex for what would be dear to parse."""
    tags = source.count("<") - source.count("</")
    if tags > MOST_ELEMENTS:
        raise TooComplex(f"there are {tags} tags; at most {MOST_ELEMENTS} are taken: send several articles.")
    if (references := source.count("&#")) > MOST_REFERENCES:
        raise TooComplex(
            f"there are {references} references such as &#44032;; at most {MOST_REFERENCES} are taken: write the characters."
        )
    if MANY_ATTRIBUTES.search(source):
        raise TooComplex(f"an element has more than {MOST_ATTRIBUTES} attributes.")


def _bounded(tree: etree._Element) -> None:
    """Raises TooComplex for what would be dear to clean.

    A reader of HTML that meets a block where none may stand closes the formatting elements that are open, and repeats their
    start tags in the block and in each one after it (https://html.spec.whatwg.org/multipage/parsing.html#reconstruct-the-active-formatting-elements).
    So 240 of them and 4,000 paragraphs become a million. It repeats at most those that are around an element.
    """
    if TOO_DEEP(tree):
        raise TooComplex(f"elements are nested more than {DEEPEST} deep: close each tag before the paragraph ends.")
    reopened = 0
    for element in tree.iter(*FORMATTING):
        if len(element):
            reopened += int(WITHIN(element))
        if reopened > MOST_REOPENED:
            raise TooComplex(
                "too many elements stand in <b>, <i>, <a> and the like that stand in each other: close each of these tags before"
                " the paragraph ends."
            )


def _cleaned(safe: str) -> etree._Element:
    """The tree of what was cleaned. Raises TooComplex: settling misnested tags may have nested them deeper."""
    try:
        tree = etree.fromstring(f"<div>{safe}</div>", _parser())
    except etree.XMLSyntaxError:
        tree = None
    if tree is None or TOO_DEEP(tree):
        raise TooComplex(f"elements are nested more than {DEEPEST} deep: close each tag before the paragraph ends.")
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
    return NOT_XML.sub("", REFERENCE.sub(_reference, source).replace("\r", "\n"))


def _reference(match: re.Match[str]) -> str:
    digits = (match[1] or match[2]).lstrip("0")
    number = int(digits, 10 if match[1] else 16) if 0 < len(digits) < 8 else 0
    if number == 13:
        return "\n"
    return "" if number > 0x10FFFF or NOT_XML.match(chr(number)) else match[0]


def _links(tree: etree._Element, base: str, most: int) -> Iterator[str]:
    """Make every link absolute in place; yield what is wrong with the others.

    Raises TooComplex where they become longer than `most` characters together.
    """
    if len(base) > LONGEST_BASE:
        raise TooComplex(f"the base URL has {len(base)} characters; at most {LONGEST_BASE} are taken.")
    written = 0
    linked = LINKED(tree)
    if len(linked) > MOST_LINKS:
        raise TooComplex(f"there are {len(linked)} links and pictures; at most {MOST_LINKS} are taken.")
    for name, schemes in LINKS.items():
        for element in linked:
            value = element.get(name)
            if value is None:
                continue
            if len(value) > LONGEST_URL:  # before it is taken apart: urlsplit normalises a host in quadratic time
                yield f"{_shown(element, name)} has {len(value)} characters; at most {LONGEST_URL} are taken."
                continue
            try:
                url = urlsplit(urljoin(base, value.strip()))
            except ValueError:
                yield f"{_shown(element, name)} is not a URL."
                continue
            if url.scheme and url.scheme not in schemes:
                yield f"{_shown(element, name)} is not allowed: use {', '.join(sorted(schemes))}."
            elif not url.scheme or (url.scheme in ("http", "https") and not url.hostname):
                yield f"{_shown(element, name)} is relative: write the whole URL, or give the article an xml:base."
            elif SPACE.search(url.netloc):
                yield f"{_shown(element, name)} is not a URL."
            else:
                absolute = SPACE.sub(lambda space: quote(space[0]), url.geturl())
                element.set(name, absolute)
                written += len(absolute)
                if written > most:
                    raise TooComplex(f"the links are longer than {most} characters together: shorten the base URL.")


def _shown(element: etree._Element, name: str) -> str:
    return f"the {name} {element.get(name, '').strip()[:100]!r} of <{element.tag[:60]}>"


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
