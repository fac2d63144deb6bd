"""A feed that many request at once is made once: in one process, and across processes through the cache."""

import gzip
import threading
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from app import create_app
from app.cache.single_flight import Flight, Once
from app.settings import Settings
from feeds import atom
from feeds.article import Article, Feed, Fragment
from tests.conftest import Server, together, until
from tests.test_lifecycle import document


def test_who_waits_shares_the_next_turn_and_never_the_one_that_runs() -> None:
    once, made = Once(), []
    first, go_on = threading.Event(), threading.Event()

    def make(before: Flight | None) -> int:
        made.append(before is not None)
        if len(made) == 1:
            first.set()
            assert go_on.wait(10)
        return len(made)

    got: list[int] = []

    def ask() -> None:
        got.append(once.do("key", make))

    def release() -> None:
        assert first.wait(10)
        others = [threading.Thread(target=ask) for _ in range(8)]
        for thread in others:
            thread.start()
        until(lambda: all(thread.is_alive() for thread in others) and once._turns["key"].next is not None)
        go_on.set()
        for thread in others:
            thread.join(10)

    together(ask, release, seconds=20)
    assert made[0] is False and set(made[1:]) == {True}
    assert len(made) <= 3 and len(got) == 9, "one that was late may have had a turn of its own"
    assert once._turns == {}


def test_an_error_is_everybodys_and_the_next_turn_is_new() -> None:
    once = Once()

    def fail(before: Flight | None) -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            once.do("key", fail)
    assert once.do("key", lambda before: 1) == 1


def asked(app: Flask, together_at: threading.Barrier, answers: list[bytes], encoding: str) -> None:
    together_at.wait(10)
    answer = app.test_client().get("/feed.atom?office=once", headers={"Accept-Encoding": encoding})
    assert answer.status_code == 200
    answers.append(gzip.decompress(answer.data) if encoding == "gzip" else answer.data)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "each its own"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_feed_that_changes_under_load_is_rendered_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, encoding: str, cached: bool
) -> None:
    # A busy machine must not make the cache or the other process count as too slow.
    monkeypatch.setattr("app.cache.servers.TIMEOUT", 10)
    monkeypatch.setattr("app.cache.redis.TURN", 60_000)
    monkeypatch.setattr("app.web.rendering.AWAITED", 60)
    token = server.office("once", "한번청", "kr:51")
    # Two more web workers of the same server, in this process, where rendering can be counted.
    cache = f"unix://{server.directory}/valkey.sock" if cached else "unix:///nowhere/valkey.sock"
    settings = Settings(data_dir=str(server.directory), port=server.port, redis_url=cache, address_rate="0/minute")
    apps = [create_app(settings) for _ in range(2)]
    rendered: list[str] = []
    asking: set[int] = set()
    drawn: list[str] = []  # guids of the articles that were written
    do, assemble, fragment_of = Once.do, atom.assemble, atom.fragment_of

    def entered(once: Once, key: str, make: Callable[[Flight | None], object]) -> object:
        asking.add(threading.get_ident())
        return do(once, key, make)

    def counted(feed: Feed) -> bytes:
        rendered.append(feed.self)
        until(lambda: len(asking) == 12, 10, 0.001)  # the rendering waits until all of them are there
        return assemble(feed)

    def written(article: Article) -> Fragment:
        drawn.append(article.guid)
        return fragment_of(article)

    monkeypatch.setattr(Once, "do", entered)
    monkeypatch.setattr(atom, "fragment_of", written)
    monkeypatch.setattr(atom, "assemble", counted)
    for number in range(3):
        guid = f"tag:once,2026:{encoding.replace(' ', '-')}-{cached}-{number}"
        assert server.push(token, document(guid)).status_code == 201
        rendered.clear()
        drawn.clear()
        asking.clear()
        answers: list[bytes] = []
        barrier = threading.Barrier(12)
        encodings = ["identity", "gzip"] if encoding == "each its own" else [encoding] * 2
        together(*(partial(asked, apps[n % 2], barrier, answers, encodings[n // 2 % 2]) for n in range(12)))
        assert len(set(answers)) == 1 and len(answers) == 12
        # Each worker joins the fragments once, and once more for those who came meanwhile.
        assert len(rendered) <= 4
        # With the cache, one of them writes the new article; the other waits for that.
        assert drawn.count(guid) == (1 if cached else 2)
    for app in apps:
        app.extensions["pressrelay"].engine.dispose()
        app.extensions["pressrelay"].cache.close()
