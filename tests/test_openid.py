"""Sign-in by OpenID Connect over real HTTP, with a provider of ours: who is let in, and what attackers and broken providers try."""

import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt

from app import store
from app.accounts import openid
from app.accounts.offices import OfficeRecord
from app.accounts.openid import ProviderFault
from app.accounts.passkeys import base64url
from app.accounts.people import INVITED, RESET
from app.store import Engine
from app.store.accounts import NotInvited, OtherIdentity
from tests.conftest import Server, together
from tests.provider import CLIENT, SECRET, Provider
from tests.test_people import PASSWORD, browser, close_browsers, path, setup_link, shown_link, signed_in, stored

assert close_browsers  # a fixture

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


class Site:
    """A server with a provider, an administrator and an office."""

    def __init__(self, directory: Path) -> None:
        self.provider = Provider()
        secret = directory / "secret"
        secret.write_text(f"{SECRET}\n")
        settings = {"oidc_issuer": self.provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": str(secret)}
        self.server = Server(directory, workers="1", oidc_name="전북 통합 로그인", **settings).start()
        self.server.save(
            OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)), OfficeRecord("jeju", "제주", "", ("kr:50",))
        )
        self.admin = browser(self.server)
        fields = {"name": "관리자", "email": "admin@press.example", "password": PASSWORD}
        assert self.admin.post(setup_link(self.server), data=fields).status_code == 303

    def invite(self, email: str, office: str = "jeonbuk") -> str:
        return shown_link(self.admin.post("/people", data={"email": email, "office": office, "role": "writer"}))

    def member(self, email: str) -> httpx.Client:
        return signed_in(self.server, email)

    def close(self) -> None:
        self.admin.close()
        self.server.close()
        self.provider.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("openid"))
    yield made
    made.close()


@pytest.fixture
def site(whole: Site) -> Site:
    whole.provider.right()
    return whole


def somebody(email: str, **more: Any) -> dict[str, Any]:
    return {"sub": f"sub {email}", "email": email, "email_verified": True, "name": "홍 길동", **more}


def leave(client: httpx.Client, begin: str = "/signin/oidc") -> str:
    """Go to the provider. Returns the address to which it sends the browser back."""
    begun = client.get(begin)
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["Location"], trust_env=False)
    return path(back.headers["Location"])


def enter(client: httpx.Client, begin: str = "/signin/oidc") -> httpx.Response:
    return client.get(leave(client, begin), headers={"Sec-Fetch-Site": "cross-site"})


def test_who_is_known_by_a_verified_address_signs_in_and_the_link_decides_afterwards(site: Site) -> None:
    site.member("kim@press.example")
    site.provider.claims = somebody("Kim@press.example")
    client = browser(site.server)
    assert "Sign in with 전북 통합 로그인" in client.get("/signin").text
    done = enter(client, "/signin/oidc?next=/people")
    assert (done.status_code, done.headers["Location"]) == (303, f"{site.server.url}/people"), done.text
    assert "kim@press.example" in client.get("/account").text
    asked = site.provider.asked[-1]
    assert asked["code_challenge_method"] == "S256" and asked["scope"] == "openid email profile"
    # The address now belongs to somebody else, or to nobody: the linked person stays the same.
    site.provider.claims = somebody("Kim@press.example") | {"email": "admin@press.example", "email_verified": False}
    again = browser(site.server)
    assert enter(again).status_code == 303 and "kim@press.example" in again.get("/account").text
    engine = site.server.engine()
    assert [one.event.detail["issuer"] for one in store.audit.records(engine, action="identity-linked")] == [
        site.provider.issuer
    ]
    assert store.audit.verify(engine).fault == ""
    engine.dispose()


def test_who_is_invited_gets_an_account_with_every_role_that_waits(site: Site) -> None:
    links = [site.invite("new@press.example", office) for office in ("jeonbuk", "jeju")]
    site.provider.claims = somebody("new@press.example")
    assert enter(browser(site.server)).status_code == 303
    found = stored(site.server, "new@press.example")
    assert found and found.roles() == {"jeonbuk": "writer", "jeju": "writer"} and found.name == "홍 길동"
    assert browser(site.server).get(links[0]).status_code == 410
    password = browser(site.server).post("/signin", data={"email": "new@press.example", "password": ""})
    assert password.status_code == 422


@pytest.mark.parametrize(
    "claims",
    [
        somebody("stranger@press.example"),
        somebody("lee@press.example", email_verified=False),
        somebody("lee@press.example", email_verified="true"),
        somebody("lee@press.example", email_verified=None),
        somebody("lee@press.example") | {"email": ["lee@press.example"]},
        {"sub": "lee"},
    ],
)
def test_nobody_else_is_let_in(site: Site, claims: dict[str, Any]) -> None:
    if stored(site.server, "lee@press.example") is None:
        site.member("lee@press.example")
    site.provider.claims = claims
    client = browser(site.server)
    refused = enter(client)
    assert refused.status_code == 422 and "Nobody invited this account" in refused.text
    assert client.get("/account").status_code == 303
    assert stored(site.server, "stranger@press.example") is None


