"""JSON that is pushed: what holds an article, what is refused, and what the official schema accepts is read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.intake import parsers
from app.intake.draft import Draft, Given
from app.intake.normalize import Circumstances, Normal, normalize
from tests.conftest import Server

FOREIGN = Path(__file__).parent / "foreign"
NOW = datetime(2026, 7, 15, tzinfo=UTC)
ITEM = {
    "id": "urn:x:1",
    "title": "Title",
    "content_text": "Text.",
    "date_published": "2026-03-09T10:00:00+09:00",
    "language": "en",
}
NINJS = {"uri": "urn:x:1", "type": "text", "headline": "Title", "body_text": "Text.", "language": "en",
         "versioncreated": "2026-03-09T10:00:00+09:00", "pubstatus": "usable"}  # fmt: skip
OWN = {"about": "urn:pressrelay:json-feed:1", "version": 1}
LATER = "2030-01-01T00:00:00Z"


def feed(**members: Any) -> dict[str, Any]:
    return {"version": "https://jsonfeed.org/version/1.1", "title": "Feed", "items": [ITEM | members]}


def draft(document: Any) -> Draft:
    parsed = parsers.parse(json.dumps(document).encode(), "application/json", Given("Asia/Seoul", "agency", "", NOW))
    assert not parsed.refused, parsed.refused
    ((_, made),) = parsed.drafts
    return made


def waits(document: Any) -> bool:
    done = normalize(draft(document), Circumstances(OfficeRecord("agency", "Agency"), NOW, "https://press.example"))
    assert isinstance(done, Normal), done
    return done.article.held or bool(done.article.embargoed and done.article.embargoed > NOW)


@pytest.mark.parametrize(
    "document",
    [
        feed(embargo="tomorrow"), feed(_cms={"embargoedUntil": LATER}), feed(**{"엠바고": "내일"}), feed(x="embargoed"),
        feed(title="EMBARGOED UNTIL 9 MAY: Budget"), feed(tags=["Embargo"]), feed(_x={"held": True}), feed(_x={"draft": True}),
        feed(_x={"status": "scheduled"}), feed(_x={"post_status": "future"}), feed(public=False), feed(_x={"private": True}),
        feed(_x={"goLiveAt": LATER}), feed(_x={"not_for_release_before": LATER}), feed(summary="보도시점: 2030. 3. 9. 10:00"),
        feed(_x={"status": "withheld"}), feed(_x={"publish_at": LATER}), feed(content_text="보도시점 2030. 3. 9. 10:00\n\n본문"),
        feed(**{"_pressrelay": OWN | {"held": True}}), feed(**{"_pressrelay": OWN | {"embargoed": LATER}}),
        feed(**{"_pressrelay": OWN | {"embargoed": "soon"}}), feed(**{"_pressrelay": OWN | {"embargoed": ""}}),
        feed(**{"_pressrelay": OWN | {"embargoed": 1}}), feed(**{"_pressrelay": OWN | {"Held": True}}),
        feed(**{"_pressrelay": OWN | {"heId": True}}), feed(**{"_pressrelay": OWN | {"embargo": LATER}}),
        feed(**{"_pressrelay": OWN | {"pubstatus": "witheld"}}), feed(**{"_pressrelay": OWN | {"held": "no"}}),
        feed(**{"_pressrelay": OWN | {"embargo_wording": "국무회의 의결 후"}}), feed(**{"_pressrelay": {"held": True}}),
        feed(**{"_Pressrelay": OWN}), feed(**{"_press_relay": OWN | {"embargoed": LATER}}),
        feed() | {"embargoed": LATER}, feed(attachments=[{"url": "https://a.example/1", "_x": {"embargo": "yes"}}]),
        NINJS | {"embargoed": LATER}, NINJS | {"embargoedUntil": LATER}, NINJS | {"embargoed": "tomorrow"}, NINJS | {"embargoed": ""},
        NINJS | {"embargoed": "2020-01-01T00:00:00Z", "embargoedUntil": LATER}, NINJS | {"embargoed": {"until": LATER}},
        NINJS | {"Embargoed": LATER}, NINJS | {"pubstatus": "hold"}, NINJS | {"ednote": "EMBARGOED UNTIL Monday"},
        NINJS | {"associations": {"other": {"type": "text", "headline": "x", "embargoed": LATER}}},
        NINJS | {"extra": {"embargo": "x"}}, NINJS | {"keywords": ["embargo"]},
        {"type": "composite", "uri": "urn:x:p", "embargoed": LATER, "associations": {"a": NINJS}},
        {"type": "composite", "uri": "urn:x:p", "extra": {"embargo": LATER}, "associations": [NINJS]},
    ],
    ids=lambda document: json.dumps(document)[-70:],
)  # fmt: skip
def test_what_looks_like_an_embargo_waits(document: Any) -> None:
    assert waits(document)


@pytest.mark.parametrize(
    "document",
    [feed(), NINJS, NINJS | {"embargoed": None}, NINJS | {"embargoed": "2020-01-01T00:00:00Z"}, feed(_x={"embargoed": False}),
     feed(_x={"publish_at": "2020-01-01T00:00:00Z"}), feed(**{"_pressrelay": OWN}), feed(content_text="The trade embargo ended.")],
    ids=lambda document: json.dumps(document)[-70:],
)  # fmt: skip
def test_what_does_not_is_public(document: Any) -> None:
    assert not waits(document)


@pytest.mark.parametrize("status", ["withheld", "canceled", "stat:canceled"])
def test_a_status_is_read(status: str) -> None:
    assert draft(NINJS | {"pubstatus": status}).pubstatus == status.removeprefix("stat:")
    assert draft(feed(**{"_pressrelay": OWN | {"pubstatus": status.removeprefix("stat:")}})).pubstatus != "usable"


GOOD = json.dumps(feed())


@pytest.mark.parametrize(
    ("body", "status", "type"),
    [
        (GOOD[:-1], 400, "not-well-formed"), (GOOD + "x", 400, "not-well-formed"),
        ("{", 400, "not-well-formed"),
        (GOOD.replace('"title": "Title"', '"title": "A", "title": "B"'), 400, "not-well-formed"),
        (GOOD.replace('"title": "Title"', '"title": "A", "t\\u0069tle": "B"'), 400, "not-well-formed"),
        (GOOD.replace('"Title"', "NaN"), 400, "not-well-formed"), (GOOD.replace('"Title"', "-Infinity"), 400, "not-well-formed"),
        (GOOD.replace('"Title"', "1e999"), 400, "not-well-formed"),
        (GOOD.replace('"Title"', "1" * 5000), 400, "not-well-formed"),
        (GOOD.replace('"Title"', "1." + "1" * 5000), 400, "not-well-formed"), ("'a'", 400, "not-well-formed"),
        (GOOD.replace('"Title"', '"a\nb"'), 400, "not-well-formed"),
        (GOOD.replace('"Title"', "[" * 101 + "]" * 101), 422, "too-complex"),
        ("[" * 1_000_000, 422, "too-complex"),
        ('{"a":' * 300_000, 422, "too-complex"), ("[" + "1," * 300_000 + "1]", 422, "too-complex"),
        ('"' + "[" * 1000, 400, "not-well-formed"),
        ('["' + '\\"' * 1_000_000, 400, "not-well-formed"),
        (GOOD.replace("Title", "a\\u0000"), 422, "forbidden-character"),
        (GOOD.replace("Title", "a\\ud800"), 422, "forbidden-character"),
        ("{}", 422, "unknown-dialect"), ("[]", 422, "unknown-dialect"),
        ("null", 422, "unknown-dialect"), ('{"version": "https://jsonfeed.org/version/2", "items": []}', 422, "invalid-release"),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": []}', 422, "empty-release"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_bad_json_is_refused(body: str, status: int, type: str) -> None:
    with pytest.raises(Problem) as caught:
        parsers.parse(body.encode(), "application/json")
    assert (caught.value.status, caught.value.type) == (status, type)


def test_faults_have_json_pointers() -> None:
    bad = feed(
        title={"a": 1}, attachments=[{"mime_type": "a/b"}, 5], **{"_pressrelay": OWN | {"urgency": 12, "version": 0}}
    )
    parsed = parsers.parse(json.dumps(bad).encode(), "application/feed+json")
    paths = {fault.path for fault in parsed.refused[0]}
    assert paths >= {
        "/items/0/title",
        "/items/0/attachments/0",
        "/items/0/attachments/1",
        "/items/0/_pressrelay/urgency",
    }
    nothing = {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1}, 7]}
    parsed = parsers.parse(json.dumps(nothing).encode(), "application/json")
    assert "no text" in parsed.refused[0][0].reason and parsed.refused[1][0].path == "/items/1"


def test_what_is_sent_is_told_by_its_bytes() -> None:
    assert parsers.dialect(GOOD.encode(), "application/xml") == "jsonfeed"
    assert parsers.dialect(b"\xef\xbb\xbf\n" + json.dumps(NINJS).encode(), "application/json") == "ninjs"
    assert parsers.media_type(GOOD.encode(), "application/xml") == "application/json"
    assert parsers.media_type(GOOD.encode(), "application/feed+json; charset=utf-8") == "application/feed+json"
    assert parsers.media_type(b"<a/>", "application/json") == "application/xml"


SCHEMA = Path(__file__).parent.parent.parent / "shared" / "standards" / "ninjs" / "ninjs-schema_3.1.json"


@pytest.mark.skipif(not SCHEMA.exists(), reason="the official schema is not here: ../shared/standards/ninjs")
@pytest.mark.parametrize("case", sorted((FOREIGN / "ninjs").glob("*-3.1.json")), ids=lambda path: path.stem)
def test_our_cases_of_ninjs_3_1_are_what_the_schema_accepts(case: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(case.read_text("utf-8")))


@pytest.mark.parametrize("sent", ["application/feed+json", "application/json"])
def test_a_json_feed_is_pushed_read_back_and_kept_as_it_came(server: Server, sent: str) -> None:
    token = server.office("json", "제이슨청", "kr:50")
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "t",
        "items": [
            {
                "id": f"tag:json,2026:{sent}",
                "title": "제이슨으로 보낸 보도자료",
                "content_html": "<p>본문</p><script>alert(1)</script>",
                "date_published": "2026-03-09T10:00:00+09:00",
            }
        ],
    }
    body = json.dumps(feed, ensure_ascii=False).encode()
    pushed = server.push(token, body, **{"Content-Type": sent})
    assert pushed.status_code == 201, pushed.text
    assert any("<script>" in warning for warning in pushed.json()["warnings"])
    path = f"/articles/{pushed.json()['id']}"
    assert "제이슨으로 보낸 보도자료" in server.client.get("/feed.atom", params={"office": "json"}).text
    assert "alert(1)" not in server.client.get(path, headers={"Accept": "text/html"}).text
    kept = server.client.get(f"{path}.xml")
    assert kept.content == body and kept.headers["Content-Type"] == sent
    assert server.push(token, body, **{"Content-Type": sent}).status_code == 200
    refused = server.push(token, body.replace(b"2026-03-09", b"2026-13-09"), **{"Content-Type": sent})
    assert refused.status_code == 422 and refused.json()["errors"][0]["path"] == "/items/0/date_published"
    broken = server.push(token, body[:-2], **{"Content-Type": sent})
    assert broken.status_code == 400 and broken.json()["type"].startswith("urn:pressrelay:problem:")
