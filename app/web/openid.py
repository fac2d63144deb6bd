"""Sign-in by OpenID Connect: the calls to the provider, and what a browser brings back. The rules are in app/accounts/openid.py.

The operator sets the issuer, so its host may be inside this network. Every other host that the provider names must be public.
"""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Response
from msgspec import Struct

from app.accounts import openid
from app.accounts.openid import Identity, NotTrusted, Provider, ProviderFault, RelyingParty
from app.errors import Refused
from app.outbound.addresses import Fetched, fetch
from app.web import ceremonies, places
from app.web.context import here

SECONDS = 5.0  # for each call
LARGEST = 300_000  # bytes of an answer
KEPT = 600.0  # seconds for which a discovery document and keys are kept
ANEW = 30.0  # seconds after which keys are read again for a key that is not among them


class _Known(Struct):
    """A document of the provider, and when it was read (monotonic seconds)."""

    value: Any
    read: float


_known: dict[str, _Known] = {}  # URL -> what is kept of it
_lock = threading.Lock()


def offered() -> str:
    """The name of the provider on the button; empty: none is set."""
    settings = here().settings
    return (settings.oidc_name or urlsplit(settings.oidc_issuer).hostname or "") if settings.oidc_issuer else ""


def begin(kind: str, back: str, session: str = "") -> Response:
    """Send this browser to the provider. `kind`: "oidc", or "oidc-prove" for somebody who is signed in, in that session. Raises
    ProviderFault, and Problem (429, 503)."""
    with places.calling_provider():
        provider = _provider()
    state, browser = ceremonies.begin(kind, session=session, back=back)
    url = openid.authorization(provider, _client(), state, browser, again=bool(session))
    return ceremonies.bound(Response(status=303, headers={"Location": url}), browser)


class Brought(Struct, frozen=True):
    """What a browser brought back from the provider."""

    identity: Identity
    kind: str  # "oidc" or "oidc-prove"
    session: str  # id of the session that began it; empty: nobody was signed in
    back: str


def brought(state: str, code: str, issuer: str, error: str) -> Brought:
    """The identity at the provider, from the parameters with which this browser comes back. Raises NotTrusted, ProviderFault, and
    Problem (503)."""
    taken = ceremonies.taken(state, "oidc", "oidc-prove")
    if taken is None:
        raise NotTrusted("This browser began no sign-in with this state, or it has ended.")
    begun, browser = taken
    client, again = _client(), begun.begun if begun.kind == "oidc-prove" else None
    with places.calling_provider():
        provider = _provider()
        if issuer != provider.issuer and (issuer or provider.authorization_response_iss_parameter_supported):
            raise NotTrusted(f"The answer names the issuer {issuer[:200]!r}; expected {provider.issuer!r} (RFC 9207).")
        if error or not code:
            raise NotTrusted(f"The provider says {error[:100]!r}.")
        headers, body = openid.token_request(provider, client, code, state, browser)
        answer = _call(provider.token_endpoint, headers, body)
        tokens = openid.granted(answer.status, answer.body)
        keys = _keys(provider, openid.header_key(tokens.id_token))
        nonce = openid.derived(browser, state, "nonce")
        found = openid.vouched(tokens, keys, client, provider.issuer, nonce, datetime.now(UTC), again)
        if not found.email and tokens.access_token and provider.userinfo_endpoint and not again:
            bearer = {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"}
            found = openid.userinfo(_call(provider.userinfo_endpoint, bearer).body, found)
    return Brought(found, begun.kind, begun.session, begun.back)


def _client() -> RelyingParty:
    settings = here().settings
    secret = settings.oidc_client_secret
    try:
        held = Path(secret).read_text("utf-8").strip() if secret else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderFault(f"PRESSRELAY_OIDC_CLIENT_SECRET cannot be read: {error}.") from None
    return RelyingParty(settings.oidc_client_id, held, f"{settings.url}/signin/oidc/done")


def _provider() -> Provider:
    issuer = here().settings.oidc_issuer
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"  # Discovery, section 4
    found: Provider = _kept(url, KEPT, lambda body: openid.discovered(body, issuer))
    return found


def _keys(provider: Provider, kid: str) -> Any:
    keys = _kept(provider.jwks_uri, KEPT, openid.key_set)
    if kid and all(key.kid != kid for key in keys):
        keys = _kept(provider.jwks_uri, ANEW, openid.key_set)  # the provider may have changed its keys
    return keys


def _kept(url: str, seconds: float, read: Any) -> Any:
    """A document of the provider, at most that old. Raises ProviderFault."""
    with _lock:
        known = _known.get(url)
    if known is not None and time.monotonic() - known.read < seconds:
        return known.value
    answer = _call(url, {"Accept": "application/json"})
    if answer.status != 200:
        raise ProviderFault(f"{url} answers {answer.status}.")
    value = read(answer.body)
    with _lock:
        _known[url] = _Known(value, time.monotonic())
    return value


def _call(url: str, headers: dict[str, str], body: bytes | None = None) -> Fetched:
    inside = urlsplit(url).netloc == urlsplit(here().settings.oidc_issuer).netloc
    try:
        return fetch(url, headers, most=LARGEST, seconds=SECONDS, private=inside, body=body, hops=0)
    except Refused as error:
        raise ProviderFault(f"{url} cannot be called: {error}") from None
