"""Converts NITF block content to XHTML (https://iptc.org/standards/nitf/): the body of NITF documents, and of NewsML-G2 items that
contain NITF.

The text of marked-up names, places, numbers and so on is kept without its tags; media become enclosures.
"""

from collections.abc import Iterator
from html import escape

from lxml import etree

from app.intake.draft import DraftEnclosure, Value
from app.intake.parsers import files
from app.intake.parsers.tree import base_of, joined, lang_of, place, text

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
_EMPHASIS = {
    "strong",
    "b",
    "i",
    "u",
    "s",
    "sub",
    "sup",
    "code",
    "cite",
    "abbr",
}  # classes of <em> that our own NITF uses
_HEADS = {"h3", "h4", "h5", "h6"}
_TYPES = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4"}


def xhtml(content: etree._Element) -> str:
    """The blocks below an element, as the source of an XHTML fragment."""
    parts: list[str] = []
    _inside(content, parts)
    return "".join(parts).strip()


def enclosures(content: etree._Element, warnings: list[str]) -> Iterator[DraftEnclosure]:
    """The media below an element, each by its first usable reference; further references are other forms of the same medium.

    In NITF, `source` may be any string, and is often a name inside the sender's system. A medium without an http or https URL is
    left out, with a warning.
    """
    for media in content.iter(_named(content, "media")):
        references = [
            element for element in media if _local(element) == "media-reference" and element.get("source", "").strip()
        ]
        urls = [joined(base_of(element), element.get("source", "")) for element in references]
        reference, url = next(
            ((element, url) for element, url in zip(references, urls, strict=True) if fetchable(url)), (None, "")
        )
        if reference is None:
            warnings.append(
                f"A media element was left out, because {next(iter(urls), '')[:80]!r} is not an http or https URL."
            )
            continue
        kind, metadata = media.get("media-type", ""), _metadata(media)
        type = files.media_type(url, reference.get("mime-type", ""))
        type = _TYPES.get(kind, type) if type == files.UNKNOWN else type
        caption = next((element for element in media if _local(element) == "media-caption"), None)
        words = reference.get("alternate-text", "") if caption is None else text(caption).strip()
        credit = ", ".join(" ".join(text(element).split()) for element in media if _local(element) == "media-producer")
        role = reference.get("name", "")
        yield DraftEnclosure(
            url=Value(url, reference.sourceline or 0, f"{place(reference)}/@source"),
            type=type,
            length=files.length(metadata.get("length", "")),
            role=role if role in ("photo", "document") else "photo" if kind == "image" else files.role(type),
            caption=f"{words} ({credit})" if words and credit else words or credit,
            lang="" if caption is None else lang_of(caption),
            licence_uri="",
            licence_text=metadata.get("licence", "") or reference.get("copyright", ""),
            has_licence=bool(metadata.get("licence") or reference.get("copyright")),
        )


def fetchable(url: str) -> bool:
    """Whether feed readers can fetch a file from this URL."""
    return url.lower().startswith(("http://", "https://"))


def _metadata(media: etree._Element) -> dict[str, str]:
    return {
        element.get("name", ""): element.get("value", "") for element in media if _local(element) == "media-metadata"
    }


def _named(element: etree._Element, name: str) -> str:
    namespace = etree.QName(element).namespace
    return f"{{{namespace}}}{name}" if namespace else name


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _inside(element: etree._Element, parts: list[str]) -> None:
    if element.text:
        parts.append(escape(element.text, quote=False))
    for child in element:
        _element(child, parts)
        if child.tail:
            parts.append(escape(child.tail, quote=False))


def _element(element: etree._Element, parts: list[str]) -> None:
    name, style = _local(element), element.get("class", "")
    if name in _PASSED:
        return
    if name in _EMPTY:
        parts.append(f"<{name}/>")
        return
    if name == "denom" and (before := element.getprevious()) is not None and _local(before) == "numer":
        parts.append("/")  # the fraction has no frac-sep, and 1/2 would become 12
    tag, attributes = _tag(element, name, style)
    if not tag:
        _inside(element, parts)
        return
    if lang := lang_of(element):
        attributes += f' lang="{escape(lang)}"'
    parts.append(f"<{tag}{attributes}>")
    _inside(element, parts)
    parts.append(f"</{tag}>")


def _tag(element: etree._Element, name: str, style: str) -> tuple[str, str]:
    """(tag, attributes) for an element; the tag is empty if only the text of the element is kept."""
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
    return "", ""  # also fn and note, which contain blocks


def _attribute(name: str, value: str, *, web: bool = False) -> str:
    if not value or (web and not value.startswith(("http://", "https://"))):
        return ""
    return f' {name}="{escape(value)}"'
