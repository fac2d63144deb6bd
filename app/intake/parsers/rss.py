"""RSS 0.91 to 2.0 with content:encoded, Dublin Core, Media RSS and Atom's elements: docs/dialects/rss.md.

https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile, https://www.rssboard.org/media-rss
"""

import html as entities
import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.errors import Fault, Invalid, Problem
from app.intake.draft import Draft, DraftRelated, Mark, Value
from app.intake.parsers import revision
from app.intake.parsers.faults import check
from app.intake.parsers.media import ATOM, CC, DC, MEDIA, OLD_CC, enclosures
from app.intake.parsers.rfc822 import Instant, instant
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import LANG, Parsed, base_of, joined, place, text
from app.intake.parsers.unread import embargoed, strangers
from app.text import html
from schemas import codes

ROOT = "rss"
VERSIONS = re.compile(r"0\.9[1-4](\d)?|2\.0(\.\d+)?")
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
TERMS = "{http://purl.org/dc/terms/}"
RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
INLINE = re.compile(
    r"<(?=[/abefismu])/?(?:a|b|em|font|i|small|span|strong|sub|sup|u|mark)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
BREAK = re.compile(r"<(?:br|/?p|/?div)(?:\s[^<>]*)?/?>", re.IGNORECASE)
MARKUP = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")
AUTHOR = re.compile(r"[^\s@(]++@[^\s(]++ ?\((.+)\)")  # lawyer@boyer.net (Lawyer Boyer)


def parse(root: etree._Element) -> Parsed:
    """The drafts of a feed; an item that is not as it should be is refused with every fault of it.

    Raises Invalid for another version, Problem for a feed without items.
    """
    version = root.get("version", "").strip()
    if not VERSIONS.fullmatch(version):
        reason = f"The attribute version of <rss> is {version[:20]!r}; expected is 2.0, or 0.91 to 0.94."
        raise Invalid([Fault(reason, "/rss", root.sourceline or 0)])
    items = [item for channel in root.iterchildren("channel") for item in channel.iterchildren("item")]
    if not items:
        reason = "The feed has no <item> in a <channel>; nothing was stored."
        errors = [Fault(reason, "/rss", root.sourceline or 0)]
        raise Problem(422, "empty-release", "No article in it", reason, errors=errors)
    drafts: list[tuple[int, Draft]] = []
    refused: dict[int, tuple[Fault, ...]] = {}
    for index, item in enumerate(items):
        faults = check("rss", item, [item], _form).refused.get(0, ())
        read = _Item(item).read()
        if isinstance(read, Draft) and not faults:
            drafts.append((index, read))
        else:
            refused[index] = faults if isinstance(read, Draft) else (*faults, *read)
    return Parsed(tuple(drafts), refused)


def _form(name: str, element: etree._Element | None) -> str:
    return "a URL without white space" if name == "url" else ""


class _Item:
    """One item, what is wrong with it and what its office should look at."""

    def __init__(self, item: etree._Element) -> None:
        self.item = item
        self.channel: etree._Element = item.getparent()
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def fault(self, at: etree._Element, reason: str) -> None:
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def read(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        for reason, at in strangers(item):
            self.fault(at, reason)
        guid = self.guid()
        headline = self.headline()
        written, issued = self.issued()
        version = self.version(issued)
        summary, body = self.texts()
        if self.faults or guid is None or headline is None or written is None or body is None:
            return tuple(self.faults)
        try:
            files = enclosures(item)
        except html.TooComplex as error:
            self.fault(item, f"In a text of Media RSS, {error}")
            return tuple(self.faults)
        classified = self.categories()
        byline, soft = self.byline()
        licence_uri = self.licence()
        until, held = embargoed(item)
        return Draft(
            mark=Mark(item.sourceline or 0, place(item)),
            guid=guid,
            version=version,
            lang=self.lang(),
            office=None,
            kind="press-release",
            pubstatus="usable",
            headline=headline,
            subheadlines=(),
            summary=summary,
            body=body,
            base=base_of(item),
            dateline="",
            byline=byline,
            byline_soft=soft,
            issued=written,
            issued_weekday=issued.weekday if isinstance(issued, Instant) else "",
            embargo=until,
            held=held,
            says_embargo=until is not None or held,
            embargo_wording="",
            regions=classified.regions,
            topics=classified.topics,
            keywords=classified.keywords,
            contacts=(),
            enclosures=files,
            licence_uri=licence_uri,
            licence_text="",
            related=tuple(self.related(guid.text.strip())),
            note="",
            source=text(item.find("source")),
            copyright=self.first(item, f"{DC}rights", f"{MEDIA}copyright")
            or self.first(self.channel, "copyright", f"{DC}rights"),
            warnings=tuple(self.warnings),
        )

    def first(self, parent: etree._Element, *names: str) -> str:
        """The first text that is not empty among the children of those names."""
        found = (" ".join(text(child).split()) for name in names for child in parent.findall(name))
        return next(filter(None, found), "")

    def guid(self) -> Value | None:
        """The guid, else the link, which many a feed has alone. White space within ("4711 at https://…") becomes %20."""
        for name in ("guid", "link"):
            element = self.item.find(name)
            if element is not None and text(element).strip():
                return Value("%20".join(text(element).split()), element.sourceline or 0, place(element))
        self.fault(self.item, "<item> has neither a <guid> nor a <link>: nothing tells it from others.")
        return None

    def headline(self) -> Value | None:
        """RSS leaves open whether a title is plain or HTML: entities are resolved once, tags of phrases are dropped."""
        element = next((found for found in self.item.findall("title") if text(found).strip()), None)
        if element is None:
            self.fault(self.item, "<item> has no <title>.")
            return None
        title = INLINE.sub("", BREAK.sub(" ", text(element)))
        title = ENTITY.sub(lambda entity: entities.unescape(entity[0]), title)
        return Value(title, element.sourceline or 0, place(element))

    def issued(self) -> tuple[Value | None, Instant | None]:
        """pubDate, else dc:date or an Atom or Dublin Core date."""
        names = ("pubDate", f"{DC}date", f"{ATOM}published", f"{TERMS}created", f"{ATOM}updated")
        found = (self.item.find(name) for name in names)
        element = next((one for one in found if one is not None and text(one).strip()), None)
        if element is None:
            self.fault(self.item, "<item> has no <pubDate>: nothing says when it was issued.")
            return None, None
        read = self.date(element)
        if read is None:
            return None, None
        return Value(read.iso, element.sourceline or 0, place(element)), read

    def date(self, element: etree._Element) -> Instant | None:
        read = instant(text(element))
        if isinstance(read, str):
            name = etree.QName(element).localname
            self.fault(element, f"<{name}> is {text(element).strip()[:80]!r}: {read}.")
            return None
        return read

    def version(self, issued: Instant | None) -> int:
        """The second of atom:updated or dcterms:modified, else of the date of issue."""
        for name in (f"{ATOM}updated", f"{TERMS}modified"):
            element = self.item.find(name)
            if element is not None and (changed := self.date(element)):
                return self.second(element, changed)
        return 0 if issued is None else self.second(self.item, issued)

    def second(self, at: etree._Element, moment: Instant) -> int:
        version = revision.version(datetime.fromisoformat(moment.iso))
        if version is None:
            self.fault(at, f"{moment.iso}: {revision.RANGE}.")
        return version or 0

    def texts(self) -> tuple[str, Value | None]:
        """Summary and body: the description is the summary beside content:encoded, and the body without it."""
        encoded = self.item.find(ENCODED)
        description = self.item.find("description")
        if encoded is not None and text(encoded).strip():
            return self.summary(description), self.body(encoded)
        if description is None or not text(description).strip():
            self.fault(self.item, "<item> has neither a <description> nor <content:encoded>: there is no text.")
            return "", None
        return "", self.body(description)

    def summary(self, description: etree._Element | None) -> str:
        if description is None:
            return ""
        try:
            return html.plain(_hypertext(text(description)))
        except html.TooComplex as error:
            self.fault(description, f"In the <description>, {error}")
            return ""

    def body(self, element: etree._Element) -> Value:
        body = text(element) if element.tag == ENCODED else _hypertext(text(element))
        faults, warnings = html.active(body)
        for reason in faults:
            self.fault(element, f"In the body, {reason}")
        self.warnings += warnings
        return Value(body, element.sourceline or 0, place(element))

    def lang(self) -> Value:
        """The item's language, else its channel's."""
        for parent in (self.item, self.channel, self.channel.getparent()):
            if said := parent.get(LANG, ""):
                return Value(said, parent.sourceline or 0, f"{place(parent)}/@xml:lang")
            for name in (f"{DC}language", "language"):
                element = parent.find(name)
                if element is not None and text(element).strip():
                    return Value(text(element), element.sourceline or 0, place(element))
        self.warnings.append("The feed does not say its language: it is kept as und, undetermined.")
        return Value("und", self.channel.sourceline or 0, f"{place(self.channel)}/language")

    def byline(self) -> tuple[str, bool]:
        """Contributors, else the creator or author, who may be the office itself."""
        if names := self.persons(f"{DC}contributor"):
            return names, False
        return self.persons(f"{DC}creator") or self.persons("author"), True

    def persons(self, name: str) -> str:
        found = (" ".join(text(element).split()) for element in self.item.findall(name))
        named = (named[1] if (named := AUTHOR.fullmatch(person)) else person for person in found)
        return ", ".join(dict.fromkeys(filter(None, named)))

    def categories(self) -> Classified:
        """The names of codes that stand beside them (so our own feed writes them) are no keywords."""
        found = [
            Category(element.get("domain", ""), text(element), "", element.sourceline or 0, place(element))
            for element in self.item.findall("category")
        ]
        subjects = self.item.findall(f"{DC}subject")
        found += [Category("", text(element), "", element.sourceline or 0, place(element)) for element in subjects]
        known = classify(found)
        names = {
            name
            for table, terms in ((codes("region"), known.regions), (codes("topic"), known.topics))
            for term in terms
            if (code := table.get(term.text))
            for name in code.names.values()
        }
        return Classified(known.regions, known.topics, tuple(word for word in known.keywords if word not in names))

    def licence(self) -> str:
        for name, attribute in ((f"{OLD_CC}license", ""), (f"{CC}license", RESOURCE), (f"{MEDIA}license", "href")):
            element = self.item.find(name)
            if element is not None and (found := element.get(attribute, "") if attribute else text(element).strip()):
                return found
        return next((link.get("href", "") for link in self.links("license")), "")

    def links(self, rel: str) -> Iterator[etree._Element]:
        return (link for link in self.item.findall(f"{ATOM}link") if link.get("rel", "alternate").strip() == rel)

    def related(self, guid: str) -> Iterator[DraftRelated]:
        """atom:link rel="related", and the page of the item, where it is not the guid."""
        base = base_of(self.item)
        for link in self.links("related"):
            href, title = joined(base, link.get("href", "")), link.get("title", "")
            if href.startswith(("http://", "https://")):
                yield DraftRelated(title, "", Value(href, link.sourceline or 0, f"{place(link)}/@href"))
            elif href:
                yield DraftRelated(title, href, None)
        page = self.item.find("link")
        if page is not None and text(page).strip() and text(page).strip() != guid:
            yield DraftRelated("", "", Value(joined(base, text(page)), page.sourceline or 0, place(page)))


def _hypertext(source: str) -> str:
    """HTML as it came; a text without a tag as paragraphs, its entities resolved once."""
    if MARKUP.search(source):
        return html.block(source)
    return html.paragraphs(ENTITY.sub(lambda entity: entities.unescape(entity[0]), source))
