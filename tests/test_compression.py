"""Answers are compressed quickly at first, and better in the background; each kind of bytes has its own ETag."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.cache.redis import Cache
from app.web import compression, polish
from app.web.conditional import ENCODINGS, coding_of, encoding_in, fresh, plain_tag, tag_of
from app.web.fastlane import Fastlane, KeptAnswer, may_keep
from app.web.polish import Polisher
from tests.conftest import Server, until
from tests.test_fastlane import get, raw
from tests.test_lifecycle import document

BODY = "보도자료 ".encode() * 2000 + bytes(range(256))
PATH = "/feed.atom?office=small"


@pytest.mark.parametrize("name", ENCODINGS)
def test_both_compressions_give_the_body_back_and_name_their_bytes(name: str) -> None:
    quick, better = compression.quickly(BODY, name), compression.best(BODY, name)
    assert quick == compression.quickly(BODY, name) and better == compression.best(BODY, name)
    for body, coding in (quick, better):
        assert compression.decompressed(body, coding) == BODY and encoding_in(coding) == name
    assert quick[1] != better[1] and compression.is_best(better[1]) and not compression.is_best(quick[1])


def test_a_compressor_that_writes_other_bytes_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compression.quickly(BODY, "gzip")[1]
    compression._coding.cache_clear()
    monkeypatch.setitem(compression.QUICK, "gzip", compression.BEST["gzip"])
    try:
        assert compression.quickly(BODY, "gzip")[1] != before
    finally:
        compression._coding.cache_clear()


@pytest.mark.parametrize("coding", ["gzip", "gzip.q3f2a", "br.b0000", "zstd.q12ab", ""])
def test_the_tag_of_a_coding(coding: str) -> None:
    header = f'"{tag_of("a" * 32, coding)}"'
    assert (plain_tag(header), coding_of(header)) == ("a" * 32, coding)
    assert fresh(header, None, "a" * 32, 0) and fresh(f"W/{header}", None, "a" * 32, 0)
    assert not fresh(header, None, "b" * 32, 0)


def test_no_other_tag_is_taken_for_one_of_a_coding() -> None:
    assert plain_tag('"2021-gz"') == "2021-gz" and coding_of('"2021-gzipper"') == ""
    assert not fresh('"gzip"', None, "", 0) and not fresh('"-gzip.q"', None, "a" * 32, 0)


@pytest.fixture
def lane() -> Iterator[tuple[Fastlane, Cache]]:
    """A lane before an application that answers with a quickly compressed feed."""
    cache = Cache("unix:///nowhere/valkey.sock", "test")

    def answer(environ: dict[str, Any], start: Any) -> list[bytes]:
        slots = cache.marks.slots(["*/*"])
        may_keep(environ, KeptAnswer("", "e" * 32, 0, slots, cache.marks.read(slots)))
        body, coding = compression.quickly(BODY, "gzip")
        tag = tag_of("e" * 32, coding)
        start("200 OK", [("ETag", f'"{tag}"'), ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))])
        return [body]

    made = Fastlane(answer, cache, 1_000_000)
    made.alive(float("inf"))
    yield made, cache


def test_what_is_asked_for_often_is_compressed_better(lane: tuple[Fastlane, Cache]) -> None:
    made, cache = lane
    quick = get(made)
    for _ in range(5):
        assert get(made) == quick
    assert made.asked_often(6, 0) == [] and made.asked_often(5, 60) == []
    ((key, head),) = made.asked_often(5, 0)
    Polisher(made, cache).polish(key, head)
    better = get(made)
    assert len(better) < len(quick) and compression.decompressed(better, "gzip") == BODY
    assert made.asked_often(0, 0) == [], "nobody can do it better"
    ((_, after),) = made._heads.items()
    headers = dict(after.headers)
    assert headers["Content-Length"] == str(len(better)) and compression.is_best(coding_of(headers["ETag"]))
    assert dict(after.unchanged)["ETag"] == headers["ETag"] != dict(head.headers)["ETag"]
    assert get(made, HTTP_IF_NONE_MATCH=dict(head.headers)["ETag"]) == b"", "304: it is the same document"


def test_a_copy_that_was_replaced_meanwhile_is_left_alone(lane: tuple[Fastlane, Cache]) -> None:
    made, cache = lane
    get(made), get(made)
    ((key, head),) = made.asked_often(1, 0)
    cache.marks.replace(["*/*"])
    get(made)
    newer = made._heads[key]
    Polisher(made, cache).polish(key, head)
    assert made._heads[key] is newer


def test_a_fault_ends_no_polishing(
    lane: tuple[Fastlane, Cache], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, cache = lane
    get(made), get(made)
    for name, value in (("OFTEN", 1), ("STANDS", 0.0), ("LOOK", 0.001)):
        monkeypatch.setattr(polish, name, value)
    improved, faults = compression.improved, [ValueError("a fault")]

    def fails_once(body: bytes, name: str) -> tuple[bytes, str]:
        if faults:
            raise faults.pop()
        return improved(body, name)

    monkeypatch.setattr(compression, "improved", fails_once)
    stop = threading.Event()
    thread = threading.Thread(target=Polisher(made, cache).run, args=(stop,))
    thread.start()
    until(lambda: made._heads and all(head.polished for head in made._heads.values()))
    stop.set()
    thread.join(5)
    assert not thread.is_alive() and "could not be compressed better" in caplog.text


def test_a_live_server_compresses_again_what_is_polled(server: Server) -> None:
    """Both workers, and the cache behind them."""
    token = server.office("small", "작은청", "kr:51")
    for number in range(9):
        assert server.push(token, document(f"tag:small,2026:{number}")).status_code == 201
    plain = raw(server, "GET", PATH, {})[3]
    asked = {"Accept-Encoding": "gzip"}
    old = dict(raw(server, "GET", PATH, asked)[2])["etag"]
    assert not compression.is_best(coding_of(old))

    def polled() -> set[str]:
        found = set()
        for _ in range(60):
            _, _, headers, body = raw(server, "GET", PATH, asked)
            tag = dict(headers)["etag"]
            assert compression.decompressed(body, coding_of(tag)) == plain and plain_tag(tag) == plain_tag(old)
            found.add(tag)
        return found

    until(lambda: all(compression.is_best(coding_of(tag)) for tag in polled()), 30)
    status, *_ = raw(server, "GET", PATH, {**asked, "If-None-Match": old})
    assert status == 304
