"""The whole server over sockets: push, read back from every feed, and every refusal that has a file."""

import gzip
import hashlib
import importlib.util
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import feedparser
import msgspec
import pytest
from msgspec.structs import replace

from app import create_app, store
from app.accounts.offices import OfficeRecord
from app.settings import Settings
from app.web.app import prepare
from app.web.routes.discovery import BLOCK
from feeds import atom, newsml, press_release, render
from feeds.article import Office
from tests.articles import feed as sample_feed
from tests.articles import make as sample
from tests.conftest import ROOT, SEED, Server

FORMATS = ("rss", "atom", "newsml", "json", "ninjs")
REJECTS = ROOT / "tests" / "rejects"
RELEASES = sorted((ROOT / "tests" / "releases").rglob("*.xml"))
HEADLINE = "명품‘으뜸 도정상’2021년 힘차게 달린다"


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    server.office("seoul", "서울특별시", "kr:11")
    return server.office()


@pytest.fixture(scope="module")
def seed(server: Server, token: str) -> dict[str, Any]:
    """The founding release, pushed; its receipt."""
    answer = server.push(token, SEED.read_bytes())
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["url"]
    return dict(answer.json())


def feed(server: Server, format: str, **params: object) -> str:
    answer = server.client.get(f"/feed.{format}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("region", ["kr:52", "kr:45", "KR-45", "전라북도", "전북", "kr"])
@pytest.mark.parametrize("topic", [None, "medtop:20000498", "award and prize", "local authority"])
def test_the_founding_release_is_found(
    server: Server, seed: dict[str, Any], format: str, region: str, topic: str | None
) -> None:
    params = {"region": region} | ({"topic": topic} if topic else {})
    assert HEADLINE in feed(server, format, **params)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("elsewhere", [{"region": "kr:46"}, {"region": "서울"}, {"topic": "sport"}, {"lang": "en"}])
def test_and_not_elsewhere(server: Server, seed: dict[str, Any], format: str, elsewhere: dict[str, str]) -> None:
    assert HEADLINE not in feed(server, format, **elsewhere)


def test_content_is_whole(server: Server, seed: dict[str, Any]) -> None:
    last = "지난 2017년부터 '으뜸 도정상' 제도를 운영하고 있다."
    for format in FORMATS:
        text = feed(server, format, region="kr:52").replace("&apos;", "'").replace("&#39;", "'").replace("&#x27;", "'")
        assert "”으뜸도정상은 2017년부터" in text
        assert last in text
        assert "진재석" not in text and "댓글" not in text


def test_the_same_again_is_the_same_receipt(server: Server, token: str, seed: dict[str, Any]) -> None:
    answer = server.push(token, SEED.read_bytes())
    assert answer.status_code == 200
    assert answer.json() == seed | {"status": 200}


def test_other_content_under_the_same_version_is_refused(server: Server, token: str, seed: dict[str, Any]) -> None:
    answer = server.push(token, SEED.read_bytes().replace("6개 부서 수상".encode(), "7개 부서 수상".encode()))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pressrelay:problem:changed-version")


def test_a_receipt_says_what_the_office_wants_to_know(seed: dict[str, Any]) -> None:
    assert seed["version"] == 1 and seed["pubstatus"] == "usable"
    assert seed["regions"] == ["kr:45"]
    assert "medtop:20000498" in seed["topics"]
    assert any("kr%3A52" in url for url in seed["feeds"])


def minimal(guid: str, **changes: str) -> bytes:
    text = (ROOT / "tests" / "releases" / "minimal.xml").read_text(encoding="utf-8")
    start, end = text.index("<guid>"), text.index("</guid>")
    text = text[: start + 6] + guid + text[end:]
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.encode()


def test_a_release_is_in_every_workers_feed_at_once(server: Server, token: str) -> None:
    for number in range(30):
        guid = f"tag:example.org,2026:fresh-{number}"
        answer = server.push(token, minimal(guid))
        assert answer.status_code == 201, answer.text
        id = answer.json()["id"]
        # New connections, so that both workers are asked.
        for _ in range(4):
            answer = server.client.get("/feed.atom", headers={"Connection": "close"})
            assert id in answer.text, number


def test_dry_run_stores_nothing(server: Server, token: str) -> None:
    body = minimal("tag:example.org,2026:dry")
    headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
    answer = server.client.post("/releases?dry_run=1", content=body, headers=headers)
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert server.client.get(f"/articles/{answer.json()['id']}").status_code == 404


def test_etag_and_head(server: Server, seed: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"params": {"region": "kr:45"}, "headers": {"Accept-Encoding": "identity"}}
    first = server.client.get("/feed.atom", **asked)
    etag = first.headers["ETag"]
    assert etag == f'"{hashlib.sha256(first.content).hexdigest()[:32]}"'
    for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        asked["headers"]["If-None-Match"] = value
        again = server.client.get("/feed.atom", **asked)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Cache-Control"].startswith("public, max-age=20")
    del asked["headers"]["If-None-Match"]
    head = server.client.head("/feed.atom", **asked)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", etag)
    assert head.headers["Content-Length"] == str(len(first.content))


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("licence=none", "licence=none"),
        ("licence=KOGL-1", "licence=https%3A%2F%2Fwww.kogl.or.kr%2Finfo%2FlicenseType1.do"),
        ("exclude_licence=none&genre=Press-Release", "genre=press-release&exclude_licence=none"),
        (
            "until=2026-03-09T09:00:00%2B09:00&since=2026-03-01",
            "since=2026-03-01T00%3A00%3A00Z&until=2026-03-09T00%3A00%3A00Z",
        ),
        ("limit=50&q=%20으뜸%20%20도정상", "q=%EC%9C%BC%EB%9C%B8%20%EB%8F%84%EC%A0%95%EC%83%81"),
        ("lang=ko_KR&lang=KO&topic=&region=", "lang=ko&lang=ko-kr"),
    ],
)
def test_one_spelling_of_a_question(server: Server, spelling: str, canonical: str) -> None:
    answer = server.client.get(f"/feed.atom?{spelling}")
    assert f'<{server.url}/feed.atom?{canonical}>; rel="self"' in answer.headers["Link"], answer.text
    again = server.client.get(f"/feed.atom?{canonical}")
    assert again.headers["ETag"] == answer.headers["ETag"], "the canonical form is a form of its own question"


