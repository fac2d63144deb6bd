"""No stranger makes this server call or probe others: requests to the hub that nobody confirms, and messages about failed calls."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app import store
from app.deliveries import restraint
from app.errors import Refused
from app.outbound.callbacks import Client, Policy
from bench.processes import free_port
from tests.conftest import Server, calls_waiting, together, until
from tests.subscriber import Subscriber, answer, subscribing
from tests.test_hub import PUSH, accredited, ask, state, topic_of

FAILURES = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = PUSH | {"hub_failures": str(FAILURES), "workers": "1"}
    server = Server(tmp_path_factory.mktemp("reflection"), **settings).start()
    server.office("hubs", "허브청", "kr:51")
    yield server
    server.close()


@pytest.fixture
def victim(server: Server) -> Iterator[Subscriber]:
    """Somebody who never subscribed."""
    with subscribing(server) as subscriber:
        yield subscriber


def test_a_host_that_confirms_nothing_is_called_a_few_times(server: Server, victim: Subscriber) -> None:
    mine, topic = victim.url("/mine"), topic_of(server)
    assert ask(server, topic, mine).status_code == 202
    until(lambda: state(server, topic, mine) == "active")
    told: list[httpx.Response] = []
    for number in range(80):
        victim.replies[f"/v/{number}"] = lambda _: answer(404)

    def flood(thread: int) -> None:
        told.extend(ask(server, topic, victim.url(f"/v/{thread * 10 + number}")) for number in range(10))

    together(*[lambda thread=thread: flood(thread) for thread in range(8)])  # type: ignore[misc]
    engine = server.engine()
    until(lambda: calls_waiting(engine, victim.host) == 0)
    engine.dispose()
    calls = [got for got in victim.got if got.path.startswith("/v/")]
    # One failure more for its one subscription; what is in flight at once is not counted yet.
    assert FAILURES <= len(calls) <= FAILURES + 1 + 8, len(calls)
    last = ask(server, topic, victim.url("/v/again"))
    assert last.status_code == 429 and int(last.headers["Retry-After"]) >= 3600
    assert "did not confirm" in last.text
    assert ask(server, topic, mine, lease_seconds="120").status_code == 202, "a subscriber renews"
    assert {one.status_code for one in told} <= {202, 429}


@pytest.mark.parametrize("path", ["/articles", "/nobody"])
def test_a_refusal_is_told_to_the_requester_alone(server: Server, victim: Subscriber, path: str) -> None:
    topic = f"{server.url}/feed.atom?office=hubs&status=embargoed"
    assert ask(server, topic, victim.url(path)).status_code == 401
    engine = server.engine()
    assert calls_waiting(engine, victim.host) == 0, "nothing is to be told there"
    engine.dispose()
    assert victim.to(path, "GET") == []


def test_waiting_grows() -> None:
    now = 10**15
    waits = [restraint.call_waits(store.deliveries.Tally(sent=n, last=now), 0, 20, now) for n in range(8)]
    assert waits == [0, 0, 10, 60, 600, 3600, 3600, 3600]
    assert restraint.call_waits(store.deliveries.Tally(sent=2, last=now), 0, 20, now + 9_500_000) == 1
    assert restraint.call_waits(store.deliveries.Tally(sent=2, last=now), 0, 20, now + 10_000_000) == 0
    assert restraint.call_waits(store.deliveries.Tally(site_hour=20), 0, 20, now) == 3600
    assert restraint.call_waits(store.deliveries.Tally(site_hour=20), 1, 20, now) == 0
    assert restraint.call_waits(store.deliveries.Tally(site_day=60), 0, 20, now) == 6 * 3600


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("a.b.victim.example", "victim.example"),
        ("hooks.daily.co.kr", "daily.co.kr"),
        ("daily.kr", "daily.kr"),
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("localhost", "localhost"),
    ],
)
def test_what_bears_it_together(host: str, site: str) -> None:
    assert restraint.site(host) == site


# Messages about failed calls

LISTENS, NOTHING = "10.9.8.7", "10.9.8.6"


def told_of(url: str, policy: Policy, addresses: dict[str, list[str]]) -> tuple[str, str]:
    """The sentence in the log, and the sentence for others."""

    def resolver(host: str, _: int) -> list[str]:
        if host not in addresses:
            raise Refused(f"{host!r} cannot be resolved: no such name.", f"No public address was found for {host!r}.")
        return addresses[host]

    async def call() -> tuple[str, str]:
        client = Client(policy, resolver)
        try:
            await client.send("POST", url, {}, b"x")
        except Refused as error:
            return str(error), error.public_message
        finally:
            await client.close()
        raise AssertionError("it was called")

    return asyncio.run(call())


def test_every_inside_target_is_told_of_in_the_same_words() -> None:
    """A name that leads inside, one that does not exist, and an address of the inside."""
    names = {
        "db.inside.example": ["10.0.0.5"],
        "six.inside.example": ["fd00::5"],
        "both.example": ["93.184.215.14", "10.0.0.1"],
    }
    names |= {"none.example": [], "meta.example": ["169.254.169.254"]}
    for host in (*names, "unknown.example", "127.0.0.1", "10.0.0.5", "169.254.169.254"):
        try:
            logged, told = told_of(f"https://{host}/", Policy(), names)
        except Refused as error:
            logged, told = str(error), error.public_message
        assert told == f"No public address was found for {host!r}."
        assert host in logged


def test_what_listens_inside_is_not_told_where_calls_there_are_allowed() -> None:
    port = free_port()
    policy = Policy(True, ((1, 65535),), ("127.0.0.0/8",))
    logged, told = told_of(f"http://inside.example:{port}/", policy, {"inside.example": ["127.0.0.1"]})
    assert "127.0.0.1" in logged and told == "No answer came."


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), workers="1").start()
    yield server
    server.close()


def test_an_outlet_learns_nothing_of_the_inside(guarded: Server) -> None:
    desk = {"Authorization": f"Bearer {accredited(guarded, 'desk')}"}
    for url in ("https://127.0.0.1/", "https://10.0.0.1:8443/", "https://[::1]/", "https://169.254.169.254/"):
        told = guarded.client.post("/subscriptions", json={"url": url}, headers=desk)
        assert told.status_code == 400
        assert re.fullmatch(r"No public address was found for '[^']+'\.", told.json()["detail"]), told.text
    told = []
    for name in ("localhost", "no-such-name.invalid"):
        made = guarded.client.post("/subscriptions", json={"url": f"https://{name}/"}, headers=desk)
        assert made.status_code == 201, made.text
        tried: dict[str, Any] = guarded.client.post(
            f"/subscriptions/{made.json()['name']}/test", headers=desk | {"Content-Length": "0"}
        ).json()
        told.append({**tried, "error": tried["error"].replace(name, "NAME")})
    assert told == [{"status": 0, "error": "No public address was found for 'NAME'.", "millis": 0}] * 2
    assert "127.0.0.1, which is not a public address" in guarded.log.read_text(), "the log tells the operator"
