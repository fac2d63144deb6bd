"""People: the printed link that makes the first administrator, invitations, sign-in, sessions, new passwords, over real HTTP."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from app import store
from app.accounts import passwords
from app.accounts.offices import OfficeRecord
from app.accounts.people import (
    IDLE,
    INVITED,
    RESET,
    WHOLE,
    Membership,
    PersonRecord,
    password_faults,
    principal,
    same,
    with_parts,
)
from app.deliveries import restraint
from app.store import Engine
from app.store.accounts import LinkSpent
from app.store.deliveries import Tally
from app.web import guessing
from app.web.seats import seats_of
from tests.conftest import Server, together, until
from tests.hashing import CHEAP
from tests.mailbox import Mailbox

PASSWORD = "보도자료 하나 둘 셋 넷"
OTHER = "another long password"
NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


def browser(server: Server) -> httpx.Client:
    """A new browser: it keeps cookies, and sends the headers that say where its requests come from."""
    headers = {
        "Accept": "text/html",
        "Sec-Fetch-Site": "same-origin",
        "Accept-Language": "en",
        "User-Agent": "Mozilla/5.0",
    }
    made = httpx.Client(base_url=server.url, trust_env=False, timeout=60, headers=headers)
    BROWSERS.append(made)
    return made


BROWSERS: list[httpx.Client] = []  # those that are open


@cache
def hashed() -> str:
    return CHEAP.hash(same(PASSWORD))


def signed_in(server: Server, email: str, office: str = "jeonbuk", role: str = "editor") -> httpx.Client:
    """The browser of somebody with that role, made directly in the database, because hashing a password takes time."""
    engine, now = server.engine(), datetime.now(UTC)
    link = store.accounts.new_link(engine, "invite", now, INVITED, email=email, office=office, role=role)
    person = store.accounts.join(engine, link.id, email.partition("@")[0], "", hashed(), now)
    client = browser(server)
    secret = store.accounts.begin_session(engine, person, "", "", now)
    client.cookies.set("pressrelay", secret, domain="127.0.0.1", path="/")
    engine.dispose()
    return client


@pytest.fixture(autouse=True)
def close_browsers() -> Iterator[None]:
    before = len(BROWSERS)
    yield
    while len(BROWSERS) > before:
        BROWSERS.pop().close()


def stored(server: Server, email: str) -> PersonRecord | None:
    engine = server.engine()
    found = store.accounts.person_by_email(engine, email)
    engine.dispose()
    return found[0] if found else None


def path(url: str) -> str:
    return "/" + url.partition("//")[2].partition("/")[2]


def setup_link(server: Server, starts: int = 1) -> str:
    until(lambda: server.log.read_text().count("stop with Ctrl-C") == starts)
    found = re.findall(r"setup\s+(http\S+/setup/\S+)", server.log.read_text())
    return path(found[-1])


def sign_in(client: httpx.Client, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/signin", data={"email": email, "password": password, **more})


def shown_link(page: httpx.Response) -> str:
    found = re.search(r"<code>(http\S+)</code>", page.text)
    assert found, page.text
    return path(found[1])


class Site:
    """A server with an administrator and two offices."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.server = Server(directory, **settings).start()
        self.server.save(
            OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)), OfficeRecord("jeju", "제주", "", ("kr:50",))
        )
        self.admin = browser(self.server)
        made = self.admin.post(
            setup_link(self.server), data={"name": "관리자", "email": "admin@press.example", "password": PASSWORD}
        )
        assert made.status_code == 303, made.text

    def close(self) -> None:
        self.admin.close()
        self.server.close()

    def invited(self, email: str, role: str = "editor", office: str = "jeonbuk", by: httpx.Client | None = None) -> str:
        page = (by or self.admin).post("/people", data={"email": email, "office": office, "role": role})
        assert page.status_code == 200, page.text
        return shown_link(page)

    def member(self, email: str, role: str = "editor", office: str = "jeonbuk") -> httpx.Client:
        client = browser(self.server)
        joined = client.post(
            self.invited(email, role, office), data={"name": email.partition("@")[0], "password": PASSWORD}
        )
        assert joined.status_code == 303, joined.text
        return client


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("people"))
    yield made
    made.close()


# The first administrator


