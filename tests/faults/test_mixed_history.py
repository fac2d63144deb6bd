"""A mixed history: pushes, corrections, embargoes, reads, a follower and a webhook, while processes are killed and frozen at random.

`PRESSRELAY_TEST_SEED` replays the order of the faults; the moments of the machine differ. `PRESSRELAY_TEST_PUSHES` says how many
articles each database must acknowledge before the faults end, where seconds are not enough; `PRESSRELAY_TEST_BATCH` how many a release
has. Each article of a release is a push of the history: it is there or not, in its order, with its own embargo."""

import hashlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app import store
from app.accounts.offices import OfficeRecord
from tests.conftest import Server, until
from tests.faults.clusters import Cluster
from tests.faults.history import History, Operation, check, save
from tests.faults.test_history import assert_mutants_caught
from tests.faults.test_nodes_processes import titled, web_workers
from tests.subscriber import Subscriber, subscribing
from tests.test_hub import PUSH, accredited
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
OFFICES = 4
SECONDS = 8.0  # of faults
EVERY = 0.1  # seconds between the releases of an office, so that the deliverer is not far behind at the end
PAUSE = 6.0  # seconds between faults: a worker that dies within 5.5 s of its start ends Granian
PUSHES = int(os.environ.get("PRESSRELAY_TEST_PUSHES", "0"))
BATCH = int(os.environ.get("PRESSRELAY_TEST_BATCH", "1"))
WITHIN = 15 + PUSHES / 200  # seconds that the deliverer may be behind at the end
BOUND = 1.0  # docs/scaling.md: 0.5 seconds and what a worker may be late


def together(documents: Iterable[bytes]) -> bytes:
    """One release of the articles of several."""
    parts = list(documents)
    begins, ends = parts[0].index(b"<article"), b"</release>"
    return parts[0][:begins] + b"".join(part[begins : -len(ends)] for part in parts) + ends


