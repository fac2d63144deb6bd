"""NITF block content as XHTML (https://iptc.org/standards/nitf/): the body of NITF documents, and of NewsML-G2 items with NITF inside.

Names, places, numbers and the like that NITF marks up keep their words; media become enclosures.
"""

from collections.abc import Iterator
from html import escape

from lxml import etree

from app.intake.draft import DraftEnclosure, Value
from app.intake.parsers import files
from app.intake.parsers.ours import text
from app.intake.parsers.tree import LANG, base_of, joined, place

_SAME = {
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
    "td",
    "pre",
    "em",
    "q",
}
_EMPTY = {"br", "hr"}
_PASSED = {
    "media",
    "datasource",
    "byline",
    "dateline",
    "key-list",
    "tobject",
    "classifier",
    "copyrite",
    "col",
    "colgroup",
}
_EMPHASIS = {"strong", "b", "i", "u", "s", "sub", "sup", "code", "cite", "abbr"}  # an em's class, where we wrote it
_HEADS = {"h3", "h4", "h5", "h6"}
_TYPES = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4"}


def xhtml(content: etree._Element) -> str:
    """The blocks below an element, as the source of an XHTML fragment."""
    return "".join(_inside(content)).strip()


def enclosures(content: etree._Element, warnings: list[str]) -> Iterator[DraftEnclosure]:
    """The media below an element; a medium is its first reference, the others are the same in other forms.

    `source` is any string in NITF, often a name within the sender's system: what nobody else can fetch is left out, with a
    warning.
    """
    for media in content.iter(_named(content, "media")):
        references = [one for one in media if _local(one) == "media-reference" and one.get("source", "").strip()]
        urls = [joined(base_of(one), one.get("source", "")) for one in references]
        reference, url = next(
            ((one, url) for one, url in zip(references, urls, strict=True) if fetchable(url)), (None, "")
        )
        if reference is None:
            warnings.append(f"A media has no http or https URL ({next(iter(urls), '')[:80]!r}): it is left out.")
            continue
        kind, metadata = media.get("media-type", ""), _metadata(media)
        type = files.media_type(url, reference.get("mime-type", ""))
        type = _TYPES.get(kind, type) if type == files.UNKNOWN else type
        caption = next((one for one in media if _local(one) == "media-caption"), None)
        words = reference.get("alternate-text", "") if caption is None else text(caption).strip()
        credit = ", ".join(" ".join(text(one).split()) for one in media if _local(one) == "media-producer")
        role = reference.get("name", "")
        yield DraftEnclosure(
            url=Value(url, reference.sourceline or 0, f"{place(reference)}/@source"),
            type=type,
            length=files.length(metadata.get("length", "")),
            role=role if role in ("photo", "document") else "photo" if kind == "image" else files.role(type),
            caption=f"{words} ({credit})" if words and credit else words or credit,
            lang="" if caption is None else caption.get(LANG, ""),
            licence_uri="",
            licence_text=metadata.get("licence", "") or reference.get("copyright", ""),
            has_licence=bool(metadata.get("licence") or reference.get("copyright")),
        )


def fetchable(url: str) -> bool:
    """Whether a reader of a feed could fetch a file from there."""
    return url.lower().startswith(("http://", "https://"))


def _metadata(media: etree._Element) -> dict[str, str]:
    return {one.get("name", ""): one.get("value", "") for one in media if _local(one) == "media-metadata"}


def _named(element: etree._Element, name: str) -> str:
    namespace = etree.QName(element).namespace
    return f"{{{namespace}}}{name}" if namespace else name


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _inside(element: etree._Element) -> Iterator[str]:
    yield escape(element.text or "", quote=False)
    for child in element:
        yield from _element(child)
        yield escape(child.tail or "", quote=False)


def _element(element: etree._Element) -> Iterator[str]:
    name, style = _local(element), element.get("class", "")
    if name in _PASSED:
        return
    if name in _EMPTY:
        yield f"<{name}/>"
        return
    if name == "denom" and (before := element.getprevious()) is not None and _local(before) == "numer":
        yield "/"  # there is no frac-sep between them, and without it 1/2 would be 12
    tag, attributes = _tag(element, name, style)
    if not tag:
        yield from _inside(element)
        return
    if element.get(LANG):
        attributes += f' lang="{escape(element.get(LANG, ""))}"'
    yield f"<{tag}{attributes}>"
    yield from _inside(element)
    yield f"</{tag}>"


def _tag(element: etree._Element, name: str, style: str) -> tuple[str, str]:
    """The tag of an element, empty where its words stand alone, with its attributes."""
    if name == "em" and style in _EMPHASIS:
        return style, ""
    if name in ("hl2", "hl1"):
        return (style if style in _HEADS else "h2"), ""
    if name == "bq":
        return "blockquote", _attribute("cite", element.get("quote-source", ""), web=True)
    if name == "credit":
        return "p", ""
    if name == "a":
        return "a", _attribute("href", element.get("href", ""))
    if name == "lang":
        return "span", _attribute("lang", element.get("iso", ""))
    if name in _SAME:
        spans = (_attribute(key, element.get(key, "")) for key in ("rowspan", "colspan") if name in ("td", "th"))
        return name, "".join(spans)
    return "", ""  # also fn and note, which hold blocks


def _attribute(name: str, value: str, *, web: bool = False) -> str:
    if not value or (web and not value.startswith(("http://", "https://"))):
        return ""
    return f' {name}="{escape(value)}"'
