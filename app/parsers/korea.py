"""Korea's press-release XML, `<response>` and `<Syndicate>` with `NewsItem`: docs/dialects/korea.md, schemas/xsd/korea.xsd.

No official schema was found; the elements are those of the open-data press-release service and of agencies' own sites.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from html import escape
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from lxml import etree

from app import embargo
from app.draft import Draft, DraftContact, DraftEnclosure, DraftRelated, Mark, Value
from app.errors import Fault, Invalid, Problem
from app.html import plain
from app.parsers import files
from app.parsers.faults import check
from app.parsers.tree import Parsed, place

SEOUL = ZoneInfo("Asia/Seoul")
ROOTS = ("response", "Syndicate")
GATEWAY = "OpenAPI_ServiceResponse"
STAMP = "%m/%d/%Y %H:%M:%S"
SHOWN_STAMP = "MM/DD/YYYY HH24:MI:SS, such as 03/09/2021 20:15:00"
UNSIGNED = "korea.kr"  # whose ids these are, where no item links to its page

# Result codes of the service (domain knowledge, two sources): what each means.
RESULTS = {
    "3": "there is no data for this question",
    "10": "a parameter of the question is wrong",
    "11": "a parameter of the question is missing",
    "97": "a date of the question is wrong",
    "98": "the question covers more than three days",
}
REASONS = {
    "1": "the application failed",
    "4": "the gateway's HTTP failed",
    "12": "there is no such service",
    "20": "the service is refused to this key",
    "22": "the daily limit of requests is used up",
    "30": "the service key is not registered",
    "31": "the service key is expired",
    "32": "this address is not registered",
    "99": "the gateway does not say what failed",
}
KINDS = {
    "brief": "press-release",
    "policy": "press-release",
    "reference": "reference",
    "fact": "explanation",
    "actually": "explanation",
}
HEAD = 20_000  # characters of HTML in which the wording of an embargo may stand
FORMS = {"ModifyId": "a whole number", **dict.fromkeys(("ModifyDate", "ApproveDate", "EmbargoDate"), SHOWN_STAMP)}


def parse(root: etree._Element) -> Parsed:
    """The drafts of an envelope. Raises Problem where it holds a failure of its service, or nothing."""
    if root.tag == GATEWAY:
        raise _gateway(root)
    code = (root.findtext("header/resultCode") or "0").strip()
    if code.lstrip("0"):
        raise _result(root, code)
    items = list(root.iter("NewsItem"))
    if not items:
        # One consumer lost 36 days of releases because "0 items" counted as success.
        reason = f"<{root.tag}> has no NewsItem: the source is empty."
        raise Invalid([Fault(reason, place(root), root.sourceline or 0)], type="empty-release")
    checked = check("korea", root, items, lambda name, _: FORMS.get(name, ""))
    refused = dict(checked.refused)
    drafts: list[tuple[int, Draft]] = []
    warnings = _counted(root, len(items))
    for index, item in enumerate(items):
        made = refused.get(index) or _Item(item, warnings if index == 0 else ()).draft()
        if isinstance(made, Draft):
            drafts.append((index, made))
        else:
            refused[index] = made
    return Parsed(tuple(drafts), refused)


def _gateway(root: etree._Element) -> Problem:
    """The gateway's own envelope, sometimes sent with HTTP 200."""
    said = {str(element.tag): (element.text or "").strip() for element in root.iter() if len(element) == 0}
    code = said.get("returnReasonCode", "")
    meaning = REASONS.get(code.lstrip("0") or code, "its meaning is not known here")
    words = " ".join(filter(None, (said.get("errMsg"), said.get("returnAuthMsg"))))
    return _failed(root, f"The gateway answered {words[:200]!r}, code {code[:20]!r}: {meaning}.")


def _result(root: etree._Element, code: str) -> Problem:
    words = (root.findtext("header/resultMsg") or "").strip()
    meaning = RESULTS.get(code.lstrip("0"), "its meaning is not known here")
    return _failed(root, f"The service answered {words[:200]!r}, code {code[:20]!r}: {meaning}.")


def _failed(root: etree._Element, reason: str) -> Problem:
    fault = Fault(reason, place(root), root.sourceline or 0)
    return Problem(422, "source-error", "Not a release but a failure of its source", reason, errors=[fault])


def _counted(root: etree._Element, count: int) -> tuple[str, ...]:
    total = (root.findtext("body/totalCount") or root.findtext("totalCount") or "").strip()
    if total.isascii() and total.isdigit() and int(total) != count:
        return (f"The document says it has {int(total)} items, and has {count}.",)
    return ()


