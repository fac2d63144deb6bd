"""The desk: drafts from the first word to the reader, over real HTTP, as a person's browser sends them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.conftest import until
from tests.test_people import PASSWORD, Site, close_browsers  # noqa: F401 -- the fixture closes the browsers of these tests too

RELEASE = {
    "office": "jeonbuk",
    "headline": "전북 스마트팜 단지, 올해 세 곳 더 문 연다",
    "subheadline": "- 김제·고창·남원 -\n- 청년 농업인 120명 입주 -",
    "body": "도는 올해 스마트팜 단지 세 곳을 더 연다.\n\n신청은 누리집에서 받는다.",
    "embargo": "now",
    "region": "김제시",
    "topic": "medtop:20000210",
    "keyword": "스마트팜, 청년 농업",
    "kind": "press-release",
    "language": "ko",
    "contact-department": "농생명정책과",
    "contact-name": "홍길동",
    "contact-phone": "063-000-0000",
    "contact-email": "press@office.example",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


def form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Send the compose form as a browser does."""
    return client.post(path, files=[(name, (None, value)) for name, value in fields.items()])


def begun(client: httpx.Client, **fields: str) -> str:
    """The address of a new draft."""
    answer = form(client, "/desk/new", **(RELEASE | fields))
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].partition("?")[0].partition("/desk")[2].join(("/desk", ""))


def revision(page: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page.text)
    assert found, page.text
    return found[1]


def step(client: httpx.Client, draft: str, action: str, **fields: str) -> httpx.Response:
    page = client.get(f"{draft}/preview")
    assert page.status_code == 200, page.text
    return client.post(f"{draft}/{action}", data={"revision": revision(page), **fields})


def test_an_editor_writes_and_publishes(site: Site) -> None:
    editor = site.member("editor-one@office.example")
    draft = begun(editor, headline="혼자 쓰고 내보낸다")
    sent = step(editor, draft, "publish")
    assert sent.status_code == 303, sent.text
    life = editor.get(sent.headers["Location"])
    assert life.status_code == 200
    assert "혼자 쓰고 내보낸다" in httpx.get(f"{site.server.url}/feed.atom?region=kr:52", trust_env=False).text
    assert "혼자 쓰고 내보낸다" in editor.get("/desk").text


def test_two_persons_and_an_embargo(site: Site) -> None:
    writer = site.member("writer@office.example", "writer")
    editor = site.member("editor-two@office.example")
    assert editor.post("/desk/routine", data={"office": "jeonbuk", "approval": "1", "notice": "60"}).status_code == 200
    lifts = datetime.now(UTC) + timedelta(hours=9, minutes=3)
    draft = begun(
        writer, headline="두 사람이 내보낸다", embargo="at", **{"embargo-at": lifts.strftime("%Y-%m-%dT%H:%M")}
    )
    assert step(writer, draft, "publish").status_code == 404, "a writer publishes nothing"
    assert step(writer, draft, "submit").status_code == 303
    returned = step(editor, draft, "return", reason="부제를 하나 더 적어 주세요.")
    assert returned.status_code == 303, returned.text
    page = writer.get(draft)
    assert "부제를 하나 더 적어 주세요." in page.text
    saved = form(writer, draft, **(RELEASE | {"headline": "두 사람이 내보낸다", "revision": revision(page)}))
    assert saved.status_code == 303, saved.text
    assert (
        site.admin.post("/desk/routine", data={"office": "jeonbuk", "approval": "0", "password": PASSWORD}).status_code
        == 200
    )


def test_a_plan_is_carried_out(site: Site) -> None:
    editor = site.member("planner@office.example")
    draft = begun(editor, headline="예약해 둔 보도자료")
    page = editor.get(f"{draft}/preview")
    assert (
        editor.post(f"{draft}/publish", data={"revision": revision(page), "at": "2020-01-01T00:00"}).status_code == 422
    )
    soon = (datetime.now(UTC) + timedelta(hours=9, seconds=2)).isoformat(timespec="seconds")[:19]
    planned = editor.post(f"{draft}/publish", data={"revision": revision(page), "at": soon})
    assert planned.status_code == 303, planned.text
    until(lambda: "예약해 둔 보도자료" in httpx.get(f"{site.server.url}/feed.atom", trust_env=False).text, seconds=15)


def test_nobody_overwrites_another(site: Site) -> None:
    one, other = site.member("one@office.example", "writer"), site.member("other@office.example", "writer")
    draft = begun(one, headline="처음")
    mine = revision(one.get(draft))
    assert form(other, draft, **(RELEASE | {"headline": "다른 사람의 글", "revision": mine})).status_code == 303
    late = form(one, draft, **(RELEASE | {"headline": "내가 쓴 글", "revision": mine}))
    assert late.status_code == 409
    assert "내가 쓴 글" in late.text
    again = form(one, draft, **(RELEASE | {"headline": "내가 쓴 글", "revision": revision(late)}))
    assert again.status_code == 303


def test_a_stranger_sees_nothing_of_a_draft(site: Site) -> None:
    writer = site.member("secret@office.example", "writer")
    stranger = site.member("stranger@jeju.example", "editor", "jeju")
    draft = begun(writer, headline="아무도 모르는 일")
    for path in (draft, f"{draft}/preview"):
        assert stranger.get(path).status_code == 404
    assert form(stranger, draft, **(RELEASE | {"revision": "1"})).status_code == 404
    assert "아무도 모르는 일" not in stranger.get("/desk").text


def test_faults_stand_beside_their_fields(site: Site) -> None:
    writer = site.member("faulty@office.example", "writer")
    draft = begun(writer, region="전라북동", **{"contact-email": "no address"})
    page = form(
        writer,
        draft,
        **(RELEASE | {"region": "전라북동", "contact-email": "no address", "revision": "1", "then": "check"}),
    )
    assert page.status_code == 200, page.text
    assert 'href="#f-region"' in page.text
    assert 'id="e-contact-email-1"' in page.text
    assert writer.post(f"{draft}/submit", data={"revision": "1"}).status_code == 422


def test_an_article_is_corrected_withheld_restored_and_withdrawn(site: Site) -> None:
    editor = site.member("life@office.example")
    draft = begun(editor, headline="바뀌는 보도자료")
    article = "/desk" + step(editor, draft, "publish").headers["Location"].partition("/desk")[2]
    corrected = editor.post(f"{article}/correct", data={})
    second = "/desk" + corrected.headers["Location"].partition("/desk")[2]
    page = editor.get(second)
    changed = form(
        editor,
        second,
        **(RELEASE | {"headline": "바로잡은 보도자료", "revision": revision(page), "signal": "correction"}),
    )
    assert changed.status_code == 303
    assert step(editor, second, "publish").status_code == 303
    life = editor.get(article)
    assert "바로잡은 보도자료" in life.text
    unproven = editor.post(f"{article}/withdraw", data={"version": "2", "reason": "까닭", "password": "다른 비밀번호"})
    assert unproven.status_code == 422 and 'id="e-password-withdraw"' in unproven.text, "it asks again who it is"
    assert "까닭</textarea>" in unproven.text, "and keeps what was written"
    for action, version, word in (("withhold", "2", "사정"), ("restore", "3", ""), ("withdraw", "4", "잘못된 내용")):
        done = editor.post(f"{article}/{action}", data={"version": version, "reason": word, "password": PASSWORD})
        assert done.status_code == 303, (action, done.text)
    assert "바로잡은 보도자료" not in httpx.get(f"{site.server.url}/feed.atom", trust_env=False).text
    assert "잘못된 내용" in httpx.get(f"{site.server.url}/feed.newsml", trust_env=False).text
