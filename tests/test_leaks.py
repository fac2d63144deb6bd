"""Promise 2: an embargo cannot leak. Every public door of the server, as its own table of routes has them, is asked before an
embargoed release comes, while it waits, a microsecond before its instant, and then: until then not one byte may differ.

Time is moved, not slept: what decides is the instant that the lift is told.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pypdfium2
import pytest
import redis
from flask import Flask
from sqlalchemy import text

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.rights import OutletRecord
from app.announce import announce
from app.cache.redis import Cache
from app.desk.content import DraftText, to_json
from app.intake.normalize import public_id
from app.store.tables import metadata
from app.web.app import BLUEPRINTS
from tests.asking import Asker
from tests.conftest import Server, together, until
from tests.test_store import article, put
from tests.test_unread import CASES, DOCUMENTS

GUID = "tag:example.org,2026:leak-secret"
OPEN, SIBLING = "tag:example.org,2026:leak-open", "tag:example.org,2026:leak-sibling"  # public articles around it
WORD = "수달칠백사십삼"  # nobody else writes this, and the questions ask for it
UNASKED = "너구리구백십일"  # nor this, and nobody asks for it
LIFTS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
LATER = LIFTS + timedelta(days=40)
NAME = "leak-secret-plan.txt"
FILE = f"{WORD} 계획\n".encode()
FORMATS = ("rss", "atom", "json", "ninjs", "newsml")
SUFFIXES = ("json", "newsml", "nitf", "ninjs", "xml", "hwpx", "pdf")
QUERIES = (
    "",
    "region=kr:50",
    "topic=medtop:15000000",
    "office=leak-office",
    "lang=eo",
    "genre=explanation",
    "licence=cc0-1.0",
    f"q={quote(WORD)}",
    f"q={quote(WORD)}&region=kr:50",
    "since=2020-01-01",
    "exclude_region=kr:11",
    "limit=200",
    "region=kr:50&topic=medtop:15000000&lang=eo",
    "status=embargoed",
    "version=1.3",
    "extensions=all",
)
ACCEPTS = ("", "text/html", "application/json", "application/atom+xml")
DRAFT = "feedfacefeedface"
# What differs between two answers to one question, and tells nothing of any article.
REQUEST = "x-request-id"
PASSING = {"date", "server", "connection", "ratelimit", REQUEST}

Asked = Callable[[], list[tuple[str, str, dict[str, str]]]]


def release(guid: str, headline: str, embargo: str = "", more: str = "", version: int = 1) -> bytes:
    said = UNASKED if embargo else ""
    return (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="eo">'
        f'<article version="{version}" kind="explanation"><guid>{guid}</guid><issued>2026-03-09T10:00:00+09:00</issued>'
        f"{embargo}<headline>{headline}</headline><body><p>{headline} 본문. {said}</p></body>"
        f"<region>kr:50</region><topic>medtop:15000000</topic><keyword>{headline}</keyword>{more}</article></release>"
    ).encode()


SECRET = release(
    GUID,
    WORD,
    f"<embargo until='{LIFTS.isoformat()}'>{WORD}까지</embargo>",
    f"<enclosure url='cid:{NAME}' type='text/plain'><caption>{WORD}</caption></enclosure>"
    "<licence uri='https://creativecommons.org/publicdomain/zero/1.0/'>CC0</licence>"
    "<related guid='tag:example.org,2026:leak-open' translation='ko'/>",
)


def opened(directory: Path, **settings: str) -> tuple[Server, str, str]:
    """A server with a public article, and two tokens: of the office that has secrets, and of another."""
    rates = {"address_rate": "1000000/minute", "token_rate": "1000000/minute"}
    server = Server(directory, workers="1", **rates, **settings).start()
    token = server.save(
        OfficeRecord("leak-office", "비밀청", "", ("kr:50",)), OfficeRecord("leak-open", "열린청", "", ("kr:11",))
    )
    engine = server.engine()
    other = store.accounts.new_token(engine, "leak-open", "", datetime.now(UTC))
    engine.dispose()
    # The open article names the secret one as its translation, and says nothing that the secret one says.
    assert server.push(other, public("leak-open", f"<related guid='{GUID}' translation='eo'/>")).status_code == 201
    assert server.run("feed", "add", "leak", "region=kr:50").returncode == 0
    return server, token, other


def public(name: str, more: str = "") -> bytes:
    """A release that is public at once and says nothing that the secret one says."""
    made = release(f"tag:example.org,2026:{name}", "열린 것", "", more)
    made = made.replace(b"kr:50", b"kr:11").replace(b"medtop:15000000", b"medtop:08000000")
    return made.replace(b'"eo">', b'"ko">')


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    server, token, other = opened(tmp_path_factory.mktemp("leak"))
    yield server, token, other
    server.close()


def paths() -> Iterator[str]:
    """Every GET route of the application with everything of the secret article that its address can hold."""
    app = Flask("doors", static_folder=None)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    values: dict[str, tuple[str, ...]] = {
        "id": (*map(public_id, (GUID, OPEN, SIBLING)), DRAFT),
        "version": ("1", "2"),
        "format": (*FORMATS, *SUFFIXES),
        "month": ("2026-03", f"{datetime.now(UTC):%Y-%m}", f"{LIFTS:%Y-%m}"),
        "name": ("leak", NAME),
        "sha256": (sha256(FILE).hexdigest(),),
        "scheme": ("region", "medtop", "brm"),
        "office": ("leak-office",),
        "outlet": ("leak-outlet",),
        "secret": ("x",),
        "filename": ("style.css",),
        "code": ("kr:50", "medtop:15000000", "leak-office"),
    }
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        made = [rule.rule]
        for name in re.findall(r"<(?:\w+:)?(\w+)>", rule.rule):
            assert name in values, f"a new kind of address: say in this test what of an article stands in {rule.rule}"
            made = [re.sub(rf"<(?:\w+:)?{name}>", value, path) for path in made for value in values[name]]
        yield from made


def questions() -> list[tuple[str, str, dict[str, str]]]:
    found = []
    for path in sorted(set(paths())):
        asked = (
            QUERIES
            if path.startswith(("/feed", "/f/", "/embed")) or path in ("/", "/search")
            else ("", "since=now", "from=0", "version=1")
        )
        for query in asked:
            url = f"{path}?{query}" if query else path
            # What kind of document is wanted matters to some paths, and not in another way for each question.
            chosen = query in QUERIES[:2] and "." not in path and not path.startswith("/files")
            accepts = ACCEPTS if chosen else ACCEPTS[:1]
            found += [("GET", url, {"Accept": accept} if accept else {}) for accept in accepts]
        found.append(("HEAD", path, {}))
    id = public_id(GUID)
    found += [
        ("PUT", f"/articles/{id}", {}),
        ("DELETE", f"/articles/{id}?reason=x", {}),
    ]
    found += [("POST", f"/articles/{id}/release", {}), ("OPTIONS", f"/articles/{id}", {})]
    return found


def few() -> list[tuple[str, str, dict[str, str]]]:
    """One question at each door, and at feeds those for which the secret article is the answer."""
    asked = ("", "?region=kr:50", f"?q={quote(WORD)}")
    return [
        one
        for one in questions()
        if one[0] == "GET" and not one[2] and one[1].endswith((*asked[1:], urlsplit(one[1]).path))
    ]


def answers(server: Server, token: str = "", asked: Asked = questions) -> dict[str, tuple[Any, ...]]:
    """What each door says: status, headers, body."""
    found = {}
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    with Asker(server.url, bearer) as asker:
        for method, url, headers in asked():
            status, all_headers, body = asker.ask(method, url, headers)
            request = next((v for k, v in all_headers if k.lower() == REQUEST), "")  # random, and another one each time
            body = body.replace(request.encode(), b"") if request else body
            told = tuple(sorted((k.lower(), v) for k, v in all_headers if k.lower() not in PASSING))
            found[f"{method} {url} {headers.get('Accept', '')}"] = (status, told, body)
    return found


def settled(server: Server, asked: Asked = questions) -> dict[str, tuple[Any, ...]]:
    """When the second of the last change is over, its date is told: from then on nothing changes by itself."""
    last: dict[str, tuple[Any, ...]] = {}

    def same() -> bool:
        nonlocal last
        before, last = last, answers(server, asked=asked)
        return before == last

    until(same, 60)
    return last


def differing(before: dict[str, tuple[Any, ...]], after: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, Any]]:
    return {door: (before[door], after[door]) for door in before if before[door] != after[door]}


def words_in(server: Server) -> list[str]:
    """Where the secret's words or names are found: in the cache, in the log."""
    client = redis.Redis(unix_socket_path=str(server.directory / "valkey.sock"))
    secrets = [UNASKED.encode(), NAME.encode()]
    found = []
    for key in client.scan_iter(count=1000):
        value = client.get(key) if client.type(key) == b"string" else repr(client.dump(key)).encode()
        if any(secret in key + (value or b"") for secret in secrets):
            found.append(key.decode())
    client.close()
    log = server.log.read_bytes()
    return found + [f"log: {secret!r}" for secret in secrets if secret in log]


