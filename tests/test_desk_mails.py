"""Mails of the desk: who waits for whom, which embargo ends soon, and what failed; over a real server and a real mail server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import update

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED
from app.context import Context
from app.deliveries import letters
from app.desk import notices, work
from app.desk.content import DraftText
from app.settings import Settings
from app.store.deliveries import Subscription
from app.store.desk import Noted
from app.store.tables import deliveries
from feeds import Office
from tests.conftest import calls_waiting, together, until
from tests.desk import Desk, path_of, revision, soon, step
from tests.mailbox import Mailbox
from tests.test_store import article, put


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Desk]:
    mail = {"smtp_url": mailbox.url, "mail_from": "press@press.example", "language": "en"}
    made = Desk(tmp_path_factory.mktemp("mails"), deliverers="1", push_retry="1", **mail)
    yield made
    made.close()


def words(mailbox: Mailbox, address: str) -> str:
    """The last mail to somebody; nothing if there is none yet."""
    if not mailbox.to(address):
        return ""
    message = mailbox.to(address)[-1]
    body = message.get_body(("plain",))
    assert body is not None
    return f"{message['Subject']}\n{body.get_content()}"


def test_who_is_waited_for_gets_a_mail_and_who_waits_gets_the_answer(desk: Desk, mailbox: Mailbox) -> None:
    writer, editor = desk.person("w1@office.example", "writer"), desk.person("e1@office.example")
    desk.person("s1@jeju.example", "editor", "jeju")
    desk.person("r1@office.example", "reader")
    draft = desk.draft(writer, headline="메일로 알린다\u2028Bcc: evil@evil.example")
    assert step(writer, draft, "submit").status_code == 303
    until(lambda: mailbox.to("e1@office.example"))
    said = words(mailbox, "e1@office.example")
    assert "waits for your approval" in said and draft in said and "By: w1" in said and "메일로 알린다" in said
    assert not mailbox.to("evil@evil.example")
    assert "1 releases wait" in editor.get("/desk").text
    assert "waits for your approval" in editor.get(f"{draft}/preview").text
    assert "waits for your approval" not in writer.get(f"{draft}/preview").text
    assert step(editor, draft, "return", reason="연락처를 적어 주세요.").status_code == 303
    until(lambda: mailbox.to("w1@office.example"))
    assert "연락처를 적어 주세요." in words(mailbox, "w1@office.example")
    assert step(writer, draft, "submit").status_code == 303
    assert step(editor, draft, "publish").status_code == 303
    until(lambda: len(mailbox.to("w1@office.example")) > 1)
    assert "approved" in words(mailbox, "w1@office.example")
    for address in ("s1@jeju.example", "r1@office.example", "admin@press.example"):
        assert not mailbox.to(address), address


def test_everybody_is_written_to_in_their_own_language(desk: Desk, mailbox: Mailbox) -> None:
    """The language in which they last read pages; until then the site's, here English."""
    writer, editor = desk.person("w6@office.example", "writer"), desk.person("ko6@office.example")
    desk.person("en6@office.example")
    for lang in ("ko", "en", "fr", "ko"):
        chosen = editor.post("/language", data={"lang": lang, "back": "/desk"})
        assert chosen.status_code == 303
    assert desk.stranger().post("/language", data={"lang": "en", "back": "/"}).status_code == 303
    draft = desk.draft(writer, headline="말을 가려 쓴다")
    assert step(writer, draft, "submit").status_code == 303
    until(lambda: mailbox.to("ko6@office.example") and mailbox.to("en6@office.example"))
    assert "결재를 기다리는" in words(mailbox, "ko6@office.example")
    assert "waits for your approval" in words(mailbox, "en6@office.example")
    assert step(writer, draft, "take-back").status_code == 303


