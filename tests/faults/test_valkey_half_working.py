"""A cache that works by half or not at all, under load: a replica, full, frozen, killed, emptied, with other things under its keys.

No answer is an error, none is older than the told bound, and the log has a line for the change and not one for each request.
"""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cache.redis import Cache
from tests.conftest import Server, until
from tests.faults.readers import History
from tests.valkeys import Valkey

pytestmark = pytest.mark.slow
PUSHES, POLLS = 5, 60  # while the fault lasts, and after it
MEBIBYTE = 1024 * 1024
USERS = ("writer", "reader")


class Hosts:
    """Two hosts with one database and one cache; the second one is only read. Each has a user of its own at the cache."""

    def __init__(self, valkey: Valkey, one: Server, other: Server) -> None:
        self.valkey = valkey
        self.servers = [one, other]
        self.token = one.office("half", "반쪽청", "kr:52")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    directory = tmp_path_factory.mktemp("half")
    valkey = Valkey(directory)
    servers: list[Server] = []
    try:
        for name in USERS:
            valkey.options += ["--user", name, "on", f">{name}", "~pr:*", "&pr:*", "+@all"]
        valkey.start()
        for name in USERS:
            (directory / name).mkdir()
            database = f"sqlite:///{directory}/{USERS[0]}/pressrelay.db"
            url = url_of(valkey, name)
            servers.append(Server(directory / name, database_url=database, redis_url=url, workers="1").start())
        yield Hosts(valkey, *servers)
    finally:
        for server in servers:
            server.close()
        valkey.close()


def url_of(valkey: Valkey, user: str) -> str:
    return f"redis://{user}:{user}@127.0.0.1:{valkey.port}"


def refuse(*users: str) -> Callable[[Valkey], object]:
    """End the connections of these users, and let them make no others."""

    def begin(valkey: Valkey) -> None:
        for user in users:
            command("ACL", "SETUSER", user, "off")(valkey)
            command("CLIENT", "KILL", "USER", user)(valkey)

    return begin


def admit(*users: str) -> Callable[[Valkey], object]:
    return lambda valkey: [command("ACL", "SETUSER", user, "on")(valkey) for user in users]


def command(*words: object) -> Callable[[Valkey], object]:
    return lambda valkey: valkey.client.execute_command(*words)  # type: ignore[no-untyped-call]


def other_things(valkey: Valkey) -> None:
    """Another type, bytes that are no feed, and a feed as another version of this program wrote it."""
    found: Any = valkey.client.keys("pr:*")
    for at, key in enumerate(found):
        if at % 3 == 0:
            valkey.client.delete(key)
            valkey.client.hset(key, "a", "b")
        else:
            valkey.client.set(key, b"\x00garbage" if at % 3 == 1 else b"\x93\xa1a\xa1b\xa1c")


def end(valkey: Valkey) -> None:
    valkey.kill()


def restart(valkey: Valkey) -> None:
    valkey.start()


def nothing(valkey: Valkey) -> None: ...


