"""RSS 0.90 to 2.0 and 1.0 (RDF) with content:encoded, Dublin Core, Media RSS and Atom's elements: docs/dialects/rss.md.

https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile, https://www.rssboard.org/media-rss,
https://web.resource.org/rss/1.0/spec, https://www.rssboard.org/rss-0-9-0
"""

import html as entities
import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.errors import Fault, Invalid, Problem
from app.intake.draft import ArticlePlace, Draft, DraftRelated, Given, Parsed, Value
from app.intake.parsers import filled
from app.intake.parsers.faults import check
from app.intake.parsers.media import ATOM, CC, DC, MEDIA, OLD_CC, enclosures
from app.intake.parsers.moments import Moment, first_of, moment
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import base_of, fragment, joined, lang_of, own_base, place, set_base, text
from app.intake.parsers.unread import check_around, embargoed, strangers
from app.text import html
from schemas import codes

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
ROOT = "rss"
# RSS 2.0 has no namespace. The versions in RDF have one, and so have old feeds of some programs; their elements are read alike.
NAMESPACES = (
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/0.9/",
    "http://backend.userland.com/rss2",
    "http://backend.userland.com/RSS2",
    "http://backend.userland.com/rss091",
    "http://backend.userland.com/rss092",
    "http://blogs.law.harvard.edu/tech/rss",
)
OTHERS = (f"{RDF}RDF", *(f"{{{namespace}}}rss" for namespace in NAMESPACES))
VERSIONS = re.compile(r"0\.9[1-4](\d)?|2\.0(\.\d+)?")
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
TERMS = "{http://purl.org/dc/terms/}"
RESOURCE = f"{RDF}resource"
XHTML = "{http://www.w3.org/1999/xhtml}"
ORIGINAL = (
    "{http://rssnamespace.org/feedburner/ext/1.0}origLink"  # the page itself, where the link leads through a counter
)
NULL = "null"  # what programs write for a value that is not there
PRISM = ("{http://prismstandard.org/namespaces/basic/2.0/}", "{http://prismstandard.org/namespaces/1.2/basic/}")
# The date of issue, the best first. Names in the last line are not RSS's, but in use.
DATES = (
    "pubDate", f"{DC}date", f"{ATOM}published", f"{TERMS}issued", f"{TERMS}created", *(f"{name}publicationDate" for name in PRISM),
    f"{ATOM}updated", f"{TERMS}modified",
    "pubdate", "PubDate", "published", "date", "created",
)  # fmt: skip
ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
INLINE = re.compile(
    r"<(?=[/abefismu])/?(?:a|b|em|font|i|small|span|strong|sub|sup|u|mark)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
BREAK = re.compile(r"<(?:br|/?p|/?div)(?:\s[^<>]*)?/?>", re.IGNORECASE)
MARKUP = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")
EMPTIED = "The word null, which programs write for a value that is not there, was read as nothing."
AUTHOR = re.compile(r"[^\s@(]++@[^\s(]++ ?\((.+)\)")  # lawyer@boyer.net (Lawyer Boyer)


def parse(root: etree._Element, given: Given) -> Parsed:
    """The drafts of a feed; an item with faults is refused with all its faults.

    Raises Invalid for an unsupported version, Problem for a feed without items.
    """
    for element in root.iter(*(f"{{{namespace}}}*" for namespace in NAMESPACES)):
        element.tag = etree.QName(element).localname
    warnings = _version(root)
    channel = next(root.iterchildren("channel"), root)
    # Some old feeds have their items beside the channel, as RSS in RDF has them.
    parents = (root, *root.iterchildren("channel"))
    items = [item for parent in parents for item in parent.iterchildren("item")]
    if not items:
        reason = "The feed has no <item> in a <channel>. Nothing was stored."
        errors = [Fault(reason, place(root), root.sourceline or 0)]
        raise Problem(422, "empty-release", "The release has no article", reason, errors=errors)
    check_around(*parents)
    address = " ".join(text(channel.find("link")).split())
    if address.startswith(("http://", "https://")) and not any(own_base(parent) for parent in parents):
        set_base(root, address)  # relative links are meant against the site of the feed
    drafts: list[tuple[int, Draft]] = []
    refused: dict[int, tuple[Fault, ...]] = {}
    for index, item in enumerate(items):
        said = (*warnings, EMPTIED) if _without_nulls(item) else warnings
        faults = check("rss", item, [item], _form).refused.get(0, ())
        read = _Item(item, given, said).read()
        if isinstance(read, Draft) and not faults:
            drafts.append((index, read))
        else:
            refused[index] = faults if isinstance(read, Draft) else (*faults, *read)
    return Parsed(tuple(drafts), refused)


def _without_nulls(item: etree._Element) -> bool:
    """Take away the word null where it is a whole text: of an element, or between elements, where no text may stand."""
    found = False
    for element in (item, *item.iterchildren(etree.Element)):
        for name in ("text", "tail"):
            if (getattr(element, name) or "").strip() == NULL and (element is not item or name == "text"):
                setattr(element, name, None)
                found = True
    return found


def _version(root: etree._Element) -> tuple[str, ...]:
    """Warnings about the version of the feed. Raises Invalid for a version that does not exist."""
    if root.tag != ROOT:
        return ()  # in RDF, the namespace is the version
    version = root.get("version", "").strip()
    if not version:
        return ("The attribute version of <rss> is missing. The feed was read as RSS 2.0.",)
    if not VERSIONS.fullmatch(version):
        reason = f"The attribute version of <rss> is {version[:20]!r}; expected 2.0, or 0.91 to 0.94."
        raise Invalid([Fault(reason, "/rss", root.sourceline or 0)])
    return ()


def _form(name: str, element: etree._Element | None) -> str:
    return "a URL without white space" if name == "url" else ""


class _Item:
    """One item, with its faults and warnings."""

    def __init__(self, item: etree._Element, given: Given, warnings: tuple[str, ...]) -> None:
        self.given = given
        self.item = item
        parent: etree._Element = item.getparent()
        self.channel = next(parent.iterchildren("channel"), parent)
        self.faults: list[Fault] = []
        self.warnings: list[str] = list(warnings)

    def fault(self, at: etree._Element, reason: str) -> None:
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def read(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        for reason, at in strangers(item):
            self.fault(at, reason)
        headline = self.headline()
        summary, body = self.texts(headline)
        if body is not None and headline is None:
            headline = self.headline_of(body)
        guid, made = self.guid()
        written, issued = self.issued()
        undated = written is None and not self.faults
        written = self.place_of("") if undated else written
        version = 1 if undated else self.version(issued)
        if self.faults or headline is None or written is None or body is None:
            return tuple(self.faults)
        if undated:
            self.warnings.append(filled.UNDATED)
        try:
            files = enclosures(item)
        except html.TooComplex as error:
            self.fault(item, f"A Media RSS text {error}")
            return tuple(self.faults)
        classified = self.categories()
        byline, soft = self.byline()
        licence_uri = self.licence()
        embargo = embargoed(item, self.given)
        self.warnings += embargo.warnings
        return Draft(
            mark=ArticlePlace(item.sourceline or 0, place(item)),
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
            issued_weekday=issued.weekday if isinstance(issued, Moment) else "",
            embargo=embargo.instant,
            held=embargo.held,
            says_embargo=embargo.instant is not None or embargo.held,
            embargo_wording="",
            regions=classified.regions,
            topics=classified.topics,
            keywords=classified.keywords,
            contacts=(),
            enclosures=files,
            licence_uri=licence_uri,
            licence_text="",
            related=tuple(self.related(guid.text.strip())),
            guid_space=filled.GUID_SPACE if made else "",
            undated=undated,
            note="",
            source=text(item.find("source")),
            copyright=self.first(item, f"{DC}rights", f"{MEDIA}copyright")
            or self.first(self.channel, "copyright", f"{DC}rights"),
            warnings=tuple(self.warnings),
        )

    def first(self, parent: etree._Element, *names: str) -> str:
        """The first non-empty text of children with these names."""
        found = (" ".join(text(child).split()) for name in names for child in parent.findall(name))
        return next(filter(None, found), "")

    def place_of(self, words: str) -> Value:
        """A value that is not written anywhere in the item."""
        return Value(words, self.item.sourceline or 0, place(self.item))

    def guid(self) -> tuple[Value, bool]:
        """(the guid; else rdf:about; else the link, because many feeds have no guid; else made here, whether it was made here).
        White space inside ("4711 at https://…") becomes %20."""
        element = next((found for found in self.item.findall("guid") if text(found).strip()), None)
        if element is not None:
            return Value("%20".join(text(element).split()), element.sourceline or 0, place(element)), False
        if about := self.item.get(f"{RDF}about", "").strip():
            at = Value("%20".join(about.split()), self.item.sourceline or 0, f"{place(self.item)}/@rdf:about")
            return at, False
        if page := self.page():
            return Value("%20".join(page.text.split()), page.line, page.path), False
        self.warnings.append(filled.NO_IDENTIFIER)
        texts = (text(self.item.find(name)) for name in ("title", "description", ENCODED))
        return self.place_of(filled.identifier(*texts)), True

    def page(self) -> Value | None:
        """The link of the item, or its atom:link, made absolute."""
        element = next((found for found in self.item.findall("link") if text(found).strip()), None)
        if element is not None:
            address = text(element).strip()
            if not address.startswith(("http://", "https://")):
                address = joined(base_of(element), address)
            return Value(address, element.sourceline or 0, place(element))
        link = next((found for found in self.links("alternate") if found.get("href", "").strip()), None)
        if link is None:
            return None
        return Value(joined(base_of(link), link.get("href", "")), link.sourceline or 0, f"{place(link)}/@href")

    def headline(self) -> Value | None:
        """The title. RSS does not say whether it is plain text or HTML, so entities are resolved once and inline tags are dropped."""
        titles = (*self.item.findall("title"), *self.item.findall(f"{DC}title"), *self.item.findall(f"{MEDIA}title"))
        element = next((found for found in titles if text(found).strip()), None)
        if element is None:
            return None
        title = INLINE.sub("", BREAK.sub(" ", text(element)))
        title = ENTITY.sub(lambda entity: entities.unescape(entity[0]), title)
        return Value(title, element.sourceline or 0, place(element)) if title.strip() else None

    def headline_of(self, body: Value) -> Value | None:
        """The beginning of the text, for an item without a title: RSS requires only one of the two."""
        words = filled.first_line(body.text)
        if not words:
            self.fault(self.item, "<item> has no <title>, and its text has no words. One of them is required.")
            return None
        self.warnings.append(filled.NO_HEADLINE)
        return self.place_of(words)

    def issued(self) -> tuple[Value | None, Moment | None]:
        """The date of issue: the best that is understood. (None, None) if there is none, with a fault if none was understood."""
        elements = (element for name in DATES for element in self.item.findall(name))
        dated = first_of((Value(text(at), at.sourceline or 0, place(at)) for at in elements), self.given)
        self.warnings += dated.warnings
        self.faults += dated.faults[:1]
        return dated.value, dated.moment

    def date(self, element: etree._Element) -> Moment | None:
        read = moment(text(element), self.given)
        if isinstance(read, str):
            name = etree.QName(element).localname
            self.fault(element, f"<{name}> is {text(element).strip()[:80]!r}: {read}.")
            return None
        self.warnings += (said for said in read.warnings if said not in self.warnings)
        return read

    def version(self, issued: Moment | None) -> int:
        """The version, made from atom:updated or dcterms:modified, else from the date of issue."""
        for name in (f"{ATOM}updated", f"{TERMS}modified"):
            element = self.item.find(name)
            if element is not None and (changed := self.date(element)):
                return self.second(element, changed)
        return 0 if issued is None else self.second(self.item, issued)

    def second(self, at: etree._Element, moment: Moment) -> int:
        version = filled.version(datetime.fromisoformat(moment.iso))
        if version is None:
            self.fault(at, f"The date is {moment.iso}. {filled.RANGE}")
        return version or 0

    def texts(self, headline: Value | None) -> tuple[str, Value | None]:
        """(summary, body). If there is content:encoded, it is the body and the description is the summary; else the description is the
        body; else another text; else the title alone."""
        encoded = self.item.find(ENCODED)
        description = self.item.find("description")
        if encoded is not None and text(encoded).strip():
            return self.summary(description), self.body(encoded)
        if description is not None and not filled.empty(text(description)):
            return "", self.body(description)
        for name in (f"{XHTML}body", f"{XHTML}div"):
            if (markup := self.item.find(name)) is not None and text(markup).strip():
                return self.summary(description), self.body(markup)
        for name in (f"{DC}description", f"{TERMS}abstract", f"{ATOM}content", f"{ATOM}summary", f"{MEDIA}description"):
            if (other := self.item.find(name)) is not None and not len(other) and not filled.empty(text(other)):
                return "", self.body(other)
        if headline is None:
            self.fault(
                self.item,
                "<item> has no text: neither a <title>, nor a <description>, nor <content:encoded>. One of them is required.",
            )
            return "", None
        self.warnings.append(filled.NO_TEXT)
        page = self.page()
        return "", Value(filled.titled(headline.text, page.text if page else ""), headline.line, headline.path)

    def summary(self, description: etree._Element | None) -> str:
        if description is None:
            return ""
        try:
            return html.plain(_hypertext(text(description)))
        except html.TooComplex as error:
            self.fault(description, f"The <description> {error}")
            return ""

    def body(self, element: etree._Element) -> Value:
        if element.tag.startswith(XHTML):
            body = fragment(element)
        else:
            body = text(element) if element.tag == ENCODED else _hypertext(text(element))
        return Value(body, element.sourceline or 0, place(element))

    def lang(self) -> Value:
        """The language of the item, else of its channel."""
        for parent in (self.item, self.channel, self.channel.getparent()):
            if lang := lang_of(parent):
                return Value(lang, parent.sourceline or 0, f"{place(parent)}/@xml:lang")
            for name in (f"{DC}language", "language"):
                element = parent.find(name)
                if element is not None and text(element).strip():
                    return Value(text(element), element.sourceline or 0, place(element))
        self.warnings.append("The feed does not give its language. It was stored as und (undetermined).")
        return Value("und", self.channel.sourceline or 0, f"{place(self.channel)}/language")

    def byline(self) -> tuple[str, bool]:
        """(names, whether they may be the office itself): the contributors, else the creators or authors."""
        if names := self.persons(f"{DC}contributor"):
            return names, False
        return self.persons(f"{DC}creator") or self.persons("author"), True

    def persons(self, name: str) -> str:
        found = (" ".join(text(element).split()) for element in self.item.findall(name))
        named = (named[1] if (named := AUTHOR.fullmatch(person)) else person for person in found)
        return ", ".join(dict.fromkeys(filter(None, named)))

    def categories(self) -> Classified:
        """The categories. Our own feeds write each code and also its name; such names are not counted as keywords."""
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
        """atom:link rel="related", and the page of the item if it is not the guid."""
        base = base_of(self.item)
        for link in self.links("related"):
            href, title = joined(base, link.get("href", "")), link.get("title", "")
            if href.startswith(("http://", "https://")):
                yield DraftRelated(title, "", Value(href, link.sourceline or 0, f"{place(link)}/@href"))
            elif href:
                yield DraftRelated(title, href, None)
        original = self.item.find(ORIGINAL)
        page = self.page()
        if original is not None and text(original).strip().startswith(("http://", "https://")):
            page = Value(text(original).strip(), original.sourceline or 0, place(original))
        if page is not None and page.text.strip() != guid:
            yield DraftRelated("", "", page)


def _hypertext(source: str) -> str:
    """HTML as sent; a text without tags becomes paragraphs, with its entities resolved once."""
    if MARKUP.search(source):
        return html.block(source)
    return html.paragraphs(ENTITY.sub(lambda entity: entities.unescape(entity[0]), source))
