"""The main ways of the desk over HTTP on PostgreSQL. The other tests of the desk take them with SQLite, in more detail."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import until
from tests.desk import RELEASE, Desk, form, path_of, revision, saved, soon, step
from tests.migrated import postgres_database
from tests.test_people import PASSWORD


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("postgres"), database_url=postgres_database(postgres), language="en")
    yield made
    made.close()


@pytest.fixture(scope="module")
def editor(desk: Desk) -> httpx.Client:
    return desk.person("editor@office.example")


@pytest.fixture(scope="module")
def writer(desk: Desk) -> httpx.Client:
    return desk.person("writer@office.example", "writer")


def feed(desk: Desk, format: str = "atom") -> str:
    return httpx.get(f"{desk.server.url}/feed.{format}", trust_env=False).text


def test_a_draft_is_written_checked_returned_and_approved(
    desk: Desk, editor: httpx.Client, writer: httpx.Client
) -> None:
    assert editor.post("/desk/routine", data={"office": "jeonbuk", "approval": "1", "notice": "30"}).status_code == 200
    draft = desk.draft(writer, headline="둘이서 쓴다", region="없는 곳")
    faulty = form(writer, draft, **(RELEASE | {"region": "없는 곳", "revision": "1", "then": "check"}))
    assert faulty.status_code == 200 and 'id="e-region"' in faulty.text
    mine = revision(writer.get(draft))
    assert form(editor, draft, **(RELEASE | {"headline": "먼저 고친 글", "revision": mine})).status_code == 303
    late = form(writer, draft, **(RELEASE | {"headline": "나중에 고친 글", "revision": mine}))
    assert late.status_code == 409 and "나중에 고친 글" in late.text
    assert "나중에 고친 글" in writer.get(f"{draft}/aside").text, "it is kept beside the draft"
    sent = [
        ("revision", (None, revision(writer.get(draft)))),
        *((name, (None, value)) for name, value in (RELEASE | {"headline": "둘이서 쓴다"}).items()),
        ("upload", ("표.csv", b"a,b\r\n1,2\r\n", "text/csv")),
    ]
    assert writer.post(draft, files=sent, headers={"Accept": "application/json"}).json()["faults"] == []
    assert writer.get(f"{draft}/files/%ED%91%9C.csv").content.startswith(b"a,b")
    listed = writer.get(f"{draft}/versions").text
    assert "Version 1" in listed
    old = writer.get(f"{draft}/versions/1")
    assert old.status_code == 200 and "<ins>" in writer.get(f"{draft}/diff?from=1&to={revision(old)}").text
    assert step(writer, draft, "publish").status_code == 404
    assert step(writer, draft, "submit").status_code == 303
    assert "1 releases wait" in editor.get("/desk").text
    assert step(editor, draft, "return", reason="연락처를 적어 주세요.").status_code == 303
    assert "연락처를 적어 주세요." in writer.get(draft).text
    assert saved(writer, draft, headline="둘이서 쓴 글").status_code == 303
    assert step(writer, draft, "submit").status_code == 303
    life = path_of(step(editor, draft, "publish"))
    assert "둘이서 쓴 글" in feed(desk) and "둘이서 쓴 글" in editor.get(life).text


def test_embargo_hold_and_plan(desk: Desk) -> None:
    editor = desk.person("jeju@office.example", "editor", "jeju")
    begin = {"office": "jeju", "region": "kr:50"}
    waits = desk.draft(editor, **begin, headline="엠바고", embargo="at", **{"embargo-at": soon(hours=1)})
    held = desk.draft(editor, **begin, headline="보류", embargo="held")
    lives = [path_of(step(editor, draft, "publish")) for draft in (waits, held)]
    for headline, at in (("예약", soon(days=1)), ("바로 예약", soon(seconds=3))):
        assert step(editor, desk.draft(editor, **begin, headline=headline), "publish", at=at).status_code == 303
    shown = editor.get("/desk").text
    assert all(word in shown for word in ("엠바고", "보류", "예약")) and "엠바고" not in feed(desk)
    for state, word in (("embargo", "엠바고"), ("held", "보류"), ("scheduled", "예약")):
        assert word in editor.get(f"/desk?state={state}").text, state
    assert "엠바고" in editor.get("/desk?q=엠바").text and "엠바고" not in editor.get("/desk?q=보류").text
    months = "".join(editor.get(f"/desk/calendar?month={soon(days=days)[:7]}").text for days in (0, 1))
    assert all(word in months for word in ("엠바고", "보류", "예약"))
    until(lambda: "바로 예약" in feed(desk), seconds=40)
    assert editor.post(f"{lives[1]}/release", data={"version": "1"}).status_code == 303
    until(lambda: "보류" in feed(desk), seconds=20)
    assert "엠바고" not in feed(desk)


def test_what_is_published_is_corrected_withheld_and_withdrawn(desk: Desk, editor: httpx.Client) -> None:
    person = desk.person("life@office.example", "editor", "jeju")
    draft = desk.draft(person, office="jeju", region="kr:50", headline="처음 나간 글")
    life = path_of(step(person, draft, "publish"))
    correction = path_of(person.post(f"{life}/correct", data={}))
    assert saved(person, correction, region="kr:50", headline="바로잡은 글", signal="correction").status_code == 303
    assert "<del>" in person.get(f"{correction}/diff").text
    assert step(person, correction, "publish").status_code == 303
    assert "바로잡은 글" in feed(desk) and "바로잡은 글" in person.get("/desk?state=corrected").text
    for path, word in (("reach", "<table"), ("reach.csv", ","), ("reach.svg", "<svg")):
        shown = person.get(f"{life}/{path}")
        assert shown.status_code == 200 and word in shown.text, path
        assert editor.get(f"{life}/{path}").status_code == 404
    assert person.post(f"{life}/withhold", data={"version": "2", "reason": "사정"}).status_code == 303
    assert "바로잡은 글" not in feed(desk) and "바로잡은 글" in person.get("/desk?state=withheld").text
    assert person.post(f"{life}/restore", data={"version": "3"}).status_code == 303
    assert "바로잡은 글" in feed(desk)
    asked = person.post(f"{life}/withdraw", data={"version": "4", "reason": "잘못", "password": PASSWORD})
    assert asked.status_code == 422 and 'id="e-password-withdraw"' in asked.text, "this account has no such password"


def test_previews_links_limits_templates_and_contacts(desk: Desk, editor: httpx.Client, writer: httpx.Client) -> None:
    draft, anybody = desk.draft(writer, headline="미리 보는 글"), desk.stranger()
    for path in ("preview", "preview/page", "preview/mail", "preview/atom", "preview/newsml"):
        assert "미리 보는 글" in writer.get(f"{draft}/{path}").text, path
    page = writer.post(f"{draft}/links", data={"hours": "1"})
    found = re.search(r"<code>http://[^/]+(/preview/[\w-]+)</code>", page.text)
    assert found and "미리 보는 글" in anybody.get(found[1]).text
    link = re.search(rf'action="({draft}/links/\w+)"', writer.get(f"{draft}/preview").text)
    assert link and writer.post(link[1], data={}).status_code == 303
    assert anybody.get(found[1]).status_code == 404
    assert writer.post(f"{draft}/people", data={"people": desk.ids["writer@office.example"]}).status_code == 303
    assert editor.get(draft).status_code == 404 and "미리 보는 글" not in editor.get("/desk").text
    assert "미리 보는 글" in desk.admin.get("/desk?office=jeonbuk").text
    contact = {"office": "jeonbuk", "department": "대변인실", "phone": "063-1"}
    assert writer.post("/desk/contacts", data=contact).status_code == 303
    chosen = re.search(r'<option value="(\w{16})">대변인실', writer.get(f"{draft}/preview").text)
    assert chosen
    data = {"contact": chosen[1], "revision": revision(writer.get(draft))}
    assert writer.post(f"{draft}/contact", data=data).status_code == 303
    assert writer.post(f"{draft}/template", data={"name": "주간"}).status_code == 303
    template = re.search(r'action="(/desk/templates/\w+)/start"', writer.get("/desk/templates").text)
    assert template
    begun = path_of(writer.post(f"{template[1]}/start", data={"office": "jeonbuk"}))
    assert "063-1" in writer.get(begun).text
    assert "kr:52210" in writer.get("/desk/suggest?kind=region&q=김제&office=jeonbuk").text
    assert step(writer, begun, "discard").status_code == 303
    assert "미리 보는 글" in writer.get("/desk?state=discarded").text
