"""Passkeys over real HTTP, with an authenticator in software: adding, signing in, the second sign-in; and what attackers try."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import store
from app.accounts import passkeys
from app.accounts.offices import OfficeRecord
from app.accounts.passkeys import NotProven
from app.accounts.people import INVITED
from app.store import Engine
from app.store.accounts.ceremonies import CEREMONY_LASTS, MOST_OPEN
from app.store.accounts.passkeys import MOST_PASSKEYS
from tests.authenticator import ATTESTED, PRESENT, VERIFIED, Authenticator
from tests.conftest import Server, together
from tests.test_people import OTHER, PASSWORD, browser, close_browsers, setup_link, signed_in, stored

assert close_browsers  # a fixture

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


class Site:
    """A server with a name, which passkeys need, an administrator and an office."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory)
        self.origin = f"http://localhost:{self.server.port}"
        self.server.environ["PRESSRELAY_BASE_URL"] = self.origin
        self.server.start()
        self.server.save(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
        self.admin = browser(self.server)
        fields = {"name": "관리자", "email": "admin@press.example", "password": PASSWORD}
        assert self.admin.post(setup_link(self.server), data=fields).status_code == 303

    def member(self, email: str) -> httpx.Client:
        return signed_in(self.server, email)

    def holder(self, email: str, **how: Any) -> tuple[httpx.Client, Authenticator]:
        """Somebody who is signed in, and has a passkey."""
        client, device = self.member(email), Authenticator(self.origin, **how)
        self.prove(client)
        made = client.post("/account/passkeys", data={"name": "열쇠", "credential": device.make(adding(client))})
        assert made.status_code == 200 and "The passkey is added" in made.text
        return client, device

    def prove(self, client: httpx.Client) -> None:
        """A second sign-in, noted at once in the database."""
        engine = self.server.engine()
        found = store.accounts.session_of(engine, client.cookies["pressrelay"], datetime.now(UTC))
        assert found
        store.accounts.prove(engine, found[0], "password", datetime.now(UTC))
        engine.dispose()

    def actions(self, action: str) -> list[store.audit.Record]:
        engine = self.server.engine()
        found = store.audit.records(engine, action=action, limit=10_000)
        engine.dispose()
        return list(found)


def adding(client: httpx.Client) -> Any:
    answer = client.post("/account/passkeys/options")
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client: httpx.Client, path: str = "/signin/passkey/options") -> Any:
    answer = client.post(path)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "private, no-store", answer.text
    return answer.json()


def enter(client: httpx.Client, credential: str, **more: str) -> httpx.Response:
    return client.post("/signin/passkey", data={"credential": credential, **more})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("passkeys"))
    yield made
    made.admin.close()
    made.server.close()


def test_a_passkey_is_added_named_used_and_removed(site: Site) -> None:
    client, device = site.holder("one@press.example")
    assert "열쇠" in client.get("/account").text
    elsewhere = browser(site.server)
    options = asked(elsewhere)
    assert options["allowCredentials"] == [] and options["rpId"] == "localhost", "no address is needed"
    done = enter(elsewhere, device.show(options), next="/people")
    assert (done.status_code, done.headers["Location"]) == (303, f"{site.origin}/people")
    page = elsewhere.get("/account").text
    assert "one@press.example" in page
    (id,) = {part.partition("/")[0] for part in page.split("/account/passkeys/")[1:] if "/re" in part[:20]}
    assert elsewhere.post(f"/account/passkeys/{id}/rename", data={"name": "새 이름"}).status_code == 303
    assert elsewhere.post(f"/account/passkeys/{id}/rename", data={"name": " "}).status_code == 422
    assert "새 이름" in elsewhere.get("/account").text
    assert elsewhere.post(f"/account/passkeys/{id}/remove", data={"password": OTHER}).status_code == 422
    assert site.admin.post(f"/account/passkeys/{id}/remove", data={"password": PASSWORD}).status_code == 404
    assert elsewhere.post(f"/account/passkeys/{id}/remove", data={"password": PASSWORD}).status_code == 303
    refused = enter(browser(site.server), device.show(asked(elsewhere)))
    assert refused.status_code == 422 and "not accepted" in refused.text
    for action in ("passkey-added", "passkey-removed"):
        assert site.actions(action)
    assert [one.event.detail["by"] for one in site.actions("signed-in")].count("passkey") == 1