FAULTS: dict[str, tuple[Callable[[Valkey], object], Callable[[Valkey], object], str]] = {
    # what happens, what ends it, what is said of it
    "a read-only replica": (command("replicaof", "127.0.0.1", "1"), command("replicaof", "no", "one"), "read-only"),
    "full": (command("config", "set", "maxmemory", "1"), command("config", "set", "maxmemory", "0"), "it is full"),
    "frozen": (
        lambda valkey: valkey.kill(signal.SIGSTOP),
        lambda valkey: valkey.kill(signal.SIGCONT),
        "does not answer within",
    ),
    "killed, and empty when it is back": (end, restart, "nothing listens"),
    "emptied": (command("flushall"), nothing, ""),
    "other things under its keys": (other_things, nothing, ""),
    "refusing everybody": (refuse(*USERS), admit(*USERS), "refuses the user or the password"),
    "cut off from the host that is pushed to": (refuse("writer"), admit("writer"), ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_cache_that_works_by_half(hosts: Hosts, name: str) -> None:
    begin, finish, told = FAULTS[name]
    history = History("half", hosts.token, f"half-{list(FAULTS).index(name)}")
    before = [len(server.log.read_text()) for server in hosts.servers]
    asked = Cache(url_of(hosts.valkey, "reader"), "asked")

    def says(valkey: Valkey) -> None:
        begin(valkey)
        until(lambda: told in asked.trial(), 10)

    _under_load(hosts, history, says, finish)
    asked.close()
    history.check(hosts.servers[0])
    log = "".join(server.log.read_text()[seen:] for server, seen in zip(hosts.servers, before, strict=True))
    lines = log.splitlines()
    assert len([line for line in lines if "The cache cannot be used: " in line]) <= 12, "one for each process at most"
    assert "Traceback" not in log, log[log.index("Traceback") - 1000 :]
    assert "unexpected error" not in log


def _under_load(
    hosts: Hosts, history: History, begin: Callable[[Valkey], object], finish: Callable[[Valkey], object]
) -> None:
    def more() -> Callable[[], bool]:
        pushes, polls = len(history.acknowledged) + PUSHES, len(history.polls) + POLLS
        return lambda: len(history.acknowledged) >= pushes and len(history.polls) >= polls

    history.push(hosts.servers[0].client)
    with history.under_load(hosts.servers[0], hosts.servers):
        until(more(), 30)
        try:
            begin(hosts.valkey)
            until(more(), 30)
        finally:
            finish(hosts.valkey)
        until(lambda: all(server.ready()["cache"] == "ok" for server in hosts.servers), 10, 0.1)
        until(more(), 30)


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "allkeys-lru"])
def test_a_cache_that_is_too_small(hosts: Hosts, policy: str) -> None:
    client = hosts.valkey.client
    used = int(hosts.valkey.info("memory")["used_memory"])
    client.config_set("maxmemory-policy", policy)
    client.config_set("maxmemory", used + MEBIBYTE)
    history = History("half", hosts.token, f"small-{policy}")

    def fill(valkey: Valkey) -> None:
        number = 0
        try:
            while int(valkey.info("memory")["used_memory"]) < used + MEBIBYTE * 0.99 and number < 2000:
                client.set(f"filler:{number}", os.urandom(8192))
                number += 1
        except Exception as error:
            assert "OOM" in str(error) or "out of memory" in str(error).lower() or "maxmemory" in str(error), error

    def free(valkey: Valkey) -> None:
        client.config_set("maxmemory", 0)
        client.delete(*[f"filler:{number}" for number in range(2000)])

    _under_load(hosts, history, fill, free)
    history.check(hosts.servers[0])


def test_a_cache_that_cannot_write_to_its_disk(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """With an append-only file and a full disk it refuses writes (MISCONF), and answers reads."""
    valkey = Valkey(tmp_path, appendonly="yes", appendfsync="everysec")
    try:
        valkey.start()
        server = own_server(redis_url=valkey.url, workers="1").start()
        history = History("disk", server.office("disk", "저장청", "kr:52"))
        history.push(server.client)
        assert valkey.process is not None
        for _ in range(20):
            history.poll(server.client)
        resource.prlimit(valkey.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        until(lambda: _misconfigured(valkey), 10)
        for _ in range(5):
            history.push(server.client)
            history.poll(server.client)
        assert "The cache cannot be used: " in server.log.read_text(), (valkey.directory / "log").read_text()[-2000:]
        assert "cannot write to its own disk" in server.run("doctor").stdout
        history.check(server)
    finally:
        valkey.close()


def _misconfigured(valkey: Valkey) -> bool:
    try:
        valkey.client.set("filler", "x" * 100)
    except Exception as error:
        return "MISCONF" in str(error)
    return False


def test_what_lies_in_the_data_directory_does_not_stop_the_embedded_cache(own_server: Callable[..., Server]) -> None:
    """A cut or garbled dump or append-only file, of another Valkey or of an earlier version: it is not read."""
    server = own_server(workers="1")
    (server.directory / "dump.rdb").write_bytes(b"REDIS0011 cut in the middle")
    (server.directory / "appendonlydir").mkdir()
    (server.directory / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"*3\r\n$3\r\nSET\r\n$")
    server.start()
    assert server.ready()["cache"] == "ok"
