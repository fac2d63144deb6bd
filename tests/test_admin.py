"""The operator's pages, over HTTP: who may see them, what they show, and that their buttons do what the commands do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import create_app, measures, store
from app.accounts.offices import OfficeRecord
from app.deliveries import webhooks
from app.measures import BOUNDS, Durations, MeasuredSums
from app.run.sampling import FileCount, Sampler, values_of
from app.settings import Settings
from app.store import Engine
from app.store.accounts import Source
from app.store.articles import FileRecord
from app.store.samples import KEPT, SPAN, Host, all_hosts, newest_samples, note_sample, sample_span, samples_since
from tests.conftest import until
from tests.desk import BROWSER, Desk, form, path_of
from tests.test_hub import PUSH
from tests.test_lifecycle import document
from tests.test_store import NOW as AT
from tests.test_store import article, put, put_items

NOW = datetime(2026, 3, 9, 6, 0, tzinfo=UTC)
HOST = Host("a:8080", "0.1.0", "0029", NOW - timedelta(days=1), NOW)
PAGES = ("/admin", "/admin/offices", "/admin/sources", "/admin/deliveries", "/admin/audit")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("admin"), **PUSH)
    yield made
    made.close()


def actions(desk: Desk) -> list[str]:
    return [one.event.action for one in store.audit.newest(desk.context.engine, 10**9, 5, 10**9)[0]]


# Who may


def test_only_administrators_see_them(desk: Desk) -> None:
    editor, stranger = desk.person("editor@press.example"), desk.stranger()
    for path in (*PAGES, "/admin/deliveries/none"):
        assert editor.get(path).status_code == 404, path
        assert path_of(stranger.get(path)).startswith("/signin"), path
        told = desk.admin.get(path)
        assert told.status_code == (404 if path.endswith("none") else 200), path
        assert "no-store" in told.headers["Cache-Control"]
    for path in ("/admin/sources/x/pull", "/admin/deliveries/x/end"):
        assert form(editor, path).status_code == 404
        assert form(desk.admin, path).status_code == 404
        crossing = desk.admin.post(path, headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
        assert crossing.status_code == 403


# How the server is


def test_the_overview_shows_this_host_and_what_it_did(desk: Desk) -> None:
    assert desk.server.push(desk.token, document("tag:admin,2026:one")).status_code == 201
    assert desk.server.push(desk.token, b"<release").status_code in (400, 422)
    engine = desk.context.engine
    until(lambda: samples_since(engine, 0).get("refused", {}) and all_hosts(engine), 60)
    until(lambda: max(sum(values) for values in samples_since(engine, 0)["taken"].values()) >= 1, 60)
    page = desk.admin.get("/admin").text
    (host,) = all_hosts(engine)
    assert host.name in page and host.schema == store.schema.newest() in page
    assert "complains of" not in page
    for words in ("Database", "fine", "None is overdue.", "Releases that came in", "As a table"):
        assert words in page, words
    assert desk.admin.get("/admin?period=week").status_code == 200
    assert desk.admin.get("/admin?period=year").status_code == 404


def test_orders_to_the_whole_server(desk: Desk) -> None:
    engine, editor = desk.context.engine, desk.person("orders@press.example")
    for action in ("hold", "drain", "flush", "resume", "fill"):
        assert form(editor, f"/admin/{action}").status_code == 404
    assert form(desk.admin, "/admin/explode").status_code == 404
    for action in ("hold", "drain"):
        assert path_of(form(desk.admin, f"/admin/{action}")) == "/admin"
    orders = store.operation.now_holds(engine)
    assert orders.held and orders.drained
    page = desk.admin.get("/admin").text
    assert "All deliveries and pulls are held." in page and "No releases are taken." in page
    assert desk.server.push(desk.token, document("tag:admin,2026:drained")).status_code == 503
    for action in ("resume", "fill", "flush"):
        assert path_of(form(desk.admin, f"/admin/{action}")) == "/admin"
    orders = store.operation.now_holds(engine)
    assert not orders.held and not orders.drained
    assert desk.server.push(desk.token, document("tag:admin,2026:drained")).status_code == 201
    assert actions(desk)[1:4] == ["cache-flushed", "intake-resumed", "deliveries-resumed"]


def test_a_flush_is_not_recorded_while_the_cache_does_not_answer(desk: Desk) -> None:
    app = create_app(Settings(data_dir=str(desk.server.directory), redis_url="unix:///nowhere.sock"))
    client = app.test_client()
    client.set_cookie("pressrelay", desk.admin.cookies["pressrelay"])
    before = actions(desk)
    try:
        answer = client.post("/admin/flush", headers=BROWSER)
    finally:
        app.extensions["pressrelay"].engine.dispose()
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert "Nothing was flushed." in answer.get_data(as_text=True)
    assert actions(desk) == before


def test_a_source_is_pulled_by_a_button(desk: Desk) -> None:
    engine = desk.context.engine
    far = store.micros(datetime.now(UTC) + timedelta(days=300))
    source = Source(
        "jeju-rss", "rss", "https://192.0.2.1/rss", "jeju", 600, 0, next_due=far, error="no answer", alarm="failing"
    )
    store.accounts.save_source(engine, source)
    page = desk.admin.get("/admin/sources").text
    assert "jeju-rss" in page and "failing" in page and "no answer" in page
    assert path_of(form(desk.admin, "/admin/sources/jeju-rss/pull")) == "/admin/sources"
    until(lambda: store.accounts.all_sources(engine)[0].next_due != far)
    assert "source-hurried" in actions(desk)
    assert store.accounts.remove_source(engine, "jeju-rss")


def test_deliveries_in_trouble_are_listed_and_steered(desk: Desk) -> None:
    engine = desk.context.engine
    made = webhooks.add(desk.context, "http://127.0.0.1:9/hook", "", "json", outlet="", contact="", accredited=False)
    assert desk.server.push(desk.token, document("tag:admin,2026:two")).status_code == 201
    until(lambda: made.target in desk.admin.get("/admin/deliveries").text, 30)
    own = f"/admin/deliveries/{made.name}"
    assert "failing" in desk.admin.get(own).text
    for action, state in (("pause", "paused"), ("resume", "active"), ("resend", "active"), ("end", "ended")):
        assert path_of(form(desk.admin, f"{own}/{action}")) == own
        found = store.deliveries.subscription(engine, made.name)
        assert found is not None and found.state == state, action
    assert actions(desk)[:2] == ["subscription-ended", "subscription-resent"]
    assert form(desk.admin, f"{own}/resume").status_code == 404, "it has ended"


def test_the_audit_log_is_searched(desk: Desk) -> None:
    pushed = desk.admin.get("/admin/audit?action=pushed&office=jeonbuk").text
    assert "pushed" in pushed and "person-added" not in pushed
    assert "No record was found." in desk.admin.get("/admin/audit?action=pushed&office=jeju").text
    assert "This is too long." in desk.admin.get(f"/admin/audit?office={'x' * 65}").text
    for wrong in ("0", "-1", "x", "9" * 19):
        assert desk.admin.get(f"/admin/audit?before={wrong}").status_code == 404, wrong


def test_offices_and_when_each_last_published(desk: Desk) -> None:
    page = desk.admin.get("/admin/offices").text
    assert "2 offices are registered" in page and "/offices/jeonbuk" in page and "/offices/jeju" not in page


# The store, on both databases


def test_samples_are_replaced_and_forgotten(engine: Engine) -> None:
    span = sample_span(NOW)
    note_sample(engine, HOST, {"requests": 3}, span)
    note_sample(engine, HOST, {"requests": 7, "errors": 1}, span)
    other = Host("b:8080", "0.2.0", "0029", NOW, NOW)
    note_sample(engine, other, {"requests": 5}, span)
    assert samples_since(engine, span) == {"requests": {span: [7, 5]}, "errors": {span: [1]}}
    assert samples_since(engine, span + 1) == {} and all_hosts(engine) == [HOST, other]
    later = NOW + KEPT + timedelta(seconds=2 * SPAN)
    note_sample(engine, Host("b:8080", "0.2.0", "0029", NOW, later), {"requests": 1}, sample_span(later))
    assert samples_since(engine, 0) == {"requests": {sample_span(later): [1]}}
    note_sample(engine, Host("b:8080", "0.2.0", "0029", NOW, NOW + timedelta(days=40)), {}, 0)
    assert [host.name for host in all_hosts(engine)] == ["b:8080"]
    assert store.samples.database_size(engine) > 10_000


def test_a_search_of_the_audit_log_looks_at_a_bounded_part(engine: Engine) -> None:
    for number in range(30):
        store.audit.append(engine, [store.audit.Event("tried", f"token {number % 3}", "jeju")], NOW)
    rows, before = store.audit.newest(engine, 31, 4, 10, actor="token 0")
    assert [row.seq for row in rows] == [28, 25, 22] and before == 21, "ten records were looked at"
    rows, before = store.audit.newest(engine, before, 2, 100, actor="token 0")
    assert [row.seq for row in rows] == [19, 16] and before == 16
    rows, before = store.audit.newest(engine, before, 10, 100, actor="token 0", office="jeju")
    assert [row.seq for row in rows] == [13, 10, 7, 4, 1] and before == 0, "the beginning"
    assert store.audit.newest(engine, 31, 10, 100, action="else") == ([], 0)


def test_the_newest_article_of_each_office(engine: Engine) -> None:
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도"))
    put(engine, article())
    found = store.feeds.newest_of_offices(engine, [article().office.code, "none"])
    assert list(found) == [article().office.code]


# Samples


def test_values_of_a_span() -> None:
    slow = Durations((0,) * 7 + (100,) + (0,) * (len(BOUNDS) - 7), 30.0)
    quick = Durations((1000,) + (0,) * len(BOUNDS), 0.1)
    came = MeasuredSums(
        {
            ("articles_taken", ("rss", "accepted")): 4,
            ("articles_taken", ("rss", "unchanged")): 2,
            ("articles_taken", ("rss", "invalid")): 3,
            ("articles_taken", ("atom", "older-version")): 1,
            ("embargoes_lifted", ()): 2,
        },
        {
            ("request_seconds", ("hot", "/feed.<format>", "GET", "200")): quick,
            ("request_seconds", ("long", "/releases", "POST", "503")): slow,
        },
    )
    assert values_of(came) == {
        **{"requests": 1100, "errors": 100, "slow": BOUNDS[7], "taken": 4, "refused": 4, "lifted": 2, "lift": 0},
    }


def test_a_sampler_that_starts_later_counts_only_what_came_since(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("sampler")
    folder = directory / measures.FOLDER
    folder.mkdir()

    def write(number: int) -> None:
        measures._write(folder / "web.1.json", MeasuredSums({("articles_taken", ("rss", "accepted")): number}))

    write(10)
    sampler = Sampler(Settings(data_dir=str(directory)), engine)
    write(13)
    sampler.note(NOW)
    assert samples_since(engine, 0)["taken"] == {sample_span(NOW): [3]}
    write(20)
    later = NOW + timedelta(seconds=SPAN)
    sampler.note(later)
    write(24)
    sampler.note(later + timedelta(seconds=30))
    assert samples_since(engine, 0)["taken"] == {sample_span(NOW): [10], sample_span(later): [4]}


def test_files_are_counted_once_some_at_a_time_and_none_that_waits(engine: Engine) -> None:
    def put_file(guid: str, sha256: str, size: int, **fields: Any) -> None:
        record = FileRecord(0, sha256 * 64, "a.pdf", "application/pdf", size)
        item = store.articles.Item(article(guid, **fields), guid.encode().ljust(32)[:32], files=(record,))
        assert put_items(engine, [item])[0].outcome == "stored"

    put_file("tag:files:1", "a", 10)
    put_file("tag:files:2", "b", 20)
    put_file("tag:files:3", "b", 20)  # the same file
    put_file("tag:files:waits", "c", 4000, embargoed=AT + timedelta(hours=1))
    put_file("tag:files:held", "e", 8000, held=True)
    count = FileCount(engine, 1)
    assert [count.step() for _ in range(3)] == [{}, {}, {"files": 2, "file_bytes": 30}]
    assert FileCount(engine).step() == {"files": 2, "file_bytes": 30}
    store.articles.lift(engine, AT + timedelta(hours=1))
    assert [count.step() for _ in range(4)][-1] == {"files": 3, "file_bytes": 4030}


def test_the_newest_samples_are_those_of_the_last_span(engine: Engine) -> None:
    assert newest_samples(engine, "files") == (0, [])
    note_sample(engine, HOST, {"files": 3}, sample_span(NOW) - 2)
    note_sample(engine, Host("b:8080", "0.2.0", "0029", NOW, NOW), {"files": 5}, sample_span(NOW) - 1)
    note_sample(engine, HOST, {"store": 1}, sample_span(NOW))
    assert newest_samples(engine, "files") == (sample_span(NOW) - 1, [5])
