"""Text that looks like an embargo but is not understood never becomes public: our own dialect refuses it, other dialects hold
it."""

import csv
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import store
from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.intake.normalize import Circumstances, Normal, normalize
from app.intake.parsers import parse
from app.text.embargo_wording import looks_like

NOW = datetime(2026, 7, 15, tzinfo=UTC)
CASES = list(csv.DictReader((Path(__file__).parent / "unread.csv").read_text("utf-8").splitlines()))
OURS = "urn:pressrelay:press-release:1"
DOCUMENTS = {  # {} is replaced by a case
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
    "newsml1": """<NewsML><NewsItem xml:lang="ko"><Identification><NewsIdentifier><ProviderId>a</ProviderId><NewsItemId>1</NewsItemId>
        <RevisionId>1</RevisionId></NewsIdentifier></Identification><NewsManagement><FirstCreated>20260309T100000+0900</FirstCreated>{}
        </NewsManagement><NewsComponent><NewsLines><HeadLine>제목</HeadLine></NewsLines><ContentItem><DataContent>본문</DataContent>
        </ContentItem></NewsComponent></NewsItem></NewsML>""",
    "nitf": """<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/" baselang="ko"><head><title>제목</title><docdata>
        <doc-id regsrc="example.org" id-string="1"/><date.issue norm="20260309T100000+0900"/>{}</docdata></head><body><body.head>
        <hedline><hl1>제목</hl1></hedline></body.head><body.content><p>본문</p></body.content></body></nitf>""",
    "korea": """<Syndicate><NewsItem><NewsItemId>1</NewsItemId><Title>제목</Title><ApproveDate>03/09/2026 10:00:00</ApproveDate>
        {}<DataContents>본문</DataContents></NewsItem></Syndicate>""",
    "jsonfeed": """{"version": "https://jsonfeed.org/version/1.1", "title": "청", "language": "ko", "items": [{"id": "tag:a,2026:1",
        "title": "제목", {} "date_published": "2026-03-09T10:00:00+09:00", "content_text": "본문"}]}""",
    "ninjs": """{"uri": "tag:a,2026:1", "type": "text", "language": "ko", "headline": "제목", {} "body_text": "본문",
        "versioncreated": "2026-03-09T10:00:00+09:00"}""",
}


def outcome(document: str) -> tuple[str, tuple[str, ...]]:
    try:
        parsed = parse(document.encode(), "application/xml")
    except Problem as problem:
        return "refused", (problem.detail,)
    if parsed.refused:
        return "refused", tuple(fault.reason for fault in parsed.refused[0])
    office = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))
    done = normalize(parsed.drafts[0][1], Circumstances(office, NOW, "https://press.example"))
    if not isinstance(done, Normal):
        return "refused", tuple(fault.reason for fault in done)
    if done.article.pubstatus == "withheld":
        return "withheld", done.warnings
    return "public" if store.articles.public_at(done.article, NOW) else "held", done.warnings


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['dialect']}-{case['inside'][:50]}")
def test_an_embargo_that_is_not_read(case: dict[str, str]) -> None:
    document = DOCUMENTS[case["dialect"]]
    if "<DataContents>" in case["inside"]:
        document = document.replace("<DataContents>본문</DataContents>", "")
    found, said = outcome(document.replace("{}", case["inside"]))
    assert found == case["outcome"], said


def test_what_stands_around_the_articles_is_said_of_all() -> None:
    channel = DOCUMENTS["rss"].replace("{}", "").replace("<item>", "<embargo>2031</embargo><item>", 1)
    found, said = outcome(channel)
    assert found == "held" and any(warning.startswith("/rss/channel/embargo looks like an embargo") for warning in said)


