"""How an office works at its desk: nobody ends the approval by a second person alone. Over real HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import update

from app import store
from app.store.tables import micros, office_routines
from tests.conftest import together
from tests.test_people import PASSWORD, Site, close_browsers  # noqa: F401 -- the fixture closes the browsers of these tests too


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("routine"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(site: Site) -> Iterator[store.Engine]:
    engine = site.server.engine()
    yield engine
    engine.dispose()


def send(client: httpx.Client, **fields: str) -> httpx.Response:
    return client.post("/desk/routine", data={"office": "jeonbuk", **fields})


def approves(engine: store.Engine) -> bool:
    return store.desk.routine(engine, "jeonbuk").approval


def test_a_second_editor_agrees_and_shows_who_they_are(site: Site, engine: store.Engine) -> None:
    one, alias, two = (site.member(f"{name}@office.example") for name in ("one", "one+2", "two"))
    writer, stranger = (
        site.member("writes@office.example", "writer"),
        site.member("jeju@jeju.example", "editor", "jeju"),
    )
    assert send(one, approval="1", notice="30").status_code == 200 and approves(engine)
    for client in (writer, stranger):
        assert send(client, approval="0", password=PASSWORD).status_code == 404
    asked = send(one, approval="0", password=PASSWORD)
    assert asked.status_code == 200 and "Another editor was asked" in asked.text and approves(engine)
    together(*(partial(send, one, approval="0", password=PASSWORD) for _ in range(16)))
    assert approves(engine), "asking again does not help"
    assert "asks to end the approval" not in one.get("/desk").text and "Agree" not in one.get("/desk/routine").text
    assert "asks to end the approval" not in alias.get("/desk").text
    assert send(two, notice="45").status_code == 200
    routine = store.desk.routine(engine, "jeonbuk")
    assert (routine.notice, routine.approval, bool(routine.asker)) == (45, True, True), (
        "another change leaves the request"
    )
    assert "asks to end the approval" in two.get("/desk").text and "Agree" in two.get("/desk/routine").text
    for password in ("", "falsch"):
        refused = send(two, approval="0", password=password)
        assert refused.status_code == 422 and 'id="e-password"' in refused.text and approves(engine)
    ended = send(two, approval="0", password=PASSWORD)
    assert ended.status_code == 200 and "Approval ended" in ended.text and not approves(engine)
    assert store.desk.routine(engine, "jeonbuk") == store.desk.Routine(False, 45)
    told = [one.event for one in store.audit.records(engine, action="approval-ended")]
    (first,) = {one.event.actor for one in store.audit.records(engine, action="approval-end-asked")}
    assert [event.detail["asked"] for event in told] == [first] and told[0].actor != first


def test_a_second_account_of_a_mailbox_does_not_agree(site: Site, engine: store.Engine) -> None:
    me, again = site.member("me@office.example"), site.member("me+2@office.example")
    assert send(me, approval="1").status_code == 200
    for client in (me, again, me, again):
        assert send(client, approval="0", password=PASSWORD).status_code == 200 and approves(engine)
    asker = store.desk.routine(engine, "jeonbuk").asker
    kept = send(me, then="drop")
    assert kept.status_code == 200 and asker and not store.desk.routine(engine, "jeonbuk").asker and approves(engine)


def test_a_request_ends_by_time_and_with_the_rights_of_who_asked(site: Site, engine: store.Engine) -> None:
    asks, other = site.member("asks@office.example"), site.member("other@office.example")
    assert send(asks, approval="1").status_code == 200
    assert send(asks, approval="0").status_code == 200
    asked = store.desk.routine(engine, "jeonbuk").asked
    assert asked
    with engine.begin() as connection:
        connection.execute(update(office_routines).values(asked=micros(asked - timedelta(days=7, seconds=1))))
    assert "Agree" not in other.get("/desk/routine").text
    assert send(other, approval="0", password=PASSWORD).status_code == 200 and approves(engine), "a new request"
    found = store.accounts.person_by_email(engine, "other@office.example")
    assert found and store.desk.routine(engine, "jeonbuk").asker == found[0].id
    store.accounts.take_role(engine, found[0].id, "jeonbuk", "test", asked)
    assert "Agree" not in asks.get("/desk/routine").text
    assert send(asks, approval="0", password=PASSWORD).status_code == 200 and approves(engine)
    assert send(asks, then="drop").status_code == 200


def test_an_administrator_ends_it_alone(site: Site, engine: store.Engine) -> None:
    assert send(site.admin, approval="1").status_code == 200
    assert send(site.admin, approval="0", password="falsch").status_code == 422 and approves(engine)
    assert send(site.admin, notice="5").status_code == 200 and approves(engine), "that needs no password"
    assert send(site.admin, approval="0", password=PASSWORD).status_code == 200 and not approves(engine)
    for notice in ("-1", "10081", "x", "9" * 30, "0000001234567890"):
        refused = send(site.admin, notice=notice)
        assert refused.status_code == 422 and 'id="e-notice"' in refused.text


def test_no_token_gets_around_it(site: Site, engine: store.Engine) -> None:
    editor, path = site.member("token@office.example"), "/people/jeonbuk/tokens"
    token = {"name": "x", "role": "editor", "days": "30", "password": PASSWORD}
    assert send(editor, approval="1").status_code == 200
    refused = editor.post(path, data=token)
    assert refused.status_code == 422 and 'id="e-role"' in refused.text and "<code>" not in refused.text
    assert "<code>" in editor.post(path, data=token | {"role": "reader"}).text
    assert "<code>" in site.admin.post(path, data=token).text
    assert send(site.admin, approval="0", password=PASSWORD).status_code == 200
    assert "<code>" in editor.post(path, data=token).text
