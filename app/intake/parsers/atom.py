"""Atom entries and feeds (https://www.rfc-editor.org/rfc/rfc4287): docs/dialects/atom.md, schemas/xsd/atom.xsd.

Our own entries also carry elements of our own dialect (feeds/atom.py), so that nothing is lost in a round trip.
"""

from datetime import datetime
from html import escape

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import ArticlePlace, Assigned, Draft, DraftEnclosure, DraftRelated, Given, Parsed, Value
from app.intake.parsers import files, filled, ours, tree
from app.intake.parsers.faults import check
from app.intake.parsers.moments import moment
from app.intake.parsers.ours import OURS
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import base_of, inherited_lang, joined, own_base, place, set_base
from app.intake.parsers.unread import check_around, embargoed, strangers
from app.text import html

NAMESPACE = "http://www.w3.org/2005/Atom"
ATOM = f"{{{NAMESPACE}}}"
APP = "{http://www.w3.org/2007/app}"
ENTRY, FEED = f"{ATOM}entry", f"{ATOM}feed"
EMBARGO = f"{OURS}embargo"  # of our own dialect, inside an entry
DIVISION = "{http://www.w3.org/1999/xhtml}div"
# Atom 0.3 was a draft, and is still written by old programs.
ATOM_0_3 = "http://purl.org/atom/ns#"
OLD = (f"{{{ATOM_0_3}}}feed", f"{{{ATOM_0_3}}}entry")
OLD_ATOM = "The document is Atom 0.3, a draft of 2003. Send Atom 1.0 (RFC 4287)."
RENAMED = {"tagline": "subtitle", "copyright": "rights"}
TEXT_CONSTRUCTS = ("title", "summary", "content", "tagline", "copyright", "info")
ELSEWHERE = "The content is elsewhere, and was not fetched: {!r}. It is linked instead."
SINGLE = ("guid", "office", "issued", "embargo", "dateline", "slugline", "licence", "note", "source", "copyright")
ONCE = (  # RFC 4287, section 4.1.2, and our own schema
    *(f"{ATOM}{name}" for name in ("id", "title", "updated", "published", "content", "summary", "rights", "source")),
    *(f"{OURS}{name}" for name in SINGLE),
)
OWN = (*SINGLE, "subheadline", "contact", "enclosure", "related")
OWN_ATTRIBUTES = ("version", "kind", "pubstatus", "urgency", "signal")
DATES = ("issued", "published", "updated")
TEXTS = ("text", "html", "xhtml")  # RFC 4287, section 3.1.1
CONTENTS = (*TEXTS, "text/plain", "text/html")  # the supported types of section 4.1.3.1
FORMS = {
    "issued": "a date and time with its zone, such as 2021-03-09T20:15:00+09:00",
    "id": "1 to 512 characters without white space",
    **dict.fromkeys(("version", "urgency"), "a whole number from 1"),
}  # fmt: skip


def complete(entry: etree._Element, assigned: Assigned) -> None:
    """Add to an entry of the publishing protocol what it lacks. The bytes that were sent stay as they are."""
    dated = any(entry.find(f"{OURS}issued" if name == "issued" else f"{ATOM}{name}") is not None for name in DATES)
    if entry.find(f"{OURS}guid") is None:
        _assign(entry, "id", assigned.guid)
    if not dated and assigned.published:
        _assign(entry, "published", assigned.published)
    _assign(entry, "updated", assigned.updated)


def _assign(entry: etree._Element, name: str, text: str) -> None:
    found = entry.find(f"{ATOM}{name}")
    if found is None:
        found = etree.SubElement(entry, f"{ATOM}{name}")
    if not len(found) and not (found.text or "").strip():
        found.text = text


def parse(root: etree._Element, given: Given) -> Parsed:
    """The drafts of an entry, or of the entries of a feed. Raises Invalid if a feed has no entry."""
    old = root.tag in OLD
    if old:
        _renewed(root)
    entries = [root] if root.tag == ENTRY else root.findall(ENTRY)
    if not entries:
        raise Invalid([Fault("The feed has no entry.", "/feed", root.sourceline or 0)], type="empty-release")
    if root.tag == FEED:
        check_around(root)
    if not root.getroottree().docinfo.URL and not own_base(root) and root.tag == FEED and (address := _address(root)):
        set_base(root, address)  # relative links are meant against the feed's own address
    checked = check("atom", root, entries, lambda name, _: FORMS.get(name, ""))
    refused = dict(checked.refused)
    drafts: list[tuple[int, Draft]] = []
    for index, entry in enumerate(entries):
        made = refused.get(index) or _Entry(entry, root, given, old=old).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused)


