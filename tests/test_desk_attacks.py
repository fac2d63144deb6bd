"""Attacks at the desk by its own people, over real HTTP: only the approved text is published, whatever anybody sends meanwhile."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from app import store
from tests.conftest import until
from tests.desk import RELEASE, Desk, revision, saved, soon, step

APPROVED, FALSE = b"what was approved", b"what nobody approved " + b"x" * 40_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("attacks"))
    yield made
    made.close()


class SlowForm:
    """A form that a browser sends, except its last bytes, which come later."""

    def __init__(self, desk: Desk, client: httpx.Client, path: str, files: dict[str, bytes], **fields: str) -> None:
        parts: list[tuple[str, tuple[str | None, str | bytes]]] = [(key, (None, one)) for key, one in fields.items()]
        built = client.build_request("POST", path, files=[*parts, *(("file", one) for one in files.items())])
        body = built.read()
        head = "".join(f"{name}: {value}\r\n" for name, value in built.headers.items())
        self.socket = socket.create_connection(("127.0.0.1", desk.server.port), 30)
        incoming = desk.server.directory / "files" / "incoming"
        before = set(incoming.rglob("*")) if incoming.exists() else set()
        self.socket.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body[:-100])
        self.rest = body[-100:]
        # The server checks who sends the form before it starts to store it.
        until(lambda: set(incoming.rglob("*")) - before)

    def end(self) -> int:
        self.socket.sendall(self.rest)
        answer = self.socket.recv(65_536)
        self.socket.close()
        return int(answer.split()[1])


@pytest.mark.parametrize("path", ["", "/files"])
def test_a_file_that_comes_late_is_not_published_instead_of_the_approved_one(desk: Desk, path: str) -> None:
    writer = desk.person(f"writer{path[1:]}@office.example")
    boss = desk.person(f"boss{path[1:]}@office.example")
    assert writer.post("/desk/routine", data={"office": "jeonbuk", "approval": "1", "notice": "60"}).status_code == 200
    named = {"file-name": "plan.txt", "file-url": "", "file-type": "text/plain", "file-length": "17"}
    named |= {"file-role": "document", "file-caption": "", "file-licence": "", "file-language": ""}
    draft = desk.draft(writer, headline=f"승인한 것 {path[1:]}")
    assert writer.post(f"{draft}/files", files={"file": ("plan.txt", APPROVED, "text/plain")}).status_code in (201, 303)
    assert saved(writer, draft, **named).status_code == 303
    now = revision(writer.get(draft))
    late = SlowForm(desk, writer, f"{draft}{path}", {"plan.txt": FALSE}, **(RELEASE | named | {"revision": now}))
    assert step(writer, draft, "submit").status_code == 303
    assert step(boss, draft, "publish", at=soon(seconds=3)).status_code == 303
    assert late.end() == 409
    assert boss.get(f"{draft}/files/plan.txt").content == APPROVED
    id = draft.rpartition("/")[2]

    def published() -> str:
        found = store.desk.draft_by_id(desk.context.engine, id)
        return found.article if found is not None and found.state == "published" else ""

    until(lambda: published(), 30)
    (file,) = desk.server.client.get(f"/articles/{published()}.json").json()["enclosures"]
    assert desk.server.client.get(file["url"]).content == APPROVED


def test_who_is_put_out_while_a_form_arrives_changes_nothing(desk: Desk) -> None:
    writer = desk.person("leaving@office.example", "writer")
    draft = desk.draft(writer)
    old = writer.get(f"{draft}/preview").text
    fields = RELEASE | {"revision": revision(writer.get(draft)), "headline": "나중에 온 제목", "office": "jeonbuk"}
    late = [SlowForm(desk, writer, path, {"x.txt": FALSE}, **fields) for path in (draft, f"{draft}/files", "/desk/new")]
    assert "나중에 온 제목" not in old
    engine, person = desk.context.engine, desk.ids["leaving@office.example"]
    store.accounts.take_role(engine, person, "jeonbuk", "test", store.instant(int(time.time() * 1_000_000)))
    assert [one.end() for one in late] == [404, 404, 404]
    assert "나중에 온 제목" not in desk.admin.get(f"{draft}/preview").text
    assert store.desk.files_of(engine, draft.rpartition("/")[2]) == []


@pytest.mark.parametrize("notice", ["10081", "000000999999", "000000" + "9" * 30, "0" * 5000, "-1", "", "x"])
def test_a_notice_is_a_number_of_minutes_within_a_week(desk: Desk, notice: str) -> None:
    editor = desk.person(f"routine{len(notice)}{notice[-1:]}@office.example")
    answer = editor.post("/desk/routine", data={"office": "jeonbuk", "approval": "", "notice": notice})
    assert answer.status_code == 422, notice
    assert "10,080" in answer.text or "10080" in answer.text
    assert store.desk.routine(desk.context.engine, "jeonbuk").notice <= 10_080
