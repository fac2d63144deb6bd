"""The measurements of the processes, the alerts and the dashboard; and that none of them reveals articles under embargo."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import measures
from app.measures import BOUNDS, Durations, MeasuredSums, Measures
from app.run import metrics as shown
from bench.processes import free_port
from tests.certificates import DAY, Authority
from tests.conftest import Server, until
from tests.test_lifecycle import document

ROOT = Path(__file__).parent.parent
RULES = ROOT / "contrib" / "prometheus" / "pressrelay.rules.yml"
DASHBOARD = ROOT / "contrib" / "grafana" / "pressrelay.json"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
SERIES = re.compile(r"\bpressrelay_[a-z_]+")
# One that only a public https address has.
ELSEWHERE = {"pressrelay_certificate_ends_seconds"}


@pytest.fixture(scope="module")
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("seen"), workers="1", metrics_address=address).start()
    yield made
    made.close()


def read(address: str) -> str:
    return httpx.get(f"http://{address}/metrics", trust_env=False).text


def total(text: str, start: str) -> float:
    """The sum of the series whose line begins so."""
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(start))


def total_of(text: str, start: str) -> float:
    return total(text, f"pressrelay_{start}")


def requests(text: str, way: str, route: str, status: str = "200", method: str = "GET") -> float:
    labels = f'{{method="{method}",route="{route}",status="{status}",way="{way}"}}'
    return total(text, f"pressrelay_request_seconds_count{labels}")


# What the processes measure


def test_sums_of_processes_and_what_came_since() -> None:
    one, other = Measures(), Measures()
    one.count("a", ("x",))
    one.took("b", (), 0.003)
    other.count("a", ("x",), 2)
    other.took("b", (), 100.0)
    sums = measures.together([one.reading(), other.reading()])
    assert sums.counts == {("a", ("x",)): 3} and sums.durations[("b", ())].seconds == pytest.approx(100.003)
    assert sum(sums.durations[("b", ())].counts) == 2 and sums.durations[("b", ())].counts[-1] == 1
    later = measures.since(sums, one.reading())
    assert later.counts == {("a", ("x",)): 2} and later.durations[("b", ())].counts[-1] == 1
    assert measures.since(other.reading(), sums) == other.reading(), "the server was started anew"


@pytest.mark.parametrize(("part", "seconds"), [(0.5, BOUNDS[0]), (0.99, BOUNDS[4]), (1.0, 60.0)])
def test_a_quantile_is_the_end_of_its_class(part: float, seconds: float) -> None:
    counts = [0] * (len(BOUNDS) + 1)
    counts[0], counts[4], counts[-1] = 900, 95, 5
    assert Durations(tuple(counts), 1.0).quantile(part) == seconds
    assert Durations((0,) * (len(BOUNDS) + 1), 0.0).quantile(part) == 0


def test_sixteen_threads_lose_no_count() -> None:
    mine = Measures()

    def work() -> None:
        for number in range(2_000):
            mine.count("a", (str(number % 7),))
            mine.took("b", (str(number % 3),), 0.001)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading = mine.reading()
    assert sum(reading.counts.values()) == 32_000
    assert sum(sum(one.counts) for one in reading.durations.values()) == 32_000


def test_new_series_are_bounded() -> None:
    mine = Measures()
    for number in range(measures.MOST + 50):
        mine.count("a", (str(number),))
    mine.count("a", ("0",))
    assert len(mine.reading().counts) == measures.MOST and mine.reading().counts[("a", ("0",))] == 2


def test_the_measures_of_ended_processes_stay_and_garbage_counts_nothing(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    folder = tmp_path / measures.FOLDER
    folder.mkdir()
    line = json.dumps({"counts": [["a", ["x"], 2]], "durations": []})
    for name in (f"web.{gone.pid}.json", f"web.{os.getpid()}.json", "ended.json"):
        (folder / name).write_text(line)
    (folder / "web.1.json").write_text('{"counts": [["a"')
    (folder / "web.2.json").write_text('{"counts": [], "durations": [["b", [], [1], 1]]}')
    measures.sweep(str(tmp_path))
    assert not (folder / f"web.{gone.pid}.json").exists() and (folder / f"web.{os.getpid()}.json").exists()
    assert measures.read(str(tmp_path)).counts == {("a", ("x",)): 6}
    measures.start_anew(str(tmp_path))
    assert measures.read(str(tmp_path)) == MeasuredSums()


# A live server


def test_requests_are_measured_by_way_route_and_status(server: Server, address: str) -> None:
    token = server.office()
    assert server.push(token, document("tag:seen,2026:one")).status_code == 201
    for _ in range(5):
        assert server.client.get("/feed.atom").status_code == 200
    assert server.client.get("/feed.atom?region=nowhere").status_code == 404
    until(
        lambda: requests(told := read(address), "hot", "/feed.<format>") + requests(told, "long", "/feed.<format>") >= 5
    )
    told = read(address)
    assert requests(told, "long", "/feed.<format>", "404") == 1
    assert requests(told, "hot", "/feed.<format>") + requests(told, "long", "/feed.<format>") == 5
    assert requests(told, "long", "/releases", "201", "POST") == 1
    bucket = 'pressrelay_request_seconds_bucket{le="+Inf",method="POST",route="/releases",status="201",way="long"} 1.0'
    assert bucket in told


def test_refusals_are_counted_by_dialect_and_reason(server: Server, address: str) -> None:
    token = server.office()
    assert server.push(token, b"<rss version='2.0'><channel/></rss>").status_code == 422
    assert server.push(token, b"<release").status_code in (400, 422)
    broken = document("tag:seen,2026:two").replace(b"<issued>", b"<issued>on ")
    assert server.push(token, broken).status_code == 422
    until(lambda: total(read(address), "pressrelay_articles_taken_total") >= 4)
    told = read(address)
    for dialect in ("rss", "unknown", "press-release"):
        refused = [line for line in told.splitlines() if f'articles_taken_total{{dialect="{dialect}",outcome=' in line]
        assert [line for line in refused if "accepted" not in line], told


def test_what_is_private_is_not_measured(server: Server, address: str) -> None:
    """A reading under embargo, a page of a person, a push that waits."""
    token = server.office()
    bearer = {"Authorization": f"Bearer {token}"}
    pushes, taken = 'route="/releases",status="201"', 'articles_taken_total{dialect="press-release",outcome="accepted"'
    counted = [total_of(read(address), part) for part in (f'request_seconds_count{{method="POST",{pushes}', taken)]
    assert server.push(token, document("tag:seen,2026:held", inside="<embargo/>")).status_code == 201
    assert server.client.get("/feed.atom?status=embargoed", headers=bearer).status_code == 200
    assert server.client.get("/desk", headers={"Cookie": "pressrelay=nobody"}).status_code in (302, 303)
    # This push is public; once the metrics count it, they would also count the earlier ones.
    assert server.push(token, document("tag:seen,2026:shown")).status_code == 201
    until(lambda: total_of(read(address), taken) > counted[1])
    told = read(address)
    assert total_of(told, 'request_seconds_count{method="GET",route="/desk"') == 0
    now = [total_of(told, part) for part in (f'request_seconds_count{{method="POST",{pushes}', taken)]
    assert now == [number + 1 for number in counted], "the public one alone"


def test_a_killed_worker_loses_no_measure_that_it_wrote(server: Server, address: str) -> None:
    server.client.get("/feed.json?limit=2")
    until(lambda: total(read(address), "pressrelay_request_seconds_count") > 0)
    before = total(read(address), "pressrelay_request_seconds_count")
    web = [pid for pid in server.children() if title(pid).startswith("pressrelay web")]
    os.kill(web[-1], signal.SIGKILL)  # Granian's only worker
    until(lambda: answers(server))
    assert total(read(address), "pressrelay_request_seconds_count") >= before


def answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


# The certificate of the public address


def test_the_end_of_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    for lasts, known in ((DAY * 30, True), (-DAY, False)):
        pem = authority.issue("127.0.0.1", lasts=lasts)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=greet, args=(listener, context), daemon=True)
            thread.start()
            ends = shown.ends_of("127.0.0.1", listener.getsockname()[1])
            thread.join(5)
        assert (ends is not None) == known, lasts
    assert shown.Certificate("http://press.example.org").ends() is None, "not https"


def greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    try:
        with context.wrap_socket(listener.accept()[0], server_side=True) as wrapped:
            wrapped.recv(1)
    except OSError:
        pass  # The client refused the certificate.


# Alerts, runbook, dashboard


def test_alerts_and_dashboard_use_metrics_that_the_server_has(server: Server, address: str) -> None:
    """Compare with the names in the help lines of a server, with the suffixes of Prometheus' types."""
    names: set[str] = set(ELSEWHERE)
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", read(address), re.MULTILINE):
        names |= {f"{name}_{end}" for end in ("bucket", "count", "sum")} if kind == "histogram" else {name}
    assert len(names) > 15
    for path in (RULES, DASHBOARD):
        used = set(SERIES.findall(path.read_text("utf-8")))
        assert used and used <= names, f"{path.name}: {sorted(used - names)}"