def test_the_first_start_prints_a_link_that_makes_the_administrator_once(tmp_path: Path) -> None:
    server = Server(tmp_path).start()
    try:
        first = setup_link(server)
        client = browser(server)
        assert client.get(first).status_code == 200
        fields = {"name": "관리자", "email": "Admin@Press.example", "password": PASSWORD}
        wrong = client.post(first, data={**fields, "password": "kurz", "email": "nobody"})
        assert wrong.status_code == 422
        assert 'aria-describedby="e-password h-password"' in wrong.text and 'href="#f-email"' in wrong.text
        server.stop()
        server.start()
        again = setup_link(server, 2)
        assert client.post(first, data=fields).status_code == 410, "the next start made a new link"
        server.office("first", "첫 기관", "kr:50")
        said = server.run("person", "invite", "there@press.example", "--role", "editor", "--office", "first")
        joined = browser(server).post(path(said.stdout.splitlines()[-1]), data={"name": "x", "password": PASSWORD})
        assert joined.status_code == 303
        taken = client.post(again, data={**fields, "email": "there@press.example"})
        assert taken.status_code == 422 and "account with this address already" in taken.text
        made = client.post(again, data=fields)
        assert (made.status_code, made.headers["Location"]) == (303, f"{server.url}/account")
        assert "admin@press.example" in client.get("/account").text
        assert client.post(again, data=fields).status_code == 410
        before = server.log.read_text().count("/setup/")
        server.stop()
        server.start()
        until(lambda: server.log.read_text().count("stop with Ctrl-C") == 3)
        assert server.log.read_text().count("/setup/") == before, "there is an administrator now"
        assert client.get("/account").status_code == 200, "sessions outlive a restart"
    finally:
        server.close()


def test_of_sixteen_at_once_one_becomes_the_administrator(tmp_path: Path) -> None:
    server = Server(tmp_path, workers="2").start()
    try:
        link = setup_link(server)

        codes: list[int] = []

        def make(number: int) -> None:
            fields = {"name": "x", "email": f"a{number}@press.example", "password": PASSWORD}
            with browser(server) as client:
                codes.append(client.post(link, data=fields).status_code)

        together(*(partial(make, number) for number in range(16)))
        assert codes.count(303) == 1 and set(codes) <= {303, 410, 503}
        assert sum(stored(server, f"a{number}@press.example") is not None for number in range(16)) == 1
    finally:
        server.close()


# Signing in


def test_signing_in_and_out(site: Site) -> None:
    client = site.member("in@press.example")
    assert client.post("/signout").status_code == 303
    refused = client.get("/account?x=1")
    assert (refused.status_code, refused.headers["Location"]) == (
        303,
        f"{site.server.url}/signin?next=/account%3Fx%3D1",
    )
    assert 'value="/account?x=1"' in client.get(path(refused.headers["Location"])).text
    done = sign_in(client, "IN@press.example", next="/people")
    assert (done.status_code, done.headers["Location"]) == (303, f"{site.server.url}/people")
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert client.get("/people").headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "back",
    ["//evil.example/", "/\\evil.example", "https://evil.example/", "/x\r\nSet-Cookie: a=b", "javascript:alert(1)"],
)
def test_the_sign_in_leads_nowhere_else(site: Site, back: str) -> None:
    client = browser(site.server)
    answer = sign_in(client, "admin@press.example", next=back)
    assert answer.status_code == 400 or answer.headers["Location"] == f"{site.server.url}/account"


def test_a_cookie_from_before_the_sign_in_is_worth_nothing_after_it(site: Site) -> None:
    client, thief = browser(site.server), browser(site.server)
    for one in (client, thief):
        one.cookies.set("pressrelay", "a" * 43, domain="127.0.0.1", path="/")
    assert sign_in(client, "admin@press.example").status_code == 303
    assert client.cookies["pressrelay"] != "a" * 43
    assert thief.get("/account").status_code == 303


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(site: Site) -> None:
    site.member("known@press.example")
    wrong = sign_in(browser(site.server), "known@press.example", OTHER)
    unknown = sign_in(browser(site.server), "ghost@press.example", OTHER)
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace("known@", "") == unknown.text.replace("ghost@", "")
    assert "Set-Cookie" not in wrong.headers


def test_unknown_accounts_are_checked_against_a_hash_of_the_same_cost() -> None:
    ours, nobody = passwords.hashed(PASSWORD), passwords._NOBODY
    assert ours.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert ours.split("$")[:4] == nobody.split("$")[:4]
    assert [len(part) for part in ours.split("$")] == [len(part) for part in nobody.split("$")]
    assert passwords.fits(PASSWORD, ours)
    assert not passwords.fits(PASSWORD, None)
    assert not passwords.fits(OTHER, ours)
    assert not passwords.fits(PASSWORD, "")


