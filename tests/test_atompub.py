"""The Atom Publishing Protocol (RFC 5023) over sockets, as a client uses it."""

import base64
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from lxml import etree

from app.accounts.offices import OfficeRecord
from tests.conftest import ROOT, Server

ATOM, APP = "{http://www.w3.org/2005/Atom}", "{http://www.w3.org/2007/app}"
TYPE = "application/atom+xml;type=entry"


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("gangwon", "강원특별자치도", "kr:51")


@pytest.fixture(scope="module")
def client(server: Server, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, auth=("editor", token), trust_env=False, timeout=30) as client:
        yield client


def entry(guid: str, **changes: str) -> bytes:
    text = (
        '<entry xmlns="http://www.w3.org/2005/Atom" xml:lang="ko">'
        f"<id>{guid}</id><title>산불 조심 기간을 정하다</title><updated>2026-03-02T09:00:00+09:00</updated>"
        "<author><name>산림과</name></author><summary>11월부터 입산을 통제한다.</summary>"
        '<content type="html">&lt;p>강원특별자치도는 산불 조심 기간을 정했다.&lt;/p></content>'
        '<category term="kr:51" scheme="urn:pressrelay:region:"/></entry>'
    )
    for old, new in changes.items():
        text = text.replace(old, new)
    return text.encode()


def post(client: httpx.Client, guid: str, **headers: str) -> httpx.Response:
    return client.post("/atompub/gangwon/", content=entry(guid), headers={"Content-Type": TYPE, **headers})


def test_a_client_finds_its_way_from_the_service_document(client: httpx.Client, server: Server) -> None:
    answer = client.get("/atompub")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/atomsvc+xml; charset=utf-8")
    service = etree.fromstring(answer.content)
    (collection,) = service.findall(f"{APP}workspace/{APP}collection")
    assert collection.get("href") == f"{server.url}/atompub/gangwon/"
    assert collection.findtext(f"{ATOM}title") == "강원특별자치도"
    assert collection.findtext(f"{APP}accept") == TYPE
    known: dict[str, str] = {}
    for reference in collection.findall(f"{APP}categories"):
        answer = httpx.get(reference.get("href"), trust_env=False)
        assert answer.headers["Content-Type"] == "application/atomcat+xml; charset=utf-8"
        listed = etree.fromstring(answer.content)
        assert listed.get("fixed") == "no" and listed.get("scheme")
        known |= {category.get("term"): category.get("label") for category in listed}
    assert known["kr:52"] == "전북특별자치도" and known["medtop:20000498"] == "시상·수상" and "brm11" in known
    assert "kr:45" not in known, "codes that ended are not offered"


def test_post_get_put_delete(client: httpx.Client, server: Server) -> None:
    guid = "tag:gangwon.example,2026:round"
    created = post(client, guid, Slug="%EC%82%B0%EB%B6%88%20%EC%A1%B0%EC%8B%AC")
    assert created.status_code == 201, created.text
    url = created.headers["Location"]
    assert created.headers["Content-Location"] == url
    id = url.rpartition("/")[2]
    assert httpx.get(f"{server.url}/articles/{id}.json", trust_env=False).json()["slugline"] == "산불 조심"
    assert "산불 조심 기간을 정하다" in httpx.get(f"{server.url}/feed.atom?office=gangwon", trust_env=False).text
    assert post(client, guid).status_code == 200, "the same again is nothing new"

    member = client.get(url)
    assert member.headers["ETag"] == created.headers["ETag"] and member.content == created.content
    assert client.get(url, headers={"If-None-Match": member.headers["ETag"]}).status_code == 304
    read = etree.fromstring(member.content)
    assert read.find(f"{ATOM}link[@rel='edit']").get("href") == url
    assert read.findtext(f"{APP}edited")

    changed = member.content.replace("기간을 정하다".encode(), "기간을 늘리다".encode())
    headers = {"Content-Type": TYPE, "If-Match": member.headers["ETag"]}
    put = client.put(url, content=changed, headers=headers)
    assert put.status_code == 200, put.text
    article = httpx.get(f"{server.url}/articles/{id}.json", trust_env=False).json()
    assert (article["headline"], article["slugline"]) == ("산불 조심 기간을 늘리다", "산불 조심")
    late = client.put(url, content=member.content, headers=headers)
    assert (late.status_code, late.json()["type"]) == (412, "urn:pressrelay:problem:edited-meanwhile")
    assert client.get(url).headers["ETag"] == put.headers["ETag"] != member.headers["ETag"]
    unchanged = client.put(url, content=put.content, headers={"Content-Type": TYPE, "If-Match": put.headers["ETag"]})
    assert unchanged.status_code == 200 and unchanged.headers["ETag"] == put.headers["ETag"]
    assert client.delete(url, headers={"If-Match": member.headers["ETag"]}).status_code == 412

    assert client.delete(url, headers={"If-Match": put.headers["ETag"]}).status_code == 204
    assert httpx.get(f"{server.url}/articles/{id}", trust_env=False).status_code == 410
    assert id not in httpx.get(f"{server.url}/feed.atom?office=gangwon", trust_env=False).text
    assert client.delete(url).status_code == 204, "what is canceled stays canceled"
    assert client.get(url).status_code == 200, "its office still sees it"
    again = client.put(url, content=changed, headers={"Content-Type": TYPE})
    assert again.status_code == 200, again.text
    assert id in httpx.get(f"{server.url}/feed.atom?office=gangwon", trust_env=False).text