@pytest.mark.parametrize(
    ("dialect", "before"),
    [("rss", "<item>"), ("rss", "<channel>"), ("atom", "<entry>")],
    ids=["channel", "rss", "feed"],
)
def test_nothing_of_ours_stands_around_the_articles(dialect: str, before: str) -> None:
    for inside in ('<pr:embrago until="2033-01-01T00:00:00Z"/>', '<pr:embargo until="2033-01-01T00:00:00Z"/>'):
        document = DOCUMENTS[dialect].replace("{}", "").replace(before, f"{inside}{before}", 1)
        found, said = outcome(document)
        assert found == "refused" and said == ("1 fault found; nothing was stored.",)


def test_only_the_article_that_says_so_is_held() -> None:
    whole = DOCUMENTS["rss"].replace("{}", "")
    item = whole[whole.index("<item>") : whole.index("</item>") + 7]
    other = item.replace("tag:a,2026:1", "tag:a,2026:2").replace(
        "<description>", "<embargo>2031</embargo><description>"
    )
    parsed = parse(whole.replace(item, item + other).encode(), "application/xml")
    assert [draft.held for _, draft in parsed.drafts] == [False, True]


def test_two_embargoes_in_the_last_of_many_articles() -> None:
    embargo = '<n:embargoed xmlns:n="http://iptc.org/std/nar/2006-10-01/">2021-01-01T00:00:00Z</n:embargoed>'
    whole = DOCUMENTS["rss"].replace("{}", embargo)
    item = whole[whole.index("<item>") : whole.index("</item>") + 7]
    items = [item.replace("tag:a,2026:1", f"tag:a,2026:{number}") for number in range(150)]
    items[-1] = items[-1].replace(embargo, embargo * 2)
    parsed = parse(whole.replace(item, "".join(items)).encode(), "application/xml")
    assert [draft.held for _, draft in parsed.drafts] == [False] * 149 + [True]


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


HEADLINES = {
    "제목 [엠바고 2033. 1. 1. 12:00]": "held",
    "[보도유예 2033. 1. 1.] 제목": "held",
    "ＥＭＢＡＲＧＯＥＤ ＵＮＴＩＬ 2033: 제목": "held",
    "EMBARGOED FOR RELEASE UNTIL 1 January 2033": "held",
    "UNDER STRICT EMBARGO UNTIL 1 January 2033": "held",
    "STRICT EMBARGO: 00:01 1 January 2033": "held",
    "Press release - embargoed until 1 January 2033": "held",
    "HOLD FOR RELEASE Monday": "held",
    "Do not publish before 1 January 2033": "held",
    "Not for publication before Monday": "held",
    "［엠바고］ 제목": "held",
    "〔엠바고〕 제목": "held",
    unicodedata.normalize("NFD", "[엠바고] 제목"): "held",
    "*EMBARGO* T": "held",
    "[3월 10일 엠바고] 제목": "held",
    "(3.10 조간 엠바고) 제목": "held",
    "[보도시점 2033.3.9. 10:00] 제목": "held",
    "FOR RELEASE 2033-03-09": "held",
    "엠바고(3. 10. 09시) 제목": "held",
    "※ 엠바고 ’33. 1. 1. 제목": "held",
    "★엠바고★ 제목": "held",
    "EMBARGO – 1 January 2033 – Budget": "held",
    "Embargoed — Budget": "held",
    "STRICTLY EMBARGOED Budget": "held",
    "미국, 쿠바 엠바고 60년": "public",
    "Trade embargo on arms extended": "public",
    "An embargo (of 1962) and its end": "public",
    "Embargo (1962) remembered": "public",
    "[보도자료] 제목": "public",
}


@pytest.mark.parametrize("headline", HEADLINES)
def test_a_headline_that_says_an_embargo(headline: str) -> None:
    found, said = outcome(
        DOCUMENTS["rss"].replace("<title>제목</title>", f"<title>{headline}</title>").replace("{}", "")
    )
    assert found == HEADLINES[headline], said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("보도시점 : 2033. 1. 1.(토) 12:00 부터 보도하여 주시기 바랍니다. 본문", "held"),
        ("보도시점 : 2026. 3. 9.(월) 12:00", "public"),
        ("홍보담당관 063-280-2114&lt;br&gt;※ 엠바고: 2033. 1. 1.&lt;br&gt;본문", "held"),
        ("쿠바 엠바고는 60년이 되었다.", "public"),
    ],
)
def test_a_text_that_begins_with_an_embargo(text: str, expected: str) -> None:
    whole = DOCUMENTS["rss"].replace("<description>본문</description>", f"<description>{text}</description>")
    found, said = outcome(whole.replace("{}", ""))
    assert found == expected, said


