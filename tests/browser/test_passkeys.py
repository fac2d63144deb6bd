"""Passkeys in a real browser: chromium's own virtual authenticator makes them, and passkeys.js carries them."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.test_passkeys import Site
from tests.test_people import PASSWORD, close_browsers

assert close_browsers  # a fixture

pytestmark = pytest.mark.slow

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("named"))
    yield made
    made.admin.close()
    made.server.close()


def fresh(chromium: Browser, site: Site, width: int = 1280, **more: Any) -> tuple[Page, list[str]]:
    """A window of a reader of English, and what its console says."""
    context = chromium.new_context(base_url=site.origin, locale="en", viewport={"width": width, "height": 800}, **more)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page, said


def authenticator(page: Page, **more: Any) -> tuple[CDPSession, str]:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR | more})
    return session, str(made["authenticatorId"])


def sign_in(page: Page, email: str) -> None:
    page.goto("/signin")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_passkey_is_made_and_signs_in_without_an_address(named: Site, chromium: Browser, width: int) -> None:
    email = f"browser{width}@press.example"
    named.member(email)
    page, said = fresh(chromium, named, width)
    session, id = authenticator(page)
    sign_in(page, email)
    page.get_by_role("link", name="Confirm that it is you, then add a passkey").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_label("Name of the passkey").fill("이 컴퓨터")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.get_by_text("이 컴퓨터")).to_be_visible()
    (held,) = session.send("WebAuthn.getCredentials", {"authenticatorId": id})["credentials"]
    assert held["isResidentCredential"] and held["rpId"] == "localhost"
    page.get_by_role("button", name="Sign out").last.click()
    page.goto("/signin?next=/people")
    page.get_by_role("button", name="Sign in with a passkey").press("Enter")
    expect(page).to_have_url(f"{named.origin}/people")
    page.goto("/prove?next=/account")
    page.get_by_role("button", name="Continue with a passkey").click()
    expect(page).to_have_url(f"{named.origin}/account")
    expect(page.get_by_text("이 컴퓨터")).to_be_visible()
    assert said == []
    page.context.close()


def test_who_is_not_verified_or_has_no_passkey_is_told_on_the_page(named: Site, chromium: Browser) -> None:
    page, said = fresh(chromium, named)
    session, id = authenticator(page)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": id, "isUserVerified": False})
    page.goto("/signin")
    button = page.get_by_role("button", name="Sign in with a passkey")
    button.click()
    expect(page.get_by_text("The passkey was not used.")).to_be_visible(timeout=15_000)
    expect(button).to_be_enabled()
    assert said == []
    page.context.close()


def test_a_copied_authenticator_is_refused(named: Site, chromium: Browser) -> None:
    named.member("copy@press.example")
    page, _ = fresh(chromium, named)
    session, id = authenticator(page)
    sign_in(page, "copy@press.example")
    page.goto("/prove?next=/account")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_label("Name of the passkey").fill("x")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    (held,) = session.send("WebAuthn.getCredentials", {"authenticatorId": id})["credentials"]
    for _ in range(2):
        page.context.clear_cookies()
        page.goto("/signin")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page).to_have_url(f"{named.origin}/account")
    session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": id})
    _, id = authenticator(page)
    session.send("WebAuthn.addCredential", {"authenticatorId": id, "credential": held})
    page.context.clear_cookies()
    page.goto("/signin")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey was not accepted")
    assert named.actions("passkey-suspect")


def test_without_a_script_a_password_does_it(named: Site, chromium: Browser) -> None:
    named.member("plain@press.example")
    page, said = fresh(chromium, named, java_script_enabled=False)
    sign_in(page, "plain@press.example")
    page.goto("/signin")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    assert said == []
    page.context.close()
