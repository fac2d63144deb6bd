"""The life of an article: corrected, released, withdrawn, reinstated; who may do it, and what is published and stored of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from app import store
from app.accounts.offices import OfficeRecord
from app.web.representation import OF_ARTICLE
from app.web.routes.discovery import BLOCK
from feeds import newsml, nitf
from feeds.article import Office
from tests.articles import SEED
from tests.conftest import Server

FORMATS = ("rss", "atom", "json", "ninjs", "newsml")
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)


def document(guid: str, version: int = 1, inside: str = "", headline: str = "처음 제목", **attributes: str) -> bytes:
    """A release of one article; `inside` is put where an embargo may be."""
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">'
        f'<article version="{version}"{said}><guid>{guid}</guid><issued>2026-03-09T10:00:00+09:00</issued>{inside}'
        f"<headline>{headline}</headline><body><p>본문 한 단락.</p></body></article></release>"
    ).encode()


@pytest.fixture(scope="module")
def province(server: Server) -> str:
    """The token of an office with a department in it."""
    server.save(
        OfficeRecord("life", "생애도", "", ("kr:52",)),
        OfficeRecord("life-health", "생애도 보건국", "", ("kr:52",), parent="life"),
        OfficeRecord("life-clinic", "생애도 보건소", "", ("kr:52",), parent="life-health"),
        OfficeRecord("other-life", "다른 곳", "", ("kr:11",)),
    )
    return token(server, "life")


def token(server: Server, office: str, **more: Any) -> str:
    engine = server.engine()
    made = store.accounts.new_token(engine, office, "", datetime.now(UTC), **more)
    engine.dispose()
    return made


def ask(server: Server, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if "content" in more:
        headers["Content-Type"] = "application/xml"
    return server.client.request(method, path, headers=headers | more.pop("headers", {}), **more)


def pushed(server: Server, token: str, body: bytes) -> dict[str, Any]:
    answer = server.push(token, body)
    assert answer.status_code in (200, 201), answer.text
    told: dict[str, Any] = answer.json()
    return told


def events(server: Server, token: str, id: str, action: str = "") -> list[dict[str, Any]]:
    answer = ask(server, "GET", f"/articles/{id}/audit" + (f"?action={action}" if action else ""), token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


# Corrections


def test_put_corrects_in_any_dialect_and_keeps_what_must_stay(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:put"))
    before = server.client.get(f"/articles/{receipt['id']}.json").json()
    answer = ask(
        server, "PUT", f"/articles/{receipt['id']}", province, content=document("tag:life,2026:put", 1, "", "고친 제목")
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["id"]) == (2, receipt["id"])
    after = server.client.get(f"/articles/{receipt['id']}.json").json()
    assert (after["guid"], after["url"], after["published"]) == (before["guid"], before["url"], before["published"])
    assert after["headline"] == "고친 제목" and after["updated"] > before["updated"]
    feed = server.client.get("/feed.json?office=life").json()
    assert feed["items"][0]["title"] == "고친 제목"
    assert [event["action"] for event in events(server, province, receipt["id"])] == ["pushed", "corrected"]
    again = ask(
        server, "PUT", f"/articles/{receipt['id']}", province, content=document("tag:life,2026:put", 1, "", "고친 제목")
    )
    assert (again.status_code, again.json()["version"]) == (200, 2), "nothing new is no version"


def test_put_of_another_guid_and_of_no_xml_is_refused(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:strict"))
    path = f"/articles/{receipt['id']}"
    answer = ask(server, "PUT", path, province, content=document("tag:life,2026:strict-other"))
    assert problem(answer) == (422, "invalid-release")
    assert (
        "this article has the guid 'tag:life,2026:strict', which cannot change" in answer.json()["errors"][0]["reason"]
    )
    answer = ask(server, "PUT", path, province, content=b"{}", headers={"Content-Type": "application/json"})
    assert problem(answer) == (422, "unknown-dialect")
    assert [event["action"] for event in events(server, province, receipt["id"])] == ["pushed", "refused", "refused"]


# Withdrawal


def test_delete_withdraws_from_everywhere_and_a_newer_version_reinstates(server: Server, province: str) -> None:
    body = document("tag:life,2026:gone", headline="수달사백이십칠 제목")
    receipt = pushed(server, province, body)
    path = f"/articles/{receipt['id']}"
    doors = [
        "/",
        "/?q=수달사백이십칠",
        *(f"/feed.{format}?office=life" for format in FORMATS),
        "/feed.json?q=수달사백이십칠",
        f"/sitemap.xml?from={store.micros(datetime.now(UTC)) // BLOCK * BLOCK}",
        "/sitemap-news.xml",
        "/feed.atom/archive?office=life",
    ]
    shown = [door for door in doors if receipt["id"] in server.client.get(door).text]
    assert set(doors) - set(shown) <= {"/sitemap-news.xml"}, "the news sitemap has what is of these two days"
    assert problem(ask(server, "DELETE", path, province)) == (400, "reason-missing")
    answer = ask(server, "DELETE", path, province, params={"reason": "수치가 틀렸습니다"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["pubstatus"], answer.json()["version"]) == ("canceled", 2)
    again = ask(server, "DELETE", path, province, params={"reason": "또"})
    assert (again.status_code, again.json()["version"]) == (200, 2), "once is enough, and a retry is no fault"
    for door in doors:
        text = server.client.get(door).text
        assert "/articles/" + receipt["id"] not in text and "수달사백이십칠 " not in text, door
    gone = server.client.get(path)
    assert problem(gone) == (410, "canceled") and gone.json()["detail"] == "수치가 틀렸습니다"
    page = server.client.get(path, headers={"Accept": "text/html", "Accept-Language": "ko"})
    assert page.status_code == 410 and "이 보도자료는 취소되었습니다" in page.text and "수치가 틀렸습니다" in page.text
    assert "수달사백이십칠" not in page.text and page.headers["Cache-Control"] == "no-store"
    for suffix in ("json", "xml", "newsml", "nitf", "ninjs", "hwpx", "pdf"):
        assert server.client.get(f"{path}.{suffix}").status_code == 410
    lines = server.client.get("/changes?since=now").headers["Link"]
    assert lines
    assert 'ref="tag:life,2026:gone"' in server.client.get("/feed.atom?office=life&extensions=all").text
    answer = server.push(province, document("tag:life,2026:gone", 3, headline="수달사백이십칠 다시"))
    assert answer.status_code == 201, answer.text
    assert server.client.get(path).status_code == 200
    assert 'ref="tag:life,2026:gone"' not in server.client.get("/feed.atom?office=life&extensions=all").text
    assert "수달사백이십칠 다시" in server.client.get("/feed.json?q=수달사백이십칠").text
    actions = [event["action"] for event in events(server, province, receipt["id"])]
    assert actions == ["pushed", "refused", "canceled", "corrected"]


def test_what_is_withheld_says_only_that_it_went(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:withheld"))
    path = f"/articles/{receipt['id']}"
    answer = ask(server, "DELETE", path, province, params={"reason": "내부 사정", "pubstatus": "withheld"})
    assert answer.json()["pubstatus"] == "withheld"
    gone = server.client.get(path)
    assert problem(gone) == (410, "withheld") and "내부 사정" not in gone.text
    answer = ask(server, "DELETE", path, province, params={"reason": "x", "pubstatus": "usable"})
    assert problem(answer) == (400, "bad-parameter")
    answer = ask(server, "DELETE", path, province, params={"reason": "영영 취소"})
    assert (answer.status_code, answer.json()["pubstatus"]) == (200, "canceled")
    assert problem(server.client.get(path)) == (410, "canceled")


def test_a_version_that_cancels_does_the_same(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:by-version"))
    pushed(server, province, document("tag:life,2026:by-version", 2, pubstatus="canceled"))
    assert server.client.get(f"/articles/{receipt['id']}").status_code == 410


# Embargoes


def test_a_held_article_is_released_once_and_then_corrected_by_its_own_next_version(
    server: Server, province: str
) -> None:
    body = document("tag:life,2026:held", 1, "<embargo held='true'>의결 즉시</embargo>")
    receipt = pushed(server, province, body)
    path = f"/articles/{receipt['id']}"
    assert "public" not in receipt and server.client.get(path).status_code == 404
    before = datetime.now(UTC)
    answer = ask(server, "POST", f"{path}/release", province)
    assert answer.status_code == 200, answer.text
    assert datetime.fromisoformat(answer.json()["public"]) >= before
    shown = server.client.get(f"{path}.json").json()
    assert shown["held"] is False and datetime.fromisoformat(shown["published"]) >= before
    assert shown["embargo_wording"] == "의결 즉시", "the office's words stay"
    assert server.client.get("/feed.json?office=life").json()["items"][0]["id"] == "tag:life,2026:held"
    again = ask(server, "POST", f"{path}/release", province)
    assert problem(again) == (409, "not-held")
    assert pushed(server, province, body)["public"], "the same release again is told what became of it"
    assert pushed(server, province, document("tag:life,2026:held", 2, "", "고친 것"))["version"] == 2
    assert server.client.get(f"{path}.json").json()["published"] == shown["published"]
    actions = [(event["action"], event.get("version", 0)) for event in events(server, province, receipt["id"])]
    assert actions == [("pushed", 1), ("released", 1), ("refused", 0), ("corrected", 2)]


def test_what_is_not_held_is_not_released(server: Server, province: str) -> None:
    until = f"<embargo until='{TOMORROW.isoformat()}'/>"
    for name, inside in (("open", ""), ("until", until)):
        receipt = pushed(server, province, document(f"tag:life,2026:not-held-{name}", 1, inside))
        assert problem(ask(server, "POST", f"/articles/{receipt['id']}/release", province)) == (409, "not-held")
    assert server.client.get(f"/articles/{receipt['id']}").status_code == 404


def test_a_release_ends_the_hold_and_not_the_instant(server: Server, province: str) -> None:
    inside = f"<embargo until='{TOMORROW.isoformat()}' held='true'/>"
    receipt = pushed(server, province, document("tag:life,2026:hold-and-instant", 1, inside))
    answer = ask(server, "POST", f"/articles/{receipt['id']}/release", province)
    assert (answer.status_code, datetime.fromisoformat(answer.json()["public"])) == (200, TOMORROW)
    assert server.client.get(f"/articles/{receipt['id']}").status_code == 404


@pytest.mark.parametrize(
    ("inside", "public"),
    [
        ("", False),
        ("<embargo held='false'/>", True),
        ("<embargo until='2026-03-09T10:00:00+09:00'/>", True),
        ("<embargo until='{later}'/>", False),
        ("<embargo>배포 즉시</embargo>", True),
        ("<embargo>의결 즉시</embargo>", False),
    ],
)
@pytest.mark.parametrize("first", ["until='{tomorrow}'", "held='true'"])
def test_a_newer_version_keeps_moves_or_drops_an_embargo(
    server: Server, province: str, first: str, inside: str, public: bool, request: pytest.FixtureRequest
) -> None:
    words = {"tomorrow": TOMORROW.isoformat(), "later": (TOMORROW + timedelta(days=1)).isoformat()}
    guid = f"tag:life,2026:embargo-{abs(hash(request.node.name))}"
    receipt = pushed(server, province, document(guid, 1, f"<embargo {first.format(**words)}/>"))
    second = pushed(server, province, document(guid, 2, inside.format(**words), "둘째"))
    assert server.client.get(f"/articles/{receipt['id']}").status_code == (200 if public else 404)
    warned = [warning for warning in second.get("warnings", ()) if "does not mention an embargo" in warning]
    assert bool(warned) == (inside == "")
    if not inside and "until" in first:
        assert datetime.fromisoformat(second["public"]) == TOMORROW


def test_an_embargo_that_is_past_is_no_embargo_and_is_told(server: Server, province: str) -> None:
    inside = "<embargo until='2026-03-09T12:00:00+09:00'/>"
    receipt = pushed(server, province, document("tag:life,2026:past", 1, inside))
    assert receipt["warnings"] == ["The embargo is past. The article was published at once."]
    assert server.client.get(f"/articles/{receipt['id']}").status_code == 200
    answer = server.push(province, document("tag:life,2026:zoneless", 1, "<embargo until='2026-03-09T12:00:00'/>"))
    assert answer.status_code == 422 and answer.json()["errors"][0]["path"].endswith("/embargo")


def test_an_embargoed_article_is_canceled_in_silence(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:never", 1, "<embargo held='true'/>"))
    answer = ask(server, "DELETE", f"/articles/{receipt['id']}", province, params={"reason": "없던 일"})
    assert answer.json()["pubstatus"] == "canceled"
    assert problem(server.client.get(f"/articles/{receipt['id']}")) == (404, "unknown-article")
    assert "tag:life,2026:never" not in server.client.get("/changes?limit=200").text
    assert "없던 일" not in server.client.get("/feed.atom?office=life&extensions=all").text
    again = ask(server, "POST", f"/articles/{receipt['id']}/release", province)
    assert problem(again) == (409, "not-held"), "what is canceled is not released"


# Who may


def test_a_province_acts_for_its_departments_and_they_not_for_it(server: Server, province: str) -> None:
    clinic = token(server, "life-clinic")
    named = document("tag:life,2026:clinic").replace(b"<issued>", b"<office>life-clinic</office><issued>")
    receipt = pushed(server, province, named)
    assert server.client.get(f"/articles/{receipt['id']}.json").json()["office"]["code"] == "life-clinic"
    for office in ("life-clinic", "life-health", "life"):
        assert receipt["id"] in server.client.get(f"/feed.ninjs?office={office}&limit=200").text, office
    assert receipt["id"] not in server.client.get("/feed.ninjs?office=other-life").text
    path = f"/articles/{receipt['id']}"
    assert (
        ask(server, "PUT", path, province, content=document("tag:life,2026:clinic", 2, "", "도에서 고침")).status_code
        == 200
    )
    assert (
        ask(server, "PUT", path, clinic, content=document("tag:life,2026:clinic", 3, "", "스스로 고침")).status_code
        == 200
    )
    above = pushed(server, province, document("tag:life,2026:above"))
    answer = ask(server, "DELETE", f"/articles/{above['id']}", clinic, params={"reason": "x"})
    assert problem(answer) == (403, "wrong-office")
    stranger = document("tag:life,2026:clinic-2").replace(b"<issued>", b"<office>other-life</office><issued>")
    assert problem(server.push(province, stranger)) == (403, "wrong-office")
    mine = document("tag:life,2026:clinic-3").replace(b"<issued>", b"<office>life</office><issued>")
    assert problem(server.push(clinic, mine)) == (403, "wrong-office")


def test_another_office_changes_nothing_and_learns_nothing_of_an_embargo(server: Server, province: str) -> None:
    other = token(server, "other-life")
    open_ = pushed(server, province, document("tag:life,2026:theirs"))["id"]
    waits = pushed(server, province, document("tag:life,2026:theirs-waiting", 1, "<embargo held='true'/>"))["id"]
    calls = [("PUT", "", {"content": document("tag:life,2026:theirs", 2)}), ("DELETE", "", {"params": {"reason": "x"}})]
    calls += [("POST", "/release", {}), ("GET", "/audit", {})]
    for method, path, more in calls:
        assert problem(ask(server, method, f"/articles/{open_}{path}", other, **more)) == (403, "wrong-office"), method
        embargoed = ask(server, method, f"/articles/{waits}{path}", other, **more)
        unknown = ask(server, method, f"/articles/{'a' * 26}{path}", other, **more)
        texts = [answer.text.replace(answer.headers["X-Request-Id"], "") for answer in (embargoed, unknown)]
        assert texts[0] == texts[1] and embargoed.status_code == 404, method
    assert problem(server.push(other, document("tag:life,2026:theirs", 2))) == (403, "wrong-office")
    assert server.client.get(f"/articles/{open_}.json").json()["version"] == 1
    refused = [event for event in events(server, province, open_) if event["action"] == "refused"]
    assert {event["detail"]["problem"] for event in refused} == {"wrong-office"} and len(refused) >= 4
    assert all(event["who"] == "other-life" for event in refused)


def test_a_reader_reads_and_an_administrator_acts_for_all(server: Server, province: str) -> None:
    reader, admin = token(server, "life", role="reader"), token(server, "", role="admin")
    receipt = pushed(server, province, document("tag:life,2026:roles"))
    path = f"/articles/{receipt['id']}"
    for method, more in (
        ("PUT", {"content": document("tag:life,2026:roles", 2)}),
        ("DELETE", {"params": {"reason": "x"}}),
    ):
        answer = ask(server, method, path, reader, **more)
        assert problem(answer) == (403, "insufficient-scope")
        assert 'error="insufficient_scope", scope="publish"' in answer.headers["WWW-Authenticate"]
    assert problem(server.push(reader, document("tag:life,2026:roles-2"))) == (403, "insufficient-scope")
    assert events(server, reader, receipt["id"])
    assert problem(server.push(admin, document("tag:life,2026:roles-3"))) == (403, "wrong-office")
    answer = ask(server, "PUT", path, admin, content=document("tag:life,2026:roles", 2, "", "관리자가 고침"))
    assert answer.status_code == 200, answer.text
    assert ask(server, "DELETE", path, admin, params={"reason": "관리자가 취소"}).status_code == 200


def test_tokens_end_and_are_revoked(server: Server, province: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    ended = token(server, "life", expires=past)
    answer = server.push(ended, document("tag:life,2026:ended"))
    assert problem(answer) == (401, "token-expired") and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    good = token(server, "life", expires=datetime.now(UTC) + timedelta(days=1))
    assert server.push(good, document("tag:life,2026:good")).status_code == 201
    engine = server.engine()
    found = store.accounts.token_of(engine, good)
    assert found is not None and found.used is not None, "its last use is known"
    done = server.run("token", "revoke", found.id)
    assert done.returncode == 0, done.stderr
    assert problem(server.push(good, document("tag:life,2026:good", 2))) == (401, "token-revoked")
    refused = store.audit.records(engine, office="life", action="refused")
    problems = {(record.event.actor, record.event.detail["problem"]) for record in refused}
    ended_record = store.accounts.token_of(engine, ended)
    assert ended_record is not None
    assert {(found.actor, "token-revoked"), (ended_record.actor, "token-expired")} <= problems
    assert store.audit.verify(engine).fault == ""
    engine.dispose()
    assert problem(server.client.get("/feed.atom/../atompub")) == (401, "token-missing")


def test_the_audit_of_an_article_comes_in_pages(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:pages"))
    path = f"/articles/{receipt['id']}/audit"
    assert problem(ask(server, "GET", f"{path}?after=x", province)) == (400, "bad-cursor")
    (first,) = events(server, province, receipt["id"])
    assert (first["actor"].split()[0], first["who"], first["hash"] != "") == ("token", "life", True)
    for after in (str(first["seq"]), f"{first['seq']}-{first['hash'][:16]}"):
        assert ask(server, "GET", f"{path}?after={after}", province).json()["events"] == []
    for after in (f"{first['seq']}-{'0' * 16}", f"{10**9}-{first['hash'][:16]}"):
        assert problem(ask(server, "GET", f"{path}?after={after}", province)) == (410, "bad-cursor")
    assert problem(ask(server, "GET", path)) == (401, "token-missing")


# What a review found


def test_words_alone_never_publish_what_waits(server: Server, province: str) -> None:
    """Our own NewsML-G2 of an article, without its instant: the meaning of the words decides, and these mean that it waits."""
    made = replace(
        SEED, guid="tag:life,2026:words", office=Office("life", "생애도"), embargo_wording="11월 말 공개 예정"
    )
    for render in (newsml.render_article, nitf.render_article):
        guid = f"tag:life,2026:words-{render.__module__}"
        first = replace(made, guid=guid, embargoed=TOMORROW, held=False)
        receipt = pushed(server, province, render(first))
        second = render(replace(first, version=2, embargoed=None, headline="고친 제목"))
        answer = pushed(server, province, second)
        assert server.client.get(f"/articles/{receipt['id']}").status_code == 404, answer
        third = render(replace(first, guid=f"{guid}-new", embargoed=None))
        assert "public" not in pushed(server, province, third), "not understood: held"


def test_an_embargo_on_what_was_withdrawn_is_not_told(server: Server, province: str) -> None:
    for pubstatus in ("canceled", "withheld"):
        guid = f"tag:life,2026:again-{pubstatus}"
        path = f"/articles/{pushed(server, province, document(guid))['id']}"
        since = server.client.get("/changes?since=now").headers["Link"].partition("since=")[2].partition("&")[0]
        ask(server, "DELETE", path, province, params={"reason": "수치가 틀림", "pubstatus": pubstatus})
        doors = [
            path,
            f"{path}.json",
            f"/changes?since={since.partition('>')[0]}",
            "/feed.atom?office=life&limit=13&extensions=all",
            "/feed.newsml?office=life",
        ]
        before = [server.client.get(door) for door in doors]
        assert [answer.status_code for answer in before[:2]] == [410, 410]
        pushed(server, province, document(guid, 3, f"<embargo until='{TOMORROW.isoformat()}'/>", "새 제목"))
        after = [server.client.get(door) for door in doors]
        assert [answer.content for answer in after] == [answer.content for answer in before], pubstatus
        answer = server.client.get("/feed.atom?office=life&limit=14&extensions=all")
        assert f'ref="{guid}"' in answer.text and "새 제목" not in answer.text


def test_what_was_withheld_and_is_canceled_then_is_told(server: Server, province: str) -> None:
    guid = "tag:life,2026:withheld-then-canceled"
    path = f"/articles/{pushed(server, province, document(guid))['id']}"
    ask(server, "DELETE", path, province, params={"reason": "x", "pubstatus": "withheld"})
    assert "거짓이었음" not in server.client.get("/feed.atom?office=life&extensions=all").text
    answer = server.client.get("/changes?since=now")
    ask(server, "DELETE", path, province, params={"reason": "거짓이었음"})
    assert "거짓이었음" in server.client.get("/feed.atom?office=life&extensions=all").text, (
        "the cached feed is told as well"
    )
    (line,) = server.client.get(answer.links["next"]["url"]).text.splitlines()
    assert '"kind":"canceled"' in line and "거짓이었음" in line


def test_rights_that_are_given_are_in_the_log(server: Server) -> None:
    for words in (("--within", "life"), (), ("--within", "")):
        assert server.run("office", "add", "life-new", "--name", "새 과", *words).returncode == 0
    engine = server.engine()
    found = [record.event.detail for record in store.audit.records(engine, office="life-new", action="office-saved")]
    assert found == [{"within": "life"}, {"within": "life"}, {}], "what is left out is kept"
    engine.dispose()


def test_who_is_not_proven_cannot_fill_the_log(server: Server, province: str) -> None:
    gone = token(server, "life")
    engine = server.engine()
    found = store.accounts.token_of(engine, gone)
    assert found is not None
    store.accounts.revoke_token(engine, found.id, datetime.now(UTC))
    codes = {server.push(gone, document("tag:life,2026:fill")).status_code for _ in range(10)}
    records = store.audit.records(engine, office="life", action="refused", limit=100_000)
    told = [one for one in records if one.event.actor == found.actor]
    engine.dispose()
    assert codes == {401} and 1 <= len(told) <= 2, "one a minute in each worker"


def test_a_correction_by_another_office_is_told_to_the_articles_own(server: Server, province: str) -> None:
    receipt = pushed(server, province, document("tag:life,2026:attempt"))
    assert server.push(token(server, "other-life"), document("tag:life,2026:attempt", 2)).status_code == 403
    (refused,) = events(server, province, receipt["id"], "refused")
    assert (refused["who"], refused["detail"]["problem"], refused["version"]) == ("other-life", "wrong-office", 2)


def test_atompubs_delete_says_its_own_reason_or_none(server: Server, province: str) -> None:
    for reason in ("정정 불가", ""):
        body = document(f"tag:life,2026:atom-{bool(reason)}").replace(
            b"</article>", "<note>지난 정정</note></article>".encode()
        )
        id = pushed(server, province, body)["id"]
        path = f"/atompub/life/{id}" + (f"?reason={reason}" if reason else "")
        assert ask(server, "DELETE", path, province).status_code == 204
        assert server.client.get(f"/articles/{id}").json().get("detail", "") == reason


def test_what_shows_an_article_can_be_purged(server: Server, province: str) -> None:
    id = pushed(server, province, document("tag:life,2026:purge"))["id"]
    for path in ("", ".json", ".xml", "/versions", "/provenance"):
        answer = server.client.get(f"/articles/{id}{path}")
        assert answer.headers["Cache-Control"] == OF_ARTICLE, path
        assert answer.headers["Surrogate-Key"] == f"article/{id}", path
