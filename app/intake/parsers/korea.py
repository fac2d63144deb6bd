"""Korea's own press-release XML, `NewsItem` in `<response>` or `<Syndicate>`: docs/dialects/korea.md, schemas/xsd/korea.xsd."""

import re
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from xml.sax.saxutils import escape

from lxml import etree

from app.errors import Fault, Invalid
from app.intake.draft import ArticlePlace, Draft, DraftContact, DraftEnclosure, DraftRelated, Given, Parsed, Value
from app.intake.parsers import files
from app.intake.parsers.faults import MOST_FAULTS, check
from app.intake.parsers.korea_results import empty, refuse_error
from app.intake.parsers.tree import place
from app.text import embargo_wording
from app.text.html import TooComplex, paragraphs, plain, without

ROOTS = ("response", "Syndicate")
GUID_SPACE = "urn:pressrelay:news-item"  # NewsItemId is unique only within its sender
DATE = "%m/%d/%Y %H:%M:%S"
ZONE = "+09:00"
HEAD = 100_000  # characters of HTML that are searched for 보도시점

KINDS = {"brief": "press-release", "policy": "press-release", "reference": "reference", "fact": "explanation"}
LICENCE = "https://www.kogl.or.kr/info/licenseType{}.do"
LICENCES = {code: f"공공누리 제{code}유형" for code in "01234"}

MINISTERS = ("MinisterCode", "MisisterCode")
SUBTITLES = ("SubTitle1", "SubTitle2", "SubTitle3")
PAIRED = ("FileName", "FileUrl")
SINGLE = (
    "NewsItemId", "ContentsStatus", "ModifyId", "ModifyDate", "ApproveDate", "EmbargoDate", *MINISTERS, "ApproverName",
    "WriterName", "WriterPhone", "WriterEmail", "WriterPosition", "GroupingCode", "Title", *SUBTITLES, "ContentsType",
    "DataContents", "KoglType", "OriginalUrl", "ThumbnailUrl", "OriginalimgUrl",
)  # fmt: skip
FORMS = {
    "NewsItemId": "1 to 100 characters without white space",
    "ContentsStatus": "I (first), U (update) or nothing",
    "ContentsType": "H (HTML), T (text) or nothing",
    "ModifyId": "a whole number from 0",
    "totalCount": "a whole number from 0",
    **dict.fromkeys(
        ("ModifyDate", "ApproveDate", "EmbargoDate"),
        "MM/DD/YYYY HH24:MI:SS, such as 03/09/2021 20:15:00",
    ),
}

BREAK = re.compile(r"<br(?:\s[^<>]*)?/?>|</(?:p|div)>", re.IGNORECASE)
# Known tags only, because Korean titles put words in <angle brackets>, such as <A 등급>.
TAG = re.compile(
    r"<(?=[/bsfeiupda])/?(?:b|strong|span|font|em|i|u|p|div|a|sup|sub)(?:\s+[\w-]+\s*=[^<>]*)?\s*/?>", re.IGNORECASE
)
ANY_TAG = re.compile(r"<[A-Za-z!/]")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def parse(root: etree._Element, _: Given) -> Parsed:
    """The drafts of an envelope; an item with faults is refused with all its faults.

    Raises Problem (422): `source-error` if the source sent its own error, `empty-release` if it sent no items; Invalid for faults
    outside the items.
    """
    refuse_error(root)
    items = [item for item in root.iter("NewsItem") if next(item.iterancestors("NewsItem"), None) is None]
    if not items:
        raise empty(root, f"<{root.tag}> contains no <NewsItem>, so there is nothing to publish.")
    checked = check("korea", root, items, lambda name, _: FORMS.get(name, ""))
    if checked.outside:
        raise Invalid(checked.outside)
    drafts: list[tuple[int, Draft]] = []
    refused = dict(checked.refused)
    warnings = tuple(_count(root, len(items)))
    for number, element in enumerate(items):
        item = _Item(element)
        draft = item.draft(() if drafts else warnings)
        blamed = {fault.path for fault in refused.get(number, ())}
        faults = (*refused.get(number, ()), *(fault for fault in item.faults if fault.path not in blamed))
        if faults:
            refused[number] = faults[:MOST_FAULTS]
        else:
            drafts.append((number, draft))
    return Parsed(tuple(drafts), refused)


