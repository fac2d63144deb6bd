"""NewsML-G2 2.9 to 2.35: `newsItem`, `newsMessage`, `packageItem` with items: docs/dialects/newsml.md, schemas/xsd/newsml.xsd.

https://iptc.org/std/NewsML-G2/guidelines/
"""

from collections.abc import Iterator
from html import escape

from lxml import etree

from app.draft import Draft, DraftContact, DraftEnclosure, DraftRelated, DraftTerm, Mark, Value
from app.errors import Fault, Invalid
from app.parsers import blocks, ours, terms
from app.parsers.catalogs import NAR, Catalogs
from app.parsers.faults import check
from app.parsers.tree import BASE, LANG, Parsed, inherited, place
from feeds.wording import ALL_RIGHTS_RESERVED, SCHEMES

ITEM, MESSAGE, PACKAGE = f"{NAR}newsItem", f"{NAR}newsMessage", f"{NAR}packageItem"
OTHERS = tuple(f"{NAR}{name}" for name in ("conceptItem", "knowledgeItem", "planningItem", "catalogItem"))
XHTML = "{http://www.w3.org/1999/xhtml}"
TEXTS = ("text", "composite")
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
    return Parsed(tuple(drafts), refused)


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

    def fault(self, reason: str, element: etree._Element | None = None) -> None:
        at = self.item if element is None else element
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def meta(self, name: str) -> etree._Element | None:
        return self.item.find(f"{NAR}itemMeta/{NAR}{name}")

    def content(self, name: str) -> list[etree._Element]:
        return list(self.item.findall(f"{NAR}contentMeta/{NAR}{name}"))

    def texts(self, name: str) -> str:
        return "\n".join(filter(None, (ours.text(one).strip() for one in self.content(name))))

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
        issued = self.issued()
        headline, subheadlines = self.headlines()
        body = self.body()
        if self.faults or issued is None or headline is None or body is None:
            return tuple(self.faults)
        regions, topics = self.terms()
        office, issuer = self.provider()
        embargo = self.meta("embargoed")
        until = (embargo.text or "").strip() if embargo is not None else ""
        properties = {self.role(one, "rel"): one.get("value", "") for one in self.properties()}
        licence_uri, licence_text = self.licence(self.rights())
        notes = self.item.findall(f"{NAR}itemMeta/{NAR}edNote")
        return Draft(
            mark=Mark(item.sourceline or 0, self.here),
            guid=Value(guid, item.sourceline or 0, f"{self.here}/@guid"),
            version=int(item.get("version", "1")),
            lang=self.lang(),
            office=office,
            kind=self.kind(),
            pubstatus=self.pubstatus(),
            headline=headline,
            subheadlines=subheadlines,
            summary=self.summary(),
            body=body,
            base=inherited(item, BASE),
            dateline=self.texts("dateline"),
            byline=self.texts("by") or self.nitf_byline(),
            issued=issued,
            issued_weekday="",
            embargo=Value(until, embargo.sourceline or 0, place(embargo)) if embargo is not None and until else None,
            # Empty: until further notice (NewsML-G2 specification, "embargoed").
            held=(embargo is not None and not until) or properties.get("held") == "true",
            embargo_wording=" ".join(ours.text(note) for note in notes if self.role(note) == "embargo"),
            regions=regions,
            topics=topics,
            keywords=tuple(map(ours.text, self.content("keyword"))),
            contacts=tuple(self.contacts()),
            enclosures=tuple(self.enclosures()),
            licence_uri=licence_uri,
            licence_text=licence_text,
            related=tuple(self.related()),
            note="\n".join(ours.text(note) for note in notes if self.role(note) != "embargo"),
            urgency=int(self.texts("urgency") or 0),
            slugline=next((ours.text(one) for one in self.content("slugline")), ""),
            source=self.source(),
            copyright=self.copyright(),
            issuer=issuer,
            warnings=tuple(self.warnings),
        )

    def news_class(self) -> None:
        """Text, or a mixture with text in it; a picture has its own place."""
        item_class = self.meta("itemClass")
        if item_class is not None and not self.catalogs.is_one(item_class, "ninature", *TEXTS):
            _, code = self.catalogs.concept(item_class)
            if code and self.item.find(f"{NAR}contentSet/{NAR}inlineXML") is None:
                self.fault(f"The item is of class {code[:40]!r}; text is read, and composite.", item_class)

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

    def headlines(self) -> tuple[Value | None, tuple[str, ...]]:
        """The first that is no subheadline, else the item's title; the others follow it."""
        found = [one for one in self.content("headline") if ours.text(one).strip()]
        main = next((one for one in found if self.role(one) != "subheadline"), None)
        below = tuple(ours.text(one) for one in found if one is not main)
        if main is None:
            titles = [
                self.meta("title"),
                next(self.item.iter(f"{XHTML}title"), None),
                next(self.item.iter("{*}hl1"), None),
            ]
            main = next((one for one in titles if one is not None and ours.text(one).strip()), None)
        if main is None:
            self.fault("<newsItem> has no headline and no title; one is required.")
            return None, ()
        return Value(ours.text(main), main.sourceline or 0, place(main)), below

    def body(self) -> Value | None:
        """XHTML before NITF before plain text, of the renditions of one and the same content."""
        sets = self.item.findall(f"{NAR}contentSet")
        for name, read in (("inlineXML", self.xhtml), ("inlineXML", self.nitf), ("inlineData", self.data)):
            for element in (one for part in sets for one in part.findall(f"{NAR}{name}")):
                source = read(element)
                if source is not None:
                    return Value(source, element.sourceline or 0, place(element))
        elsewhere = any(part.find(f"{NAR}remoteContent") is not None for part in sets)
        where = "it only refers to remote content" if elsewhere else "it has no contentSet with inlineXML or inlineData"
        self.fault(f"<newsItem> has no text that is read: {where}.", sets[0] if sets else None)
        return None

    def xhtml(self, element: etree._Element) -> str | None:
        body = next(element.iter(f"{XHTML}body"), None)
        if body is None and len(element) and element[0].tag.startswith(XHTML):
            return ours.outer(element)
        return None if body is None else ours.fragment(body)

    def nitf(self, element: etree._Element) -> str | None:
        content = next(element.iter("{*}body.content"), None)
        return None if content is None else blocks.xhtml(content)

    def nitf_byline(self) -> str:
        found = next(self.item.iter("{*}byline"), None)
        return "" if found is None else " ".join("".join(found.itertext()).split())

    def data(self, element: etree._Element) -> str | None:
        """text/html, or text whose paragraphs are parted by a blank line."""
        if element.get("encoding"):
            return None
        if "html" in element.get("contenttype", ""):
            return element.text or ""
        return "".join(f"<p>{escape(part.strip())}</p>" for part in ours.text(element).split("\n\n") if part.strip())

    def lang(self) -> Value:
        told = next((one.get("tag", "") for one in self.content("language")), "") or inherited(self.item, LANG)
        if not told:
            self.warnings.append("The item does not say its language: it is kept as und, undetermined.")
        return Value(told or "und", self.item.sourceline or 0, f"{self.here}/@xml:lang")

    def kind(self) -> str:
        for genre in self.content("genre"):
            scheme, code = self.catalogs.concept(genre)
            if scheme == SCHEMES["kind"]:
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

    def summary(self) -> str:
        found = self.content("description")
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
        return None, _name(provider) or provider.get("literal", "") or code

    def source(self) -> str:
        for source in self.content("infoSource"):
            if self.catalogs.concept(source)[0] != SCHEMES["office"] and (
                name := _name(source) or source.get("literal", "")
            ):
                return str(name)
        return ""

    def terms(self) -> tuple[tuple[DraftTerm, ...], tuple[DraftTerm, ...]]:
        """Places and subjects. What our tables do not know becomes a keyword, with a warning (normalize)."""
        regions: list[DraftTerm] = []
        topics: list[DraftTerm] = []
        for element in (*self.content("located"), *self.content("subject")):
            scheme, code = self.catalogs.concept(element)
            kind, text, own = terms.term(scheme, code)
            name = _name(element) or element.get("literal", "") or code
            is_place = kind == "region" or (kind == "keyword" and element.tag == f"{NAR}located")
            written = text if kind != "keyword" else name
            if not written:
                continue
            term = DraftTerm(written, element.sourceline or 0, place(element), soft=not own, name=name)
            (regions if is_place else topics).append(term)
        return tuple(regions), tuple(topics)

    def contacts(self) -> Iterator[DraftContact]:
        for party in self.content("contributor"):
            if self.role(party) != "contact":
                continue
            person = party.find(f"{NAR}personDetails")
            name = _name(party)
            department = "" if person is None else person.findtext(f"{NAR}affiliation/{NAR}name") or ""
            phone, email = (party.findtext(f".//{NAR}contactInfo/{NAR}{way}") or "" for way in ("phone", "email"))
            role = party.findtext(f"{NAR}note") or ""
            yield DraftContact(
                name if person is None else department, role, "" if person is None else name, phone, email
            )

    def enclosures(self) -> Iterator[DraftEnclosure]:
        for element in self.item.findall(f"{NAR}contentSet/{NAR}remoteContent"):
            href = element.get("href", "")
            if not href:
                self.warnings.append(
                    f"A remoteContent has no href ({element.get('residref', '')[:80]!r}): it is left out."
                )
                continue
            type, role = element.get("contenttype", ""), self.role(element, "rendition")
            rights = self.rights(element.get("id", ""))
            uri, text = self.licence(rights)
            caption = element.get("title", "") or element.findtext(f"{NAR}altText") or ""
            yield DraftEnclosure(
                url=Value(href, element.sourceline or 0, f"{place(element)}/@href"),
                type=type,
                length=int(element.get("size", "")) if element.get("size") else None,
                role=role if role in ("photo", "document") else "photo" if type.startswith("image/") else "document",
                caption=caption,
                lang=element.get("language", ""),
                licence_uri=uri,
                licence_text=text,
                has_licence=rights is not None,
            )
        for content in self.item.iter("{*}body.content"):
            yield from blocks.enclosures(content)

    def rights(self, id: str = "") -> etree._Element | None:
        """The rights of a part, or of the whole."""
        for info in self.item.findall(f"{NAR}rightsInfo"):
            of = info.get("idrefs", "").split()
            if (id in of) if id else not of:
                return info
        return None

    def licence(self, info: etree._Element | None) -> tuple[str, str]:
        if info is None:
            return "", ""
        link = info.find(f"{NAR}link")
        uri = link.get("href", "") if link is not None else ""
        text = " ".join(ours.text(one).strip() for one in info.findall(f"{NAR}usageTerms"))
        text = text.removesuffix(uri).strip() if uri else text
        return uri, "" if text == ALL_RIGHTS_RESERVED else text

    def copyright(self) -> str:
        info = self.rights()
        notice = None if info is None else info.find(f"{NAR}copyrightNotice")
        return "" if notice is None else ours.text(notice)

    def properties(self) -> list[etree._Element]:
        return list(self.item.findall(f"{NAR}itemMeta/{NAR}itemMetaExtProperty"))

    def related(self) -> Iterator[DraftRelated]:
        for link in self.item.findall(f"{NAR}itemMeta/{NAR}link"):
            href, guid = link.get("href", ""), link.get("residref", "")
            if self.role(link, "rel") == "page" or not (href or guid):
                continue
            url = Value(href, link.sourceline or 0, f"{place(link)}/@href") if href else None
            yield DraftRelated(link.get("title", ""), guid, url)


def _name(element: etree._Element) -> str:
    return " ".join((element.findtext(f"{NAR}name") or "").split())
