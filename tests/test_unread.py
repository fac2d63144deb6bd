"""What looks like an embargo and is not read as one is refused in our own elements, and held in another's dialect: never public."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.intake.normalize import Context, Normal, normalize
from app.intake.parsers import parse
from app.store import public_at
from app.text.embargo_wording import looks_like

NOW = datetime(2026, 7, 15, tzinfo=UTC)
CASES = list(csv.DictReader((Path(__file__).parent / "unread.csv").read_text("utf-8").splitlines()))
OURS = "urn:pressrelay:press-release:1"
DOCUMENTS = {  # {} is where a case stands
    "ours": f"""<release xmlns="{OURS}" xml:lang="ko"><article version="1"><guid>tag:a,2026:1</guid>
        <issued>2026-03-09T10:00:00+09:00</issued>{{}}<headline>제목</headline><body><p>본문</p></body></article></release>""",
    "atom": f"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:pr="{OURS}" xmlns:app="http://www.w3.org/2007/app" xml:lang="ko">
        <entry><id>tag:a,2026:1</id><title>제목</title><updated>2026-03-09T10:00:00+09:00</updated>{{}}
        <content type="text">본문</content></entry></feed>""",
    "rss": f"""<rss version="2.0" xmlns:pr="{OURS}"><channel><title>청</title><link>https://example.org/</link>
        <description>청</description><language>ko</language><item><guid isPermaLink="false">tag:a,2026:1</guid><title>제목</title>
        <pubDate>Mon, 09 Mar 2026 10:00:00 +0900</pubDate>{{}}<description>본문</description></item></channel></rss>""",
    "newsml": """<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="tag:a,2026:1" version="1" standard="NewsML-G2"
        standardversion="2.35" xml:lang="ko"><catalogRef href="http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_41.xml"/>
        <itemMeta><itemClass qcode="ninat:text"/><provider><name>청</name></provider>
        <versionCreated>2026-03-09T10:00:00+09:00</versionCreated>{}</itemMeta><contentMeta><headline>제목</headline></contentMeta>
        <contentSet><inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><body><p>본문</p></body>
        </html></inlineXML></contentSet></newsItem>""",
    "nitf": """<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/" baselang="ko"><head><title>제목</title><docdata>
        <doc-id regsrc="example.org" id-string="1"/><date.issue norm="20260309T100000+0900"/>{}</docdata></head><body><body.head>
        <hedline><hl1>제목</hl1></hedline></body.head><body.content><p>본문</p></body.content></body></nitf>""",
    "korea": """<Syndicate><NewsItem><NewsItemId>1</NewsItemId><Title>제목</Title><ApproveDate>03/09/2026 10:00:00</ApproveDate>
        {}<DataContents>본문</DataContents></NewsItem></Syndicate>""",
}


def outcome(document: str) -> tuple[str, tuple[str, ...]]:
    try:
        parsed = parse(document.encode(), "application/xml")
    except Problem as problem:
        return "refused", (problem.detail,)
    if parsed.refused:
        return "refused", tuple(fault.reason for fault in parsed.refused[0])
    office = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))
    done = normalize(parsed.drafts[0][1], Context(office, NOW, "https://press.example"))
    if not isinstance(done, Normal):
        return "refused", tuple(fault.reason for fault in done)
    if done.article.pubstatus == "withheld":
        return "withheld", done.warnings
    return "public" if public_at(done.article, NOW) else "held", done.warnings


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['dialect']}-{case['inside'][:50]}")
def test_an_embargo_that_is_not_read(case: dict[str, str]) -> None:
    document = DOCUMENTS[case["dialect"]]
    if case["inside"].startswith("<DataContents>"):
        document = document.replace("<DataContents>본문</DataContents>", "")
    found, said = outcome(document.replace("{}", case["inside"]))
    assert found == case["outcome"], said


def test_what_stands_around_the_articles_is_said_of_all() -> None:
    channel = DOCUMENTS["rss"].replace("{}", "").replace("<item>", "<embargo>2031</embargo><item>", 1)
    found, said = outcome(channel)
    assert found == "held" and any(warning.startswith("/rss/channel/embargo looks like an embargo") for warning in said)


def test_only_the_article_that_says_so_is_held() -> None:
    whole = DOCUMENTS["rss"].replace("{}", "")
    item = whole[whole.index("<item>") : whole.index("</item>") + 7]
    other = item.replace("tag:a,2026:1", "tag:a,2026:2").replace(
        "<description>", "<embargo>2031</embargo><description>"
    )
    parsed = parse(whole.replace(item, item + other).encode(), "application/xml")
    assert [draft.held for _, draft in parsed.drafts] == [False, True]


def test_a_document_full_of_them_is_held_whole() -> None:
    whole = DOCUMENTS["rss"].replace("{}", "").replace("<item>", "<embargo/>" * 5000 + "<item>", 1)
    found, said = outcome(whole)
    assert found == "held" and any(warning.startswith("The release looks like an embargo") for warning in said)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "euc-kr"])
def test_in_any_encoding(encoding: str) -> None:
    document = DOCUMENTS["rss"].replace("{}", "<Embargo/>")
    declared = "" if encoding == "utf-16" else f"<?xml version='1.0' encoding='{encoding}'?>"
    parsed = parse((declared + document).encode(encoding), "application/xml")
    assert parsed.drafts[0][1].held


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[엠바고 3. 10. 06:00] 제목", True),
        ("엠바고: 국무회의 후", True),
        ("EMBARGOED UNTIL 6 AM: Budget", True),
        ("Strictly under embargo until Monday", True),
        ("[EMBARGO until 2026-03-10T06:00:00Z] Budget", True),
        ("NOT FOR RELEASE BEFORE 6 AM", True),
        ("Embargo on oil is extended", False),
        ("엠바고 제도 개선 토론회 개최", False),
        ("Arms embargo until 2027 agreed", False),
        ("제목", False),
    ],
)
def test_the_beginning_of_a_text(text: str, expected: bool) -> None:
    assert looks_like(text) is expected