def _count(root: etree._Element, present: int) -> Iterator[str]:
    total = (root.findtext("body/totalCount") or root.findtext("totalCount") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", total) and int(total) != present:
        yield f"The source announces {int(total)} items (totalCount), but this document contains {present}."


class _Item:
    """One NewsItem and its faults."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element
        self.here = place(element)
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def draft(self, warnings: tuple[str, ...]) -> Draft:
        """The draft; usable only if there are no faults."""
        self.once()
        for name in ("NewsItemId", "Title", "DataContents"):
            if not self.html(name).strip():
                self.fault(self.value(name), f"<NewsItem> has no <{name}>, or it is empty. It is required.")
        issued, until = self.dates()
        body = self.body()
        wording = self.wording(body)
        original = self.url("OriginalUrl")
        licence = self.licence()
        return Draft(
            mark=ArticlePlace(self.element.sourceline or 0, self.here),
            guid=self.value("NewsItemId"),
            version=self.version(),
            lang=Value("ko", self.element.sourceline or 0, self.here),
            office=self.minister(),
            kind=self.kind(),
            pubstatus=self.pubstatus(),
            headline=_with(self.value("Title"), " ".join(_lines(self.html("Title")))),
            subheadlines=tuple(line for name in SUBTITLES for line in _lines(self.html(name))),
            summary="",
            body=_with(self.value("DataContents"), body),
            base=original.text if original else "",
            dateline="",
            byline="",
            issued=issued,
            issued_weekday="",
            embargo=until,
            held=False,
            embargo_wording=wording,
            says_embargo=bool(self.text("EmbargoDate").strip()),
            wording_decides=bool(wording),
            regions=(),
            topics=(),
            keywords=(),
            contacts=tuple(self.contacts()),
            enclosures=tuple(self.enclosures()),
            licence_uri=LICENCE.format(licence) if licence else "",
            licence_text=LICENCES.get(licence, ""),
            related=(DraftRelated("", "", original),) if original else (),
            note="",
            warnings=(*warnings, *self.warnings),
            guid_space=GUID_SPACE,
            waits=True,
        )

    def all(self, name: str) -> list[etree._Element]:
        return list(self.element.findall(name))

    def at(self, element: etree._Element) -> str:
        return place(element, self.element, self.here)

    def text(self, name: str) -> str:
        """The text of an element; empty if it is missing."""
        found = self.element.find(name)
        return "" if found is None else "".join(found.itertext()).strip()

    def value(self, name: str) -> Value:
        """The text of an element with its place; if it is missing, an empty text at the place of the item."""
        found = self.element.find(name)
        if found is None:
            return Value("", self.element.sourceline or 0, f"{self.here}/{name}")
        return Value("".join(found.itertext()).strip(), found.sourceline or 0, self.at(found))

    def html(self, name: str) -> str:
        """The HTML of an element: its text, usually from CDATA, and any child elements as markup."""
        found = self.element.find(name)
        if found is None:
            return ""
        if len(found) == 0:
            return found.text or ""
        return escape(found.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in found)

    def fault(self, at: Value, reason: str) -> None:
        self.faults.append(Fault(reason, at.path, at.line))

    def once(self) -> None:
        for name in SINGLE:
            for extra in self.all(name)[1:]:
                reason = f"<{name}> appears more than once in this item; expected once."
                self.faults.append(Fault(reason, self.at(extra), extra.sourceline or 0))

    def dates(self) -> tuple[Value, Value | None]:
        """(date of issue, end of the embargo). The embargo is None unless it ends after the date of issue."""
        approved, modified, until = map(self.date, ("ApproveDate", "ModifyDate", "EmbargoDate"))
        issued = approved or modified or until
        if issued is None:
            missing = self.value("ApproveDate")
            if not any(self.text(name) for name in ("ApproveDate", "ModifyDate", "EmbargoDate")):
                self.fault(missing, "<NewsItem> has neither <ApproveDate> nor <ModifyDate>. One of them is required.")
            return missing, None
        return issued, until if until and until.text > issued.text else None

    def date(self, name: str) -> Value | None:
        """A date in Korean time, as ISO 8601; None if it is missing or wrong."""
        value = self.value(name)
        if not value.text:
            return None
        try:
            moment = datetime.strptime(value.text, DATE)
        except ValueError:
            self.fault(value, f"<{name}> is {value.text[:40]!r}; expected {FORMS[name]}.")
            return None
        return _with(value, moment.isoformat() + ZONE)

    def version(self) -> int:
        """The version: ModifyId counts from 0, our versions from 1."""
        value = self.value("ModifyId")
        if not value.text and self.text("ContentsStatus") == "U":
            self.fault(
                value,
                "<ContentsStatus> is U (update) and <ModifyId> is missing or empty. It is required, because it gives the version.",
            )
        return int(value.text) + 1 if re.fullmatch(r"[0-9]{1,9}", value.text) else 1

    def pubstatus(self) -> str:
        if self.text("ContentsStatus") != "D":
            return "usable"
        self.warnings.append("The source does not document ContentsStatus D. The article was treated as canceled.")
        return "canceled"

    def minister(self) -> Value | None:
        """The name of the office, from either spelling of the element; None: the office of the token."""
        named = [value for name in MINISTERS if (value := self.value(name)).text]
        if len(named) == 2 and named[0].text != named[1].text:
            self.fault(
                named[1],
                f"<MisisterCode> is {named[1].text[:80]!r} but <MinisterCode> is {named[0].text[:80]!r}. Send only one of them.",
            )
        return named[0] if named else None

    def kind(self) -> str:
        """The kind of article. GroupingCode may have several codes, separated by "|"; the first that is not a press release counts."""
        codes = [code.strip() for code in self.text("GroupingCode").split("|") if code.strip()]
        for code in codes:
            if code not in KINDS:
                self.warnings.append(f"The GroupingCode {code[:40]!r} is not known. It was ignored.")
        kinds = [KINDS[code] for code in codes if code in KINDS]
        return next((kind for kind in kinds if kind != "press-release"), "press-release")

    def licence(self) -> str:
        code = self.text("KoglType")
        if code and code not in LICENCES:
            self.warnings.append(f"The KoglType {code[:40]!r} is not known. The article was stored without a licence.")
        return code if code in LICENCES else ""

    def body(self) -> str:
        """The body as HTML. In plain text, blank lines separate paragraphs."""
        source = self.html("DataContents").strip()
        if self.text("ContentsType") != "T" and ANY_TAG.search(source):
            return source
        text = source if self.text("ContentsType") == "T" else _resolved(source)
        found = self.element.find("DataContents")
        if found is not None and len(found):
            text = "".join(found.itertext())
        return paragraphs(text)

    def wording(self, body: str) -> str:
        """The wording of 보도시점 in the head of the body; empty if the item has an EmbargoDate."""
        head = body if len(body) <= HEAD else without(body, ("<style", "</style>"), ("<!--", "-->"))[:HEAD]
        # Most bodies do not mention it, so do not parse those. \u1107 is the ㅂ of 보 in decomposed text.
        may = "보" in head or "\u1107" in head or "&" in head
        if not may or self.text("EmbargoDate"):
            return ""
        try:
            return embargo_wording.find(plain(head))
        except TooComplex as error:
            self.fault(self.value("DataContents"), f"The body {error}")
            return ""

    def contacts(self) -> Iterator[DraftContact]:
        names = ("WriterPosition", "WriterName", "WriterPhone", "WriterEmail")
        position, writer, phone, email = (" ".join(_lines(self.html(name))) for name in names)
        if writer or phone or email:
            yield DraftContact("", position, writer, phone, email)
        approver = " ".join(_lines(self.html("ApproverName")))
        if approver and approver != writer:
            yield DraftContact("", "승인", approver, "", "")

    def enclosures(self) -> Iterator[DraftEnclosure]:
        """The files, then the picture unless it is one of the files."""
        urls: set[str] = set()
        for name, where in self.pairs():
            url = self.url_of(where)
            urls.add(url.text)
            title = " ".join(_resolved("".join(name.itertext())).split())
            yield _enclosure(url, title)
        photo = self.url("OriginalimgUrl") or self.url("ThumbnailUrl")
        if photo and photo.text not in urls:
            yield _enclosure(photo, "", "photo")

    def pairs(self) -> Iterator[tuple[etree._Element, etree._Element]]:
        """Pairs of FileName and FileUrl in their order, without pairs that are both empty."""
        names, urls = self.all("FileName"), self.all("FileUrl")
        if len(names) != len(urls):
            self.lonely()
            return
        for name, url in zip(names, urls, strict=True):
            texts = ["".join(part.itertext()).strip() for part in (name, url)]
            if all(texts):
                yield name, url
            elif any(texts):
                self.unpaired(name if texts[0] else url)

    def lonely(self) -> None:
        """Report each FileName or FileUrl that has no partner beside it."""
        parts = [child for child in self.element if child.tag in PAIRED]
        while parts:
            first = parts.pop(0)
            if parts and parts[0].tag != first.tag:
                parts.pop(0)
            else:
                self.unpaired(first)

    def unpaired(self, lonely: etree._Element) -> None:
        other = PAIRED[1 - PAIRED.index(str(lonely.tag))]
        shown = " ".join("".join(lonely.itertext()).split())[:80]
        reason = f"<{lonely.tag}> {shown!r} has no <{other}>. Send the two in pairs."
        self.faults.append(Fault(reason, self.at(lonely), lonely.sourceline or 0))

    def url(self, name: str) -> Value | None:
        found = self.element.find(name)
        return None if found is None or not "".join(found.itertext()).strip() else self.url_of(found)

    def url_of(self, element: etree._Element) -> Value:
        # In CDATA, the ampersand of a query is often written as &amp; by mistake.
        text = "".join(element.itertext()).strip().replace("&amp;", "&")
        return Value(text, element.sourceline or 0, self.at(element))


def _lines(source: str) -> list[str]:
    """The lines of a title's HTML as plain text, with entities resolved once."""
    lines = (_resolved(TAG.sub("", line)) for line in BREAK.split(source))
    return [text for line in lines if (text := " ".join(line.split()))]


def _resolved(source: str) -> str:
    return ENTITY.sub(lambda entity: unescape(entity[0]), source)


def _with(value: Value, text: str) -> Value:
    return Value(text, value.line, value.path)


def _enclosure(url: Value, name: str, role: str = "") -> DraftEnclosure:
    named = files.media_type(name, "")
    type = files.media_type(url.text, "") if named == files.UNKNOWN else named
    return DraftEnclosure(
        url=url,
        type=type,
        length=None,
        role=role or files.role(type),
        caption=name,
        lang="",
        licence_uri="",
        licence_text="",
        has_licence=False,
    )
