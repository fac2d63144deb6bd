"""Converts the XHTML of a body to NITF 3.6 block content: https://iptc.org/standards/nitf/.

An inline element that NITF does not have becomes `em` with the tag as its class; a block element is replaced by its children.
"""

from collections.abc import Iterator

from lxml import etree

from feeds.article import LANG, parsed

NITF = "http://iptc.org/std/NITF/2006-10-18/"

_HEADS = {"h2", "h3", "h4", "h5", "h6"}
_EMPHASIS = {"em", "strong", "b", "i", "u", "s", "sub", "sup", "code", "cite", "abbr"}
_INLINE = _EMPHASIS | {"a", "q", "br", "span"}
_TABLE = {"caption", "thead", "tbody", "tfoot", "tr", "th", "td"}


def append(parent: etree._Element, xhtml: str) -> None:
    """Convert a well-formed fragment without namespace, and append it to an NITF element."""
    _blocks(parent, parsed(f"<div>{xhtml}</div>".encode()))


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
    """Convert the children of a block; loose text between blocks is put into paragraphs."""
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
    """Convert text and inline elements. Images are put after the paragraph, because NITF does not allow them inside."""
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
    """Convert the content of a list item or cell, which may be blocks or text; text alone gets no paragraph."""
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
    """Convert a table, with all rows in one body in their order: NITF puts a table foot before the body, where readers would see it
    first."""
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
    for picture in source.iter("img"):
        _media(parent, picture, caption if picture is image else None)
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
    """Append text to an element."""
    if not text:
        return
    if len(target):
        target[-1].tail = (target[-1].tail or "") + text
    else:
        target.text = (target.text or "") + text
