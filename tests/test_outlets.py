"""Accredited outlets: what they may read under embargo, how clearly it is marked, and that each reading is recorded."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest
from lxml import etree
from msgspec.structs import replace
from sqlalchemy import event, select

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.rights import OutletRecord, Principal
from app.announce import announce
from app.cache.redis import Cache
from app.intake.normalize import public_id
from app.store import tables
from app.store.articles import FileRecord
from feeds import FORMATS as FEEDS
from feeds.article import Article, Term, embargo_mark
from tests.articles import SEED
from tests.conftest import Server
from tests.test_feeds import newsml_schema
from tests.test_lifecycle import ask, events, problem, token
from tests.test_store import NOW, Engine, article, put

SHA256 = "0" * 64
ROOT = Path(__file__).parent.parent
FORMATS = ("rss", "atom", "json", "ninjs", "newsml")
LIFTS = datetime(2031, 3, 9, 21, 0, tzinfo=UTC)
UNTIL = f"<embargo until='{LIFTS.isoformat()}'>3. 10.(월) 조간</embargo>"
KO, EN = "[엠바고 2031-03-10 06:00 KST]", "[EMBARGO until 2031-03-09T21:00:00Z]"


def release(name: str, inside: str = UNTIL, lang: str = "ko", office: str = "early", **codes: str) -> bytes:
    terms = "".join(f"<{key}>{code}</{key}>" for key, code in codes.items())
    return (
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="{lang}"><article version="1"><guid>tag:early,2026:{name}</guid>'
        f"<office>{office}</office><issued>2026-03-09T10:00:00+09:00</issued>{inside}<headline>제목 {name}</headline>"
        f"<body><p>본문 {name}.</p></body>{terms}</article></release>"
    ).encode()


@pytest.fixture(scope="module")
def early(server: Server) -> str:
    """An office with articles under embargo; its token."""
    own = server.save(
        OfficeRecord("early", "이른청", "", ("kr:50",)),
        OfficeRecord("early-part", "이른청 분소", "", ("kr:50",), parent="early"),
        OfficeRecord("late", "늦은청", "", ("kr:26",)),
    )
    releases = [
        release("one", region="kr:50110", topic="medtop:15000000"),
        release("two", lang="en", region="kr:50", topic="medtop:20000498"),
        release("held", "<embargo held='true'>의결 즉시</embargo>", region="kr:50"),
        release("part", office="early-part", region="kr:50"),
        release("open", "", region="kr:50"),
    ]
    for body in releases:
        assert server.push(own, body).status_code in (200, 201)
    late = release("late", office="late", region="kr:26")
    assert server.push(token(server, "late"), late).status_code in (200, 201)
    return own


def accredited(server: Server, code: str, **limits: tuple[str, ...]) -> str:
    engine = server.engine()
    store.accounts.save_outlet(engine, OutletRecord(code, f"신문 {code}", **limits), datetime.now(UTC))
    engine.dispose()
    return token(server, "", role="outlet", outlet=code)


def names(server: Server, token: str, **asked: str) -> set[str]:
    answer = ask(server, "GET", "/feed.ninjs", token, params={"status": "embargoed", "limit": "200", **asked})
    assert answer.status_code == 200, answer.text
    uris = {one["uri"] for one in answer.json().get("associations", [])}
    return {uri.removeprefix("tag:early,2026:") for uri in uris if uri.startswith("tag:early,2026:")}


ALL = {"one", "two", "held", "part", "late"}
LIMITS: list[tuple[dict[str, tuple[str, ...]], dict[str, str], set[str]]] = [
    ({}, {}, ALL),
    ({}, {"region": "kr:50"}, {"one", "two", "held", "part"}),
    ({}, {"lang": "en"}, {"two"}),
    ({}, {"exclude_office": "late"}, {"one", "two", "held", "part"}),
    ({"regions": ("kr:50",)}, {}, {"one", "two", "held", "part"}),
    ({"regions": ("kr:50110", "kr:26")}, {}, {"one", "late"}),
    ({"regions": ("kr:50",)}, {"region": "kr:26"}, set()),
    ({"topics": ("medtop:15000000",)}, {}, {"one"}),
    ({"topics": ("medtop:15000000",), "regions": ("kr:26",)}, {}, set()),
    ({"offices": ("early",)}, {}, {"one", "two", "held", "part"}),
    ({"offices": ("early-part", "late")}, {}, {"part", "late"}),
    ({"offices": ("early",), "topics": ("medtop:20000498",)}, {}, {"two"}),
]


@pytest.mark.parametrize(("limits", "asked", "seen"), LIMITS)
def test_limits(
    server: Server, early: str, limits: dict[str, tuple[str, ...]], asked: dict[str, str], seen: set[str]
) -> None:
    secret = accredited(server, f"limits-{LIMITS.index((limits, asked, seen))}", **limits)
    assert names(server, secret, **asked) == seen
    for name in ALL:
        codes = ask(server, "GET", f"/articles/{public_id(f'tag:early,2026:{name}')}.json", secret).status_code
        assert codes == (200 if name in names(server, secret) else 404), name


def test_offices_read_their_own_and_administrators_all(server: Server, early: str) -> None:
    assert names(server, early) == {"one", "two", "held", "part"}
    assert names(server, token(server, "early-part", role="reader")) == {"part"}
    assert names(server, token(server, "", role="admin")) >= ALL


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_plainly_marked(server: Server, early: str, format: str) -> None:
    secret = accredited(server, "marks", offices=("early",))
    answer = server.client.get(f"/feed.{format}?status=embargoed&office=early", auth=("any name", secret))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "private, no-store" and answer.headers["Vary"] == "Authorization"
    for name in ("ETag", "Last-Modified", "Access-Control-Allow-Origin", "Surrogate-Key"):
        assert name not in answer.headers, name
    assert answer.headers["Link"].startswith(f'<{server.url}/feed.{format}?office=early&status=embargoed>; rel="self"')
    said = "엠바고: 2031-03-10 06:00 KST까지 보도할 수 없습니다 (3. 10.(월) 조간)."
    if format in ("rss", "atom", "json"):
        if format == "json":
            items = answer.json()["items"]
            titles, texts = [item["title"] for item in items], [item["content_html"] for item in items]
        else:
            parsed = feedparser.parse(answer.content)
            assert not parsed.bozo
            titles = [entry.title for entry in parsed.entries]
            texts = [entry.content[0].value for entry in parsed.entries]
        assert f"{KO} 제목 one" in titles and f"{EN} 제목 two" in titles and "[엠바고: 의결 즉시] 제목 held" in titles
        assert any(text.startswith(f"<p><strong>{said}</strong></p>") for text in texts)
        assert any("발표 기관이 풀 때까지 보도할 수 없습니다 (의결 즉시)" in text for text in texts)
    elif format == "ninjs":
        items = {item["uri"]: item for item in answer.json()["associations"]}
        one, held = items["tag:early,2026:one"], items["tag:early,2026:held"]
        assert one["embargoedUntil"] == "2031-03-09T21:00:00Z" and "embargoedUntil" not in held
        assert one["edNote"].startswith(said) and "의결 즉시" in held["edNote"]
        assert one["headlines"][0]["value"] == "제목 one"
    else:
        root = etree.fromstring(answer.content)
        if schema := newsml_schema():
            assert schema.validate(root), schema.error_log
        found = {item.get("guid"): item for item in root.iter("{*}newsItem")}
        one, held = found["tag:early,2026:one"], found["tag:early,2026:held"]
        assert one.findtext(".//{*}embargoed") == "2031-03-09T21:00:00+00:00"
        assert held.find(".//{*}embargoed") is not None and not held.findtext(".//{*}embargoed"), "until further notice"
        notes = [note.text for note in one.iter("{*}edNote")]
        assert said in notes and "3. 10.(월) 조간" in notes
    assert "제목 open" not in answer.text


def test_a_feed_is_read_page_by_page(server: Server, early: str) -> None:
    secret = accredited(server, "pages", offices=("early",))
    seen, url = [], f"{server.url}/feed.json?status=embargoed&limit=3"
    while url:
        answer = ask(server, "GET", url.removeprefix(server.url), secret)
        seen += [item["id"] for item in answer.json()["items"]]
        url = answer.json().get("next_url", "")
        assert not url or "status=embargoed" in url
    assert sorted(seen) == sorted(f"tag:early,2026:{name}" for name in ("one", "two", "held", "part"))
    # The page above the last article is the one before it, and none is left out.
    second = ask(server, "GET", "/feed.json?status=embargoed&limit=1", secret).json()["next_url"]
    lowest = ask(server, "GET", "/feed.json?status=embargoed&limit=3", secret).json()["next_url"]
    above = second.replace("before=", "after=").removeprefix(server.url), lowest.replace("before=", "after=")
    assert ask(server, "GET", above[0], secret).json()["items"] == []
    up = ask(server, "GET", above[1].removeprefix(server.url).replace("limit=3", "limit=1"), secret).json()
    assert [item["id"] for item in up["items"]] == [seen[1]]


def test_the_single_item_of_what_is_held_tells_no_instant(server: Server, early: str) -> None:
    secret = accredited(server, "single", offices=("early",))
    id = public_id("tag:early,2026:held")
    assert ask(server, "GET", f"/articles/{id}.ninjs", secret).json()["pubStatus"] == "withheld"
    item = etree.fromstring(ask(server, "GET", f"/articles/{id}.newsml", secret).content)
    assert item.find(".//{*}embargoed") is not None and not item.findtext(".//{*}embargoed")


def test_an_empty_status_is_none(server: Server) -> None:
    assert server.client.get("/feed.json?status=&limit=1").status_code == 200
    assert server.client.get("/?status=embargoed").status_code == 400


def test_who_may_not_is_told_so_and_nothing_else(server: Server, early: str) -> None:
    url = "/feed.atom?status=embargoed"
    missing = server.client.get(url)
    assert problem(missing) == (401, "token-missing") and "Basic" in missing.headers["WWW-Authenticate"]
    assert "Access-Control-Allow-Origin" not in missing.headers
    assert problem(server.client.get(url, auth=("x", "wrong"))) == (401, "token-wrong")
    narrow = token(server, "early", scope=("publish",))
    assert problem(ask(server, "GET", url, narrow)) == (403, "insufficient-scope")
    ended = accredited(server, "ended")
    engine = server.engine()
    found = store.accounts.token_of(engine, ended)
    assert found is not None
    store.accounts.revoke_token(engine, found.id, datetime.now(UTC))
    engine.dispose()
    assert problem(ask(server, "GET", url, ended)) == (401, "token-revoked")
    good = accredited(server, "asks")
    for query, status, kind in (
        ("status=embargoed&q=x", 400, "bad-parameter"),
        ("status=embargoed&since=2020-01-01", 400, "bad-parameter"),
        ("status=soon", 400, "bad-status"),
        ("status=embargoed&status=public", 400, "bad-status"),
        ("status=embargoed&region=nowhere", 404, "unknown-region"),
    ):
        assert problem(ask(server, "GET", f"/feed.atom?{query}", good)) == (status, kind), query
    for path in ("/", "/feed.atom/archive"):
        assert ask(server, "GET", f"{path}?status=embargoed", good).status_code in (400, 404), path
    assert server.client.get("/feed.atom?status=public").content == server.client.get("/feed.atom").content
    conditional = {"A-IM": "feed", "If-None-Match": "*", "If-Modified-Since": "Sun, 09 Mar 2036 10:00:00 GMT"}
    assert ask(server, "GET", url, good, headers=conditional).status_code == 200


def test_an_entry_can_be_followed_and_each_reading_is_kept(server: Server, early: str) -> None:
    secret = accredited(server, "reads", offices=("early",))
    id = public_id("tag:early,2026:one")
    before = len(events(server, early, id, "read"))
    assert names(server, secret) >= {"one"}
    assert ask(server, "HEAD", "/feed.atom?status=embargoed", secret).status_code == 200
    page = ask(server, "GET", f"/articles/{id}", secret, headers={"Accept": "text/html"})
    assert page.status_code == 200 and "보도할 수 없습니다" in page.text and page.headers["X-Robots-Tag"] == "noindex"
    assert "application/ld+json" not in page.text and f"/articles/{id}.xml" not in page.text
    for suffix in ("json", "newsml", "nitf", "ninjs", "hwpx", "pdf"):
        answer = ask(server, "GET", f"/articles/{id}.{suffix}", secret)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store"), suffix
    assert ask(server, "GET", f"/articles/{id}.xml", secret).status_code == 404
    assert ask(server, "GET", f"/articles/{id}.odt", secret).status_code == 404
    found = events(server, early, id, "read")[before:]
    assert [one["detail"]["as"] for one in found] == [
        "feed.ninjs",
        "feed.atom",
        "page",
        "json",
        "newsml",
        "nitf",
        "ninjs",
        "hwpx",
        "pdf",
    ]
    assert {(one["who"], one["detail"]["outlet"], one["version"]) for one in found} == {("reads", "reads", 1)}
    assert ask(server, "GET", f"/atompub/early/{id}", early).status_code == 200
    assert events(server, early, id, "read")[-1]["detail"]["as"] == "atompub"
    stranger = accredited(server, "stranger", offices=("late",))
    unknown = ask(server, "GET", f"/articles/{'a' * 26}.json", stranger)
    assert ask(server, "GET", f"/articles/{id}.json", stranger).content == unknown.content
    assert events(server, early, id, "read")[-1]["detail"]["as"] == "atompub", "what was not shown was not read"


def test_an_office_that_left_is_not_read_any_more(server: Server, early: str) -> None:
    server.save(OfficeRecord("early-leaver", "떠나는 과", "", ("kr:50",), parent="early"))
    assert server.push(token(server, "early-leaver"), release("leaver", office="early-leaver")).status_code == 201
    outlet = accredited(server, "of-early", offices=("early",))
    assert "leaver" in names(server, early) and "leaver" in names(server, outlet)
    server.save(OfficeRecord("early-leaver", "떠난 과", "", ("kr:50",)))
    for secret in (early, outlet):
        assert "leaver" not in names(server, secret)
        assert ask(server, "GET", f"/articles/{public_id('tag:early,2026:leaver')}.json", secret).status_code == 404


def test_an_outlet_keeps_its_limits_unless_told(server: Server, early: str) -> None:
    add = ("outlet", "add", "narrow", "--name", "x")
    for words, offices in (
        (("--office", "early"), ["early"]),
        ((), ["early"]),
        (("--no-limits",), []),
    ):
        assert server.run(*add, *words).returncode == 0
        found = json.loads(server.run("outlet", "list", "--json").stdout)["outlets"]
        assert next(one["offices"] for one in found if one["code"] == "narrow") == offices


def test_what_was_withdrawn_and_waits_again_is_read_by_who_may(server: Server, early: str) -> None:
    id = server.push(early, release("again", "")).json()["id"]
    assert ask(server, "DELETE", f"/articles/{id}", early, params={"reason": "x"}).status_code == 200
    again = release("again").replace(b'version="1"', b'version="3"')
    assert server.push(early, again).status_code == 201
    secret = accredited(server, "again", offices=("early",))
    assert server.client.get(f"/articles/{id}.json").status_code == 410
    assert ask(server, "GET", f"/articles/{id}.json", secret).json()["version"] == 3


def test_what_is_held_ends_at_no_instant() -> None:
    held = replace(SEED, held=True, embargoed=LIFTS)
    for format in ("rss", "atom", "newsml"):
        made = FEEDS[format].marked(held)
        assert made.embargoed is None and made.held
        assert "2031-03-10 06:00 KST" in (made.note if format == "newsml" else made.text)
    assert FEEDS["json"].marked(held).embargoed == LIFTS
    # ninjs has no embargo without an end: its consumers delete withheld items.
    assert FEEDS["ninjs"].marked(held).pubstatus == "withheld"
    assert FEEDS["ninjs"].marked(replace(held, held=False)).pubstatus == "usable"


def test_nobodys_token_reads_nothing() -> None:
    assert Principal("token x", "outlet", ("embargo",)).reads() == ()


def test_a_file_under_embargo(server: Server, early: str) -> None:
    body = release("file", UNTIL + "", region="kr:50").replace(
        b"</article>", b"<enclosure url='cid:plan.txt' type='text/plain'/></article>"
    )
    files = {"release": ("release.xml", body, "application/xml"), "file": ("plan.txt", b"plan\n", "text/plain")}
    answer = server.client.post("/releases", files=files, headers={"Authorization": f"Bearer {early}"})
    assert answer.status_code == 201, answer.text
    secret, stranger = accredited(server, "files"), accredited(server, "no-files", offices=("late",))
    shown = ask(server, "GET", f"/articles/{answer.json()['id']}.json", secret).json()
    path = shown["enclosures"][0]["url"].removeprefix(server.url)
    assert server.client.get(path).status_code == 404
    assert ask(server, "GET", path, stranger).status_code == 404
    read = ask(server, "GET", path, secret)
    assert (read.content, read.headers["Cache-Control"]) == (b"plan\n", "private, no-store")
    assert events(server, early, answer.json()["id"], "read")[-1]["detail"]["as"] == "file"
    assert ask(server, "DELETE", f"/articles/{answer.json()['id']}", early, params={"reason": "x"}).status_code == 200
    assert ask(server, "GET", path, secret).status_code == 404


def test_after_its_instant_it_is_like_any_other(server: Server, early: str) -> None:
    """Time is moved: the lift gets a later time."""
    secret = accredited(server, "after", offices=("early",))
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)  # nobody else's here is as near
    body = release("after", f"<embargo until='{soon.isoformat()}'/>", region="kr:50")
    assert server.push(early, body).status_code == 201
    assert "after" in names(server, secret)
    engine = server.engine()
    lifted = store.articles.lift(engine, soon)
    cache = Cache(f"unix://{server.directory / 'valkey.sock'}", store.identity.instance(engine))
    assert lifted and announce(cache, lifted)
    engine.dispose()
    assert "after" not in names(server, secret)
    item = next(
        item
        for item in server.client.get("/feed.json?office=early").json()["items"]
        if item["id"] == "tag:early,2026:after"
    )
    assert item["title"] == "제목 after"


@pytest.mark.slow  # it waits until the server gives up
def test_nothing_is_shown_where_the_reading_cannot_be_kept(server: Server, early: str) -> None:
    secret = accredited(server, "unkept", offices=("early",))
    if server.environ.get("PRESSRELAY_DATABASE_URL"):
        pytest.skip("the database of this server is another")
    engine = server.engine()
    with engine.begin() as connection:  # holds SQLite's write lock for longer than others wait
        connection.exec_driver_sql("UPDATE counter SET seq = seq")
        answer = httpx.get(
            f"{server.url}/feed.json?status=embargoed",
            headers={"Authorization": f"Bearer {secret}"},
            trust_env=False,
            timeout=60,
        )
        assert answer.status_code == 503 and "제목" not in answer.text
    engine.dispose()


# The store


Ask = Callable[[Engine, str], object]


def statements(engine: Engine, id: str, ask: Ask = store.articles.by_id) -> list[tuple[str, int]]:
    """(statement, rows) of the queries for a public id that does not exist."""
    found: list[tuple[str, int]] = []

    def after(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append((statement, cursor.rowcount if engine.dialect.name == "postgresql" else 0))

    event.listen(engine, "after_cursor_execute", after)
    try:
        assert ask(engine, id) is None
    finally:
        event.remove(engine, "after_cursor_execute", after)
    return found


def test_a_public_question_does_the_same_for_an_embargo_as_for_nothing(engine: Engine) -> None:
    waits = article("tag:waits", embargoed=NOW + timedelta(hours=1))
    put(engine, waits)
    assert statements(engine, waits.id) == statements(engine, "nothing")
    assert store.articles.newest(engine, waits.id) is not None


JEJU, LABOUR = (("kr:50",), ("*",)), (("*",), ("medtop:09000000",))


def of_another_office(engine: Engine, id: str) -> object:
    return store.articles.newest_for(engine, id, ("other",))


def beyond_a_region(engine: Engine, id: str) -> object:
    return store.articles.newest_for(engine, id, None, (JEJU,))


def beyond_a_topic(engine: Engine, id: str) -> object:
    return store.articles.newest_for(engine, id, None, (LABOUR,))


def a_file_of_another_office(engine: Engine, id: str) -> object:
    return (
        store.articles.waiting_files(engine, SHA256 if id != "nothing" else "1" * 64, "a.pdf", ("other",), ()) or None
    )


def test_a_reader_whose_it_is_not_reads_no_document_of_it(engine: Engine) -> None:
    """Reading one takes longer than finding nothing, so the time would reveal that it waits."""
    waits = article("tag:waits-there", embargoed=NOW + timedelta(hours=1))
    put(engine, waits)
    put(
        engine,
        article("tag:known-names", regions=(Term("region", "kr:50"),), topics=(Term("medtop", "medtop:09000000"),)),
    )
    with engine.begin() as connection:
        num = connection.execute(select(tables.articles.c.num).where(tables.articles.c.id == waits.id)).scalar_one()
        store.articles.files.enter(connection, [(num, 1, [FileRecord(0, SHA256, "a.pdf", "application/pdf", 1)])])
    for question in (of_another_office, beyond_a_region, beyond_a_topic, a_file_of_another_office):
        assert statements(engine, waits.id, question) == statements(engine, "nothing", question), question.__name__
    region, office = ((waits.regions[0].code,), ("*",)), waits.office.code
    assert store.articles.newest_for(engine, waits.id, (office,), (region,)) is not None
    assert store.articles.waiting_files(engine, SHA256, "a.pdf", (office,), (region,))


def test_nobody_by_name_of_an_id_reads_all_that_waits() -> None:
    """`newest` is only for articles that are known to be the asker's own; for ids from outside there is `newest_for`."""
    asked = {
        str(path.relative_to(ROOT)): names
        for path in sorted((ROOT / "app" / "web").rglob("*.py"))
        if (names := set(re.findall(r"articles\.newest\([\w.]+, ([\w.]+)\)", path.read_text("utf-8"))))
    }
    assert {name for names in asked.values() for name in names} == {"draft.article"}, asked


