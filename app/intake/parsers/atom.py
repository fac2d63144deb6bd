"""Atom entries and feeds (https://www.rfc-editor.org/rfc/rfc4287): docs/dialects/atom.md, schemas/xsd/atom.xsd.

Our own entries carry elements of our own dialect besides (feeds/atom.py); then nothing is lost on the way.
"""

from datetime import datetime
from html import escape

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import Draft, DraftEnclosure, DraftRelated, Mark, Value
from app.intake.parsers import files, ours, revision
from app.intake.parsers.faults import check
from app.intake.parsers.ours import OURS
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import LANG, Parsed, base_of, inherited, joined, place
from app.intake.parsers.unread import embargoed, strangers
from app.text import html

NAMESPACE = "http://www.w3.org/2005/Atom"
ATOM = f"{{{NAMESPACE}}}"
APP = "{http://www.w3.org/2007/app}"
ENTRY, FEED = f"{ATOM}entry", f"{ATOM}feed"
DIVISION = "{http://www.w3.org/1999/xhtml}div"
SINGLE = ("guid", "office", "issued", "embargo", "dateline", "slugline", "licence", "note", "source", "copyright")
ONCE = (  # RFC 4287, section 4.1.2, and our own schema
    *(f"{ATOM}{name}" for name in ("id", "title", "updated", "published", "content", "summary", "rights", "source")),
    *(f"{OURS}{name}" for name in SINGLE),
)
OWN = (*SINGLE, "subheadline", "contact", "enclosure", "related")
OWN_ATTRIBUTES = ("version", "kind", "pubstatus", "urgency", "signal")
TEXTS = ("text", "html", "xhtml")  # RFC 4287, section 3.1.1
CONTENTS = (*TEXTS, "text/plain", "text/html")  # what is read of section 4.1.3.1
FORMS = {
    **dict.fromkeys(("updated", "published", "issued"), "a date and time with its zone, such as 2021-03-09T20:15:00+09:00"),
    "id": "1 to 512 characters without white space",
    **dict.fromkeys(("version", "urgency"), "a whole number from 1"),
}  # fmt: skip


def parse(root: etree._Element) -> Parsed:
    """The drafts of an entry or of a feed's entries. Raises Invalid where a feed has none."""
    entries = [root] if root.tag == ENTRY else root.findall(ENTRY)
    if not entries:
        raise Invalid([Fault("The feed has no entry.", "/feed", root.sourceline or 0)], type="empty-release")
    checked = check("atom", root, entries, lambda name, _: FORMS.get(name, ""))
    refused = dict(checked.refused)
    drafts: list[tuple[int, Draft]] = []
    for index, entry in enumerate(entries):
        made = refused.get(index) or _Entry(entry, root).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused)