def test_each_metric_is_in_the_docs_and_each_in_the_docs_exists(server: Server, address: str) -> None:
    documented = set(re.findall(r"`(pressrelay_[a-z_]+)", (ROOT / "docs" / "operating.md").read_text("utf-8")))
    there = set(re.findall(r"^# TYPE (\S+) ", read(address), re.MULTILINE)) | ELSEWHERE
    assert documented == there


def test_each_alert_has_a_section_of_the_runbook_and_each_section_an_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text("utf-8"))
    assert alerts == re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) and len(alerts) >= 14
    links = re.findall(r"runbook: docs/runbook\.md#(\w+)", RULES.read_text("utf-8"))
    assert links == [alert.lower() for alert in alerts]


def test_promtool_agrees() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here (Debian: prometheus)")
    for words in (
        ["check", "rules", RULES.name],
        ["test", "rules", *sorted(p.name for p in RULES.parent.glob("*.test.yml"))],
    ):
        done = subprocess.run([promtool, *words], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways() -> None:
    """One of promtool's tests shows that it fires, and one that it does not."""
    tested = "".join(path.read_text("utf-8") for path in RULES.parent.glob("*.test.yml"))
    for alert in re.findall(r"- alert: (\w+)", RULES.read_text("utf-8")):
        assert re.search(rf"alertname: {alert}\n +exp_alerts:", tested), f"{alert} never fires in a test"


def test_the_dashboard_is_whole() -> None:
    board = json.loads(DASHBOARD.read_text("utf-8"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) > 15 and all(panel["targets"] for panel in board["panels"])
