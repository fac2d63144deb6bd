"""The life of a release at the desk: versions, previews, links, people, calendar, templates and lists, over real HTTP."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from sqlalchemy import update
from werkzeug.test import Client

from app import store
from app.store.tables import draft_versions
from feeds import FORMATS
from tests.conftest import until
from tests.desk import RELEASE, Desk, form, path_of, revision, saved, soon, step
from tests.doors import behind_https, knock
from tests.mailbox import Mailbox
from tests.test_alerts import link as link_in

ARTICLE = """<article version="1"><guid>urn:x:jeju-{number}</guid><issued>2026-03-09T10:00:00+09:00</issued>
<headline>제주 보도자료 {number}</headline><body><p>본문</p></body></article>"""
RELEASE_OF = '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">{}</release>'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Desk]:
    mail = {"smtp_url": mailbox.url, "mail_from": "press@press.example", "language": "en"}
    made = Desk(tmp_path_factory.mktemp("life"), deliverers="1", push_retry="1", **mail)
    yield made
    made.close()


@pytest.fixture(scope="module")
def editor(desk: Desk) -> httpx.Client:
    return desk.person("editor@office.example")


@pytest.fixture(scope="module")
def writer(desk: Desk) -> httpx.Client:
    return desk.person("writer@office.example", "writer")


@pytest.fixture(scope="module")
def stranger(desk: Desk) -> httpx.Client:
    return desk.person("stranger@jeju.example", "editor", "jeju")


def ended(desk: Desk, draft: str) -> None:
    """Make the saves so far a separate version: otherwise the saves of one person within a minute are one version."""
    with desk.context.engine.begin() as connection:
        connection.execute(
            update(draft_versions).where(draft_versions.c.draft == draft.rpartition("/")[2]).values(begun=0)
        )


def test_the_list_of_both_goes_on_with_each_of_them(desk: Desk) -> None:
    """Drafts of all states and releases: each is on one page, and none is lost between pages."""
    editor, engine, now = desk.person("pages@jeju.example", "editor", "jeju"), desk.context.engine, datetime.now(UTC)
    person, drafts, states = desk.ids["pages@jeju.example"], set(), ("draft", "review", "returned", "scheduled")
    for number in range(60):
        later = now - timedelta(minutes=number // 2)  # two are of the same instant
        id, state = store.desk.new_id(), states[number % 4]
        planned = now + timedelta(days=1) if state == "scheduled" else None
        draft = store.desk.DraftRecord(
            id, "jeju", f"urn:x:{id}", state, 1, f"초안 {number}", b"{}", person, person, now, later, planned=planned
        )
        store.desk.create(engine, draft, "x")
        drafts.add(f"/desk/drafts/{id}")
    articles = "".join(ARTICLE.format(number=number) for number in range(90))
    token = store.accounts.new_token(engine, "jeju", "", now)
    pushed = desk.server.push(token, RELEASE_OF.format(articles).encode())
    assert pushed.status_code == 201, pushed.text
    pages, found, seen = ["/desk?office=jeju"], list[str](), list[int]()
    while pages:
        page = editor.get(pages.pop())
        assert page.status_code == 200, page.text
        rows = re.findall(r'role="rowheader".*?href="(/desk/(?:drafts|articles)/[^"]+)"', page.text)
        found += rows
        seen.append(len(rows))
        pages += [unescape(path) for path in re.findall(r'rel="next" href="([^"]+)"', page.text)]
        assert len(pages) <= 2
    assert len(found) == len(set(found)) == 150
    assert {path for path in found if "/drafts/" in path} == drafts
    assert seen[0] == 50 and sorted(seen[1:], reverse=True) == [50, 35, 15], (
        "drafts and releases together, then each alone"
    )
    for wrong in ("draft-1-", "article-1-ff", "1-1", f"draft-{'9' * 17}-0", "article-99999999999999999-1"):
        assert editor.get(f"/desk?office=jeju&before={wrong}").status_code == 200
    for state, cursor in (("draft", "article-1-1"), ("published", "draft-1-0")):  # a cursor of the other kind is none
        assert 'role="rowheader"' in editor.get(f"/desk?office=jeju&state={state}&before={cursor}").text


def test_versions_are_listed_compared_and_taken_up(desk: Desk, writer: httpx.Client, stranger: httpx.Client) -> None:
    draft = desk.draft(writer, headline="첫 제목", region="김제시")
    for headline in ("둘째 제목", "셋째 제목"):
        ended(desk, draft)
        assert saved(writer, draft, headline=headline, region="남원시").status_code == 303
    page = writer.get(f"{draft}/versions")
    assert page.status_code == 200 and "Version 3" in page.text and "첫 제목" in page.text
    changes = writer.get(f"{draft}/diff?from=1&to=3").text
    assert "<del>" in changes and "<ins>" in changes and "남원시" in changes and "김제시" in changes
    old = writer.get(f"{draft}/versions/1")
    assert old.status_code == 200 and "첫 제목" in old.text
    assert writer.post(f"{draft}/versions/1", data={"revision": "2"}).status_code == 409, "a stale page"
    taken = writer.post(f"{draft}/versions/1", data={"revision": revision(old)})
    assert taken.status_code == 303
    assert 'value="첫 제목"' in writer.get(draft).text
    assert "셋째 제목" in writer.get(f"{draft}/versions").text
    for path in ("versions", "versions/1", "diff?from=1&to=3", "versions/99", "diff", "diff?from=1&to=77"):
        assert stranger.get(f"{draft}/{path}").status_code == 404
    assert writer.get(f"{draft}/versions/99").status_code == 404
    assert writer.get(f"{draft}/diff").status_code == 404, "it corrects nothing"
    assert stranger.post(f"{draft}/versions/1", data={"revision": "4"}).status_code == 404


def test_a_correction_shows_its_difference_and_survives_another(desk: Desk, editor: httpx.Client) -> None:
    first = desk.draft(editor, headline="처음 나간 제목")
    life = path_of(step(editor, first, "publish"))
    mine = path_of(editor.post(f"{life}/correct", data={}))
    assert saved(editor, mine, headline="내가 바로잡은 제목", signal="correction").status_code == 303
    changes = editor.get(f"{mine}/diff").text
    assert "<del>" in changes and "바로잡은" in changes
    found = store.articles.newest(desk.context.engine, life.rpartition("/")[2])
    assert found is not None
    body = (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="2">'
        f"<guid>{found.article.guid}</guid><issued>2026-03-09T10:00:00+09:00</issued><headline>밀어넣은 제목</headline>"
        "<body><p>본문</p></body></article></release>"
    )
    assert desk.server.push(desk.token, body.encode()).status_code == 201
    page = editor.get(f"{mine}/preview")
    assert "Somebody corrected this release after you began" in page.text
    assert step(editor, mine, "publish").status_code == 422, "the push is not overwritten"
    based = editor.post(f"{mine}/rebase", data={"revision": revision(page)})
    assert based.status_code == 303
    assert "밀어넣은" in editor.get(path_of(based)).text
    planned = step(editor, mine, "publish", at=soon(seconds=2))
    assert planned.status_code == 303, planned.text
    until(lambda: "내가 바로잡은 제목" in httpx.get(f"{desk.server.url}/feed.atom", trust_env=False).text, seconds=20)
    newest = store.articles.newest(desk.context.engine, life.rpartition("/")[2])
    assert newest is not None and newest.article.version == 3


def test_a_draft_is_seen_as_its_readers_will_get_it(desk: Desk, writer: httpx.Client, stranger: httpx.Client) -> None:
    draft = desk.draft(writer, headline="모습을 미리 본다 <b>&amp;")
    page = writer.get(f"{draft}/preview/page?width=phone")
    assert page.status_code == 200 and 'class="narrow frame phone"' in page.text and "<nav" not in page.text
    assert "noindex" in page.headers["X-Robots-Tag"] and page.headers["Referrer-Policy"] == "no-referrer"
    for name in FORMATS:
        shown = writer.get(f"{draft}/preview/{name}")
        assert shown.status_code == 200 and "모습을 미리 본다" in shown.text, name
        assert "<b>" not in shown.text
    mail = writer.get(f"{draft}/preview/mail")
    assert mail.status_code == 200 and "모습을 미리 본다" in mail.text
    assert "전북특별자치도" in writer.get(f"{draft}/preview").text
    for path in ("page", "mail", "atom", "rss"):
        assert stranger.get(f"{draft}/preview/{path}").status_code == 404
    assert writer.get(f"{draft}/preview/unknown").status_code == 404
    faulty = desk.draft(writer, headline="", region="없는 곳")
    assert "faults" in writer.get(f"{faulty}/preview/page").text
    assert writer.get(f"{faulty}/preview/atom").status_code == 200


def made_link(client: httpx.Client, draft: str, hours: str = "1") -> str:
    page = client.post(f"{draft}/links", data={"hours": hours})
    assert page.status_code == 200, page.text
    found = re.search(r"<code>http://[^/]+(/preview/[\w-]+)</code>", page.text)
    assert found, page.text
    return found[1]


def test_a_link_shows_the_preview_alone_until_it_is_revoked(
    desk: Desk, writer: httpx.Client, editor: httpx.Client, stranger: httpx.Client
) -> None:
    draft, anybody = desk.draft(writer, headline="링크로 보는 초안"), desk.stranger()
    link = made_link(writer, draft)
    seen = anybody.get(link)
    assert seen.status_code == 200 and "링크로 보는 초안" in seen.text
    assert "<nav" not in seen.text and "<form" not in seen.text and draft not in seen.text
    assert set(re.findall(r'<a [^>]*href="([^"]*)"', seen.text)) == {"#main"}, "it leads nowhere"
    assert seen.headers["Cache-Control"] == "private, no-store" and seen.headers["X-Robots-Tag"] == "noindex"
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    assert saved(writer, draft, headline="고친 뒤의 초안").status_code == 303
    assert "고친 뒤의 초안" in anybody.get(link).text
    assert "opened 2 times" in writer.get(f"{draft}/preview").text
    assert stranger.post(f"{draft}/links", data={"hours": "1"}).status_code == 404
    assert writer.post(f"{draft}/links", data={"hours": "9999"}).status_code == 422
    wrong = anybody.get("/preview/" + "x" * 43)
    path = re.search(rf'action="({draft}/links/\w+)"', writer.get(f"{draft}/preview").text)
    assert path
    assert stranger.post(path[1], data={}).status_code == 404
    assert writer.post(path[1], data={}).status_code == 303
    gone = anybody.get(link)
    late = made_link(writer, draft)
    engine = desk.context.engine
    assert store.desk.open_link(engine, late.rpartition("/")[2], datetime.now(UTC) + timedelta(hours=2)) is None
    assert (wrong.status_code, gone.status_code) == (404, 404) and wrong.text == gone.text.replace(link, wrong.url.path)
    cross = httpx.post(f"{desk.server.url}{draft}/links", data={"hours": "1"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    # It shows no more than its maker may see.
    theirs = made_link(editor, draft)
    assert anybody.get(theirs).status_code == 200
    only = {"people": desk.ids["writer@office.example"]}
    assert writer.post(f"{draft}/people", data=only).status_code == 303
    assert anybody.get(theirs).status_code == 404
    assert anybody.get(late).status_code == 200
    assert (
        writer.post(f"{draft}/discard", data={"revision": revision(writer.get(f"{draft}/preview"))}).status_code == 303
    )
    assert anybody.get(late).status_code == 404, "a discarded draft is shown to nobody"


@pytest.mark.usefixtures("stranger")
def test_a_draft_is_limited_to_named_people(desk: Desk, writer: httpx.Client, editor: httpx.Client) -> None:
    third = desk.person("third@office.example")
    draft = desk.draft(writer, headline="몇 사람만 보는 초안")
    id = desk.ids["editor@office.example"]
    assert writer.post(f"{draft}/people", data={"people": [id, desk.ids["stranger@jeju.example"]]}).status_code == 422
    assert writer.post(f"{draft}/people", data={"people": [id]}).status_code == 303
    assert editor.get(draft).status_code == 200
    assert third.get(draft).status_code == 404
    for path in ("/preview", "/versions", "/preview/page", "/preview/atom", "/preview/mail", "/diff?from=1&to=1"):
        assert third.get(f"{draft}{path}").status_code == 404, path
    for path in ("people", "links", "template", "contact", "rebase", "submit", "publish", "versions/1"):
        assert third.post(f"{draft}/{path}", data={}).status_code == 404, path
    assert form(third, draft, **(RELEASE | {"revision": "1"})).status_code == 404
    for path in ("/desk", "/desk?state=review", "/desk?q=" + "몇", "/desk/calendar"):
        assert "몇 사람만" not in third.get(path).text
    assert step(writer, draft, "submit").status_code == 303
    assert "몇 사람만" in desk.admin.get("/desk?office=jeonbuk").text
    planned = step(editor, draft, "publish", at=soon(days=1))
    assert planned.status_code == 303
    assert "몇 사람만" in editor.get("/desk/calendar?month=" + soon(days=1)[:7]).text
    assert "몇 사람만" not in third.get("/desk/calendar?month=" + soon(days=1)[:7]).text
    assert editor.post(f"{draft}/people", data={}).status_code == 303
    assert third.get(f"{draft}/preview").status_code == 200


def test_the_calendar_shows_what_is_planned_embargoed_held_and_published(desk: Desk, editor: httpx.Client) -> None:
    day = soon(days=40)
    held = desk.draft(editor, headline="달력의 보류", embargo="held")
    waits = desk.draft(editor, headline="달력의 엠바고", embargo="at", **{"embargo-at": day})
    out, plan = desk.draft(editor, headline="달력에 나간 것"), desk.draft(editor, headline="달력의 예약")
    for draft in (held, waits, out):
        assert step(editor, draft, "publish").status_code == 303
    assert step(editor, plan, "publish", at=day).status_code == 303
    this = editor.get("/desk/calendar")
    assert this.status_code == 200 and "달력에 나간 것" in this.text and "달력의 보류" in this.text
    assert "달력의 엠바고" not in this.text
    later = editor.get(f"/desk/calendar?month={day[:7]}").text
    assert "달력의 엠바고" in later and "달력의 예약" in later and "달력에 나간 것" not in later
    assert editor.get("/desk/calendar?month=x").status_code == 200
    assert editor.get("/desk/calendar?office=jeju").status_code == 404


def test_any_file_is_checked_at_its_lines(desk: Desk, writer: httpx.Client, stranger: httpx.Client) -> None:
    good = (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">\n<article version="1">\n<guid>tag:check</guid>\n'
        "<issued>2026-03-09T10:00:00+09:00</issued>\n<headline>검사</headline>\n<body><p>본문</p></body>\n</article>\n</release>"
    )

    def sent(text: bytes, name: str = "release.xml", kind: str = "text/xml", client: httpx.Client = writer) -> str:
        page = client.post("/desk/check", data={"office": ""}, files={"file": (name, text, kind)})
        assert page.status_code == 200, page.text
        return page.text

    assert "no faults. It is read as 1 releases" in sent(good.encode())
    assert store.articles.newest(desk.context.engine, "tag:check") is None
    wrong = sent(good.replace("2026-03-09T10:00:00+09:00", "gestern").encode())
    assert 'href="#line-4"' in wrong and 'id="line-4"' in wrong and 'class="wrong"' in wrong
    assert "검사" in sent(good.encode("utf-16"))
    assert "<script>" not in sent(b"<script>alert(1)</script>\n<<<")
    assert "fault" in sent(b"\x00\xff" * 50) and "fault" in sent(b"{", "a.json", "application/json")
    long = good.replace("<body>", "<body>" + "<p>x</p>\n" * 5000).replace("</body>", "<bad></body>")
    assert len(sent(long.encode())) < 60_000
    assert writer.post("/desk/check", data={"office": ""}, files={"file": ("", b"", "")}).status_code == 422
    reader = desk.person("reads@office.example", "reader")
    assert reader.get("/desk/check").status_code == 404
    assert stranger.get("/desk/check?office=jeonbuk").status_code == 404


@pytest.mark.parametrize("name", ["undefined", "idna", "punycode", "unicode_escape", "x", "UTF-16", "euc-kr"])
def test_a_checked_file_may_name_any_encoding(desk: Desk, writer: httpx.Client, name: str) -> None:
    """Python has a codec that always fails, one that has no error handlers, and one that takes quadratic time."""
    body = f'<?xml version="1.0" encoding="{name}"?>-{"a" * 400_000}'.encode()
    begun = time.monotonic()
    page = writer.post("/desk/check", data={"office": ""}, files={"file": ("release.xml", body, "text/xml")})
    assert page.status_code == 200 and 'class="wrong"' in page.text
    assert time.monotonic() - begun < 3, "0.1 s if nothing else runs here; 9 s with the codec that is named"


def test_dear_pages_take_a_place(desk: Desk, writer: httpx.Client) -> None:
    """A table of 30,000 recipients took three seconds, and a difference of long texts one second; any number of them ran at
    once."""
    draft = desk.draft(writer)
    assert saved(writer, draft, headline="다른 제목").status_code == 303
    id = path_of(step(desk.admin, desk.draft(desk.admin), "publish")).removeprefix("/desk/articles/")
    app = behind_https(desk.server)
    browser = Client(app, use_cookies=False)
    cookie = {"Cookie": f"__Host-pressrelay={desk.admin.cookies['pressrelay']}"}
    paths = (f"{draft}/versions/1", f"{draft}/diff?from=1&to=2", f"/desk/articles/{id}/reach.csv")
    assert [knock(browser, "GET", path, headers=cookie).status_code for path in paths] == [200] * 3
    places = app.extensions["places"].questions
    taken = [name for name in map(str, range(100)) if places.take(name)]
    assert [knock(browser, "GET", path, headers=cookie).status_code for path in paths] == [503] * 3
    for name in taken:
        places.leave(name)
    assert knock(browser, "GET", paths[0], headers=cookie).status_code == 200


def test_templates_and_contacts(desk: Desk, writer: httpx.Client, stranger: httpx.Client) -> None:
    draft = desk.draft(writer, headline="매주 쓰는 보도자료", note="한 번뿐인 말")
    assert writer.post(f"{draft}/template", data={"name": "x" * 81}).status_code == 422
    assert writer.post(f"{draft}/template", data={"name": "주간 <b>일정"}).status_code == 303
    page = writer.get("/desk/templates").text
    found = re.search(r'action="(/desk/templates/\w+)/start"', page)
    assert found and "<b>" not in page
    assert stranger.post(f"{found[1]}/start", data={"office": "jeju"}).status_code == 404
    assert stranger.post(f"{found[1]}/start", data={"office": "jeonbuk"}).status_code == 404
    begun = path_of(writer.post(f"{found[1]}/start", data={"office": "jeonbuk"}))
    assert "매주 쓰는 보도자료" in writer.get(begun).text and "한 번뿐인 말" not in writer.get(begun).text
    assert writer.post("/desk/contacts", data={"office": "jeonbuk", "role": "담당"}).status_code == 422
    assert writer.post("/desk/contacts", data={"office": "jeonbuk", "email": "a\r\nBcc: x@y.kr"}).status_code == 400
    contact = {"office": "jeonbuk", "department": "대변인실", "phone": "063-1", "email": "press@office.example"}
    assert writer.post("/desk/contacts", data=contact).status_code == 303
    assert stranger.post("/desk/contacts", data=contact).status_code == 404
    assert "대변인실" not in stranger.get("/desk/contacts").text
    shown = writer.get(f"{begun}/preview")
    option = re.search(r'<option value="(\w{16})">대변인실', shown.text)
    assert option, shown.text
    assert writer.post(f"{begun}/contact", data={"contact": option[1], "revision": "9"}).status_code == 409
    taken = writer.post(f"{begun}/contact", data={"contact": option[1], "revision": revision(shown)})
    assert taken.status_code == 303 and "063-1" in writer.get(begun).text
    # In the form, with everything written there; also for a draft that is not stored yet.
    fields = RELEASE | {
        "office": "jeonbuk",
        "then": "pick-contact",
        "contact-name": "홍길동",
        "contact-email": "주소 아님",
    }
    assert f'<option value="{option[1]}">' in writer.get("/desk/new?office=jeonbuk").text
    unchosen = form(writer, "/desk/new", **fields, **{"contact-kept": ""})
    assert unchosen.status_code == 422 and 'id="e-contact-kept"' in unchosen.text and 'value="홍길동"' in unchosen.text
    assert '#f-contact-kept"' in unchosen.text
    picked = form(writer, "/desk/new", **fields, **{"contact-kept": option[1]})
    assert picked.status_code == 200 and 'value="063-1"' in picked.text and 'value="홍길동"' in picked.text
    path = re.search(r'action="(/desk/drafts/\w+)"', picked.text)
    assert path and 'value="063-1"' in writer.get(path[1]).text
    pair = [
        ("contact-name", "홍길동"),
        ("contact-name", ""),
        ("contact-department", ""),
        ("contact-department", "대변인실"),
    ]
    pair += [
        ("contact-phone", ""),
        ("contact-phone", "063-1"),
        ("contact-email", ""),
        ("contact-email", contact["email"]),
    ]
    sent = [
        *(RELEASE | {"then": "pick-contact", "contact-kept": option[1], "revision": revision(picked)}).items(),
        *pair,
    ]
    twice = writer.post(path[1], files=[(name, (None, value)) for name, value in sent])
    assert twice.status_code == 200 and twice.text.count('value="063-1"') == 1, "once is enough"
    theirs = form(stranger, "/desk/new", **(fields | {"office": "jeju"}), **{"contact-kept": option[1]})
    assert theirs.status_code == 422 and "063-1" not in theirs.text
    assert stranger.post(f"/desk/contacts/{option[1]}/remove", data={"office": "jeju"}).status_code == 303
    assert "대변인실" in writer.get("/desk/contacts").text, "nothing of another office is removed"
    assert writer.post(f"/desk/contacts/{option[1]}/remove", data={"office": "jeonbuk"}).status_code == 303
    assert "대변인실" not in writer.get("/desk/contacts").text
    assert writer.post(f"{found[1]}/remove", data={"office": "jeonbuk"}).status_code == 303
    assert "주간" not in writer.get("/desk/templates").text


def test_reporters_confirm_before_they_get_anything(desk: Desk, editor: httpx.Client, mailbox: Mailbox) -> None:
    address = "kim@daily.example"
    given = {
        "office": "jeonbuk",
        "name": "=김기자",
        "outlet": "＝일보",
        "email": address,
        "regions": "김제시\r\n익산시",
        "topics": "",
        "agreed": "2026-03-09",
        "how": "전화로",
        "language": "ko",
    }
    assert editor.post("/desk/reporters", data=given | {"agreed": "2999-01-01"}).status_code == 422
    assert editor.post("/desk/reporters", data=given | {"email": "a@b\r\nBcc: c@d.kr"}).status_code == 400
    assert editor.post("/desk/reporters", data=given | {"email": "a b@d.kr"}).status_code == 422
    assert editor.post("/desk/reporters", data=given | {"regions": "아무데도 아닌 곳"}).status_code == 422
    added = editor.post("/desk/reporters", data=given)
    assert added.status_code == 303, added.text
    assert editor.post("/desk/reporters", data=given).status_code in (422, 429)
    until(lambda: mailbox.to(address))
    body = mailbox.to(address)[0].get_body(("plain",))
    assert body is not None and "전북특별자치도" in body.get_content()
    assert step(editor, desk.draft(editor, headline="확인 전에 나간 것"), "publish").status_code == 303
    assert "Asked to confirm" in editor.get("/desk/reporters").text
    assert desk.server.client.post(f"/{link_in(mailbox.to(address)[0])}").status_code == 200
    assert "Confirmed" in editor.get("/desk/reporters").text
    elsewhere = desk.draft(editor, headline="다른 지역의 것", region="남원시")
    assert step(editor, elsewhere, "publish").status_code == 303
    assert step(editor, desk.draft(editor, headline="기자가 받을 것"), "publish").status_code == 303
    until(lambda: len(mailbox.to(address)) > 1)
    assert [one["Subject"] for one in mailbox.to(address)[1:]] == ["기자가 받을 것"]
    file = editor.get("/desk/reporters.csv")
    assert (
        file.headers["Content-Type"].startswith("text/csv")
        and "'=김기자,'＝일보" in file.text
        and "confirmed" in file.text
    )
    assert desk.server.client.post(f"/{link_in(mailbox.to(address)[1], 'unsubscribe')}").status_code == 200
    assert "Left" in editor.get("/desk/reporters").text
    found = re.search(r'action="(/desk/reporters/\w+/remove)"', editor.get("/desk/reporters").text)
    assert found
    assert editor.post(found[1], data={"office": "jeonbuk"}).status_code == 303
    assert address not in editor.get("/desk/reporters").text


def test_another_office_and_a_reader_do_nothing(desk: Desk, editor: httpx.Client, stranger: httpx.Client) -> None:
    reader, draft = desk.person("reader2@office.example", "reader"), desk.draft(editor, headline="남의 초안")
    for path in ("templates", "contacts", "reporters", "reporters.csv", "calendar", "check"):
        assert stranger.get(f"/desk/{path}?office=jeonbuk").status_code == 404, path
        if path != "calendar":
            assert reader.get(f"/desk/{path}").status_code == 404, path
    for client in (reader, stranger):
        for path in ("people", "links", "links/x", "template", "contact", "rebase", "versions/1"):
            assert client.post(f"{draft}/{path}", data={}).status_code == 404, path
        for path in ("contacts", "reporters"):
            assert client.post(f"/desk/{path}", data={"office": "jeonbuk"}).status_code == 404, path
    signed_out = desk.stranger()
    for path in (f"{draft}/versions", "/desk/calendar", "/desk/reporters.csv", f"{draft}/preview/page"):
        answer = signed_out.get(path)
        assert answer.status_code == 303 and "/signin" in answer.headers["Location"]
