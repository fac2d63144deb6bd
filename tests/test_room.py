"""Limits on numbers of things: of many requests at once, only as many succeed as the limit allows, on both databases."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED
from app.accounts.rights import OutletRecord
from app.store import Engine
from app.store.accounts import ceremonies, passkeys
from app.store.desk import lists, previews
from tests.conftest import ROOT, together
from tests.test_press_calendar import event

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
ROOM = 3
AT_ONCE = 16


def subscription(number: int, **values: object) -> store.deliveries.Subscription:
    made = store.deliveries.Subscription(
        "webhook", f"https://a.example/{number}", "https://press.example/feed.json", "", "json", host="a.example"
    )
    return msgspec.structs.replace(made, **values)


def tokens(engine: Engine, number: int) -> bool:
    try:
        store.accounts.new_token(engine, "", str(number), NOW, role="outlet", outlet="daily", most=ROOM)
    except store.accounts.NoMoreTokens:
        return False
    return True


def webhooks(engine: Engine, number: int) -> bool:
    try:
        return (
            store.deliveries.add_subscription(engine, subscription(number, outlet="daily"), (), NOW, ROOM) is not None
        )
    except store.deliveries.NoMoreSubscriptions:
        return False


def verified(engine: Engine, number: int) -> bool:
    """Subscriptions of one host: each asks first, and is counted when its callback has confirmed."""
    intent = store.deliveries.Intent("subscribe", subscription(number, kind="websub", host="v.example"), lease=60)
    store.deliveries.ask(engine, intent, NOW)
    waiting = store.deliveries.claim_intents(engine, str(number), NOW, 100)
    kept = [store.deliveries.settle_intent(engine, one, True, NOW, ROOM) for one in waiting if one.mode == "subscribe"]
    return any(kept)


def requests(engine: Engine, number: int) -> bool:
    intent = store.deliveries.Intent("subscribe", subscription(number, kind="websub", host="q.example"), lease=60)
    return store.deliveries.ask(engine, intent, NOW, ROOM)


def begun(engine: Engine, number: int) -> bool:
    try:
        store.accounts.begin_ceremony(engine, "signin", str(number), NOW, network="192.0.2.0")
    except store.accounts.TooManyBegun:
        return False
    return True


def keys(engine: Engine, number: int) -> bool:
    (person,) = store.accounts.administrators(engine)
    try:
        store.accounts.add_passkey(engine, person.id, str(number).encode(), b"key", 0, "x", NOW)
    except store.accounts.NoMorePasskeys:
        return False
    return True


def shared(engine: Engine, number: int) -> bool:
    draft = store.desk.draft_by_id(engine, "0" * 16)
    assert draft
    return store.desk.make_link(engine, draft, "a", NOW + timedelta(hours=1), NOW) is not None


def told(engine: Engine, number: int) -> bool:
    return store.press_events.tell_event(engine, event(number, starts=NOW), [("*", "*")], "person a", NOW)


def templates(engine: Engine, number: int) -> bool:
    return store.desk.save_template(engine, "jeonbuk", str(number), b"{}", "a", NOW) is not None


def contacts(engine: Engine, number: int) -> bool:
    return store.desk.add_contact(engine, store.desk.DeskContact("", "jeonbuk", name=str(number)))


# `requests` is last: `verified` settles whatever waits.
LIMITED = (tokens, webhooks, verified, begun, keys, shared, told, templates, contacts, requests)


def test_of_many_at_once_no_more_get_in_than_there_is_room_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request used to count, find room, and add: on PostgreSQL, sixteen of sixteen tokens, although three were allowed."""
    for module, name in (
        (ceremonies, "MOST_OPEN"),
        (passkeys, "MOST_PASSKEYS"),
        (previews, "MOST"),
        (store.press_events, "MOST_EVENTS"),
        (lists, "MOST_TEMPLATES"),
        (lists, "MOST_CONTACTS"),
    ):
        monkeypatch.setattr(module, name, ROOM)
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    store.accounts.save_outlet(engine, OutletRecord("daily", "신문"), NOW)
    link = store.accounts.new_link(engine, "setup", NOW, INVITED, role="admin")
    store.accounts.join(engine, link.id, "관리자", "a@b.kr", "stored", NOW)
    draft = store.desk.DraftRecord("0" * 16, "jeonbuk", "urn:x:1", "draft", 1, "제목", b"{}", "a", "a", NOW, NOW)
    store.desk.create(engine, draft, "person a")
    for add in LIMITED:
        got_in: list[bool] = []

        def one(number: int, add: Callable[[Engine, int], bool] = add, got_in: list[bool] = got_in) -> None:
            got_in.append(add(engine, number))

        together(*(partial(one, number) for number in range(AT_ONCE)))
        assert len(got_in) == AT_ONCE
        if add is verified:  # A request settles the others' requests, so count the subscriptions that exist.
            got_in = [True] * store.deliveries.count_subscriptions(engine, "v.example")
        assert got_in.count(True) == ROOM, add.__name__


