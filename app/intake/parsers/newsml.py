"""NewsML-G2 2.9 to 2.35: `newsItem`, `newsMessage`, `packageItem` with items: docs/dialects/newsml.md, schemas/xsd/newsml.xsd.

https://iptc.org/std/NewsML-G2/guidelines/
"""

from collections.abc import Iterator

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import Draft, DraftContact, DraftEnclosure, DraftRelated, Mark, Value
from app.intake.parsers import blocks, concepts, files, inline, ours
from app.intake.parsers.catalogs import NAR, Catalogs
from app.intake.parsers.concepts import constrained, name, speaks
from app.intake.parsers.faults import check
from app.intake.parsers.tree import LANG, Parsed, base_of, inherited, joined, place
from app.text.html import paragraphs
from feeds.wording import ALL_RIGHTS_RESERVED, SCHEMES, SIGNALS

ITEM, MESSAGE, PACKAGE = f"{NAR}newsItem", f"{NAR}newsMessage", f"{NAR}packageItem"
OTHERS = tuple(f"{NAR}{name}" for name in ("conceptItem", "knowledgeItem", "planningItem", "catalogItem"))
NATURE, TEXTS = "/newscodes/ninature", ("text", "composite")
KINDS = ("press-release", "reference", "explanation")
INSTANT = "a date and time with its zone, such as 2021-03-09T20:15:00+09:00"
FORMS = {
    **dict.fromkeys(("versionCreated", "firstCreated", "embargoed"), INSTANT),
    "contentCreated": "a date, or a date and time with its zone",
    "urgency": "a whole number from 1 to 9",
    "version": "a whole number from 1 to 2147483647",
    "guid": "1 to 512 characters without white space",
    "size": "a whole number of bytes",
}


def parse(root: etree._Element) -> Parsed:
    """The drafts of an item or a message. Raises Invalid where nothing in it is a news item."""
    items = _items(root)
    checked = check("newsml", root, items, lambda name, _: FORMS.get(name, ""))
    if checked.outside:
        raise Invalid(checked.outside)
    refused = dict(checked.refused)
    drafts: list[tuple[int, Draft]] = []
    for index, item in enumerate(items):
        made = refused.get(index) or _Item(item).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused, _unread(root, items))


def _unread(root: etree._Element, items: list[etree._Element]) -> int:
    """Items that are no articles here may name what waits, and what bears a pubconstraint is not for everybody."""
    others = 0 if root.tag != MESSAGE else sum(len(part) for part in root.findall(f"{NAR}itemSet")) - len(items)
    return others + int(root.xpath("count(//@pubconstraint)"))


def _items(root: etree._Element) -> list[etree._Element]:
    """What is to be read. A package among its items only orders them; alone it says that the text is elsewhere."""
    found = [root] if root.tag != MESSAGE else [item for part in root.findall(f"{NAR}itemSet") for item in part]
    items = [item for item in found if item.tag == ITEM]
    if items:
        return items
    at = found[0] if found else root
    if any(item.tag == PACKAGE for item in found):
        reason = "A packageItem only refers to items; send the news items themselves, in a newsMessage."
    elif found:
        reason = f"<{etree.QName(at).localname}> is not a news item: it has no text to publish."
    else:
        reason = "The message has no item."
    raise Invalid([Fault(reason, place(at), at.sourceline or 0)], type="empty-release")


