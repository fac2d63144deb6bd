"""Rules for every address of the server: no page of another site can use it, it redirects to no other site, and its headers say how
a browser must treat the answer."""

import base64
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import store
from app.accounts.rights import OutletRecord
from app.deliveries import links
from app.errors import Misconfigured
from app.settings import load
from app.web import crosssite, protection
from app.web.conditional import ON_304
from app.web.origin import origin_of
from tests.conftest import ROOT, Server
from tests.doors import HTTPS, behind_https, doors, knock

UNSAFE = ("POST", "PUT", "PATCH", "DELETE", "PROPFIND")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0"
EVIL = "evil.example"
FORM = "application/x-www-form-urlencoded"


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"desk:{token}".encode()).decode()}


KEPT = basic("a-token-that-the-browser-keeps")
# The headers that browsers send for another site's page, and what proxies leave of them.
CROSS: dict[str, dict[str, str]] = {
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "a sister's": {"Sec-Fetch-Site": "same-site"},
    "unknown": {"Sec-Fetch-Site": "elsewhere"},
    "both": {"Sec-Fetch-Site": "cross-site", "Origin": HTTPS},
    "origin": {"Origin": "https://evil.example"},
    "null": {"Origin": "null"},
    "empty": {"Origin": ""},
    "http": {"Origin": "http://press.example.org"},
    "port": {"Origin": "https://press.example.org:8443"},
    "longer": {"Origin": "https://press.example.org.evil.example"},
    "twice": {"Origin": f"{HTTPS}, https://evil.example"},
    "old": {"User-Agent": FIREFOX},
    "old, with the token": {"User-Agent": FIREFOX, **KEPT},
    "old, as XML": {"User-Agent": FIREFOX, "Content-Type": "application/xml", **KEPT},
    "older": {"User-Agent": "Opera/9.80 (X11; Linux) Presto/2.12.388"},
    "MSIE": {"User-Agent": "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2)"},
    "stripped": {"User-Agent": "proxy", "Content-Type": FORM, **KEPT},
    "stripped, text": {"User-Agent": "proxy", "Content-Type": "text/plain", **KEPT},
    "stripped, with files": {"User-Agent": "proxy", "Content-Type": "multipart/form-data; boundary=x", **KEPT},
    "stripped, a cookie": {"User-Agent": "proxy", "Content-Type": FORM, "Cookie": "a=b"},
    "nothing but the token": {"User-Agent": "", **KEPT},
    "a robot that keeps": {"User-Agent": "Mozilla/5.0 (compatible; Robot/1.0)", **KEPT},
}
# The headers that our own pages and programs send.
OURS: dict[str, dict[str, str]] = {
    "same-origin": {"Sec-Fetch-Site": "same-origin", "Origin": HTTPS, "User-Agent": FIREFOX, **KEPT},
    "typed": {"Sec-Fetch-Site": "none", "User-Agent": FIREFOX, **KEPT},
    "origin": {"Origin": HTTPS, "User-Agent": FIREFOX, "Content-Type": FORM, **KEPT},
    "upper case": {"Origin": "HTTPS://PRESS.EXAMPLE.ORG"},
    "curl": {"User-Agent": "curl/8.5.0", **KEPT},
    "AtomPub": {"User-Agent": "python-httpx/0.28", "Content-Type": "application/atom+xml;type=entry", **KEPT},
    "WebSub": {"User-Agent": "FreshRSS/1.24", "Content-Type": FORM},
    "a robot": {"User-Agent": "Mozilla/5.0 (compatible; Reader/1.0; +https://reader.example)", "Content-Type": FORM},
    "Bearer": {
        "User-Agent": "curl/8.5.0",
        "Content-Type": "multipart/form-data; boundary=x",
        "Authorization": "Bearer x",
    },
    "PowerShell": {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) WindowsPowerShell/5.1", "Authorization": "Bearer x"},
    "signed": {"User-Agent": FIREFOX, "Signature-Input": "sig=()", "Signature": "sig=:eA==:"},
    "no name": {"User-Agent": "", "Content-Type": "application/xml", **KEPT},
}


@pytest.fixture(scope="module")
def app(server: Server) -> Iterator[Flask]:
    made = behind_https(server)
    yield made
    made.extensions["pressrelay"].engine.dispose()


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("doors", "문지기청", "kr:50")


