"""The tables of the desk, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest

from app import store
from app.accounts.offices import OfficeRecord
from app.store.deliveries import Subscription
from app.store.desk import DeskContact, DraftRecord, Reporter, Routine
from app.store.desk.previews import MOST
from feeds import Office
from tests.conftest import together
from tests.test_store import article, put

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


@pytest.fixture
def draft(engine: store.Engine) -> DraftRecord:
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
    made = DraftRecord("0" * 16, "jeonbuk", "urn:x:1", "draft", 1, "제목", b"{}", "author", "author", NOW, NOW)
    store.desk.create(engine, made, "person author")
    return made


def test_links_end_by_time_by_hand_and_with_the_rights_of_their_maker(engine: store.Engine, draft: DraftRecord) -> None:
    hour = NOW + timedelta(hours=1)
    secrets = [store.desk.make_link(engine, draft, maker, hour, NOW) for maker in ("author", "other", "other")]
    assert all(secret and len(secret) == 43 for secret in secrets)
    first, second, third = (secret or "" for secret in secrets)
    assert (opened := store.desk.open_link(engine, first, NOW)) and opened.draft == draft.id
    assert store.desk.open_link(engine, "x" * 43, NOW) is None
    assert store.desk.open_link(engine, first, hour) is None, "it is too old"
    newest = {link.person: link for link in store.desk.links_of(engine, draft.id, NOW)}
    assert newest["author"].opened == 1 and newest["author"].last == NOW
    assert store.desk.end_link(engine, draft, newest["other"].id, "person author", NOW)
    assert not store.desk.end_link(engine, draft, newest["other"].id, "person author", NOW)
    assert [store.desk.open_link(engine, secret, NOW) is None for secret in (second, third)].count(True) == 1
    store.desk.limit_people(engine, draft.id, {"third"}, "person author", NOW)
    assert [link.person for link in store.desk.links_of(engine, draft.id, NOW)] == ["author"]
    limited = store.desk.draft_by_id(engine, draft.id)
    assert limited is not None and limited.people == ("third",) and limited.revision == 1, "nobody's text is stale"
    for _ in range(MOST - 1):
        assert store.desk.make_link(engine, limited, "author", hour, NOW)
    assert store.desk.make_link(engine, limited, "author", hour, NOW) is None
    with pytest.raises(store.desk.Stale):
        store.desk.make_link(engine, draft, "author", hour, NOW)


def test_a_limited_draft_is_counted_for_its_people_alone(engine: store.Engine, draft: DraftRecord) -> None:
    store.desk.move(engine, draft.id, 1, ("draft",), "submitted", "x", NOW, state="review", submitter="author")
    assert store.desk.review_count(engine, "jeonbuk", "third", "third") == 1
    assert store.desk.review_count(engine, "jeonbuk", "author", "author") == 0, "nobody decides about their own"
    store.desk.limit_people(engine, draft.id, {"fourth"}, "x", NOW)
    assert store.desk.review_count(engine, "jeonbuk", "third", "third") == 0
    assert store.desk.review_count(engine, "jeonbuk", "fourth", "fourth") == 1
    assert store.desk.review_count(engine, "jeonbuk", "admin", "") == 1
    counts = {who: store.desk.draft_counts(engine, "jeonbuk", who) for who in ("third", "fourth", "author", "")}
    assert {who: count["review"] for who, count in counts.items()} == {"third": 0, "fourth": 1, "author": 1, "": 1}
    assert {count["draft"] for count in counts.values()} == {0}


def test_two_changes_of_how_an_office_works_do_not_undo_each_other(engine: store.Engine, draft: DraftRecord) -> None:
    plain = Routine()
    assert store.desk.routine(engine, "jeonbuk") == plain
    kept = [Routine(approval, notice) for approval in (True, False) for notice in (1, 2, 3, 4)]
    done: list[Routine] = []

    def change(after: Routine) -> None:
        if store.desk.set_routine(engine, "jeonbuk", plain, after, "routine-set", "x", NOW):
            done.append(after)

    together(*(partial(change, after) for after in kept))
    assert [store.desk.routine(engine, "jeonbuk")] == done, "one of them, whole"
    asked = Routine(True, 5, "author", NOW)
    assert store.desk.set_routine(engine, "jeonbuk", done[0], asked, "approval-end-asked", "x", NOW)
    assert store.desk.routine(engine, "jeonbuk") == asked


def test_templates_contacts_and_reporters(engine: store.Engine, draft: DraftRecord) -> None:
    first = store.desk.save_template(engine, "jeonbuk", "주간", b"{}", "p", NOW)
    again = store.desk.save_template(engine, "jeonbuk", "주간", b'{"lines":{}}', "p", NOW)
    assert first is not None and again is not None
    assert [one.id for one in store.desk.templates_of(engine, "jeonbuk")] == [again.id]
    store.desk.remove_template(engine, "jeju", again.id, "x", NOW)
    assert store.desk.templates_of(engine, "jeonbuk"), "another office's hand"
    assert store.desk.add_contact(engine, DeskContact("", "jeonbuk", name="홍길동"))
    assert [one.entry for one in store.desk.contacts_of(engine, "jeonbuk")] == [{"name": "홍길동"}]
    reporter = Reporter("", "jeonbuk", "김", "일보", "k@d.kr", "", b"i" * 32, False, "2026-03-09", "전화", "p", NOW)
    assert [store.desk.add_reporter(engine, reporter, NOW) for _ in range(2)] == ["", "known"]
    (stored,) = store.desk.reporters_of(engine, "jeonbuk")
    assert stored.identity == b"i" * 32 and stored.created == NOW
    store.desk.remove_reporter(engine, "jeonbuk", stored.id, "x", NOW)
    assert store.desk.reporters_of(engine, "jeonbuk") == []


def test_who_hears_of_an_article_and_what_waits(engine: store.Engine, draft: DraftRecord) -> None:
    made = article("tag:audience", office=Office("jeonbuk", "전북특별자치도"))
    pairs = store.keys(made).pairs()
    assert store.deliveries.audience(engine, pairs) == {}
    for name, wanted in (("a", [("*", "*")]), ("b", [pairs[-1]]), ("c", [("region kr:11", "*")])):
        alert = Subscription("email", f"{name}@d.example", name, "", "email", host="d.example", created=1)
        known = store.deliveries.save_subscription(engine, alert, wanted, NOW)
    put(engine, made)
    assert store.deliveries.audience(engine, pairs) == {"email": 2}
    assert store.deliveries.audience(engine, pairs, embargoed=True) == {}
    assert store.deliveries.states_of(engine, [known.identity, b"x" * 32]) == {known.identity: "active"}
    later = datetime.now(UTC) + timedelta(days=1)
    put(engine, article("tag:held", office=made.office, held=True))
    put(engine, article("tag:waits", office=made.office, embargoed=later))
    assert [one.state for one in store.desk.waiting_articles(engine, "jeonbuk")] == ["embargo", "held"]


def test_the_same_thing_sixteen_times_at_once_is_one_thing(engine: store.Engine, draft: DraftRecord) -> None:
    aside = store.desk.Aside("author", NOW, 1, b"{}")
    routine = store.desk.Routine(True, 10)
    reporter = Reporter(
        "", "jeonbuk", "기자", "신문", "a@b.kr", "office=jeonbuk", b"0" * 32, False, "2026-01-02", "x", "p", NOW
    )
    begun = msgspec.structs.replace(draft, id="f" * 16)
    known: list[str] = []

    def begin() -> None:
        try:
            store.desk.create(engine, begun, "person author")
        except store.desk.Stale as stale:
            known.append(stale.draft.id if stale.draft else "")

    calls: list[Callable[[], object]] = [
        lambda: store.desk.keep_aside(engine, draft.id, aside),
        lambda: store.desk.present(engine, draft.id, "author", NOW),
        lambda: store.desk.set_routine(engine, "jeonbuk", store.desk.Routine(), routine, "routine", "x", NOW),
        lambda: store.desk.save_template(engine, "jeonbuk", "주간", b"{}", "p", NOW),
        lambda: store.desk.add_reporter(engine, reporter, NOW),
        begin,
    ]
    for call in calls:
        together(*[call] * 16)
    assert store.desk.asides(engine, draft.id) == [aside] and store.desk.routine(engine, "jeonbuk") == routine
    assert len(store.desk.templates_of(engine, "jeonbuk")) == len(store.desk.reporters_of(engine, "jeonbuk")) == 1
    assert known == ["f" * 16] * 15


def test_the_published_are_listed_page_by_page_whatever_is_searched(engine: store.Engine) -> None:
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
    for number in range(7):
        made = article(guid=f"urn:x:{number}", headline=f"{'짝' if number % 2 else '홀'} {number}")
        put(engine, msgspec.structs.replace(made, office=Office("jeonbuk", "전북특별자치도")))
    for words, all_of in (("", 7), ("짝", 3), ("없다", 0)):
        found: list[str] = []
        before, pages = None, 0
        while True:
            page, before = store.desk.placed(engine, "jeonbuk", words=words, before=before, limit=2)
            found += [one.article.headline for one in page]
            pages += 1
            if before is None:
                break
        assert len(found) == len(set(found)) == all_of and pages <= 4, (words, found)
