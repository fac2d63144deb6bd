"""docs/nginx.conf, in a real nginx with a real server behind it: it caches only what the server allows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bench import nginx
from bench.releases import document, samples
from tests.conftest import ROOT, Server, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(nginx.missing()), reason=nginx.missing())]

MAX_AGE = 8  # seconds that feeds say in one test, instead of 20
# Every process of the server runs this first (https://docs.python.org/3/library/site.html#module-sitecustomize).
LINE = f"""
from app.web import feed, published, representation
old = representation.CACHE_CONTROL
new = old.replace("max-age=20, stale-while-revalidate=10", "max-age={MAX_AGE}")
for module in (feed, published, representation):
    module.CACHE_CONTROL = new
for function in (feed.respond, representation.whole):
    function.__kwdefaults__ = {{name: new if value == old else value for name, value in (function.__kwdefaults__ or {{}}).items()}}
    function.__defaults__ = tuple(new if value == old else value for value in function.__defaults__ or ())
"""
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def behind(
    own_server: Callable[..., Server], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Server, httpx.Client, str]]:
    """A server, a client of the nginx in front of it, and an office's token. A parameter is a line that the server runs first."""
    server = own_server(proxies="1")
    if line := getattr(request, "param", ""):
        (tmp_path / "sitecustomize.py").write_text(line)
        server.environ["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    token = server.office("bench", "벤치도청", "kr")
    server.start()
    with (
        nginx.in_front(tmp_path / "nginx", server.port) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client,
    ):
        yield server, client, token


def release(name: str, embargo: datetime | None = None) -> bytes:
    return document(list(samples(1, name)), embargo)


def push(client: httpx.Client, token: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
    return client.post("/releases", content=body, headers=headers)


def asked(client: httpx.Client, path: str = "/feed.rss", **headers: str) -> httpx.Response:
    """A GET with only these headers, without the client's own Accept-Encoding."""
    given = {"Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.get(path, headers=given)


def kept(answer: httpx.Response) -> str:
    return answer.headers.get("X-Cache", "")  # none where the cache had no part in it


def test_what_is_kept_is_what_the_server_said(behind: tuple[Server, httpx.Client, str]) -> None:
    server, client, token = behind
    assert push(client, token, release("first")).status_code == 201
    first, again = asked(client), asked(client)
    own = server.client.get("/feed.rss", headers={"Accept-Encoding": "identity"})
    assert (kept(first), kept(again)) == ("MISS", "HIT")
    assert first.content == again.content == own.content
    for name in ("ETag", "Cache-Control", "Content-Type", "Link", "Vary"):
        assert again.headers[name] == own.headers[name], name
    unchanged = asked(client, If_None_Match=own.headers["ETag"])
    assert (unchanged.status_code, unchanged.content, kept(unchanged)) == (304, b"", "HIT")
    assert unchanged.headers["ETag"] == own.headers["ETag"]
    assert kept(asked(client, If_None_Match='"other"')) == "HIT"
    assert client.head("/feed.rss", headers={"Accept-Encoding": "identity"}).headers["ETag"] == own.headers["ETag"]


def test_an_encoding_is_kept_once_however_it_is_asked_for(behind: tuple[Server, httpx.Client, str]) -> None:
    _, client, token = behind
    assert push(client, token, release("first")).status_code == 201
    plain = asked(client)
    for words, taken in (
        (("gzip", "gzip, deflate", "deflate,gzip", "GZIP"), "gzip"),
        (("br", "gzip, deflate, br"), "br"),
        (("gzip, deflate, br, zstd", "zstd"), "zstd"),
    ):
        for number, accepted in enumerate(words):
            answer = asked(client, Accept_Encoding=accepted)
            assert answer.headers["Content-Encoding"] == taken
            assert kept(answer) == ("HIT" if number else "MISS"), accepted
            if taken == "gzip":
                assert answer.content == plain.content
    for accepted in ("deflate", "identity", "*;q=0, identity", "gzip;q=0"):
        answer = asked(client, Accept_Encoding=accepted)
        assert "Content-Encoding" not in answer.headers, accepted
        assert answer.content == plain.content


def test_what_one_reader_may_see_is_kept_for_nobody(behind: tuple[Server, httpx.Client, str]) -> None:
    _, client, token = behind
    assert push(client, token, release("public")).status_code == 201
    later = datetime.now(UTC) + timedelta(hours=1)
    assert push(client, token, release("waits", later)).status_code == 201
    bearer = {"Authorization": f"Bearer {token}"}
    for path in ("/feed.rss?status=embargoed", "/feed.rss"):
        for _ in range(2):
            answer = asked(client, path, **bearer)
            assert (answer.status_code, kept(answer)) == (200, "")
    assert b"bench:waits" in asked(client, "/feed.rss?status=embargoed", **bearer).content
    refused = asked(client, "/feed.rss?status=embargoed")
    assert (refused.status_code, kept(refused)) == (401, "MISS")
    assert kept(asked(client, "/feed.rss?status=embargoed")) == "MISS"  # nor is a refusal
    public = asked(client)
    assert (kept(public), b"bench:waits" in public.content) == (
        "MISS",
        False,
    )  # what was read with a token was not kept
    # A delta is of what this reader has.
    tag = public.headers["ETag"]
    assert push(client, token, release("second")).status_code == 201
    delta = asked(client, A_IM="feed", If_None_Match=tag)
    assert (delta.status_code, kept(delta)) == (226, "")
    assert kept(asked(client)) == "HIT"
    assert asked(client).content == public.content
    assert kept(asked(client, **bearer)) == ""  # nor is what is kept for whoever shows a token


def test_nobody_asks_for_the_metrics_from_outside(behind: tuple[Server, httpx.Client, str]) -> None:
    server, client, _ = behind
    monitor = server.operator("metrics")
    assert server.client.get("/metrics", headers=monitor).status_code == 200
    for path in ("/metrics", "/metrics?x=1", "/x/%2e%2e/metrics", "/%6detrics"):
        for headers in ({}, monitor):
            assert client.get(path, headers=headers).status_code == 404, path


def test_a_push_is_buffered(behind: tuple[Server, httpx.Client, str]) -> None:
    # The server itself refuses chunked uploads, but nginx sends it the whole body with its length.
    server, client, token = behind
    headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
    body = release("chunked")
    parts = [body[:100], body[100:]]
    assert server.client.post("/releases", content=iter(parts), headers=headers).status_code == 411
    assert client.post("/releases", content=iter(parts), headers=headers).status_code == 201
    assert b"bench:chunked" in asked(client).content
    assert asked(client, "/feed.rss?region=nowhere").status_code == 404
    assert "X-Cache" not in asked(client, "/feeds").headers


@pytest.mark.parametrize("behind", [LINE], indirect=True, ids=["soon out of date"])
def test_feeds_go_on_while_the_server_is_stopped_and_are_new_when_it_is_back(
    behind: tuple[Server, httpx.Client, str],
) -> None:
    server, client, token = behind
    assert push(client, token, release("first")).status_code == 201
    first = asked(client)
    assert f"max-age={MAX_AGE}," in first.headers["Cache-Control"]
    assert push(client, token, release("second")).status_code == 201
    assert asked(client).content == first.content  # for as long as the feed says
    assert server.stop() == 0
    until(lambda: kept(asked(client)) in ("STALE", "UPDATING"), MAX_AGE + 2, 0.2)
    for _ in range(3):
        answer = asked(client)
        assert (answer.status_code, answer.content) == (200, first.content)
        assert kept(answer) in ("STALE", "UPDATING")
    assert asked(client, "/feed.atom").status_code == 502  # nobody had asked for it
    server.start()
    # At most one more old answer: it makes nginx ask in the background.
    until(lambda: b"bench:second" in asked(client).content, 15, 0.2)
    assert kept(asked(client)) == "HIT"