class _Item:
    """One newsItem."""

    def __init__(self, item: etree._Element) -> None:
        self.item = item
        self.here = place(item)
        self.catalogs = Catalogs(item)
        self.faults: list[Fault] = []
        self.warnings = [f"The catalog {href[:120]!r} is not known and not fetched." for href in self.catalogs.unknown]
        tags = (one.get("tag", "").strip() for one in item.findall(f"{NAR}contentMeta/{NAR}language"))
        self.rights_of: dict[str, etree._Element] = {}  # id of a part, or empty -> the first that is told
        for info in item.findall(f"{NAR}rightsInfo"):
            for id in info.get("idrefs", "").split() or [""]:
                self.rights_of.setdefault(id, info)
        self.lang = next(filter(None, tags), "") or inherited(item, LANG)

    def fault(self, reason: str, element: etree._Element | None = None) -> None:
        at = self.item if element is None else element
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def meta(self, name: str) -> etree._Element | None:
        return self.item.find(f"{NAR}itemMeta/{NAR}{name}")

    def free(self, path: str) -> list[etree._Element]:
        """The elements there that may be published: what a pubconstraint constrains, we cannot know, and do not tell."""
        found = self.item.findall("/".join(f"{NAR}{step}" for step in path.split("/")))
        free = [one for one in found if not constrained(one)]
        if len(free) < len(found):
            self.warnings.append(f"{len(found) - len(free)} {path} with a pubconstraint: not published.")
        return free

    def content(self, name: str) -> list[etree._Element]:
        return self.free(f"contentMeta/{name}")

    def said(self, name: str) -> list[etree._Element]:
        """The texts of that name that say something in the item's language, or do not say their language."""
        found = [one for one in self.content(name) if ours.text(one).strip()]
        return [one for one in found if speaks(one, self.lang)]

    def texts(self, name: str) -> str:
        return "\n".join(ours.text(one).strip() for one in self.said(name))

    def role(self, element: etree._Element, attribute: str = "role") -> str:
        """The code of a role of ours; empty for another's."""
        scheme, code = self.catalogs.resolve(element.get(attribute, ""))
        return code if scheme == SCHEMES["role"] else ""

    def draft(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        self.news_class()
        guid = item.get("guid", "").strip()
        if not guid:
            self.fault("<newsItem> has no guid; it is required.")
        pubstatus, notes = self.pubstatus(), self.free("itemMeta/edNote")
        note = "\n".join(ours.text(one).strip() for one in notes if self.role(one) != "embargo")
        issued = self.issued()
        headline, subheadlines = self.headlines(pubstatus)
        body = self.body("" if headline is None else headline.text, pubstatus, note)
        if self.faults or issued is None or headline is None or body is None:
            return tuple(self.faults)
        classified = concepts.read((*self.content("located"), *self.content("subject")), self.catalogs, self.lang)
        office, issuer = self.provider()
        embargo = self.meta("embargoed")
        wording = " ".join(ours.text(one) for one in notes if self.role(one) == "embargo")
        until = (embargo.text or "").strip() if embargo is not None else ""
        properties = {self.role(one, "rel"): one.get("value", "") for one in self.free("itemMeta/itemMetaExtProperty")}
        licence_uri, licence_text = self.licence(self.rights())
        return Draft(
            mark=Mark(item.sourceline or 0, self.here),
            guid=Value(guid, item.sourceline or 0, f"{self.here}/@guid"),
            version=int(item.get("version", "1")),
            lang=self.language(),
            office=office,
            kind=self.kind(),
            pubstatus=pubstatus,
            headline=headline,
            subheadlines=subheadlines,
            summary=self.summary(),
            body=body,
            base=self.base(),
            dateline=self.texts("dateline"),
            byline=self.texts("by") or inline.nitf_text(item, "byline"),
            issued=issued,
            issued_weekday="",
            embargo=Value(until, embargo.sourceline or 0, place(embargo)) if embargo is not None and until else None,
            # Empty: until further notice (NewsML-G2 specification, "embargoed").
            held=(embargo is not None and not until) or properties.get("held") == "true",
            embargo_wording=wording,
            # Words alone: they mean what they say, and what is not understood is held.
            wording_decides=embargo is None and bool(wording) and "held" not in properties,
            regions=classified.regions,
            topics=classified.topics,
            keywords=(*map(ours.text, self.said("keyword")), *classified.keywords),
            contacts=tuple(self.contacts()),
            enclosures=tuple(self.enclosures()),
            licence_uri=licence_uri,
            licence_text=licence_text,
            related=tuple(self.related()),
            note=note,
            urgency=next((int(ours.text(one)) for one in self.content("urgency")), 0),
            slugline=next(map(ours.text, self.said("slugline")), ""),
            source=self.source(),
            copyright=self.copyright(),
            signal=self.signal(),
            issuer=issuer,
            warnings=tuple(self.warnings),
        )

    def news_class(self) -> None:
        """Text, or a mixture with text in it; a picture has its own place. A class that nobody knows is no obstacle."""
        element = self.meta("itemClass")
        scheme, code = ("", "") if element is None else self.catalogs.concept(element)
        if scheme.rstrip("/").endswith(NATURE) and code not in TEXTS:
            self.fault(f"The item is of class {code[:40]!r}; text is read, and composite.", element)

    def issued(self) -> Value | None:
        """When the content was made, as far as it is told to the second; else the item's first version, else this one."""
        places = [*self.content("contentCreated"), self.meta("firstCreated"), self.meta("versionCreated")]
        for element in places:
            if element is not None and "T" in (element.text or ""):
                return Value((element.text or "").strip(), element.sourceline or 0, place(element))
        self.fault(
            "<newsItem> has no versionCreated, firstCreated or contentCreated with date and time; one is required."
        )
        return None

    def headlines(self, pubstatus: str) -> tuple[Value | None, tuple[str, ...]]:
        """The first that is no subheadline, else the item's title; the others follow it."""
        found = self.said("headline")
        main = next((one for one in found if self.role(one) != "subheadline"), None)
        below = tuple(ours.text(one) for one in found if one is not main)
        titles = (*self.free("itemMeta/title"), *self.item.iter(f"{inline.XHTML}title"))
        main = next((one for one in (main, *titles) if one is not None and ours.text(one).strip()), None)
        if main is not None:
            return Value(ours.text(main), main.sourceline or 0, place(main)), below
        inside = inline.nitf_text(self.item, "hl1", "title")
        if not inside and pubstatus == "canceled":
            inside = self.item.get("guid", "")
        if inside:
            return Value(inside, self.item.sourceline or 0, self.here), below
        self.fault("<newsItem> has no headline and no title; one is required.")
        return None, ()

    def body(self, headline: str, pubstatus: str, note: str) -> Value | None:
        """The text. A canceled item may come without: then it is what its note says, or its headline."""
        found = inline.read(self.item, self.lang, headline)
        if isinstance(found, Value):
            return found
        if pubstatus == "canceled":
            return Value(paragraphs(note or headline), self.item.sourceline or 0, self.here)
        self.fault(f"<newsItem> has no text that is read: {found}.", self.item.find(f"{NAR}contentSet"))
        return None

    def base(self) -> str:
        """What links in the text are relative to (HTML's base, XML Base)."""
        text = self.item.find(f"{NAR}contentSet/{NAR}inlineXML")
        told = "" if text is None else next((one.get("href", "") for one in text.iter(f"{inline.XHTML}base")), "")
        return joined(base_of(self.item if text is None else text), told)

    def language(self) -> Value:
        if not self.lang:
            self.warnings.append("The item does not say its language: it is kept as und, undetermined.")
        return Value(self.lang or "und", self.item.sourceline or 0, f"{self.here}/@xml:lang")

    def kind(self) -> str:
        for genre in self.content("genre"):
            scheme, code = self.catalogs.concept(genre)
            if scheme == SCHEMES["kind"] and code in KINDS:
                return code
        return "press-release"

    def pubstatus(self) -> str:
        """https://cv.iptc.org/newscodes/pubstatusg2/; none: usable."""
        status = self.meta("pubStatus")
        if status is None:
            return "usable"
        _, code = self.catalogs.concept(status)
        if code not in ("usable", "withheld", "canceled"):
            self.warnings.append(f"The pubStatus {code[:40]!r} is not known: it was taken for withheld.")
            return "withheld"
        return code

    def signal(self) -> str:
        """https://cv.iptc.org/newscodes/signal/; other signals, such as a warning of the content, say nothing of versions."""
        found = (self.catalogs.concept(one) for one in self.free("itemMeta/signal"))
        return next((code for scheme, code in found if scheme == SCHEMES["signal"] and code in SIGNALS), "")

    def summary(self) -> str:
        found = self.said("description")
        named = [one for one in found if self.catalogs.resolve(one.get("role", ""))[1] == "summary"]
        return "\n".join(ours.text(one) for one in (named or found)[:1])

    def provider(self) -> tuple[Value | None, str]:
        """(an office by a code of ours, or who else it says it is from)."""
        provider = self.meta("provider")
        if provider is None:
            return None, ""
        scheme, code = self.catalogs.concept(provider)
        if scheme == SCHEMES["office"]:
            return Value(code, provider.sourceline or 0, place(provider)), ""
        return None, name(provider, self.lang) or provider.get("literal", "") or code

    def source(self) -> str:
        for source in self.content("infoSource"):
            if self.catalogs.concept(source)[0] != SCHEMES["office"] and (
                words := name(source, self.lang) or source.get("literal", "")
            ):
                return str(words)
        return ""

    def contacts(self) -> Iterator[DraftContact]:
        for party in self.content("contributor"):
            if self.role(party) != "contact":
                continue
            person = party.find(f"{NAR}personDetails")
            called = name(party, self.lang)
            department = "" if person is None else person.findtext(f"{NAR}affiliation/{NAR}name") or ""
            phone, email = (party.findtext(f".//{NAR}contactInfo/{NAR}{way}") or "" for way in ("phone", "email"))
            role = party.findtext(f"{NAR}note") or ""
            yield DraftContact(
                called if person is None else department, role, "" if person is None else called, phone, email
            )

    def enclosures(self) -> Iterator[DraftEnclosure]:
        for element in self.free("contentSet/remoteContent"):
            url = joined(base_of(element), element.get("href", "")) if element.get("href") else ""
            if not blocks.fetchable(url):
                shown = element.get("href", "") or element.get("residref", "")
                self.warnings.append(f"A remoteContent has no http or https URL ({shown[:80]!r}): it is left out.")
                continue
            type, role = files.media_type(url, element.get("contenttype", "")), self.role(element, "rendition")
            rights = self.rights(element.get("id", "")) if element.get("id") else None
            uri, text = self.licence(rights)
            yield DraftEnclosure(
                url=Value(url, element.sourceline or 0, f"{place(element)}/@href"),
                type=type,
                length=int(element.get("size", "")) if element.get("size") else None,
                role=role if role in ("photo", "document") else files.role(type),
                caption=element.get("title", "") or element.findtext(f"{NAR}altText") or "",
                lang=element.get("language", ""),
                licence_uri=uri,
                licence_text=text,
                has_licence=rights is not None,
            )
        for inside in self.item.iterfind(f"{NAR}contentSet/{NAR}inlineXML"):
            for content in inline.contents(inside):
                yield from blocks.enclosures(content, self.warnings)

    def rights(self, id: str = "") -> etree._Element | None:
        """The rights of a part, or of the whole."""
        return self.rights_of.get(id)

    def licence(self, info: etree._Element | None) -> tuple[str, str]:
        if info is None:
            return "", ""
        terms, link = info.findall(f"{NAR}usageTerms"), info.find(f"{NAR}link")
        spoken = [one for one in terms if speaks(one, self.lang)] or terms
        uri = next((one.get("href", "") for one in (link, *spoken) if one is not None and one.get("href")), "")
        text = " ".join(ours.text(one).strip() for one in spoken)
        text = text.removesuffix(uri).strip() if uri else text
        return uri, "" if text == ALL_RIGHTS_RESERVED else text

    def copyright(self) -> str:
        info = self.rights()
        notices = [] if info is None else info.findall(f"{NAR}copyrightNotice")
        spoken = [one for one in notices if speaks(one, self.lang)] or notices
        return ours.text(spoken[0]) if spoken else ""

    def related(self) -> Iterator[DraftRelated]:
        """A link by URL, or by the guid of another item; any other URI is taken for a guid."""
        for link in self.free("itemMeta/link"):
            href, guid = link.get("href", "").strip(), link.get("residref", "").strip()
            href = joined(base_of(link), href) if href else ""
            if href and not blocks.fetchable(href):
                href, guid = "", guid or href
            if self.role(link, "rel") == "page" or not (href or guid) or (not href and guid == self.item.get("guid")):
                continue
            url = Value(href, link.sourceline or 0, f"{place(link)}/@href") if href else None
            language = link.find(f"{NAR}language") if self.role(link, "rel") == "translation" else None
            lang = "" if language is None else language.get("tag", "").strip()
            told = Value(lang, link.sourceline or 0, f"{place(link)}/language/@tag") if lang else None
            yield DraftRelated(link.get("title", "") or link.findtext(f"{NAR}title") or "", guid, url, told)
