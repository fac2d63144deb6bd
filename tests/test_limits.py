"""Limits by token and by address: counted for all workers together, shown in headers, and never an obstacle when Redis is away."""

import os
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest

from app import create_app
from app.errors import Misconfigured
from app.settings import Settings, load
from app.web.limits import network
from tests.conftest import Server
from tests.test_lifecycle import document
from tests.test_serve import named


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("limited")
    server = Server(directory, token_rate="5/hour", address_rate="8/hour", proxies="1").start()
    yield server
    server.close()


def fresh(server: Server, path: str, **headers: str) -> httpx.Response:
    """Ask over a new connection, so that any worker may answer."""
    return httpx.get(f"{server.url}{path}", headers=headers, trust_env=False, timeout=30)


def test_one_token_and_one_address_have_their_limits(limited: Server) -> None:
    other = limited.office()
    # On a busy machine, the cache may answer too late once; then a worker counts alone. One of three tries must succeed.
    for tries in range(3):
        token = limited.office(f"seoul-{tries}", "서울특별시", "kr:11")
        left = []
        for number in range(5):
            body = document(f"tag:limits,2026:{tries}-{number}")
            answer = limited.push(token, body, **{"X-Forwarded-For": f"203.0.113.{number}"})
            assert answer.status_code == 201, answer.text
            policy, rate = answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]
            assert policy == '"token";q=5;w=3600' and rate.startswith('"token";r=')
            left.append(int(rate.partition("r=")[2].partition(";")[0]))
        if left == [4, 3, 2, 1, 0]:
            break
    assert left == [4, 3, 2, 1, 0]
    answer = limited.push(token, document("tag:limits,2026:6"), **{"X-Forwarded-For": "203.0.113.77"})
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:pressrelay:problem:rate-limited"
    assert 0 < int(answer.headers["Retry-After"]) <= 3601
    assert answer.headers["RateLimit"].startswith('"token";r=0;')
    assert limited.push(other, document("tag:limits,2026:7"), **{"X-Forwarded-For": "203.0.113.78"}).status_code == 201

    address = _counted_together(limited, "/feeds", 200, "198.51.100")
    assert fresh(limited, "/feeds", **{"X-Forwarded-For": "203.0.113.10"}).status_code == 200
    page = fresh(limited, "/", **{"X-Forwarded-For": address, "Accept": "text/html", "Accept-Language": "ko"})
    assert page.status_code == 429 and "요청이 너무 많습니다" in page.text
    for path in ("/feed.atom", "/healthz", "/readyz"):
        answer = fresh(limited, path, **{"X-Forwarded-For": address})
        assert answer.status_code == 200 and "RateLimit" not in answer.headers, "feeds are not counted"
    assert fresh(limited, "/feed.atom?q=x", **{"X-Forwarded-For": address}).status_code == 429, "searches are"


def _counted_together(server: Server, path: str, answered: int, block: str, token: str = "") -> str:
    """An address of the block whose ninth and tenth request were refused, whichever worker answered. On a busy machine the cache may
    answer too late; then a worker counts alone for a second, and another address is tried."""
    for number in range(10, 40):
        headers = {"X-Forwarded-For": f"{block}.{number}"}
        codes = [fresh(server, path, **headers, **_bearer(token, guess)).status_code for guess in range(10)]
        if codes == [answered] * 8 + [429] * 2:
            return headers["X-Forwarded-For"]
    raise AssertionError(f"the workers do not count together: {codes}")


def _bearer(token: str, number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}-{number}"} if token else {}


@pytest.mark.parametrize("path", ["/atompub", "/metrics", "/readyz"])
def test_a_token_that_is_guessed_at_counts_for_its_address(limited: Server, path: str) -> None:
    limited.office()
    _counted_together(limited, path, 401, f"192.0.{ord(path[1])}", token="guess")


def test_without_redis_each_worker_counts_for_itself(own_server: Callable[..., Server]) -> None:
    server = own_server(address_rate="4/hour", proxies="1", workers="1", redis_url="redis://127.0.0.1:1").start()
    codes = [fresh(server, "/feeds", **{"X-Forwarded-For": "198.51.100.30"}).status_code for _ in range(6)]
    assert codes == [200] * 4 + [429] * 2


def test_redis_that_freezes_once_a_request_was_counted_spoils_no_answer(own_server: Callable[..., Server]) -> None:
    """The limit must not turn the answer of a stored push into a 500: the remaining amount was known when the request was
    counted."""
    server = own_server().start()
    (valkey,) = named(server, "valkey-server")
    app = create_app(Settings(data_dir=str(server.directory)))
    app.before_request(lambda: os.kill(valkey, signal.SIGSTOP))  # behind the limiter's own
    try:
        answer = app.test_client().get("/feeds", environ_base={"REMOTE_ADDR": "198.51.100.40"})
        assert (answer.status_code, "RateLimit" in answer.headers) == (200, True)
    finally:
        os.kill(valkey, signal.SIGCONT)
    app.extensions["pressrelay"].engine.dispose()


def test_a_forwarded_address_is_believed_only_from_a_proxy(own_server: Callable[..., Server]) -> None:
    server = own_server(address_rate="2/hour").start()
    codes = {fresh(server, "/feeds", **{"X-Forwarded-For": f"198.51.100.{n}"}).status_code for n in range(5)}
    assert codes == {200}, "this machine's own requests are a proxy's, and not counted"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    assert network(address) == counted


def test_settings_of_rates() -> None:
    with pytest.raises(Misconfigured, match="PRESSRELAY_TOKEN_RATE must be a rate such as 6000/minute, not 'often'"):
        load({"PRESSRELAY_TOKEN_RATE": "often"})