def test_an_address_that_the_provider_gives_to_somebody_else_opens_no_account(site: Site) -> None:
    site.member("moved@press.example")
    site.provider.claims = somebody("moved@press.example")
    assert enter(browser(site.server)).status_code == 303
    site.provider.claims = somebody("moved@press.example", sub="the successor")
    refused = enter(browser(site.server))
    assert refused.status_code == 422 and "belongs to another account" in refused.text


def test_an_address_that_only_looks_like_that_of_an_account_opens_none(site: Site) -> None:
    """The Kelvin sign is another letter than k, and becomes k in small letters."""
    site.member("kang@press.example")
    site.provider.claims = somebody("\N{KELVIN SIGN}ang@press.example")
    refused = enter(browser(site.server))
    assert refused.status_code == 422 and "Nobody invited this account" in refused.text


def test_who_was_ended_is_not_let_in(site: Site) -> None:
    site.member("left@press.example")
    site.provider.claims = somebody("left@press.example")
    assert enter(browser(site.server)).status_code == 303
    found = stored(site.server, "left@press.example")
    assert found and site.admin.post(f"/people/{found.id}/end", data={"password": PASSWORD}).status_code == 303
    assert enter(browser(site.server)).status_code == 422


# The second sign-in


def test_the_provider_can_ask_again_who_one_is(site: Site) -> None:
    site.invite("again@press.example")
    site.provider.claims = somebody("again@press.example")
    client = browser(site.server)
    enter(client)
    good = "a new long password"
    assert client.post("/account", data={"old": "", "password": good}).status_code == 422
    instants = (int(time.time()) - 3600, None, True, float("nan"))
    for wrong in (*({"auth_time": instant} for instant in instants), {"sub": "other"}):
        site.provider.claimed = wrong
        assert enter(client, "/prove/oidc").status_code == 422, wrong
    site.provider.right()
    elsewhere = browser(site.server)
    enter(elsewhere)
    stolen = leave(client, "/prove/oidc")
    elsewhere.cookies.set("pressrelay-once", client.cookies["pressrelay-once"], domain="127.0.0.1", path="/")
    assert elsewhere.get(stolen).status_code == 422, "another session began it"
    assert client.post("/account", data={"old": "", "password": good}).status_code == 422
    done = enter(client, "/prove/oidc?next=/account")
    assert (done.status_code, site.provider.asked[-1]["prompt"]) == (303, "login"), done.text
    assert client.post("/account", data={"password": good}).status_code == 200
    fields = {"email": "again@press.example", "password": good}
    assert browser(site.server).post("/signin", data=fields).status_code == 303


# What attackers try


def test_an_answer_works_once_and_in_its_browser_alone(site: Site) -> None:
    site.member("park@press.example")
    site.provider.claims = somebody("park@press.example")
    client, thief = browser(site.server), browser(site.server)
    back = leave(client)
    leave(thief)
    assert thief.get(back).status_code == 422, "it was begun by another browser"
    assert browser(site.server).get(back).status_code == 422
    assert client.get(back).status_code == 303
    client.post("/signout")
    replayed = client.get(back)
    assert replayed.status_code == 422 and "Please start again" in replayed.text


def test_of_sixteen_at_once_one_answer_lets_one_in(site: Site) -> None:
    site.member("many@press.example")
    site.provider.claims = somebody("many@press.example")
    client = browser(site.server)
    back, codes = leave(client), []

    def come() -> None:
        with browser(site.server) as one:
            one.cookies.update(client.cookies)
            codes.append(one.get(back).status_code)

    together(*(come for _ in range(16)))
    assert codes.count(303) == 1 and set(codes) <= {303, 422, 429, 503}


def signed(header: dict[str, str], claims: dict[str, Any], key: bytes = b"") -> str:
    """A token that no library makes: without a signature, or signed with a key that everybody knows."""
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{base64url(hmac.digest(key, text.encode(), 'sha256')) if key else ''}"


