"""NITF 3.6, and 3.2 to 3.5 without their DTD: docs/dialects/nitf.md, schemas/xsd/nitf.xsd. https://iptc.org/standards/nitf/"""

import re
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from app.errors import Fault
from app.intake.draft import Draft, DraftEnclosure, DraftTerm, Mark, Value
from app.intake.parsers import blocks, ours, terms
from app.intake.parsers.faults import check
from app.intake.parsers.tree import LANG, Parsed, place
from app.text.html import paragraphs
from feeds.wording import ALL_RIGHTS_RESERVED, SCHEMES, SIGNALS, is_uri

NAMESPACE = "http://iptc.org/std/NITF/2006-10-18/"
ROOTS = (f"{{{NAMESPACE}}}nitf", "nitf")
FORMS = dict.fromkeys(("ed-urg", "version"), "one word without white space")
SHOWN = "a date and time with its zone, such as 20210309T201500+0900"
DATES = (  # when it was issued: the first that is told
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
        state = self.attribute("head/docdata", "management-status").lower()
        pubstatus = STATES.get(state, "withheld")
        if state not in STATES:
            self.warnings.append(f"The management-status {state[:40]!r} is not known: it was taken for withheld.")
        messages = [
            (one.get("msg-type", ""), one.get("info", "").strip()) for one in self.all_of("head/docdata/ed-msg")
        ]
        notes = [info for kind, info in messages if kind != "embargo"]
        notes += [ours.text(one).strip() for one in self.all_of("body/body.head/note")]
        note = "\n".join(filter(None, notes))
        headline = self.headline() or (guid if pubstatus == "canceled" else None)
        issued = self.issued()
        release = self.find("head/docdata/date.release")
        embargo = self.instant(release, "norm") if release is not None and release.get("norm") else None
        body = self.body(note or (headline.text if headline else "") if pubstatus == "canceled" else "")
        if headline is None:
            self.fault("<nitf> has no <hl1> and no <title>; one is required.")
        if self.faults or guid is None or headline is None or issued is None or body is None:
            return tuple(self.faults)
        meta = {one.get("name", ""): one.get("content", "") for one in self.all_of("head/meta")}
        wording = " ".join(info for kind, info in messages if kind == "embargo")
        later = embargo is not None and _instant(embargo.text) > _instant(issued.text)
        return Draft(
            mark=Mark(root.sourceline or 0, "/nitf"),
            guid=guid,
            version=self.version(),
            lang=self.lang(),
            office=self.office(),
            kind=meta.get("pressrelay.kind", "press-release"),
            pubstatus=pubstatus,
            headline=headline,
            subheadlines=self.subheadlines(headline),
            summary="\n".join(_words(one) for one in self.all_of("body/body.head/abstract")),
            body=body,
            base="",
            dateline=" ".join(filter(None, map(_dateline, self.all_of("body/body.head/dateline")))),
            byline=", ".join(_words(one) for one in self.all_of("body/body.head/byline")),
            issued=issued,
            issued_weekday="",
            embargo=embargo if later or state == "embargoed" else None,
            held=state == "embargoed" and embargo is None,  # it does not say until when
            says_embargo=embargo is not None,
            embargo_wording=wording,
            # Words alone: they mean what they say, and what is not understood is held.
            wording_decides=bool(wording) and embargo is None and state == "usable" and "pressrelay.held" not in meta,
            regions=tuple(self.located()),
            topics=tuple(self.subjects()),
            keywords=tuple(one.get("key", "") or ours.text(one) for one in self.root.iter(f"{{{NAMESPACE}}}keyword")),
            contacts=(),
            enclosures=tuple(self.enclosures()),
            licence_uri="",
            licence_text=self.licence(),
            related=(),
            note=note,
            urgency=self.urgency(),
            slugline=self.attribute("head/docdata/du-key", "key"),
            source=meta.get("pressrelay.source", ""),
            signal=self.signal(meta.get("pressrelay.signal", "")),
            copyright=self.copyright(),
            issuer=" ".join(_words(one) for one in self.all_of("body/body.head/distributor")),
            warnings=tuple(self.warnings),
        )

    def guid(self) -> Value | None:
        """An id is unique to who registers it (regsrc), unless it is a URI, or names its registrar, or is an office's own."""
        found = self.find("head/docdata/doc-id")
        text = "" if found is None else found.get("id-string", "").strip()
        if found is None or not text:
            self.fault(
                "<nitf> has no <doc-id> with an id-string in its <docdata>; it is the guid and is required.", found
            )
            return None
        registrar = "-".join(found.get("regsrc", "").split())
        if registrar and not text.startswith(registrar) and not is_uri(text) and self.office() is None:
            text = f"{registrar}:{text}"
        return Value(text, found.sourceline or 0, f"{place(found)}/@id-string")

    def version(self) -> int:
        """du-key counts the versions of a story; where it is silent, each line of history is one. Both are free words in NITF."""
        told = self.attribute("head/docdata/du-key", "version")
        if told and (number := _number(told, 2**31 - 1)) is not None:
            return max(1, number)
        if told:
            self.warnings.append(
                f"The version {told[:40]!r} of du-key is no whole number: the revision-history counts."
            )
        return len(self.all_of("head/revision-history")) + 1

    def urgency(self) -> int:
        told = self.attribute("head/docdata/urgency", "ed-urg")
        number = _number(told, 9) if told else 0
        if number is None:
            self.warnings.append(f"The urgency {told[:40]!r} is no whole number from 1 to 9: it is left out.")
        return number or 0

    def headline(self) -> Value | None:
        found = [*self.all_of("body/body.head/hedline/hl1"), *self.all_of("head/title")]
        said = next((one for one in found if _words(one)), None)
        return None if said is None else Value(_words(said), said.sourceline or 0, place(said))

    def signal(self, said: str) -> str:
        """Ours, else what `correction` says by being there."""
        corrects = "correction" if self.root.find(f".//{{{NAMESPACE}}}correction") is not None else ""
        return said if said in SIGNALS else corrects

    def subheadlines(self, headline: Value) -> tuple[str, ...]:
        """hl2, and the hl1 of further hedlines."""
        found = [one for part in self.all_of("body/body.head/hedline") for one in part]
        return tuple(ours.text(one) for one in found if place(one) != headline.path)

    def body(self, notice: str) -> Value | None:
        """Every body.content, and what stands at the end. A canceled document may come without: then it is its notice."""
        contents = self.all_of("body/body.content")
        ends = [*self.all_of("body/body.end/tagline"), *self.all_of("body/body.end/bibliography")]
        source = "".join(map(blocks.xhtml, contents))
        if source:
            source += "".join(f"<p>{blocks.xhtml(one)}</p>" for one in ends if _words(one))
        elif notice:
            source = paragraphs(notice)
        at = contents[0] if contents else self.root
        if source:
            return Value(source, at.sourceline or 0, place(at))
        self.fault("<nitf> has no <body.content>, or it is empty; it is required.", at)
        return None

    def enclosures(self) -> Iterator[DraftEnclosure]:
        for content in self.all_of("body/body.content"):
            yield from blocks.enclosures(content, self.warnings)

    def issued(self) -> Value | None:
        for path, name in DATES:
            found = next((one for one in self.all_of(path) if one.get(name, "").strip()), None)
            if found is not None:
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

    def located(self) -> Iterator[DraftTerm]:
        """The places it is about, else where it happened (evloc)."""
        found = self.all_of("head/docdata/identified-content/location")
        for one in found:
            code, name = one.get("location-code", "").strip(), _words(one)
            kind, text, own = terms.term(one.get("code-source", ""), code)
            country = next((inner.get("iso-cc", "") for inner in one.iter(f"{{{NAMESPACE}}}country")), "")
            written = text if kind == "region" and code else country.strip() or name
            if written:
                yield DraftTerm(written, one.sourceline or 0, place(one), soft=not own, name=name or written)
        for one in self.all_of("head/docdata/evloc") if not found else ():
            country, place_of = one.get("iso-cc", "").strip(), [one.get(key, "") for key in ("state-prov", "city")]
            name = next(
                (word.strip() for word in (*reversed(place_of), one.get("county-dist", "")) if word.strip()), ""
            )
            if country or name:
                yield DraftTerm(country or name, one.sourceline or 0, place(one), soft=True, name=name or country)

    def subjects(self) -> Iterator[DraftTerm]:
        for one in self.all_of("head/docdata/identified-content/classifier"):
            name, code = _words(one), one.get("value", "")
            kind, text, own = terms.term(one.get("idsrc", ""), code)
            if written := (text if kind == "topic" else name or code):
                yield DraftTerm(written, one.sourceline or 0, place(one), soft=not own, name=name or code)
        for one in self.all_of("head/tobject/tobject.subject"):
            number = one.get("tobject.subject.refnum", "").strip()
            names = [one.get(f"tobject.subject.{level}", "").strip() for level in ("detail", "matter", "type")]
            name = next(filter(None, names), number)
            # The reference numbers of IPTC, unless another owner is named (NITF 3.6: "IPTC" by default).
            own = one.get("tobject.subject.ipr", "IPTC").strip().upper() == "IPTC"
            if number:
                yield DraftTerm(
                    f"subj:{number}" if own else name, one.sourceline or 0, place(one), soft=True, name=name
                )

    def licence(self) -> str:
        """What may be done with it: the limitations, else what `rights` says besides its owner."""
        text = self.attribute("head/docdata/doc.rights", "limitations")
        for one in self.all_of("body/body.head/rights") if not text else ():
            owners = {inner for name in ("owner", "agent") for inner in one.iter(f"{{{NAMESPACE}}}rights.{name}")}
            parts = [
                one.text or "",
                *(f"{'' if inner in owners else ours.text(inner)} {inner.tail or ''}" for inner in one),
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
    """Its words; a date in figures only repeats its norm."""
    words = _words(element)
    for date in element.iter(f"{{{NAMESPACE}}}story.date"):
        if (stamp := _words(date)) and stamp == date.get("norm", "").strip():
            words = words.replace(stamp, "")
    return words.strip(" ,;")


def _number(text: str, most: int) -> int | None:
    """A whole number up to `most`; NITF's own types allow any word."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _words(element: etree._Element) -> str:
    return " ".join(ours.text(element).split())