def test_every_limit_of_the_store_is_counted_by_the_same_piece() -> None:
    """If Python compares the count, a race exceeds the limit, unless there is a lock. `add_file` locks its draft."""
    compared = re.compile(r"scalar_one\(\)\s*(?:>=|<|>)\s*(?!most\b)[A-Z]")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted(Path(ROOT, "app/store").rglob("*.py"))
        if compared.search(path.read_text())
    ]
    assert found == ["app/store/desk/drafts.py"], "use has_room"


def test_of_links_for_one_address_that_are_made_at_once_one_works(engine: Engine) -> None:
    """A new link ends the one before; on PostgreSQL, each of sixteen at once used to see no earlier one."""
    made: list[store.accounts.OneTimeLink] = []

    def make() -> None:
        made.append(store.accounts.new_link(engine, "reset", NOW, INVITED, email="a@b.kr"))

    together(*[make] * AT_ONCE)
    assert sum(store.accounts.link_by_id(engine, link.id, NOW) is not None for link in made) == 1


def test_a_new_token_ends_the_one_of_its_name_also_at_once(engine: Engine) -> None:
    store.accounts.save_outlet(engine, OutletRecord("daily", "신문"), NOW)
    together(*[partial(store.accounts.new_token, engine, "", "cms", NOW, role="outlet", outlet="daily")] * AT_ONCE)
    states = [token.state(NOW) for token in store.accounts.all_tokens(engine, outlet="daily")]
    assert sorted(states) == ["revoked"] * (AT_ONCE - 1) + ["valid"]


# Rights that end while they are used


def test_who_loses_a_role_leaves_no_invitation_and_no_token_behind(engine: Engine) -> None:
    """The end of a role also ends the invitations of its person. Of sixteen at once, eleven used to come after the end and stay."""
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    link = store.accounts.new_link(engine, "invite", NOW, INVITED, email="ed@b.kr", office="jeonbuk", role="editor")
    editor = store.accounts.join(engine, link.id, "편집", "ed@b.kr", "stored", NOW)
    made: list[store.accounts.OneTimeLink] = []

    def invite(number: int) -> None:
        mate = {"email": f"mate{number}@b.kr", "office": "jeonbuk", "role": "editor"}
        with suppress(store.accounts.RightsChanged):
            made.append(store.accounts.new_link(engine, "invite", NOW, INVITED, maker=editor.actor, by=editor, **mate))

    take = partial(store.accounts.take_role, engine, editor.id, "jeonbuk", "person admin", NOW)
    together(*(partial(invite, number) for number in range(AT_ONCE)), take)
    assert [link for link in made if store.accounts.link_by_id(engine, link.id, NOW)] == []
    with pytest.raises(store.accounts.RightsChanged):
        store.accounts.new_token(engine, "jeonbuk", "late", NOW, by=editor)
    assert store.accounts.all_tokens(engine) == []
    with pytest.raises(store.accounts.RightsChanged):
        gone = {"email": "x@b.kr", "outlet": "removed", "role": "outlet"}
        store.accounts.new_link(engine, "invite", NOW, INVITED, **gone)


