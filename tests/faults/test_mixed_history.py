"""A mixed history: pushes, corrections, embargoes, reads, a follower and a webhook, while processes are killed and frozen at random.

`PRESSRELAY_TEST_SEED` replays the order of the faults; the moments of the machine differ. `PRESSRELAY_TEST_PUSHES` says how many
articles each database must acknowledge before the faults end, where seconds are not enough; `PRESSRELAY_TEST_BATCH` how many a release
has. Each article of a release is a push of the history: it is there or not, in its order, with its own embargo."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app import store
from app.accounts.offices import OfficeRecord
from tests.conftest import Server, until
from tests.faults.clusters import Cluster
from tests.faults.history import check, save
from tests.faults.recording import BOUND, PUSHES, Run, keep_running
from tests.faults.test_history import assert_mutants_caught
from tests.faults.test_nodes_processes import titled, web_workers
from tests.subscriber import subscribing
from tests.test_hub import PUSH, accredited

pytestmark = pytest.mark.slow
OFFICES = 4


class Faults:
    """What is done to one server. Each fault says whether the server or its database was away because of it."""

    def __init__(self, server: Server, cluster: Cluster | None) -> None:
        self.server, self.cluster = server, cluster
        self.all = [
            self.kill_everything,
            self.kill_a_web_worker,
            self.freeze_valkey,
            self.kill_valkey,
            self.kill_the_deliverer,
        ]
        if cluster:
            self.all.append(self.restart_postgresql)

    def kill_everything(self) -> bool:
        children = self.server.children()
        self.server.stop(signal.SIGKILL)
        # A busy machine takes a moment.
        until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children), 20)
        self.server.start()
        return True

    def kill_a_web_worker(self) -> bool:
        return self._hit(lambda: web_workers(self.server))

    def freeze_valkey(self) -> bool:
        ended = self._hit(self._valkeys, signal.SIGSTOP)
        threading.Event().wait(1)
        return self._hit(self._valkeys, signal.SIGCONT) or ended

    def kill_valkey(self) -> bool:
        return self._hit(self._valkeys)

    def kill_the_deliverer(self) -> bool:
        return self._hit(lambda: titled(self.server, "pressrelay deliver 0"))

    def restart_postgresql(self) -> bool:
        assert self.cluster
        self.cluster.stop("immediate")
        self.cluster.start()
        return True

    def _hit(self, find: Callable[[], list[int]], number: int = signal.SIGKILL) -> bool:
        """Send a signal to one of these processes when they are there. Whether the server had ended and was started again."""
        found: list[int] = []
        ended = False

        def are_there() -> bool:
            nonlocal ended
            ended |= keep_running(self.server)
            found.extend(find())
            return bool(found)

        until(are_there, 60, 0.1)
        with suppress(ProcessLookupError):
            os.kill(found[0], number)
        return ended

    def _valkeys(self) -> list[int]:
        found = []
        for pid in self.server.children():
            with suppress(OSError):
                if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found


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
    with subscribing(server) as endpoint:
        made = server.client.post(
            "/subscriptions",
            json={"url": endpoint.url("/hook"), "query": "region=kr:52"},
            headers={"Authorization": f"Bearer {outlet}"},
        )
        assert made.status_code == 201, made.text
        run = Run(server, endpoint, seed, OFFICES)
        try:
            run.go(tokens, Faults(server, cluster).all)
            run.finish()
        finally:
            save(tmp_path / "history.jsonl", run.history)
    engine = server.engine()
    verdict = store.audit.verify(engine)
    engine.dispose()
    print(f"audit log: {verdict.count} records, fault: {verdict.fault or 'none'}", flush=True)
    assert verdict.fault == ""
    assert run.acknowledged >= max(PUSHES, 50)
    findings = check(run.history, BOUND)
    kinds = Counter(finding.split()[0] for finding in findings)
    assert not findings, (f"PRESSRELAY_TEST_SEED={seed}", tmp_path / "history.jsonl", kinds, findings[:10])
    assert_mutants_caught(run.history)
