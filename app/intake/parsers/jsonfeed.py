"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/): docs/dialects/jsonfeed.md.

Items of our own feeds have an extension (feeds/jsonfeed.py), so that nothing is lost in a round trip.
"""

import re
from collections.abc import Iterator

from app.errors import Fault, Invalid
from app.intake.draft import (
    UNREAD,
    ArticlePlace,
    Draft,
    DraftContact,
    DraftEnclosure,
    DraftRelated,
    DraftTerm,
    Given,
    Parsed,
    Value,
)
from app.intake.parsers import files, filled
from app.intake.parsers.jsontext import Node, Reader
from app.intake.parsers.moments import embargo_at, first_of
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import joined
from app.text import html

VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(?:\.[01])?/?")
ABOUT = "urn:pressrelay:json-feed:1"
OWN = {
    "about", "id", "version", "pubstatus", "signal", "kind", "office", "subheadlines", "dateline", "byline", "slugline", "urgency",
    "source", "issued", "embargoed", "held", "embargo_wording", "terms", "contacts", "copyright", "licence", "related", "note",
}  # fmt: skip
KINDS = ("press-release", "reference", "explanation")
STATUSES = ("usable", "withheld", "canceled")


def is_feed(root: Node) -> bool:
    """Whether a document is a JSON Feed."""
    version = root.get("version")
    return version is not None and isinstance(version.value, str) and "jsonfeed.org/version/" in version.value


def parse(root: Node, given: Given) -> Parsed:
    """The drafts of a feed; an item with faults is refused with all its faults. Raises Invalid."""
    version = str(root.value.get("version"))
    if not VERSION.fullmatch(version):
        raise Invalid([Fault(f"version is {version[:60]!r}; expected https://jsonfeed.org/version/1.1.", "/version")])
    items = root.get("items")
    if items is None or not isinstance(items.value, list) or not items.value:
        raise Invalid([Fault("The feed has no items.", "/items")], type="empty-release")
    drafts: list[tuple[int, Draft]] = []
    refused: dict[int, tuple[Fault, ...]] = {}
    read: set[str] = set()
    for index, (_, node) in enumerate(items.members()):
        if not isinstance(node.value, dict):
            refused[index] = (Fault("This is not an object; expected an item.", node.path),)
            continue
        item = _FeedItem(node, root, given)
        made = item.draft()
        read |= item.read
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused, read=frozenset(read))


class _FeedItem(Reader):
    """One item, with the feed around it."""

    def __init__(self, item: Node, feed: Node, given: Given) -> None:
        super().__init__()
        self.item = item
        self.feed = feed
        self.given = given
        self.read: set[str] = set()  # places of embargoes
        own = item.get("_pressrelay")
        self.own = own if own is not None and self.text(own, "about") == ABOUT else None
        self.base = next(
            (url for name in ("home_page_url", "feed_url") if (url := self.text(feed, name)).startswith("http")),
            given.base,
        )

    def draft(self) -> Draft | tuple[Fault, ...]:
        item, own = self.item, self.own
        title = self.value(item, "title")
        summary = self.text(item, "summary")
        body = self.body(title, summary)
        headline = title or (None if self.faults else self.headline(item, body, "title"))
        guid, made = self.guid()
        dates = [self.value(own, "issued"), self.value(item, "date_published"), self.value(item, "date_modified")]
        dated = first_of(filter(None, dates), self.given)
        self.warnings += dated.warnings
        self.faults += dated.faults[:1]
        self.warnings += [filled.UNDATED] if dated.value is None else []
        version = self.version(dated.value)
        until, held = self.embargo()
        terms, contacts, related = self.terms(), tuple(self.contacts()), tuple(self.related(guid))
        attachments = tuple(self.attachments())
        licence = own.get("licence") if own else None
        office = self.value(own, "office")
        wording = self.text(own, "embargo_wording")
        pubstatus, lost = self.pubstatus()
        draft = Draft(
            mark=ArticlePlace(0, item.path),
            guid=guid,
            guid_space=filled.GUID_SPACE if made else "",
            version=version,
            lang=self.lang(),
            office=office,
            kind=self.one_of("kind", KINDS),
            pubstatus=pubstatus,
            headline=headline or Value("", 0, item.path),
            subheadlines=tuple(self.texts(own, "subheadlines")),
            summary=summary,
            body=body,
            base=self.base,
            dateline=self.text(own, "dateline"),
            byline=self.text(own, "byline") if own else self.byline(),
            byline_soft=own is None,
            issued=dated.value or Value("", 0, item.path),
            undated=dated.value is None,
            issued_weekday="",
            embargo=until,
            held=held or lost,
            says_embargo=until is not None or held or lost,
            embargo_wording=wording,
            wording_decides=bool(wording) and until is None and not held,
            regions=terms.regions,
            topics=terms.topics,
            keywords=terms.keywords,
            contacts=contacts,
            enclosures=attachments,
            licence_uri=self.text(licence, "uri"),
            licence_text=self.text(licence, "text"),
            related=related,
            note=self.text(own, "note"),
            urgency=self.urgency(),
            signal=self.one_of("signal", ("", "correction", "update")),
            slugline=self.text(own, "slugline"),
            source=self.text(own, "source"),
            copyright=self.text(own, "copyright"),
            warnings=tuple(self.warnings),
        )
        return tuple(self.faults) if self.faults else draft

    def guid(self) -> tuple[Value, bool]:
        """(the id; else the address; else one that is made here, whether it was made here)."""
        found = self.value(self.item, "id")
        if found is None and (found := self.value(self.item, "url", "external_url")):
            self.warnings.append("The item has no id. Its address identifies it.")
        if found is not None:
            return Value("%20".join(found.text.split()), 0, found.path), False
        self.warnings.append(filled.NO_IDENTIFIER)
        texts = (self.text(self.item, name) for name in ("title", "content_html", "content_text", "summary"))
        return Value(filled.identifier(*texts), 0, self.item.path), True

    def body(self, title: Value | None, summary: str) -> Value:
        """The text: content_html, else content_text, else the summary, else the title with a link."""
        found = self.value(self.item, "content_html")
        if found is not None and not filled.empty(found.text):
            return Value(html.block(found.text), 0, found.path) if self.own is None else found
        found = self.value(self.item, "content_text")
        if found is None and summary:
            found = self.value(self.item, "summary")
        if found is not None:
            return Value(html.paragraphs(found.text), 0, found.path)
        if title is None:
            self.fault(
                self.item, "The item has no text: neither content_html, nor content_text, nor summary, nor title."
            )
            return Value("", 0, self.item.path)
        self.warnings.append(filled.NO_TEXT)
        return Value(filled.titled(title.text, self.text(self.item, "url", "external_url")), 0, title.path)

    def version(self, issued: Value | None) -> int:
        """Our own version; else the seconds of the last change since 1970; 1 without a date."""
        if self.own is not None and (given := self.own.get("version")) is not None:
            if isinstance(given.value, int) and 1 <= given.value <= filled.NEWEST:
                return given.value
            self.fault(given, f"The version is {str(given.value)[:30]}; expected a whole number from 1.")
        changed = first_of(filter(None, [self.value(self.item, "date_modified")]), self.given).value or issued
        return self.version_at(changed)

    def lang(self) -> Value:
        found = self.value(self.item, "language") or self.value(self.feed, "language")
        return self.language(found, self.item, "feed")

    def embargo(self) -> tuple[Value | None, bool]:
        """(instant, whether the article is held) of our extension. What is misspelt there holds the article."""
        own = self.own
        if own is None:
            return None, False
        self.read |= {f"{own.path}/{name}" for name in ("embargoed", "held", "embargo_wording", "pubstatus")}
        odd = next((node for name, node in own.members() if name not in OWN), None)
        if odd is not None:
            self.warnings.append(UNREAD.format(odd.path))
        held = own.value.get("held") not in (None, False) or odd is not None
        found = own.get("embargoed")
        if found is None:
            return None, held
        until = embargo_at(
            Value(found.value if isinstance(found.value, str) else str(found.value), 0, found.path), self.given
        )
        self.warnings += until.warnings
        return until.instant, held or until.held

    def pubstatus(self) -> tuple[str, bool]:
        """(status, whether it is unknown and the article is held)."""
        status = self.text(self.own, "pubstatus") or "usable"
        if status in STATUSES:
            return status, False
        self.warnings.append(UNREAD.format(f"The status {status[:40]!r}"))
        return "usable", True

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        found = self.text(self.own, name)
        if found and found not in known and self.own is not None:
            self.fault(
                self.own.get(name) or self.own,
                f"{name} is {found[:40]!r}; expected one of {', '.join(filter(None, known))}.",
            )
        return found or known[0]

    def urgency(self) -> int:
        found = self.own.get("urgency") if self.own else None
        if found is None:
            return 0
        if isinstance(found.value, int) and 1 <= found.value <= 9:
            return found.value
        self.fault(found, f"The urgency is {str(found.value)[:20]}; expected 1 to 9.")
        return 0

    def byline(self) -> str:
        people = self.objects(self.item, "authors", "author") or self.objects(self.feed, "authors", "author")
        return ", ".join(dict.fromkeys(filter(None, (self.text(person, "name") for person in people))))

    def terms(self) -> Classified:
        """Our own terms; else the tags as keywords."""
        if self.own is None:
            tags = self.texts(self.item, "tags")
            return classify(Category("", tag, "", 0, f"{self.item.path}/tags") for tag in tags)
        regions: list[DraftTerm] = []
        topics: list[DraftTerm] = []
        keywords: list[str] = []
        for term in self.objects(self.own, "terms"):
            scheme, code = self.text(term, "scheme"), self.text(term, "code")
            if scheme == "keyword":
                keywords.append(code)
            elif scheme in ("region", "medtop", "brm"):
                (regions if scheme == "region" else topics).append(DraftTerm(code, 0, term.path))
            else:
                self.fault(term, f"The scheme is {scheme[:40]!r}; expected one of region, medtop, brm, keyword.")
        return Classified(tuple(regions), tuple(topics), tuple(keywords))

    def contacts(self) -> Iterator[DraftContact]:
        for node in self.objects(self.own, "contacts"):
            yield DraftContact(*(self.text(node, name) for name in ("department", "role", "name", "phone", "email")))

    def related(self, guid: Value) -> Iterator[DraftRelated]:
        """Our own related articles; else the pages of the item."""
        if self.own is not None:
            for node in self.objects(self.own, "related"):
                url, lang = self.value(node, "url"), self.value(node, "translation")
                yield DraftRelated(self.text(node, "headline"), self.text(node, "guid"), url, lang)
            return
        for name in ("url", "external_url"):
            page = self.value(self.item, name)
            if page is not None and page.text.strip() != guid.text:
                yield DraftRelated("", "", Value(joined(self.base, page.text), 0, page.path))

    def attachments(self) -> Iterator[DraftEnclosure]:
        """The attachments, and the picture of the item unless there is a photo already."""
        photo = False
        for node in self.objects(self.item, "attachments"):
            url = self.value(node, "url")
            if url is None:
                self.fault(node, "The attachment has no url.")
                continue
            own = node.get("_pressrelay") if self.own is not None else None
            licence = own.get("licence") if own else None
            type = files.media_type(url.text, self.text(node, "mime_type"))
            role = self.text(own, "role") or files.role(type)
            photo = photo or type.startswith("image/")
            yield DraftEnclosure(
                url=Value(joined(self.base, files.address(url.text)), 0, url.path),
                type=type,
                length=files.length(self.text(node, "size_in_bytes")),
                role=role if role in ("photo", "document") else "document",
                caption=self.text(node, "title"),
                lang=self.text(own, "lang"),
                licence_uri=self.text(licence, "uri"),
                licence_text=self.text(licence, "text"),
                has_licence=licence is not None,
            )
        image = self.value(self.item, "image", "banner_image")
        if image is not None and not photo and self.own is None:
            url = Value(joined(self.base, files.address(image.text)), 0, image.path)
            type = files.media_type(url.text, "")
            type = type if type.startswith("image/") else "image/jpeg"
            yield DraftEnclosure(url, type, None, "photo", "", "", "", "", False)