def test_adding_one_needs_a_second_sign_in_by_password_or_passkey(site: Site) -> None:
    client, device = site.member("two@press.example"), Authenticator(site.origin)
    assert client.post("/account/passkeys/options").status_code == 403
    first = client.post("/account/passkeys", data={"name": "x", "credential": "{}"})
    assert first.status_code == 422 and "First confirm again that it is you" in first.text
    assert client.post("/prove", data={"password": OTHER}).status_code == 422
    back = client.post("/prove", data={"password": PASSWORD, "next": "/account"})
    assert (back.status_code, back.headers["Location"]) == (303, f"{site.origin}/account")
    client.post("/account/passkeys", data={"name": "x", "credential": device.make(adding(client))})
    elsewhere = browser(site.server)
    assert enter(elsewhere, device.show(asked(elsewhere))).status_code == 303
    assert elsewhere.post("/account/passkeys/options").status_code == 403, "the sign-in itself is not the second one"
    shown = elsewhere.post("/prove", data={"credential": device.show(asked(elsewhere, "/prove/passkey/options"))})
    assert shown.status_code == 303
    again = adding(elsewhere)
    assert [one["id"] for one in again["excludeCredentials"]] == [json.loads(device.show(asked(client)))["id"]]
    assert client.get("/prove?next=//evil.example").status_code == 200
    for target in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        done = client.post("/prove", data={"password": PASSWORD, "next": target})
        assert done.status_code == 400 or done.headers["Location"] == f"{site.origin}/account"


def test_a_second_sign_in_lets_people_be_managed_without_the_password(site: Site) -> None:
    client, device = site.holder("manager@press.example")
    other = site.member("managed@press.example")
    found = stored(site.server, "managed@press.example")
    assert found
    assert client.post(f"/people/{found.id}/take", data={"office": "jeonbuk"}).status_code == 303
    assert "Editor" not in other.get("/account").text
    elsewhere = browser(site.server)
    enter(elsewhere, device.show(asked(elsewhere)))
    assert 'type="password"' in elsewhere.get("/people").text
    assert elsewhere.post(f"/people/{found.id}/take", data={"office": "jeonbuk"}).status_code == 422


# What attackers try


def test_a_challenge_works_once_and_in_its_browser_alone(site: Site) -> None:
    _, device = site.holder("once@press.example")
    client, thief = browser(site.server), browser(site.server)
    credential = device.show(asked(client))
    asked(thief)
    assert enter(thief, credential).status_code == 422, "it was asked of another browser"
    assert enter(client, credential).status_code == 303
    client.post("/signout")
    replayed = enter(client, credential)
    assert replayed.status_code == 422 and client.get("/account").status_code == 303


def test_of_sixteen_at_once_one_challenge_lets_one_in(site: Site) -> None:
    _, device = site.holder("many@press.example", counts=False)
    client = browser(site.server)
    credential = device.show(asked(client))
    codes: list[int] = []

    def come() -> None:
        with browser(site.server) as one:
            one.cookies.update(client.cookies)
            codes.append(enter(one, credential).status_code)

    together(*(come for _ in range(16)))
    assert codes.count(303) == 1 and set(codes) <= {303, 422, 429, 503}


WRONG: tuple[dict[str, Any], ...] = (
    {"origin": "https://evil.example"},
    {"origin": "http://localhost"},
    {"crossOrigin": True},
    {"flags": PRESENT},
    {"flags": VERIFIED},
    {"party": "evil.example"},
    {"handle": b"somebody else"},
    {"handle": b""},
)


def test_what_is_signed_must_be_right(site: Site) -> None:
    client = browser(site.server)
    for number, wrong in enumerate(WRONG):
        if number % 4 == 0:  # after five wrong ones, the person must wait
            _, device = site.holder(f"signed{number}@press.example")
        refused = enter(client, device.show(asked(client), **wrong))
        assert refused.status_code == 422 and "not accepted" in refused.text, wrong
    assert enter(client, device.show(asked(client))).status_code == 303