def test_a_page_of_another_site_signs_nobody_in_or_out(site: Site) -> None:
    client = site.member("cross@press.example")
    for target, fields in (
        ("/signout", {}),
        ("/signin", {"email": "cross@press.example", "password": PASSWORD}),
        ("/people", {}),
    ):
        answer = client.post(
            target, data=fields, headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        )
        assert answer.status_code == 403
    assert client.get("/account").status_code == 200


def test_guesses_are_slowed_down_and_the_right_one_is_not_let_in_meanwhile(site: Site) -> None:
    site.member("guess@press.example")
    client = browser(site.server)
    codes = [sign_in(client, "guess@press.example", f"wrong password {n}").status_code for n in range(guessing.FREE)]
    assert codes == [422] * guessing.FREE
    late = sign_in(client, "guess@press.example")
    assert late.status_code == 429 and 0 < int(late.headers["Retry-After"]) <= guessing.WAITS[0]
    assert "too many attempts" in late.text


@pytest.mark.parametrize(
    ("tally", "seconds"),
    [
        (Tally(), 0),
        (Tally(sent=guessing.FREE - 1, last=0), 0),
        (Tally(sent=guessing.FREE, last=0), 30),
        (Tally(sent=guessing.FREE + 9, last=0), 900),
        (Tally(client_hour=guessing.CLIENT_HOUR), 3600),
        (Tally(site_hour=guessing.ACCOUNT_HOUR), 3600),
        (Tally(site_hour=guessing.ACCOUNT_HOUR, known=True), 0),
        (Tally(site_day=guessing.ACCOUNT_DAY), 6 * 3600),
        (Tally(client_day=guessing.CLIENT_DAY, known=True), 6 * 3600),
    ],
)
def test_how_long_a_guesser_waits(tally: Tally, seconds: int) -> None:
    assert guessing.waits(tally, 0) == seconds


def test_an_address_of_https_has_a_cookie_that_only_this_host_can_set(tmp_path: Path) -> None:
    server = Server(tmp_path, base_url="https://press.example.org").start()
    try:
        link = setup_link(server)
        fields = {"name": "x", "email": "a@press.example", "password": PASSWORD}
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        made = httpx.post(f"{server.url}{link}", data=fields, headers=headers, trust_env=False)
        assert made.headers["Set-Cookie"].startswith("__Host-pressrelay=")
        assert "Secure" in made.headers["Set-Cookie"]
    finally:
        server.close()


