"""The body of an article: turns HTML of any origin into a safe, well-formed XHTML fragment and into plain text."""

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
# Threads share the cleaner and the XPaths: a cleaner never changes, and lxml evaluates a compiled XPath under its own lock.
CLEANER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None)
VOID = {"br", "hr", "img"}
OPEN_VOID = re.compile(r"<(br|hr|img)((?: [a-z]+=\"[^\"]*\")*)>")
BLOCKS = TAGS - {
    "a", "em", "strong", "b", "i", "u", "s", "q", "cite", "img", "br", "sub", "sup", "span", "code", "abbr",
}  # fmt: skip
CELLS = {"td", "th"}
# The text that replaces a tag in plain text. In cleaned XHTML, ">" occurs only at the end of a tag.
OPENED = {**dict.fromkeys(BLOCKS, "\n\n"), **dict.fromkeys(CELLS, "\t"), "li": "\n\n- ", "br": "\n", "hr": "\n\n\n\n"}
CLOSED = dict.fromkeys(BLOCKS - CELLS - {"tr"}, "\n\n")
LONE_SPACES = re.compile(r"\n[^\S\n]++\n")  # a line with only white space
MARKUP = re.compile(r"<(/?)([a-z0-9]++)[^>]*+>")
# Blocks that become <div>, so that their words do not run into their neighbours'. The elements in ABOUT are removed with their text.
OTHER_BLOCKS = ("address", "article", "aside", "center", "footer", "header", "main", "nav", "section")
ABOUT = ("head", "title")
CAPITALS, SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_CAPITAL = f"local-name() != translate(local-name(), '{CAPITALS}', '{SMALL}')"
# Two expressions, because libxml2 needs quadratic time for the union of two sets.
IN_CAPITALS = etree.XPath(f"boolean(//*[{_CAPITAL}]) or boolean(//@*[{_CAPITAL}])")
# Elements that an article cannot contain. The sender is warned, because their words or pictures are lost.
LEFT_OUT = {
    "iframe", "object", "embed", "applet", "video", "audio", "canvas", "svg", "math", "form", "input", "button", "select",
    "textarea", "frame", "frameset",
}  # fmt: skip
EMBEDDING = {"iframe", "object", "embed", "video", "audio", "frame"}
SILENT = {"script", "style", "template"}  # their text is not for readers
_ACTIVE = tuple(f"{{*}}{name}" for name in sorted(LEFT_OUT | SILENT))
_SILENCED = tuple(f"{{*}}{name}" for name in sorted(SILENT))
UNLINKED = "unlinked"  # a link or picture whose address was removed; its words stay
HANDLED = etree.XPath("//*[@*[starts-with(local-name(), 'on')]]")
MOST_WARNINGS = 20  # about one body
PASSES = 5
# Limits of a fragment. The longest release of plain prose has some 60,000 elements, nested about five deep.
MOST_ELEMENTS = 100_000
MOST_ATTRIBUTES = 64  # of one element: HTML parsers compare each attribute with all before it
DEEPEST = 100  # nested elements; libxml2 silently drops elements deeper than 255
MOST_REOPENED = 100_000  # start tags that an HTML parser may have to repeat: see `_bounded`
GROWTH, SLACK = 2, 64 * 1024  # a body has at most GROWTH times the characters of its source, plus SLACK
MOST_REFERENCES = 500_000
MOST_LINKS = 30_000
MOST_MOVED = 500_000_000  # characters: for each & and no-break space, nh3 moves the rest of the text
LONGEST_URL = 8_000  # characters
LONGEST_BASE = 500  # characters of a base URL, which is copied into each relative URL
FORMATTING = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
LINE = "\n"
BLOCK = re.compile(
    rf"<(?=[{''.join(sorted({name[0] for name in BLOCKS}))}])(?:{'|'.join(sorted(BLOCKS))})\b", re.IGNORECASE
)
# Paragraphs of letters alone: no attribute, no other element, nothing that is escaped, and no character that XML forbids.
PARAGRAPHS = re.compile(r"(?:<p>[^<>&\r\u00a0\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]*+</p>\s*+)++")
REFERENCE = re.compile(r"&#(?:([0-9]++)|[xX]([0-9A-Fa-f]++));?")
# A start tag with too many attributes. The pattern takes linear time: a name ends at white space, "/" or ">", so the text between
# two of these is scanned once, wherever tags begin in it, and all quantifiers are possessive.
_TAG = r"(?<![^\s/>])[^\s/><]*+<(?:(?![A-Za-z])[^\s/><]*+<)*+[A-Za-z][^\s/>]*+"
_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+"""
MANY_ATTRIBUTES = re.compile(f"{_TAG}(?:{_ATTRIBUTE}){{{MOST_ATTRIBUTES + 1}}}")
# A start tag that may have one. Whatever has a longer name may, too: so no name is scanned from each of its characters.
WITH_ATTRIBUTES = re.compile(r"<[A-Za-z](?:[^\s/>]{0,63}+[\s/]|[^\s/>]{64})")
TOO_DEEP = etree.XPath(f"boolean({'/*' * (DEEPEST + 2)})")  # the <div> around the fragment counts as one level
LINKED = etree.XPath(f"//*[{' or '.join(f'@{name}' for name in LINKS)}]")
SPACE = re.compile(r"\s")
WITHIN = etree.XPath("count(descendant::*)")
EMPTY = etree.XPath("descendant::*[not(node())][not(self::br or self::hr or self::img)]")


class TooComplex(Exception):
    """A fragment breaks a limit. The message follows the name of the fragment: "The body" + "has 200000 tags; …"."""


class Body(Struct, frozen=True):
    """A cleaned body."""

    xhtml: str  # fragment without namespace, well-formed, URLs absolute
    text: str  # with a blank line between paragraphs
    faults: tuple[str, ...]  # why the body is refused, in sentences
    warnings: tuple[str, ...] = ()  # what was removed, in sentences


def clean(source: str, base: str, *, tolerant: bool = False) -> Body:
    """Clean a fragment. Relative URLs are resolved against `base`; if `base` is empty, they are faults.

    The result is stable: cleaning it again changes nothing, so an article survives a round trip through any dialect.
    If `tolerant`, scripts, embedded pages and unusable links are removed, with warnings; otherwise a wrong link is a fault.
    A fragment that is too complex has no text and one fault.
    """
    try:
        return _clean(source, base, tolerant)
    except TooComplex as error:
        return Body("", "", (f"The body {error}",))


def _clean(source: str, base: str, tolerant: bool = False, *, judge: bool = True) -> Body:
    """`judge`: whether a wrong link refuses the fragment, which then needs no text."""
    if PARAGRAPHS.fullmatch(stripped := source.strip()):  # Most releases: everything below would leave it as it is.
        _few(stripped)
        return Body(stripped, _text(stripped), ())
    most = GROWTH * len(source) + SLACK
    tree = _tree(source)
    warnings = _disarm(tree) if tolerant else []
    faults = list(_links(tree, base, most, tolerant))
    if faults and not tolerant and judge:
        return Body("", "", tuple(faults))
    if tolerant:
        etree.strip_tags(tree, UNLINKED)
        shown, left = faults[:MOST_WARNINGS], len(faults) - MOST_WARNINGS
        warnings += [f"{reason} It was removed." for reason in shown]
        warnings += [f"{left} more links were removed from the body."] if left > 0 else []
    written = _inner(tree)
    safe = _xml(_safe(written, most))
    if safe != written:  # otherwise the tree is clean already
        tree = _cleaned(safe)
        written = _inner(tree)
    return Body(written, _text(written), (), tuple(dict.fromkeys(warnings)))


def plain(source: str) -> str:
    """A fragment of HTML as plain text: entities resolved once, a blank line between paragraphs. Raises TooComplex."""
    return _clean(source, "", judge=False).text


def paragraphs(text: str) -> str:
    """Plain text as HTML: a blank line separates paragraphs, a line break becomes <br/>."""
    blocks = (
        block.strip() for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.replace("\r\n", "\n").replace("\r", "\n"))
    )
    return "".join(f"<p>{_escape(block).replace(LINE, '<br/>')}</p>" for block in blocks if block)


def block(source: str) -> str:
    """The fragment, wrapped in a <p> if it has no block element."""
    return source if BLOCK.search(source) else f"<p>{source}</p>"


def _safe(html: str, most: int) -> str:
    """HTML with only the allowed tags and attributes. It is cleaned repeatedly until misnested tags no longer change it.

    Raises TooComplex if it becomes longer than `most` characters.
    """
    _short(html, most)
    _parted(html)
    if "<!" not in html and "<?" not in html:
        html = html.replace("/>", ">").replace(
            "\u00a0", "&nbsp;"
        )  # as nh3 writes it, so that what is clean needs one pass
    for _ in range(PASSES):
        _short(html, most)
        # An HTML parser drops the first line break after <pre>; here it belongs to the text.
        again = CLEANER.clean(html.replace("<pre>\n", "<pre>\n\n"))
        if again == html:
            break
        html = again
    _short(html, most)
    return html


def _parted(html: str) -> None:
    """Raises TooComplex if the texts between tags are too long for the number of characters to escape in them."""
    if (html.count("&") + html.count("\u00a0")) * len(html) <= MOST_MOVED:
        return
    texts = ((len(text), text.count("&") + text.count("\u00a0")) for text in html.split("<"))
    if sum(length * escaped for length, escaped in texts) > MOST_MOVED:
        raise TooComplex(
            "has texts without tags that are too long for the number of &, <, > and no-break spaces in them. Split them into"
            " paragraphs."
        )


def _short(html: str, most: int) -> None:
    if len(html) > most:
        raise TooComplex(
            f"has {len(html)} characters after cleaning; at most {most} are allowed for HTML of its length. Close each tag before"
            " its paragraph ends, and write more text than tags."
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
    """The source without everything from each `start` to the next `end`, in linear time. `pairs`: (start, end) in lower case."""
    for start, end in pairs:
        lowered, kept, at = source.lower(), [], 0
        if len(lowered) != len(source):  # Some letter has two lower-case letters, so positions differ.
            return source
        while (begin := lowered.find(start, at)) >= 0 and (stop := lowered.find(end, begin)) >= 0:
            kept.append(source[at:begin])
            at = stop + len(end)
        source = "".join((*kept, source[at:]))
    return source


def _few(source: str) -> None:
    """Raises TooComplex if the source is too expensive to parse."""
    tags = source.count("<") - source.count("</")
    if tags > MOST_ELEMENTS:
        raise TooComplex(f"has {tags} tags; at most {MOST_ELEMENTS} are allowed. Send several articles instead.")
    if (references := source.count("&#")) > MOST_REFERENCES:
        raise TooComplex(
            f"has {references} references such as &#44032;; at most {MOST_REFERENCES} are allowed. Write the characters themselves."
        )
    if WITH_ATTRIBUTES.search(source) and MANY_ATTRIBUTES.search(source):
        raise TooComplex(f"has an element with more than {MOST_ATTRIBUTES} attributes.")


def _bounded(tree: etree._Element) -> None:
    """Raises TooComplex if the tree is too expensive to clean.

    When an HTML parser finds a block where none is allowed, it closes the open formatting elements and repeats their start tags
    in that block and in each later one (https://html.spec.whatwg.org/multipage/parsing.html#reconstruct-the-active-formatting-elements).
    So 240 formatting elements and 4,000 paragraphs become a million tags. For each element, the parser repeats at most the
    formatting elements around it, so those pairs are counted.
    """
    if TOO_DEEP(tree):
        raise TooComplex(f"has elements nested more than {DEEPEST} deep. Close each tag before its paragraph ends.")
    reopened = 0
    for element in tree.iter(*FORMATTING):
        if len(element):
            reopened += int(WITHIN(element))
        if reopened > MOST_REOPENED:
            raise TooComplex(
                "has too many elements inside nested <b>, <i>, <a> and similar tags. Close each of these tags before its paragraph"
                " ends."
            )


def _cleaned(safe: str) -> etree._Element:
    """The tree of cleaned HTML. Raises TooComplex, because repairing misnested tags may have nested them deeper."""
    try:
        tree = etree.fromstring(f"<div>{safe}</div>", _parser())
    except etree.XMLSyntaxError:
        tree = None
    if tree is None or TOO_DEEP(tree):
        raise TooComplex(f"has elements nested more than {DEEPEST} deep. Close each tag before its paragraph ends.")
    return tree


def _parsed(source: str) -> etree._Element:
    try:
        tree = etree.fromstring(f"<div>{source}</div>", _parser())
        if not IN_CAPITALS(tree):  # <A HREF=…> is HTML; read as XML, its links would be missed
            return tree
    except etree.XMLSyntaxError:
        pass
    # Not with lxml.html's own parser, which chooses a class in Python for each element.
    found = lxml.html.fragments_fromstring(source, parser=etree.HTMLParser(no_network=True))
    parent = etree.Element("div")
    if found and isinstance(found[0], str):
        parent.text = found.pop(0)
    parent.extend(found)
    return parent


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _xml(html: str) -> str:
    """The HTML that nh3 writes, as XML: closes void elements and replaces &nbsp;, the only named entity that nh3 writes."""
    return OPEN_VOID.sub(r"<\1\2/>", html.replace("&nbsp;", "\u00a0"))


def _legible(source: str) -> str:
    """The source without characters that XML forbids, written directly or as references. A carriage return becomes a line break."""
    return NOT_XML.sub("", REFERENCE.sub(_reference, source).replace("\r", "\n"))


def _reference(match: re.Match[str]) -> str:
    digits = (match[1] or match[2]).lstrip("0")
    number = int(digits, 10 if match[1] else 16) if 0 < len(digits) < 8 else 0
    if number == 13:
        return "\n"
    return "" if number > 0x10FFFF or NOT_XML.match(chr(number)) else match[0]


def _links(tree: etree._Element, base: str, most: int, tolerant: bool = False) -> Iterator[str]:
    """Make every link absolute in place; yield a sentence about each link that is wrong. If `tolerant`, it is removed.

    Raises TooComplex if all links together become longer than `most` characters.
    """
    if len(base) > LONGEST_BASE:
        raise TooComplex(f"has a base URL of {len(base)} characters; at most {LONGEST_BASE} are allowed.")
    written = 0
    linked = LINKED(tree)
    if len(linked) > MOST_LINKS:
        raise TooComplex(f"has {len(linked)} links and pictures; at most {MOST_LINKS} are allowed.")
    for name, schemes in LINKS.items():
        for element in linked:
            value = element.get(name)
            if value is None:
                continue
            absolute = _absolute(value, base, schemes, tolerant)
            if isinstance(absolute, str):
                element.set(name, absolute)
                written += len(absolute)
                if written > most:
                    raise TooComplex(f"has links of more than {most} characters in total. Shorten the base URL.")
                continue
            yield f"{_shown(element, name)} {absolute.reason}"
            if tolerant:
                _unlink(element, name)


class _Unusable(Struct, frozen=True):
    """Why a link cannot be published, as the end of a sentence."""

    reason: str


def _absolute(value: str, base: str, schemes: set[str], tolerant: bool) -> str | _Unusable:
    """The absolute URL of a link; else the reason why there is none. If `tolerant`, `//host/path` is read with https."""
    if len(value) > LONGEST_URL:  # checked before urlsplit, which normalises a host in quadratic time
        return _Unusable(f"has {len(value)} characters; at most {LONGEST_URL} are allowed.")
    try:
        url = urlsplit(
            urljoin(base or ("https:" if tolerant and value.strip().startswith("//") else ""), value.strip())
        )
    except ValueError:
        return _Unusable("is not a URL.")
    if url.scheme and url.scheme not in schemes:
        return _Unusable(f"is not allowed. Use {', '.join(sorted(schemes))}.")
    if not url.scheme or (url.scheme in ("http", "https") and not url.hostname):
        return _Unusable("is relative. Write the whole URL, or give the article an xml:base.")
    if SPACE.search(url.netloc):
        return _Unusable("is not a URL.")
    return SPACE.sub(lambda space: quote(space[0]), url.geturl())


def _unlink(element: etree._Element, name: str) -> None:
    """Remove a link and keep its words; a picture becomes its description."""
    words = element.get("alt", "")
    del element.attrib[name]
    if element.tag in ("a", "img"):
        element.attrib.clear()
        element.tag, element.text = UNLINKED, words if element.tag == "img" else element.text


def _disarm(tree: etree._Element) -> list[str]:
    """Remove everything active in place, and yield a sentence about each: scripts and styles with their text; an embedded page or
    player becomes a link to it, if it has an absolute address."""
    warnings: dict[str, None] = {}
    for element in list(tree.iter(*_ACTIVE)):
        name, parent = element.tag.rpartition("}")[2], element.getparent()
        if parent is None:
            continue
        address = _address(element) if name in EMBEDDING else ""
        if address:
            warnings[f"<{name}> was removed from the body. A link to its address is there instead."] = None
            link = etree.Element("a", href=address)
            link.text, link.tail = address, element.tail
            parent.replace(element, link)
        else:
            warnings[f"<{name}> was removed from the body."] = None
    for element in HANDLED(tree):
        for key in [key for key in element.attrib if key.rpartition("}")[2].startswith("on")]:
            warnings[
                f"The attribute {key[:30]} of <{element.tag.rpartition('}')[2][:30]}> was removed from the body."
            ] = None
            del element.attrib[key]
    etree.strip_elements(tree, *_SILENCED, with_tail=False)
    return list(warnings)[:MOST_WARNINGS]


def _address(element: etree._Element) -> str:
    """The web address of an embedded page or player; empty if it has no absolute one."""
    inside = (element, *element.iter("{*}source", "{*}embed"))
    found = (part.get(key, "").strip() for part in inside for key in ("src", "data"))
    usable = (_absolute(value, "", LINKS["src"], True) for value in found if value)
    return next((url for url in usable if isinstance(url, str)), "")


def _shown(element: etree._Element, name: str) -> str:
    return f"In the body, the {name} {element.get(name, '').strip()[:100]!r} of <{element.tag[:60]}>"


def _inner(tree: etree._Element) -> str:
    return inner(tree).strip()


def inner(element: etree._Element) -> str:
    """What an element contains, as XML. Elements without content are written as <p></p> and not as <p/>, which an HTML parser reads as
    a start tag; void elements of HTML remain <br/>."""
    for empty in EMPTY(element):
        empty.text = ""
    written = etree.tostring(element, encoding="unicode", with_tail=False)
    # In what libxml2 writes, ">" stands at the end of tags alone.
    return "" if written.endswith("/>") else written[written.index(">") + 1 : written.rindex("<")]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(xhtml: str) -> str:
    """The text of a clean fragment as a reader sees it: block tags separate words, inline tags do not."""
    text = xhtml.replace("</p><p>", "\n\n").replace("<p>", "\n\n").replace("</p>", "\n\n")  # most tags are these
    text = MARKUP.sub(lambda tag: (CLOSED if tag[1] else OPENED).get(tag[2], ""), text)
    text = text.replace("&#13;", "\r").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if LONE_SPACES.search(text):
        blocks = map(_spaced, text.split("\n\n"))
    else:  # the same for all lines at once
        lines = [line and " ".join(line.split()) for line in text.split("\n")]
        blocks = map(str.strip, "\n".join(lines).split("\n\n"))
    return "\n\n".join([block for block in blocks if block and block != "-"])


def _spaced(block: str) -> str:
    """The block with runs of spaces replaced by one space; line breaks stay."""
    if "\n" not in block:
        return " ".join(block.split())
    return "\n".join(" ".join(line.split()) for line in block.split("\n")).strip()
