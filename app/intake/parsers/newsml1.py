"""NewsML 1.0 to 1.2, as agencies send it: docs/dialects/newsml1.md, schemas/xsd/newsml1.xsd. https://iptc.org/standards/newsml-1/"""

import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import ArticlePlace, Draft, DraftRelated, DraftTerm, Given, Parsed, Value
from app.intake.parsers import filled, newsml1_content, tree
from app.intake.parsers.moments import Until, embargo_at, first_of
from app.intake.parsers.tree import base_of, inherited, place
from app.text.html import paragraphs
from feeds import LANG

NAMESPACE = "http://iptc.org/std/NewsML/2003-10-10/"
ROOTS = ("NewsML", f"{{{NAMESPACE}}}NewsML")
STATES = {
    "": "usable",
    "usable": "usable",
    "embargoed": "usable",
    "withheld": "withheld",
    "canceled": "canceled",
    "cancelled": "canceled",
}
REVISED = re.compile(r":\d{1,10}[NUA]?")  # the end of a public identifier: urn:newsml:PROVIDER:DATE:ID:REVISION
SUBJECT = re.compile(r"\d{8}", re.ASCII)
COUNTRY = re.compile(r"[A-Z]{2,3}(?:-[A-Z0-9]{1,3})?", re.ASCII)  # ISO 3166
PLACES = ("country", "countryarea", "city", "location", "region", "place", "geography", "worldregion")
CORRECTS = ("rectify", "correct", "correction")


def parse(root: etree._Element, given: Given) -> Parsed:
    """The drafts of a document: one for each NewsItem that contains no other. Raises Invalid if there is none."""
    items = [item for item in root.iter("{*}NewsItem") if item.find(".//{*}NewsItem") is None]
    if not items:
        reason = "<NewsML> has no <NewsItem>. Nothing was stored."
        raise Invalid([Fault(reason, "/NewsML", root.sourceline or 0)], type="empty-release")
    drafts: list[tuple[int, Draft]] = []
    refused: dict[int, tuple[Fault, ...]] = {}
    topics = {topic.get("Duid", ""): topic for topic in root.iter("{*}Topic")}
    for index, item in enumerate(items):
        made = _NewsItem(item, root, topics, given).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused)