def test_a_thief_gets_no_way_back_while_the_owner_takes_an_account_over(engine: Engine) -> None:
    """A new password by a link ends passkeys and sessions. An action that the thief began before and ends afterwards has no
    effect."""
    link = store.accounts.new_link(engine, "setup", NOW, INVITED, role="admin")
    person = store.accounts.join(engine, link.id, "관리자", "a@b.kr", "stored", NOW)
    secret = store.accounts.begin_session(engine, person, "", "", NOW)
    found = store.accounts.session_of(engine, secret, NOW)
    assert found
    held = store.accounts.add_passkey(engine, person.id, b"0", b"key", 0, "x", NOW, session=found[0].id)
    assert store.accounts.begin_session(engine, person, "", "", NOW, "passkey", passkey=held)
    reset = store.accounts.new_link(engine, "reset", NOW, INVITED, email="a@b.kr")
    kept: list[object] = []

    def come(number: int) -> None:
        with suppress(store.accounts.RightsChanged):
            key = str(number).encode()
            kept.append(store.accounts.add_passkey(engine, person.id, key, b"key", 0, "x", NOW, session=found[0].id))
        with suppress(store.accounts.LinkSpent):
            kept.append(store.accounts.begin_session(engine, person, "", "", NOW, "passkey", passkey=held))

    own = partial(store.accounts.set_password, engine, person.id, "new", NOW, link=reset.id)
    together(*(partial(come, number) for number in range(1, AT_ONCE)), own)
    assert store.accounts.passkeys_of(engine, person.id) == []
    assert store.accounts.sessions_of(engine, person.id, NOW) == []
    with pytest.raises(store.accounts.RightsChanged):
        store.accounts.add_passkey(engine, person.id, b"late", b"key", 0, "x", NOW, session=found[0].id)
    with pytest.raises(store.accounts.LinkSpent):
        store.accounts.begin_session(engine, person, "", "", NOW, "passkey", passkey=held)


def test_who_is_limited_out_of_a_draft_makes_no_link_to_it(engine: Engine) -> None:
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    draft = store.desk.DraftRecord("0" * 16, "jeonbuk", "urn:x:1", "draft", 1, "제목", b"{}", "a", "a", NOW, NOW)
    store.desk.create(engine, draft, "person a")
    later = NOW + timedelta(hours=1)
    before = store.desk.make_link(engine, draft, "b", later, NOW)
    assert before
    store.desk.limit_people(engine, draft.id, ("a",), "person a", NOW)
    assert store.desk.open_link(engine, before, NOW) is None
    with pytest.raises(store.desk.Stale):
        store.desk.make_link(engine, draft, "b", later, NOW)
    now = store.desk.draft_by_id(engine, draft.id)
    assert now and store.desk.make_link(engine, now, "a", later, NOW)


# Tokens that were stolen


def test_a_webhook_that_a_revoked_token_asked_for_is_never_added(engine: Engine) -> None:
    """The request was accepted, but reached the database after the token was revoked."""
    store.accounts.save_outlet(engine, OutletRecord("daily", "신문"), NOW)
    token = store.accounts.token_of(
        engine, store.accounts.new_token(engine, "", "", NOW, role="outlet", outlet="daily")
    )
    assert token
    added: list[str] = []

    def add(number: int) -> None:
        try:
            made = store.deliveries.add_subscription(
                engine, subscription(number, outlet="daily", token=token.id), (), NOW, 100
            )
        except store.deliveries.TokenEnded:
            return
        assert made
        added.append(made.name)

    def revoke() -> None:
        store.accounts.revoke_token(engine, token.id, NOW)
        store.deliveries.end_made_with(engine, token.id, "daily", "command", NOW)

    together(*(partial(add, number) for number in range(AT_ONCE)), revoke)
    assert store.deliveries.find_subscriptions(engine, outlet="daily", live=True) == []
    ended = [record.event.detail["subscription"] for record in store.audit.records(engine, action="subscription-ended")]
    assert sorted(ended) == sorted(added)
    late = store.deliveries.Intent("subscribe", subscription(99, kind="websub", token=token.id), lease=60)
    store.deliveries.ask(engine, late, NOW)
    (late,) = store.deliveries.claim_intents(engine, "w", NOW, 10)
    assert store.deliveries.settle_intent(engine, late, True, NOW) is None


def test_only_what_was_made_with_the_token_ends(engine: Engine) -> None:
    for outlet in ("daily", "other"):
        store.accounts.save_outlet(engine, OutletRecord(outlet, "신문"), NOW)
    for number, (outlet, token) in enumerate(
        (("daily", "a" * 12), ("daily", "b" * 12), ("daily", ""), ("other", "a" * 12))
    ):
        assert store.deliveries.add_subscription(engine, subscription(number, outlet=outlet, token=token), (), NOW)
    ended = store.deliveries.end_made_with(engine, "a" * 12, "daily", "command", NOW)
    assert [one.target for one in ended] == ["https://a.example/0"]
    assert store.deliveries.end_made_with(engine, "", "daily", "command", NOW) == [], "what pages made has no token"
    assert len(store.deliveries.find_subscriptions(engine, live=True)) == 3


# Applications for accreditation


