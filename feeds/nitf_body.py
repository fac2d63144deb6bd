"""A body's XHTML as NITF 3.6 block content: https://iptc.org/standards/nitf/.

What NITF has no element for keeps its words: an inline tag becomes `em` with the tag as its class, a division its children.
"""

from collections.abc import Iterator

from lxml import etree

NITF = "http://iptc.org/std/NITF/2006-10-18/"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"

_HEADS = {"h2", "h3", "h4", "h5", "h6"}
_EMPHASIS = {"em", "strong", "b", "i", "u", "s", "sub", "sup", "code", "cite", "abbr"}
_INLINE = _EMPHASIS | {"a", "q", "br", "span"}
_TABLE = {"caption", "thead", "tbody", "tfoot", "tr", "th", "td"}


def append(parent: etree._Element, xhtml: str) -> None:
    """Put a well-formed fragment without namespace below an element of NITF."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True)
    _blocks(parent, etree.fromstring(f"<div>{xhtml}</div>".encode(), parser))


def sub(parent: etree._Element, name: str, text: str = "", /, **attributes: str) -> etree._Element:
    """A child in NITF's namespace; attributes that are empty are left out, `_` stands for `-`."""
    child = etree.SubElement(parent, f"{{{NITF}}}{name}")
    for key, value in attributes.items():
        if value:
            child.set(key.replace("_", "-"), value)
    if text:
        child.text = text
    return child


def _blocks(parent: etree._Element, source: etree._Element) -> None:
    """The children of a block: loose words between blocks are gathered in paragraphs."""
    loose: etree._Element | None = None

    def words(text: str | None) -> None:
        nonlocal loose
        if text and (text.strip() or loose is not None):
            loose = sub(parent, "p") if loose is None else loose
            _text(loose, text)

    words(source.text)
    for child in source:
        if child.tag in _INLINE:
            loose = sub(parent, "p") if loose is None else loose
            _inline(loose, child)
        else:
            loose = None
            _block(parent, child)
        words(child.tail)


def _block(parent: etree._Element, source: etree._Element) -> None:
    tag = source.tag
    if tag == "p":
        _phrase(sub(parent, "p"), source)
    elif tag in _HEADS:
        _phrase(sub(parent, "hl2", **({"class": tag} if tag != "h2" else {})), source)
    elif tag in ("ul", "ol"):
        items = sub(parent, tag)
        for item in source:
            _blocks_or_words(sub(items, "li"), item)
        if len(items) == 0:
            parent.remove(items)
    elif tag == "dl":
        _definitions(parent, source)
    elif tag == "table":
        _table(parent, source)
    elif tag == "blockquote":
        _blocks(sub(sub(parent, "bq", quote_source=source.get("cite", "")), "block"), source)
    elif tag == "pre":
        sub(parent, "pre", "".join(source.itertext()))
        _images(parent, source)
    elif tag == "hr":
        sub(parent, "hr")
    elif tag == "img":
        _media(parent, source)
    elif tag == "figure":
        _figure(parent, source)
    else:
        _blocks(parent, source)


def _phrase(target: etree._Element, source: etree._Element) -> None:
    """Words and inline elements; the images among them stand after the paragraph, for NITF has none inside."""
    if source.get("lang"):
        target.set(LANG, source.get("lang", ""))
    _text(target, source.text)
    for child in source:
        _inline(target, child)
        _text(target, child.tail)
    parent = target.getparent()
    if parent is not None:
        _images(parent, source)


def _images(parent: etree._Element, source: etree._Element) -> None:
    for image in source.iter("img"):
        _media(parent, image)


def _inline(target: etree._Element, source: etree._Element) -> None:
    tag = source.tag
    if tag == "img":
        return
    if tag == "br":
        sub(target, "br")
        return
    if tag in ("span", *_TABLE) or tag not in _INLINE:
        inner = target
    elif tag == "a":
        inner = sub(target, "a", href=source.get("href", ""), title=source.get("title", ""))
    elif tag == "q":
        inner = sub(target, "q", quote_source=source.get("cite", ""))
    else:
        inner = sub(target, "em", **({"class": tag} if tag != "em" else {}))
    _text(inner, source.text)
    for child in source:
        _inline(inner, child)
        _text(inner, child.tail)


def _blocks_or_words(target: etree._Element, source: etree._Element) -> None:
    """List items and cells take both; words alone stay without a paragraph."""
    if any(child.tag not in _INLINE for child in source):
        _blocks(target, source)
        return
    _text(target, source.text)
    for child in source:
        _inline(target, child)
        _text(target, child.tail)


def _definitions(parent: etree._Element, source: etree._Element) -> None:
    target = sub(parent, "dl")
    for part in source.iter("dt", "dd"):
        if part.tag == "dt":
            _text(sub(target, "dt"), "".join(part.itertext()))
        else:
            _blocks(sub(sub(target, "dd"), "block"), part)
    if len(target) == 0:
        parent.remove(target)


def _table(parent: etree._Element, source: etree._Element) -> None:
    """All rows in their order in one body: NITF wants a table foot before the body, which readers would see first."""
    rows = [row for row in source.iter("tr") if next(_cells(row), None) is not None and _nearest(row) is source]
    if not rows:
        _blocks(parent, source)
        return
    target = sub(parent, "table")
    caption = source.find("caption")
    if caption is not None:
        _phrase_alone(sub(target, "caption"), caption)
    for row in rows:
        line = sub(target, "tr")
        for cell in _cells(row):
            spans = {name: cell.get(name, "") for name in ("rowspan", "colspan")}
            _blocks_or_words(sub(line, str(cell.tag), **spans), cell)


def _nearest(row: etree._Element) -> etree._Element | None:
    return next(row.iterancestors("table"), None)


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    return (cell for cell in row if cell.tag in ("th", "td"))


def _phrase_alone(target: etree._Element, source: etree._Element) -> None:
    _text(target, source.text)
    for child in source:
        _inline(target, child)
        _text(target, child.tail)


def _figure(parent: etree._Element, source: etree._Element) -> None:
    caption = source.find("figcaption")
    image = source.find("img")
    if image is None:
        _blocks(parent, source)
        return
    for one in source.iter("img"):
        _media(parent, one, caption if one is image else None)
    for child in source:
        if child.tag not in ("img", "figcaption"):
            _block(parent, child)


def _media(parent: etree._Element, image: etree._Element, caption: etree._Element | None = None) -> None:
    media = sub(parent, "media", media_type="image")
    reference = {name: image.get(name, "") for name in ("width", "height")}
    sub(media, "media-reference", source=image.get("src", ""), alternate_text=image.get("alt", ""), **reference)
    if caption is not None:
        _phrase_alone(sub(media, "media-caption"), caption)


def _text(target: etree._Element, text: str | None) -> None:
    """More words at the end of an element."""
    if not text:
        return
    if len(target):
        target[-1].tail = (target[-1].tail or "") + text
    else:
        target.text = (target.text or "") + text