class _Entry:
    """One entry, with the feed around it."""

    def __init__(self, entry: etree._Element, root: etree._Element, given: Given, *, old: bool) -> None:
        self.given = given
        self.entry = entry
        self.root = root
        self.here = place(entry)
        self.faults: list[Fault] = []
        self.warnings: list[str] = [OLD_ATOM] if old else []

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
        updated = self.optional(f"{ATOM}updated", f"{ATOM}published", f"{OURS}issued")
        issued = self.optional(f"{OURS}issued", f"{ATOM}published", f"{ATOM}updated")
        title = self.optional(f"{ATOM}title")
        content = self.content()
        body = self.linked(title) if content is None else self.body(content)
        guid, made = self.guid()
        undated = issued is None
        self.warnings += [filled.UNDATED] if undated else []
        version = self.version(updated)
        at = self.instant(issued)
        headline, summary = self.plain(title), self.plain(entry.find(f"{ATOM}summary"))
        own = (
            entry.find(f"{OURS}issued") is not None
        )  # an entry of ours, which has its copyright and issuer in our elements
        source, copyright = self.source(), self.own("copyright") if own else self.rights()
        if body is not None and not headline.strip() and not self.faults:
            title, headline = None, self.headline_of(body)
        if self.faults or body is None:
            return tuple(dict.fromkeys(self.faults))  # without duplicates from a summary that is also the body
        embargo = ours.Embargo(entry.find(f"{OURS}embargo"), place)
        foreign = embargoed(entry, self.given)
        until, held = (embargo.until, embargo.held) if embargo.there else (foreign.instant, foreign.held)
        self.warnings += () if embargo.there else foreign.warnings
        licence = next(iter(self.links("license")), None)
        words = entry.find(f"{OURS}licence")
        office = entry.find(f"{OURS}office")
        division = None if content is None else content.find(DIVISION)
        within = division if division is not None else content if content is not None else entry
        terms, enclosures = self.terms(), self.enclosures()
        return Draft(
            mark=ArticlePlace(entry.sourceline or 0, self.here),
            guid=guid,
            version=version,
            lang=self.lang(),
            office=None if office is None else Value(tree.text(office), office.sourceline or 0, place(office)),
            kind=entry.get(f"{OURS}kind", "press-release"),
            pubstatus=self.pubstatus(),
            headline=_value(headline, entry if title is None else title),
            subheadlines=tuple(map(tree.text, entry.findall(f"{OURS}subheadline"))),
            summary=summary,
            body=body,
            base=base_of(within),
            dateline=self.own("dateline"),
            byline=", ".join(filter(None, map(tree.text, entry.findall(f"{ATOM}contributor/{ATOM}name")))),
            issued=_value("", entry) if issued is None else _value(at, issued),
            undated=undated,
            guid_space=filled.GUID_SPACE if made else "",
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
            licence_text="" if words is None else tree.text(words),
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

    def optional(self, *names: str) -> etree._Element | None:
        """The first child with one of these names that is not empty. RFC 4287, section 4.1.2, requires some that feeds leave out."""
        found = (child for name in names for child in self.entry.findall(name)[:1])
        return next((child for child in found if "".join(child.itertext()).strip()), None)

    def guid(self) -> tuple[Value, bool]:
        """(our own `guid` element, which our entries have if the guid is not a URI; else the id; else the link; else one that is made
        here, whether it was made here)."""
        found = self.optional(f"{OURS}guid", f"{ATOM}id")
        if found is not None:
            return _value((found.text or "").strip(), found), False
        if page := next((_url(link) for link in self.links("alternate") if link.get("href", "").strip()), None):
            self.warnings.append("The entry has no id. Its link identifies it.")
            return Value("%20".join(page.text.split()), page.line, page.path), False
        self.warnings.append(filled.NO_IDENTIFIER)
        texts = (
            "".join(child.itertext())
            for name in ("title", "summary", "content")
            for child in self.entry.findall(ATOM + name)
        )
        return _value(filled.identifier(*texts), self.entry), True

    def headline_of(self, body: Value) -> str:
        """The beginning of the text, for an entry without a title."""
        words = filled.first_line(body.text)
        if words:
            self.warnings.append(filled.NO_HEADLINE)
        else:
            self.fault("<entry> has no <title>, and its text has no words. One of them is required.")
        return words

    def linked(self, title: etree._Element | None) -> Value | None:
        """The title as the text, with a link to the text where it is elsewhere; None after a fault."""
        elsewhere = self.optional_source()
        words = self.plain(title)
        if not words.strip():
            self.fault(
                "<entry> has no text: neither <title>, nor <content>, nor <summary>. Send the text in <content>."
            )
            return None
        page = elsewhere or next((_url(link).text for link in self.links("alternate")), "")
        self.warnings.append(filled.NO_TEXT if not elsewhere else ELSEWHERE.format(elsewhere[:100]))
        return _value(filled.titled(words, page), self.entry)

    def optional_source(self) -> str:
        """The address of content that is elsewhere."""
        content = self.entry.find(f"{ATOM}content")
        source = "" if content is None else content.get("src", "")
        return joined(base_of(content), source) if content is not None and source else ""

    def version(self, updated: etree._Element | None) -> int:
        """Our own version attribute; else the seconds of `updated` since 1970, so that a later instant is a newer version; 1 without a
        date."""
        if version := self.entry.get(f"{OURS}version"):
            return int(version)
        written = self.instant(updated)
        if updated is None or not written:
            return 1
        instant = datetime.fromisoformat(written)
        version = filled.version(instant)
        if version is None:
            self.fault(f"<updated> is {instant.isoformat()}. {filled.RANGE}", updated)
        return version or 1

    def instant(self, element: etree._Element | None) -> str:
        """A date as ISO 8601 with a time zone; empty if there is none, or if it is not understood."""
        if element is None:
            return ""
        found = moment(element.text or "", self.given)
        if isinstance(found, str):
            self.fault(
                f"<{etree.QName(element).localname}> is {(element.text or '').strip()[:60]!r}: {found}.", element
            )
            return ""
        self.warnings += (warning for warning in found.warnings if warning not in self.warnings)
        return found.iso

    def lang(self) -> Value:
        lang = inherited_lang(self.entry)
        if not lang:
            self.warnings.append(
                "The entry does not give its language (xml:lang). It was stored as und (undetermined)."
            )
        return Value(lang or "und", self.entry.sourceline or 0, f"{self.here}/@xml:lang")

    def pubstatus(self) -> str:
        """A draft of the publishing protocol (RFC 5023, section 13.1.1) has the IPTC status "withheld"."""
        drafts = self.entry.findall(f"{APP}control/{APP}draft") + self.entry.findall(f"{APP}draft")
        # Any value except "no" counts as a draft: to publish a draft by mistake is worse than to withhold an article.
        draft = any((element.text or "").strip() != "no" for element in drafts)
        status = self.entry.get(f"{OURS}pubstatus", "usable")
        return "withheld" if draft else "usable" if status == "withheld" else status

    def own(self, name: str) -> str:
        return self.entry.findtext(f"{OURS}{name}") or ""

    def content(self) -> etree._Element | None:
        """The content, or the summary if there is no content or it is elsewhere; None if there is neither."""
        for name in ("content", "summary"):
            found = self.entry.find(f"{ATOM}{name}")
            if found is not None and found.get("src") is None and (len(found) or (found.text or "").strip()):
                if elsewhere := self.optional_source():
                    self.warnings.append(ELSEWHERE.format(elsewhere[:100]))
                return found
        return None

    def body(self, content: etree._Element) -> Value:
        source = self.construct(content)
        return Value(source, content.sourceline or 0, place(content))

    def construct(self, element: etree._Element) -> str:
        """A text construct or content as HTML (RFC 4287, sections 3.1 and 4.1.3); empty after a fault."""
        name = etree.QName(element).localname
        type = element.get("type", "text").strip().lower()
        type = type.partition(";")[0] if name == "content" else type
        if element.get("src") is not None:
            self.fault(
                f"<{name}> only refers to another place (src). Send the text itself, and link to the page.", element
            )
        elif type == "xhtml":
            around = "".join((element.text or "", *(child.tail or "" for child in element)))
            if len(element) == 1 and element[0].tag == DIVISION and not around.strip():
                return tree.fragment(element[0])
            self.fault(f'<{name} type="xhtml"> must contain exactly one XHTML <div> and nothing else.', element)
        elif type not in (CONTENTS if name == "content" else TEXTS):
            self.fault(f"<{name}> has the type {type[:60]!r}; expected text, html or xhtml.", element)
        elif len(element):
            self.fault(f'<{name} type="{type}"> contains elements. Escape them, or use type="xhtml".', element)
        elif type.endswith("html"):
            return element.text or ""
        else:
            return "".join(f"<p>{escape(part)}</p>" for part in (element.text or "").split("\n\n") if part.strip())
        return ""

    def plain(self, element: etree._Element | None) -> str:
        """A text construct as plain text."""
        if element is None:
            return ""
        if element.get("type", "text").strip().lower() == "text" and not len(element):
            return element.text or ""
        try:
            return html.plain(self.construct(element))
        except html.TooComplex as error:
            self.fault(f"The <{etree.QName(element).localname}> {error}", element)
            return ""

    def author(self) -> str:
        above = (self.entry, self.entry.find(f"{ATOM}source"), self.root)
        return next(
            (
                name
                for element in above
                if element is not None and (name := element.findtext(f"{ATOM}author/{ATOM}name"))
            ),
            "",
        )

    def source(self) -> str:
        own = self.entry.find(f"{OURS}source")
        return self.plain(self.entry.find(f"{ATOM}source/{ATOM}title")) if own is None else tree.text(own)

    def rights(self) -> str:
        found = self.entry.find(f"{ATOM}rights")
        return self.plain(found if found is not None else self.root.find(f"{ATOM}rights"))

    def links(self, rel: str) -> list[etree._Element]:
        """The links of a relation, which may be written as its IANA name or as its URI (RFC 4287, section 4.2.7.2)."""
        full = f"http://www.iana.org/assignments/relation/{rel}"
        return [link for link in self.entry.findall(f"{ATOM}link") if link.get("rel", "alternate") in (rel, full)]

    def terms(self) -> Classified:
        found = self.entry.findall(f"{ATOM}category")
        return classify(
            Category(
                element.get("scheme", ""),
                element.get("term", ""),
                element.get("label", ""),
                element.sourceline or 0,
                place(element),
            )
            for element in found
        )

    def enclosures(self) -> tuple[DraftEnclosure, ...]:
        """The enclosure links, with the role and licence that our own markup adds. Several links to one file each have their own."""
        own: dict[str, list[etree._Element]] = {}  # URL -> our elements for that file
        for element in self.entry.findall(f"{OURS}enclosure"):
            own.setdefault(joined(base_of(element), element.get("url", "")), []).append(element)
        found = tuple(self.enclosure(link, own.get(_url(link).text, [])) for link in self.links("enclosure"))
        if alone := [url for url, left in own.items() if left]:
            self.warnings.append(
                f'<enclosure> {alone[0][:100]!r} was ignored, because no <link rel="enclosure"> has its URL.'
            )
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
        own = self.entry.findall(f"{OURS}related")
        if own:
            return tuple(ours.related(element, place) for element in own)
        found = tuple(map(_related, [*self.links("related"), *self.links("via")]))
        content = self.entry.find(f"{ATOM}content")
        elsewhere = self.optional_source()
        if content is not None and elsewhere.startswith(("http://", "https://")):
            found += (DraftRelated("", "", _value(elsewhere, content)),)
        return found


def _renewed(root: etree._Element) -> None:
    """Give an Atom 0.3 document the names of Atom 1.0 (http://www.atomenabled.org/developers/api/atom-format-spec.php)."""
    for element in root.iter(f"{{{ATOM_0_3}}}*"):
        name = str(etree.QName(element).localname)
        element.tag = ATOM + RENAMED.get(name, name)
        if name == "link" and element.get("href") is None:
            element.set("href", "")
        if name not in TEXT_CONSTRUCTS:
            continue
        mode, type = element.get("mode", "xml"), element.get("type", "text/plain").strip().lower()
        if mode == "xml" and len(element) and element[0].tag != DIVISION:
            element.tag = f"{{{ATOM_0_3}}}{name}"  # its text is in elements that are not one division
        elif mode == "base64":
            element.tag = f"{{{ATOM_0_3}}}{name}"
        else:
            element.set("type", "xhtml" if len(element) else "html" if "html" in type else "text")
    for entry in root.iter(ENTRY):
        # `modified` was required, `created` and `issued` were not.
        for old, new in (("modified", "updated"), ("issued", "published"), ("created", "published")):
            found = entry.find(ATOM + old)
            if found is not None and entry.find(ATOM + new) is None:
                found.tag = ATOM + new


def _address(feed: etree._Element) -> str:
    """The address of a feed by its own links, or of its page."""
    for rel in ("self", "alternate"):
        for link in feed.findall(f"{ATOM}link"):
            href = link.get("href", "").strip()
            if link.get("rel", "alternate") == rel and href.startswith(("http://", "https://")):
                return str(href)
    return ""


def _value(words: str, at: etree._Element) -> Value:
    return Value(words, at.sourceline or 0, place(at))


def _url(link: etree._Element) -> Value:
    return Value(
        joined(base_of(link), files.address(link.get("href", ""))), link.sourceline or 0, f"{place(link)}/@href"
    )


def _related(link: etree._Element) -> DraftRelated:
    url = _url(link)
    if url.text.startswith(("http://", "https://")):
        return DraftRelated(link.get("title", ""), "", url)
    return DraftRelated(link.get("title", ""), "%20".join(url.text.split()), None)
