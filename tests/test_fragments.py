"""Each format writes an article once, and joins these fragments into every feed: the bytes are the same as if everything were
written again."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis
from flask import Flask
from lxml import etree
from msgspec.structs import replace

from app import create_app
from app.cache.recent import Recent
from app.settings import Settings
from app.syndication import written
from feeds import FORMATS, VARIANTS, Article, Fragment, atom, format_of, render
from tests.articles import CASES, feed, make
from tests.conftest import Server
from tests.test_lifecycle import document

GUID = "tag:fragments,2026:"
PATH = "/feed.atom?office=pieces"
TRICKS = ("</entry><entry>", "</item><item>", "<fragments/>", "]]>", '"},{"', "file-1-1", "<entry>", "{}")


@pytest.mark.parametrize("format", [*FORMATS, *VARIANTS])
def test_words_of_a_release_that_look_like_the_ends_of_fragments(format: str) -> None:
    """Not even the title of the feed, which comes before the fragments, can move where they are put."""
    tricky = [
        replace(CASES["everything"].articles[0], id=f"{number:032}", guid=f"{GUID}{number}", headline=word, note=word)
        for number, word in enumerate(TRICKS)
    ]
    body = render(format_of(format), replace(feed(*tricky), title="".join(TRICKS), subtitle="<fragments/>"))
    if body.startswith(b"<"):
        root = etree.fromstring(body)
        names = {"entry", "item", "newsItem"}
        found = [one for one in root.iter(etree.Element) if etree.QName(one).localname in names]
        headlines = [one.findtext(".//{*}headline") or one.findtext("{*}title") for one in found]
    else:
        members = json.loads(body)
        items = members.get("items") or members["associations"]
        found = list(items.values()) if isinstance(items, dict) else items
        headlines = [one.get("title") or one.get("headline") or one["headlines"][0]["value"] for one in found]
    assert headlines == list(TRICKS)


@pytest.mark.parametrize("format", [*FORMATS, *VARIANTS])
def test_a_fragment_depends_on_its_article_alone(format: str) -> None:
    """It is the same whichever articles are around it, and at any place."""
    module, articles = format_of(format), (make(1), *CASES["everything"].articles, make(2, guid="urn:x:2"))
    whole = feed(*articles)
    fragments = tuple(map(module.fragment_of, articles))
    assert module.assemble(replace(whole, articles=(), fragments=fragments)) == render(module, whole)
    other = replace(whole, articles=articles[::-1], title="Other", updated=datetime.now(UTC))
    assert module.assemble(replace(other, fragments=fragments[::-1])) == render(module, other)


def test_what_was_used_last_is_kept() -> None:
    recent: Recent[str, int] = Recent(100)
    for number, name in enumerate("abcd"):
        recent.keep(name, number, 40)
        recent.find(["a"])
    assert recent.find("abcd") == {"a": 0, "d": 3}
    recent.keep("a", 9, 90)
    assert recent.find("abcd") == {"a": 9}
    recent.keep("e", 1, 101)
    assert len(recent) == 0, "too large by itself"


@pytest.fixture
def apps(server: Server) -> Iterator[list[Flask]]:
    """Two more web workers of the server, in this process."""
    cache = f"unix://{server.directory}/valkey.sock"
    settings = Settings(data_dir=str(server.directory), port=server.port, redis_url=cache, address_rate="0/minute")
    made = [create_app(settings) for _ in range(2)]
    yield made
    for app in made:
        app.extensions["pressrelay"].engine.dispose()
        app.extensions["pressrelay"].cache.close()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The guids of the articles that were written as Atom here."""
    guids: list[str] = []
    fragment_of = atom.fragment_of

    def counted(article: Article) -> Fragment:
        guids.append(article.guid.removeprefix(GUID))
        return fragment_of(article)

    monkeypatch.setattr(atom, "fragment_of", counted)
    return guids


@pytest.fixture
def token(server: Server, request: pytest.FixtureRequest) -> str:
    return server.office("pieces", "조각청", "kr:51")


@pytest.fixture
def valkey(server: Server) -> Iterator["redis.Redis"]:
    with redis.Redis(unix_socket_path=f"{server.directory}/valkey.sock") as client:
        yield client


def push(server: Server, token: str, name: str, **other: str) -> None:
    assert server.push(token, document(f"{GUID}{name}", **other)).status_code == 201


def read(app: Flask) -> bytes:
    answer = app.test_client().get(PATH)
    assert answer.status_code == 200
    return answer.data


def test_an_article_is_written_once_for_all_workers(
    server: Server, token: str, apps: list[Flask], drawn: list[str]
) -> None:
    push(server, token, "a")
    push(server, token, "b")
    read(apps[0])
    drawn.clear()
    push(server, token, "c")
    first = read(apps[0])
    assert drawn == ["c"] and first.count(b"<entry") == 3
    push(server, token, "d")
    assert read(apps[1]).count(b"<entry") == 4 and drawn == ["c", "d"], "the others are in the cache"
    push(server, token, "b", version="2")
    assert read(apps[0]).count(b"<entry") == 4 and drawn == ["c", "d", "b"], "another version"


@pytest.mark.parametrize("harm", ["lost", "garbled", "one-byte", "short", "another-program"])
def test_a_fragment_that_is_not_as_it_was_written_is_none(
    server: Server, token: str, apps: list[Flask], valkey: "redis.Redis", harm: str
) -> None:
    for name in ("x", "y"):
        push(server, token, f"{name}-{harm}")
    read(apps[0])
    keys = [key for key in valkey.scan_iter("pr:*:a:*") if b":atom/" in key]
    assert keys
    for key in keys:
        kept = valkey.get(key) or b""
        middle = len(kept) // 2
        spoiled = {
            "lost": b"",
            "garbled": b"\xc1" * 99,
            "one-byte": kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :],
            "short": kept[:-3],
            "another-program": written._packed(Fragment("", datetime.now(UTC), "office", ())),  # type: ignore[arg-type]
        }[harm]
        valkey.set(key, spoiled) if spoiled else valkey.delete(key)
    push(server, token, f"z-{harm}")
    shown = read(apps[1])
    apps[1].extensions["pressrelay"].cache.doubt()
    valkey.flushall()
    push(server, token, f"last-{harm}")
    assert read(apps[1]).count(b"<entry") == shown.count(b"<entry") + 1
    for name in ("x", "y", "z"):
        assert shown.count(f"{GUID}{name}-{harm}<".encode()) == 1


def test_an_article_that_cannot_be_written_costs_itself_alone(
    server: Server,
    token: str,
    apps: list[Flask],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    push(server, token, "good")
    push(server, token, "bad")
    fragment_of = atom.fragment_of

    def fails(article: Article) -> Fragment:
        if article.guid == f"{GUID}bad":
            raise ValueError("a fault of the program")
        return fragment_of(article)

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR, "pressrelay.feeds"):
        broken.setattr(atom, "fragment_of", fails)
        shown = read(apps[0])
    assert f"{GUID}good".encode() in shown and f"{GUID}bad".encode() not in shown
    assert "cannot be written as atom; feeds leave it out" in caplog.text and "a fault of the program" in caplog.text
    push(server, token, "next")
    assert f"{GUID}bad".encode() in read(apps[0]), "it was not remembered as missing"


def test_fragments_are_of_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of a library, or of a module of `feeds`, does not find them."""
    assert written._writer() == written.BY and written.kept_as("atom") == f"atom/{written.BY}"
    monkeypatch.setattr(written.metadata, "version", lambda name: f"{name} 99")
    assert written._writer() != written.BY
