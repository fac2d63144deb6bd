"""ninjs 1.0 to 3.1, the IPTC's news in JSON (https://iptc.org/standards/ninjs/): docs/dialects/ninjs.md.

Versions 1 and 2 write names in small letters, 3 in camel case; 1 has `body_html` and the like where 2 and 3 have arrays.
"""

from collections.abc import Iterator

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import (
    DOUBLED,
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
from app.intake.parsers import files, filled, tree
from app.intake.parsers.jsontext import Node, Reader
from app.intake.parsers.moments import embargo_at, first_of
from app.intake.parsers.schemes import Category, Classified, classify
from app.intake.parsers.tree import joined
from app.text import html
from feeds import ALL_RIGHTS_RESERVED, SCHEMES

KINDS = ("press-release", "reference", "explanation")
STATUSES = ("usable", "withheld", "canceled")
EMBARGOES = ("embargoedUntil", "embargoeduntil", "embargoed")
SUBJECTS = "http://cv.iptc.org/newscodes/subjectcode/"
MEDIA = ("picture", "video", "audio", "graphic", "animation", "component", "photo", "image")
BEST = ("original", "baseimage", "web", "viewimage", "16-9", "4-3", "preview")  # renditions of a picture
ARTICLE_ID, GUID = "urn:pressrelay:article:", "urn:pressrelay:guid:"
MEMBERS = ("uri", "versioncreated", "versionCreated", "headline", "headlines", "body_html", "body_text", "body_xhtml", "bodies",
           "associations", "pubstatus", "pubStatus", "standard")  # fmt: skip


def is_item(root: Node) -> bool:
    """Whether a document is an item of ninjs, or an array of them."""
    first = root.value[0] if isinstance(root.value, list) and root.value else root.value
    return isinstance(first, dict) and sum(name in first for name in MEMBERS) >= 2


def parse(root: Node, given: Given) -> Parsed:
    """The drafts of an item, of the texts in a package, or of an array of items. Raises Invalid."""
    drafts: list[tuple[int, Draft]] = []
    refused: dict[int, tuple[Fault, ...]] = {}
    read: set[str] = set()
    for index, node in enumerate(_articles(root)):
        if not isinstance(node.value, dict):
            refused[index] = (Fault("This is not an object; expected an item.", node.path),)
            continue
        item = _NinjsItem(node, given)
        made = item.draft()
        read |= item.read
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    if not drafts and not refused:
        raise Invalid([Fault("The package has no item with a text.", root.path)], type="empty-release")
    return Parsed(tuple(drafts), refused, read=frozenset(read))


def _articles(root: Node) -> Iterator[Node]:
    if isinstance(root.value, list):
        for _, node in root.members():
            yield node
    elif _type(root) in ("composite", "package") and not _has_body(root):
        found = root.get("associations")
        for _, node in found.members() if found is not None else ():
            if _type(node) in ("text", "") and not isinstance(node.value, str):
                yield node
    else:
        yield root


def _type(node: Node) -> str:
    found = node.get("type")
    return found.value.strip().lower() if found is not None and isinstance(found.value, str) else ""


def _has_body(node: Node) -> bool:
    return isinstance(node.value, dict) and any(name.startswith(("body_", "bodies")) for name in node.value)


class _NinjsItem(Reader):
    """One item."""

    def __init__(self, item: Node, given: Given) -> None:
        super().__init__()
        self.item = item
        self.given = given
        self.read: set[str] = set()  # places of embargoes
        self.issuer = next(
            (one for one in self.objects(item, "organisations", "organisation") if self.text(one, "rel") == "issuer"),
            None,
        )
        uri = self.text(self.issuer, "uri") or f"{self.text(self.issuer, 'scheme')}{self.text(self.issuer, 'code')}"
        self.own = uri.startswith(SCHEMES["office"])  # our own output
        self.office = uri.removeprefix(SCHEMES["office"]) if self.own else ""

    def draft(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        if _type(item) in MEDIA and not _has_body(item):
            self.fault(
                item,
                f"The item is a {_type(item)} without a text. Send it as an association of the text that it belongs to.",
            )
            return tuple(self.faults)
        headlines = list(self.parts("headline"))
        headline = next((value for role, _, value in headlines if role in ("", "main")), None)
        headline = headline or self.value(item, "headline", "title") or next((value for _, _, value in headlines), None)
        headline = headline or self.value(item, "slugline")
        summary = self.summary()
        pubstatus, lost = self.pubstatus()
        body = self.body(headline, summary, pubstatus)
        headline = headline or self.headline(item, body, "headline")
        guid, made = self.guid()
        names = ("firstPublished", "firstpublished", "contentCreated", "contentcreated", "firstCreated", "firstcreated")
        dates = [self.value(item, name) for name in (*names, "versionCreated", "versioncreated")]
        dated = first_of(filter(None, dates), self.given)
        self.warnings += dated.warnings
        self.faults += dated.faults[:1]
        undated = dated.value is None
        self.warnings += [filled.UNDATED] if undated else []
        version = self.version(dated.value)
        until, held = self.embargo()
        terms = self.terms()
        related, attachments = self.associations()
        licence = self.text(self.first("rightsInfo", "rightsinfo"), "linkedRights", "linkedrights", "langid")
        usage = self.text(item, "usageTerms", "usageterms")
        usage = "" if usage == ALL_RIGHTS_RESERVED else usage.removesuffix(licence).strip() if licence else usage
        office = None
        if self.own and self.issuer is not None:
            office = Value(self.office, 0, f"{self.issuer.path}/uri")
        by = self.text(item, "by", "byline")
        draft = Draft(
            mark=ArticlePlace(0, item.path),
            guid=guid,
            guid_space=filled.GUID_SPACE if made else "",
            version=version,
            lang=self.lang(),
            office=office,
            kind=self.kind(),
            pubstatus=pubstatus,
            headline=headline or Value("", 0, item.path),
            subheadlines=tuple(value.text for role, _, value in headlines if role in ("subheadline", "sub")),
            summary=summary,
            body=body,
            base=self.given.base,
            dateline=self.text(item, "located") if not isinstance(item.value.get("located"), list | dict) else "",
            byline=by or self.authors(),
            byline_soft=not self.own,
            issued=dated.value or Value("", 0, item.path),
            undated=undated,
            issued_weekday="",
            embargo=until,
            held=held or lost,
            says_embargo=until is not None or held or lost,
            embargo_wording="",
            regions=terms.regions,
            topics=terms.topics,
            keywords=terms.keywords,
            contacts=tuple(self.contacts()),
            enclosures=attachments,
            licence_uri=licence,
            licence_text=usage,
            related=related,
            # The note is for editors, and is not published; our own says what our article says.
            note=self.text(item, "edNote", "ednote") if self.own else "",
            urgency=self.urgency(),
            slugline=self.text(item, "slugline"),
            source=self.source(),
            copyright=self.text(item, "copyrightNotice", "copyrightnotice"),
            issuer=self.text(self.issuer, "name") if not self.own else "",
            warnings=tuple(self.warnings),
        )
        return tuple(self.faults) if self.faults else draft

    def first(self, *names: str) -> Node | None:
        """The first member with one of these names, or the first object in it."""
        found = self.item.get(*names)
        return next(iter(found.each()), None) if found is not None else None

    def parts(self, name: str) -> Iterator[tuple[str, str, Value]]:
        """(role, media type, text) of the headlines, descriptions or bodies, in the manner of version 1 and of 2 and 3."""
        plural = "bodies" if name == "body" else f"{name}s"
        for node in self.objects(self.item, plural):
            value = self.value(node, "value")
            if value is not None:
                type = self.text(node, "contentType", "contenttype").partition(";")[0].strip().lower()
                yield self.text(node, "role").rpartition(":")[2].lower(), type, value
        types = {"html": "text/html", "xhtml": "application/xhtml+xml", "text": "text/plain"}
        for member in list(self.item.value):
            kind = member.removeprefix(f"{name}_")
            if kind != member and kind in types and (value := self.value(self.item, member)) is not None:
                yield "", types[kind], value
            elif kind.partition("_")[0] == "sub" and (value := self.value(self.item, member)) is not None:
                yield "sub", "text/plain", value

    def guid(self) -> tuple[Value, bool]:
        """(the uri, or the guid that our own output has as an alternative; else one that is made here, whether it was made here)."""
        found = self.value(self.item, "uri", "guid")
        if found is not None and found.text.startswith(ARTICLE_ID) and (given := self.alternative(self.item)):
            found = given
        if found is not None:
            return Value("%20".join(found.text.split()), 0, found.path), False
        self.warnings.append(filled.NO_IDENTIFIER)
        texts = [value.text for name in ("headline", "description", "body") for _, _, value in self.parts(name)]
        return Value(filled.identifier(*texts, self.text(self.item, "headline")), 0, self.item.path), True

    def alternative(self, node: Node) -> Value | None:
        found = node.get("altIds", "altids")
        if found is not None and isinstance(found.value, dict):  # version 1
            return self.value(found, "guid")
        ids = found.each() if found is not None and isinstance(found.value, list) else []
        return next((self.value(one, "value") for one in ids if self.text(one, "role") == "guid"), None)

    def summary(self) -> str:
        found = sorted(self.parts("description"), key=lambda part: (part[0] != "summary", "html" in part[1]))
        for _, type, value in found:
            try:
                return html.plain(value.text) if "html" in type else value.text
            except html.TooComplex as error:
                self.faults.append(Fault(f"The description {error}", value.path))
        return ""

    def body(self, headline: Value | None, summary: str, pubstatus: str) -> Value:
        """The best body: XHTML, HTML, then plain text; else the summary; else the headline."""
        ranks = {"application/xhtml+xml": 0, "text/html": 1, "text/plain": 2, "": 2}
        bodies = [part for part in self.parts("body") if part[1] in ranks and not filled.empty(part[2].text)]
        for _, type, value in sorted(bodies, key=lambda part: (part[0] not in ("", "main"), ranks[part[1]]))[:1]:
            if "html" not in type:
                return Value(html.paragraphs(value.text), 0, value.path)
            source = _inside(value.text)
            return Value(source if self.own else html.block(source), 0, value.path)
        if summary.strip():
            return Value(html.paragraphs(summary), 0, self.item.path)
        if headline is None:
            self.fault(self.item, "The item has no text: neither a body, nor a description, nor a headline.")
            return Value("", 0, self.item.path)
        if pubstatus != "canceled":
            self.warnings.append(filled.NO_TEXT)
        return Value(filled.titled(headline.text, self.text(self.item, "uri")), 0, headline.path)

    def version(self, issued: Value | None) -> int:
        """The version if it is a whole number from 1; else the seconds of `versionCreated` since 1970; 1 without a date."""
        written = self.text(self.item, "version").strip()
        if written.isascii() and written.isdigit() and 1 <= int(written[:11]) <= filled.NEWEST:
            return int(written)
        values = filter(None, [self.value(self.item, "versionCreated", "versioncreated")])
        return self.version_at(first_of(values, self.given).value or issued)

    def lang(self) -> Value:
        return self.language(self.value(self.item, "language"), self.item, "item")

    def embargo(self) -> tuple[Value | None, bool]:
        """(instant, whether the article is held)."""
        names = [name for name in EMBARGOES if self.item.value.get(name) not in (None, False)]
        if not names:
            return None, False
        self.read |= {f"{self.item.path}/{name}" for name in names}
        if len(names) > 1:
            self.warnings.append(DOUBLED.format(self.item.path or "The item"))
            return None, True
        value = self.item.value[names[0]]
        path = f"{self.item.path}/{names[0]}"
        until = embargo_at(Value(value if isinstance(value, str) else str(value), 0, path), self.given)
        self.warnings += until.warnings
        return until.instant, until.held

    def pubstatus(self) -> tuple[str, bool]:
        """(status, whether it is unknown and the article is held)."""
        status = self.text(self.item, "pubStatus", "pubstatus").rpartition(":")[2].strip().lower() or "usable"
        status = "canceled" if status == "cancelled" else status
        self.read |= {f"{self.item.path}/{name}" for name in ("pubStatus", "pubstatus")}
        if status in STATUSES:
            return status, False
        self.warnings.append(UNREAD.format(f"The status {status[:40]!r}"))
        return "usable", True

    def kind(self) -> str:
        profile = self.text(self.item, "profile")
        return profile if self.own and profile in KINDS else KINDS[0]

    def urgency(self) -> int:
        written = self.text(self.item, "urgency").strip()
        return int(written) if written in "123456789" and written else 0

    def authors(self) -> str:
        people = self.objects(self.item, "authors")
        people += [
            one
            for one in self.objects(self.item, "people", "person")
            if self.text(one, "rel") in ("author", "creator", "by")
        ]
        return ", ".join(dict.fromkeys(filter(None, (self.text(one, "name") for one in people))))

    def source(self) -> str:
        named = self.objects(self.item, "infoSources", "infosources", "infosource")
        if named:
            return self.text(named[0], "name")
        return "" if isinstance(self.item.value.get("source"), list | dict) else self.text(self.item, "source")

    def terms(self) -> Classified:
        """Places, subjects and keywords. Each language has a concept of its own in our output, with one URI."""
        places: dict[str, DraftTerm] = {}
        for node in self.objects(self.item, "places", "place"):
            name, category = self.text(node, "name"), self.category(node, "")
            found = classify([category]).regions
            term = found[0] if found else DraftTerm(name or category.term, 0, node.path, soft=True, name=name)
            if term.text:
                places.setdefault(self.text(node, "uri") or term.text, term)
        topics: dict[str, DraftTerm] = {}
        keywords = dict.fromkeys(self.texts(self.item, "keywords"))
        for node in self.objects(self.item, "subjects", "subject"):
            found_in = classify([self.category(node, SUBJECTS)])
            if self.text(node, "rel") == "keyword":
                keywords[self.text(node, "literal") or self.text(node, "name")] = None
                continue
            for region in found_in.regions:
                places.setdefault(self.text(node, "uri") or region.text, region)
            for topic in found_in.topics:
                topics.setdefault(self.text(node, "uri") or topic.text, topic)
            keywords |= dict.fromkeys(found_in.keywords)
        return Classified(tuple(places.values()), tuple(topics.values()), tuple(filter(None, keywords)))

    def category(self, node: Node, scheme: str) -> Category:
        """A concept by its URI, else by its scheme and code. Eight digits without a scheme are a code of the IPTC's."""
        uri, code = self.text(node, "uri"), self.text(node, "code", "qcode", "literal")
        given = self.text(node, "scheme")
        if uri and classify([Category("", uri, "", 0, "")]).keywords == ():
            return Category("", uri, self.text(node, "name"), 0, node.path)
        if code.isdigit() and len(code) == 8 and not given.startswith("http"):
            return Category(scheme, code, self.text(node, "name"), 0, node.path)
        return Category(
            given, code if given else self.text(node, "name") or code, self.text(node, "name"), 0, node.path
        )

    def contacts(self) -> Iterator[DraftContact]:
        """Persons and organisations for questions, as our own output writes them."""
        for member in ("people", "organisations"):
            for node in self.objects(self.item, member):
                if self.text(node, "rel") != "contact":
                    continue
                ways = self.objects(node, "contactInfo", "contactinfo")
                role = next(filter(None, (self.text(way, "role") for way in ways)), "")
                named = next(filter(None, (self.text(way, "name") for way in ways)), "")
                by = {self.text(way, "type"): self.text(way, "value") for way in ways}
                name = self.text(node, "name")
                department = named or by.get("department", "")
                if member == "organisations":
                    name, department = "", name
                yield DraftContact(department, role, name, by.get("phone", ""), by.get("email", ""))

    def associations(self) -> tuple[tuple[DraftRelated, ...], tuple[DraftEnclosure, ...]]:
        """(related articles, files): the renditions of the item, and its associated items."""
        related: list[DraftRelated] = []
        attached: dict[str, DraftEnclosure] = {}
        for name, node in self.named(self.item, "renditions"):
            if (file := self.file(name, node)) is not None:
                attached[file.url.text] = file
            elif not self.own and (page := self.value(node, "href")) is not None:
                related.append(DraftRelated(self.text(node, "title"), "", page))
        for name, node in self.named(self.item, "associations"):
            kind = _type(node)
            if (
                (self.own or self.text(node, "rel") == "enclosure")
                and (url := self.value(node, "uri")) is not None
                and url.text in attached
            ):
                attached[url.text] = self.described(attached[url.text], node)
            elif kind in MEDIA or (not kind and node.get("renditions") is not None):
                parts = sorted(self.named(node, "renditions"), key=_rank)
                files_of = [file for part, each in parts if (file := self.file(part, each)) is not None]
                for file in files_of[:1]:
                    role = "photo" if kind in ("picture", "photo", "image", "graphic") else file.role
                    attached.setdefault(file.url.text, self.described(file, node, role))
                if not files_of:
                    self.warnings.append(f"{node.path} was left out, because it has no file at an http or https URL.")
            else:
                related.append(self.related(name, node))
        return tuple(related), tuple(attached.values())

    def named(self, parent: Node, member: str) -> Iterator[tuple[str, Node]]:
        """(name, object) of renditions or associations, which are an array or, in version 1, an object."""
        found = parent.get(member)
        for name, node in found.members() if found is not None else ():
            if isinstance(node.value, dict):
                yield (self.text(node, "name") or name).lower(), node
            elif node.value is not None:
                self.fault(node, "This is not an object; expected one.")

    def file(self, name: str, node: Node) -> DraftEnclosure | None:
        """The file of a rendition; None for a page."""
        href = self.value(node, "href")
        type = self.text(node, "contentType", "contenttype", "mimetype").partition(";")[0].strip().lower()
        url = joined(self.given.base, files.address(href.text)) if href else ""
        if href is None or type == "text/html" or not url.startswith(("http://", "https://")):
            return None
        type = files.media_type(url, type)
        part = name.partition("-")[0]
        return DraftEnclosure(
            url=Value(url, 0, href.path),
            type=type,
            length=files.length(self.text(node, "sizeInBytes", "sizeinbytes")),
            role=part if part in ("photo", "document") else files.role(type),
            caption=self.text(node, "title"),
            lang="",
            licence_uri="",
            licence_text="",
            has_licence=False,
        )

    def described(self, file: DraftEnclosure, node: Node, role: str = "") -> DraftEnclosure:
        """A file with the words of its item: caption with the credit in brackets, language, terms of use."""
        words = _NinjsItem(node, self.given)
        headlines = [value.text for _, _, value in words.parts("headline")]
        caption = words.summary() or next(iter(headlines), "") or words.text(node, "headline", "title")
        credit = words.text(node, "by", "byline")
        caption = f"{caption} ({credit})" if caption and credit else caption or credit or file.caption
        rights = node.get("rightsInfo", "rightsinfo")
        uri = words.text(rights, "linkedRights", "linkedrights")
        usage = words.text(node, "usageTerms", "usageterms")
        usage = usage.removesuffix(uri).strip() if uri else usage
        self.faults += words.faults
        return DraftEnclosure(
            url=file.url,
            type=file.type,
            length=file.length,
            role=role or file.role,
            caption=caption,
            lang=words.text(node, "language") if self.own else "",
            licence_uri=uri,
            licence_text=usage,
            has_licence=bool(uri or usage),
        )

    def related(self, name: str, node: Node) -> DraftRelated:
        """A related article, or a translation. In our output its guid is an alternative identifier, or its URI."""
        uri, guid = self.value(node, "uri"), self.alternative(node)
        headline = next((value.text for _, _, value in _NinjsItem(node, self.given).parts("headline")), "")
        headline = headline or self.text(node, "headline", "title")
        lang = (
            self.value(node, "language")
            if self.text(node, "rel") == "translation" or name.startswith("translation")
            else None
        )
        address = uri.text if uri is not None else ""
        if uri is not None and address.startswith(("http://", "https://")):
            return DraftRelated(headline, guid.text if guid else "", uri, lang)
        known = guid.text if guid else "" if address.startswith(GUID) else address
        return DraftRelated(headline, known, None, lang)


def _rank(rendition: tuple[str, Node]) -> int:
    """The place of a rendition among those of one picture, the best first."""
    return BEST.index(rendition[0]) if rendition[0] in BEST else len(BEST)


def _inside(source: str) -> str:
    """What is inside the one <div> of an XHTML body; else the source."""
    if not source.lstrip().startswith("<div"):
        return source
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(source.strip(), parser)
    except etree.XMLSyntaxError:
        return source
    return tree.fragment(root) if etree.QName(root).localname == "div" else source
