"""NITF 3.6, and 3.2 to 3.5 without their DTD: docs/dialects/nitf.md, schemas/xsd/nitf.xsd. https://iptc.org/standards/nitf/"""

import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.draft import Draft, DraftTerm, Mark, Value
from app.errors import Fault
from app.parsers import blocks, ours, terms
from app.parsers.faults import check
from app.parsers.tree import LANG, Parsed, place
from feeds.wording import ALL_RIGHTS_RESERVED, SCHEMES

NAMESPACE = "http://iptc.org/std/NITF/2006-10-18/"
ROOTS = (f"{{{NAMESPACE}}}nitf", "nitf")
SHOWN = "a date and time with its zone, such as 20210309T201500+0900"
FORMS = {"norm": SHOWN, "ed-urg": "a whole number from 1 to 9", "version": "a whole number"}
DATES = (
    ("head/docdata/date.issue", "norm"),
    ("head/pubdata", "date.publication"),
    ("head/docdata/date.release", "norm"),
)
STATES = {
    "usable": "usable",
    "embargoed": "usable",
    "withheld": "withheld",
    "canceled": "canceled",
    "killed": "canceled",
}


def parse(root: etree._Element) -> Parsed:
    """The draft of a document: NITF holds one article."""
    # Without namespace and with it, the elements are the same: one profile is enough.
    for element in root.iter():
        if not etree.QName(element).namespace:
            element.tag = f"{{{NAMESPACE}}}{element.tag}"
    checked = check("nitf", root, [root], lambda name, _: FORMS.get(name, ""))
    made = checked.refused.get(0) or _Document(root).draft()
    if isinstance(made, Draft):
        return Parsed(((0, made),), {})
    return Parsed((), {0: made})