def release(name: str, embargo: str = "") -> bytes:
    return (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="en"><article version="1">'
        f"<guid>tag:doors,2026:{name}</guid><issued>2026-03-09T10:00:00+09:00</issued>{embargo}"
        f"<headline>{name}</headline><body><p>Text.</p></body></article></release>"
    ).encode()


def refused(answer: Any) -> bool:
    return answer.status_code == 403 and "problem:cross-site" in answer.get_data(as_text=True)


def unsafe(app: Flask, turn: int, turns: int) -> Iterator[tuple[str, str]]:
    """Path and method: every unsafe method that a route takes, and in this of so many turns some of those that it does not take. All
    turns together have every unsafe method of every route."""
    number = 0
    for _, path, methods in doors(app):
        for method in UNSAFE:
            number += 1
            if method in methods or number % turns == turn:
                yield path, method


# Another site's page


@pytest.mark.parametrize("ways", [CROSS, OURS], ids=["cross", "ours"])
def test_no_door_is_left_out(app: Flask, ways: dict[str, dict[str, str]]) -> None:
    asked = {door for turn in range(len(ways)) for door in unsafe(app, turn, len(ways))}
    assert asked == {(path, method) for _, path, _ in doors(app) for method in UNSAFE}


@pytest.mark.parametrize("how", CROSS)
def test_no_other_sites_page_changes_anything(app: Flask, client: FlaskClient, how: str) -> None:
    asked, open_ = 0, {("POST", path) for endpoint, path, _ in doors(app) if endpoint in crosssite.OPEN}
    for path, method in unsafe(app, list(CROSS).index(how), len(CROSS)):
        answer = knock(client, method, path, headers={"Content-Type": FORM, **CROSS[how]})
        if how == "nothing but the token":  # and no type either
            answer = knock(client, method, path, headers=CROSS[how])
        assert refused(answer) == ((method, path) not in open_), (method, path, answer.status_code)
        asked += 1
    assert asked > 100
    assert refused(client.post("/no/such/path", headers={"Content-Type": FORM, **CROSS[how]})) or how.startswith(
        "nothing"
    )


@pytest.mark.parametrize("how", OURS)
def test_our_own_pages_and_programs_go_on(app: Flask, client: FlaskClient, how: str) -> None:
    for path, method in unsafe(app, list(OURS).index(how), len(OURS)):
        answer = knock(client, method, path, headers=OURS[how])
        assert not refused(answer), (method, path)
        assert answer.status_code < 500, (method, path)


def test_only_leaving_alerts_is_open_to_all_pages() -> None:
    assert sorted(crosssite.OPEN) == ["alerts.leave"]


def test_the_refusal_says_what_was_found_and_what_to_do(client: FlaskClient) -> None:
    said = client.post("/subscriptions", headers={"Origin": "https://evil.example"}).get_json()
    assert said["type"] == "urn:pressrelay:problem:cross-site"
    assert said["detail"] == (
        "Origin is 'https://evil.example', not 'https://press.example.org'. In a browser, use the pages of this server under its own"
        " address, https://press.example.org (PRESSRELAY_BASE_URL). In a program, send the token as Authorization: Bearer."
    )
    page = client.post("/subscriptions", headers={"Sec-Fetch-Site": "cross-site", "Accept": "text/html"})
    assert page.status_code == 403 and page.mimetype == "text/html"


def test_a_hold_is_not_lifted_and_nothing_published_by_another_site(server: Server, token: str) -> None:
    held = server.push(token, release("held", "<embargo held='true'/>")).json()
    path = f"/articles/{held['id']}/release"
    page = {"User-Agent": FIREFOX, "Origin": "http://evil.example", **basic(token)}
    files = {"release": ("a.xml", release("by another site"), "application/xml")}
    assert server.client.post(path, data={"a": "b"}, headers=page).status_code == 403
    assert server.client.post("/releases", files=files, headers=page).status_code == 403
    assert server.client.delete(f"/articles/{held['id']}?reason=x", headers=page).status_code == 403
    assert server.client.get(f"/articles/{held['id']}").status_code == 404
    assert "by another site" not in server.client.get("/feed.atom").text
    own = page | {"Origin": server.url}
    assert server.client.post(path, data={"a": "b"}, headers=own).status_code == 200
    assert server.client.get(f"/articles/{held['id']}").status_code == 200


