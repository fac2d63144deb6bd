"""Embargoes lift within a second of their instant while every other part of the server is under attack."""

import http.client
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import quote, urlencode

import pytest

from app import store
from app.intake.normalize import public_id
from tests.conftest import Server, until
from tests.test_lifecycle import document
from tests.test_places import opened
from tests.test_question_cost import question
from tests.test_sources import Peer, answers

LIFTS = 6


def attacks(server: Server, token: str, stop: threading.Event) -> list[Callable[[], None]]:
    """The requests that each attacker repeats."""

    def ask(method: str, path: str, body: bytes | None = None, **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        with suppress(OSError, http.client.HTTPException):
            connection.request(
                method, path, body=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
            )
            connection.getresponse().read()
        connection.close()

    xml = {"Content_Type": "application/xml", "Authorization": f"Bearer {token}"}
    nested = f"<p>{'<b>' * 240}{'</b>' * 240}</p>" + "<p>x</p>" * 4000
    heavy = document("tag:attack,2026:nested").replace("<p>본문 한 단락.</p>".encode(), f"<p>{nested}</p>".encode())
    author = f"<rss version='2.0'><channel><item><guid>g</guid><title>t</title><author>{'@(' * 1250}</author></item></channel></rss>"
    dear = urlencode([*question(20, 10), ("q", "본문")])
    many = "<article/>" * 5000
    return [
        lambda: ask("POST", "/releases", heavy, **xml),
        lambda: ask("POST", "/releases", author.encode(), **xml),
        lambda: ask(
            "POST", "/releases", f'<release xmlns="urn:pressrelay:press-release:1">{many}</release>'.encode(), **xml
        ),
        lambda: ask("POST", "/releases", document(f"tag:attack,2026:{time.monotonic_ns()}"), **xml),
        lambda: ask("GET", f"/feed.atom?{dear}&limit={time.monotonic_ns() % 200 + 1}"),
        lambda: ask("GET", f"/feed.rss?q={quote('가' * 100)}"),
        lambda: ask("GET", "/changes?since=now&wait=5"),
        lambda: ask("POST", "/hub", b"hub.mode=subscribe", Content_Type="application/x-www-form-urlencoded"),
    ]


@pytest.mark.slow
def test_embargoes_lift_within_a_second(own_server: Callable[..., Server]) -> None:
    server = own_server(workers="2", address_rate="0/minute", token_rate="0/minute").start()
    token, peer, stop = server.office(), Peer(), threading.Event()
    peer.answer = answers(b"<!---->" * 285)
    engine = server.engine()

    def again(attack: Callable[[], None]) -> None:
        while not stop.is_set():
            attack()

    threads = [threading.Thread(target=again, args=(attack,)) for attack in attacks(server, token, stop)]
    try:
        words = ("--dialect", "rss", "--url", peer.url, "--office", "jeonbuk", "--every", "5s", "--allow-private")
        assert server.run("source", "add", "hostile", *words).returncode == 0
        with ExitStack() as stack:
            for _ in range(24):
                form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\nhub"
                opened(server, stack, "POST /hub HTTP/1.1", form)
            for thread in threads:
                thread.start()
            until(lambda: len(peer.asked) > 0, 30)
            instants = {}
            first = datetime.now(UTC) + timedelta(seconds=8)
            for number in range(LIFTS):
                instant, guid = first + timedelta(seconds=number), f"tag:lifts,2026:{number}"
                embargo = f'<embargo until="{instant.isoformat()}"/>'
                answer = server.push(token, document(guid, inside=embargo))
                assert answer.status_code == 201, answer.text
                instants[public_id(guid)] = instant
            until(lambda: all(store.articles.history(engine, id, 1) for id in instants), 40, 0.2)
    finally:
        stop.set()
        for thread in threads:
            if thread.ident:
                thread.join(30)
        peer.close()
    late = [(store.articles.history(engine, id, 1)[0].at - instant).total_seconds() for id, instant in instants.items()]
    engine.dispose()
    assert min(late) >= 0, late
    assert median(late) < 1 and max(late) < 3, late