def test_many_sign_ins_at_once_leave_threads_for_the_readers(tmp_path: Path) -> None:
    server = Server(tmp_path, workers="1", threads="8", proxies="1", address_rate="0/minute")
    server.plainly = True  # so that hashing a password costs as much as on a real server
    server.start()
    try:
        codes: list[int] = []

        def guess(number: int) -> None:
            headers = {"X-Forwarded-For": f"203.0.{number}.1", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
            fields = {"email": f"a{number}@press.example", "password": OTHER}
            answer = httpx.post(f"{server.url}/signin", data=fields, headers=headers, trust_env=False, timeout=60)
            codes.append(answer.status_code)

        def read() -> None:
            assert httpx.get(f"{server.url}/feed.atom", trust_env=False, timeout=10).status_code == 200

        together(*(partial(guess, number) for number in range(40)), *(read for _ in range(10)))
        assert set(codes) <= {422, 503} and 422 in codes
        assert 503 in codes, "more than can be answered at once: they wait in no thread"
    finally:
        server.close()


# Invitations and roles


def test_an_editor_invites_into_the_own_office_alone(site: Site) -> None:
    editor = site.member("editor@press.example")
    page = editor.get("/people").text
    assert "전북특별자치도" in page and "제주" not in page and "Administrator" not in page
    site.invited("writer@press.example", "writer", by=editor)
    for fields in (
        {"email": "x@press.example", "office": "jeju", "role": "editor"},
        {"email": "x@press.example", "office": "jeonbuk", "role": "admin"},
        {"email": "x@press.example", "office": "nowhere", "role": "reader"},
        {"email": "x", "office": "jeonbuk", "role": "reader"},
    ):
        refused = editor.post("/people", data=fields)
        assert refused.status_code == 422, fields
        assert 'role="alert"' in refused.text


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_who_does_not_publish_invites_nobody(site: Site, role: str) -> None:
    client = site.member(f"{role}s@press.example", role)
    refused = client.post("/people", data={"email": "x@press.example", "office": "jeonbuk", "role": "reader"})
    assert refused.status_code == 422
    assert "admin@press.example" not in client.get("/people").text


def test_an_invitation_works_once_and_for_its_address_alone(site: Site) -> None:
    link = site.invited("once@press.example")
    client = browser(site.server)
    assert "once@press.example" in client.get(link).text
    assert client.get(link).status_code == 200, "opening it does not use it"
    made = client.post(link, data={"name": "한 번", "password": PASSWORD, "email": "other@press.example"})
    assert made.status_code == 303
    assert stored(site.server, "other@press.example") is None
    assert browser(site.server).post(link, data={"name": "두 번", "password": PASSWORD}).status_code == 410
    assert (
        client.get("/join/x").status_code
        == client.get("/setup/x").status_code
        == client.get("/reset/x").status_code
        == 410
    )


def test_taking_a_role_and_ending_an_account_needs_the_password(site: Site) -> None:
    client = site.member("leaver@press.example")
    found = stored(site.server, "leaver@press.example")
    assert found
    act = f"/people/{found.id}"
    for action, office in (("end", ""), ("link", ""), ("take", "jeonbuk")):
        wrong = site.admin.post(f"{act}/{action}", data={"office": office, "password": OTHER})
        field = f"password-{action}-{found.id}" + (f"-{office}" if office else "")
        assert wrong.status_code == 422 and f'href="#f-{field}"' in wrong.text and f'id="f-{field}"' in wrong.text
    assert client.get("/account").status_code == 200
    assert site.admin.post(f"{act}/take", data={"office": "jeonbuk", "password": PASSWORD}).status_code == 303
    assert "Editor" not in client.get("/account").text
    assert client.post(f"{act}/end", data={"password": PASSWORD}).status_code == 404, "only administrators end accounts"
    assert site.admin.post(f"{act}/end", data={"password": PASSWORD}).status_code == 303
    assert client.get("/account").status_code == 303, "the sessions ended too"
    assert sign_in(browser(site.server), "leaver@press.example").status_code == 422


def test_the_last_administrator_cannot_be_ended(site: Site) -> None:
    found = stored(site.server, "admin@press.example")
    assert found
    kept = site.admin.post(f"/people/{found.id}/end", data={"password": PASSWORD})
    assert kept.status_code == 422 and "last administrator" in kept.text


# Passwords and sessions


def test_a_new_password_signs_the_other_browsers_out(site: Site) -> None:
    here = site.member("change@press.example")
    elsewhere = browser(site.server)
    sign_in(elsewhere, "change@press.example")
    assert here.post("/account", data={"old": OTHER, "password": OTHER}).status_code == 422
    assert here.post("/account", data={"old": PASSWORD, "password": "short"}).status_code == 422
    done = here.post("/account", data={"old": PASSWORD, "password": OTHER})
    assert done.status_code == 200 and "is changed" in done.text
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    assert sign_in(browser(site.server), "change@press.example", OTHER).status_code == 303


def test_a_session_is_seen_and_ended_by_its_person_alone(site: Site) -> None:
    here, elsewhere = site.member("seen@press.example"), browser(site.server)
    elsewhere.headers["User-Agent"] = "Mozilla/5.0 <b>Elsewhere</b>"
    sign_in(elsewhere, "seen@press.example")
    page = here.get("/account").text
    assert "&lt;b&gt;Elsewhere" in page
    (id,) = re.findall(r"/account/sessions/(\w+)", page)
    assert site.admin.post(f"/account/sessions/{id}").status_code == 303
    assert elsewhere.get("/account").status_code == 200
    assert here.post(f"/account/sessions/{id}").status_code == 303
    assert elsewhere.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("열두 글자가 안 되는", "password-short"),
        ("x" * 201, "password-long"),
        ("aaaaaaaaaaaaaaaa", "password-simple"),
        ("hong.gildong12", "password-simple"),
        ("홍길동홍길동홍길동홍길동", "password-simple"),
        ("correct horse battery", ""),
        (PASSWORD, ""),
    ],
)
def test_which_passwords_are_good_enough(password: str, fault: str) -> None:
    assert password_faults(password, ("홍길동", "hong.gildong@korea.kr")) == fault