def test_an_embargo_that_is_read_and_over_beside_a_headline_that_says_another() -> None:
    past = '<n:embargoed xmlns:n="http://iptc.org/std/nar/2006-10-01/">2021-01-01T00:00:00Z</n:embargoed>'
    for headline, expected in (
        ("[엠바고 2033. 1. 1. 12:00] 제목", "held"),
        ("[엠바고 2021. 1. 1. 12:00] 제목", "public"),
    ):
        whole = DOCUMENTS["rss"].replace("<title>제목</title>", f"<title>{headline}</title>").replace("{}", past)
        found, said = outcome(whole)
        assert found == expected, said


@pytest.mark.parametrize("dialect", ["jsonfeed", "ninjs"])
def test_an_article_that_is_pasted_into_json_hides_the_original(dialect: str) -> None:
    document = DOCUMENTS[dialect]
    assert parse(document.replace("{}", "").encode(), "application/json").unread == 0
    text = "content_html" if dialect == "jsonfeed" else "body_text"
    pasted = document.replace("{}", f'"_x": [{{"title": "비밀", "{text}": "비밀의 본문"}}],')
    assert parse(pasted.encode(), "application/json").unread


SECRET = "<title>비밀</title><description>비밀의 본문</description>"


@pytest.mark.parametrize("dialect", [dialect for dialect, document in DOCUMENTS.items() if document.startswith("<")])
def test_an_article_that_is_pasted_where_no_parser_looks_hides_the_original(dialect: str) -> None:
    """Each such part counts as content of the document, and an original is shown only if all its content was stored and is
    public."""
    whole = DOCUMENTS[dialect].replace("{}", "")
    root = whole.strip()[1:].partition(">")[0].split()[0]
    end = f"</{root}>"
    assert parse(whole.encode(), "application/xml").unread == 0
    pasted = {
        "behind all": whole.replace(end, f"<x:item xmlns:x='urn:x'>{SECRET}</x:item>{end}"),
        "a comment": whole.replace(end, f"<!-- <item>{SECRET}</item> -->{end}"),
        "a long comment": whole.replace(end, f"<!-- {'비밀 ' * 200} -->{end}"),
        "many comments": whole.replace(end, "<!-- 비밀의 본문 -->" * 30 + end),
        "an instruction": whole.replace(end, f"<?x <item>{SECRET}</item> ?>{end}"),
        "within an article": DOCUMENTS[dialect].replace("{}", f"<x:entry xmlns:x='urn:x'>{SECRET}</x:entry>"),
        "text around": whole.replace(end, f"<x:note xmlns:x='urn:x'>{'비밀 ' * 200}</x:note>{end}"),
    }
    if dialect in ("newsml", "nitf"):
        del pasted["text around"]  # There the document is the article.
    for what, document in pasted.items():
        assert document != whole
        try:
            parsed = parse(document.encode(), "application/xml")
        except Problem:
            continue  # refused: nothing is stored, so nothing is shown
        assert parsed.unread or parsed.refused or not parsed.drafts, what
    assert parse(whole.replace(end, f"<!-- short -->{end}").encode(), "application/xml").unread == 0


@pytest.mark.parametrize("end", ["channel", "item"])
def test_an_item_in_no_place_of_items(end: str) -> None:
    whole = DOCUMENTS["rss"].replace("{}", "")
    inside = f"<channel><item>{SECRET}</item></channel>"
    assert parse(whole.replace(f"</{end}>", f"{inside}</{end}>").encode(), "application/xml").unread
