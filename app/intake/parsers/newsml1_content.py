"""Reads the texts and files inside a NewsItem of NewsML 1: XHTML, NITF, HTML as text, or plain text. https://iptc.org/standards/newsml-1/"""

import re
from html import escape

from lxml import etree
from msgspec import Struct

from app.intake.draft import DraftEnclosure, Value
from app.intake.parsers import blocks, files, tree
from app.intake.parsers.tree import base_of, joined, place
from app.text import html

MARKUP = re.compile(r"<(?:p|br|div|h[1-6]|ul|ol|table|b|i|strong|em|a|span|html|body)\b[^<>]{0,500}>", re.IGNORECASE)
TITLES = ("title", "headline")
LEADS = ("lead", "summary", "abstract", "teaser")
OTHERS = ("caption", "source", "keyword", "keywords", "byline", "metadata")  # texts that belong to something else
PICTURES = ("photo", "graphic", "image", "picture", "photography")


class Content(Struct, frozen=True):
    """The text of a NewsItem."""

    body: Value | None
    at: etree._Element | None  # the ContentItem of the body
    headline: str = ""  # from a component that is a title, or from NITF
    summary: str = ""
    byline: str = ""
    dateline: str = ""
    why: str = ""  # there is no body, as the end of a sentence


def read(item: etree._Element) -> Content:
    """The text of an item. A component with the role Main is preferred; Belga parts a text into Title, Lead and Body."""
    titles: list[str] = []
    leads: list[str] = []
    bodies: list[tuple[bool, etree._Element, str]] = []
    why = "it has no ContentItem with text"
    roles: dict[etree._Element, str] = {}
    for content in item.iter("{*}ContentItem"):
        data = content.find("{*}DataContent")
        role = _role(content, roles)
        if data is None or (_media(content) not in ("", "text", "textual") and role not in (*TITLES, *LEADS)):
            if content.find("{*}Encoding") is not None:
                why = "its DataContent is encoded"
            continue
        if role in TITLES:
            titles.append(" ".join(tree.text(data).split()))
        elif role in LEADS:
            leads.append(" ".join(tree.text(data).split()))
        elif role not in OTHERS and (source := _source(data)):
            bodies.append((role not in ("main", "body"), content, source))
        elif role not in OTHERS:
            why = "its DataContent is empty"
    title, lead = next(filter(None, titles), ""), next(filter(None, leads), "")
    if not bodies and lead:
        bodies = [(False, item, f"<p>{escape(lead)}</p>")]
    if not bodies:
        return Content(None, None, title, lead, why=why)
    _, at, source = min(bodies, key=lambda found: found[0])
    nitf = {name: _words(at, name) for name in ("hl1", "byline", "dateline")}
    body = Value(source, at.sourceline or 0, place(at))
    return Content(body, at, title or nitf["hl1"], lead, nitf["byline"], nitf["dateline"])


def enclosures(item: etree._Element, warnings: list[str]) -> tuple[DraftEnclosure, ...]:
    """The files that the item refers to. A file that is not at an http or https URL is left out, with a warning."""
    found: dict[str, DraftEnclosure] = {}
    captions: dict[etree._Element, str] = {}
    for content in item.iter("{*}ContentItem"):
        href = content.get("Href", "").strip()
        if not href:
            continue
        url = joined(base_of(content), href)
        if not blocks.fetchable(url):
            warnings.append(f"A ContentItem was left out, because {href[:80]!r} is not an http or https URL.")
            continue
        media, mime = _media(content), _formal(content, "MimeType")
        type = files.media_type(url, mime)
        picture = media in PICTURES
        found.setdefault(
            url,
            DraftEnclosure(
                url=Value(url, content.sourceline or 0, f"{place(content)}/@Href"),
                type="image/jpeg" if picture and type == files.UNKNOWN else type,
                length=files.length(content.findtext("{*}Characteristics/{*}SizeInBytes") or ""),
                role="photo" if picture else files.role(type),
                caption=_caption(content, captions),
                lang="",
                licence_uri="",
                licence_text="",
                has_licence=False,
            ),
        )
    for data in item.iter("{*}body.content"):
        for file in blocks.enclosures(data, warnings):
            found.setdefault(file.url.text, file)
    return tuple(found.values())


def _caption(content: etree._Element, known: dict[etree._Element, str]) -> str:
    """The caption of a picture: a text with that role in its component or the one around it; else the headline of its component.

    `known`: the captions in components that were searched before.
    """
    around = list(content.iterancestors("{*}NewsComponent"))[:2]
    for component in around:
        if component not in known:
            inside = (
                inner for inner in component.findall("{*}NewsComponent") if _formal(inner, "Role").lower() == "caption"
            )
            data = next((found for inner in inside for found in inner.findall("{*}ContentItem/{*}DataContent")), None)
            known[component] = "" if data is None else " ".join(tree.text(data).split())
        if known[component]:
            return known[component]
    line = around[0].find("{*}NewsLines/{*}HeadLine") if around else None
    return "" if line is None else " ".join(tree.text(line).split())


def _source(data: etree._Element) -> str:
    """The source of a text as XHTML; empty if it has no words."""
    if not tree.text(data).strip():
        return ""
    nitf = [content for content in data.iter("{*}body.content")]
    if nitf:
        return "".join(map(blocks.xhtml, nitf))
    body = next(data.iter("{*}body"), None)
    if len(data):
        source = tree.fragment(data if body is None else body)
        return re.sub(r"<(/?)h1(?=[\s>])", r"<\1h2", source)
    text = data.text or ""
    return html.block(text.strip()) if MARKUP.search(text) else html.paragraphs(text)


def _words(at: etree._Element, name: str) -> str:
    found = next(at.iter(f"{{*}}{name}"), None)
    return "" if found is None else " ".join(tree.text(found).split())


def _role(content: etree._Element, known: dict[etree._Element, str]) -> str:
    """The role of the nearest component that has one, in lower case. `known`: those of components that were looked at before, because
    one may contain thousands."""
    for component in content.iterancestors("{*}NewsComponent"):
        if component not in known:
            known[component] = _formal(component, "Role").lower()
        if known[component]:
            return known[component]
    return ""


def _media(content: etree._Element) -> str:
    return _formal(content, "MediaType").lower()


def _formal(element: etree._Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "" if found is None else str(found.get("FormalName", "")).strip()