def test_a_link_of_the_command_line_sets_a_new_password_once(site: Site) -> None:
    site.member("forgot@press.example")
    said = site.server.run("person", "reset", "forgot@press.example")
    assert said.returncode == 0
    link = path(said.stdout.splitlines()[-1])
    client = browser(site.server)
    assert "forgot@press.example" in client.get(link).text
    assert client.post(link, data={"password": "kurz"}).status_code == 422
    assert client.post(link, data={"password": OTHER}).status_code == 303
    assert client.post(link, data={"password": PASSWORD}).status_code == 410
    assert sign_in(client, "forgot@press.example", OTHER).status_code == 303


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("reset", "ghost@press.example"), "Nobody who may sign in has the address"),
        (("end", "ghost@press.example"), "Nobody has the address"),
        (("end", "admin@press.example"), "This is the last administrator."),
        (("invite", "a@press.example", "--role", "editor"), "Give --office for an editor"),
        (("invite", "a@press.example", "--role", "editor", "--office", "nowhere"), "No office has the code 'nowhere'."),
        (("invite", "nobody", "--role", "admin"), "is not an e-mail address"),
    ],
)
def test_the_command_line_says_what_is_wrong(site: Site, words: tuple[str, ...], sentence: str) -> None:
    said = site.server.run("person", *words)
    assert said.returncode == 1 and sentence in said.stderr and "Traceback" not in said.stderr


def test_the_command_line_invites_and_lists(site: Site) -> None:
    said = site.server.run("person", "invite", "cli@press.example", "--role", "writer", "--office", "jeju")
    link = path(said.stdout.splitlines()[-1])
    assert browser(site.server).post(link, data={"name": "명령", "password": PASSWORD}).status_code == 303
    listed = site.server.run("person", "list").stdout
    assert "cli@press.example  명령  jeju: writer" in listed


def test_nothing_that_opens_a_door_is_stored_or_logged(site: Site) -> None:
    client = site.member("kept@press.example")
    secret = client.cookies["pressrelay"]
    kept = b"".join(file.read_bytes() for file in site.server.directory.glob("pressrelay.db*"))
    for known in (secret, PASSWORD):
        assert known.encode() not in kept
        assert known not in site.server.log.read_text()
    engine = site.server.engine()
    actions = [record.event.action for record in store.audit.records(engine, limit=10_000)]
    for action in ("invited", "person-added", "role-given", "signed-in"):
        assert action in actions
    assert store.audit.verify(engine).fault == ""
    engine.dispose()


# Mail


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Site]:
    settings = {"deliverers": "1", "smtp_url": mailbox.url, "mail_from": "press@press.example"}
    made = Site(tmp_path_factory.mktemp("mailing"), **settings)
    yield made
    made.close()


def linked(mailbox: Mailbox, address: str) -> str:
    until(lambda: bool(mailbox.to(address)))
    body = mailbox.to(address)[-1].get_body(("plain",))
    assert body is not None
    found = re.search(r"http\S+/(?:join|reset)/\S+", body.get_content())
    assert found
    return path(found[0])


def test_an_invitation_comes_by_mail_and_nobody_else_sees_its_link(mailing: Site, mailbox: Mailbox) -> None:
    page = mailing.admin.post("/people", data={"email": "new@press.example", "office": "jeonbuk", "role": "writer"})
    assert "/join/" not in page.text
    client = browser(mailing.server)
    assert (
        client.post(linked(mailbox, "new@press.example"), data={"name": "새 사람", "password": PASSWORD}).status_code
        == 303
    )


def test_no_editor_fills_a_mailbox_with_invitations(mailing: Site, mailbox: Mailbox) -> None:
    """However the address is written; and invitations by other editors count too."""
    editors = [signed_in(mailing.server, f"inviter{number}@press.example") for number in range(2)]
    victims = ["victim@v.example", *(f"Victim+{number}@V.example" for number in range(10)), "victim@ｖ.example"]
    codes = [
        editor.post("/people", data={"email": victim, "office": "jeonbuk", "role": "reader"}).status_code
        for editor in editors
        for victim in victims
    ]
    assert codes == [200] * 3 + [422] * 21
    other = editors[0].post("/people", data={"email": "other@v.example", "office": "jeonbuk", "role": "reader"})
    assert other.status_code == 200, "the others of the domain are not kept out"
    until(lambda: bool(mailbox.to("other@v.example")))
    assert sum("victim" in str(mail["To"]) for mail in list(mailbox.mails)) == 3