def test_a_plan_that_is_refused_is_told_and_nothing_is_lost(desk: Desk, mailbox: Mailbox) -> None:
    editor = desk.person("e2@office.example")
    first = desk.draft(editor, headline="먼저 나간 것")
    life = path_of(step(editor, first, "publish"))
    correction = path_of(editor.post(f"{life}/correct", data={}))
    planned = step(editor, correction, "publish", at=soon(seconds=3))
    assert planned.status_code == 303, planned.text
    found = store.articles.newest(desk.context.engine, life.rpartition("/")[2])
    assert found is not None
    body = (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="2">'
        f"<guid>{found.article.guid}</guid><issued>2026-03-09T10:00:00+09:00</issued><headline>밀어넣은 정정</headline>"
        "<body><p>본문</p></body></article></release>"
    )
    assert desk.server.push(desk.token, body.encode()).status_code == 201
    until(lambda: "Returned" in editor.get(f"{correction}/preview").text, seconds=15)
    until(lambda: mailbox.to("e2@office.example"))
    assert "could not be published" in words(mailbox, "e2@office.example")


def test_nobody_is_flooded(desk: Desk, mailbox: Mailbox) -> None:
    writer = desk.person("flood@office.example", "writer")
    desk.person("dry@office.example")
    draft = desk.draft(writer)
    for _ in range(notices.FREE + 3):
        assert step(writer, draft, "submit").status_code == 303
        until(lambda: not calls_waiting(desk.context.engine, "office.example"))
        assert step(writer, draft, "take-back").status_code == 303
    assert len(mailbox.to("dry@office.example")) <= notices.FREE


def test_who_may_not_read_it_any_more_gets_no_mail(desk: Desk, mailbox: Mailbox) -> None:
    desk.person("gone@office.example")
    writer = desk.person("w4@office.example", "writer")
    context, now = desk.context, datetime.now(UTC)
    id = desk.draft(writer).rpartition("/")[2]
    draft = store.desk.draft_by_id(context.engine, id)
    assert draft is not None
    office = next(one for one in store.accounts.all_offices(context.engine) if one.code == "jeonbuk")
    submitted = work.submit(context, office, draft, draft.author, "test", now)
    letter = store.deliveries.DeskLetter("submitted", "jeonbuk", (submitted.id,))
    assert letters.to_desk(context, "gone@office.example", letter) is not None
    assert letters.to_desk(context, "nobody@office.example", letter) is None
    store.accounts.take_role(context.engine, desk.ids["gone@office.example"], "jeonbuk", "test", now)
    assert letters.to_desk(context, "gone@office.example", letter) is None
    work.take_back(context, submitted, "test", now)
    assert letters.to_desk(context, "e1@office.example", letter) is None, "taken back meanwhile"


def test_an_embargo_is_announced_once_and_not_if_it_moved(desk: Desk, mailbox: Mailbox) -> None:
    desk.person("lift@office.example")
    context, engine = desk.context, desk.context.engine
    now = datetime.now(UTC).replace(microsecond=0)
    body = (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="{}"><guid>tag:lift</guid>'
        "<issued>2026-03-09T10:00:00+09:00</issued><embargo until='{}'>엠바고</embargo>"
        "<headline>곧 풀린다</headline><body><p>본문</p></body></article></release>"
    )
    due = now + timedelta(hours=3)
    assert desk.server.push(desk.token, body.format(1, due.isoformat()).encode()).status_code == 201
    assert store.desk.coming_lifts(engine, now) == []
    near = due - timedelta(minutes=59)
    assert [one.at for one in store.desk.coming_lifts(engine, near)] == [due]
    found = store.desk.coming_lifts(engine, near)
    firsts: list[int] = []
    together(
        *(partial(lambda: firsts.append(len(store.desk.note(engine, found, near, lambda _: [])))) for _ in range(8))
    )
    assert sorted(firsts)[-2:] == [0, 1], "of several processes one is first"
    assert store.desk.coming_lifts(engine, near) == []
    assert notices.notify(context, near) == 0
    later = due + timedelta(hours=1)
    assert desk.server.push(desk.token, body.format(2, later.isoformat()).encode()).status_code == 201
    assert store.desk.coming_lifts(engine, near) == []
    soon_ = now + timedelta(minutes=30)
    assert desk.server.push(desk.token, body.format(3, soon_.isoformat()).encode()).status_code == 201
    until(lambda: mailbox.to("lift@office.example"), seconds=20)
    said = words(mailbox, "lift@office.example")
    assert "an embargo lifts soon" in said and "곧 풀린다" in said and "KST" in said
    (id,) = [
        one.item
        for one in store.desk.notices_of(engine, "jeonbuk", ("lift",), now)
        if str(store.micros(soon_)) in one.subject
    ]
    letter = store.deliveries.DeskLetter("lift", "jeonbuk", (id,), until=store.micros(soon_))
    assert letters.to_desk(context, "lift@office.example", letter) is not None
    assert desk.server.push(desk.token, body.format(4, later.isoformat()).encode()).status_code == 201
    assert letters.to_desk(context, "lift@office.example", letter) is None, "it moved while the mail waited"


