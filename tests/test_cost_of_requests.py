"""How much processor time and memory one request may cost, whatever its parameters, headers and files contain. The tests ask a
server with one worker, and count the time and memory of all of its processes. Parameters are found by what each route reads,
headers by what the source names: a new one without a case fails here. Documents: tests/test_cost.py.
"""

import http.client
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from flask import Flask, Request
from werkzeug.datastructures import ImmutableMultiDict

from app import create_app, store
from app.accounts.people import EDITS_OUTLET, INVITED
from app.accounts.rights import OutletRecord
from app.deliveries import links
from app.desk import announcing
from app.intake import enclosures
from app.query.parsing import PARAMETERS, VALUES, WORDS
from app.settings import Settings
from app.web import forms, limits, parameters
from app.web.conditional import LONGEST_HEADER
from app.web.parameters import VARYING
from app.web.routes import accreditation, alerts, changes, newsroom_hooks, outlets, subscriptions
from extract.__main__ import CPU_SECONDS, READERS
from tests import files
from tests.conftest import ROOT, Server
from tests.doors import doors, knock
from tests.files import hwpx, paragraph, section
from tests.pace import NOISE, pace

SECONDS = 1.0  # of processor time for one request
MEGABYTES = 200  # that the server's processes may grow
TICKS = 100  # of /proc/PID/stat in a second


MAIL = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "press@press.example"}
UNCOUNTED = {"token_rate": "0/day", "address_rate": "0/day", "hub_rate": "0/day"}


class Cost(NamedTuple):
    """What a request took from the server."""

    seconds: float  # of its processes
    reading: float  # seconds of the processes that read files for it
    megabytes: int

    @property
    def dear(self) -> bool:
        return self.seconds > SECONDS * NOISE * pace() or self.megabytes > MEGABYTES


class Door:
    """A server that counts no requests, what its paths name, and what a request to it costs."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory, workers="1", proxies="1", **MAIL, **UNCOUNTED)
        # A name: passkeys need one.
        self.server.environ["PRESSRELAY_BASE_URL"] = f"http://localhost:{self.server.port}"
        self.server.plainly = True  # so that hashing a password costs as much as on a real server
        self.server.start()
        self.token = self.server.office("cost", "비용청", "kr:50")
        assert self.server.run("feed", "add", "name", "region=kr:50").returncode == 0
        self.cookie, self.link = self.person()
        self.draft = "0123456789abcdef"
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        assert self.server.process is not None
        self.processes = [self.server.process.pid, *self.server.children()]
        self.pushed = 0

    def person(self) -> tuple[str, str]:
        """The cookie of an administrator's session, and the secret of an invitation."""
        engine, now = self.server.engine(), datetime.now(UTC)
        setup = store.accounts.new_link(engine, "setup", now, INVITED, role="admin")
        person = store.accounts.join(engine, setup.id, "비용", "cost@press.example", "stored", now)
        secret = store.accounts.begin_session(engine, person, "", "", now)
        link = store.accounts.new_link(
            engine, "invite", now, INVITED, email="new@press.example", office="cost", role="writer"
        )
        draft = store.desk.DraftRecord(
            *("0123456789abcdef", "cost", "urn:x:cost", "draft", 1, "비용", b"{}", person.id, person.id, now, now)
        )
        store.desk.create(engine, draft, person.actor)
        self.hook = self.outlet(engine, person.email)
        token = links.once(engine, "", link).rpartition("/")[2]
        engine.dispose()
        return f"pressrelay={secret}", token

    def outlet(self, engine: store.Engine, email: str) -> str:
        """The name of a webhook of an outlet that the administrator manages."""
        now = datetime.now(UTC)
        store.accounts.save_outlet(engine, OutletRecord("cost", "비용"), now)
        joins = store.accounts.new_link(engine, "invite", now, INVITED, email=email, outlet="cost", role=EDITS_OUTLET)
        store.accounts.join(engine, joins.id, "", "", "", now)
        hook = store.deliveries.Subscription("webhook", "https://8.8.8.8/", "t", "", "json", outlet="cost")
        return store.deliveries.save_subscription(engine, hook, [("*", "*")], now).name

    def article(self) -> str:
        """The id of a new article, with a file."""
        return str(self.push({"a.txt": b"a"}, BODY).json()["id"])

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> int:
        """The status. A header goes as it is written. No answer but "busy" and "not implemented" may tell of a failure."""
        self.connection.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
        sent = headers if method == "GET" else {"Content-Length": str(len(body)), **headers}
        for name, value in sent.items():
            self.connection.putheader(name, value.encode())
        self.connection.endheaders(body)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status < 500 or answer.status in (501, 503), (answer.status, method, target[:80])
        return answer.status

    def cost(self, *requests: Callable[[], object]) -> Cost:
        """What requests took together: if that is not too much, none of them was."""
        for pid in self.processes:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
        self.connection.close()  # an idle one may have been closed at the other end
        before = self._taken()
        for request in requests:
            request()
        return Cost(*(after - one for after, one in zip(self._taken(), before, strict=True)))

    def hold(self, requests: Sequence[Callable[[], object]]) -> None:
        """Assert that none of these requests costs too much. Each is measured alone only if all of them together do."""
        if self.cost(*requests).dear:
            costs = [(self.cost(request), request) for request in requests]
            assert not [(cost, repr(request)[:300]) for cost, request in costs if cost.dear]

    def push(self, sent: dict[str, bytes], more: str) -> httpx.Response:
        """Push an article with files; `more` stands after its headline."""
        self.pushed += 1
        release = (
            '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="1">'
            f"<guid>tag:cost,2026:{self.pushed}</guid><issued>2026-03-09T10:00:00+09:00</issued>"
            f"<headline>x</headline>{more}</article></release>"
        ).encode()
        parts: list[Any] = [("release", ("release.xml", release, "application/xml"))]
        parts += [("file", (name, content, "application/octet-stream")) for name, content in sent.items()]
        return self.server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {self.token}"})

    def _taken(self) -> Cost:
        ticks, reading, kilobytes = 0, 0, 0
        for pid in self.processes:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            reading += int(fields[13]) + int(fields[14])
            kilobytes += int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])
        return Cost(ticks / TICKS, reading / TICKS, kilobytes // 1024)

    def close(self) -> None:
        self.connection.close()
        self.server.close()


BODY = "<body><p>x</p></body>"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("cost"))
    made.ask("GET", "/feed.atom", {})
    yield made
    made.close()