class _Entry:
    """One entry, and the feed around it."""

    def __init__(self, entry: etree._Element, root: etree._Element) -> None:
        self.entry = entry
        self.root = root
        self.here = place(entry)
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def fault(self, reason: str, element: etree._Element | None = None) -> None:
        at = self.entry if element is None else element
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def draft(self) -> Draft | tuple[Fault, ...]:
        entry = self.entry
        for reason, at in strangers(entry, OWN, OWN_ATTRIBUTES):
            self.fault(reason, at)
        for name in ONCE:
            for again in entry.findall(name)[1:2]:
                self.fault(f"<entry> has more than one <{etree.QName(name).localname}>.", again)
        updated = self.needed("updated")
        issued = entry.find(f"{OURS}issued")
        issued = issued if issued is not None else entry.find(f"{ATOM}published")
        issued = issued if issued is not None else updated
        guid = self.guid()
        title = self.needed("title")
        content = self.content()
        body = None if content is None else self.body(content)
        version = self.version(updated)
        headline, summary = self.plain(title), self.plain(entry.find(f"{ATOM}summary"))
        own = entry.find(f"{OURS}issued") is not None  # an entry of ours says what else is to be said
        source, copyright = self.source(), self.own("copyright") if own else self.rights()
        if self.faults or issued is None or guid is None or title is None or content is None or body is None:
            return tuple(dict.fromkeys(self.faults))  # a summary that is the body too is at fault once
        embargo = ours.Embargo(entry.find(f"{OURS}embargo"), place)
        until, held = (embargo.until, embargo.held) if embargo.there else embargoed(entry)
        licence = next(iter(self.links("license")), None)
        words = entry.find(f"{OURS}licence")
        office, division = entry.find(f"{OURS}office"), content.find(DIVISION)
        terms, enclosures = self.terms(), self.enclosures()
        return Draft(
            mark=Mark(entry.sourceline or 0, self.here),
            guid=guid,
            version=version,
            lang=self.lang(),
            office=None if office is None else Value(ours.text(office), office.sourceline or 0, place(office)),
            kind=entry.get(f"{OURS}kind", "press-release"),
            pubstatus=self.pubstatus(),
            headline=Value(headline, title.sourceline or 0, place(title)),
            subheadlines=tuple(map(ours.text, entry.findall(f"{OURS}subheadline"))),
            summary=summary,
            body=body,
            base=base_of(content if division is None else division),
            dateline=self.own("dateline"),
            byline=", ".join(filter(None, map(ours.text, entry.findall(f"{ATOM}contributor/{ATOM}name")))),
            issued=Value((issued.text or "").strip(), issued.sourceline or 0, place(issued)),
            issued_weekday="",
            embargo=until,
            held=held,
            embargo_wording=embargo.wording,
            wording_decides=embargo.decides,
            says_embargo=embargo.there or until is not None or held,
            regions=terms.regions,
            topics=terms.topics,
            keywords=terms.keywords,
            contacts=tuple(map(ours.contact, entry.findall(f"{OURS}contact"))),
            enclosures=enclosures,
            licence_uri="" if licence is None else _url(licence).text,
            licence_text="" if words is None else ours.text(words),
            related=self.related(),
            note=self.own("note"),
            urgency=int(entry.get(f"{OURS}urgency", "0")),
            signal=entry.get(f"{OURS}signal", "").strip(),
            slugline=self.own("slugline"),
            source=source,
            copyright=copyright,
            issuer="" if own else self.author(),
            warnings=tuple(self.warnings),
        )

    def needed(self, name: str) -> etree._Element | None:
        found = self.entry.find(f"{ATOM}{name}")
        if found is None or not "".join(found.itertext()).strip():
            self.fault(f"<entry> has no <{name}>, or it is empty; it is required (RFC 4287, section 4.1.2).", found)
            return None
        return found

    def guid(self) -> Value | None:
        """An id that we made of a guid that was no URI comes back as that guid."""
        own = self.entry.find(f"{OURS}guid")
        found = own if own is not None else self.needed("id")
        return None if found is None else Value((found.text or "").strip(), found.sourceline or 0, place(found))

    def version(self, updated: etree._Element | None) -> int:
        """Ours where it is told; else a later `updated` is a newer version: the seconds since 1970."""
        if told := self.entry.get(f"{OURS}version"):
            return int(told)
        try:
            instant = datetime.fromisoformat((updated.text or "").strip()) if updated is not None else None
        except ValueError:  # Year 0 or second 60: the schema lets them pass.
            instant = None
        if instant is None or instant.tzinfo is None:
            if updated is not None:
                self.fault(f"<updated> is {(updated.text or '').strip()[:40]!r}; expected is an instant.", updated)
            return 1
        version = revision.version(instant)
        if version is None:
            self.fault(f"<updated> is {instant.isoformat()}; a version is made of it from 1970 to 2038.", updated)
        return version or 1

    def lang(self) -> Value:
        lang = inherited(self.entry, LANG)
        if not lang:
            self.warnings.append("The entry does not say its language (xml:lang): it is kept as und, undetermined.")
        return Value(lang or "und", self.entry.sourceline or 0, f"{self.here}/@xml:lang")

    def pubstatus(self) -> str:
        """A draft of the publishing protocol is what the IPTC calls withheld (RFC 5023, section 13.1.1)."""
        drafts = self.entry.findall(f"{APP}control/{APP}draft") + self.entry.findall(f"{APP}draft")
        # Whatever a draft says besides "no": publishing what was none is worse than not publishing what was.
        draft = any((element.text or "").strip() != "no" for element in drafts)
        status = self.entry.get(f"{OURS}pubstatus", "usable")
        return "withheld" if draft else "usable" if status == "withheld" else status

    def own(self, name: str) -> str:
        return self.entry.findtext(f"{OURS}{name}") or ""

    def content(self) -> etree._Element | None:
        """A summary stands in for missing content."""
        for name in ("content", "summary"):
            if (found := self.entry.find(f"{ATOM}{name}")) is not None:
                return found
        self.fault("<entry> has neither <content> nor <summary>: there is nothing to read.")
        return None

    def body(self, content: etree._Element) -> Value:
        source = self.construct(content)
        faults, warnings = html.active(source)
        for reason in faults:
            self.fault(f"In the body, {reason}", content)
        self.warnings += warnings
        return Value(source, content.sourceline or 0, place(content))

    def construct(self, element: etree._Element) -> str:
        """A text construct or content as HTML (RFC 4287, sections 3.1 and 4.1.3); empty where it is neither, and that is told."""
        name = etree.QName(element).localname
        type = element.get("type", "text").strip().lower()
        type = type.partition(";")[0] if name == "content" else type
        if element.get("src") is not None:
            self.fault(f"<{name}> is elsewhere (src): send the text itself, and link to the page.", element)
        elif type == "xhtml":
            around = "".join((element.text or "", *(child.tail or "" for child in element)))
            if len(element) == 1 and element[0].tag == DIVISION and not around.strip():
                return ours.fragment(element[0])
            self.fault(f'<{name} type="xhtml"> does not hold one <div> of XHTML and nothing else.', element)
        elif type not in (CONTENTS if name == "content" else TEXTS):
            self.fault(f"<{name}> is {type[:60]!r}; read are text, html and xhtml.", element)
        elif len(element):
            self.fault(f'<{name} type="{type}"> holds elements: write them escaped, or as "xhtml".', element)
        elif type.endswith("html"):
            return element.text or ""
        else:
            return "".join(f"<p>{escape(part)}</p>" for part in (element.text or "").split("\n\n") if part.strip())
        return ""

    def plain(self, element: etree._Element | None) -> str:
        """The words of a text construct."""
        if element is None:
            return ""
        if element.get("type", "text").strip().lower() == "text" and not len(element):
            return element.text or ""
        try:
            return html.plain(self.construct(element))
        except html.TooComplex as error:
            self.fault(f"In the <{etree.QName(element).localname}>, {error}", element)
            return ""

    def author(self) -> str:
        above = (self.entry, self.entry.find(f"{ATOM}source"), self.root)
        return next(
            (name for one in above if one is not None and (name := one.findtext(f"{ATOM}author/{ATOM}name"))), ""
        )

    def source(self) -> str:
        own = self.entry.find(f"{OURS}source")
        return self.plain(self.entry.find(f"{ATOM}source/{ATOM}title")) if own is None else ours.text(own)

    def rights(self) -> str:
        found = self.entry.find(f"{ATOM}rights")
        return self.plain(found if found is not None else self.root.find(f"{ATOM}rights"))

    def links(self, rel: str) -> list[etree._Element]:
        """RFC 4287, section 4.2.7.2: a relation may be an IANA name or its URI."""
        full = f"http://www.iana.org/assignments/relation/{rel}"
        return [link for link in self.entry.findall(f"{ATOM}link") if link.get("rel", "alternate") in (rel, full)]

    def terms(self) -> Classified:
        found = self.entry.findall(f"{ATOM}category")
        return classify(
            Category(one.get("scheme", ""), one.get("term", ""), one.get("label", ""), one.sourceline or 0, place(one))
            for one in found
        )

    def enclosures(self) -> tuple[DraftEnclosure, ...]:
        """A link, and what our own markup adds to it: its role and its own licence. Of links to the same file each has its own."""
        told: dict[str, list[etree._Element]] = {}
        for element in self.entry.findall(f"{OURS}enclosure"):
            told.setdefault(joined(base_of(element), element.get("url", "")), []).append(element)
        found = tuple(self.enclosure(link, told.get(_url(link).text, [])) for link in self.links("enclosure"))
        if alone := [url for url, left in told.items() if left]:
            self.warnings.append(f'<enclosure> {alone[0][:100]!r} was left out: no link rel="enclosure" has its URL.')
        return found

    def enclosure(self, link: etree._Element, more: list[etree._Element]) -> DraftEnclosure:
        own = ours.enclosure(more.pop(0), place) if more else None
        url = _url(link)
        type = files.media_type(url.text, link.get("type", ""))
        return DraftEnclosure(
            url=url,
            type=type,
            length=files.length(link.get("length", "")),
            role=own.role if own else files.role(type),
            caption=link.get("title", ""),
            lang=link.get("hreflang", ""),
            licence_uri=own.licence_uri if own else "",
            licence_text=own.licence_text if own else "",
            has_licence=bool(own and own.has_licence),
        )

    def related(self) -> tuple[DraftRelated, ...]:
        told = self.entry.findall(f"{OURS}related")
        if told:
            return tuple(ours.related(element, place) for element in told)
        return tuple(map(_related, [*self.links("related"), *self.links("via")]))


def _url(link: etree._Element) -> Value:
    return Value(joined(base_of(link), link.get("href", "")), link.sourceline or 0, f"{place(link)}/@href")


def _related(link: etree._Element) -> DraftRelated:
    url = _url(link)
    if url.text.startswith(("http://", "https://")):
        return DraftRelated(link.get("title", ""), "", url)
    return DraftRelated(link.get("title", ""), "%20".join(url.text.split()), None)