def test_what_waits_is_in_no_public_answer_and_the_reverse(engine: Engine) -> None:
    from app.query.query import Query

    waits = article("tag:waits", embargoed=NOW + timedelta(hours=1))
    put(engine, waits, article("tag:open"))
    assert len(store.feeds.standing(engine, Query())) == 1
    assert [num for _, num, *_ in store.feeds.waiting(engine, Query(), ())] == [1]
    assert store.feeds.waiting(engine, Query(), ((("office:nobody",), ("*",)),)) == []
    put(engine, article("tag:waits", 2, embargoed=NOW + timedelta(hours=2)), now=NOW + timedelta(minutes=1))
    assert [(num, version) for _, num, version, _ in store.feeds.waiting(engine, Query(), ())] == [(1, 2)]
    put(engine, article("tag:waits", 3, pubstatus="canceled"))
    assert store.feeds.waiting(engine, Query(), ()) == []


# The words


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"embargoed": LIFTS}, KO),
        ({"embargoed": LIFTS, "lang": "en"}, EN),
        ({"embargoed": LIFTS, "held": True}, "[엠바고: 해제 미정]"),
        (
            {"embargoed": None, "held": True, "lang": "fr", "embargo_wording": "après le vote"},
            "[EMBARGO: après le vote]",
        ),
        ({"embargoed": None, "held": True, "lang": "en"}, "[EMBARGO: held until released]"),
    ],
)
def test_the_mark(fields: dict[str, Any], mark: str) -> None:
    marked: Article = (
        replace(SEED, embargo_wording="", **fields) if "embargo_wording" not in fields else replace(SEED, **fields)
    )
    assert embargo_mark(marked) == mark
    assert FEEDS["rss"].marked(marked).headline == f"{mark} {SEED.headline}"
    assert FEEDS["newsml"].marked(marked).headline == SEED.headline


