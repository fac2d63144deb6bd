"""A withdrawn article vanishes from real caches: at once if the server purges them, otherwise within thirty seconds."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.deliveries import purge
from app.deliveries.purge import Purger
from app.settings import load
from bench import nginx, varnish
from bench.processes import free_port
from tests.conftest import Server, until

PROMISED = 30  # seconds: docs/http.md
varnished = pytest.mark.skipif(bool(varnish.missing()), reason=varnish.missing() or "none")
proxied = pytest.mark.skipif(bool(nginx.missing()), reason=nginx.missing() or "none")
purging = pytest.mark.skipif(
    not nginx.purges(), reason="nginx has no purge module: apt-get install libnginx-mod-http-cache-purge"
)


def release(name: str, version: int = 1, headline: str = "Text to be withdrawn", status: str = "usable") -> bytes:
    return (
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="en"><article version="{version}" pubstatus="{status}">'
        f"<guid>tag:caches.example,2026:{name}</guid><issued>2026-03-09T10:00:00+09:00</issued>"
        f"<headline>{headline}</headline><body><p>A body.</p></body></article></release>"
    ).encode()


def client_of(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)


def get(client: httpx.Client, path: str) -> httpx.Response:
    return client.get(path, headers={"Accept-Encoding": "identity"})


def pushed(server: Server, token: str, body: bytes) -> str:
    answer = server.push(token, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def withdrawn(server: Server, token: str, id: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert server.client.delete(f"/articles/{id}?reason=wrong", headers=headers).status_code in (200, 201)


@varnished
@pytest.mark.slow
def test_varnish_forgets_at_once_what_was_withdrawn(own_server: Callable[..., Server], tmp_path: Path) -> None:
    port = free_port()
    server = own_server(purge_url=f"http://127.0.0.1:{port}/", deliverers="1")
    token = server.office("caches", "Office", "kr:52")
    server.start()
    id, other = pushed(server, token, release("one")), pushed(server, token, release("two", headline="Stays"))
    paths = ["/feed.rss", "/feed.json?region=kr:52&utm_source=x", "/feed.rss?office=caches", f"/articles/{id}", "/"]
    with varnish.in_front(tmp_path / "varnish", server.port, port), client_of(port) as client:
        for path in paths:
            first, again = get(client, path), get(client, path)
            assert (first.headers["X-Cache"], again.headers["X-Cache"]) == ("MISS", "HIT"), path
            assert "Text to be withdrawn" in again.text
        assert get(client, f"/articles/{other}").headers["X-Cache"] == "MISS"
        withdrawn(server, token, id)
        began = time.monotonic()
        until(lambda: "Text to be withdrawn" not in "".join(get(client, path).text for path in paths), 10, 0.05)
        assert time.monotonic() - began < 10, "sooner than any window ends"
        assert get(client, f"/articles/{id}").status_code == 410
        assert get(client, f"/articles/{other}").headers["X-Cache"] == "HIT", "what does not show it is still kept"
        for headers, status in (({"Surrogate-Key": "."}, 400), ({}, 400)):
            assert client.request("PURGE", "/", headers=headers).status_code == status


@pytest.mark.slow
@pytest.mark.parametrize(
    "in_front", [pytest.param(varnish.in_front, marks=varnished), pytest.param(nginx.in_front, marks=proxied)]
)
def test_a_cache_that_is_told_nothing_forgets_in_time(
    own_server: Callable[..., Server], tmp_path: Path, in_front: Any
) -> None:
    """Request it all the time, like a busy feed: no answer after the promised time shows the article."""
    server = own_server()
    token = server.office("caches", "Office", "kr:52")
    server.start()
    id = pushed(server, token, release("one"))
    with in_front(tmp_path / "cache", server.port) as port, client_of(port) as client:
        paths = ["/feed.rss", f"/articles/{id}"]
        for path in paths:
            assert get(client, path).status_code == 200
        withdrawn(server, token, id)
        began = time.monotonic()
        shown = dict.fromkeys(paths, began)

        def look() -> bool:
            for path in paths:
                asked = time.monotonic()
                if "Text to be withdrawn" in get(client, path).text:
                    shown[path] = asked
            return time.monotonic() - began > PROMISED + 3

        until(look, PROMISED + 15, 0.2)
        assert shown["/feed.rss"] > began, "it was kept at all"
        assert max(shown.values()) - began <= PROMISED


@proxied
@purging
@pytest.mark.slow
def test_nginx_forgets_an_article_by_its_key(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """https://github.com/FRiCKLE/ngx_cache_purge: one request for one key of the cache."""
    port = free_port()
    server = own_server(purge_url=f"http://127.0.0.1:{port}/purge/{{key}}", deliverers="1", purge_method="DELETE")
    token = server.office("caches", "Office", "kr:52")
    server.start()
    id = pushed(server, token, release("one"))
    with nginx.purging(tmp_path / "nginx", server.port, port), client_of(port) as client:
        path = f"/articles/{id}.json"
        assert [get(client, path).headers["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
        withdrawn(server, token, id)
        until(lambda: get(client, path).status_code == 410, 10, 0.05)


class Cache:
    """A cache that records the purges that it gets, and may refuse them."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, str]]] = []
        self.status = [200]
        self.url = ""


@pytest.fixture
def cache() -> Iterator[Cache]:
    cache = Cache()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PURGE(self) -> None:
            cache.told.append((self.command, self.path, dict(self.headers)))
            self.send_response(cache.status.pop(0) if len(cache.status) > 1 else cache.status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PURGE

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        cache.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield cache
        listening.shutdown()
        thread.join()


@contextmanager
def purger(server: Server, **settings: str) -> Iterator[None]:
    """One in this process, for the changes of that server."""
    from app.context import connect

    given = {f"PRESSRELAY_{name.upper()}": value for name, value in settings.items()}
    context = connect(load({"PRESSRELAY_DATA_DIR": str(server.directory), **given}))
    stops: list[Callable[[], None]] = []
    began = threading.Event()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        began.set()
        await Purger(context).run(stop)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    began.wait(10)
    try:
        yield
    finally:
        stops[0]()
        thread.join(20)
        context.cache.close()
        context.engine.dispose()
        assert not thread.is_alive()


def test_each_key_is_one_request(server: Server, cache: Cache) -> None:
    token = server.office("purge", "Office", "kr:52")
    id, corrected, new = (pushed(server, token, release(name)) for name in ("keys", "keys-2", "keys-3"))
    withdrawn(server, token, id)
    assert server.push(token, release("keys-2", 2, "Corrected")).status_code == 201
    url = f"{cache.url}/purge/{{key}} {cache.url}/all"
    with purger(server, purge_url=url, purge_method="POST", purge_header="Fastly-Key: s3cret"):
        until(lambda: len([told for told in cache.told if id in told[1] + told[2]["Surrogate-Key"]]) >= 2, 10, 0.02)
        until(lambda: any(corrected in path for _, path, _ in cache.told), 10, 0.02)
    mine = [told for told in cache.told if told[2]["Surrogate-Key"] == f"article/{id}"]
    assert sorted(path for _, path, _ in mine) == ["/all", f"/purge/article/{id}"]
    assert all((method, headers["Fastly-Key"]) == ("POST", "s3cret") for method, _, headers in mine)
    assert not [told for told in cache.told if new in told[2]["Surrogate-Key"]], "no cache can have what is new"


def test_a_failed_purge_is_repeated_and_given_up(
    server: Server, cache: Cache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(purge, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(purge, "SETTLED", 0.01)
    token = server.office("purge", "Office", "kr:52")
    id = pushed(server, token, release("failing"))

    def told() -> int:
        return len([headers for _, _, headers in cache.told if headers["Surrogate-Key"] == f"article/{id}"])

    cache.status = [503]
    with caplog.at_level(logging.WARNING, "pressrelay.purge"), purger(server, purge_url=f"{cache.url}/"):
        withdrawn(server, token, id)
        until(lambda: f"article/{id} was not purged at {cache.url}/ after 3 attempts" in caplog.text, 10, 0.02)
        assert told() == 3 and "The answer was 503." in caplog.text
    id = pushed(server, token, release("recovers"))
    cache.status = [503, 200]
    with purger(server, purge_url=f"{cache.url}/ http://127.0.0.1:1/"):
        withdrawn(server, token, id)
        until(lambda: told() == 2 or cache.status == [200], 10, 0.02)


def test_a_feed_names_its_articles_only_for_caches_that_are_told(own_server: Callable[..., Server]) -> None:
    server = own_server(purge_url="http://127.0.0.1:1/")
    token = server.office("caches", "Office", "kr:52")
    server.start()
    ids = [pushed(server, token, release(name)) for name in ("a", "b")]
    for path in ("/feed.rss", "/feed.atom/archive", "/feed.json?region=kr:52", "/"):
        for _ in range(2):  # made for this request, and from the cache
            keys = get(server.client, path).headers["Surrogate-Key"].split()
            assert {f"article/{id}" for id in ids} <= set(keys), path
    withdrawn(server, token, ids[0])
    assert f"article/{ids[0]}" not in get(server.client, "/feed.rss").headers["Surrogate-Key"]


def test_without_a_cache_a_feed_names_its_places_and_topics_alone(server: Server) -> None:
    assert get(server.client, "/feed.rss").headers["Surrogate-Key"] == "*/*"