class Run:
    """The processes that make one history."""

    def __init__(self, server: Server, endpoint: Subscriber, seed: int) -> None:
        self.server, self.endpoint, self.chance = server, endpoint, random.Random(seed)
        self.history: History = []
        self.ids: dict[str, str] = {}  # guid -> public id
        self.acknowledged = 0
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._followed = ""

    def push(self, number: int, token: str) -> None:
        """Releases of one office, each until the answer is definite; each second one is corrected, each fifth under embargo."""
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.server.url, trust_env=False, timeout=30) as http:
            at = 0
            while not self._stop.is_set():
                guid, ends, inside = f"tag:mixed{number},2026:{at}", 0.0, ""
                if at % 5 == 4:
                    instant = datetime.now(UTC) + timedelta(seconds=3)
                    ends = time.monotonic() + (instant - datetime.now(UTC)).total_seconds()
                    inside = f"<embargo until='{instant.isoformat()}'/>"
                guids = [guid if BATCH == 1 else f"{guid}-{part}" for part in range(BATCH)]
                for version in (1, 2) if at % 2 == 0 and not inside else (1,):
                    body = together(document(guid, version, inside) for guid in guids)
                    self._until_known(http, headers, number, guids, version, body, ends)
                at += 1
                self._stop.wait(EVERY)

    def _until_known(
        self,
        http: httpx.Client,
        headers: dict[str, str],
        number: int,
        guids: list[str],
        version: int,
        body: bytes,
        ends: float,
    ) -> None:
        while True:
            began = time.monotonic()
            outcome = "unknown"
            with suppress(httpx.HTTPError):
                answer = http.post("/releases", content=body, headers=headers)
                assert answer.status_code in (200, 201, 503), answer.text
                if answer.status_code != 503:
                    outcome = "ok"
                    told = answer.json()
                    for guid, one in zip(guids, told.get("receipts", [told]), strict=True):
                        self.ids.setdefault(guid, one["id"])
            for guid in guids:
                self._note("push", number, guid, version, began, outcome=outcome, until=ends)
            if outcome == "ok":
                self.acknowledged += len(guids)
                return
            self._stop.wait(0.05)

    def _note(self, op: str, proc: object, key: str, ver: int, began: float, **more: object) -> None:
        told = {
            "proc": f"{op}{proc}",
            "op": op,
            "key": key,
            "ver": ver,
            "t_invoke": began,
            "t_return": time.monotonic(),
        }
        self.history.append(Operation(**told, **more))  # type: ignore[arg-type]

    def read(self, number: int) -> None:
        """Random articles, by the ids that the answers to pushes gave."""
        chance = random.Random(number)
        with httpx.Client(base_url=self.server.url, trust_env=False, timeout=30) as http:
            while not self._stop.wait(0.01):
                ids = list(self.ids.copy().items())  # pushers add to it meanwhile
                if not ids:
                    continue
                guid, id = chance.choice(ids[-20:] if chance.random() < 0.7 else ids)
                began = time.monotonic()
                with suppress(httpx.HTTPError):
                    answer = http.get(f"/articles/{id}.json")
                    assert answer.status_code in (200, 404, 503), answer.text
                    if answer.status_code != 503:
                        shown = {guid: int(answer.json()["version"])} if answer.status_code == 200 else {}
                        more = {
                            "etag": answer.headers.get("ETag", ""),
                            "body": hashlib.sha256(answer.content).hexdigest(),
                        }
                        self._note("read", number, guid, 0, began, shown=shown, **more)

    def follow(self) -> None:
        while not self._stop.wait(0.02):
            with suppress(httpx.HTTPError):
                self._follow_on("follow")

    def _follow_on(self, op: str, since: str | None = None) -> str:
        """Note the changes after a cursor (without one: after the last that was followed); the next cursor."""
        began = time.monotonic()
        cursor = self._followed if since is None else since
        answer = httpx.get(
            f"{self.server.url}/changes",
            params={"limit": "200"} | ({"since": cursor} if cursor else {}),
            trust_env=False,
            timeout=30,
        )
        for line in map(json.loads, answer.text.splitlines() if answer.status_code == 200 else []):
            self._note(op, "", line["guid"], line["version"], began, seq=len(self.history))
            cursor = line["cursor"]
        if since is None:
            self._followed = cursor
        return cursor

    def finish(self) -> None:
        """The end: what is there, what was followed and what was delivered."""
        until(self._answers, 60, 0.1)  # a worker that was killed soon after its start is back later
        until(self._wait_for_embargoes, 60)
        self._all("follow", None)
        self._all("final", "")
        wanted = {(op.key, op.ver) for op in self.history if op.op == "final"}
        print(f"{len(wanted)} final changes, {len(self._hooks())} deliveries")
        until(lambda: not self._behind(wanted), WITHIN, 0.5 + PUSHES / 20_000)
        for key, ver, id in self._hooks():
            self._note("deliver", "", key, ver, 0.0, delivery=id)

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.server.url}/readyz", trust_env=False, timeout=5).status_code == 200
        return False

    def _behind(self, wanted: set[tuple[str, int]]) -> list[tuple[str, int]]:
        """What the webhook has neither in that version nor in a later one."""
        newest: dict[str, int] = {}
        for key, ver, _ in self._hooks():
            newest[key] = max(ver, newest.get(key, 0))
        return [(key, ver) for key, ver in wanted if newest.get(key, 0) < ver]

    def _wait_for_embargoes(self) -> bool:
        return time.monotonic() > max(op.until for op in self.history if op.op == "push") + 2 * BOUND

    def _all(self, op: str, since: str | None) -> None:
        while True:
            before = len(self.history)
            since = self._follow_on(op, since) if since is not None else (self._follow_on(op), None)[1]
            if len(self.history) == before:
                return

    def _hooks(self) -> list[tuple[str, int, str]]:
        bodies = [(json.loads(got.body)["data"], got.headers["webhook-id"]) for got in self.endpoint.to("/hook")]
        return [(data["guid"], int(data["version"]), id) for data, id in bodies]

    def go(self, tokens: list[str], faults: list[Callable[[], None]]) -> None:
        def run(call: Callable[..., None], *given: object) -> None:
            try:
                call(*given)
            except BaseException as error:  # a thread's failure must reach the test
                self.errors.append(error)

        calls: list[tuple[Callable[..., None], object]] = [(self.read, number) for number in range(2)]
        threads = [threading.Thread(target=run, args=call) for call in calls]
        threads += [
            threading.Thread(target=run, args=(self.push, number, token)) for number, token in enumerate(tokens)
        ]
        threads.append(threading.Thread(target=run, args=(self.follow,)))
        for thread in threads:
            thread.start()
        try:
            began = time.monotonic()
            while time.monotonic() - began < SECONDS or self.acknowledged < PUSHES:
                assert not self.errors, self.errors
                self._stop.wait(PAUSE / 2)
                fault = self.chance.choice(faults)
                print(f"{time.monotonic() - began:.1f} s, {self.acknowledged} pushes: {fault.__name__}")
                fault()
                self._stop.wait(PAUSE / 2)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)
        assert not self.errors, self.errors