def test_one_person_invites_sixty_an_hour(engine: Engine) -> None:
    def asked(number: int) -> bool:
        new = restraint.invitation(f"p{number}@v.example", "person 1")

        def judge(tally: Tally) -> str:
            return (
                store.deliveries.OPEN
                if restraint.may_send_invitation(tally, store.micros(NOW))
                else store.deliveries.DROPPED
            )

        return store.deliveries.attempt(engine, new, judge, NOW)

    assert [asked(number) for number in range(62)] == [True] * 60 + [False] * 2


def test_an_account_has_one_spelling_of_its_address(site: Site) -> None:
    """Otherwise a second account of the same mailbox could approve what the first one wrote."""
    first = site.member("spelt@press.example")
    again = site.admin.post("/people", data={"email": "SPELT@ｐｒｅｓｓ.example", "office": "jeju", "role": "reader"})
    assert browser(site.server).get(shown_link(again)).status_code == 303, "it is for the account that is there"
    assert first.get(shown_link(again)).status_code == 200
    client = browser(site.server)
    assert sign_in(client, "spelt@ＰＲＥＳＳ.example").headers["Location"].endswith("/account")
    refused = site.admin.post(
        "/people", data={"email": "=?utf-8?q?spelt?=@press.example", "office": "jeju", "role": "reader"}
    )
    assert refused.status_code == 422


def test_a_new_password_by_mail_and_the_same_answer_for_everybody(mailing: Site, mailbox: Mailbox) -> None:
    client = browser(mailing.server)
    known = client.post("/forgot", data={"email": "admin@press.example"})
    unknown = client.post("/forgot", data={"email": "ghost@press.example"})
    assert known.status_code == unknown.status_code == 202
    assert known.text.replace("admin@", "") == unknown.text.replace("ghost@", "")
    link = linked(mailbox, "admin@press.example")
    assert client.post(link, data={"password": OTHER}).status_code == 303
    assert mailing.admin.get("/account").status_code == 303, "a new password ends every session"
    assert not mailbox.to("ghost@press.example")


# The store, on each database


def admin(engine: Engine) -> PersonRecord:
    link = store.accounts.new_link(engine, "setup", NOW, INVITED, role="admin")
    return store.accounts.join(engine, link.id, "관리자", "A@press.example", "stored", NOW)


def test_sessions_end_when_nobody_uses_them_and_after_a_week(engine: Engine) -> None:
    person = admin(engine)
    secret = store.accounts.begin_session(engine, person, "x" * 300, "192.0.2.1", NOW)
    found = store.accounts.session_of(engine, secret, NOW)
    assert found and found[1] == person and len(found[0].agent) == 200
    assert store.accounts.session_of(engine, secret[:-1] + "_", NOW) is None
    assert store.accounts.session_of(engine, secret, NOW + IDLE) is None
    at = NOW
    while at < NOW + WHOLE - IDLE / 2:
        at += IDLE / 2
        found = store.accounts.session_of(engine, secret, at)
        assert found, at
        store.accounts.seen(engine, found[0], at)
    assert store.accounts.session_of(engine, secret, NOW + WHOLE) is None
    store.accounts.begin_session(engine, person, "", "", NOW + WHOLE)
    assert len(store.accounts.sessions_of(engine, person.id, NOW)) == 1, "what is over is deleted"


def test_links_end(engine: Engine) -> None:
    person = admin(engine)
    store.accounts.save_office(engine, OfficeRecord("o", "기관"))
    link = store.accounts.new_link(engine, "invite", NOW, INVITED, email="b@press.example", office="o", role="writer")
    newer = store.accounts.new_link(engine, "invite", NOW, INVITED, email="B@press.example", office="o", role="editor")
    for id, now in ((link.id, NOW), (newer.id, NOW + INVITED), ("", NOW)):
        with pytest.raises(LinkSpent):
            store.accounts.join(engine, id, "b", "", "stored", now)
    made = store.accounts.join(engine, newer.id, "b", "", "stored", NOW)
    assert made.memberships == (Membership("o", "editor"),)
    reset = store.accounts.new_link(engine, "reset", NOW, RESET, email=person.email)
    with pytest.raises(LinkSpent):
        store.accounts.set_password(engine, person.id, "new", NOW + RESET, link=reset.id)
    store.accounts.set_password(engine, person.id, "new", NOW + timedelta(minutes=59), link=reset.id)
    assert store.accounts.person_by_email(engine, "a@press.example") == (person, "new")