class _Item:
    """One NewsItem."""

    def __init__(self, item: etree._Element, warnings: tuple[str, ...]) -> None:
        self.item = item
        self.here = place(item)
        self.faults: list[Fault] = []
        self.warnings = list(warnings)

    def text(self, name: str) -> str:
        return (self.item.findtext(name) or "").strip()

    def value(self, name: str, text: str) -> Value:
        element = self.item.find(name)
        if element is None:
            return Value(text, self.item.sourceline or 0, self.here)
        return Value(text, element.sourceline or 0, place(element))

    def fault(self, name: str, reason: str) -> None:
        at = self.value(name, "")
        self.faults.append(Fault(reason, at.path, at.line))

    def draft(self) -> Draft | tuple[Fault, ...]:
        item = self.item
        headline = self.words("Title")
        for name in ("NewsItemId", "Title", "DataContents"):
            if not self.text(name):
                self.fault(name, f"<NewsItem> has no <{name}>, or it is empty; it is required.")
        approved, until, modified = (self.stamp(name) for name in ("ApproveDate", "EmbargoDate", "ModifyDate"))
        issued = approved or modified
        if issued is None and not any(self.text(name) for name in ("ApproveDate", "ModifyDate")):
            self.fault("ApproveDate", "<NewsItem> has neither <ApproveDate> nor <ModifyDate>: one is required.")
        enclosures = tuple(self.enclosures())
        body = self.body()
        if self.faults or issued is None:
            return tuple(self.faults)
        status = self.text("ContentsStatus").upper()
        if status == "D":
            self.warnings.append("ContentsStatus D is undocumented: it was taken for a cancellation.")
        later = until if until is not None and until > issued else None
        office = next((name for name in ("MinisterCode", "MisisterCode") if self.text(name)), "")
        licence = self.text("KoglType")
        return Draft(
            mark=Mark(item.sourceline or 0, self.here),
            guid=self.value("NewsItemId", self.guid()),
            version=int(self.text("ModifyId") or 0) + 1,
            lang=Value("ko", item.sourceline or 0, self.here),
            office=self.value(office, self.text(office)) if office else None,
            kind=self.kind(),
            pubstatus="canceled" if status == "D" else "usable",
            headline=self.value("Title", headline),
            subheadlines=tuple(filter(None, (self.words(f"SubTitle{number}") for number in (1, 2, 3)))),
            summary="",
            body=self.value("DataContents", body),
            base=self.text("OriginalUrl"),
            dateline="",
            byline="",
            issued=self.value("ApproveDate" if approved else "ModifyDate", issued.isoformat()),
            issued_weekday="",
            embargo=self.value("EmbargoDate", later.isoformat()) if later else None,
            held=False,
            embargo_wording="" if until else self.wording(body),
            regions=(),
            topics=(),
            keywords=(),
            contacts=tuple(self.contacts()),
            enclosures=enclosures,
            licence_uri=f"https://www.kogl.or.kr/info/licenseType{licence}.do" if licence in tuple("01234") else "",
            licence_text=licence if licence not in ("", *"01234") else f"공공누리 제{licence}유형" if licence else "",
            related=tuple(self.related()),
            note="",
            wording_decides=until is None,
            warnings=tuple(self.warnings),
        )

    def words(self, name: str) -> str:
        """CDATA with HTML entities and <br> inside, resolved once."""
        return " ".join(plain(self.text(name)).split())

    def guid(self) -> str:
        """An id is unique per sender; the sender is known by the address of its pages."""
        host = (urlsplit(self.text("OriginalUrl")).hostname or UNSIGNED).removeprefix("www.")
        return f"tag:{host},2008:NewsItem:{self.text('NewsItemId')}"

    def kind(self) -> str:
        """GroupingCode may hold several, parted by a bar: the first that says more than "press release"."""
        kinds = [KINDS.get(code.strip().lower(), "press-release") for code in self.text("GroupingCode").split("|")]
        return next((kind for kind in kinds if kind != "press-release"), "press-release")

    def stamp(self, name: str) -> datetime | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return datetime.strptime(text, STAMP).replace(tzinfo=SEOUL)
        except ValueError:
            self.fault(name, f"<{name}> is {text[:40]!r}; expected is {SHOWN_STAMP}.")
            return None

    def body(self) -> str:
        source = self.item.findtext("DataContents") or ""
        if self.text("ContentsType").upper() != "T":
            return source
        return "".join(
            f"<p>{escape(part.strip())}</p>" for part in re.split(r"\n\s*\n|\r\n\r\n", source) if part.strip()
        )

    def wording(self, body: str) -> str:
        """보도시점, where the body's head says it and no EmbargoDate does."""
        return embargo.find(plain(body[:HEAD])) if "보도" in body[:HEAD].replace(" ", "") else ""

    def contacts(self) -> Iterator[DraftContact]:
        writer = [self.text(f"Writer{part}") for part in ("Position", "Name", "Phone", "Email")]
        if any(writer):
            yield DraftContact("", *writer)
        if self.text("ApproverName"):
            yield DraftContact("", "승인", self.text("ApproverName"), "", "")

    def enclosures(self) -> Iterator[DraftEnclosure]:
        names, urls = self.item.findall("FileName"), self.item.findall("FileUrl")
        if len(names) != len(urls):
            self.fault("FileName", f"There are {len(names)} <FileName> and {len(urls)} <FileUrl>; each file has both.")
        for name, url in zip(names, urls, strict=False):
            if (url.text or "").strip():
                yield _file(url, (name.text or "").strip(), "document")
        image = self.item.find("OriginalimgUrl")
        if image is not None and (image.text or "").strip():
            yield _file(image, "", "photo")

    def related(self) -> Iterator[DraftRelated]:
        if url := self.text("OriginalUrl"):
            yield DraftRelated("", "", self.value("OriginalUrl", url))


def _file(url: etree._Element, name: str, role: str) -> DraftEnclosure:
    text = (url.text or "").strip()
    type = files.media_type(name or text, "")
    if role == "photo" and type == files.UNKNOWN:
        type = "image/jpeg"
    is_photo = role == "photo" or type.startswith("image/")
    return DraftEnclosure(
        url=Value(text, url.sourceline or 0, place(url)),
        type=type,
        length=None,
        role="photo" if is_photo else "document",
        caption=name,
        lang="",
        licence_uri="",
        licence_text="",
        has_licence=False,
    )