def _kill(pids: list[int], number: int = signal.SIGKILL) -> None:
    for pid in pids[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def faults_of(server: Server) -> list[Callable[[], None]]:
    def valkeys() -> list[int]:
        found = []
        for pid in server.children():
            with suppress(OSError):
                if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        assert found
        return found

    def kill_everything() -> None:
        children = server.children()
        server.stop(signal.SIGKILL)
        until(
            lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children), 20
        )  # a busy machine takes a moment
        server.start()

    def kill_a_web_worker() -> None:
        _kill(web_workers(server))

    def freeze_valkey() -> None:
        frozen = valkeys()
        _kill(frozen, signal.SIGSTOP)
        threading.Event().wait(1)
        _kill(frozen, signal.SIGCONT)

    def kill_valkey() -> None:
        _kill(valkeys())

    def kill_the_deliverer() -> None:
        found = titled(server, "pressrelay deliver 0")
        assert found
        _kill(list(found))

    return [kill_everything, kill_a_web_worker, freeze_valkey, kill_valkey, kill_the_deliverer]


@pytest.fixture(params=["sqlite", "postgresql"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster | None]:
    """None for SQLite."""
    from tempfile import TemporaryDirectory

    if request.param == "sqlite":
        yield None
        return
    with TemporaryDirectory(prefix="pressrelay-mixed-") as directory:
        Path(directory).chmod(0o755)
        made = Cluster(Path(directory) / "one").make()
        yield made
        made.stop()


def test_nothing_is_lost_doubled_reordered_early_or_stale(
    cluster: Cluster | None, own_server: Callable[..., Server], tmp_path: Path
) -> None:
    seed = int(os.environ.get("PRESSRELAY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    print(f"PRESSRELAY_TEST_SEED={seed}")
    server = own_server(**PUSH, **({"database_url": cluster.url()} if cluster else {})).start()
    tokens = [server.save(OfficeRecord(f"mixed{n}", f"섞인 {n}", "", ("kr:52",))) for n in range(OFFICES)]
    outlet = accredited(server, "daily")
    faults = faults_of(server)
    if cluster:

        def restart_postgresql() -> None:
            cluster.stop("immediate")
            cluster.start()

        faults.append(restart_postgresql)
    with subscribing(server) as endpoint:
        made = server.client.post(
            "/subscriptions",
            json={"url": endpoint.url("/hook"), "query": "region=kr:52"},
            headers={"Authorization": f"Bearer {outlet}"},
        )
        assert made.status_code == 201, made.text
        run = Run(server, endpoint, seed)
        run.go(tokens, faults)
        run.finish()
    save(tmp_path / "history.jsonl", run.history)
    assert run.acknowledged > 50
    findings = check(run.history, BOUND)
    assert not findings, (f"PRESSRELAY_TEST_SEED={seed}", tmp_path / "history.jsonl", len(findings), findings[:10])
    engine = server.engine()
    assert store.audit.verify(engine).fault == ""
    engine.dispose()
    assert_mutants_caught(run.history)