# Parameters

READ = re.compile(r'request\.args(?:\.get(?:list)?\(|\[)"([\w.]+)"|"([\w.]+)" in request\.args')
NAMED = re.compile(r'(?:only\(\(|_takes\()("[^)]*)\)')


def known() -> set[str]:
    """Every parameter that the source of the routes names."""
    found = {*PARAMETERS, *changes.PARAMETERS, *VARYING, "status"}
    for path in sorted((ROOT / "app" / "web" / "routes").glob("*.py")):
        source = path.read_text("utf-8")
        found |= {name for names in READ.findall(source) for name in names if name}
        found |= {name for names in NAMED.findall(source) for name in re.findall(r'"(\w+)"', names)}
    return found


def units(length: int) -> Iterator[str]:
    """Values of that length: of letters, marks, what unfolds when it is normalized, and what a pattern may stumble over."""
    for unit in (
        "a",
        "가",
        "\u0316\u0301",
        "\ufdfa",
        "9",
        "-",
        "*",
        "%",
        '"',
        "(",
        "\\",
        "a ",
        "' OR ",
        "A-",
        "<&>",
        "_",
        ".",
    ):
        yield (unit * length)[:length]


FRAMED = (
    "2026-03-02T09:00:00.{}+09:00",
    "2026-03-02T09:00:00+09:00{}",
    "https://a.example/{}",
    "{}-0",
    "0-{}",
    "kind:{}",
    "kr:{}",
)
# Of one parameter: as many pairs as a request takes, and as many values as one parameter takes.
MANY = ["&".join(f"{{name}}=a{number}" for number in range(count)) for count in (VALUES, parameters.MOST)]
QUERIES = [
    *(f"{{name}}={quote(value)}" for value in units(parameters.LONGEST)),
    *(f"{{name}}={frame.format('9' * (parameters.LONGEST - len(frame)))}" for frame in FRAMED),
    *MANY,
]
QUESTIONS = [quote(value) for value in (*units(WORDS), '"a" ' * (WORDS // 4))]  # full text


VALUES_OF_ALL = "*"  # the route walked over all values
NAMES_OF_ALL = "names"  # the route walked over all names, which tells it no value: whoever then asks for one names it


class Noted(ImmutableMultiDict[str, str]):
    """Parameters that note which of them are read by name."""

    read: set[str] = set()  # noqa: RUF012 -- one set, which all requests of a test fill

    def get(self, key: Any, *more: Any, **how: Any) -> Any:
        Noted.read.add(key)
        return super().get(key, *more, **how)

    def getlist(self, key: Any, *more: Any, **how: Any) -> Any:
        Noted.read.add(key)
        return super().getlist(key, *more, **how)

    def __getitem__(self, key: Any) -> Any:
        Noted.read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        Noted.read.add(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        Noted.read.add(NAMES_OF_ALL)
        return super().__iter__()

    def items(self, multi: bool = False) -> Any:
        Noted.read.add(VALUES_OF_ALL)
        return super().items(multi)

    def lists(self) -> Any:
        Noted.read.add(VALUES_OF_ALL)
        return super().lists()

    def listvalues(self) -> Any:
        Noted.read.add(VALUES_OF_ALL)
        return super().listvalues()

    def values(self) -> Any:
        Noted.read.add(VALUES_OF_ALL)
        return super().values()


class NotingRequest(Request):
    parameter_storage_class = Noted


WALKS: dict[str, Callable[[Noted], object]] = {
    "items": lambda args: list(args.items()),
    "lists": lambda args: list(args.lists()),
    "listvalues": lambda args: list(args.listvalues()),
    "values": lambda args: list(args.values()),
    "to_dict": lambda args: args.to_dict(),
    "lists of to_dict": lambda args: args.to_dict(flat=False),
    "copy": lambda args: args.copy(),
}
GETS: dict[str, Callable[[Noted], object]] = {
    "get": lambda args: args.get("b"),
    "getlist": lambda args: args.getlist("b"),
    "[]": lambda args: args["b"],
    "in": lambda args: "b" in args,
    "for": lambda args: [args[name] for name in args if name == "b"],
    "dict": lambda args: dict(args),
}


@pytest.mark.parametrize("way", [*WALKS, *GETS])
def test_no_value_is_read_without_a_note(way: str) -> None:
    Noted.read = set()
    (WALKS | GETS)[way](Noted([("a", "1"), ("b", "2")]))
    assert (VALUES_OF_ALL if way in WALKS else "b") in Noted.read


def test_names_tell_no_value() -> None:
    Noted.read = set()
    assert set(Noted([("a", "1"), ("b", "2")])) == {"a", "b"}
    assert Noted.read == {NAMES_OF_ALL}


METHODS = ("GET", "POST", "PUT", "DELETE")  # in this order: what is deleted is not there for the others


def takes(door: Door, walks: bool = True) -> dict[tuple[str, str], list[str]]:
    """(method, path) of each route -> the parameters whose values it reads: it asks for them by name or, with `walks`, walks over all
    values and does not refuse them. With `walks` the first name stands for all, if a route walks over the names alone."""
    app = application(door)
    app.request_class = NotingRequest
    client = app.test_client(use_cookies=False)
    example = {"office": "cost", "id": door.article()}
    found: dict[tuple[str, str], list[str]] = {}
    try:
        for method, path in routes(app, example):
            desk = path.startswith("/desk")  # whose people have no token, and whose drafts are no articles
            path = path.replace(example["id"], door.draft) if path.startswith("/desk/drafts/") else path
            names = found[method, path.replace(example["id"], "{id}")] = []
            headers = {"Cookie": door.cookie} if desk else {"Authorization": f"Bearer {door.token}"}
            for name in sorted(known()):
                Noted.read = set()
                said = knock(client, method, f"{path}?{name}=x", headers=headers).get_data()
                walked = walks and b"unknown-parameter" not in said
                first = not names and NAMES_OF_ALL in Noted.read
                if name in Noted.read or (walked and (first or VALUES_OF_ALL in Noted.read)):
                    names.append(name)
    finally:
        app.extensions["pressrelay"].engine.dispose()
    return found


def application(door: Door) -> Flask:
    """One in this process, on the server's database: what counts requests would read parameters for every route."""
    return create_app(Settings(data_dir=str(door.server.directory), **MAIL, **UNCOUNTED))


def routes(app: Flask, values: dict[str, str]) -> list[tuple[str, str]]:
    """(method, path) of every route."""
    found = {(method, path) for _, path, methods in doors(app, **values) for method in methods if method in METHODS}
    return sorted(found, key=lambda one: (METHODS.index(one[0]), one[1]))


@pytest.mark.slow
def test_no_parameter_of_any_route_is_dear(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(limits, "price", lambda: 1)  # it looks at the parameters of every request
        read = takes(door)
    never = known() - {name for names in read.values() for name in names} - IN_FORMS
    assert not never, f"no route read these here: give `takes` what it needs to reach them, {never}"
    id = door.article()
    for (method, path), names in read.items():
        # Readers with more rights can ask more expensive questions.
        headers = {"Authorization": f"Bearer {door.token}"} if OWN.search(path) or method != "GET" else {}
        headers = {"Cookie": door.cookie} if path.startswith("/desk") else headers
        for name in names or ["x"]:
            queries = [query.replace("{name}", name) for query in (QUERIES if names else MANY)]
            queries += [f"q={value}" for value in QUESTIONS] if name == "q" else []
            door.hold([partial(door.ask, method, f"{path.replace('{id}', id)}?{query}", headers) for query in queries])


OWN = re.compile("/atompub|/audit|/subscriptions|/metrics|/readyz")
# Of forms and JSON: path -> the names that it takes.
HUB = ("hub.mode", "hub.topic", "hub.callback", "hub.secret", "hub.lease_seconds")
FORMS: dict[str, tuple[str, ...]] = {
    "/alerts": alerts.FIELDS,
    "/alerts/confirm": ("token",),
    "/alerts/unsubscribe": ("token",),
    "/hub": HUB,
    "/subscriptions": subscriptions.FIELDS,
    "/signin": ("email", "password", "next"),
    "/forgot": ("email",),
    "/language": ("lang", "back"),
    "/join/{link}": ("name", "email", "password"),
    "/signin/passkey": ("credential", "next"),
    "/prove": ("password", "credential", "next"),
    "/account": ("name", "old", "password"),
    "/account/passkeys": ("name", "credential"),
    "/people": ("email", "office", "outlet", "role"),
    "/people/cost/tokens": ("name", "role", "days", "password"),
    "/desk/suggest": ("office", "headline", "body"),
    "/desk/announcements": announcing.FIELDS,
    "/accreditation": accreditation.FIELDS,
    "/newsroom/cost/renewal": ("why",),
    "/newsroom/cost/tokens": ("name", "rights", "days", "networks", "password"),
    "/newsroom/cost/subscriptions": newsroom_hooks.FIELDS,
    "/newsroom/cost/subscriptions/{hook}/move": ("url",),
    "/outlets/cost/save": outlets.FIELDS,
    "/outlets/cost/suspend": ("months", "day", "reason"),
}
IN_FORMS = {name for names in FORMS.values() for name in names}
JSON = ("[", '{"a":', '{"a":"b",', "9", '"\\ud800', " ", '{"url":"' + "\\u0316" * 2000)
TAKEN = {
    "hub.mode": "subscribe",
    "hub.callback": "https://8.8.8.8/",
    "hub.topic": "x",
    "url": "https://8.8.8.8/",
    "address": "a@press.example",
}


def bodies(names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """(media type, body) of forms of the largest size, a field at a time; the others are what the route takes."""
    for name in names:
        others = "".join(f"{other}={quote(TAKEN[other])}&" for other in names if other in TAKEN and other != name)
        for frame in (
            "{}",
            "https://a.example/{}",
            "https://{}/",
            "a@{}",
            "{}@a.example",
            "https://a.example/feed.atom?q={}",
        ):
            room = forms.LARGEST_FORM - len(others) - len(name) - len(quote(frame)) - 1
            for unit in (
                "a",
                "%CC%96%CC%81",
                "%EF%B7%BA",
                ".",
                "a.",
                "9",
                "%25",
                "-",
                ":",
                "[",
                "%40",
                "+",
                "%26q%3Da",
            ):
                value = quote(frame, safe="{}").replace("{}", unit * (room // len(unit)))
                yield "application/x-www-form-urlencoded", f"{others}{name}={value}".encode()
    for unit in JSON:
        yield "application/json", (unit * (forms.LARGEST_FORM // len(unit) or 1)).encode()[: forms.LARGEST_FORM]
    yield "application/x-www-form-urlencoded", b"a=b&" * (forms.LARGEST_FORM // 4)
    part = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n"
    yield "multipart/form-data; boundary=b", part * (forms.LARGEST_FORM // len(part))


@pytest.mark.slow
@pytest.mark.parametrize("path", FORMS)
def test_no_field_of_a_form_is_dear(door: Door, path: str) -> None:
    asked = []
    for mimetype, body in bodies(FORMS[path]):
        assert len(body) <= forms.LARGEST_FORM
        headers = {"Content-Type": mimetype, "Authorization": f"Bearer {door.token}", "Cookie": door.cookie}
        asked.append(
            partial(door.ask, "POST", path.format(link=door.link, draft=door.draft, hook=door.hook), headers, body)
        )
    for start in range(0, len(asked), 30):
        door.hold(asked[start : start + 30])


def test_each_form_has_its_case() -> None:
    """A route that reads a form calls `fields` or `members` of app/web/forms.py."""
    reading = {
        path.stem
        for path in (ROOT / "app" / "web" / "routes").glob("*.py")
        if path.stem != "forms" and re.search(r"\b(fields|members)\(", path.read_text("utf-8"))
    }
    known = {"account", "alerts", "hub", "look", "people", "signin", "subscriptions", "tokens"}
    known |= {
        "compose",
        "desk",
        "desk_announcements",
        "desk_lists",
        "desk_reporters",
        "desk_routine",
        "desk_sharing",
        "desk_versions",
    }
    known |= {"accreditation", "newsroom", "newsroom_hooks", "newsroom_tokens", "outlets"}
    assert reading == known, "give FORMS a line for the new form"


# Headers

FEED, FILE, HOME, PUSH, ENTRY = "GET /feed.atom", "GET {file}", "GET /", "POST /releases", "POST /atompub/cost/"
COMMON = ("a", ",", " ", ";", '"', "\\", "=", "(", "9", "-", "*", "%", "\u0301")
# Header -> where it is read, and the texts that are repeated in it besides COMMON.
HEADERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Accept": (
        ("GET /feed", "GET /changes", "GET /articles/{id}", "GET /hub"),
        ("a/b,", "a/b;q=0.1,", "text/html,", 'a/a;b="\\"",'),
    ),
    "Accept-Encoding": ((FEED, "GET /feeds"), ("a,", "gzip;q=0.001,", 'a;b="c";q=0.1,')),
    "Accept-Language": ((HOME, "GET /feeds", "GET /alerts"), ("a,", "a-b-c,", "ko;q=0.1,", "a_")),
    "A-IM": ((FEED,), ("feed,", "feed ; q = 0.000,", "feed;")),
    "Authorization": ((FEED, PUSH), ("Basic ", "Bearer ", "Digest a=b,", "YTpi")),
    "X-Request-Id": ((FEED, PUSH), ("a", "a-", "가")),
    "Traceparent": ((FEED, PUSH), ("0", "00-", "f")),
    "Content-Digest": ((PUSH,), ("sha-256=:", "sha-256=:a:,", "sha-512=:aaaa:, ", "sha-256=,")),
    "Content-Encoding": ((PUSH,), ("gzip, ",)),
    "Content-Length": ((PUSH, "POST /hub"), ("1",)),
    "Content-Type": (
        (PUSH, ENTRY, "POST /hub"),
        ("multipart/form-data;boundary=a;", "multipart/form-data;a*0=b;", "application/xml;charset=a;", 'a;b="', ";\t"),
    ),
    "Cookie": ((HOME, "POST /alerts", "GET /account"), ("a=b;", 'a="\\"";', "pressrelay=a;", "pressrelay=")),
    "Host": ((HOME, FEED), ("a.", "[", ":", "xn--a.")),
    "If-Match": (("PUT /atompub/cost/{id}",), ('"a",', 'W/"a",', "a,")),
    "If-Modified-Since": ((FEED, FILE), ("Mon, ", "1 ", ":", "09 Mar ", "+", "((")),
    "If-None-Match": ((FEED, FILE, "GET /feed.rss", "GET /atompub/cost/{id}"), ('"a",', 'W/"', 'W/"a",', "a,")),
    "If-Range": ((FILE,), ('"a"',)),
    "Origin": ((PUSH, "POST /alerts"), ("https://a.", "null")),
    "Range": ((FILE,), ("bytes=", "bytes=0-1,", "0-")),
    "Sec-Fetch-Dest": ((HOME, FEED), ("document",)),
    "Sec-Fetch-Mode": ((HOME, FEED), ("navigate",)),
    "Sec-Fetch-Site": ((HOME, "POST /alerts"), ("cross-site ",)),
    "Sec-Purpose": (("GET /articles/{id}",), ("prefetch", "a;")),
    "Signature": ((PUSH,), ("a=:", "a=:aaaa:, ", "a=();b;")),
    "Signature-Input": ((PUSH,), ("a=(", 'a=("b" "c");d=1, ', 'a=("b");keyid="c";', '"b" ', "a=();b;")),
    "Slug": ((ENTRY,), ("%CC%81", "%FF", "\u0316\u0301")),
    "Transfer-Encoding": ((PUSH,), ("chunked, ",)),
    "User-Agent": (
        (HOME, FEED, "GET /articles/{id}", "POST /hub", "POST /alerts"),
        ("Mozilla/5.0 (", "bot ", "https://", "Mozilla bot ", "9,", "9 subscribers ", "compatible;a "),
    ),
    "X-Forwarded-For": ((HOME, "POST /hub"), ("1,", ":", "1.", "ffff:")),
}
# Flask's names for the headers that it reads, and names that are no header of a request.
CALLED = {
    "accept_encodings": "Accept-Encoding",
    "accept_languages": "Accept-Language",
    "accept_mimetypes": "Accept",
    "authorization": "Authorization",
    "content_length": "Content-Length",
    "cookies": "Cookie",
    "if_match": "If-Match",
    "if_none_match": "If-None-Match",
    "mimetype": "Content-Type",
    "mimetype_params": "Content-Type",
    "remote_addr": "X-Forwarded-For",
}
OF_REQUESTS = re.compile(
    r'(?:request\.headers|\bgiven|(?<!\.)\bheaders|\btold)\.get\("([A-Z][\w-]+)"'
    r'|"([A-Z][\w-]+)" in request\.headers|\bparameters\.header\("([\w-]+)"'
)
OF_ENVIRON = re.compile(r"\bHTTP_([A-Z_]+)")
BY_FLASK = re.compile(
    r"\brequest\.(accept_\w+|if_\w+|content_\w+|mimetype\w*|authorization|range|cookies|referrer|user_agent|remote_addr)"
)
READERS_OF_HEADERS = (*sorted((ROOT / "app" / "web" / "routes").glob("*.py")), *(ROOT / "app" / "web").glob("*.py"))
CLIENTS = {"client", "outbound", "sources"}  # what these read are the headers of answers


def named() -> set[str]:
    """Every header of a request that the source names."""
    found: set[str] = set()
    for path in READERS_OF_HEADERS:
        if path.stem in CLIENTS:
            continue
        source = path.read_text("utf-8")
        found |= {name for names in OF_REQUESTS.findall(source) for name in names if name}
        found |= {name.replace("_", "-").title() for name in OF_ENVIRON.findall(source)} - {""}
        found |= {CALLED.get(name, name) for name in BY_FLASK.findall(source)}
    return {"A-IM" if name == "A-Im" else name for name in found}


def test_each_header_that_is_read_has_its_case() -> None:
    assert named() - set(HEADERS) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADERS)
def test_no_header_is_dear(door: Door, name: str) -> None:
    """At the largest size that is read, and at the largest that the web server accepts."""
    wheres, units = HEADERS[name]
    id = door.article()
    for where in wheres:
        method, _, path = where.format(id=id, file=f"/files/{SHA256}/a.txt").partition(" ")
        others = BESIDES.get(name, BESIDES.get(where, {}))
        if OWN.search(path) or name in WITH_TOKEN:
            others = {**others, "Authorization": f"Bearer {door.token}"}
        sent = [(unit, LONGEST_HEADER) for unit in (*COMMON, *units)] + [(unit, MOST_HEADERS) for unit in units]
        values = [unit * (length // len(unit.encode())) for unit, length in sent]
        door.hold([partial(refused_or_answered, door, method, path, {**others, name: value}) for value in values])


def refused_or_answered(door: Door, method: str, path: str, sent: dict[str, str]) -> None:
    """The web server refuses some headers by itself, and closes the connection."""
    try:
        door.ask(method, path, sent)
    except (http.client.HTTPException, OSError):
        door.connection.close()


SHA256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of "a"
MOST_HEADERS = 390_000  # bytes of all headers; the web server takes no more
# What a request needs so that the server reads the header.
BESIDES = {
    ENTRY: {"Content-Type": "application/atom+xml;type=entry"},
    "Signature-Input": {"Content-Digest": "sha-256=:a:", "Signature": "a=:a:"},
    "Signature": {"Content-Digest": "sha-256=:a:", "Signature-Input": 'a=("@method");keyid="a"'},
}
WITH_TOKEN = {"Content-Digest", "Content-Encoding", "Content-Type", "Origin"}
NOT_REFUSED = {
    "Content-Length",
    "Host",
    "Transfer-Encoding",
}  # the web server handles these itself; Host is not trusted


def test_all_headers_at_once_are_not_dear(door: Door) -> None:
    sent = {
        name: (units[0] * LONGEST_HEADER)[:LONGEST_HEADER]
        for name, (_, units) in HEADERS.items()
        if name not in NOT_REFUSED
    }
    del sent["Authorization"], sent["Slug"]
    for path in ("/", "/feed", "/feed.atom"):
        cost = door.cost(partial(door.ask, "GET", path, sent))
        assert not cost.dear, (path, cost)


def test_a_header_that_is_too_long_is_refused_by_name(door: Door) -> None:
    door.article()  # the feed as it was may be kept, and then no header of the request is read
    for name in sorted(set(HEADERS) - NOT_REFUSED):
        for path in ("/feed.atom", "/", "/no-such-page"):
            sent = {"Accept": "text/html", name: "a" * (LONGEST_HEADER + 1)}
            assert door.ask("GET", path, sent) == 431, (name, path)
    answer = door.server.client.get("/feed.atom", headers={"If-None-Match": "a" * (LONGEST_HEADER + 1)})
    assert (
        answer.json()["detail"] == f"If-None-Match has {LONGEST_HEADER + 1} bytes. The limit is {LONGEST_HEADER} bytes."
    )


# Files

HWPX, HWP, PDF, TEXT = "application/hwp+zip", "application/x-hwp", "application/pdf", "text/plain"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
LARGEST_FILE = Settings().max_file
CELLS = "<hp:p><hp:run><hp:tbl><hp:tr><hp:tc><hp:subList>", "</hp:subList></hp:tc></hp:tr></hp:tbl></hp:run></hp:p>"


def cells(unit: str, count: int) -> bytes:
    """A table of one text and that many cells or rows of nothing."""
    inner = f"<hp:tr><hp:tc><hp:subList>{paragraph('a')}</hp:subList></hp:tc>{unit * count}</hp:tr>"
    return hwpx(section(f"<hp:p><hp:run><hp:tbl>{inner}</hp:tbl></hp:run></hp:p>"))


def many_parts(count: int = 60_000) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), HWPX, zipfile.ZIP_STORED)
        for number in range(count):
            archive.writestr(zipfile.ZipInfo(f"Contents/section{number}.xml"), "<a/>")
    return out.getvalue()


class Hostile(NamedTuple):
    """A file, and how an article refers to it."""

    mimetype: str
    name: str
    make: Callable[[], bytes]
    references: int = 1
    body: str = BODY  # empty: it is taken from the file


HOSTILE = {
    "hwpx: a bomb": Hostile(HWPX, "a.hwpx", lambda: files.hwpx_bomb(100)),
    "hwpx: elements": Hostile(HWPX, "a.hwpx", lambda: hwpx(section("<a/>" * 15_000_000))),
    "hwpx: namespaces": Hostile(
        HWPX,
        "a.hwpx",
        lambda: hwpx(section("".join(f'<a xmlns:b{n}="x">' for n in range(240)) + "<b/>" * 3_000_000 + "</a>" * 240)),
    ),
    "hwpx: cells": Hostile(HWPX, "a.hwpx", lambda: cells("<hp:tc/>", 150_000), body=""),
    "hwpx: cells that are kept": Hostile(HWPX, "a.hwpx", lambda: cells("<hp:tc/>", 49_900), body=""),
    "hwpx: rows": Hostile(HWPX, "a.hwpx", lambda: cells("</hp:tr><hp:tr>", 400_000), body=""),
    "hwpx: paragraphs": Hostile(HWPX, "a.hwpx", lambda: hwpx(section(paragraph("a") * 100_000)), body=""),
    "hwpx: ampersands": Hostile(HWPX, "a.hwpx", lambda: hwpx(section(paragraph("&" * 990_000))), body=""),
    "hwpx: marks": Hostile(HWPX, "a.hwpx", lambda: hwpx(section(paragraph("\u0301\u0316" * 490_000))), body=""),
    "hwpx: tables in each other": Hostile(
        HWPX, "a.hwpx", lambda: hwpx(section(CELLS[0] * 40 + paragraph("a") * 100_000 + CELLS[1] * 40)), body=""
    ),
    "hwpx: parts": Hostile(HWPX, "a.hwpx", many_parts),
    "hwp: controls": Hostile(HWP, "a.hwp", lambda: files.hwp("\0" * 30_000_000)),
    "pdf: forms that draw each other": Hostile(PDF, "a.pdf", files.spinning_pdf),
    "pdf: forms without a text": Hostile(PDF, "a.pdf", files.endless_pdf),
    "text: paragraphs": Hostile(TEXT, "a.txt", lambda: b"a\n\n" * 1_300_000),
    "text: many references": Hostile(TEXT, "a.txt", lambda: (("가 " * 4_000 + "\n\n") * 120).encode(), 500),
    "text: twenty": Hostile(TEXT, "{}.txt", lambda: ("가 " * 490_000).encode()),
    "ole: many references": Hostile("", "a.doc", lambda: OLE + b"W\0" * 2_400_000, 500),
    "ole: the largest": Hostile("", "a.doc", lambda: (OLE + b"Wo\0r\0" * LARGEST_FILE)[:LARGEST_FILE]),
    "zip: the largest": Hostile("", "a.zip", lambda: (b"PK\x03\x04" + b"word/document.xm" * 4_000_000)[:LARGEST_FILE]),
    "png: four thousand million points": Hostile(
        "", "a.png", lambda: files.PNG[:16] + b"\0\0\xff\xff" * 2 + files.PNG[24:]
    ),
    "bytes: what may be a boundary": Hostile("", "a.bin", lambda: (b"\0" + b"\r\n--" * 12_500_000)[:LARGEST_FILE]),
}


def test_each_type_that_is_read_has_a_hostile_file() -> None:
    assert set(READERS) == {one.mimetype for one in HOSTILE.values()} - {""}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_is_dear_and_its_article_is_told_all_the_same(door: Door, name: str) -> None:
    hostile = HOSTILE[name]
    content = hostile.make()
    names = [hostile.name.format(number) for number in range(20 if "{}" in hostile.name else 1)]
    sent = {one: (f"{number} ".encode() if number else b"") + content for number, one in enumerate(names)}
    refers = "".join(f'<enclosure url="cid:{one}" type="{OCTETS}"/>' * hostile.references for one in names)
    answers: list[httpx.Response] = []
    cost = door.cost(lambda: answers.append(door.push(sent, hostile.body + refers)))
    (answer,) = answers
    assert answer.status_code == 201 or (not hostile.body and answer.status_code == 422), answer.text
    assert not cost.dear, cost
    assert cost.reading < (CPU_SECONDS + 0.5) * len(names)
    if answer.status_code == 201:
        page = f"/articles/{answer.json()['id']}"
        shown = door.cost(lambda: door.ask("GET", page, {"Accept-Encoding": "br"}))
        assert not shown.dear, shown


OCTETS = "application/octet-stream"


def test_the_texts_of_a_push_are_bounded_together() -> None:
    texts = enclosures.Texts(10)
    found = [texts.fit(store.articles.FileRecord(n, "", "a", TEXT, 1, "x" * 6, "read")) for n in range(3)]
    assert [(one.text, one.state) for one in found] == [("xxxxxx", "read"), ("xxxx", "cut"), ("", "cut")]
