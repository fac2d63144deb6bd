"""NITF 3.6, and 3.2 to 3.5 without their DTD: docs/dialects/nitf.md, schemas/xsd/nitf.xsd. https://iptc.org/standards/nitf/"""

from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.errors import Fault
from app.intake.draft import ArticlePlace, Draft, DraftEnclosure, DraftTerm, Given, Parsed, Value
from app.intake.parsers import blocks, filled, terms, tree
from app.intake.parsers.faults import check
from app.intake.parsers.moments import Until, embargo_at, first_of
from app.intake.parsers.tree import place
from app.text.html import paragraphs
from feeds import ALL_RIGHTS_RESERVED, LANG, SCHEMES, SIGNALS, is_uri

NAMESPACE = "http://iptc.org/std/NITF/2006-10-18/"
ROOTS = (f"{{{NAMESPACE}}}nitf", "nitf")
DATES = (  # when it was issued: the first that is given
    ("head/docdata/date.issue", "norm"),
    ("head/pubdata", "date.publication"),
    ("head/docdata/date.release", "norm"),
    ("body/body.head/dateline/story.date", "norm"),
)
STATES = {
    "": "usable",
    "usable": "usable",
    "embargoed": "usable",
    "withheld": "withheld",
    "canceled": "canceled",
    "killed": "canceled",
}


def parse(root: etree._Element, given: Given) -> Parsed:
    """The draft of a document; an NITF document has one article."""
    # Put elements without a namespace into NITF's, so that one profile is enough.
    for element in root.iter():
        if not str(element.tag).startswith("{"):
            element.tag = f"{{{NAMESPACE}}}{element.tag}"
    checked = check("nitf", root, [root], lambda *_: "")
    made = checked.refused.get(0) or _Document(root, given).draft()
    if isinstance(made, Draft):
        return Parsed(((0, made),), {})
    return Parsed((), {0: made})