def test_one_canonical_self(server: Server, seed: dict[str, Any]) -> None:
    spellings = [
        "region=kr:52&topic=medtop:20000498",
        "topic=award%20and%20prize&region=전북",
        "region=KR-45&topic=subj:08006000",
    ]
    bodies = {server.client.get(f"/feed.atom?{spelling}").content for spelling in spellings}
    assert len(bodies) == 1
    parsed = feedparser.parse(bodies.pop())
    links = {link["rel"]: link["href"] for link in parsed.feed.links}
    assert links["self"] == f"{server.url}/feed.atom?region=kr%3A52&topic=medtop%3A20000498"


@pytest.mark.parametrize(
    ("path", "status", "type"),
    [
        ("/feed.atom?region=전라복도", 404, "unknown-region"),
        ("/feed.atom?region=중구", 404, "ambiguous-region"),
        ("/feed.atom?topic=award and price", 404, "unknown-topic"),
        ("/feed.atom?office=nobody", 404, "unknown-office"),
        ("/feed.atom?limit=0", 400, "bad-limit"),
        ("/feed.atom?limit=201", 400, "bad-limit"),
        ("/feed.atom?limit=9999999999999999999999", 400, "bad-limit"),
        ("/feed.atom?limit=１", 400, "bad-limit"),
        ("/feed.atom?lang=한국어", 400, "bad-language"),
        ("/feed.atom?regoin=kr", 400, "unknown-parameter"),
        ("/feed.atom?Region=kr", 400, "unknown-parameter"),
        ("/feed.atom?topics=x", 400, "unknown-parameter"),
        ("/feed.atom?category=x", 400, "unknown-parameter"),
        ("/feed.atom?" + "region=kr&" * 21, 400, "too-many-values"),
        ("/feed.atom?genre=novel", 404, "unknown-genre"),
        ("/feed.atom?licence=free", 404, "unknown-licence"),
        ("/feed.atom?exclude_region=nowhere", 404, "unknown-region"),
        ("/feed.atom?since=yesterday", 400, "bad-instant"),
        ("/feed.atom?since=2026-03-09T10:00:00", 400, "bad-instant"),
        ("/feed.atom?until=0001-01-01T00:00:00%2B14:00", 400, "bad-instant"),
        ("/feed.atom?since=2026-03-10&until=2026-03-09", 400, "bad-instant"),
        ("/feed.atom?since=2026-03-10&since=2026-03-09", 400, "bad-parameter"),
        ("/feed.atom?q=%21%3F", 400, "bad-words"),
        ("/feed.atom?q=" + "a" * 201, 400, "bad-words"),
        ("/feed.atom?before=last", 400, "bad-cursor"),
        ("/feed.atom?before=1-1&after=1-1", 400, "bad-cursor"),
        ("/feed.atom?before=99999999999999999999-1", 400, "bad-cursor"),
        ("/feed.pdf", 404, "unknown-format"),
        ("/articles/nobody", 404, "unknown-article"),
        ("/articles/%00", 400, "bad-characters"),
        (f"/articles/{'a' * 26}.xml", 404, "unknown-article"),
        ("/feed.atom?region=%00&office=%00", 400, "bad-characters"),
        ("/nowhere", 404, "not-found"),
    ],
)
def test_a_bad_question_gets_one_clear_answer(server: Server, path: str, status: int, type: str) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert (problem["status"], problem["type"]) == (status, f"urn:pressrelay:problem:{type}")