def test_alerts_end_with_one_click_wherever_the_mail_is_read(app: Flask, client: FlaskClient) -> None:
    context = app.extensions["pressrelay"]
    one = store.deliveries.Subscription(
        kind="email", target="a@b.example", topic="", query="", format="email", host="b.example"
    )
    link = links.leaving(context, one)
    for headers in ({"User-Agent": ""}, {"Origin": "https://webmail.example", "Sec-Fetch-Site": "cross-site"}):
        answer = client.post(
            "/alerts/unsubscribe", query_string={"token": link}, data={"List-Unsubscribe": "One-Click"}, headers=headers
        )
        assert answer.status_code == 200
        assert client.post("/alerts/unsubscribe", query_string={"token": "x"}, headers=headers).status_code == 403


def test_what_a_browser_keeps_is_not_meant_for_parts_of_other_pages(
    server: Server, token: str, client: FlaskClient
) -> None:
    engine = server.engine()
    store.accounts.save_outlet(engine, OutletRecord("doors-daily", "Daily"), datetime.now(UTC))
    secret = store.accounts.new_token(engine, "", "", datetime.now(UTC), role="outlet", outlet="doors-daily")
    id = server.push(token, release("early", "<embargo until='2099-01-01T00:00:00Z'/>")).json()["id"]

    def seen() -> int:
        return len(store.audit.records(engine, article=id, action="read", after=0, limit=100))

    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    picture = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    for path, closed in (("/feed.atom?status=embargoed&office=doors", 401), (f"/articles/{id}", 404)):
        before = seen()
        for part in (picture, frame):
            assert knock(client, "GET", path, headers=basic(secret) | part).status_code == closed
        assert seen() == before, "nobody has read it"
        assert knock(client, "GET", path, headers=basic(secret) | link).status_code == 200
        assert seen() == before + 1
    engine.dispose()


def test_no_get_changes_anything(app: Flask, client: FlaskClient, token: str) -> None:
    """Programs follow links in mails, and browsers follow links of any page."""
    context = app.extensions["pressrelay"]
    engine = context.engine
    one = store.deliveries.Subscription(
        kind="email", target="get@b.example", topic=f"{HTTPS}/", query="", format="email", host="b.example", lang="ko"
    )
    one = store.deliveries.save_subscription(engine, one, (("*", "*"),), datetime.now(UTC))
    asking = store.deliveries.Subscription(
        kind="email", target="new@b.example", topic="", query="", format="email", host="", lang="ko"
    )
    pages = (
        f"/alerts/confirm?token={links.confirming(context, asking)}",
        f"/alerts/unsubscribe?token={links.leaving(context, one)}",
    )

    def state() -> Any:
        return store.articles.newest_seq(engine), store.deliveries.find_subscriptions(engine, limit=1000)

    before = state()
    for headers in ({}, basic(token), {"Accept": "text/html", **basic(token)}):
        for path in (*pages, *(path for _, path, methods in doors(app, name=one.name) if "GET" in methods)):
            for method in ("GET", "HEAD", "OPTIONS"):
                assert knock(client, method, path, headers=headers).status_code < 500
    assert state() == before
    store.deliveries.end_subscription(engine, one.id, "test", datetime.now(UTC))


def test_no_answer_lets_another_site_read_with_what_a_browser_keeps(
    app: Flask, client: FlaskClient, token: str
) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors",
        **basic(token),
    }
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
    for _, path, _ in doors(app):
        answer = knock(client, "GET", path, headers=headers)
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers.get("Access-Control-Allow-Origin", "*") == "*", (
            "with which no browser sends what it keeps"
        )
        before = knock(client, "OPTIONS", path, headers=headers | asked).headers
        assert "POST" not in before.get("Access-Control-Allow-Methods", "")
        assert "authorization" not in before.get("Access-Control-Allow-Headers", "").lower()


# Where answers lead

READ = re.compile(
    r"\brequest\.(host|host_url|url|url_root|base_url|root_url|scheme|is_secure)\b|_external=|\bredirect\("
)
FIELDS = re.compile(r"\brequest\.(form|files|values|json|get_json)\b")