def test_of_two_corrections_at_once_one_wins(client: httpx.Client, server: Server, token: str) -> None:
    created = post(client, "tag:gangwon.example,2026:race")
    url, etag = created.headers["Location"], created.headers["ETag"]
    for turn in range(5):
        statuses: list[int] = []
        start = threading.Barrier(2)

        def put(word: str, etag: str = etag, statuses: list[int] = statuses, start: Any = start) -> None:
            with httpx.Client(auth=("", token), trust_env=False, timeout=30) as own:
                body = created.content.replace("통제한다".encode(), word.encode())
                start.wait(10)
                answer = own.put(url, content=body, headers={"Content-Type": TYPE, "If-Match": etag})
                statuses.append(answer.status_code)

        threads = [threading.Thread(target=put, args=(f"{word}{turn}",)) for word in ("막는다", "금한다")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(statuses) == [200, 412]
        etag = client.get(url).headers["ETag"]


def test_the_collection_is_walked_page_by_page(client: httpx.Client, server: Server) -> None:
    for number in range(60):
        assert post(client, f"tag:gangwon.example,2026:page-{number}").status_code == 201
    seen: list[str] = []
    edited: list[str] = []
    url = f"{server.url}/atompub/gangwon/"
    for _ in range(10):
        page = etree.fromstring(client.get(url).content)
        assert page.find(f"{ATOM}link[@rel='self']").get("href") == url
        seen += [found.findtext(f"{ATOM}id") for found in page.findall(f"{ATOM}entry")]
        edited += [found.findtext(f"{APP}edited") for found in page.findall(f"{ATOM}entry")]
        following = page.find(f"{ATOM}link[@rel='next']")
        if following is None:
            break
        url = following.get("href")
    assert len(seen) == len(set(seen))
    assert {f"tag:gangwon.example,2026:page-{number}" for number in range(60)} <= set(seen)
    assert [datetime.fromisoformat(one) for one in edited] == sorted(map(datetime.fromisoformat, edited), reverse=True)


def test_an_embargo_is_seen_by_its_own_office_alone(client: httpx.Client, server: Server) -> None:
    guid = "tag:gangwon.example,2026:embargo"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    embargo = f'<p:embargo xmlns:p="urn:pressrelay:press-release:1" until="{until}"/></entry>'
    body = entry(guid, **{"</entry>": embargo})
    created = client.post("/atompub/gangwon/", content=body, headers={"Content-Type": TYPE})
    assert created.status_code == 201, created.text
    assert created.headers["Cache-Control"] == "private, no-store"
    url = created.headers["Location"]
    assert guid in client.get("/atompub/gangwon/").text and until[:16] in client.get(url).text
    other = server.office("chungbuk", "충청북도", "kr:43")
    for address in ("/atompub/gangwon/", url):
        answer = client.get(address, auth=("", other))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office")
        assert httpx.get(f"{server.url}/atompub/gangwon/", trust_env=False).status_code == 401
    assert guid not in httpx.get(f"{server.url}/feed.atom", trust_env=False).text


def test_a_collection_holds_its_own_office_alone(client: httpx.Client, server: Server) -> None:
    """An office publishes for others with POST /releases: here, the member would be in a collection that its sender cannot read."""
    portal = server.save(OfficeRecord("atom-portal", "포털", others=True), OfficeRecord("atom-mois", "아톰부"))
    named = {"</entry>": '<p:office xmlns:p="urn:pressrelay:press-release:1">atom-mois</p:office></entry>'}
    body = entry("tag:portal.example,2026:for-another", **named)
    before = server.ready()["changes"]
    answer = client.post("/atompub/gangwon/", content=body, headers={"Content-Type": TYPE})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office")
    assert "This token publishes for 'gangwon'" in answer.json()["errors"][0]["reason"]
    own = client.post(
        "/atompub/atom-portal/",
        content=entry("tag:portal.example,2026:own"),
        headers={"Content-Type": TYPE},
        auth=("", portal),
    )
    assert own.status_code == 201, own.text
    sent = entry("tag:portal.example,2026:own", **named)
    for method, url, content in (
        ("POST", "/atompub/atom-portal/", body),
        ("PUT", own.headers["Location"], sent),
    ):
        answer = client.request(method, url, content=content, headers={"Content-Type": TYPE}, auth=("", portal))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office"), answer.text
        assert "'atom-portal'" in answer.json()["detail"] and "POST /releases" in answer.json()["detail"]
    assert server.ready()["changes"] == before + 1
    assert server.push(portal, body).status_code == 201


@pytest.mark.parametrize("way", ["releases", "atompub"])
def test_what_is_rendered_here_is_the_same_article_sent_again(server: Server, way: str) -> None:
    """Our own dialect first, then the server's Atom entry and its NewsML-G2: the same receipt, and nothing changes."""
    token = server.office()
    first = server.push(token, (ROOT / "tests" / "releases" / "everything.xml").read_bytes())
    before = server.ready()["changes"]
    for receipt in first.json()["receipts"]:
        with httpx.Client(base_url=server.url, auth=("", token), trust_env=False, timeout=30) as own:
            member = own.get(f"/atompub/jeonbuk/{receipt['id']}")
            assert member.status_code == 200
            if way == "atompub":
                again = own.post("/atompub/jeonbuk/", content=member.content, headers={"Content-Type": TYPE})
                assert (again.status_code, again.headers["Location"]) == (200, str(member.url)), again.text
                assert again.content == member.content
                continue
        newsml = server.client.get(f"/articles/{receipt['id']}.newsml")
        for body in (member.content, newsml.content):
            again = server.push(token, body)
            assert again.status_code == 200, again.text
            assert again.json() == receipt | {"status": 200, "index": 1}
    assert server.ready()["changes"] == before


@pytest.mark.parametrize(
    ("body", "type", "status", "problem"),
    [
        (b"<entry", TYPE, 400, "not-well-formed"),
        (b"", TYPE, 400, "empty-body"),
        (entry("tag:x"), "image/png", 415, "unsupported-media-type"),
        (entry("tag:x").replace(b"<title>", b"<title type='html'>&lt;br/&gt;<!-- "), TYPE, 400, "not-well-formed"),
        (
            re.sub(rb"<title>.*</title>|<content.*</content>|<summary.*</summary>", b"", entry("tag:x")),
            TYPE,
            422,
            "invalid-release",
        ),
        (entry("tag:x").replace(b"2026-03-02T09", b"2026-13-02T09"), TYPE, 422, "invalid-release"),
        (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:f</id><title>f</title><updated>2026-01-01T00:00:00Z</updated>'
            + entry("tag:gangwon.example,2026:one")
            + entry("tag:gangwon.example,2026:two")
            + b"</feed>",
            TYPE,
            422,
            "one-article",
        ),
    ],
)
def test_bad_entries(client: httpx.Client, server: Server, body: bytes, type: str, status: int, problem: str) -> None:
    before = server.ready()["changes"]
    answer = client.post("/atompub/gangwon/", content=body, headers={"Content-Type": type})
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pressrelay:problem:{problem}"), answer.text
    assert server.ready()["changes"] == before


def test_what_an_entry_lacks_is_assigned(client: httpx.Client, server: Server) -> None:
    """RFC 5023, section 9.2: the server assigns id and updated."""
    headers = {"Content-Type": TYPE}
    bare = re.sub(rb"<(id|updated|published)>.*?</\1>", b"", entry("tag:x"))
    assert b"<id>" not in bare and b"<updated>" not in bare
    made = client.post("/atompub/gangwon/", content=bare, headers=headers)
    assert made.status_code == 201, made.text
    assert client.post("/atompub/gangwon/", content=bare, headers=headers).status_code == 200, "the same entry again"
    member = made.headers["Location"]
    found = etree.fromstring(made.content)
    id, updated = (found.findtext(f"{{http://www.w3.org/2005/Atom}}{name}") or "" for name in ("id", "updated"))
    assert id.startswith("urn:uuid:") and datetime.fromisoformat(updated) <= datetime.now(UTC)
    corrected = client.put(member, content=bare.replace(b"<title>", b"<title>New "), headers=headers)
    assert corrected.status_code == 200 and id.encode() in corrected.content and b"New " in corrected.content
    empty = bare.replace(b"<title>", b"<id/><updated></updated><title>Empty ")
    assert client.post("/atompub/gangwon/", content=empty, headers=headers).status_code == 201


def test_bad_corrections(client: httpx.Client, server: Server) -> None:
    url = post(client, "tag:gangwon.example,2026:bad").headers["Location"]
    answer = client.put(url, content=entry("tag:gangwon.example,2026:other"), headers={"Content-Type": TYPE})
    assert answer.status_code == 422 and "which cannot change" in answer.json()["errors"][0]["reason"], answer.text
    nowhere = f"{server.url}/atompub/gangwon/{'a' * 26}"
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, nowhere, content=entry("tag:x"), headers={"Content-Type": TYPE})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:pressrelay:problem:unknown-article")
    wrong = {"Authorization": "Basic " + base64.b64encode(b"editor:pr_nobody").decode()}
    answer = httpx.get(url, headers=wrong, trust_env=False)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:pressrelay:problem:token-wrong")
    assert "Basic" in answer.headers["WWW-Authenticate"]