def test_sixteen_threads_approve_once(desk: Desk) -> None:
    writer = desk.person("w5@office.example", "writer")
    editors = [desk.person(f"sixteen{number}@office.example") for number in range(4)]
    draft = desk.draft(writer, headline="열여섯이 승인한다")
    assert step(writer, draft, "submit").status_code == 303
    number = revision(editors[0].get(f"{draft}/preview"))
    answers: list[int] = []

    def approve(client: httpx.Client) -> None:
        answers.append(client.post(f"{draft}/publish", data={"revision": number}).status_code)

    together(*(partial(approve, editors[number % 4]) for number in range(16)))
    assert sorted(answers) == [303] + [409] * 15
    assert httpx.get(f"{desk.server.url}/feed.atom", trust_env=False).text.count("열여섯이 승인한다") <= 3


def test_a_second_account_of_the_same_mailbox_is_the_same_person(desk: Desk, mailbox: Mailbox) -> None:
    editor, again = desk.person("me@office.example"), desk.person("me+2@office.example")
    other = desk.person("other5@office.example")
    assert editor.post("/desk/routine", data={"office": "jeonbuk", "approval": "1", "notice": "60"}).status_code == 200
    draft = desk.draft(editor)
    assert step(editor, draft, "submit").status_code == 303
    assert step(editor, draft, "publish").status_code == 403
    assert step(again, draft, "publish").status_code == 403
    assert step(other, draft, "publish").status_code == 303
    assert editor.post("/desk/routine", data={"office": "jeonbuk", "approval": "0"}).status_code == 200
    until(lambda: "somebody asks to end approval" in words(mailbox, "other5@office.example"), seconds=20)
    said = words(mailbox, "other5@office.example")
    assert "By: me" in said and "/desk/routine?office=jeonbuk" in said
    desk.proven(other)
    assert other.post("/desk/routine", data={"office": "jeonbuk", "approval": "0"}).status_code == 200
    assert not store.desk.routine(desk.context.engine, "jeonbuk").approval


def bare(engine: store.Engine) -> Context:
    """A context that needs no cache."""
    return Context(Settings(smtp_url="smtp://127.0.0.1:1"), engine, None, None, None)  # type: ignore[arg-type]


@pytest.fixture
def office(engine: store.Engine) -> OfficeRecord:
    record = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))
    store.accounts.save_office(engine, record)
    now = datetime.now(UTC)
    link = store.accounts.new_link(
        engine, "invite", now, INVITED, email="e@office.example", office="jeonbuk", role="editor"
    )
    store.accounts.join(engine, link.id, "e", "e@office.example", "stored", now)
    return record


