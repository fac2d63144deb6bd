"""OPML 2.0, a list of feeds that feed readers can import: http://opml.org/spec2.opml, section "Subscription lists"."""

from lxml import etree
from msgspec import Struct

MIMETYPE = "text/x-opml; charset=utf-8"


class Outline(Struct, frozen=True):
    """A feed, or a heading over other outlines."""

    text: str
    xml_url: str = ""  # of the feed as RSS; empty: a heading
    html_url: str = ""  # of the page for people
    lang: str = ""  # of the feed's title
    below: tuple["Outline", ...] = ()


def render(title: str, owner: str, outlines: tuple[Outline, ...]) -> bytes:
    """The list as UTF-8 bytes, without dates, so that the same list always has the same bytes. `owner`: URL of the site."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    for name, text in (("title", title), ("ownerId", owner), ("docs", "http://opml.org/spec2.opml")):
        etree.SubElement(head, name).text = text
    body = etree.SubElement(root, "body")
    for outline in outlines:
        _outline(body, outline)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _outline(parent: etree._Element, outline: Outline) -> None:
    """Add an outline. `version` is left out, because the text and the examples of the specification disagree about its value."""
    element = etree.SubElement(parent, "outline", text=outline.text)
    if outline.xml_url:
        element.attrib.update({"type": "rss", "title": outline.text, "xmlUrl": outline.xml_url})
        for name, value in (("htmlUrl", outline.html_url), ("language", outline.lang)):
            if value:
                element.set(name, value)
    for inner in outline.below:
        _outline(element, inner)