def test_nothing_reads_the_address_or_the_fields_of_a_request_by_itself() -> None:
    """Both are decided at one place each: an address by app/web/origin.py, what a form may hold by app/web/forms.py."""
    for file in (ROOT / "app" / "routes").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not READ.search(text), file.name
        assert file.name == "forms.py" or not FIELDS.search(text), file.name


ABSOLUTE = re.compile(r"https?://[^\s\"'<>,;]+")
ODD = (
    "",  # each slash twice
    "/{}",
    "//{}",
    "/{}/",
    "/{}//",
    "//evil.example/{}",
    "/evil.example//{}",
    "/%2F{}",
    "/./{}",
    "/\\evil.example/{}",
    "/{};a",
)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"Host": EVIL}, marks=pytest.mark.slow),
        pytest.param({"Host": f"press.example.org@{EVIL}:8080"}, marks=pytest.mark.slow),
        {
            **{"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil.example"},
            **{
                "Forwarded": f"host={EVIL};proto=http",
                "X-Original-URL": "//evil.example/",
                "X-Rewrite-URL": "//evil.example/",
            },
        },
    ],
    ids=["host", "user", "forwarded"],
)
def test_answers_lead_to_the_public_address_only(
    app: Flask, client: FlaskClient, token: str, forged: dict[str, str]
) -> None:
    redirects = 0
    for _, path, methods in doors(app):
        for odd in ODD:
            target = odd.format(path.lstrip("/")) if odd else path.replace("/", "//")
            for method in methods - ({"OPTIONS"} if odd in ODD[:3] else {"OPTIONS", "HEAD"}):
                headers = {"Authorization": f"Bearer {token}", "Accept": "text/html", **forged}
                answer = knock(client, method, target, headers=headers)
                said = answer.headers.get("Location", "")
                redirects += 300 <= answer.status_code < 400
                assert said == "" or said.startswith(f"{HTTPS}/"), (method, target, said)
                told = f"{answer.headers} {answer.get_data(as_text=True)}".replace(target.lstrip("/"), "")
                assert f"//{EVIL}" not in told and f"@{EVIL}" not in told and f"{EVIL}:" not in told, (method, target)
                for name in ("Location", "Content-Location", "Link"):
                    for url in ABSOLUTE.findall(answer.headers.get(name, "")):
                        assert url.startswith(HTTPS), (method, target, name, url)
    assert redirects > 30