def test_what_failed_is_told_on_both_databases(engine: store.Engine, office: OfficeRecord) -> None:
    context, now = bare(engine), datetime.now(UTC).replace(microsecond=0)
    due = now + timedelta(hours=2)
    put(engine, article("tag:late", embargoed=due))
    (held,) = store.desk.late_lifts(engine, due + timedelta(minutes=1))
    assert held.kind == "late" and held.at == due
    code = held.office
    store.accounts.save_office(engine, OfficeRecord(code, "기관", "", ("kr:52",)))
    assert notices.notify(context, now) == 0, "the first look begins here"
    store.articles.lift(engine, due + timedelta(minutes=5))
    found = [record for record in store.audit.records(engine, action="lifted")]
    late = store.desk.lifted_late(engine, [(r.event.article, r.event.version, r.at) for r in found], notices.LATE)
    assert [one.subject for one in late] == [held.subject], "the same thing, looked at later"
    assert store.desk.lifted_late(engine, [(r.event.article, r.event.version, due) for r in found], notices.LATE) == []
    assert notices.notify(context, due + timedelta(minutes=6)) == 1
    assert notices.notify(context, due + timedelta(minutes=6)) == 0
    assert [one.kind for one in store.desk.notices_of(engine, code, ("late",), now)] == ["late"]
    assert calls_waiting(engine, "office.example") == (1 if code == "jeonbuk" else 0)
    store.desk.forget_notices(engine, due + timedelta(days=40))
    assert store.desk.notices_of(engine, code, ("late",), now) == []


def test_a_plan_that_is_late_is_told_once(engine: store.Engine, office: OfficeRecord) -> None:
    context, now = bare(engine), datetime.now(UTC)
    (person,) = store.accounts.all_people(engine)
    draft = work.begin_draft(context, office, DraftText({"headline": "늦음"}), person.id, person.actor, now)
    store.desk.move(engine, draft.id, 1, ("draft",), "planned", "test", now, state="scheduled", planned=now)
    assert notices.notify(context, now + timedelta(seconds=10)) == 0
    assert notices.notify(context, now + timedelta(seconds=50)) == 1
    assert notices.notify(context, now + timedelta(seconds=60)) == 0
    assert calls_waiting(engine, "office.example") == 1
    assert Noted("unsent", f"{draft.id} {store.micros(now)}", "jeonbuk", draft.id, now) not in store.desk.unsent(
        engine, now
    )


def test_what_reached_nobody_is_told_once(engine: store.Engine, office: OfficeRecord) -> None:
    """A delivery that was given up, a subscription that ended because it failed, and one that is paused."""
    context, now = bare(engine), datetime.now(UTC)
    assert notices.notify(context, now) == 0
    named = {}
    for name in ("gone", "full", "paused", "left"):
        wanted = Subscription(
            "email", f"{name}@d.example", "https://press.example/", "", "email", host="d.example", created=1
        )
        named[name] = store.deliveries.save_subscription(engine, wanted, [("*", "*")], now)
    put(engine, article("tag:dead", office=Office("jeonbuk", "전북특별자치도")))
    assert store.desk.undelivered(engine, now - timedelta(hours=1)) == [], "they only wait"
    with engine.begin() as connection:
        gone = deliveries.c.subscription == named["gone"].id
        connection.execute(update(deliveries).where(gone).values(state="dead", done=store.micros(now)))
    (dead,) = store.desk.undelivered(engine, now - timedelta(hours=1))
    assert (dead.kind, dead.office) == ("dead", "jeonbuk")
    assert notices.notify(context, now) == 1
    assert notices.notify(context, now + timedelta(seconds=5)) == 0
    store.deliveries.end_subscription(engine, named["left"].id, "The reader ended it.", now)
    assert store.desk.undelivered(engine, now - timedelta(hours=1)) == [], "who leaves does not fail"
    reason = "All deliveries failed for 3 days. The last error: x"
    store.deliveries.pause_subscription(engine, named["paused"].id, reason, now)
    assert [one.kind for one in store.desk.stopped(engine, now - timedelta(hours=1))] == ["stopped"]
    assert notices.notify(context, now + timedelta(seconds=10)) == 1
    assert notices.notify(context, now + timedelta(seconds=15)) == 0
    put(engine, article("tag:full", office=Office("jeonbuk", "전북특별자치도")))
    store.deliveries.end_subscription(engine, named["full"].id, "The mail server rejects this address.", now)
    assert len(store.desk.undelivered(engine, now - timedelta(hours=1))) == 1
    assert calls_waiting(engine, "office.example") == 2