def test_an_id_token_that_is_not_right_lets_nobody_in(site: Site) -> None:
    site.member("token@press.example")
    site.provider.claims = somebody("token@press.example")
    provider, now = site.provider, int(time.time())
    wrong: list[dict[str, Any]] = [
        {"iss": "https://evil.example"},
        {"iss": f"{provider.issuer}/"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT], "azp": "another"},
        {"exp": now - 3600},
        {"exp": None},
        {"iat": now + 3600},
        {"nbf": now + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": {"a": 1}},
    ]
    for claimed in wrong:
        provider.claimed = claimed
        assert enter(browser(site.server)).status_code == 422, claimed
    provider.claimed = {}
    other, secret = jwk.RSAKey.generate_key(2048, {"kid": "1"}), jwk.OctKey.import_key(SECRET)
    pem = provider.key.as_pem(private=False)
    signers: list[Callable[[dict[str, Any]], str]] = [
        lambda claims: signed({"alg": "none"}, claims),
        lambda claims: signed({"alg": "none", "kid": "1"}, claims),
        lambda claims: provider.sign(claims)[:-8] + "AAAAAAAA",
        lambda claims: jwt.encode({"alg": "RS256", "kid": "1"}, claims, other),
        lambda claims: jwt.encode({"alg": "RS256", "jwk": other.as_dict(private=False)}, claims, other),
        lambda claims: jwt.encode({"alg": "HS256"}, claims, secret),
        lambda claims: signed({"alg": "HS256", "kid": "1"}, claims, pem),
        lambda _: "x",
        lambda _: "..",
    ]
    for signer in signers:
        provider.signed = signer
        client = browser(site.server)
        assert enter(client).status_code == 422
        assert client.get("/account").status_code == 303
    provider.right()
    assert enter(browser(site.server)).status_code == 303


def test_an_id_token_of_another_sign_in_is_refused(site: Site) -> None:
    site.member("nonce@press.example")
    site.provider.claims = somebody("nonce@press.example")
    kept: list[str] = []

    def keep(claims: dict[str, Any]) -> str:
        kept.append(site.provider.sign(claims))
        return kept[0]

    site.provider.signed = keep
    assert enter(browser(site.server)).status_code == 303
    assert enter(browser(site.server)).status_code == 422


def test_an_answer_of_another_issuer_is_refused(site: Site) -> None:
    """RFC 9207: a sign-in that began with one provider must not end with another."""
    site.member("mix@press.example")
    site.provider.claims = somebody("mix@press.example")
    site.provider.back = {"iss": "https://evil.example"}
    assert enter(browser(site.server)).status_code == 422
    site.provider.back = {"iss": site.provider.issuer}
    assert enter(browser(site.server)).status_code == 303
    site.provider.back = {"error": "access_denied", "code": ""}
    assert enter(browser(site.server)).status_code == 422


def test_a_code_that_another_browser_got_is_refused(site: Site) -> None:
    """An attacker gives the server a stolen code beside a state of their own: PKCE and the nonce belong to the browser."""
    site.member("victim@press.example")
    site.provider.claims = somebody("victim@press.example")
    victim, thief = browser(site.server), browser(site.server)
    stolen = parse_qs(urlsplit(leave(victim)).query)["code"][0]
    own = parse_qs(urlsplit(leave(thief)).query)
    for sent in (
        {"code": stolen, "state": own["state"][0]},
        {"code": own["code"][0], "state": own["state"][0] + "x"},
        {"code": own["code"][0]},
        {"state": own["state"][0], "code": ""},
    ):
        assert thief.get(f"/signin/oidc/done?{urlencode(sent)}").status_code in (422, 400), sent
    assert thief.get("/account").status_code == 303


def test_an_issuer_that_says_it_names_itself_must(site: Site) -> None:
    """RFC 9207, section 2.4: without `iss`, the answer may be of another provider."""
    provider = Provider()
    provider.discovery = {"authorization_response_iss_parameter_supported": True}
    (directory := site.server.directory / "names-itself").mkdir()
    (directory / "secret").write_text(SECRET)
    settings = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT}
    server = Server(directory, workers="1", oidc_client_secret=str(directory / "secret"), **settings).start()
    try:
        server.office()
        signed_in(server, "kim@press.example")
        provider.claims = somebody("kim@press.example")
        assert enter(browser(server)).status_code == 422
        provider.back = {"iss": provider.issuer}
        assert enter(browser(server)).status_code == 303
    finally:
        server.close()
        provider.close()


def test_another_site_signs_nobody_in_and_none_leads_elsewhere(site: Site) -> None:
    client = browser(site.server)
    begun = client.get("/signin/oidc", headers={"Sec-Fetch-Site": "cross-site"})
    assert begun.headers["Location"] == f"{site.server.url}/signin"
    site.member("back@press.example")
    site.provider.claims = somebody("back@press.example")
    for target in ("//evil.example", "https://evil.example/", "/%5Cevil.example", "javascript:alert(1)"):
        done = enter(browser(site.server), f"/signin/oidc?next={target}")
        assert done.headers["Location"] == f"{site.server.url}/account"


