"""OpenTelemetry traces of a whole server, as a real collector gets them over HTTP: their trees, and that they contain nothing of an
article."""

import ast
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import measures, spans, store
from app.errors import Misconfigured
from app.settings import Settings, load
from app.store.accounts import Source
from tests.collector import Collector, Sent, collecting
from tests.conftest import ROOT, Server, until
from tests.subscriber import answer, subscribing
from tests.test_hub import PUSH, accredited
from tests.test_lifecycle import document
from tests.test_webhooks import hook

# All attributes that a span may have. If you add one, show that it can contain nothing of an article.
ALLOWED = {
    *("http.request.method", "http.route", "http.response.status_code", "url.scheme", "server.address", "error.type"),
    *("db.system.name", "db.operation.name", "pressrelay.source"),
    *("messaging.system", "messaging.operation.name", "messaging.operation.type"),
    *("messaging.destination.name", "messaging.message.id"),
}
SECRET = "tag:secret,2026:9b1f"
HEADLINE = "비밀스러운 제목"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


def traced(own_server: Callable[..., Server], collector: Collector, environ: dict[str, str], **settings: str) -> Server:
    server = own_server(traces_url=collector.url, **settings)
    server.environ.update(environ)
    return server.start()


def one(collector: Collector, name: str, number: int = 1) -> Sent:
    """The span with that name and number; waits until there are that many."""
    until(lambda: len(collector.named(name)) >= number, 20)
    return collector.named(name)[number - 1]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_a_push_a_feed_a_lift_and_a_delivery(
    own_server: Callable[..., Server], collector: Collector, database: str, request: pytest.FixtureRequest
) -> None:
    more = {"database_url": str(request.getfixturevalue("postgres_url"))} if database == "postgresql" else {}
    server = traced(own_server, collector, QUICK, workers="1", **PUSH, **more)
    token, outlet = server.office("hooks", "갈고리청", "kr:51"), accredited(server, "daily")
    with subscribing(server) as endpoint:
        name = hook(server, outlet, endpoint, "/hook?key=hidden")["name"]
        assert server.push(token, document("tag:hooks,2026:open")).status_code == 201
        push = one(collector, "POST /releases")
        assert (push.kind, push.parent, push.links, push.failed) == ("SERVER", b"", (), False)
        assert push.service == "pressrelay" and push.attributes == {
            "http.request.method": "POST",
            "http.route": "/releases",
            "http.response.status_code": 201,
            "url.scheme": "http",
        }
        tree = collector.below(push)
        assert {"parse and check release", "decide and commit"} <= tree.keys()
        assert {f"write {database}", "announce changes"} <= tree["decide and commit"].keys()

        delivery = one(collector, "deliver webhook")
        assert (delivery.trace, delivery.parent, delivery.kind) == (push.trace, push.id, "CONSUMER")
        (got,) = endpoint.to("/hook")
        assert delivery.attributes["messaging.message.id"] == got.headers["webhook-id"]
        assert delivery.attributes["messaging.destination.name"] == name
        assert list(collector.below(delivery)) == ["POST"]
        assert one(collector, "POST").attributes["http.response.status_code"] == 204

        assert server.client.get("/feed.rss?region=kr:51&limit=7").status_code == 200
        feed = one(collector, "GET /feed.<format>")
        render = collector.below(feed)["render feed"]
        assert {"look in cache", "find articles", "keep in cache"} <= render.keys()
        assert f"read {database}" in render["find articles"]
        assert len(collector.named("GET /feed.<format>")) == 1

        until_ = datetime.now(UTC) + timedelta(seconds=3)
        waits = document(SECRET, 1, f'<embargo until="{until_.isoformat()}"/>', HEADLINE)
        told = server.push(token, waits)
        assert told.status_code == 201
        assert server.client.get(f"/articles/{told.json()['id']}").status_code == 404
        hidden = one(collector, "POST /releases", 2)
        assert server.client.get("/feed.rss?q=%EB%B9%84%EB%B0%80").status_code == 200
        one(collector, "GET /feed.<format>", 2)
        # On a busy machine the fast lane pauses when it has not heard from the cache for a moment. Then Flask answers, with a span.
        until(lambda: _asked_again(server) and _feeds_answered(server, "hot"), 20, 0.05)
        lift = one(collector, "lift embargoes")
        assert (lift.parent, lift.links) == (b"", ((hidden.trace, hidden.id),))
        assert {f"write {database}", "announce changes"} <= collector.below(lift).keys()
        second = one(collector, "deliver webhook", 2)
        assert (second.trace, second.parent) == (hidden.trace, hidden.id)
    server.stop()
    assert len(collector.named("GET /feed.<format>")) == _feeds_answered(server, "long"), "none by the fast lane"
    assert all(span.attributes.keys() <= ALLOWED for span in collector.spans)
    sent = b"".join(collector.bodies)
    for word in (SECRET, HEADLINE, told.json()["id"], "tag:hooks,2026:open", "hidden", "kr:51", token, outlet, "비밀"):
        assert word.encode() not in sent, word
    assert HEADLINE.encode() in endpoint.to("/hook")[-1].body, "what was looked for is there"


