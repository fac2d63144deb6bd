"""NewsML-G2 2.9 to 2.35: `newsItem`, `newsMessage`, `packageItem` with items: docs/dialects/newsml.md, schemas/xsd/newsml.xsd.

https://iptc.org/std/NewsML-G2/guidelines/
"""

from collections.abc import Iterator

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import ArticlePlace, Draft, DraftContact, DraftEnclosure, DraftRelated, Given, Parsed, Value
from app.intake.parsers import blocks, files, filled, tree
from app.intake.parsers.catalogs import NAR, Catalogs
from app.intake.parsers.faults import check
from app.intake.parsers.moments import Until, first_of
from app.intake.parsers.newsml_content import (
    PICTURES,
    XHTML,
    Pictures,
    classified,
    constrained,
    contents,
    name,
    nitf_text,
    rendition_text,
    speaks,
)
from app.intake.parsers.tree import base_of, inherited, joined, place
from app.intake.parsers.unread import embargoed
from app.text.html import paragraphs
from feeds import ALL_RIGHTS_RESERVED, LANG, SCHEMES, SIGNALS

ITEM, MESSAGE, PACKAGE = f"{NAR}newsItem", f"{NAR}newsMessage", f"{NAR}packageItem"
OTHERS = tuple(f"{NAR}{name}" for name in ("conceptItem", "knowledgeItem", "planningItem", "catalogItem"))
NATURE, TEXTS = "/newscodes/ninature", ("text", "composite")
KINDS = ("press-release", "reference", "explanation")
FORMS = {
    "version": "a whole number from 1 to 2147483647",
    "guid": "1 to 512 characters without white space",
    "size": "a whole number of bytes",
}


def parse(root: etree._Element, given: Given) -> Parsed:
    """The drafts of an item or a message. Raises Invalid if it has no news item."""
    items = _items(root)
    for item in items:
        filled.usable_attributes(item, "guid", "version")
        if guid := item.get("guid", "").split():
            item.set("guid", "%20".join(guid))
        for file in item.iter(f"{NAR}remoteContent"):
            filled.usable_attributes(file, "size")
    checked = check("newsml", root, items, lambda name, _: FORMS.get(name, ""))
    if checked.outside:
        raise Invalid(checked.outside)
    refused = dict(checked.refused)
    drafts: list[tuple[int, Draft]] = []
    pictures = Pictures(items)
    for index, item in enumerate(items):
        made = refused.get(index) or _Item(item, given, pictures).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    for index, item in enumerate(items):
        if index in refused and item.get("guid", "").strip() in pictures.used:
            del refused[index]  # It is the file of an article, and has no article of its own.
    return Parsed(tuple(drafts), refused, _unread(root, items))


def _unread(root: etree._Element, items: list[etree._Element]) -> int:
    """How many parts of a document must not be shown with its original: items that are not news items, which may name embargoed
    articles, and elements with a pubconstraint."""
    others = 0 if root.tag != MESSAGE else sum(len(part) for part in root.findall(f"{NAR}itemSet")) - len(items)
    return others + int(root.xpath("count(//@pubconstraint)"))


def _items(root: etree._Element) -> list[etree._Element]:
    """The news items of a document. A package beside its items only gives their order; a package alone has no text. Raises Invalid."""
    found = [root] if root.tag != MESSAGE else [item for part in root.findall(f"{NAR}itemSet") for item in part]
    items = [item for item in found if item.tag == ITEM]
    if items:
        return items
    at = found[0] if found else root
    if any(item.tag == PACKAGE for item in found):
        reason = "A packageItem only refers to items. Send the news items themselves, in a newsMessage."
    elif found:
        reason = f"<{etree.QName(at).localname}> is not a news item and has no text to publish. Send a newsItem."
    else:
        reason = "The message has no item. Send a newsItem in it."
    raise Invalid([Fault(reason, place(at), at.sourceline or 0)], type="empty-release")