def applied(engine: Engine, number: int, email: str, site: str, now: datetime = NOW) -> store.accounts.Confirmed:
    asked = store.accounts.Application(f"신문 {number}", site, "김", email, "취재합니다.", (), (), "ko")
    id = store.accounts.add_application(engine, asked, now + timedelta(microseconds=number))
    found = store.accounts.confirm_application(engine, id, now + timedelta(microseconds=number))
    assert found
    return found


def waiting(engine: Engine) -> list[store.accounts.Application]:
    return store.accounts.waiting_applications(engine, 10_000)[0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    # By its name, because the room exports a function of that name.
    monkeypatch.setattr(import_module("app.store.accounts.applications"), "MOST_WAITING", 12)
    return 12


def test_a_flood_of_applications_displaces_itself_and_nobody_else(engine: Engine, small: int) -> None:
    honest = [applied(engine, n, f"kim@daily{n}.example", f"https://www.daily{n}.example") for n in range(3)]
    for number in range(10, 60):  # one attacker's domain, each with another website
        applied(engine, number, f"a{number}@evil.example", f"https://made-up{number}.example")
    assert len(waiting(engine)) == small
    late = applied(engine, 90, "lee@late.example", "https://late.example")
    assert late.displaced and late.displaced.email.endswith("@evil.example")
    assert (late.displaced.state, late.displaced.decider) == ("refused", "server")
    there = {one.id for one in waiting(engine)}
    assert there >= {one.application.id for one in (*honest, late)} and len(there) == small
    first = [one.email.rpartition("@")[2] for one in waiting(engine)[:5]]
    assert sorted(first) == ["daily0.example", "daily1.example", "daily2.example", "evil.example", "late.example"]
    few, more = store.accounts.waiting_applications(engine, 5)
    assert (len(few), more) == (5, small - 5)


def test_a_flood_from_a_mail_provider_shuts_out_none_of_its_users(engine: Engine, small: int) -> None:
    own = applied(engine, 1, "kim@daily.example", "https://daily.example")
    for number in range(10, 60):
        applied(engine, number, f"a{number}@mail.example", f"https://made-up{number}.example")
    honest = applied(engine, 90, "park@mail.example", "https://local.example")
    assert honest.displaced and honest.displaced.id != own.application.id
    assert {own.application.id, honest.application.id} <= {one.id for one in waiting(engine)}


def test_so_many_applications_name_one_website(engine: Engine) -> None:
    crowd = [applied(engine, n, f"a{n}@mail.example", "https://news.daily.example/x") for n in range(20)]
    assert len(waiting(engine)) == 5
    own = applied(engine, 90, "kim@daily.example", "https://www.daily.example")
    assert own.displaced and own.displaced.id in {one.application.id for one in crowd}
    for number in range(91, 99):
        applied(engine, number, f"b{number}@mail.example", "https://daily.example")
        assert own.application.id in {one.id for one in waiting(engine)}, "it is never displaced for one from elsewhere"
    for number in range(4):
        applied(engine, 100 + number, f"c{number}@daily.example", "https://daily.example")
    asked = store.accounts.Application("신문", "https://daily.example", "김", "z@mail.example", "취재", (), (), "ko")
    id = store.accounts.add_application(engine, asked, NOW)
    with pytest.raises(store.accounts.NoMoreApplications):
        store.accounts.confirm_application(engine, id, NOW)
    found = store.accounts.application(engine, id)
    assert found and found.state == store.accounts.UNCONFIRMED, "the link can be used later"


def test_applications_that_are_confirmed_at_once_stay_bounded(engine: Engine, small: int) -> None:
    ids = [
        store.accounts.add_application(
            engine,
            store.accounts.Application("신문", f"https://s{n}.example", "김", f"a@d{n}.example", "취재", (), (), "ko"),
            NOW,
        )
        for n in range(20)
    ]
    together(*(partial(store.accounts.confirm_application, engine, id, NOW) for id in ids))
    assert len(waiting(engine)) == small


def test_a_wish_to_stay_accredited_is_never_displaced(engine: Engine, small: int) -> None:
    store.accounts.save_outlet(engine, OutletRecord("daily", "신문"), NOW)
    wish = store.accounts.Application("신문", "", "김", "kim@daily.example", "계속", (), (), "ko", outlet="daily")
    store.accounts.add_application(engine, wish, NOW, "person 1")
    for number in range(30):
        applied(engine, number, f"a{number}@evil.example", f"https://x{number}.example")
    assert store.accounts.applications(engine, store.accounts.WAITING, outlet="daily")
    assert len(waiting(engine)) == small + 1