def test_who_revokes_a_token_is_told_of_the_webhooks_that_go_on(server: Server) -> None:
    assert server.run("outlet", "add", "robbed", "--name", "도둑맞은 신문").returncode == 0
    secret = server.run("token", "add", "--outlet", "robbed").stdout.splitlines()[-1]
    thief = {"url": "https://thief.example/hook", "query": "status=embargoed"}
    made = server.client.post("/subscriptions", json=thief, headers={"Authorization": f"Bearer {secret}"})
    assert made.status_code == 201, made.text
    name, id = made.json()["name"], hashlib.sha256(secret.encode()).hexdigest()[:12]
    own = server.run("token", "add", "--outlet", "robbed").stdout.splitlines()[-1]
    mine = {"url": "https://robbed.example/hook", "query": "status=embargoed"}
    kept = server.client.post("/subscriptions", json=mine, headers={"Authorization": f"Bearer {own}"}).json()["name"]
    done = server.run("token", "revoke", secret)
    assert (
        f"The webhook {name} of robbed (made with this token) still delivers to https://thief.example/hook."
        in done.stdout
    )
    assert f"pressrelay token revoke {id} --subscriptions" in done.stdout
    engine = server.engine()
    record = next(iter(store.audit.records(engine, action="webhook-added")))
    assert record.event.actor == f"token {id}"
    done = server.run("token", "revoke", id, "--subscriptions", "--json")
    told = json.loads(done.stdout)
    assert told["ended"] == [name] and [one["name"] for one in told["webhooks"]] == [kept]
    live = [one.name for one in store.deliveries.find_subscriptions(engine, outlet="robbed", live=True)]
    engine.dispose()
    assert live == [kept], "what another token made goes on"
    assert "has ended" not in server.run("token", "revoke", id, "--subscriptions").stdout, "it can be repeated"
    assert server.run("outlet", "remove", "robbed").returncode == 0


def test_the_commands(server: Server, early: str) -> None:
    assert (
        server.run("outlet", "add", "daily", "--name", "데일리", "--region", "제주", "--office", "early").returncode
        == 0
    )
    listed = server.run("outlet", "list", "--json")
    daily = next(one for one in json.loads(listed.stdout)["outlets"] if one["code"] == "daily")
    assert (daily["regions"], daily["offices"]) == (["kr:50"], ["early"])
    made = server.run("token", "add", "--outlet", "daily", "--expires", "30d")
    secret = made.stdout.splitlines()[-1]
    assert names(server, secret) >= {"one"}
    assert server.run("outlet", "remove", "daily").returncode == 0
    assert problem(ask(server, "GET", "/feed.atom?status=embargoed", secret)) == (401, "token-revoked")
    done = server.run("outlet", "remove", "daily")
    assert done.returncode == 1 and "There is no outlet 'daily'" in done.stderr
    done = server.run("outlet", "add", "daily", "--name", "x", "--office", "nobody")
    assert done.returncode == 1 and "There is no office 'nobody'" in done.stderr