def _asked_again(server: Server) -> bool:
    return server.client.get("/feed.rss?region=kr:51&limit=7").status_code == 200


def _feeds_answered(server: Server, way: str) -> int:
    """How many feeds the server measured so far, by that way: "hot", the fast lane, or "long", Flask."""
    found = measures.read(str(server.directory)).durations.get(
        ("request_seconds", (way, "/feed.<format>", "GET", "200"))
    )
    return found.number if found else 0


def test_a_caller_is_linked_and_decides_nothing(own_server: Callable[..., Server], collector: Collector) -> None:
    server = traced(own_server, collector, QUICK, workers="1", proxies="1")
    theirs, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    linked = ((bytes.fromhex(theirs), bytes.fromhex(parent)),)
    given = {f"00-{theirs}-{parent}-00": linked, f"00-{theirs}-{parent}-01": linked}
    given |= dict.fromkeys(
        (
            f"ff-{theirs}-{parent}-01",
            f"00-{'0' * 32}-{parent}-01",
            f"00-{theirs}-01",
            f"00-{theirs}-{parent}-01" * 9,
            "x",
        ),
        (),
    )
    for number, (header, links) in enumerate(given.items(), 1):
        sent = {"traceparent": header, "tracestate": "vendor=1", "X-Request-Id": f"the-same-request-{number // 9}"}
        assert server.client.get("/healthz", headers=sent).status_code == 200
        span = one(collector, "GET /healthz", number)
        assert (span.links, span.parent) == (links, b""), header
        assert span.trace.hex() != theirs
    # The id of a request names its trace, but nobody outside can tell which.
    assert len({span.trace for span in collector.named("GET /healthz")}) == 1