def test_a_cookie_from_before_is_worth_nothing_after(site: Site) -> None:
    site.member("fix@press.example")
    site.provider.claims = somebody("fix@press.example")
    client = browser(site.server)
    client.cookies.set("pressrelay", "a" * 43, domain="127.0.0.1", path="/")
    assert enter(client).status_code == 303
    assert client.cookies["pressrelay"] != "a" * 43


# Missing values and nonsense


def test_a_provider_that_fails_is_told_in_a_sentence(site: Site) -> None:
    site.member("down@press.example")
    site.provider.claims = somebody("down@press.example")
    for status, body in (
        (500, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b"[" * 9000),
        (302, b""),
        (200, b"x" * 400_000),
    ):
        site.provider.answers["/token"] = (status, body)
        client = browser(site.server)
        answer = enter(client)
        assert answer.status_code == 502 and "did not answer correctly" in answer.text, (status, body[:20])
        assert "Retry" not in client.get("/signin").text
    site.provider.answers["/token"] = (400, b'{"error": "invalid_grant"}')
    assert enter(browser(site.server)).status_code == 422
    site.provider.right()
    site.provider.claims = {"sub": "sub down@press.example"}
    site.provider.answers["/userinfo"] = (
        200,
        b'{"sub": "another", "email": "admin@press.example", "email_verified": true}',
    )
    assert enter(browser(site.server)).status_code == 502


def test_an_address_that_stands_in_userinfo_alone_counts(site: Site) -> None:
    site.member("info@press.example")
    site.provider.claims = somebody("info@press.example")
    site.provider.claimed = {"email": None, "email_verified": None}
    client = browser(site.server)
    assert enter(client).status_code == 303 and "info@press.example" in client.get("/account").text


def test_a_provider_that_is_not_there_or_leads_inside_is_not_used(tmp_path: Path) -> None:
    provider = Provider()
    settings = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT}
    server = Server(tmp_path, workers="1", **settings).start()
    try:
        client = browser(server)
        host = f"localhost:{provider.server.server_port}"  # not the host that the operator named
        for wrong in (
            {"issuer": "https://evil.example"},
            {"token_endpoint": "file:///etc/passwd"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"jwks_uri": None},
        ):
            provider.discovery = wrong
            answer = client.get("/signin/oidc")
            assert answer.status_code == 502 and "did not answer correctly" in answer.text, wrong
        provider.discovery = {"token_endpoint": f"http://{host}/token", "jwks_uri": f"http://{host}/jwks"}
        provider.claims = somebody("a@press.example")
        assert enter(client).status_code == 502
        assert "is not a public address" in server.log.read_text()
    finally:
        server.close()
        provider.close()


def test_new_keys_of_the_provider_are_found(site: Site) -> None:
    site.member("keys@press.example")
    site.provider.claims = somebody("keys@press.example")
    assert enter(browser(site.server)).status_code == 303
    read = {"keys": [site.provider.key.as_dict(private=False)]}
    assert openid.key_set(json.dumps(read).encode()).keys[0].kid == "1"
    for body in (b"", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "YQ"}]}', b"[" * 9000):
        with pytest.raises(ProviderFault):
            openid.key_set(body)


# The store, on each database


def test_an_identity_is_linked_once(engine: Engine) -> None:
    enter = partial(store.accounts.enter_by_identity, engine, "https://id.example")
    with pytest.raises(NotInvited):
        enter("1", "a@press.example", "a", NOW)
    link = store.accounts.new_link(engine, "setup", NOW, INVITED, role="admin")
    admin = store.accounts.join(engine, link.id, "관리자", "a@press.example", "stored", NOW)
    store.accounts.new_link(engine, "reset", NOW, RESET, email="c@press.example")
    for subject, email in (("1", ""), ("1", "b@press.example"), ("1", "c@press.example")):
        with pytest.raises(NotInvited):
            enter(subject, email, "a", NOW)
    assert enter("1", "A@press.example", "a", NOW) == enter("1", "", "", NOW) == admin
    with pytest.raises(OtherIdentity):
        enter("2", "a@press.example", "a", NOW)
    store.accounts.save_office(engine, OfficeRecord("o", "기관"))
    store.accounts.new_link(engine, "invite", NOW, INVITED, email="b@press.example", office="o", role="writer")
    with pytest.raises(NotInvited):
        enter("3", "b@press.example", "b", NOW + INVITED)
    found: list[str] = []
    together(
        *(lambda: found.append(enter("3", "b@press.example", "b", NOW + timedelta(hours=1)).id) for _ in range(16))
    )
    assert len(set(found)) == 1 and len(found) == 16
    assert store.accounts.identities_of(engine, found[0]) == [("https://id.example", "3")]
    assert sum(1 for _ in store.audit.records(engine, action="person-added")) == 2
