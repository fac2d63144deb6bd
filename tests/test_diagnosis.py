"""Why a callback fails, found at real servers: names, connections, certificates; and that nothing inside a network is described."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import Refused
from app.outbound import diagnosis
from app.outbound.addresses import nowhere
from app.outbound.callbacks import Answer, Policy
from app.outbound.diagnosis import Probe, Step
from tests.certificates import DAY, Authority, serving
from tests.subscriber import Subscriber

INSIDE = ("127.0.0.0/8", "::1/128")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def receiving(file: Path | None = None) -> Iterator[Subscriber]:
    receiver = Subscriber(serving(file) if file else None).start()
    try:
        yield receiver
    finally:
        receiver.stop()


def probed(
    url: str,
    authority: Authority | None = None,
    *,
    describes: bool = True,
    found: Callable[[str, int], list[str]] | None = None,
) -> tuple[Answer | None, list[Step], str]:
    """(the answer, the steps, what a stranger learns of a failure)."""

    async def ask() -> tuple[Answer | None, list[Step], str]:
        policy = Policy(True, ((1, 65535),), INSIDE, cafile=str(authority.file) if authority else "")
        probe = Probe(policy, found, describes=describes) if found else Probe(policy, describes=describes)
        try:
            return await probe.send("POST", url, {}, b"x"), probe.steps, ""
        except Refused as error:
            return None, probe.steps, error.public_message
        finally:
            await probe.close()

    return asyncio.run(ask())


def codes(steps: list[Step]) -> list[str]:
    return [f"{step.name} {step.code}".strip() for step in steps]


def test_a_good_callback(authority: Authority) -> None:
    with receiving(authority.issue("localhost")) as receiver:
        answer, steps, _ = probed(receiver.url("/hook", "localhost"), authority)
    assert answer and answer.status == 204 and codes(steps) == ["dns", "tcp", "tls"]
    assert "127.0.0.1" in steps[0].about and steps[2].about[:2] == "20", "the day on which the certificate ends"


@pytest.mark.parametrize(
    ("hosts", "more", "code"),
    [
        (("localhost",), {"lasts": -DAY}, "expired"),
        (("localhost",), {"since": DAY}, "early"),
        (("other.example",), {}, "name"),
        (("127.0.0.9",), {}, "name"),
    ],
)
def test_what_is_wrong_with_a_certificate(
    authority: Authority, hosts: tuple[str, ...], more: dict[str, timedelta], code: str
) -> None:
    with receiving(authority.issue(*hosts, **more)) as receiver:
        answer, steps, _ = probed(receiver.url("/hook", "localhost"), authority)
        assert receiver.got == [], "nothing is sent to somebody who may be another"
    assert answer is None and codes(steps) == ["dns", "tcp", f"tls {code}"]


def test_an_unknown_issuer(authority: Authority, tmp_path: Path) -> None:
    with receiving(Authority(tmp_path, "Somebody else").issue("localhost")) as receiver:
        _, steps, _ = probed(receiver.url("/hook", "localhost"), authority)
    assert codes(steps)[-1] == "tls unknown"


def test_a_port_without_tls(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            caller.recv(1000)
            caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            caller.close()

        thread = threading.Thread(target=answer)
        thread.start()
        _, steps, _ = probed(f"https://localhost:{server.getsockname()[1]}/", authority)
        thread.join(10)
    assert codes(steps) == ["dns", "tcp", "tls plain"]


def test_nobody_listens_and_somebody_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        _, steps, _ = probed(f"http://127.0.0.1:{port}/")
        assert codes(steps) == ["dns", "tcp refused"] and steps[1].about == f"127.0.0.1 {port}"
        sock.listen()  # The kernel answers, and nobody speaks TLS.
        monkeypatch.setattr(diagnosis, "CONNECT", 0.5)
        _, steps, _ = probed(f"https://127.0.0.1:{port}/")
        assert codes(steps) == ["dns", "tcp", "tls slow"]


def none(host: str, port: int) -> list[str]:
    raise Refused("resolver 10.0.0.53 says NXDOMAIN", nowhere(host))


def slow(host: str, port: int) -> list[str]:
    raise TimeoutError


def test_a_name_that_leads_inside_is_told_as_one_that_is_not_there() -> None:
    told = [
        probed("https://intranet.example/", found=found)
        for found in (none, lambda *_: ["10.1.2.3"], lambda *_: ["fd00::1"])
    ]
    assert told[0] == told[1] == told[2] and told[0][1] == [Step("dns", "none")]
    assert codes(probed("https://slow.example/", found=slow)[1]) == ["dns slow"]


def test_a_host_in_a_private_network_is_not_described(authority: Authority) -> None:
    """The message is always that no answer came, whether nobody listens there or a server with a wrong certificate does."""
    with receiving(authority.issue("other.example")) as receiver, socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        for url in (receiver.url("/hook", "localhost"), f"https://127.0.0.1:{sock.getsockname()[1]}/"):
            answer, steps, _ = probed(url, authority, describes=False)
            assert answer is None and steps == [Step("dns"), Step("tcp", "silent")]
