"""Tokens that an editor makes and revokes on a page, and members of outlets."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED, Membership, PersonRecord, outlet_principal
from app.accounts.rights import OutletRecord
from app.store import Engine
from app.store.accounts import LinkSpent
from tests.test_people import OTHER, PASSWORD, Site, browser, close_browsers, shown_link, signed_in, stored

assert close_browsers  # a fixture

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
TOKENS = "/people/jeonbuk/tokens"
FIELDS = {"name": "보도 시스템", "role": "editor", "days": "90"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("tokens"))
    engine = made.server.engine()
    store.accounts.save_outlet(engine, OutletRecord("daily", "전북일보"), NOW)
    engine.dispose()
    yield made
    made.close()


def member(site: Site, email: str, role: str = "editor", office: str = "jeonbuk") -> httpx.Client:
    return signed_in(site.server, email, office, role)


def made_token(page: httpx.Response) -> str:
    (token,) = re.findall(r"<code>(pr_[\w-]+)</code>", page.text)
    return str(token)


def test_an_editor_makes_sees_and_ends_a_token(site: Site) -> None:
    editor = member(site, "tokens@press.example")
    assert TOKENS in editor.get("/account").text
    refused = editor.post(TOKENS, data=FIELDS | {"password": OTHER})
    assert refused.status_code == 422 and 'href="#f-password"' in refused.text and "pr_" not in refused.text
    token = made_token(editor.post(TOKENS, data=FIELDS | {"password": PASSWORD}))
    page = editor.get(TOKENS).text
    assert token not in page and "보도 시스템" in page and page.count("last used —") == 2, "the server has one more"
    sent = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    release = (Path(__file__).parent / "releases" / "jeonbuk-2021-03-09.xml").read_bytes()
    pushed = httpx.post(
        f"{site.server.url}/releases?dry_run=1",
        content=release,
        headers=sent | {"Content-Type": "application/xml"},
        trust_env=False,
    )
    assert pushed.status_code == 200, pushed.text
    engine = site.server.engine()
    used = store.accounts.token_of(engine, token)
    engine.dispose()
    assert used and used.used
    assert editor.get(TOKENS).text.count("last used —") == 1
    again = made_token(editor.post(TOKENS, data=FIELDS | {"role": "reader", "days": ""}))
    assert again != token, "a second sign-in counts for ten minutes"
    page = editor.get(TOKENS).text
    assert "ended" in page, "the older one with that name"
    engine = site.server.engine()
    made = store.accounts.token_of(engine, again)
    assert made and f'action="{TOKENS}/{made.id}"' in page
    assert editor.post(f"{TOKENS}/{made.id}").status_code == 303
    assert f'action="{TOKENS}/{made.id}"' not in editor.get(TOKENS).text
    url = f"{site.server.url}/releases?dry_run=1"
    refused = httpx.post(url, content=release, headers={"Authorization": f"Bearer {again}"}, trust_env=False)
    assert refused.status_code == 401
    actors = {one.event.actor for one in store.audit.records(engine, action="token-added", office="jeonbuk")}
    engine.dispose()
    found = stored(site.server, "tokens@press.example")
    assert found and found.actor in actors


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"name": ""}, "name"), ({"name": "x" * 61}, "name"), ({"role": "admin"}, "role"), ({"days": "9999"}, "days")],
)
def test_what_is_wrong_is_said_beside_its_field(site: Site, wrong: dict[str, str], field: str) -> None:
    refused = site.admin.post(TOKENS, data=FIELDS | {"password": PASSWORD} | wrong)
    assert refused.status_code == 422 and f'href="#f-{field}"' in refused.text and "pr_" not in refused.text


def test_nobody_sees_or_touches_the_tokens_of_another_office(site: Site) -> None:
    writer, stranger = member(site, "w@press.example", "writer"), member(site, "s@press.example", "editor", "jeju")
    engine = site.server.engine()
    made = store.accounts.token_of(engine, made_token(site.admin.post(TOKENS, data=FIELDS | {"password": PASSWORD})))
    engine.dispose()
    assert made
    id = made.id
    for client in (writer, stranger):
        assert client.get(TOKENS).status_code == 404
        assert client.post(TOKENS, data=FIELDS | {"password": PASSWORD}).status_code == 404
        assert client.post(f"{TOKENS}/{id}", data={"password": PASSWORD}).status_code == 404
    theirs = stranger.post(f"/people/jeju/tokens/{id}", data={"password": PASSWORD})
    assert theirs.status_code == 404 and id in site.admin.get(TOKENS).text
    assert site.admin.get("/people/nowhere/tokens").status_code == 404


# Outlets


def test_a_person_belongs_to_offices_and_outlets(site: Site) -> None:
    client = member(site, "both@press.example", "reader")
    fields = {"email": "both@press.example", "role": "outlet", "outlet": "daily"}
    link = shown_link(site.admin.post("/people", data=fields))
    assert "전북일보" in client.get(link).text
    assert client.post(link, data={}).status_code == 303
    found = stored(site.server, "both@press.example")
    assert found and found.outlets == ("daily",) and found.roles() == {"jeonbuk": "reader"}
    assert "전북일보" in client.get("/account").text
    for wrong in ({"outlet": "nowhere"}, {"outlet": ""}):
        assert site.admin.post("/people", data=fields | wrong).status_code == 422
    editor = member(site, "no@press.example")
    assert editor.post("/people", data=fields).status_code == 422, "only administrators invite into outlets"
    assert "전북일보" not in editor.get("/people").text
    theirs = {"office": "jeonbuk", "outlet": "daily", "password": PASSWORD}
    assert editor.post(f"/people/{found.id}/take", data=theirs).status_code == 404, (
        "an office of one's own is no key to outlets"
    )
    still = stored(site.server, "both@press.example")
    assert still and still.outlets == ("daily",)
    taken = site.admin.post(f"/people/{found.id}/take", data={"outlet": "daily", "password": PASSWORD})
    assert taken.status_code == 303
    after = stored(site.server, "both@press.example")
    assert after and after.outlets == () and after.roles() == {"jeonbuk": "reader"}


def test_an_outlet_is_invited_into_on_the_command_line(site: Site) -> None:
    words = ("person", "invite", "cli@daily.example")
    said = site.server.run(*words, "--role", "outlet", "--outlet", "daily")
    link = said.stdout.splitlines()[-1].partition(site.server.url)[2]
    assert browser(site.server).post(link, data={"name": "기자", "password": PASSWORD}).status_code == 303
    assert "daily: outlet" in site.server.run("person", "list").stdout
    for wrong, sentence in (
        (("--role", "outlet"), "Give --outlet for a journalist"),
        (("--role", "outlet", "--outlet", "nowhere"), "No outlet has the code 'nowhere'."),
        (("--role", "editor", "--office", "jeonbuk", "--outlet", "daily"), "Give --office for an editor"),
    ):
        refused = site.server.run(*words, *wrong)
        assert refused.returncode == 1 and sentence in refused.stderr


def test_who_belongs_to_an_outlet_reads_under_embargo_for_it_and_no_more() -> None:
    offices = [
        OfficeRecord("o", "기관"),
        OfficeRecord("p", "다른 기관"),
        OfficeRecord("q", "부속", parent="o", above=("o",)),
    ]
    person = PersonRecord("1", "a@b.example", "a", False, (Membership("p", "reader"),), NOW, outlets=("daily",))
    acting = outlet_principal(person, OutletRecord("daily", "x", offices=("o",)), offices, NOW)
    assert acting and acting.scope == ("embargo",) and acting.reads() == ("o", "q") and not acting.covers("o")
    assert outlet_principal(person, OutletRecord("other", "x"), offices, NOW) is None


def test_an_outlet_that_is_removed_has_no_people_and_no_invitations(engine: Engine) -> None:
    store.accounts.save_outlet(engine, OutletRecord("daily", "x"), NOW)

    def invited(email: str) -> str:
        return store.accounts.new_link(engine, "invite", NOW, INVITED, email=email, outlet="daily", role="outlet").id

    first = store.accounts.join(engine, invited("a@press.example"), "a", "", "stored", NOW)
    waiting = invited("b@press.example")
    assert first.outlets == ("daily",)
    assert store.accounts.remove_outlet(engine, "daily", NOW)
    found = store.accounts.person_by_id(engine, first.id)
    assert found and found.outlets == ()
    with pytest.raises(LinkSpent):
        store.accounts.join(engine, waiting, "b", "", "stored", NOW + timedelta(hours=1))