class _Item:
    """One newsItem."""

    def __init__(self, item: etree._Element, given: Given, pictures: Pictures) -> None:
        self.given = given
        self.pictures = pictures
        self.item = item
        self.here = place(item)
        self.catalogs = Catalogs(item)
        self.faults: list[Fault] = []
        self.warnings = [f"The catalog {href[:120]!r} is not known. It was ignored." for href in self.catalogs.unknown]
        tags = (element.get("tag", "").strip() for element in item.findall(f"{NAR}contentMeta/{NAR}language"))
        self.rights_of: dict[
            str, etree._Element
        ] = {}  # id of a part, or "" for the whole -> the first rightsInfo for it
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
        """The elements at a path without those that have a pubconstraint, which this server cannot interpret and does not publish."""
        found = self.item.findall("/".join(f"{NAR}{step}" for step in path.split("/")))
        free = [element for element in found if not constrained(element)]
        if len(free) < len(found):
            self.warnings.append(f"{path}: {len(found) - len(free)} left out because of a pubconstraint.")
        return free

    def content(self, name: str) -> list[etree._Element]:
        return self.free(f"contentMeta/{name}")

    def in_language(self, name: str) -> list[etree._Element]:
        """The elements of a name that have text, in the item's language or without a language."""
        found = [element for element in self.content(name) if tree.text(element).strip()]
        return [element for element in found if speaks(element, self.lang)]

    def texts(self, name: str) -> str:
        return "\n".join(tree.text(element).strip() for element in self.in_language(name))

    def role(self, element: etree._Element, attribute: str = "role") -> str:
        """The code of a role from our own scheme; else empty."""
        scheme, code = self.catalogs.resolve(element.get(attribute, ""))
        return code if scheme == SCHEMES["role"] else ""

    def draft(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        self.news_class()
        guid = item.get("guid", "").strip()
        pubstatus, notes = self.pubstatus(), self.free("itemMeta/edNote")
        note = "\n".join(tree.text(element).strip() for element in notes if self.is_public(element))
        private = [
            tree.text(element).strip()
            for element in notes
            if not self.is_public(element) and self.role(element) != "embargo"
        ]
        if private:
            self.warnings.append(f"{len(private)} edNote with a role is for editors. It is not published.")
        issued = self.issued()
        headline, subheadlines = self.headlines(pubstatus)
        body = self.body("" if headline is None else headline.text, pubstatus, note)
        here = Value("", item.sourceline or 0, self.here)
        if headline is None and (found := filled.headline(here, self.slugline(), body.text if body else "")):
            headline = found[0]
            self.warnings.append(found[1])
        if headline is None:
            self.fault("<newsItem> has no headline, no title, no slugline and no heading. One of them is required.")
        if not guid and headline is not None and issued is not None:
            guid = self.other_guid(here, headline.text, issued.text)
        if self.faults or issued is None or headline is None or body is None:
            return tuple(self.faults)
        terms = classified((*self.content("located"), *self.content("subject")), self.catalogs, self.lang)
        office, issuer = self.provider()
        byline = self.texts("by") or nitf_text(item, "byline")
        meta = self.item.find(f"{NAR}itemMeta")
        embargo = Until(None) if meta is None else embargoed(meta, self.given)
        self.warnings += embargo.warnings
        wording = " ".join(tree.text(element) for element in notes if self.role(element) == "embargo")
        properties = {
            self.role(element, "rel"): element.get("value", "") for element in self.free("itemMeta/itemMetaExtProperty")
        }
        licence_uri, licence_text = self.licence(self.rights())
        return Draft(
            mark=ArticlePlace(item.sourceline or 0, self.here),
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
            byline=byline or self.creators(),
            byline_soft=not byline,
            issued=issued,
            issued_weekday="",
            embargo=embargo.instant,
            held=embargo.held or properties.get("held") == "true",
            embargo_wording=wording,
            # With a wording alone, the embargo follows from it; a wording that is not understood holds the article.
            wording_decides=embargo == Until(None) and bool(wording) and "held" not in properties,
            regions=terms.regions,
            topics=terms.topics,
            keywords=(*map(tree.text, self.in_language("keyword")), *terms.keywords),
            contacts=tuple(self.contacts()),
            enclosures=tuple(self.enclosures()),
            licence_uri=licence_uri,
            licence_text=licence_text,
            related=tuple(self.related()),
            note=note,
            urgency=filled.urgency(next(map(tree.text, self.content("urgency")), ""), self.warnings),
            slugline=self.slugline(),
            source=self.source(),
            copyright=self.copyright(),
            signal=self.signal(),
            issuer=issuer,
            private="\n".join(private),
            warnings=tuple(self.warnings),
        )

    def is_public(self, note: etree._Element) -> bool:
        """Whether an edNote is for everybody. One with a role of another is for those whom the role names, so it stays private."""
        return not note.get("role", "").strip() and not note.get("roleuri", "").strip()

    def slugline(self) -> str:
        return next(map(tree.text, self.in_language("slugline")), "")

    def creators(self) -> str:
        """The names of the creators, who are the authors if the item has no `by`."""
        names = (name(party, self.lang) or party.get("literal", "") for party in self.content("creator"))
        return ", ".join(dict.fromkeys(filter(None, names)))

    def other_guid(self, here: Value, headline: str, issued: str) -> str:
        """Another identifier of the item; else one that is derived from it."""
        for alternative in self.free("itemMeta/altId") + self.free("contentMeta/altId"):
            if text := "%20".join(tree.text(alternative).split()):
                self.warnings.append("The guid of <newsItem> is missing. Its altId became the guid.")
                return text
        found, warning = filled.guid(here, self.given, headline, issued, "The guid of <newsItem>")
        self.warnings.append(warning)
        return found.text

    def news_class(self) -> None:
        """Refuse classes other than text and composite, such as pictures; an unknown class is accepted."""
        element = self.meta("itemClass")
        scheme, code = ("", "") if element is None else self.catalogs.concept(element)
        if scheme.rstrip("/").endswith(NATURE) and code not in TEXTS:
            alone = " A picture is published only as a file of a text item in the same message that refers to it."
            alone = alone if code in PICTURES else ""
            self.fault(f"The item has the class {code[:40]!r}; expected text or composite.{alone}", element)

    def issued(self) -> Value | None:
        """When the content was created, if given with a time; else when the first version was, else when this version was; else
        another date of the item, or of its message."""
        places = [*self.content("contentCreated"), self.meta("firstCreated"), self.meta("versionCreated")]
        places += [*self.content("contentModified"), self.item.getroottree().getroot().find(f"{NAR}header/{NAR}sent")]
        values = [
            Value(element.text or "", element.sourceline or 0, place(element))
            for element in places
            if element is not None
        ]
        dated = first_of(values, self.given, timed=True)
        self.warnings += dated.warnings
        self.faults += dated.faults
        if dated.value is None and not dated.faults:
            self.fault(
                "<newsItem> has no versionCreated, firstCreated or contentCreated with a date. One of them is required."
            )
        return dated.value

    def headlines(self, pubstatus: str) -> tuple[Value | None, tuple[str, ...]]:
        """(headline, subheadlines). The headline is the first one that is not a subheadline, else the item's title."""
        found = self.in_language("headline")
        main = next((element for element in found if self.role(element) != "subheadline"), None)
        below = tuple(tree.text(element) for element in found if element is not main)
        titles = (*self.free("itemMeta/title"), *self.item.iter(f"{XHTML}title"))
        main = next(
            (element for element in (main, *titles) if element is not None and tree.text(element).strip()), None
        )
        if main is not None:
            return Value(tree.text(main), main.sourceline or 0, place(main)), below
        inside = nitf_text(self.item, "hl1", "title")
        if not inside and pubstatus == "canceled":
            inside = self.item.get("guid", "")
        if inside:
            return Value(inside, self.item.sourceline or 0, self.here), below
        return None, ()

    def body(self, headline: str, pubstatus: str, note: str) -> Value | None:
        """The body. A canceled item may have no text; then the body is its note, or its headline."""
        found = rendition_text(self.item, self.lang, headline)
        if isinstance(found, Value):
            return found
        if pubstatus == "canceled":
            return Value(paragraphs(note or headline), self.item.sourceline or 0, self.here)
        self.fault(f"The text of <newsItem> cannot be read: {found}.", self.item.find(f"{NAR}contentSet"))
        return None

    def base(self) -> str:
        """The base URL of links in the text (HTML base element, XML Base)."""
        text = self.item.find(f"{NAR}contentSet/{NAR}inlineXML")
        base = "" if text is None else next((element.get("href", "") for element in text.iter(f"{XHTML}base")), "")
        return joined(base_of(self.item if text is None else text), base)

    def language(self) -> Value:
        if not self.lang:
            self.warnings.append("The item does not give its language. It was stored as und (undetermined).")
        return Value(self.lang or "und", self.item.sourceline or 0, f"{self.here}/@xml:lang")

    def kind(self) -> str:
        for genre in self.content("genre"):
            scheme, code = self.catalogs.concept(genre)
            if scheme == SCHEMES["kind"] and code in KINDS:
                return code
        return "press-release"

    def pubstatus(self) -> str:
        """The status (https://cv.iptc.org/newscodes/pubstatusg2/); usable if the item has none."""
        status = self.meta("pubStatus")
        if status is None:
            return "usable"
        _, code = self.catalogs.concept(status)
        if code not in ("usable", "withheld", "canceled"):
            self.warnings.append(f"The pubStatus {code[:40]!r} is not known. The article was treated as withheld.")
            return "withheld"
        return code

    def signal(self) -> str:
        """The signal about versions (https://cv.iptc.org/newscodes/signal/). Others, such as content warnings, are ignored."""
        found = (self.catalogs.concept(element) for element in self.free("itemMeta/signal"))
        return next((code for scheme, code in found if scheme == SCHEMES["signal"] and code in SIGNALS), "")

    def summary(self) -> str:
        found = self.in_language("description")
        named = [element for element in found if self.catalogs.resolve(element.get("role", ""))[1] == "summary"]
        return "\n".join(tree.text(element) for element in (named or found)[:1])

    def provider(self) -> tuple[Value | None, str]:
        """(the office, if the provider has one of our codes; else the name of the provider)."""
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
                self.warnings.append(
                    f"A remoteContent element was left out, because {shown[:80]!r} is not an http or https URL."
                )
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
        yield from self.pictures.of(self.item, self.warnings)
        for inside in self.item.iterfind(f"{NAR}contentSet/{NAR}inlineXML"):
            for content in contents(inside):
                yield from blocks.enclosures(content, self.warnings)

    def rights(self, id: str = "") -> etree._Element | None:
        """The rightsInfo of a part, or of the whole item."""
        return self.rights_of.get(id)

    def licence(self, info: etree._Element | None) -> tuple[str, str]:
        if info is None:
            return "", ""
        terms, link = info.findall(f"{NAR}usageTerms"), info.find(f"{NAR}link")
        spoken = [element for element in terms if speaks(element, self.lang)] or terms
        uri = next(
            (element.get("href", "") for element in (link, *spoken) if element is not None and element.get("href")), ""
        )
        text = " ".join(tree.text(element).strip() for element in spoken)
        text = text.removesuffix(uri).strip() if uri else text
        return uri, "" if text == ALL_RIGHTS_RESERVED else text

    def copyright(self) -> str:
        info = self.rights()
        notices = [] if info is None else info.findall(f"{NAR}copyrightNotice")
        spoken = [element for element in notices if speaks(element, self.lang)] or notices
        return tree.text(spoken[0]) if spoken else ""

    def related(self) -> Iterator[DraftRelated]:
        """Links by URL, or by the guid of another item. Any URI that is not http or https counts as a guid."""
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
            translation = Value(lang, link.sourceline or 0, f"{place(link)}/language/@tag") if lang else None
            yield DraftRelated(link.get("title", "") or link.findtext(f"{NAR}title") or "", guid, url, translation)