@pytest.mark.parametrize(
    "line",
    [
        "GET /f//x.atom HTTP/1.1",
        "GET /atompub/doors HTTP/1.1",
        "GET http://evil.example/f//x.atom HTTP/1.1",
        "GET http://evil.example/atompub/doors HTTP/1.1",
        "GET //evil.example/feeds HTTP/1.1",
        "GET //evil.example/atompub//doors HTTP/1.1",
        "GET /f//x.atom HTTP/1.0",
    ],
)
def test_no_socket_leads_elsewhere(server: Server, line: str) -> None:
    for host in (EVIL, f"{EVIL}:80", "a b", "\xff", ""):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(f"{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        assert EVIL not in answer.replace("/evil.example/", ""), answer
        said = re.findall(r"(?i)^location: (\S*)", answer, re.MULTILINE)
        assert all(where.startswith(f"{server.url}/") for where in said), said


def test_the_pages_own_forms_lead_to_the_public_address(app: Flask, client: FlaskClient) -> None:
    context = app.extensions["pressrelay"]
    secret = store.accounts.new_token(context.engine, "", "s", datetime.now(UTC), role="admin")
    one = store.deliveries.Subscription(
        kind="webhook",
        target="https://a.example/",
        topic=f"{HTTPS}/feed.json",
        query="",
        format="json",
        host="a.example",
    )
    one = store.deliveries.save_subscription(context.engine, one, (("*", "*"),), datetime.now(UTC))
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Host": EVIL, **basic(secret)}
    for action, where in (("pause", f"/subscriptions/{one.name}"), ("end", "/subscriptions")):
        answer = client.post(f"/subscriptions/{one.name}/{action}", headers=headers)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{HTTPS}{where}")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Press.example.org", "https://press.example.org"),
        ("https://press.example.org:443/press", "https://press.example.org"),
        ("http://press.example.org:80", "http://press.example.org"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_origins_as_browsers_write_them(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    ["https://한국.kr", "https://a:b@c.example", "https://a.example/?b=c", "https://", "https://a\r\nb: c", "ftp://a"],
)
def test_a_base_url_that_could_not_stand_in_a_header(url: str) -> None:
    with pytest.raises(Misconfigured, match="PRESSRELAY_BASE_URL must be an http or https URL"):
        load({"PRESSRELAY_BASE_URL": url})


# What browsers are told


def guarded(headers: Any, *, https: bool, framed: bool = False) -> None:
    """One set of headers, each once. `framed`: the one page that other sites may frame."""
    every = (*protection.HEADERS, protection.HSTS) if https else protection.HEADERS
    ancestors = "*" if framed else "'none'"
    for name, value in every:
        said = headers.getlist(name) if hasattr(headers, "getlist") else headers.get_list(name)
        if name == "Content-Security-Policy":
            assert len(said) == 1 and said[0].startswith(("default-src 'none';", "sandbox; default-src 'none';"))
            assert f"frame-ancestors {ancestors}" in said[0] and "base-uri 'none'" in said[0]
        else:
            assert said == ([] if framed and name == "X-Frame-Options" else [value]), name
    assert headers[protection.CORP] in ("same-origin", "cross-origin")
    assert https or protection.HSTS[0] not in headers


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_every_answer_is_guarded(app: Flask, client: FlaskClient, token: str, accept: str) -> None:
    statuses = set()
    for number, (_, path, methods) in enumerate(doors(app)):
        others = sorted({"GET", *UNSAFE} - methods)  # that the route does not have: each of them at some routes
        for method in (*sorted(methods), others[number % len(others)]):
            for more in ({}, {"Authorization": f"Bearer {token}"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = knock(client, method, path, headers={"Accept": accept, **more})
                framed = path == "/embed" and method in ("GET", "HEAD") and answer.status_code == 200
                guarded(answer.headers, https=True, framed=framed)
                statuses.add(answer.status_code)
    for path in (
        "/nowhere",
        "/f//x.atom",
        "/feed.atom?region=Atlantis",
        "/feed.atom?q=%00",
        "/atompub/doors",
        "/static/0/no",
    ):
        answer = knock(client, "GET", path, headers={"Accept": accept})
        guarded(answer.headers, https=True)
        statuses.add(answer.status_code)
    assert {200, 308, 400, 401, 403, 404, 405} <= statuses


def test_copies_and_304s_are_guarded(server: Server, token: str) -> None:
    pushed = server.push(token, release("guarded"))
    paths = ("/", "/feed.atom", "/feed.json", f"/articles/{pushed.json()['id']}", "/static/0/style.css", "/sitemap.xml")
    for path in paths:
        for _ in range(3):  # the second and third of a feed are copies
            answer = server.client.get(path)
            guarded(answer.headers, https=False)
        again = server.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        told = {name.lower() for name in again.headers}
        assert told <= ON_304, "what a 304 says replaces what is kept of the page; the rest of it stays"
        assert {"etag", "cache-control", "vary"} <= told
        guarded(server.client.head(path).headers, https=False)
    page, feed, own = (server.client.get(path).headers for path in ("/", "/feed.atom", "/changes?since=now"))
    assert page["Content-Security-Policy"] == protection.PAGE and page[protection.CORP] == "same-origin"
    assert feed[protection.CORP] == "cross-origin" and feed["Access-Control-Allow-Origin"] == "*"
    assert own["Access-Control-Allow-Origin"] == "*"


def test_files_keep_the_stricter_rule(server: Server, token: str) -> None:
    body = release("file").replace(b"</article>", b"<enclosure url='cid:a.png' type='image/png'/></article>")
    files = {"release": ("a.xml", body, "application/xml"), "file": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")}
    made = server.client.post("/releases", files=files, headers={"Authorization": f"Bearer {token}"}).json()
    article = server.client.get(f"/articles/{made['id']}.json").json()
    file = server.client.get(article["enclosures"][0]["url"])
    original = server.client.get(f"/articles/{made['id']}.xml")
    for answer in (file, original):
        guarded(answer.headers, https=False)
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers[protection.CORP] == "cross-origin", "other sites show public pictures"