class _Document:
    def __init__(self, root: etree._Element, given: Given) -> None:
        self.given = given
        self.root = root
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def find(self, path: str) -> etree._Element | None:
        return self.root.find("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/")))

    def all_of(self, path: str) -> list[etree._Element]:
        return list(self.root.findall("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))))

    def attribute(self, path: str, name: str) -> str:
        return next((value for element in self.all_of(path) if (value := element.get(name, "").strip())), "")

    def fault(self, reason: str, element: etree._Element | None = None) -> None:
        at = self.root if element is None else element
        self.faults.append(Fault(reason, place(at), at.sourceline or 0))

    def draft(self) -> Draft | tuple[Fault, ...]:
        root = self.root
        guid = self.guid()
        state = self.attribute("head/docdata", "management-status").lower()
        pubstatus = STATES.get(state, "withheld")
        if state not in STATES:
            self.warnings.append(
                f"The management-status {state[:40]!r} is not known. The article was treated as withheld."
            )
        messages = [
            (element.get("msg-type", ""), element.get("info", "").strip())
            for element in self.all_of("head/docdata/ed-msg")
        ]
        notes = [info for kind, info in messages if kind != "embargo"]
        notes += [tree.text(element).strip() for element in self.all_of("body/body.head/note")]
        note = "\n".join(filter(None, notes))
        issued = self.issued()
        release = self.find("head/docdata/date.release")
        until = Until(None) if release is None else self.until(release)
        embargo = until.instant
        headline = self.headline() or (guid if pubstatus == "canceled" else None)
        body = self.body(note or (headline.text if headline else "") if pubstatus == "canceled" else "")
        slugline = self.attribute("head/docdata/du-key", "key")
        here = Value("", root.sourceline or 0, "/nitf")
        if headline is None and (found := filled.headline(here, slugline, body.text if body else "")):
            headline = found[0]
            self.warnings.append(found[1])
        if headline is None:
            self.fault("<nitf> has no <hl1> and no <title>, no slugline and no heading. One of them is required.")
        if guid is None and headline is not None and issued is not None:
            guid, warning = filled.guid(here, self.given, headline.text, issued.text, "The id-string of <doc-id>")
            self.warnings.append(warning)
        if self.faults or guid is None or headline is None or issued is None or body is None:
            return tuple(self.faults)
        meta = {element.get("name", ""): element.get("content", "") for element in self.all_of("head/meta")}
        wording = " ".join(info for kind, info in messages if kind == "embargo")
        later = embargo is not None and datetime.fromisoformat(embargo.text) > datetime.fromisoformat(issued.text)
        self.warnings += (said for said in until.warnings if said not in self.warnings)
        return Draft(
            mark=ArticlePlace(root.sourceline or 0, "/nitf"),
            guid=guid,
            version=self.version(),
            lang=self.lang(),
            office=self.office(),
            kind=meta.get("pressrelay.kind", "press-release"),
            pubstatus=pubstatus,
            headline=headline,
            subheadlines=self.subheadlines(headline),
            summary="\n".join(_words(element) for element in self.all_of("body/body.head/abstract")),
            body=body,
            base="",
            dateline=" ".join(filter(None, map(_dateline, self.all_of("body/body.head/dateline")))),
            byline=", ".join(_words(element) for element in self.all_of("body/body.head/byline")),
            issued=issued,
            issued_weekday="",
            embargo=embargo if later or state == "embargoed" else None,
            held=until.held or (state == "embargoed" and embargo is None),  # it does not say until when
            says_embargo=embargo is not None or until.held,
            embargo_wording=wording,
            # With a wording alone, the embargo follows from it; a wording that is not understood holds the article.
            wording_decides=bool(wording)
            and embargo is None
            and not until.held
            and state == "usable"
            and "pressrelay.held" not in meta,
            regions=tuple(self.located()),
            topics=tuple(self.subjects()),
            keywords=tuple(
                element.get("key", "") or tree.text(element) for element in self.root.iter(f"{{{NAMESPACE}}}keyword")
            ),
            contacts=(),
            enclosures=tuple(self.enclosures()),
            licence_uri="",
            licence_text=self.licence(),
            related=(),
            note=note,
            urgency=self.urgency(),
            slugline=slugline,
            source=meta.get("pressrelay.source", ""),
            signal=self.signal(meta.get("pressrelay.signal", "")),
            copyright=self.copyright(),
            issuer=" ".join(_words(element) for element in self.all_of("body/body.head/distributor")),
            warnings=tuple(self.warnings),
        )

    def guid(self) -> Value | None:
        """The id, prefixed with its registrar (regsrc), within which it is unique. There is no prefix if the id is a URI, begins with
        the registrar, or comes from one of our offices."""
        found = self.find("head/docdata/doc-id")
        text = "" if found is None else found.get("id-string", "").strip()
        if found is None or not text:
            return self.other_guid()
        text = "%20".join(text.split())
        registrar = "-".join(found.get("regsrc", "").split())
        if registrar and not text.startswith(registrar) and not is_uri(text) and self.office() is None:
            text = f"{registrar}:{text}"
        return Value(text, found.sourceline or 0, f"{place(found)}/@id-string")

    def other_guid(self) -> Value | None:
        """The key of du-key, which is the same for all versions of a story, with the holder of the copyright as its registrar."""
        found = self.find("head/docdata/du-key")
        key = "%20".join(found.get("key", "").split()) if found is not None else ""
        if found is None or not key:
            return None
        holder = "-".join(self.attribute("head/docdata/doc.copyright", "holder").split())
        self.warnings.append("The id-string of <doc-id> is missing. The key of <du-key> became the guid.")
        text = f"{holder}:{key}" if holder else f"urn:pressrelay:key:{self.given.office}:{key}"
        return Value(text, found.sourceline or 0, f"{place(found)}/@key")

    def version(self) -> int:
        """The version from du-key, which may be any word in NITF; else one more than the number of revision-history entries."""
        version = self.attribute("head/docdata/du-key", "version")
        if version and (number := filled.number(version, 2**31 - 1)) is not None:
            return max(1, number)
        if version:
            self.warnings.append(
                f"The version {version[:40]!r} of du-key is not a whole number. The revision-history entries were counted instead."
            )
        return len(self.all_of("head/revision-history")) + 1

    def urgency(self) -> int:
        return filled.urgency(self.attribute("head/docdata/urgency", "ed-urg"), self.warnings)

    def headline(self) -> Value | None:
        found = [*self.all_of("body/body.head/hedline/hl1"), *self.all_of("head/title")]
        first = next((element for element in found if _words(element)), None)
        return None if first is None else Value(_words(first), first.sourceline or 0, place(first))

    def signal(self, own: str) -> str:
        """Our own signal; else "correction" if there is a <correction> element."""
        corrects = "correction" if self.root.find(f".//{{{NAMESPACE}}}correction") is not None else ""
        return own if own in SIGNALS else corrects

    def subheadlines(self, headline: Value) -> tuple[str, ...]:
        """The hl2 elements, and the hl1 of further <hedline> elements."""
        found = [element for part in self.all_of("body/body.head/hedline") for element in part]
        return tuple(tree.text(element) for element in found if place(element) != headline.path)

    def body(self, notice: str) -> Value | None:
        """Every body.content, followed by tagline and bibliography. A canceled document may have no body; then the notice is used."""
        contents = self.all_of("body/body.content")
        ends = [*self.all_of("body/body.end/tagline"), *self.all_of("body/body.end/bibliography")]
        source = "".join(map(blocks.xhtml, contents))
        if source:
            source += "".join(f"<p>{blocks.xhtml(element)}</p>" for element in ends if _words(element))
        elif notice:
            source = paragraphs(notice)
        at = contents[0] if contents else self.root
        if source:
            return Value(source, at.sourceline or 0, place(at))
        self.fault("<nitf> has no <body.content>, or it is empty. It is required.", at)
        return None

    def enclosures(self) -> Iterator[DraftEnclosure]:
        for content in self.all_of("body/body.content"):
            yield from blocks.enclosures(content, self.warnings)

    def issued(self) -> Value | None:
        """The date of issue; else another date of the document."""
        dated = first_of(
            (
                Value(element.get(name, ""), element.sourceline or 0, f"{place(element)}/@{name}")
                for path, name in DATES
                for element in self.all_of(path)
            ),
            self.given,
        )
        self.warnings += dated.warnings
        self.faults += dated.faults
        if dated.value is None and not dated.faults:
            self.fault("<nitf> has no <date.issue> with a norm, and no other date. It is required.")
        return dated.value

    def until(self, release: etree._Element) -> Until:
        """The date of release; without a norm it says nothing."""
        norm = release.get("norm", "").strip()
        return (
            embargo_at(Value(norm, release.sourceline or 0, f"{place(release)}/@norm"), self.given)
            if norm
            else Until(None)
        )

    def lang(self) -> Value:
        lang = self.root.get(LANG) or self.root.get("baselang") or ""
        if not lang:
            self.warnings.append("The document does not give its language. It was stored as und (undetermined).")
        return Value(lang or "und", self.root.sourceline or 0, "/nitf/@xml:lang")

    def office(self) -> Value | None:
        for org in self.all_of("body/body.head/distributor/org"):
            if org.get("idsrc") == SCHEMES["office"]:
                return Value(org.get("value", ""), org.sourceline or 0, place(org))
        return None

    def located(self) -> Iterator[DraftTerm]:
        """The places that the article is about; else where it happened (evloc)."""
        found = self.all_of("head/docdata/identified-content/location")
        for element in found:
            code, name = element.get("location-code", "").strip(), _words(element)
            kind, text, own = terms.term(element.get("code-source", ""), code)
            country = next((inner.get("iso-cc", "") for inner in element.iter(f"{{{NAMESPACE}}}country")), "")
            written = text if kind == "region" and code else country.strip() or name
            if written:
                yield DraftTerm(written, element.sourceline or 0, place(element), soft=not own, name=name or written)
        for element in self.all_of("head/docdata/evloc") if not found else ():
            country, place_of = (
                element.get("iso-cc", "").strip(),
                [element.get(key, "") for key in ("state-prov", "city")],
            )
            name = next(
                (word.strip() for word in (*reversed(place_of), element.get("county-dist", "")) if word.strip()), ""
            )
            if country or name:
                yield DraftTerm(
                    country or name, element.sourceline or 0, place(element), soft=True, name=name or country
                )

    def subjects(self) -> Iterator[DraftTerm]:
        for element in self.all_of("head/docdata/identified-content/classifier"):
            name, code = _words(element), element.get("value", "")
            kind, text, own = terms.term(element.get("idsrc", ""), code)
            if written := (text if kind == "topic" else name or code):
                yield DraftTerm(written, element.sourceline or 0, place(element), soft=not own, name=name or code)
        for element in self.all_of("head/tobject/tobject.subject"):
            number = element.get("tobject.subject.refnum", "").strip()
            names = [element.get(f"tobject.subject.{level}", "").strip() for level in ("detail", "matter", "type")]
            name = next(filter(None, names), number)
            # The reference number is IPTC's unless another owner is named (NITF 3.6: the default is "IPTC").
            own = element.get("tobject.subject.ipr", "IPTC").strip().upper() == "IPTC"
            if number:
                yield DraftTerm(
                    f"subj:{number}" if own else name, element.sourceline or 0, place(element), soft=True, name=name
                )

    def licence(self) -> str:
        """The terms of use: the limitations, else the text of `rights` without its owner."""
        text = self.attribute("head/docdata/doc.rights", "limitations")
        for element in self.all_of("body/body.head/rights") if not text else ():
            owners = {inner for name in ("owner", "agent") for inner in element.iter(f"{{{NAMESPACE}}}rights.{name}")}
            parts = [
                element.text or "",
                *(f"{'' if inner in owners else tree.text(inner)} {inner.tail or ''}" for inner in element),
            ]
            text = " ".join(" ".join(parts).split())
        return "" if text == ALL_RIGHTS_RESERVED else text

    def copyright(self) -> str:
        """doc.copyright, else the owner of the rights."""
        holder, year = (self.attribute("head/docdata/doc.copyright", name) for name in ("holder", "year"))
        holder = holder or self.attribute("head/docdata/doc.rights", "owner")
        holder = holder or next(filter(None, map(_words, self.all_of("body/body.head/rights/rights.owner"))), "")
        return "" if not holder else holder if holder.startswith("©") else f"© {year} {holder}".replace("  ", " ")


def _dateline(element: etree._Element) -> str:
    """The text of a dateline, without a date in figures that only repeats its norm."""
    words = _words(element)
    for date in element.iter(f"{{{NAMESPACE}}}story.date"):
        if (stamp := _words(date)) and stamp == date.get("norm", "").strip():
            words = words.replace(stamp, "")
    return words.strip(" ,;")


def _words(element: etree._Element) -> str:
    return " ".join(tree.text(element).split())