def drafted(server: Server) -> None:
    """The same words in a draft of the office, with a file, and what somebody wrote beside it."""
    engine, now = server.engine(), datetime.now(UTC)
    text = to_json(DraftText({"headline": WORD, "body": UNASKED}))
    draft = store.desk.DraftRecord(DRAFT, "leak-office", f"{GUID}-d", "draft", 1, WORD, text, "a", "a", now, now)
    store.desk.create(engine, draft, "person a")
    store.desk.add_file(engine, DRAFT, store.desk.DraftFile(NAME, sha256(FILE).hexdigest(), "text/plain", len(FILE)))
    store.desk.keep_aside(engine, DRAFT, store.desk.Aside("b", now, 1, text))
    store.desk.present(engine, DRAFT, "b", now)
    engine.dispose()


def pushed(server: Server, token: str, body: bytes) -> httpx.Response:
    files = {"release": ("release.xml", body, "application/xml"), "file": (NAME, FILE, "text/plain")}
    answer = server.client.post("/releases", files=files, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    return answer


# What a table may hold before an embargo lifts: its rows, words of the article, or neither. A new table is declared here.
WAITS = {
    "articles",
    "versions",
    "releases",
    "files",
    "embargo_entries",
    "axis",
    "audit",
    "audit_head",
    "counter",
    "refusals",
    "translations",
}
WAITS |= {"drafts", "draft_versions", "draft_asides", "draft_presence", "draft_files", "draft_links"}
WAITS |= {"outlet_copies", "copy_words"}
WAITS |= {"office_notices", "office_templates", "desk_looks"}
OWN = {
    "tokens",
    "attempts",
    "offices",
    "outlets",
    "office_keys",
    "sources",
    "used_signatures",
    "people",
    "memberships",
    "sessions",
    "one_time_links",
    "office_contacts",
    "reporters",
    "outlet_memberships",
    "passkeys",
    "identities",
    "ceremonies",
    "office_routines",
    "outlet_applications",
    "samples",
    "hosts",
    "schema_version",
    "backfills",
}  # not of articles
PUBLIC = {
    "feed_entries",
    "feed_amounts",
    "told_endings",
    "changes",
    "withdrawals",
    "saved_feeds",
    "subscriptions",
    "subscribed",
    "queue",
    "deliveries",
    "failed_attempts",
    "delivered",
}
PUBLIC |= {"intents"}
# What the web workers count of public feeds and pages and of tokens, at any time. It tells nothing of what waits.
COUNTS = {"reach_counts", "reach_feeds", "reach_readers", "token_uses"}
PUBLIC |= {"intents", "press_events", "press_event_places"}


def public_rows(server: Server) -> dict[str, Any]:
    """Everything in the tables from which the public is answered; nothing in them may tell of what waits."""
    assert set(metadata.tables) == WAITS | OWN | PUBLIC | COUNTS, (
        "a new table: say in this test whether it may hold what waits"
    )
    engine = server.engine()
    with engine.connect() as connection:
        # Hosts note every ten seconds what they measure; tests/test_metrics.py shows that nothing of it tells what waits.
        shown = sorted(PUBLIC | OWN - {"tokens", "hosts", "samples"})
        found = {name: connection.execute(metadata.tables[name].select()).all() for name in shown}
        counted = {name: connection.execute(metadata.tables[name].select()).all() for name in sorted(COUNTS)}
        assert not any(secret in repr(counted) for secret in (WORD, UNASKED, NAME, quote(WORD), public_id(GUID)))
        found["search"] = connection.execute(text("SELECT * FROM search_content")).all()
    engine.dispose()
    assert not any(secret in repr(found) for secret in (WORD, UNASKED, NAME, GUID))
    return found


def envelopes(server: Server, token: str) -> None:
    """What is refused, repeated, older or misspelt, in every dialect, from several threads: nothing of it is public."""
    secret = SECRET.decode().replace('version="1"', 'version="2"')
    start, end = secret.index("<article"), secret.index("</release>")
    again = secret[start:end].replace(f"<body><p>{WORD}", f"<body><p>Zwei {WORD}")
    older = again.replace('version="2"', 'version="1"')
    bad = again.replace("<guid>", "<guid>no guid ")
    held = again.replace(GUID, f"{GUID}-2").replace('version="2"', 'version="1"')
    whole = f"{secret[:start]}{again}{older}{bad}{held}{secret[end:]}"
    files = {"release": ("release.xml", whole.encode(), "application/xml"), "file": (NAME, FILE, "text/plain")}
    answer = server.client.post("/releases", files=files, headers={"Authorization": f"Bearer {token}"})
    assert [receipt["status"] for receipt in answer.json()["receipts"]] == [200, 409, 422, 201], answer.text
    documents = []
    for number, case in enumerate(one for one in CASES if one["outcome"] != "public"):
        document = DOCUMENTS[case["dialect"]].replace("제목", WORD).replace("본문", UNASKED)
        document = document.replace("tag:a,2026:1", f"{GUID}-case-{number}").replace(
            'id-string="1"', f'id-string="{number}"'
        )
        document = document.replace("<NewsItemId>1<", f"<NewsItemId>{number}<").replace("{}", case["inside"], 1)
        documents.append(document.encode())

    def push(mine: list[bytes]) -> None:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            for body in mine:
                headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
                assert client.post("/releases", content=body, headers=headers).status_code in (200, 201, 422)

    together(*(partial(push, documents[first::8] * 2) for first in range(8)))


def test_no_door_tells_of_an_embargo_in_few_questions(tmp_path: Path) -> None:
    server, token, _ = opened(tmp_path)
    try:
        empty = settled(server, few)
        assert len(empty) > 100
        pushed(server, token, SECRET)
        drafted(server)
        assert differing(empty, answers(server, asked=few)) == {}
        assert words_in(server) == []
        engine = server.engine()
        assert store.articles.lift(engine, LIFTS - timedelta(microseconds=1)) == []
        assert differing(empty, answers(server, asked=few)) == {}
        cache = Cache(f"unix://{server.directory / 'valkey.sock'}", store.identity.instance(engine))
        assert announce(cache, store.articles.lift(engine, LIFTS))
        cache.close()
        engine.dispose()
        after = answers(server, asked=few)
    finally:
        server.close()
    public = [door for door in differing(empty, after) if after[door][0] == 200]
    assert len(public) > 30, sorted(public)


LIMITS = {
    "far": OutletRecord("far", "far", regions=("kr:11",)),
    "off": OutletRecord("off", "off", topics=("medtop:08000000",)),
    "kin": OutletRecord("kin", "kin", offices=("leak-open",)),
    "gone": OutletRecord("gone", "gone"),  # its token was revoked
}


def outsider(server: Server, outlet: OutletRecord) -> str:
    """A token with which nothing of the office is read: of an outlet that is limited to others, or one that was revoked."""
    engine, now = server.engine(), datetime.now(UTC)
    store.accounts.save_outlet(engine, outlet, now)
    token = store.accounts.new_token(engine, "", outlet.code, now, role="outlet", outlet=outlet.code)
    if outlet.code == "gone":
        (id,) = [one.id for one in store.accounts.all_tokens(engine) if one.name == "gone"]
        store.accounts.revoke_token(engine, id, now)
    engine.dispose()
    return token


def asked_by_outlets() -> list[tuple[str, str, dict[str, str]]]:
    """The questions at each door, also about what waits, page by page, by HEAD, in parts and with conditions."""
    found = few()
    waits = [
        f"/feed.{format}?status=embargoed{more}" for format in FORMATS for more in ("", "&limit=1", "&region=kr:50")
    ]
    found += [(method, url, {}) for url in waits for method in ("GET", "HEAD")]
    id = public_id(GUID)
    doors = [f"/articles/{id}", *(f"/articles/{id}.{suffix}" for suffix in SUFFIXES), f"/articles/{id}/audit"]
    doors.append(f"/files/{sha256(FILE).hexdigest()}/{NAME}")
    for headers in ({"Range": "bytes=0-3"}, {"If-None-Match": "*"}, {"If-None-Match": f'"{sha256(FILE).hexdigest()}"'}):
        found += [("GET", url, headers) for url in doors]
    return [*found, *(("HEAD", url, {}) for url in doors), ("GET", "/subscriptions", {})]


@pytest.mark.parametrize("which", [["far"], pytest.param(["off", "kin", "gone"], marks=pytest.mark.slow)])
def test_an_outlet_learns_nothing_of_embargoes_that_are_not_for_it(tmp_path: Path, which: list[str]) -> None:
    server, token, _ = opened(tmp_path)
    try:
        tokens = [outsider(server, LIMITS[code]) for code in which]
        settled(server, asked=few)
        before = [answers(server, one, asked_by_outlets) for one in tokens]
        pushed(server, token, SECRET)
        after = [answers(server, one, asked_by_outlets) for one in tokens]
        for one, two in zip(before, after, strict=True):
            assert differing(one, two) == {}
    finally:
        server.close()


@pytest.mark.slow
@pytest.mark.first
def test_no_door_tells_of_an_embargo_before_its_instant(leak: tuple[Server, str, str]) -> None:
    server, token, other = leak
    assert len(questions()) > 150
    empty, strangers = settled(server), answers(server, other)
    receipt = pushed(server, token, SECRET).json()
    drafted(server)
    assert "public" not in receipt or datetime.fromisoformat(receipt["public"]) == LIFTS
    assert differing(empty, answers(server)) == {}
    # A correction while it waits, a stranger's token, and what is refused of it.
    corrected = SECRET.replace(b'version="1"', b'version="2"').replace(b"<body><p>", b"<body><p>Zwei ")
    pushed(server, token, corrected)
    assert differing(empty, answers(server)) == {}
    assert differing(strangers, answers(server, other)) == {}, "another office's token opens no more"
    assert words_in(server) == []
    rows = public_rows(server)
    envelopes(server, token)
    assert differing(empty, answers(server)) == {}, "of envelopes that repeat it, of refused and of misspelt ones"
    assert differing(strangers, answers(server, other)) == {}
    assert words_in(server) == []
    assert public_rows(server) == rows
    # Its instant moves while it waits, and back; another that waits is withdrawn.
    for version, until_ in ((b"3", LATER), (b"4", LIFTS)):
        moved = SECRET.replace(b'version="1"', b'version="%s"' % version)
        pushed(server, token, moved.replace(LIFTS.isoformat().encode(), until_.isoformat().encode()))
    bearer = {"Authorization": f"Bearer {token}"}
    gone = server.client.delete(f"/articles/{public_id(GUID + '-2')}?reason=x", headers=bearer)
    assert gone.status_code == 200, gone.text
    assert differing(empty, answers(server)) == {}, "of what was moved, and of what was withdrawn before anybody saw it"
    assert differing(strangers, answers(server, other)) == {}
    assert words_in(server) == []
    assert public_rows(server) == rows
    engine, cache = server.engine(), None
    try:
        assert store.articles.lift(engine, LIFTS - timedelta(microseconds=1)) == []
        assert differing(empty, answers(server)) == {}
        lifted = store.articles.lift(engine, LIFTS)
        assert len(lifted) == 1, "the one that came in an envelope with it is withdrawn"
        cache = Cache(f"unix://{server.directory / 'valkey.sock'}", store.identity.instance(engine))
        assert announce(cache, lifted)
    finally:
        engine.dispose()
    changed = differing(empty, answers(server))
    public = [door for door, (_, after) in changed.items() if after[0] == 200 and public_id(GUID).encode() in after[2]]
    # The test would not be worth its name if the doors it knocks at were not those behind which the article is.
    for door in (*(f"GET /feed.{format}?region=kr:50 " for format in FORMATS), "GET /feeds.opml ", "GET /sitemap.xml "):
        assert door in changed, door
    assert len(public) > 60, sorted(public)
    assert f"GET /files/{sha256(FILE).hexdigest()}/{NAME} " in changed


# What differs between two servers that were told the same: instants, random names, their addresses.
INSTANTS = re.compile(
    rb"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
    rb"|[0-9A-Za-z_-]*[0-9a-f]{8,}[0-9A-Za-z_-]*|\d[\d.:,T/ -]*\d(Z|\+\d\d:\d\d)?"
)


def shapes(server: Server, token: str = "") -> dict[str, Any]:
    """What each door says, without what differs between two servers that were told the same (Allow has no order). Counts of one
    digit stay."""
    found = {}
    for door, (status, headers, body) in answers(server, token).items():
        kept = [(k, INSTANTS.sub(b"#", v.encode())) for k, v in headers if k not in ("content-length", "etag", "allow")]
        found[door] = status, kept, INSTANTS.sub(b"#", unpacked(body))
    return found


def unpacked(body: bytes) -> bytes:
    """The words of a document: packed, every byte of it changes with one digit."""
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return b"\n".join(archive.read(name) for name in archive.namelist())
    if body.startswith(b"%PDF"):
        pages = pypdfium2.PdfDocument(body)
        return "\n".join(pages[number].get_textpage().get_text_range() for number in range(len(pages))).encode()
    return body


@pytest.mark.slow
def test_a_server_with_secrets_answers_as_one_that_never_got_them(tmp_path: Path) -> None:
    """New articles are public while others wait: their numbers, cursors, sizes and order tell nothing of these."""
    made = []
    for name, secrets in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        # Of one address: a QR code draws it.
        server, token, other = opened(tmp_path / name, base_url="http://press.example")
        made.append(server)
        envelope = public("leak-sibling").decode().replace("kr:11", "kr:50").replace('"ko"', '"eo"')
        if secrets:
            pushed(server, token, SECRET)
            drafted(server)
            secret = SECRET.decode()
            inside = secret[secret.index("<article") : secret.index("</release>")].replace(GUID, f"{GUID}-3")
            pushed(server, token, envelope.replace("</release>", inside + "</release>").encode())
        else:
            assert server.push(token, envelope.encode()).status_code == 201
        for number in range(3):
            assert server.push(other, public(f"leak-more-{number}")).status_code == 201
            if secrets:
                pushed(server, token, SECRET.replace(GUID.encode(), f"{GUID}-more-{number}".encode()))
    try:
        with_, without = shapes(made[0]), shapes(made[1])
        told = {door for door, shape in with_.items() if shape != without[door]}
        # The original of the sibling, and the file of an envelope, are not shown while something in it waits.
        original = {door for door in told if public_id(SIBLING) in door}
        assert told - original == set(), [(with_[door], without[door]) for door in sorted(told - original)][:1]
        for door in original:
            status, _, body = with_[door]
            assert status in (404, 410), (door, status)
            assert not any(word.encode() in body for word in (WORD, UNASKED, NAME))
    finally:
        for server in made:
            server.close()


@pytest.mark.parametrize("waits", [{"embargoed": LIFTS}, {"held": True}])
def test_no_table_from_which_the_public_is_answered_changes(engine: store.Engine, waits: dict[str, Any]) -> None:
    """On both databases."""

    def rows() -> dict[str, Any]:
        with engine.connect() as connection:
            found = {name: connection.execute(metadata.tables[name].select()).all() for name in sorted(PUBLIC)}
            words = "search" if engine.dialect.name == "postgresql" else "search_content"
            found["search"] = connection.execute(text(f"SELECT * FROM {words}")).all()
        return found

    put(engine, article("tag:open"))
    before = rows()
    put(engine, article("tag:secret", **waits))
    put(
        engine, article("tag:secret", version=2, **waits), article("tag:secret", **waits), article("tag:other", **waits)
    )
    assert rows() == before