def test_a_wrong_name_is_told_its_nearest(server: Server) -> None:
    problem = server.client.get("/feed.atom?region=전라복도").json()
    assert any("전북특별자치도" in near for near in problem["errors"][0]["nearest"]), problem


def test_wrong_method(server: Server) -> None:
    answer = server.client.delete("/feed.atom")
    assert (answer.status_code, answer.json()["type"]) == (405, "urn:pressrelay:problem:method-not-allowed")
    assert "GET" in answer.headers["Allow"]


def cases() -> Iterator[Any]:
    """(name, body, expected): every file in tests/rejects, and the generated ones. What is expected of `a.xml` stands in `a.json`, and
    of `a.json` in `a.problem.json`."""
    for expected in sorted(REJECTS.rglob("*.json")):
        if expected.with_name(f"{expected.stem}.problem.json").exists():
            continue  # a release in JSON
        name = expected.name.removesuffix(".json")
        file = f"{name.removesuffix('.problem')}.json" if name.endswith(".problem") else f"{name}.xml"
        yield pytest.param(
            expected.with_name(file).read_bytes,
            json.loads(expected.read_text("utf-8")),
            id=str(expected.relative_to(REJECTS).with_name(name)),
        )
    spec = importlib.util.spec_from_file_location("generated", REJECTS / "generated.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, (make, expected) in module.GENERATED.items():
        yield pytest.param(make, expected, id=name)


@pytest.mark.parametrize(("make", "expected"), list(cases()))
def test_rejects(server: Server, token: str, make: Callable[[], bytes], expected: dict[str, Any]) -> None:
    body = make()
    before = server.ready()["changes"]
    began = time.monotonic()
    headers = {"Content-Type": expected.get("content_type", "application/xml")} | expected.get("headers", {})
    answer = server.push(expected.get("token", token), body, **headers)
    assert time.monotonic() - began < 3, "an attack must not cost more than about a second"
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text[:300]
    problem = answer.json()
    assert answer.status_code == problem["status"] == expected["status"], problem
    assert problem["type"].rpartition(":")[2] == expected["type"].rpartition(":")[2], problem
    assert "Traceback" not in answer.text
    for wanted in expected.get("errors", ()):
        assert any(matches(wanted, found) for found in problem["errors"]), (wanted, problem["errors"])
    told = [json.dumps(fault) for fault in problem.get("errors", ())]
    assert len(told) == len(set(told)), "a fault is told once"
    assert server.ready()["changes"] == before


def matches(wanted: dict[str, Any], found: dict[str, Any]) -> bool:
    return all(
        any(value in near for near in found.get("nearest", ()))
        if key == "nearest" and isinstance(value, str)
        else set(value) <= set(found.get("nearest", ()))
        if key == "nearest"
        else found.get(key) == value
        if key != "reason"
        else value in found.get("reason", "")
        for key, value in wanted.items()
    )


def test_a_portal_publishes_for_registered_offices(server: Server, seed: dict[str, Any]) -> None:
    done = server.run("office", "add-korea", "--json")
    assert "mois" in json.loads(done.stdout)["added"], done.stderr
    assert json.loads(server.run("office", "add-korea", "--json").stdout)["added"] == []
    added = server.run(
        "office", "add", "portal", "--name", "정책브리핑", "--for-others", "--alias", "대한민국 정책브리핑"
    )
    assert added.returncode == 0, added.stderr
    token = server.run("token", "add", "portal").stdout.strip().splitlines()[-1]
    item = (
        "<NewsItem><NewsItemId>{0}</NewsItemId><ApproveDate>07/01/2026 09:00:00</ApproveDate><Title>제목</Title>"
        "<DataContents>본문</DataContents><MinisterCode>{1}</MinisterCode></NewsItem>"
    )
    named = ["행정안전부", "산림청", "대한민국 정책브리핑", "행정안정부"]
    body = "".join(item.format(f"portal-{number}", name) for number, name in enumerate(named))
    answer = server.push(token, f"<Syndicate>{body}</Syndicate>".encode())
    assert answer.status_code == 207, answer.text
    receipts = answer.json()["receipts"]
    assert [receipt["status"] for receipt in receipts] == [201, 201, 201, 422]
    assert receipts[3]["problem"]["errors"][0]["nearest"][0] == "mois 행정안전부"
    assert receipts[0]["id"] in feed(server, "atom", office="mois")
    assert receipts[0]["id"] not in feed(server, "atom", office="portal")
    assert receipts[2]["id"] in feed(server, "atom", office="portal")


@pytest.mark.parametrize(
    "path", RELEASES, ids=lambda path: str(path.relative_to(ROOT / "tests" / "releases").with_suffix(""))
)
def test_releases(server: Server, token: str, path: Path) -> None:
    """Each file is accepted from its own office; tests/test_dialects.py checks the articles."""
    told = path.with_suffix(".json")
    expected = json.loads(told.read_text("utf-8")) if told.exists() else {}
    offices = [msgspec.convert(expected["office"], OfficeRecord)] if "office" in expected else []
    offices += (msgspec.convert(office, OfficeRecord) for office in expected.get("offices", ()))
    own = server.save(*offices) if offices else token
    headers = {"Content-Type": expected.get("content_type", "application/xml")}
    answer = server.push(own, path.read_bytes(), **headers)
    if any("refused" in article for article in expected.get("articles", ())):
        assert answer.status_code in (207, 422), answer.text
        return
    if answer.status_code == 409 and answer.json()["type"].endswith(":changed-version"):
        return  # Another case has this guid; so check only that the file was read as one article of that version.
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize(
    ("headers", "status", "type"),
    [
        ({"Authorization": ""}, 401, "token-missing"),
        ({"Authorization": "Basic eDp5"}, 401, "token-wrong"),
        ({"Authorization": "Basic eDo="}, 401, "token-missing"),
        ({"Authorization": "Basic *"}, 401, "token-missing"),
        ({"Authorization": "Digest x"}, 401, "token-missing"),
        ({"Authorization": "Bearer pr_nobody"}, 401, "token-wrong"),
        ({"Content-Type": "image/png"}, 415, "unsupported-media-type"),
        ({"Content-Encoding": "gzip"}, 415, "content-encoding"),
        ({"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}, 400, "digest-mismatch"),
        ({"Content-Digest": "sha-256=:?:"}, 400, "bad-digest"),
    ],
)
def test_refused_by_its_headers(server: Server, token: str, headers: dict[str, str], status: int, type: str) -> None:
    answer = server.push(token, SEED.read_bytes(), **headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pressrelay:problem:{type}")
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_a_gzip_bomb_is_not_unpacked(server: Server, token: str) -> None:
    answer = server.push(token, gzip.compress(b"<a/>" * 5_000_000))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pressrelay:problem:bad-encoding")


def test_another_offices_guid_and_name_are_refused(server: Server, token: str, seed: dict[str, Any]) -> None:
    other = server.office("seoul", "서울특별시", "kr:11")
    answer = server.push(other, SEED.read_bytes())
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office")


def raw(server: Server, request: bytes, *, close: bool = True) -> tuple[int, bytes]:
    """One request as bytes, the sending side closed after it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        if close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return (int(answer.split(b" ", 2)[1]) if answer else 0), answer


def test_uploads_that_do_not_arrive_whole(server: Server, token: str) -> None:
    start = (
        "POST /releases HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: application/xml\r\nAuthorization: Bearer {token}\r\n"
    )
    body = minimal("tag:example.org,2026:cut")
    for length in (len(body) + 100, len(body) * 3):
        status, answer = raw(server, start.encode() + b"Content-Length: %d\r\n\r\n" % length + body)
        assert status in (0, 400), answer
    status, answer = raw(server, start.encode() + b"\r\n", close=False)
    assert (status, b"length-required" in answer) == (411, True)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body
    for end in (b"\r\n0\r\n\r\n", b"", b"\r\nzz\r\n"):
        status, answer = raw(server, start.encode() + chunked + end)
        assert status in (0, 400, 411), answer
    assert b"fresh-cut" not in server.client.get("/feed.atom").content
    assert "2026:cut" not in feed(server, "atom")


def test_pages(server: Server, seed: dict[str, Any]) -> None:
    korean = server.client.get("/", headers={"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.5"})
    english = server.client.get("/", headers={"Accept-Language": "en"})
    assert korean.headers["Content-Language"] == "ko" and "최신 보도자료" in korean.text
    assert english.headers["Content-Language"] == "en" and "Latest releases" in english.text
    for format in FORMATS:
        assert '<link rel="alternate" type="' in korean.text and f"{server.url}/feed.{format}" in korean.text
    assert "/regions/kr:52" in korean.text
    assert HEADLINE in server.client.get("/", params={"region": "kr:45"}).text
    assert "<script" not in korean.text
    page = server.client.get(f"/articles/{seed['id']}", headers={"Accept-Language": "ko"})
    assert "2021. 3. 9.(화) 20:15" in page.text
    assert HEADLINE in page.text and "강승구 전북도 기획조정실장" in page.text
    assert server.client.get(f"/articles/{seed['id']}.xml").content == SEED.read_bytes()
    assert server.client.get(f"/articles/{seed['id']}.json").json()["headline"] == HEADLINE


def test_an_embargo_is_nowhere_until_it_lifts_by_itself(server: Server, token: str) -> None:
    from datetime import UTC, datetime, timedelta

    lifts = datetime.now(UTC) + timedelta(seconds=2)
    guid = "tag:example.org,2026:lifts-by-itself"
    source = minimal(guid).decode()
    issued_end = source.index("</issued>") + len("</issued>")
    source = source[:issued_end] + f"<embargo until='{lifts.isoformat()}'/>" + source[issued_end:]
    answer = server.push(token, source.encode())
    assert answer.status_code == 201, answer.text
    id = answer.json()["id"]
    doors = [
        "/",
        *(f"/feed.{format}" for format in FORMATS),
        "/feed.json?q=최소한",
        "/feed.atom/archive",
        "/changes",
        "/feeds.opml",
        "/sitemap.xml",
        f"/sitemap.xml?from={store.micros(datetime.now(UTC)) // BLOCK * BLOCK}",
        "/sitemap-news.xml",
        f"/articles/{id}",
        *(f"/articles/{id}.{format}" for format in ("json", "newsml", "nitf", "ninjs", "xml", "hwpx", "pdf")),
    ]
    while datetime.now(UTC) < lifts - timedelta(seconds=0.3):
        for door in doors:
            answer = server.client.get(door)
            shown = guid in answer.text or (id in answer.text)
            assert not (shown and datetime.now(UTC) < lifts), door
    while id not in feed(server, "atom"):
        assert datetime.now(UTC) < lifts + timedelta(seconds=1), "lifts within a second of its time"
    assert server.client.get(f"/articles/{id}").status_code == 200


def test_a_release_of_many_articles(server: Server, token: str) -> None:
    text = minimal("tag:example.org,2026:many-0").decode()
    start, end = text.index("<article"), text.index("</article>") + len("</article>")
    one = text[start:end]
    several = "".join(one.replace("many-0", f"many-{n}") for n in range(3))
    bad = several.replace("<issued>2", "<issued>x2", 1)
    mixed = server.push(token, (text[:start] + bad + text[end:]).encode())
    assert mixed.status_code == 207, mixed.text
    assert [receipt["status"] for receipt in mixed.json()["receipts"]] == [422, 201, 201]
    assert mixed.json()["receipts"][0]["problem"]["errors"][0]["path"].startswith("/release/article[1]")
    whole = server.push(token, (text[:start] + several + text[end:]).encode())
    assert [receipt["status"] for receipt in whole.json()["receipts"]] == [201, 200, 200]


def test_push_command(server: Server, token: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(minimal("tag:example.org,2026:command"))
    bad.write_bytes(minimal("tag:example.org,2026:command-bad").replace(b"<issued>", b"<issued>x"))
    done = server.run("push", "--url", server.url, "--token", token, str(good))
    assert done.returncode == 0 and "201 tag:example.org,2026:command version 1" in done.stdout, done.stderr
    done = server.run("push", "--url", server.url, "--token", token, str(good), str(bad))
    assert done.returncode == 1 and "/release/article" in done.stderr, done.stderr
    done = server.run("push", "--url", "http://127.0.0.1:1", "--token", token, "--retries", "1", str(good))
    assert done.returncode == 1 and "does not answer" in done.stderr and "Traceback" not in done.stderr


def test_commands_speak_in_sentences(server: Server) -> None:
    for words, said in [
        (("office", "add", "Not A Code", "--name", "x"), "cannot be used as an office code"),
        (("office", "add", "x", "--name", "x", "--region", "전라복도"), "is not a known region"),
        (("token", "add", "nobody"), "There is no office 'nobody'"),
    ]:
        done: subprocess.CompletedProcess[str] = server.run(*words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    done = server.run("office", "add", "busan", "--name", "부산광역시", "--region", "kr:26")
    assert done.returncode == 0
    done = server.run("token", "add", "busan")
    token = done.stdout.strip().splitlines()[-1]
    assert server.push(token, b"<x/>").status_code == 422
    assert json.loads(server.run("token", "add", "busan", "--json").stdout)["token"].startswith("pr_")
    told = server.run("doctor").stdout.splitlines()
    # Other tests of this server lifted embargoes before their time, so its clock seems to be behind.
    assert len(told) > 8 and not [line for line in told if not line.startswith("ok") and " clock: " not in line], told
    assert server.run("db", "upgrade").returncode == 0


def test_one_release_in_several_dialects_is_one_article(server: Server, token: str) -> None:
    """What was pushed in our own dialect, sent again as an Atom entry and as NewsML-G2: the same receipt; other words: refused."""
    article = replace(
        sample(1, "Lead.", guid="tag:example.org,2026:dialects", lang="en"), office=Office("jeonbuk", "전북특별자치도")
    )
    first = server.push(token, press_release.render_article(article))
    assert first.status_code == 201, first.text
    for body in (atom.entry(article), render(newsml, sample_feed(article))):
        again = server.push(token, body)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"]), again.text
        assert again.json()["version"] == 1
    for written in (atom.entry, lambda one: render(newsml, sample_feed(one))):
        other = server.push(token, written(replace(article, headline="Other words")))
        assert (other.status_code, other.json()["type"]) == (409, "urn:pressrelay:problem:changed-version")


def test_routes_that_were_made_ahead_are_those_of_one_application(tmp_path: Path) -> None:
    """The web workers are forked from a process that has made them."""
    engine = store.connect(f"sqlite:///{tmp_path}/pressrelay.db")
    store.upgrade(engine)
    engine.dispose()
    ahead = prepare()
    assert prepare() is ahead and len(list(ahead.url_map.iter_rules())) > 150
    settings = [Settings(data_dir=str(tmp_path), site_name=name, hot_memory=0) for name in ("One", "Two")]
    first, second = map(create_app, settings)
    assert first is ahead and second is not ahead, "the next one makes its own"
    for app, name in ((first, "One"), (second, "Two")):
        with app.test_client() as client:
            assert f"<title>{name}</title>" in client.get("/feed.rss").get_data(as_text=True)
            assert client.post("/people", headers={"Origin": "http://elsewhere.example"}).status_code == 403