class _NewsItem:
    """One NewsItem."""

    def __init__(
        self, item: etree._Element, root: etree._Element, topics: dict[str, etree._Element], given: Given
    ) -> None:
        self.item, self.root, self.known, self.given = item, root, topics, given
        self.here = place(item)
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self.text = newsml1_content.read(item)
        outer = (above for above in item.iterancestors() if _local(above) == "NewsItem")
        self.managed = [
            *item.iter("{*}NewsManagement"),
            *(part for above in outer for part in above.findall("{*}NewsManagement")),
        ]
        # The NewsComponents around the text, the nearest first; then all others.
        near = [] if self.text.at is None else list(self.text.at.iterancestors("{*}NewsComponent"))
        self.components = list(dict.fromkeys((*near, *item.iter("{*}NewsComponent"))))

    def fault(self, reason: str) -> None:
        self.faults.append(Fault(reason, self.here, self.item.sourceline or 0))

    def value(self, element: etree._Element | None) -> Value:
        if element is None:
            return Value("", self.item.sourceline or 0, self.here)
        return Value(tree.text(element).strip(), element.sourceline or 0, place(element))

    def all(self, path: str) -> Iterator[etree._Element]:
        """The elements at a path in the NewsComponents, nearest to the text first."""
        steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
        return (element for component in self.components for element in component.findall(steps))

    def line(self, name: str) -> etree._Element | None:
        return next((found for found in self.all(f"NewsLines/{name}") if tree.text(found).strip()), None)

    def words(self, name: str) -> str:
        found = self.line(name)
        return "" if found is None else " ".join(tree.text(found).split())

    def party(self, role: str) -> str:
        """The name of a provider, creator or source."""
        found = self.all(f"AdministrativeMetadata/{role}/Party")
        return next((name for party in found if (name := party.get("FormalName", "").strip())), "")

    def managing(self, name: str) -> etree._Element | None:
        return next((found for part in self.managed[:1] for found in part.iterchildren(f"{{*}}{name}")), None)

    def draft(self) -> Draft | tuple[Fault, ...]:
        pubstatus, until = self.state()
        issued = self.issued()
        slugline = self.words("SlugLine")
        headline = self.headline(slugline, pubstatus)
        body = self.text.body
        if body is None and pubstatus == "canceled" and headline is not None:
            body = Value(paragraphs(headline.text), self.item.sourceline or 0, self.here)
        if body is None:
            updates = self.item.find("{*}Update") is not None
            why = "it only changes parts of an earlier item; send the whole item" if updates else self.text.why
            self.fault(f"The text of <NewsItem> cannot be read: {why}.")
        guid = self.guid(headline, issued)
        if self.faults or headline is None or issued is None or body is None or guid is None:
            return tuple(self.faults)
        files = newsml1_content.enclosures(self.item, self.warnings)
        byline, creator, provider = (
            self.words("ByLine") or self.text.byline,
            self.party("Creator"),
            self.party("Provider"),
        )
        regions, topics, keywords = self.classified()
        return Draft(
            mark=ArticlePlace(self.item.sourceline or 0, self.here),
            guid=guid,
            version=self.version(),
            lang=self.lang(),
            office=None,
            kind="press-release",
            pubstatus=pubstatus,
            headline=headline,
            subheadlines=tuple(" ".join(tree.text(line).split()) for line in self.all("NewsLines/SubHeadLine")),
            summary=self.text.summary,
            body=body,
            base=base_of(self.item),
            dateline=self.words("DateLine") or self.text.dateline,
            byline=byline or ("" if creator == provider else creator),
            byline_soft=not byline,
            issued=issued,
            issued_weekday="",
            embargo=until.instant,
            held=until.held,
            says_embargo=until.held or until.instant is not None,
            embargo_wording="",
            regions=tuple(regions),
            topics=tuple(topics),
            keywords=tuple(keywords),
            contacts=(),
            enclosures=files,
            licence_uri="",
            licence_text=self.words("RightsLine"),
            related=tuple(self.related(guid.text)),
            note="",
            urgency=self.urgency(),
            slugline=slugline,
            source=self.party("Source"),
            copyright=self.copyright(),
            issuer=provider,
            signal=self.signal(),
            warnings=tuple(self.warnings),
        )

    def state(self) -> tuple[str, Until]:
        """(status, embargo). The status of a NewsItem around this one applies too, and the strictest counts.

        "Embargoed" holds the article until StatusWillChange says that it becomes usable; without that, until further notice."""
        states: set[str] = set()
        ends: list[Until] = []
        for part in self.managed:
            written = [_formal(status).lower() for status in part.findall("{*}Status")]
            for state in written:
                if state not in STATES:
                    self.warnings.append(
                        f"The Status {state[:40]!r} is not known. The article was treated as withheld."
                    )
                states.add(STATES.get(state, "withheld"))
            changes = part.findall("{*}StatusWillChange")
            usable = [change for change in changes if _formal(change.find("{*}FutureStatus")).lower() in ("usable", "")]
            if len(usable) < len(changes):
                self.warnings.append(
                    "A future change of the status was not read. Send the item again when its status changes."
                )
            ends += (embargo_at(self.value(change.find("{*}DateAndTime")), self.given) for change in usable)
            ends += [Until(None, held=True)] if "embargoed" in written and not usable else []
        self.warnings += (said for end in ends for said in end.warnings)
        held, lifts = any(end.held for end in ends), [end.instant for end in ends if end.instant is not None]
        last = max(lifts, key=lambda at: datetime.fromisoformat(at.text), default=None)
        until = Until(None if held else last, held)
        if until.held and not self.warnings:
            self.warnings.append("The Status is Embargoed, but the item does not say until when. The article is held.")
        return next((state for state in ("canceled", "withheld") if state in states), "usable"), until

    def issued(self) -> Value | None:
        """When the first revision was created; else when this one was, else when the document was sent, else the date of the id."""
        dates = (
            self.managing("FirstCreated"),
            self.managing("ThisRevisionCreated"),
            self.root.find("{*}NewsEnvelope/{*}DateAndTime"),
            self.item.find("{*}Identification/{*}NewsIdentifier/{*}DateId"),
        )
        dated = first_of(map(self.value, dates), self.given, timed=True)
        self.warnings += dated.warnings
        self.faults += dated.faults
        if dated.value is None and not dated.faults:
            self.fault(
                "<NewsItem> has no FirstCreated, no ThisRevisionCreated and no other date. One of them is required."
            )
        return dated.value

    def headline(self, slugline: str, pubstatus: str) -> Value | None:
        found = self.line("HeadLine")
        if found is not None:
            return Value(" ".join(tree.text(found).split()), found.sourceline or 0, place(found))
        at = self.value(None)
        if self.text.headline:
            return Value(self.text.headline, at.line, at.path)
        made = filled.headline(at, slugline, self.text.body.text if self.text.body else "")
        if made is None and pubstatus == "canceled":
            made = (
                Value(self.identifier() or "canceled", at.line, at.path),
                "There is no headline. The identifier was used.",
            )
        if made is None:
            self.fault("<NewsItem> has no HeadLine, no SlugLine and no heading. One of them is required.")
            return None
        self.warnings.append(made[1])
        return made[0]

    def identifier(self) -> str:
        """The identifier that all revisions of an item share: urn:newsml:PROVIDER:DATE:ID (RFC 3085)."""
        identifier = self.item.find("{*}Identification/{*}NewsIdentifier")
        if identifier is None:
            return ""

        def part(name: str) -> str:
            return "%20".join((identifier.findtext(f"{{*}}{name}") or "").split())

        if part("ProviderId") and part("NewsItemId"):
            return ":".join(filter(None, ("urn:newsml", part("ProviderId"), part("DateId"), part("NewsItemId"))))
        public = part("PublicIdentifier")
        ends = public[public.rfind(":") :]
        return public[: -len(ends)] if REVISED.fullmatch(ends) else public

    def guid(self, headline: Value | None, issued: Value | None) -> Value | None:
        at = self.value(self.item.find("{*}Identification/{*}NewsIdentifier"))
        if text := self.identifier():
            return Value(text, at.line, at.path)
        for file in self.all("AdministrativeMetadata/FileName"):
            if name := "%20".join(tree.text(file).split()):
                self.warnings.append("The NewsIdentifier is missing or not complete. The FileName became the guid.")
                return Value(f"urn:pressrelay:file:{self.given.office}:{name}", at.line, at.path)
        if headline is None or issued is None:
            return None
        found, warning = filled.guid(at, self.given, headline.text, issued.text, "The NewsIdentifier")
        self.warnings.append(warning)
        return found

    def version(self) -> int:
        """The revision; else the seconds of ThisRevisionCreated since 1970."""
        text = tree.text(found) if (found := self.item.find(".//{*}NewsIdentifier/{*}RevisionId")) is not None else ""
        number = filled.number(text, 2**31 - 1)
        if number is not None:
            return max(1, number)
        dated = first_of([self.value(self.managing("ThisRevisionCreated"))], self.given)
        version = filled.version(datetime.fromisoformat(dated.value.text)) if dated.value else None
        told = "the instant of this revision" if version else "1"
        self.warnings.append(f"The RevisionId {text.strip()[:40]!r} is not a whole number. The version is {told}.")
        return version or 1

    def lang(self) -> Value:
        for element in self.all("DescriptiveMetadata/Language"):
            if tag := element.get("FormalName", "").strip():
                return Value(tag, element.sourceline or 0, f"{place(element)}/@FormalName")
        at = self.item if self.text.at is None else self.text.at
        tag = inherited(at, LANG)
        if not tag:
            self.warnings.append("The item does not give its language. It was stored as und (undetermined).")
        return Value(tag or "und", at.sourceline or 0, f"{place(at)}/@xml:lang")

    def classified(self) -> tuple[list[DraftTerm], list[DraftTerm], list[str]]:
        """(regions, topics, keywords)."""
        regions, topics, keywords = list(self.located()), list(self.subjects()), []
        for occurrence in self.all("DescriptiveMetadata/TopicOccurrence"):
            topic = self.known.get(occurrence.get("Topic", "").strip().removeprefix("#"))
            if topic is None:
                continue
            formal, name = topic.find("{*}FormalName"), topic.find("{*}Description")
            code = "" if formal is None else tree.text(formal).strip()
            words = " ".join(tree.text(name).split()) if name is not None else code
            if _formal(topic.find("{*}TopicType")).lower() in PLACES:
                regions.append(self.term(occurrence, code if COUNTRY.fullmatch(code) else words or code, words))
            elif SUBJECT.fullmatch(code):
                topics.append(self.term(occurrence, f"subj:{code}", words))
            elif words:
                keywords.append(words)
        keywords += (" ".join(tree.text(line).split()) for line in self.all("NewsLines/KeywordLine"))
        for owned in self.all("DescriptiveMetadata/Property"):
            if owned.get("FormalName", "").lower() in ("keyword", "keywords") and owned.get("Value", "").strip():
                keywords.append(owned.get("Value", "").strip())
        return regions, topics, keywords

    def term(self, at: etree._Element, text: str, name: str) -> DraftTerm:
        return DraftTerm(text, at.sourceline or 0, place(at), soft=True, name=name or text)

    def located(self) -> Iterator[DraftTerm]:
        """Each part of a Location that is a place: its country, area and city."""
        for location in self.all("DescriptiveMetadata/Location"):
            parts = [
                owned.get("Value", "").strip()
                for owned in location.findall("{*}Property")
                if owned.get("FormalName", "").replace(" ", "").lower() in PLACES
            ]
            for part in dict.fromkeys(filter(None, parts)):
                yield self.term(location, part, part)

    def subjects(self) -> Iterator[DraftTerm]:
        """The most specific code of each SubjectCode. They are IPTC's subject codes."""
        for group in self.all("DescriptiveMetadata/SubjectCode"):
            codes = {_local(child): child.get("FormalName", "").strip() for child in group}
            levels = ("SubjectDetail", "SubjectMatter", "Subject")
            code = next((codes[level] for level in levels if codes.get(level)), "")
            if code:
                yield self.term(group, f"subj:{code}" if SUBJECT.fullmatch(code) else code, code)

    def related(self, guid: str) -> Iterator[DraftRelated]:
        for part in self.managed[:1]:
            for element in (*part.findall("{*}AssociatedWith"), *part.findall("{*}DerivedFrom")):
                other = element.get("NewsItem", "").strip()
                ends = other[other.rfind(":") :]
                other = other[: -len(ends)] if other.startswith("urn:newsml:") and REVISED.fullmatch(ends) else other
                if other and other != guid:
                    yield DraftRelated("", other, None)

    def urgency(self) -> int:
        return filled.urgency(_formal(self.managing("Urgency")), self.warnings)

    def signal(self) -> str:
        instruction = _formal(self.managing("Instruction")).lower()
        return "correction" if instruction in CORRECTS else ""

    def copyright(self) -> str:
        if words := self.words("CopyrightLine"):
            return words
        for part in self.all("RightsMetadata/Copyright"):
            holder, year = (
                " ".join((part.findtext(f"{{*}}Copyright{name}") or "").split()) for name in ("Holder", "Date")
            )
            if holder:
                return " ".join(f"© {year} {holder}".split())
        return ""


def _local(element: etree._Element) -> str:
    """The local name of an element."""
    return str(etree.QName(element).localname)


def _formal(element: etree._Element | None) -> str:
    return "" if element is None else str(element.get("FormalName", "")).strip()