def test_a_link_takes_no_account_over_that_came_meanwhile(engine: Engine) -> None:
    """A person with a second link to a new address used to be signed in to the account that its owner had just made."""
    admin(engine)
    store.accounts.save_office(engine, OfficeRecord("o", "기관"))
    store.accounts.save_office(engine, OfficeRecord("p", "다른 기관"))
    first, second = (
        store.accounts.new_link(engine, "invite", NOW, INVITED, email="b@press.example", office=office, role="writer")
        for office in ("o", "p")
    )
    with pytest.raises(LinkSpent):
        store.accounts.join(engine, first.id, "b", "", "", NOW)  # there is no account yet
    store.accounts.join(engine, first.id, "b", "", "stored", NOW)
    with pytest.raises(LinkSpent):
        store.accounts.join(engine, second.id, "b", "", "another", NOW)
    made = store.accounts.join(engine, second.id, "", "", "", NOW)
    assert made.roles() == {"o": "writer", "p": "writer"}
    found = store.accounts.person_by_email(engine, "b@press.example")
    assert found and found[1] == "stored"


def test_a_new_password_ends_the_links_for_one_and_sign_ins_with_the_old(engine: Engine) -> None:
    """A link from an older mail used to set the password once more, and a sign-in with the old password outlived the new one."""
    person = admin(engine)
    link = store.accounts.new_link(engine, "reset", NOW, RESET, email=person.email)
    old = store.accounts.begin_session(engine, person, "", "", NOW, proved="stored")
    store.accounts.set_password(engine, person.id, "new", NOW)
    assert store.accounts.link_by_id(engine, link.id, NOW) is None
    assert store.accounts.session_of(engine, old, NOW) is None
    with pytest.raises(LinkSpent):
        store.accounts.begin_session(engine, person, "", "", NOW, proved="stored")
    assert store.accounts.sessions_of(engine, person.id, NOW) == []


@pytest.mark.parametrize("how", ["take", "end"])
def test_who_loses_a_right_does_not_come_back_by_an_own_invitation(engine: Engine, how: str) -> None:
    admin(engine)
    store.accounts.save_office(engine, OfficeRecord("o", "기관"))
    link = store.accounts.new_link(engine, "invite", NOW, INVITED, email="b@press.example", office="o", role="editor")
    editor = store.accounts.join(engine, link.id, "b", "", "stored", NOW)
    own = store.accounts.new_link(
        engine, "invite", NOW, INVITED, email="c@press.example", office="o", role="editor", maker=editor.actor
    )
    if how == "take":
        store.accounts.take_role(engine, editor.id, "o", "command", NOW)
    else:
        store.accounts.end_person(engine, editor.id, "command", NOW)
    with pytest.raises(LinkSpent):
        store.accounts.join(engine, own.id, "c", "", "stored", NOW)


def test_an_invitation_to_an_account_is_for_who_is_signed_in_to_it(site: Site) -> None:
    """An editor who saw the link for an address used to be able to make the account, and then had each role that this address got
    later."""
    thief = site.member("early@press.example", "reader")
    link = site.invited("early@press.example", "editor", "jeju")
    owner = browser(site.server)
    for answer in (owner.get(link), owner.post(link, data={}), site.admin.post(link, data={})):
        assert (answer.status_code, path(answer.headers["Location"])) == (303, f"/signin?next={link}")
    assert thief.get(link).status_code == 200
    account = stored(site.server, "early@press.example")
    assert account and account.roles() == {"jeonbuk": "reader"}
    back = sign_in(owner, "early@press.example", next=link)
    assert path(back.headers["Location"]) == link
    assert path(owner.post(link, data={}).headers["Location"]) == "/account"
    account = stored(site.server, "early@press.example")
    assert account and account.roles() == {"jeonbuk": "reader", "jeju": "editor"}


def test_a_link_for_a_password_gives_no_role_and_the_other_way_round(engine: Engine) -> None:
    person = admin(engine)
    reset = store.accounts.new_link(engine, "reset", NOW, RESET, email=person.email)
    with pytest.raises(LinkSpent):
        store.accounts.join(engine, reset.id, "x", "", "stored", NOW)
    invite = store.accounts.new_link(engine, "invite", NOW, INVITED, email="c@press.example", role="admin")
    with pytest.raises(LinkSpent):
        store.accounts.set_password(engine, person.id, "new", NOW, link=invite.id)


# What a role means


