"""What a parameter may hold: the whole server has one filter, and no value makes it fail, on either database."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from app import create_app, store
from app.accounts.offices import OfficeRecord
from app.accounts.rights import OutletRecord
from app.context import Context
from app.deliveries.channel import Refusal
from app.deliveries.worker import Deliverer
from app.deliveries.worker import pack as packed
from app.errors import Problem, Unfit
from app.query.parsing import PARAMETERS, parse
from app.query.query import Saved
from app.settings import Settings
from app.text.characters import refused
from app.web import parameters
from app.web.lane import lane
from tests.conftest import SEED, Server, until
from tests.doors import doors, knock
from tests.migrated import postgres_database

REFUSED = [
    chr(code) for code in (0, 1, 8, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0x202E, 0x2066, 0xFDD0, 0xFFFE)
]
REFUSED += [chr(0xFFFF), chr(0x1FFFE), chr(0x10FFFF)]
TAKEN = ["도정상", "é", "e\u0301", "\u200d", "\u200f", "\u2028", "🏞️", "\ufffd", " ", "%", "+", "\\", "'", '"', "<&>"]
NAMES = (
    *PARAMETERS,
    "status",
    "from",
    "to",
    "below",
    "version",
    "format",
    "wait",
    "token",
    "action",
    "reason",
    "pubstatus",
)
NAMES += ("dry_run",)


class Doors:
    """The application on one kind of database, as its workers run it, and tokens of every role."""

    def __init__(self, directory: str, database: str) -> None:
        mail = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "press@press.example"}
        given = Settings(
            data_dir=directory,
            database_url=database,
            token_rate="0/day",
            address_rate="0/day",
            hub_rate="0/day",
            **mail,
        )
        self.app: Flask = create_app(given)
        self.context: Context = self.app.extensions["pressrelay"]
        self.client: FlaskClient = self.app.test_client(use_cookies=False)
        self.ended = threading.Event()
        self.lane = Client(lane(self.app.wsgi_app, self.context.cache, given.hot_memory, stop=self.ended))
        self.tokens = self._tokens()
        self.values = {"office": "parameters", "id": self._article(), "name": self._subscription()}
        self.paths = sorted(
            {(path, method) for _, path, methods in doors(self.app, **self.values) for method in methods}
        )

    def _tokens(self) -> list[str]:
        engine, now = self.context.engine, datetime.now(UTC)
        store.accounts.save_office(engine, OfficeRecord("parameters", "매개청", "", ("kr:50",)))
        store.accounts.save_outlet(engine, OutletRecord("parameters", "Daily"), now)
        return [
            "",
            store.accounts.new_token(engine, "parameters", "", now),
            store.accounts.new_token(engine, "", "", now, role="outlet", outlet="parameters"),
            store.accounts.new_token(engine, "", "parameters", now, role="admin"),
        ]

    def _article(self) -> str:
        """A public, corrected article, so that each of its addresses answers."""
        for version in (1, 2):
            body = (
                f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="{version}">'
                "<guid>tag:parameters,2026:1</guid><issued>2026-03-09T10:00:00+09:00</issued>"
                f"<headline>{version}</headline><body><p>도정상</p></body></article></release>"
            ).encode()
            headers = {"Authorization": f"Bearer {self.tokens[1]}", "Content-Type": "application/xml"}
            answer = self.client.post("/releases", data=body, headers=headers)
            assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        return str(answer.get_json()["id"])

    def _subscription(self) -> str:
        form = {"url": "https://8.8.8.8/", "query": "office=parameters"}
        headers = {"Authorization": f"Bearer {self.tokens[2]}"}
        answer = self.client.post("/subscriptions", data=form, headers=headers)
        assert answer.status_code in (201, 409), answer.get_data(as_text=True)
        return str(self.client.get("/subscriptions", headers=headers).get_json()["subscriptions"][0]["name"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def there(request: pytest.FixtureRequest, server: Server) -> Iterator[Doors]:
    """The application on the cache of a server, and on its database or on PostgreSQL."""
    url = "" if request.param == "sqlite" else postgres_database(request.getfixturevalue("postgres"))
    made = Doors(str(server.directory), url)
    yield made
    made.ended.set()
    made.context.engine.dispose()


@pytest.fixture(scope="module")
def tokens(there: Doors) -> list[str]:
    return there.tokens


# What is refused before any route runs is refused before a database is asked: one kind shows it for both.
ON_ONE = pytest.mark.parametrize("there", ["sqlite"], indirect=True, scope="module")


# The filter


@pytest.mark.parametrize("character", [*REFUSED, "\ud800", "\udc80", "\udfff"], ids=ascii)
def test_characters_that_no_parameter_holds(character: str) -> None:
    assert refused(f"a{character}b") == refused(character, lines=True) == f"U+{ord(character):04X}"


@pytest.mark.parametrize("text", TAKEN, ids=ascii)
def test_characters_that_may_stand_anywhere(text: str) -> None:
    assert refused(text) == ""


def test_a_text_may_have_lines() -> None:
    assert refused("a\tb\r\nc", lines=True) == ""
    assert [refused(one) for one in "\t\n\r"] == ["U+0009", "U+000A", "U+000D"]


@ON_ONE
@pytest.mark.parametrize("character", ["\0", "\x1f", "\x85", "\u202e"], ids=ascii)
def test_every_parameter_of_every_route_is_refused_by_name(there: Doors, character: str) -> None:
    """This happens before any route reads it, so a new route is no exception."""
    for number, (path, method) in enumerate(there.paths):
        name = NAMES[number % len(NAMES)]
        answer = knock(there.client, method, f"{path}?{name}=a{quote(character)}b")
        said = answer.get_json(silent=True) or {}
        assert answer.status_code == 400, (method, path, name)
        if method != "HEAD":
            assert said["type"] == "urn:pressrelay:problem:bad-characters"
            assert said["errors"] == [{"reason": said["detail"], "path": name}]
            assert (
                said["detail"]
                == f"{name} contains the character U+{ord(character):04X}, which is not allowed in parameters. Leave it out."
            )
        assert knock(there.client, method, f"{path}{quote(character)}").status_code == 400


@ON_ONE
@pytest.mark.parametrize("name", ["q", "licence", "region", "topic", "office", "lang", "genre", "exclude_licence"])
def test_each_filter_of_a_feed(there: Doors, name: str) -> None:
    for character in REFUSED:
        value = f"https://a.example/{character}" if name.endswith("licence") else f"가{character}나"
        for path in ("/", "/feed", "/feed.atom", "/feed.json/archive", "/f/name.rss", "/alerts"):
            assert there.client.get(path, query_string={name: value}).status_code == 400, (path, name, character)
            answer = there.lane.get(path, query_string={name: value})
            assert answer.status_code == 400 and "bad-characters" in answer.get_data(as_text=True)
    with pytest.raises(Problem) as found:
        parse([(name, "https://a.example/\x00")], [])
    assert found.value.type == "bad-characters", "wherever a question comes from"


def test_all_faults_are_told_at_once(there: Doors) -> None:
    said = there.client.get("/feed.atom?q=%01&lang=%02ko&region=kr&%03=x").get_json()
    assert [(one["reason"].partition(",")[0], one.get("path")) for one in said["errors"]] == [
        ("q contains the character U+0001", "q"),
        ("lang contains the character U+0002", "lang"),
        ("The name of a parameter contains the character U+0003", None),
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/feed.atom?q=%ED%A0%80", "q is not UTF-8: it contains the byte 0xED. Encode texts as UTF-8."),
        ("/feed.atom?q=%b5%b5%c1%a4", "q is not UTF-8: it contains the byte 0xB5. Encode texts as UTF-8."),
        ("/articles/%FF", "The path is not UTF-8: it contains the byte 0xFF. Encode texts as UTF-8."),
        (
            "/articles/a%00b",
            "The path contains the character U+0000, which is not allowed in parameters. Leave it out.",
        ),
    ],
)
def test_bytes_that_are_no_text(there: Doors, path: str, reason: str) -> None:
    answer = knock(there.client, "GET", path)
    assert (answer.status_code, answer.get_json()["detail"]) == (400, reason)


def test_lengths_and_numbers_are_bounded(there: Doors) -> None:
    long = there.client.get("/feed.atom", query_string={"region": "가" * (parameters.LONGEST + 1)})
    assert (long.status_code, long.get_json()["detail"]) == (
        400,
        "region has 4001 characters. The limit is 4000 characters.",
    )
    for count in (parameters.MOST + 1, 100_000):
        many = there.client.get("/feed.atom?" + "&".join(["region=kr"] * count))
        assert (many.status_code, many.get_json()["detail"]) == (400, "A request may have at most 500 parameters.")
    assert there.client.get("/feed.atom?q=" + "%EA%B0%80" * 200).status_code == 200, "the longest question"


FORMS = {
    "/alerts": "address",
    "/alerts/confirm": "token",
    "/alerts/unsubscribe": "token",
    "/hub": "hub.topic",
    "/subscriptions": "url",
}


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("how", ["form", "multipart", "json"])
def test_forms_and_json(there: Doors, tokens: list[str], path: str, how: str) -> None:
    name = FORMS[path]
    headers = {"Authorization": f"Bearer {tokens[3]}"}
    for character in REFUSED:
        value = f"https://a.example/{character}"
        given: dict[str, Any] = {"data": {name: value}}
        if how == "multipart":
            given["content_type"] = "multipart/form-data"
        if how == "json":
            given = {"json": {name: value}}
        answer = there.client.post(path, headers=headers, **given)
        expected = 415 if path == "/hub" and how != "form" else 400
        assert answer.status_code == expected, (character, answer.get_data(as_text=True))


def test_what_is_no_json_of_texts(there: Doors, tokens: list[str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[3]}"}
    for body in (
        b'{"url": "\\ud800"}',
        b'{"url": "\xff"}',
        b"\xff\xfe{}",
        b'{"a":' * 3000,
        b"[" * 9000,
        b'{"url": 1e999}',
    ):
        answer = there.client.post("/subscriptions", headers=headers, data=body, content_type="application/json")
        assert answer.status_code == 400, body[:40]


def test_a_question_inside_a_parameter(there: Doors, tokens: list[str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[3]}"}
    hook = {"url": "https://a.example/", "query": "q=a%2500b"}
    url = there.context.settings.url
    topic = {"hub.mode": "subscribe", "hub.callback": "https://a.example/", "hub.topic": f"{url}/feed.atom?q=a%00b"}
    for path, form in (("/subscriptions", hook | {"query": "licence=https%3A//%00"}), ("/hub", topic)):
        answer = there.client.post(path, headers=headers, data=form)
        assert answer.status_code == 400 and "U+0000" in answer.get_data(as_text=True)


def test_the_name_that_a_client_wishes(there: Doors, tokens: list[str]) -> None:
    headers = {"Authorization": f"Bearer {tokens[1]}", "Content-Type": "application/atom+xml;type=entry"}
    for slug in ("a%00b", "a%E2%80%AEb", "%C2%80"):
        answer = there.client.post("/atompub/parameters/", headers=headers | {"Slug": slug}, data=b"<entry/>")
        assert answer.status_code == 400 and answer.get_json()["detail"].startswith("Slug contains the character U+")
    wrong = there.client.post("/atompub/parameters/", headers=headers | {"Slug": "%FF"}, data=b"<entry/>")
    assert wrong.get_json()["detail"] == "Slug is not UTF-8: it contains the byte 0xFF. Encode texts as UTF-8."
    raw = there.client.post(
        "/atompub/parameters/", headers=headers | {"Slug": "도".encode().decode("latin-1")}, data=b"<entry/>"
    )
    assert raw.status_code == 422, "bytes as they are, too: nothing but the entry is at fault"


# Nothing makes it fail

SOME = st.one_of(
    st.text(max_size=30),
    st.text("".join([*REFUSED, *TAKEN, *"09-:/&=\n"]), max_size=12),
    st.integers().map(str),
    st.sampled_from(
        ["", "0", "-1", str(2**31), str(2**63), "9" * 400, "1e9", "nan", "2026-02-30", "0001-01-01", "9999-12-31"]
    ),
    st.sampled_from(
        ["kr:52", "KR-45", "ko", "now", "public", "embargoed", "press-release", "https://a.example/", "*", "0-1"]
    ),
)
RAW = st.binary(max_size=20).map(lambda found: "".join(f"%{byte:02X}" for byte in found))
PAIRS = st.lists(
    st.tuples(st.one_of(st.sampled_from(NAMES), SOME), st.one_of(SOME.map(lambda v: quote(v, errors="replace")), RAW)),
    max_size=5,
)
HEADED = (
    *(
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "A-IM",
        "If-None-Match",
        "If-Modified-Since",
        "If-Match",
        "Range",
        "If-Range",
    ),
    *(
        "Cookie",
        "Content-Type",
        "Slug",
        "Content-Digest",
        "Signature-Input",
        "Signature",
        "Content-Encoding",
        "X-Forwarded-For",
    ),
    *("Host", "Origin", "Sec-Fetch-Site", "User-Agent", "Authorization", "Cache-Control"),
)
HEADERS = st.dictionaries(
    st.sampled_from(HEADED),
    st.one_of(
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40),
        st.sampled_from(
            ['"a"', "*", "*/*;q=x", "bytes=0-", "gzip;q=nan", "feed", "sig=()", "application/json", "text/html", "ko"]
        ),
    ),
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(data=st.data())
def test_no_parameter_makes_it_fail(there: Doors, tokens: list[str], data: st.DataObject) -> None:
    path, method = data.draw(st.sampled_from(there.paths))
    if data.draw(st.booleans()):
        *above, last = path.split("/")
        path = "/".join(
            [*above, data.draw(st.one_of(SOME.map(lambda v: quote(v, errors="replace", safe="")), RAW)) or last]
        )
    headers = data.draw(HEADERS)
    if token := data.draw(st.sampled_from(tokens)):
        headers["Authorization"] = f"Bearer {token}"
    query = "&".join(f"{quote(name, errors='replace')}={value}" for name, value in data.draw(PAIRS))
    kept: dict[str, Any] = {}
    if method not in ("GET", "HEAD", "OPTIONS"):
        kept["data"] = data.draw(st.one_of(st.binary(max_size=60), st.dictionaries(SOME, SOME, max_size=4).map(_form)))
    # No example may wait for a change that does not come.
    answer = knock(there.lane, method, f"{path or '/'}?{query.replace('wait=', 'wait_=')}", headers=headers, **kept)
    assert answer.status_code < 500, answer.get_data(as_text=True)
    if answer.status_code >= 400 and method != "HEAD":
        assert "Traceback" not in answer.get_data(as_text=True)


def _form(fields: dict[str, str]) -> bytes:
    return (
        json.dumps(fields).encode()
        if len(fields) % 2
        else "&".join(f"{k}={v}" for k, v in fields.items()).encode("utf-8", "replace")
    )


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (b"/feed.atom?q=%00", b""),
        (b"/feed.atom?q=\xb5\xb5\xc1\xa4", b""),
        ("/feed.atom?q=도정상".encode(), b""),
        ("/articles/도정상".encode(), b""),
        ("/feed.atom?도=상".encode(), b""),
        (b"/feed.atom?licence=https://%01", b""),
        (b"/feed.atom?%00=%00", b""),
        (b"/articles/%00", b""),
        (b"/articles/\xff", b""),
        (b"/static/%00", b""),
        (b"/static/..%2f..%2f%00", b""),
        (b"/f/%F0%9F.atom", b""),
        (b"/feed.atom", b"If-None-Match: \xff\xfe\r\nAccept: \x80\r\nAccept-Language: \xff\r\nCookie: \x80=\xff\r\n"),
        (b"/feed", b"Accept: text/\xff;q=\xff\r\n"),
        (b"/feed.atom?" + b"region=kr&" * 3000, b""),
        (b"/feed.atom?q=" + b"a" * 60_000, b""),
    ],
)
def test_over_a_socket(server: Server, target: bytes, headers: bytes) -> None:
    for _ in range(2):  # A copy answers the second time, if there were one.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), answer[:200]
    assert "Traceback" not in server.log.read_text()


def test_headers_are_ascii_whatever_is_asked_for(there: Doors) -> None:
    for licence in ("https://a.example/가", "https://a b/", "https://a.example/é"):
        answer = there.client.get("/feed.atom", query_string={"licence": licence})
        assert answer.status_code == 200 and str(answer.headers).isascii()
        (key,) = answer.headers["Surrogate-Key"].split()
        assert key.startswith("*/licence:https://a")


# What is kept already


def test_a_kept_question_that_cannot_be_asked_is_settled_for_good(there: Doors) -> None:
    """An older version stored it. A new try cannot succeed, so the subscription ends, and nothing of it waits any more."""
    engine, now = there.context.engine, datetime.now(UTC)
    for number, query in enumerate(("licence=https%3A//%01", "q=a%00b", "lang=%80")):
        one = store.deliveries.Subscription(
            kind="websub",
            target=f"https://a.example/{number}",
            topic=f"{there.context.settings.url}/feed.atom?{query}",
            query=query,
            format="atom",
            host="a.example",
        )
        one = store.deliveries.save_subscription(engine, one, (("*", "*"),), now)
        (job,) = [store.deliveries.Job(one, 0, 0, 0, None, store.deliveries.NEW, 0, (), False)]
        channels = Deliverer(there.context, "here:0").channels
        pack = packed(there.context, channels, [job])[one.id]
        assert isinstance(pack, Refusal), "for ever, not for now"
        store.deliveries.deny(engine, one, str(pack), now)
    saved = Saved("kept-before", "licence=https%3A//%01", "", 50)
    store.feeds.save_feed(engine, saved)
    assert there.client.get("/f/kept-before.atom").status_code == 400
    for path in ("/feeds", "/feeds.opml", "/"):
        assert there.client.get(path).status_code == 200, "the others are listed"
    store.feeds.remove_feed(engine, saved.name, datetime.now(UTC))


@pytest.mark.slow
def test_the_worker_does_not_try_such_a_question_again(own_server: Callable[..., Server], postgres_url: str) -> None:
    server = own_server(deliverers="1", workers="1", database_url=postgres_url)
    token = server.office()
    server.start()
    engine = server.engine()
    url = f"{server.url}/feed.atom?lang=ko%00"
    one = store.deliveries.Subscription(
        kind="websub", target="https://8.8.8.8/", topic=url, query="lang=ko%00", format="atom", host="8.8.8.8"
    )
    one = store.deliveries.save_subscription(engine, one, (("*", "*"),), datetime.now(UTC))
    assert server.push(token, SEED.read_bytes()).status_code == 201

    def ended() -> bool:
        found = store.deliveries.subscription(engine, one.name)
        return found is not None and found.state == store.deliveries.ENDED

    until(ended, 30)
    found = store.deliveries.subscription(engine, one.name)
    assert found is not None and found.reason.startswith("lang contains the character U+0000")
    assert store.deliveries.failing(engine, [one.id]).get(one.id, {}).get("next") is None, "nothing of it waits"
    assert "Traceback" not in server.log.read_text()
    engine.dispose()


def test_what_the_database_refuses_is_no_failure_for_now(engine: store.Engine) -> None:
    with pytest.raises(Unfit, match=r"The database does not accept this value .*surrogates not allowed"):
        store.feeds.saved_feed(engine, "a\ud800")
    with pytest.raises(Unfit, match="The database does not accept this value"):
        store.audit.records(engine, after=2**63)
    if engine.dialect.name == "postgresql":
        with pytest.raises(Unfit, match="PostgreSQL text fields cannot contain NUL"):
            store.feeds.saved_feed(engine, "a\0b")


# The command line


@pytest.mark.parametrize(
    "words",
    [
        ("office", "add", b"\xff", "--name", "a"),
        ("feed", "add", "cli", "q=\x1b"),
        ("outlet", "add", "cli", "--name", "\u202e"),
    ],
    ids=ascii,
)
def test_words_of_commands(server: Server, words: tuple[Any, ...]) -> None:
    told = server.run(*words)
    assert told.returncode == 2
    assert "which is not allowed. Leave it out." in " ".join(told.stderr.split()), told.stderr
    assert "Traceback" not in told.stderr