def test_what_is_left_is_sent_when_the_server_ends(own_server: Callable[..., Server], collector: Collector) -> None:
    server = traced(own_server, collector, {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_SERVICE_NAME": "press"})
    for _ in range(20):
        assert server.client.get("/healthz", headers={"Connection": "close"}).status_code == 200
    assert not collector.named("GET /healthz")
    assert server.stop() == 0
    found = collector.named("GET /healthz")
    assert len(found) >= 20 and {span.service for span in found} == {"press"}


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["hang", "refuse"])
def test_a_collector_that_fails_keeps_nobody_waiting(
    own_server: Callable[..., Server], collector: Collector, mood: str
) -> None:
    collector.mood = mood
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "16", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8", "OTEL_EXPORTER_OTLP_TIMEOUT": "2"}
    server = traced(own_server, collector, QUICK | few, workers="1")
    token = server.office()
    slowest = 0.0
    for number in range(60):
        begun = time.monotonic()
        assert server.push(token, document(f"tag:slow,2026:{number}")).status_code == 201
        slowest = max(slowest, time.monotonic() - begun)
    assert collector.asked and slowest < 2, slowest  # a request to the collector hangs for longer
    until(lambda: "does not take traces" in server.log.read_text(), 20)
    begun = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - begun < 12
    log = server.log.read_text()
    assert 1 <= log.count("does not take traces") <= 4, "once for each process"
    assert "Traceback" not in log and "Queue full" not in log and "opentelemetry" not in log


def test_off_it_costs_nothing() -> None:
    asked = "import sys, app.cli; app.cli.cli(['--help'], standalone_mode=False); print(); print({})"
    library = "[name for name in sys.modules if name.startswith('opentelemetry')]"
    assert _printed(asked.format(library)) == "[]"
    # The client of Redis imports a part of the library itself, if it is there.
    ours = "[name for name in sys.modules if name.startswith(('app.spans.', 'opentelemetry.exporter'))]"
    assert _printed(f"import sys, app.web.app; print({ours})") == "[]"
    assert spans.span("x") is spans.begin_trace("x") is spans.followed("x", spans.CLIENT, ["y"]) is spans.NOTHING
    tree = ast.parse((ROOT / "app" / "web" / "fastlane.py").read_text("utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {"app.spans", "app.web.identified"} & names and "app.cache.marks" in names


def _printed(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_where_traces_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(url: str = "", **environ: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(f"OTEL_{name}", value)
            return spans.collector(url)

    base, full = "http://a.example:4318", "http://a.example:4318/v1/traces"
    assert found() == found("none") == found("none", EXPORTER_OTLP_ENDPOINT=base) == ""
    assert found(base) == found(f"{base}/") == found(full) == found(EXPORTER_OTLP_ENDPOINT=base) == full
    assert found("http://b.example/own", EXPORTER_OTLP_ENDPOINT=base) == "http://b.example/own"
    assert found(EXPORTER_OTLP_TRACES_ENDPOINT=f"{base}/x", EXPORTER_OTLP_ENDPOINT=base) == f"{base}/x"
    assert found(TRACES_EXPORTER="otlp") == "http://localhost:4318/v1/traces"
    assert found(base, SDK_DISABLED="true") == found(TRACES_EXPORTER="none", EXPORTER_OTLP_ENDPOINT=base) == ""


def test_what_is_missing_or_wrong_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(spans, "find_spec", lambda name: None)
    with pytest.raises(
        Misconfigured, match=r"PRESSRELAY_TRACES_URL: Traces need the extra otel\. Install pressrelay\[otel\]\."
    ):
        spans.preload("http://a.example:4318")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a.example:4318")
    assert spans.preload("") == (
        "OTEL_* variables name a collector. Traces need the extra otel. Install pressrelay[otel]. Or set PRESSRELAY_TRACES_URL=none."
    )
    assert spans.preload("none") == ""
    for wrong in ("a.example:4318", "grpc://a.example:4317", "http://user@a.example", "http://a.example/?x=1", "None"):
        with pytest.raises(Misconfigured, match="PRESSRELAY_TRACES_URL must be none, or an http or https URL"):
            load({"PRESSRELAY_TRACES_URL": wrong})
    assert load({"PRESSRELAY_TRACES_URL": "none"}) == Settings(traces_url="none")


@pytest.mark.slow
def test_a_pull_and_what_came_of_it(own_server: Callable[..., Server], collector: Collector) -> None:
    """A pull is a separate process, which ends at once: it sends its spans before."""
    server = traced(own_server, collector, {"OTEL_BSP_SCHEDULE_DELAY": "600000"}, workers="1")
    server.office("hooks", "갈고리청", "kr:51")
    with subscribing(server) as endpoint:
        endpoint.replies["/rss"] = lambda _got: answer(
            200, document("tag:pulled,2026:1"), Content_Type="application/xml"
        )
        engine = server.engine()
        source = Source("pulled", "press-release", endpoint.url("/rss"), "hooks", 600, 0, private=True)
        store.accounts.save_source(engine, source)
        pull = one(collector, "pull")
        (event,) = [one.event for one in store.audit.records(engine) if one.event.action == "pushed"]
        engine.dispose()
        (got,) = endpoint.to("/rss", "GET")
    assert (pull.parent, pull.attributes) == (b"", {"pressrelay.source": "pulled"})
    assert {"GET", "parse and check release", "decide and commit"} <= collector.below(pull).keys()
    assert event.detail["request_id"] and "traceparent" not in got.headers and "x-request-id" not in got.headers
