"""One release that many clients push at the same moment, half of which hang up: it is stored once, and each answer says so."""

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from msgspec import Struct
from sqlalchemy import select

from app import store
from app.store.tables import articles, changes, versions
from tests.conftest import Server, together, until
from tests.migrated import postgres_database
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
CLIENTS = 50
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST, as a client that is killed does


class Answer(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    told: dict[str, str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"token_rate": "0/minute", "address_rate": "0/minute"}
    if request.param == "postgresql":
        settings["database_url"] = postgres_database(request.getfixturevalue("postgres"))
    server = Server(tmp_path_factory.mktemp("often"), **settings).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("often", "거듭청", "kr:51")


def send(server: Server, token: str, body: bytes, start: threading.Barrier) -> socket.socket:
    """Push a release over a connection of its own, at the same moment as the others."""
    connection = socket.create_connection(("127.0.0.1", server.port), 60)
    head = (
        f"POST /releases HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    start.wait(60)
    connection.sendall(head.encode() + body)
    return connection


def ask(server: Server, token: str, body: bytes, start: threading.Barrier, answers: list[Answer]) -> None:
    with send(server, token, body, start) as connection, connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        answers.append(Answer(status, headers, json.loads(file.read())))


def hang_up(server: Server, token: str, body: bytes, start: threading.Barrier, answers: list[Answer], way: int) -> None:
    """Send the release and go: at once, or when the first client was answered; as a program that ends, or as one that is killed."""
    with send(server, token, body, start) as connection:
        if way & 1:
            until(lambda: answers, 60)
        if way & 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def assert_stored_once(server: Server, guid: str) -> None:
    """One article, one version, one change, one push in a whole audit log."""
    engine = server.engine()
    with engine.connect() as connection:
        ((num, id),) = connection.execute(select(articles.c.num, articles.c.id).where(articles.c.guid == guid)).all()
        for table in (versions, changes):
            assert len(connection.execute(select(table.c.num).where(table.c.num == num)).all()) == 1
    assert store.audit.verify(engine).fault == ""
    engine.dispose()
    events = server.client.get(f"/articles/{id}/audit", headers=server.operator()).json()["events"]
    assert [event["action"] for event in events if event["action"] != "refused"] == ["pushed"]
    assert [json.loads(line)["guid"] for line in server.client.get("/changes").text.splitlines()].count(guid) == 1


def test_fifty_clients_push_one_release_and_half_of_them_hang_up(server: Server, token: str) -> None:
    guid, half = "tag:often,2026:1", CLIENTS // 2
    start, answers = threading.Barrier(CLIENTS), list[Answer]()
    given = server, token, document(guid), start, answers
    together(*[partial(ask, *given)] * half, *(partial(hang_up, *given, way) for way in range(half)))
    assert len(answers) == half and {answer.status for answer in answers} <= {200, 201}
    assert sum(answer.status == 201 for answer in answers) <= 1, "only one of them stored it"
    (address,) = {answer.told["url"] for answer in answers}
    assert {answer.headers["location"] for answer in answers if answer.status == 201} <= {address}
    assert len({json.dumps(answer.told | {"status": 0}) for answer in answers}) == 1, "one receipt"
    again, other = server.push(token, document(guid)), server.push(token, document(guid, headline="다른 제목"))
    assert (again.status_code, again.json()["url"]) == (200, address)
    assert (other.status_code, other.json()["type"]) == (409, "urn:pressrelay:problem:changed-version")
    assert_stored_once(server, guid)
    assert server.client.get("/feed.json?office=often").json()["items"][0]["title"] == "처음 제목"


def test_of_two_texts_of_one_version_one_is_stored(server: Server, token: str) -> None:
    """Both are pushed at the same moment by many: who has the other text hears it, and nobody is told a text that is not stored."""
    guid = "tag:often,2026:2"
    texts = [document(guid, headline=headline) for headline in ("하나", "둘")]
    start, told = threading.Barrier(CLIENTS), (list[Answer](), list[Answer]())
    together(*(partial(ask, server, token, texts[at % 2], start, told[at % 2]) for at in range(CLIENTS)))
    counted = [Counter(answer.status for answer in answers) for answers in told]
    stored = 0 if counted[0][201] else 1
    assert counted[stored] == {201: 1, 200: CLIENTS // 2 - 1} and counted[1 - stored] == {409: CLIENTS // 2}, counted
    assert server.client.get("/feed.json?office=often").json()["items"][0]["title"] == ("하나", "둘")[stored]
    assert_stored_once(server, guid)
