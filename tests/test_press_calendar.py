"""The press calendar: the events of offices are found by month, as iCalendar and as feeds; changed and canceled events say so."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app import store
from app.syndication.press_calendar import calendar_pairs
from feeds import Office, icalendar
from feeds.icalendar import PressEvent
from tests.desk import Desk, soon, step
from tests.test_store import Engine

NOW = datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
DAY = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"


def event(number: int = 1, **fields: Any) -> PressEvent:
    made = PressEvent(
        f"{number:032x}",
        Office("jeonbuk", "전북특별자치도"),
        "정례 브리핑",
        NOW + timedelta(days=number),
        None,
        False,
        "Asia/Seoul",
        NOW,
        NOW,
        regions=("kr:52",),
        topics=("medtop:20000210",),
    )
    return replace(made, **fields)


# iCalendar


def unfolded(body: bytes) -> list[str]:
    assert body.endswith(b"\r\n") and b"\n" not in body.replace(b"\r\n", b"")
    lines = body.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    for line in lines:
        line.decode()  # no letter is cut
    return body.decode().replace("\r\n ", "").split("\r\n")[:-1]


def test_an_event_in_icalendar_to_the_letter() -> None:
    one = event(
        about="첫 줄, 쉼표; 쌍반점\\\n둘째 줄",
        place="도청, 3층",
        audience="출입기자",
        link="https://a.example/가?b=1",
        sequence=2,
    )
    body = icalendar.render(
        "달력", "https://p.example/press-calendar.ics", "설명", [one], "https://p.example/press-calendar/"
    )
    assert unfolded(body) == [
        *(
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Pressrelay//Pressrelay//EN",
            "CALSCALE:GREGORIAN",
            "METHOD:PUBLISH",
        ),
        *(
            "NAME:달력",
            "X-WR-CALNAME:달력",
            "DESCRIPTION:설명",
            "SOURCE;VALUE=URI:https://p.example/press-calendar.ics",
        ),
        *("REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H", "BEGIN:VEVENT"),
        "UID:00000000-0000-0000-0000-000000000001",
        *("DTSTAMP:20260309T010000Z", "CREATED:20260309T010000Z", "LAST-MODIFIED:20260309T010000Z", "SEQUENCE:2"),
        *("STATUS:CONFIRMED", "DTSTART:20260310T010000Z", "SUMMARY:정례 브리핑", "LOCATION:도청\\, 3층"),
        "DESCRIPTION:전북특별자치도\\n첫 줄\\, 쉼표\\; 쌍반점\\\\\\n둘째 줄\\n출입기자\\nhttps://a.example/가?b=1",
        "URL:https://p.example/press-calendar/00000000000000000000000000000001",
        *("CATEGORIES:medtop:20000210", "TRANSP:TRANSPARENT", "END:VEVENT", "END:VCALENDAR"),
    ]
    days = event(
        starts=datetime(2026, 3, 9, 15, tzinfo=UTC),
        ends=datetime(2026, 3, 12, 15, tzinfo=UTC),
        whole_days=True,
        state="canceled",
    )
    lines = unfolded(icalendar.render("a", "b", "c", [days], "d"))
    assert {"DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260313", "STATUS:CANCELLED"} <= set(lines)


@given(st.text(max_size=300))
def test_any_text_is_folded_and_can_be_read_back(text: str) -> None:
    line = f"SUMMARY:{icalendar.text(text.encode('utf-8', 'replace').decode())}"
    body = icalendar.folded_line(line).encode()
    (back,) = unfolded(body)
    assert back == line
    assert "\n" not in line and "\r" not in line


# The store


def test_events_are_found_by_place_topic_and_time_and_removed_ones_are_not(engine: Engine) -> None:
    def told(one: PressEvent) -> None:
        assert store.press_events.tell_event(engine, one, calendar_pairs(one), "person a", NOW)

    long = event(3, starts=NOW - timedelta(days=20), ends=NOW + timedelta(days=2))
    jeju = event(40, office=Office("jeju", "제주"), regions=("kr:50",))
    for one in (event(1), event(2, regions=("kr:52111",), topics=()), long, jeju):
        told(one)

    def found(*within: tuple[str, str], days: int = 30) -> list[int]:
        return of([[pair] for pair in within], days)

    def of(within: store.press_events.Within, days: int = 60) -> list[int]:
        events = store.press_events.events_between(engine, within, NOW, NOW + timedelta(days=days), 10)
        return [int(one.id, 16) for one in events]

    assert found(("*", "*")) == [3, 1, 2] and found(("*", "*"), days=60) == [3, 1, 2, 40]
    assert (
        found(("kr:52", "*")) == [3, 1, 2]
        and found(("kr:52111", "*")) == [2]
        and found(("kr:50", "*"), days=60) == [40]
    )
    assert found(("kr", "medtop:20000210")) == [3, 1] and found(("kr", "medtop:04000000")) == [3, 1]
    assert found(("kr:52", "*"), ("office:jeju", "*"), days=60) == []
    # Of several pairs in one list, any may fit, and an event that has two of them is found once.
    assert of([[("kr:52", "*"), ("kr:50", "*")]]) == [3, 1, 2, 40] and of([[("kr:52111", "*"), ("kr:50", "*")]]) == [
        2,
        40,
    ]
    both = [("kr:52", "*"), ("kr:50", "*")]
    assert of([both, [("office:jeju", "*")]]) == [40] and of(
        [both, [("office:jeju", "*"), ("office:jeonbuk", "*")]]
    ) == [3, 1, 2, 40]
    changed = replace(
        event(1), title="다른 제목", starts=NOW + timedelta(days=5), sequence=1, updated=NOW + timedelta(hours=1)
    )
    assert store.press_events.change_event(engine, changed, calendar_pairs(changed), "person a", NOW)
    assert not store.press_events.change_event(engine, changed, calendar_pairs(changed), "person b", NOW), (
        "somebody was first"
    )
    assert found(("*", "*")) == [3, 2, 1]
    assert store.press_events.newest_events(engine, [[("kr:52", "*")]], 2)[0].id == changed.id
    gone = replace(changed, state="removed", sequence=2)
    assert store.press_events.change_event(engine, gone, calendar_pairs(gone), "person a", NOW)
    assert found(("*", "*")) == [3, 2] and store.press_events.event_by_id(engine, gone.id) == gone
    assert [one.id for one in store.press_events.office_events(engine, "jeonbuk", NOW, 10)] == [event(2).id]
    actions = [record.event.action for record in store.audit.records(engine)]
    assert actions == ["event-told"] * 4 + ["event-changed", "event-removed"]


# Over HTTP


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("calendar"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def editor(desk: Desk) -> httpx.Client:
    return desk.person("calendar@press.example")


FIELDS = {
    "office": "jeonbuk",
    "title": "현장 브리핑 <b>",
    "day": DAY,
    "clock": "10:00",
    "zone": "Asia/Seoul",
    "regions": "김제시",
}
FIELDS |= {
    "about": "첫 줄\n둘째 줄",
    "place": "도청",
    "audience": "출입기자",
    "contact": "063-280-2114",
    "link": "https://a.example/",
}


def told(editor: httpx.Client, **fields: str) -> str:
    """The id of a new event."""
    answer = editor.post("/desk/announcements", data=FIELDS | fields)
    assert answer.status_code == 303, answer.text
    title = fields.get("title", FIELDS["title"])
    items = editor.get("/press-calendar.json").json()["items"]
    return str(next(item["url"] for item in items if item["title"] == title).rpartition("/")[2])


def test_an_event_is_told_changed_canceled_and_taken_back(desk: Desk, editor: httpx.Client) -> None:
    reader = desk.stranger()
    id = told(editor)
    month = f"/press-calendar?month={DAY[:7]}"
    assert all("현장 브리핑" in reader.get(month).text for _ in range(4))
    page = reader.get(month)
    assert (
        page.status_code == 200
        and "현장 브리핑 &lt;b&gt;" in page.text
        and "전북특별자치도 · 도청 · 출입기자" in page.text
    )
    assert "public" in page.headers["Cache-Control"] and page.headers["ETag"]
    one = reader.get(f"/press-calendar/{id}")
    assert "첫 줄" in one.text and "063-280-2114" in one.text and 'href="https://a.example/"' in one.text
    calendar = reader.get("/press-calendar.ics")
    assert calendar.headers["Content-Type"] == "text/calendar; charset=utf-8"
    lines = unfolded(calendar.content)
    starts = datetime.fromisoformat(f"{DAY}T10:00:00+09:00").astimezone(UTC)
    assert f"DTSTART:{starts:%Y%m%dT%H%M%SZ}" in lines and "SEQUENCE:0" in lines
    uid = next(line for line in lines if line.startswith("UID:"))
    for format in ("atom", "rss"):
        parsed = feedparser.parse(reader.get(f"/press-calendar.{format}").content)
        assert not parsed.bozo and parsed.entries[0].link.endswith(f"/press-calendar/{id}")
    shown = editor.get(f"/desk/announcements/{id}")
    assert 'name="clock" type="time" id="f-clock"' in shown.text and 'value="10:00"' in shown.text
    moved = FIELDS | {"clock": "15:30", "sequence": "0"}
    for _ in range(4):
        assert "15:30" not in reader.get(month).text + reader.get(f"/press-calendar/{id}").text
    assert editor.post(f"/desk/announcements/{id}", data=moved).status_code == 303
    for _ in range(4):
        assert "15:30" in reader.get(month).text and "15:30" in reader.get(f"/press-calendar/{id}").text
    late = editor.post(f"/desk/announcements/{id}", data=moved)
    assert (
        late.status_code == 409
        and "Somebody else changed this event meanwhile" in late.text
        and 'value="15:30"' in late.text
    )
    assert "Changed" in reader.get(month).text
    lines = unfolded(reader.get("/press-calendar.ics").content)
    assert uid in lines and "SEQUENCE:1" in lines
    assert editor.post(f"/desk/announcements/{id}/cancel", data={"sequence": "1"}).status_code == 303
    lines = unfolded(reader.get("/press-calendar.ics").content)
    assert uid in lines and "SEQUENCE:2" in lines and "STATUS:CANCELLED" in lines
    assert "Canceled" in reader.get(f"/press-calendar/{id}").text
    assert reader.get("/press-calendar.json").json()["items"][0]["title"].startswith("[취소]")
    assert editor.post(f"/desk/announcements/{id}/remove", data={"sequence": "2"}).status_code == 303
    assert reader.get(f"/press-calendar/{id}").status_code == 410 and uid not in unfolded(
        reader.get("/press-calendar.ics").content
    )
    assert "현장 브리핑" not in reader.get(month).text + reader.get("/press-calendar.atom").text
    assert editor.get(f"/desk/announcements/{id}").status_code == 404


def test_filters_take_names_and_say_the_nearest(desk: Desk, editor: httpx.Client) -> None:
    told(editor, title="김제 행사")
    told(editor, title="예산 설명회", regions="kr:52", topics="medtop:20000210")
    reader = desk.stranger()

    def titles(**asked: str | list[str]) -> set[str]:
        answer = reader.get("/press-calendar.json", params=asked)
        assert answer.status_code == 200, answer.text
        return {item["title"] for item in answer.json()["items"]}

    assert titles(region="김제시") == {"김제 행사"} and titles(region="전북특별자치도") == {"김제 행사", "예산 설명회"}
    assert titles(topic="medtop:20000210") == {"예산 설명회"} and titles(office="jeju") == set()
    assert titles(office="jeonbuk", region="kr:52210") == titles(region="김제시")
    several = titles(region=["김제시", "제주특별자치도"], office=["jeonbuk", "jeju"])
    assert several == {"김제 행사"} and titles(topic=["medtop:20000210", "medtop:11000000"]) == {"예산 설명회"}
    wrong = reader.get("/press-calendar.ics?region=김제새", headers={"Accept": "*/*"})
    assert wrong.status_code == 404 and "김제시" in str(wrong.json()["errors"])
    page = reader.get(f"/press-calendar?month={DAY[:7]}&region=kr:52")
    assert "region=kr%3A52" in page.text or "region=kr:52" in page.text
    assert '<option value="kr:52">' not in page.text and '<option value="jeonbuk">전북특별자치도' in page.text
    # A choice stays chosen, also by its name, and a second one can be added.
    below = reader.get(
        "/press-calendar", params={"month": DAY[:7], "region": "김제시", "topic": "", "office": "jeonbuk"}
    )
    kept = dict(re.findall(r'type="hidden" name="(region|office)" value="([^"]*)"', below.text))
    assert kept == {"region": "kr:52210", "office": "jeonbuk"}
    assert (
        '<option value="kr:50">' in below.text
        and f'href="/press-calendar?office=jeonbuk&amp;month={DAY[:7]}"' in below.text
    )
    assert reader.get("/press-calendar?month=2026-13").status_code == 400
    assert reader.get("/press-calendar?month=2026-01&month=2026-02").status_code == 400
    assert reader.get("/press-calendar.xml", headers={"Accept": "*/*"}).status_code == 404
    assert reader.get("/press-calendar?regoin=kr").status_code == 400


WRONG = [
    ({"title": ""}, "title", "Enter a title."),
    ({"title": "가" * 121}, "title", "This is too long."),
    ({"day": "내일"}, "day", "Enter the day like"),
    ({"day": "2020-01-01"}, "day", "This has passed already."),
    ({"day": "2090-01-01"}, "day", "within three years"),
    ({"clock": "25:00"}, "clock", "Enter the time like"),
    ({"clock": "", "closes": "10:00"}, "closes", "It must end after it begins."),
    ({"closes": "09:00"}, "closes", "It must end after it begins."),
    ({"last": "2026-01-01"}, "last", "must not be before the first"),
    ({"zone": "Mars/Olympus"}, "zone", "Enter a time zone"),
    ({"regions": "김제새"}, "regions", "김제시"),
    ({"topics": "\n".join(f"medtop:2000021{n}" for n in range(12))}, "topics", "At most 10"),
    ({"link": "javascript:alert(1)"}, "link", "A link begins with https://."),
]


@pytest.mark.parametrize(("fields", "field", "said"), WRONG)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_told(
    desk: Desk, editor: httpx.Client, fields: dict[str, str], field: str, said: str
) -> None:
    before = desk.stranger().get("/press-calendar.atom").content
    answer = editor.post("/desk/announcements", data=FIELDS | fields)
    assert answer.status_code == 422 and said in answer.text and f'id="e-{field}"' in answer.text
    assert desk.stranger().get("/press-calendar.atom").content == before


@pytest.mark.parametrize("page", ["0000000015000", "000000001" + "9" * 30, "101", "0", "01", "٢"])
def test_pages_of_a_month_have_an_end(desk: Desk, page: str) -> None:
    """Leading zeros allowed large numbers: fifteen thousand pages used to be skipped, one row after the other."""
    answer = desk.stranger().get("/press-calendar", params={"page": page}, headers={"Accept": "*/*"})
    assert answer.status_code == 400 and answer.json()["detail"].startswith("page must be a number from 1 to 100")


@pytest.mark.parametrize("sequence", ["99999999999999999", "2147483647", "-1", ""])
def test_a_number_that_the_event_never_had_is_an_old_form(desk: Desk, editor: httpx.Client, sequence: str) -> None:
    """On PostgreSQL such a number was too large for its column, and the answer was a 400 without an explanation for people."""
    id = told(editor)
    path = f"/desk/announcements/{id}"
    for answer in (
        editor.post(path, data=FIELDS | {"sequence": sequence}),
        editor.post(f"{path}/cancel", data={"sequence": sequence}),
        editor.post(f"{path}/remove", data={"sequence": sequence}),
    ):
        assert answer.status_code == 409 and "Somebody else changed this event meanwhile" in answer.text
    assert editor.post(f"{path}/remove", data={"sequence": "0"}).status_code == 303


def test_only_editors_of_the_office_tell(desk: Desk, editor: httpx.Client) -> None:
    id = told(editor, title="아무도 못 바꾸는 것")
    writer, other = (
        desk.person("cal-writer@press.example", "writer"),
        desk.person("cal-jeju@press.example", office="jeju"),
    )
    for client in (writer, other, desk.stranger()):
        for path, data in (
            ("/desk/announcements", FIELDS),
            (f"/desk/announcements/{id}", FIELDS | {"sequence": "0"}),
            (f"/desk/announcements/{id}/cancel", {"sequence": "0"}),
        ):
            assert client.post(path, data=data).status_code in (303, 401, 404), path
        assert client.get(f"/desk/announcements/{id}").status_code in (303, 401, 404)
    found = store.press_events.event_by_id(desk.context.engine, id)
    assert found is not None and found.sequence == 0 and found.state == "told"
    assert "/desk/announcements" not in writer.get("/desk").text
    assert editor.post("/desk/announcements/x/y", data={}).status_code == 404
    assert editor.post(f"/desk/announcements/{id}/cancel", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_plan_leads_to_a_form_with_its_time_and_no_word_of_the_draft(desk: Desk, editor: httpx.Client) -> None:
    draft = desk.draft(editor, headline="너구리구백십일 발표")
    planned = soon(days=2)
    assert step(editor, draft, "publish", at=planned).status_code == 303
    (link,) = re.findall(r'href="(/desk/announcements[^"]*when=[^"]*)"', editor.get(f"{draft}/preview").text)
    shown = editor.get(link.replace("&amp;", "&"))
    assert (
        shown.status_code == 200
        and f'value="{planned[:10]}"' in shown.text
        and f'value="{planned[11:16]}"' in shown.text
    )
    assert "너구리" not in shown.text and draft.rpartition("/")[2] not in link
    reader = desk.stranger()
    for path in (
        "/press-calendar",
        f"/press-calendar?month={planned[:7]}",
        "/press-calendar.ics",
        "/press-calendar.atom",
    ):
        assert "너구리" not in reader.get(path).text


def test_a_month_of_many_events_is_cheap(desk: Desk) -> None:
    engine, start = desk.context.engine, datetime.now(UTC) + timedelta(days=200)
    month = start.replace(day=2, hour=1, minute=0, second=0, microsecond=0)
    for number in range(1000, 1300):
        one = event(
            number,
            starts=month + timedelta(minutes=number),
            office=Office("busy", "바쁜청"),
            created=month,
            updated=month,
        )
        assert store.press_events.tell_event(
            engine, one, calendar_pairs(one), "person a", datetime.now(UTC) - timedelta(days=900)
        )
    reader, path = desk.stranger(), f"/press-calendar?month={month:%Y-%m}"
    page = reader.get(path, headers={"Accept-Encoding": "identity"})
    assert page.status_code == 200 and len(page.content) < 60 * 1024
    shown = [
        re.findall(r'href="/press-calendar/([0-9a-f]{32})"', reader.get(f"{path}&page={n}").text) for n in (1, 2, 3, 4)
    ]
    assert [len(ids) for ids in shown] == [80, 80, 80, 60] and len({id for ids in shown for id in ids}) == 300
    assert "page=2" in page.text and "page=5" not in reader.get(f"{path}&page=4").text
    for wrong in ("0", "101", "x", "9" * 200):
        assert reader.get(f"{path}&page={wrong}").status_code == 400
    before = time.perf_counter()
    for _ in range(5):
        reader.get(path)
    assert (time.perf_counter() - before) / 5 < 1
