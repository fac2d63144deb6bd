"""Metrics and readiness: who may read them, and that they count nothing under embargo."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app import measures, store
from app.accounts.offices import OfficeRecord, Sender
from app.context import connect
from app.errors import Misconfigured
from app.intake import releases
from app.settings import load
from bench.processes import free_port
from tests.conftest import Server, until
from tests.subscriber import Subscriber, subscribing
from tests.test_hub import PUSH
from tests.test_lifecycle import document

LIFTS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


@pytest.fixture(scope="module")
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("metrics"), **PUSH, workers="1", metrics_address=address).start()
    yield server
    server.close()


@pytest.fixture
def endpoint(server: Server) -> Iterator[Subscriber]:
    with subscribing(server) as subscriber:
        yield subscriber


def metrics(address: str) -> str:
    answer = httpx.get(f"http://{address}/metrics", trust_env=False)
    assert answer.status_code == 200
    return answer.text


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not in\n{text}"
    return float(found[1])


def test_an_embargoed_push_changes_no_metric(server: Server, address: str, endpoint: Subscriber) -> None:
    token = server.office("metered", "계량청", "kr:51")
    for words in (
        ("outlet", "add", "metered-daily", "--name", "데일리"),
        ("webhook", "add", endpoint.url("/waits"), "--outlet", "metered-daily", "--feed", "status=embargoed"),
        (
            "webhook",
            "add",
            endpoint.url("/gone"),
            "--outlet",
            "metered-daily",
            "--feed",
            "status=embargoed&region=kr:51",
        ),
        ("webhook", "add", endpoint.url("/public"), "--outlet", "metered-daily"),
    ):
        done = server.run(*words)
        assert done.returncode == 0, done.stderr
    endpoint.replies["/gone"] = lambda _: b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
    assert server.push(token, document("tag:metered,2026:open")).status_code == 201
    until(lambda: endpoint.to("/public"))
    delivered = 'pressrelay_deliveries_total{kind="webhook",outcome="delivered"}'
    until(lambda: delivered in metrics(address))
    taken = 'pressrelay_articles_taken_total{dialect="press-release",outcome="accepted"} 1.0'
    until(lambda: taken in metrics(address))  # Processes write what they measured every two seconds.
    before = still(metrics(address))
    assert value(before, delivered) == 1 and value(before, "pressrelay_changes") == 1
    assert value(before, 'pressrelay_subscriptions{kind="webhook",state="active"}') == 1
    inside = f'<embargo until="{LIFTS.isoformat()}"/>'
    for number in range(3):
        waits = document(f"tag:metered,2026:waits-{number}", inside=inside)
        assert server.push(token, waits).status_code == 201
        assert still(metrics(address)) == before, "while the delivery is under way"
    until(lambda: len(endpoint.to("/waits")) == 3 and endpoint.to("/gone"))
    engine = server.engine()
    try:
        until(lambda: not any(store.deliveries.failing(engine, [one.id])[one.id]["next"] for one in waiting(engine)))
        until(lambda: "ended" in [one.state for one in store.deliveries.find_subscriptions(engine)])
        assert still(metrics(address)) == before, "and when it is over"
        store.articles.lift(engine, LIFTS)
    finally:
        engine.dispose()
    until(lambda: value(metrics(address), "pressrelay_changes") == 4)


def still(text: str) -> str:
    """The metrics without those that change by themselves: how long the database took to answer, and how full the disk is."""
    return "\n".join(
        line for line in text.splitlines() if not re.match("pressrelay_(database_seconds|disk_free) ", line)
    )


def waiting(engine: store.Engine) -> list[store.deliveries.Subscription]:
    return [one for one in store.deliveries.find_subscriptions(engine) if one.embargoed and one.state == "active"]


def test_a_late_lift_shows_only_when_it_is_late(server: Server, address: str) -> None:
    assert value(metrics(address), "pressrelay_lift_late_seconds") == 0


def test_the_public_port_has_none_where_they_have_an_address(server: Server) -> None:
    for headers in ({}, server.operator("metrics"), server.operator()):
        told = server.client.get("/metrics", headers=headers)
        assert (told.status_code, told.json()["type"]) == (404, "urn:pressrelay:problem:no-metrics")


def test_without_an_address_a_token_is_needed(own_server: Callable[..., Server]) -> None:
    server = own_server(workers="1").start()
    office = {"Authorization": f"Bearer {server.office()}"}
    assert server.client.get("/metrics").status_code == 401
    assert server.client.get("/metrics", headers=office).status_code == 403
    made = server.run("token", "add", "--role", "metrics", "--name", "prometheus")
    bearer = {"Authorization": f"Bearer {made.stdout.splitlines()[-1]}"}
    for headers in (bearer, server.operator()):
        told = server.client.get("/metrics", headers=headers)
        assert told.status_code == 200 and "pressrelay_database_up 1.0" in told.text
    assert server.client.get("/readyz", headers=bearer).json() == {"status": "ok"}, "a monitor is no administrator"
    assert server.client.get("/feed.atom?status=embargoed", headers=bearer).status_code == 403
    refused = server.run("token", "add", "jeonbuk", "--role", "metrics")
    assert refused.returncode == 1 and "belongs to no office and no outlet" in refused.stderr


def test_readiness_says_to_strangers_whether_and_no_more(server: Server) -> None:
    office = {"Authorization": f"Bearer {server.office()}"}
    told = server.ready()
    # The tests above lifted embargoes before their instant, so the server believes that its clock is behind.
    (warning,) = told["warnings"]
    assert "behind the newest change" in warning
    for headers in ({}, office):
        assert server.client.get("/readyz", headers=headers).json() == {"status": "degraded"}
    assert (told["database"], told["cache"], told["sources"]) == ("ok", "ok", "ok") and told["changes"] >= 0


@pytest.mark.parametrize("given", ["9100", "127.0.0.1", "a b:1", "127.0.0.1:0", "127.0.0.1:70000", "::1:9100"])
def test_addresses_that_are_none(given: str) -> None:
    with pytest.raises(Misconfigured, match=r"PRESSRELAY_METRICS_ADDRESS must be HOST:PORT such as 127\.0\.0\.1:9100"):
        load({"PRESSRELAY_METRICS_ADDRESS": given})


def test_an_address_that_is_taken_is_told(server: Server, address: str, tmp_path: Path) -> None:
    done = server.run("metrics")
    assert done.returncode == 1 and "cannot be used" in done.stderr and "Traceback" not in done.stderr


def test_a_host_whose_clock_is_ahead_counts_no_embargo(
    engine: store.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's clock decides what is public; by the host's, this push would be counted an hour before it is."""
    context = connect(load({"PRESSRELAY_DATA_DIR": str(tmp_path), "PRESSRELAY_DATABASE_URL": str(engine.url)}))
    behind = datetime.now(UTC) - timedelta(hours=2)
    monkeypatch.setattr(store.clock, "database_now", lambda _: behind)
    monkeypatch.setattr(measures, "here", made := measures.Measures())
    monkeypatch.setattr(measures, "count", made.count)
    sender = Sender(OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    waits = document("tag:clocks,2026:waits", inside=f'<embargo until="{(behind + timedelta(hours=1)).isoformat()}"/>')
    (receipt,) = releases.take(context, sender, waits, "application/xml")
    assert receipt.status == 201 and not made.reading().counts
    context.cache.close(), context.engine.dispose()