def test_a_role_reaches_the_offices_below_and_no_others() -> None:
    offices = [
        OfficeRecord("do", "도"),
        OfficeRecord("gun", "군", parent="do", above=("do",)),
        OfficeRecord("jeju", "제주"),
    ]
    person = PersonRecord(
        "1", "a@b.example", "a", False, (Membership("do", "editor"), Membership("gun", "reader")), NOW
    )
    above, below = principal(person, "do", offices), principal(person, "gun", offices)
    assert above and above.may("publish") and above.covers("gun") and not above.covers("jeju")
    assert below and not below.may("publish"), "the nearest role counts"
    assert principal(person, "jeju", offices) is None and principal(person, "none", offices) is None
    near = with_parts(offices)
    assert {code: principal(person, code, some) for code, some in near.items()} == {
        office.code: principal(person, office.code, offices) for office in offices
    }


def test_the_desks_of_a_thousand_offices_are_looked_through_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page of the desk used to compare each office with each other: half a second of CPU at 1,000."""
    parts = [OfficeRecord(f"o{number}", f"청 {number}", parent="do", above=("do",)) for number in range(1000)]
    offices = [OfficeRecord("do", "도"), *parts]
    monkeypatch.setattr(store.accounts, "all_offices", lambda _: offices)
    person = PersonRecord("1", "a@b.example", "a", False, (Membership("do", "editor"),), NOW)
    visit: Any = SimpleNamespace(person=person)
    context: Any = SimpleNamespace(engine=engine)
    begun = time.process_time()
    assert len(seats_of(context, visit)) == 1001
    assert time.process_time() - begun < 0.15, "10 ms"


def test_editors_and_writers_draft_and_readers_do_not() -> None:
    offices = [OfficeRecord("o", "기관")]

    def scopes(role: str, *, admin: bool = False) -> tuple[bool, bool]:
        memberships = (Membership("o", role),) if role else ()
        acting = principal(PersonRecord("1", "a@b.example", "a", admin, memberships, NOW), "o", offices)
        assert acting and acting.may("read") and not acting.may("admin")
        return acting.may("draft"), acting.may("publish")

    assert scopes("editor") == scopes("", admin=True) == scopes("reader", admin=True) == (True, True)
    assert scopes("writer") == (True, False)
    assert scopes("reader") == (False, False)


@pytest.mark.parametrize("how", ["identity", "link"])
def test_who_opened_an_invitation_to_another_mailbox_is_out_when_its_owner_comes(engine: Engine, how: str) -> None:
    """Without a mail server, the inviting person sees the link, and could make an account for the owner of the address."""
    admin(engine)
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    link = store.accounts.new_link(
        engine, "invite", NOW, INVITED, email="owner@b.kr", office="jeonbuk", role="reader", maker="person x"
    )
    made = store.accounts.join(engine, link.id, "남", "", "the inviter's password", NOW)
    store.accounts.add_passkey(engine, made.id, b"credential", b"key", 0, "남의 것", NOW)
    inside = store.accounts.begin_session(engine, made, "", "", NOW)
    if how == "identity":
        owner = store.accounts.enter_by_identity(engine, "https://issuer", "subject", "owner@b.kr", "주인", NOW)
    else:
        reset = store.accounts.new_link(engine, "reset", NOW, RESET, email="owner@b.kr")
        store.accounts.set_password(engine, made.id, "the owner's password", NOW, link=reset.id)
        owner = made
    assert owner.id == made.id, "it is the same account"
    assert store.accounts.session_of(engine, inside, NOW) is None and store.accounts.passkeys_of(engine, made.id) == []
    found = store.accounts.person_by_email(engine, "owner@b.kr")
    assert found is not None and found[1] == ("" if how == "identity" else "the owner's password")
    with pytest.raises(LinkSpent):
        store.accounts.begin_session(engine, made, "", "", NOW, proved="the inviter's password")
    kept = store.accounts.begin_session(engine, made, "", "", NOW)
    store.accounts.enter_by_identity(engine, "https://issuer", "subject", "owner@b.kr", "주인", NOW)
    assert (how == "link") != (store.accounts.session_of(engine, kept, NOW) is not None), "only the first time"


def test_whoever_shows_both_keeps_both(engine: Engine) -> None:
    person = admin(engine)
    inside = store.accounts.begin_session(engine, person, "", "", NOW)
    enter = partial(store.accounts.enter_by_identity, engine, "https://issuer", "subject", person.email, "x", NOW)
    assert enter(signed_in=person.id).id == person.id
    assert store.accounts.session_of(engine, inside, NOW) is not None
    found = store.accounts.person_by_email(engine, person.email)
    assert found is not None and found[1] == "stored"