def test_the_passkey_of_somebody_else_is_no_second_sign_in(site: Site) -> None:
    client, _ = site.holder("mine@press.example")
    other, device = site.holder("theirs@press.example")
    engine = site.server.engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sessions SET proven = NULL")
    engine.dispose()
    refused = client.post("/prove", data={"credential": device.show(asked(client, "/prove/passkey/options"))})
    assert refused.status_code == 422
    assert client.post("/account/passkeys/options").status_code == 403
    # A challenge for one purpose is not accepted for the other.
    assert client.post("/prove", data={"credential": device.show(asked(client))}).status_code == 422
    crossed = device.show(asked(other, "/prove/passkey/options"))
    assert enter(other, crossed).status_code == 422


def test_a_passkey_is_added_in_the_session_that_was_asked(site: Site) -> None:
    client, other = site.member("here@press.example"), site.member("there@press.example")
    for one in (client, other):
        site.prove(one)
    credential = Authenticator(site.origin).make(adding(client))
    other.cookies.update({name: value for name, value in client.cookies.items() if name.endswith("-once")})
    refused = other.post("/account/passkeys", data={"name": "x", "credential": credential})
    assert refused.status_code == 422 and "was not made" in refused.text


def test_a_copied_passkey_is_refused_and_the_audit_log_says_so(site: Site) -> None:
    _, device = site.holder("copied@press.example")
    client = browser(site.server)
    assert enter(client, device.show(asked(client))).status_code == 303
    before = len(site.actions("passkey-suspect"))
    device.held[-1].count = 0
    assert enter(client, device.show(asked(client))).status_code == 422
    (suspect,) = site.actions("passkey-suspect")[before:]
    assert (suspect.event.detail["known"], suspect.event.detail["count"]) == ("1", "1")


def test_who_was_ended_signs_in_by_no_passkey(site: Site) -> None:
    _, device = site.holder("gone@press.example")
    found = stored(site.server, "gone@press.example")
    assert found
    assert site.admin.post(f"/people/{found.id}/end", data={"password": PASSWORD}).status_code == 303
    client = browser(site.server)
    assert enter(client, device.show(asked(client))).status_code == 422


def test_guesses_by_passkey_and_by_password_count_together(site: Site) -> None:
    _, device = site.holder("guessed@press.example")
    client = browser(site.server)
    for _ in range(3):
        assert enter(client, device.show(asked(client), origin="https://evil.example")).status_code == 422
    for _ in range(2):
        fields = {"email": "guessed@press.example", "password": OTHER}
        assert client.post("/signin", data=fields).status_code == 422
    late = enter(client, device.show(asked(client)))
    assert late.status_code == 429 and int(late.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "sent", ["", "{", "[]", "{}", "[" * 5000, '{"id":"a","response":{"clientDataJSON":"e30"}}', "null"]
)
def test_what_is_no_credential_is_refused_with_a_sentence(site: Site, sent: str) -> None:
    refused = enter(browser(site.server), sent)
    assert refused.status_code == 422 and "not accepted" in refused.text


def test_a_server_without_a_name_has_no_passkeys(tmp_path: Path) -> None:
    server = Server(tmp_path).start()
    try:
        client = browser(server)
        client.post(setup_link(server), data={"name": "x", "email": "a@press.example", "password": PASSWORD})
        assert "browsers need a name and https" in client.get("/account").text
        assert "passkeys.js" not in client.get("/signin").text
        answer = client.post("/signin/passkey/options", headers={"Accept": "application/json"})
        assert answer.status_code == 404 and answer.json()["type"].endswith("no-passkeys")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("base", "party"),
    [
        ("https://press.example.org", "press.example.org"),
        ("https://Press.Example.org:8443/x", "press.example.org"),
        ("http://localhost:8080", "localhost"),
        ("http://press.example.org", ""),
        ("https://192.0.2.1", ""),
        ("https://[2001:db8::1]", ""),
    ],
)
def test_where_passkeys_are_possible(base: str, party: str) -> None:
    assert passkeys.relying_party(base) == party


# Making one


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"flags": PRESENT},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"x"}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"x", "x5c": [b"x"]}},
        {"fmt": "tpm", "statement": {"ver": "2.0"}},
        {"statement": {"alg": -7}},
        {"cose": {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}},
        {"cose": {1: 2, 3: -47, -1: 8, -2: bytes(32), -3: bytes(32)}},
        {"cose": [[[]]]},
    ],
)
def test_what_is_made_must_be_right(wrong: dict[str, Any]) -> None:
    origin, device = "https://press.example", Authenticator("https://press.example")
    options = passkeys.creation("press.example", "x", passkeys.base64url(b"c" * 32), "p", "a@b.example", "a", [])
    good = passkeys.made(passkeys.answered(device.make(options)), "press.example", origin)
    assert good.credential == device.held[-1].id and good.signs == 0
    with pytest.raises(NotProven):
        passkeys.made(passkeys.answered(device.make(options, **wrong)), "press.example", origin)