class _Document:
    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def find(self, path: str) -> etree._Element | None:
        return self.root.find("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/")))

    def all_of(self, path: str) -> list[etree._Element]:
        return list(self.root.findall("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))))

    def attribute(self, path: str, name: str) -> str:
        return next((value for one in self.all_of(path) if (value := one.get(name, "").strip())), "")

    def fault(self, reason: str, element: etree._Element | None = None) -> None:
        at = self.root if element is None else element
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def draft(self) -> Draft | tuple[Fault, ...]:
        root = self.root
        guid = self.guid()
        headline = self.headline()
        issued = self.issued()
        release = self.find("head/docdata/date.release")
        embargo = self.instant(release, "norm") if release is not None and release.get("norm") else None
        content = self.find("body/body.content")
        source = "" if content is None else blocks.xhtml(content)
        if not source:
            self.fault("<nitf> has no <body.content>, or it is empty; it is required.", content)
        if self.faults or guid is None or headline is None or issued is None or content is None:
            return tuple(self.faults)
        meta = {one.get("name", ""): one.get("content", "") for one in self.all_of("head/meta")}
        regions, topics = self.terms()
        later = embargo if embargo and _instant(embargo.text) > _instant(issued.text) else None
        messages = [(one.get("msg-type", ""), one.get("info", "")) for one in self.all_of("head/docdata/ed-msg")]
        notes = [info for kind, info in messages if kind != "embargo"] + [
            ours.text(one) for one in self.all_of("body/body.head/note")
        ]
        return Draft(
            mark=Mark(root.sourceline or 0, "/nitf"),
            guid=guid,
            version=self.version(),
            lang=self.lang(),
            office=self.office(),
            kind=meta.get("pressrelay.kind", "press-release"),
            pubstatus=STATES.get(self.attribute("head/docdata", "management-status").lower(), "usable"),
            headline=headline,
            subheadlines=tuple(ours.text(one) for one in self.all_of("body/body.head/hedline/hl2")),
            summary="\n".join(_words(one) for one in self.all_of("body/body.head/abstract")),
            body=Value(source, content.sourceline or 0, place(content)),
            base="",
            dateline=" ".join(_words(one) for one in self.all_of("body/body.head/dateline")),
            byline=", ".join(_words(one) for one in self.all_of("body/body.head/byline")),
            issued=issued,
            issued_weekday="",
            embargo=later,
            held=False,
            embargo_wording=" ".join(info for kind, info in messages if kind == "embargo"),
            regions=regions,
            topics=topics,
            keywords=tuple(one.get("key", "") or ours.text(one) for one in self.root.iter(f"{{{NAMESPACE}}}keyword")),
            contacts=(),
            enclosures=tuple(blocks.enclosures(content)),
            licence_uri="",
            licence_text=self.licence(),
            related=(),
            note="\n".join(filter(None, notes)),
            urgency=int(self.attribute("head/docdata/urgency", "ed-urg") or 0),
            slugline=self.attribute("head/docdata/du-key", "key"),
            source=meta.get("pressrelay.source", ""),
            copyright=self.copyright(),
            issuer=" ".join(_words(one) for one in self.all_of("body/body.head/distributor")),
            warnings=tuple(self.warnings),
        )

    def guid(self) -> Value | None:
        found = self.find("head/docdata/doc-id")
        text = "" if found is None else found.get("id-string", "").strip()
        if found is None or not text:
            self.fault(
                "<nitf> has no <doc-id> with an id-string in its <docdata>; it is the guid and is required.", found
            )
            return None
        return Value(text, found.sourceline or 0, f"{place(found)}/@id-string")

    def version(self) -> int:
        """du-key counts the generations of a story; where it is silent, each line of history is one."""
        told = self.attribute("head/docdata/du-key", "version")
        return max(1, int(told)) if told else len(self.all_of("head/revision-history")) + 1

    def headline(self) -> Value | None:
        for path in ("body/body.head/hedline/hl1", "head/title"):
            found = self.find(path)
            if found is not None and ours.text(found).strip():
                return Value(_words(found), found.sourceline or 0, place(found))
        self.fault("<nitf> has no <hl1> and no <title>; one is required.")
        return None

    def issued(self) -> Value | None:
        for path, name in (
            ("head/docdata/date.issue", "norm"),
            ("head/pubdata", "date.publication"),
            ("head/docdata/date.release", "norm"),
        ):
            found = self.find(path)
            if found is not None and found.get(name):
                return self.instant(found, name)
        self.fault("<nitf> has no <date.issue> with a norm; it is required.")
        return None

    def instant(self, element: etree._Element, name: str) -> Value | None:
        """ISO 8601, basic or extended. A day alone is its midnight in UTC, with a warning."""
        text = element.get(name, "").strip()
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            self.fault(f"<{etree.QName(element).localname}> has {name} {text[:40]!r}; expected is {SHOWN}.", element)
            return None
        if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text):
            self.warnings.append(f"{text} names a day without a time: its midnight in UTC was taken.")
            return Value(
                f"{instant.date().isoformat()}T00:00:00Z", element.sourceline or 0, f"{place(element)}/@{name}"
            )
        if instant.tzinfo is None:
            self.fault(
                f"<{etree.QName(element).localname}> has {name} {text[:40]!r} without a time zone; expected is {SHOWN}.",
                element,
            )
            return None
        return Value(instant.isoformat(), element.sourceline or 0, f"{place(element)}/@{name}")

    def lang(self) -> Value:
        told = self.root.get(LANG) or self.root.get("baselang") or ""
        if not told:
            self.warnings.append("The document does not say its language: it is kept as und, undetermined.")
        return Value(told or "und", self.root.sourceline or 0, "/nitf/@xml:lang")

    def office(self) -> Value | None:
        for org in self.all_of("body/body.head/distributor/org"):
            if org.get("idsrc") == SCHEMES["office"]:
                return Value(org.get("value", ""), org.sourceline or 0, place(org))
        return None

    def terms(self) -> tuple[tuple[DraftTerm, ...], tuple[DraftTerm, ...]]:
        regions = tuple(self.located())
        return regions, tuple(self.subjects())

    def located(self) -> Iterator[DraftTerm]:
        for one in self.all_of("head/docdata/identified-content/location"):
            code, name = one.get("location-code", ""), _words(one)
            own = one.get("code-source") == SCHEMES["region"]
            kind, text, _ = terms.term(one.get("code-source", ""), code)
            written = text if kind == "region" and code else name
            if written:
                yield DraftTerm(written, one.sourceline or 0, place(one), soft=not own, name=name)

    def subjects(self) -> Iterator[DraftTerm]:
        for one in self.all_of("head/docdata/identified-content/classifier"):
            name, code = _words(one), one.get("value", "")
            kind, text, own = terms.term(one.get("idsrc", ""), code)
            if written := (text if kind == "topic" else name or code):
                yield DraftTerm(written, one.sourceline or 0, place(one), soft=not own, name=name or code)
        for one in self.all_of("head/tobject/tobject.subject"):
            number = one.get("tobject.subject.refnum", "").strip()
            names = [one.get(f"tobject.subject.{level}", "") for level in ("detail", "matter", "type")]
            name = next(filter(None, names), number)
            if number:
                yield DraftTerm(f"subj:{number}", one.sourceline or 0, place(one), soft=True, name=name)

    def licence(self) -> str:
        text = self.attribute("head/docdata/doc.rights", "limitations")
        text = text or " ".join(_words(one) for one in self.all_of("body/body.head/rights"))
        return "" if text == ALL_RIGHTS_RESERVED else text

    def copyright(self) -> str:
        holder, year = (self.attribute("head/docdata/doc.copyright", name) for name in ("holder", "year"))
        return "" if not holder else holder if holder.startswith("©") else f"© {year} {holder}".replace("  ", " ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _words(element: etree._Element) -> str:
    return " ".join(ours.text(element).split())
