"""The files of an RSS item: its enclosures, and the files that Media RSS adds or describes.

https://www.rssboard.org/rss-specification#ltenclosuregtSubelementOfLtitemgt, https://www.rssboard.org/media-rss
"""

from collections.abc import Iterator

from lxml import etree
from msgspec import structs

from app.intake.draft import DraftEnclosure, Value
from app.intake.parsers import files
from app.intake.parsers.tree import base_of, joined, place, text
from app.text import html

ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
MEDIA = "{http://search.yahoo.com/mrss/}"
CC = "{http://web.resource.org/cc/}"
OLD_CC = "{http://backend.userland.com/creativeCommonsRssModule}"


def enclosures(item: etree._Element) -> tuple[DraftEnclosure, ...]:
    """Each file once. Later elements with the same URL complete the first one. A thumbnail counts only if there is no photo.

    Raises html.TooComplex for an HTML text that breaks a limit.
    """
    found: dict[str, DraftEnclosure] = {}
    for file in (*map(_enclosure, item.findall("enclosure")), *_contents(item)):
        first = found.get(file.url.text)
        found[file.url.text] = file if first is None else _completed(first, file)
    if not any(file.role == "photo" for file in found.values()):
        thumbnail = next(iter(item.findall(f"{MEDIA}thumbnail") or item.iter(f"{MEDIA}thumbnail")), None)
        if thumbnail is not None and thumbnail.get("url"):
            file = structs.replace(_file(thumbnail, []), role="photo")
            found[file.url.text] = file
    return tuple(found.values())


def _completed(first: DraftEnclosure, again: DraftEnclosure) -> DraftEnclosure:
    return structs.replace(
        first,
        type=again.type if first.type == files.UNKNOWN else first.type,
        length=again.length if first.length is None else first.length,
        role=again.role if first.role == "document" else first.role,
        caption=first.caption or again.caption,
        lang=first.lang or again.lang,
        licence_uri=first.licence_uri or again.licence_uri,
        licence_text=first.licence_text or again.licence_text,
        has_licence=first.has_licence or again.has_licence,
    )


def _contents(item: etree._Element) -> Iterator[DraftEnclosure]:
    """The media:content elements. The members of a media:group are renditions of one file, so only the default or first one counts."""
    for element in item.iterchildren(f"{MEDIA}content", f"{MEDIA}group"):
        if element.tag == f"{MEDIA}content":
            if element.get("url"):
                yield _file(element, [element])
            continue
        members = [content for content in element.findall(f"{MEDIA}content") if content.get("url")]
        members.sort(key=lambda content: content.get("isDefault", "").strip() != "true")
        for member in members[:1]:
            yield _file(member, [member, element])


def _enclosure(element: etree._Element) -> DraftEnclosure:
    """The file of an enclosure. A `length` of 0 means that it is not known (RSS Advisory Board profile)."""
    return structs.replace(_file(element, []), length=files.length(element.get("length", "")) or None)


def _file(element: etree._Element, levels: list[etree._Element]) -> DraftEnclosure:
    """A file, described by the Media RSS elements in `levels`; the first that has a value counts."""

    def described(name: str) -> etree._Element | None:
        return next((found for level in levels if (found := level.find(f"{MEDIA}{name}")) is not None), None)

    url = joined(base_of(element), files.address(element.get("url", "")))
    type = files.media_type(url, element.get("type", ""))
    medium = element.get("medium", "").strip()
    title, credit = _words(described("title")) or _words(described("description")), _words(described("credit"))
    rights, licence = described("copyright"), described("license")
    links = (
        licence.get("href", "") if licence is not None else "",
        rights.get("url", "") if rights is not None else "",
    )
    return DraftEnclosure(
        url=Value(url, element.sourceline or 0, f"{place(element)}/@url"),
        type=type,
        length=files.length(element.get("fileSize", "")),
        role="photo" if medium == "image" else files.role(type),
        caption=f"{title} ({credit})" if title and credit else title or credit,
        lang=element.get("lang", ""),
        licence_uri=next(filter(None, links), ""),
        licence_text=_words(rights) or _words(licence),
        has_licence=rights is not None or licence is not None,
    )


def _words(element: etree._Element | None) -> str:
    """The plain text of an element, which is HTML if type="html"."""
    if element is None:
        return ""
    return html.plain(text(element)) if element.get("type", "") == "html" else text(element).strip()