def test_an_answer_to_one_question_is_none_to_the_other() -> None:
    device = Authenticator("https://press.example")
    challenge = passkeys.base64url(b"c" * 32)
    made = device.make(passkeys.creation("press.example", "x", challenge, "p", "a@b.example", "a", []))
    shown = device.show(passkeys.request("press.example", challenge, []), flags=PRESENT | VERIFIED | ATTESTED)
    key = passkeys.made(passkeys.answered(made), "press.example", device.origin)
    with pytest.raises(NotProven):
        passkeys.made(passkeys.answered(shown), "press.example", device.origin)
    with pytest.raises(NotProven):
        passkeys.signs_of(passkeys.answered(made), "press.example", device.origin, key.public_key)


# The store, on each database


def person(engine: Engine) -> str:
    link = store.accounts.new_link(engine, "setup", NOW, INVITED, role="admin")
    return store.accounts.join(engine, link.id, "관리자", "a@press.example", "stored", NOW).id


def test_a_challenge_ends_and_a_network_has_only_so_many(engine: Engine) -> None:
    begin, take = store.accounts.begin_ceremony, store.accounts.take_ceremony
    challenge = begin(engine, "signin", "browser", NOW, back="/x")
    late = NOW + CEREMONY_LASTS
    for kind, browser_, now in (("add", "browser", NOW), ("signin", "other", NOW), ("signin", "browser", late)):
        assert take(engine, challenge, (kind,), browser_, now) is None
    found = take(engine, challenge, ("add", "signin"), "browser", late - timedelta(seconds=1))
    assert found and (found.kind, found.back) == ("signin", "/x")
    assert take(engine, challenge, ("signin",), "browser", NOW) is None
    for _ in range(MOST_OPEN):
        begin(engine, "signin", "browser", NOW, network="192.0.2.0")
    with pytest.raises(store.accounts.TooManyBegun):
        begin(engine, "signin", "browser", NOW, network="192.0.2.0")
    begin(engine, "signin", "browser", NOW, network="198.51.100.0")
    begin(engine, "signin", "browser", late, network="192.0.2.0")


def test_one_challenge_of_sixteen_threads(engine: Engine) -> None:
    challenge = store.accounts.begin_ceremony(engine, "signin", "browser", NOW)
    found: list[object] = []

    def take() -> None:
        found.append(store.accounts.take_ceremony(engine, challenge, ("signin",), "browser", NOW))

    together(*(take for _ in range(16)))
    assert sum(one is not None for one in found) == 1


def test_a_credential_belongs_to_one_person_and_each_has_only_so_many(engine: Engine) -> None:
    me = person(engine)
    store.accounts.add_passkey(engine, me, b"0", b"key", 0, "x", NOW)
    with pytest.raises(store.accounts.NoMorePasskeys):
        store.accounts.add_passkey(engine, me, b"0", b"key", 0, "x", NOW)
    for number in range(1, MOST_PASSKEYS):
        store.accounts.add_passkey(engine, me, str(number).encode(), b"key", 0, "x", NOW)
    with pytest.raises(store.accounts.NoMorePasskeys):
        store.accounts.add_passkey(engine, me, b"more", b"key", 0, "x", NOW)


def test_the_count_of_signatures_rises_once(engine: Engine) -> None:
    me = person(engine)
    store.accounts.add_passkey(engine, me, b"0", b"key", 4, "x", NOW)
    passkey = store.accounts.passkey_of(engine, b"0")
    assert passkey and passkey.used is None
    found: list[bool] = []
    together(*(partial(lambda: found.append(store.accounts.passkey_used(engine, passkey, 5, NOW))) for _ in range(8)))
    assert found.count(True) == 1
    assert not store.accounts.passkey_used(engine, passkey, 0, NOW), "it counted before"
    assert len(list(store.audit.records(engine, action="passkey-suspect"))) == 8
