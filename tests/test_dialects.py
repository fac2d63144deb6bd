"""Every release in tests/releases becomes the article that the JSON beside it says; adding a case needs no code.

The JSON has `articles`: for each, the fields that the case is about, as `/articles/{id}.json` writes them, or `refused`: words of
its faults. Besides, where needed: `office` (the token's: an OfficeRecord), `offices` (the others that are registered),
`content_type`, and `warnings`: words of each warning.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.intake import parsers
from app.intake.normalize import Circumstances, Normal, normalize
from feeds import atom, render, rss
from tests import feedrules
from tests.articles import feed

ROOT = Path(__file__).parent
RELEASES = sorted((ROOT / "releases").rglob("*.json"))
NOW = datetime(2026, 7, 15, tzinfo=UTC)
JEONBUK = {"code": "jeonbuk", "name": "전북특별자치도", "url": "https://www.jeonbuk.go.kr/", "regions": ["kr:52"]}


@pytest.mark.parametrize("case", RELEASES, ids=lambda path: str(path.relative_to(ROOT / "releases").with_suffix("")))
def test_release(case: Path) -> None:
    expected = json.loads(case.read_text("utf-8"))
    office = msgspec.convert(expected.get("office", JEONBUK), OfficeRecord)
    meant = context(office, *(msgspec.convert(other, OfficeRecord) for other in expected.get("offices", ())))
    body = case.with_suffix(".xml").read_bytes()
    parsed = parsers.parse(body, expected.get("content_type", "application/xml"))
    assert len(parsed.drafts) + len(parsed.refused) == len(expected["articles"])
    drafts = dict(parsed.drafts)
    warnings: list[str] = []
    for place, wanted in enumerate(expected["articles"]):
        if "refused" in wanted:
            faults = parsed.refused[place] if place in parsed.refused else normalize(drafts[place], meant)
            assert not isinstance(faults, Normal)
            for words in wanted["refused"]:
                assert any(words in fault.reason for fault in faults), (words, faults)
            continue
        assert place in drafts, parsed.refused
        done = normalize(drafts[place], meant)
        assert isinstance(done, Normal), done
        warnings += done.warnings
        alone = feed(done.article)
        for format in (rss, atom):
            events = feedrules.check(render(format, alone), alone.self)
            assert not [event for event in events if event.startswith("InvalidFullLink")]
        found = json.loads(msgspec.json.encode(done.article))
        assert {field: found[field] for field in wanted} == wanted
    for words in expected.get("warnings", ()):
        assert any(words in warning for warning in warnings), (words, warnings)
    if "warnings" not in expected:
        assert warnings == []


@pytest.mark.parametrize(
    ("start", "bad", "good", "end"),
    [
        (
            '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">',
            "<article/>",
            '<article version="1"><guid>g</guid><issued>2026-03-09T10:00:00+09:00</issued><headline>a</headline>'
            "<body><p>a</p></body></article>",
            "</release>",
        ),
        (
            "<Syndicate>",
            "<NewsItem><ModifyId>x</ModifyId><ModifyDate>x</ModifyDate><ContentsType>x</ContentsType></NewsItem>",
            "<NewsItem><NewsItemId>1</NewsItemId><Title>a</Title><DataContents>a</DataContents>"
            "<ApproveDate>03/09/2026 10:00:00</ApproveDate></NewsItem>",
            "</Syndicate>",
        ),
    ],
    ids=("press-release", "korea"),
)
def test_more_faults_than_are_told_make_no_article_good(start: str, bad: str, good: str, end: str) -> None:
    parsed = parsers.parse(f"{start}{bad * 3000}{good}{end}".encode(), "application/xml")
    assert len(parsed.refused) == 3000 and all(parsed.refused.values())
    assert [place for place, _ in parsed.drafts] == [3000]


def context(office: OfficeRecord, *others: OfficeRecord) -> Circumstances:
    return Circumstances(office, NOW, "https://press.example", known=others)


EXAMPLES = sorted((ROOT.parent.parent / "shared" / "standards").glob("**/examples/**/*.xml"))


@pytest.mark.skipif(not EXAMPLES, reason="the IPTC's examples are not here: ../shared/standards/*/examples")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_official_examples_go_in_or_are_refused_with_a_reason(path: Path) -> None:
    office = OfficeRecord("agency", "Agency")
    try:
        parsed = parsers.parse(path.read_bytes(), "application/xml")
    except Problem as problem:
        assert problem.errors and all(fault.reason for fault in problem.errors)
        return
    for _, draft in parsed.drafts:
        done = normalize(draft, context(office))
        assert isinstance(done, Normal) or all(fault.reason for fault in done)
    assert all(fault.reason for faults in parsed.refused.values() for fault in faults)
