"""OpenID Connect: makes the requests to a provider, and checks its answers. Pure; app/web/openid.py makes the calls.

OpenID Connect Core 1.0 (the code flow, section 3.1), Discovery 1.0, PKCE (RFC 7636), the issuer in the answer (RFC 9207). State,
nonce and PKCE verifier belong to the browser that begins the sign-in. The last two are derived from its secret, so they are not
stored.
"""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlsplit

import msgspec
from msgspec import Struct

from app.errors import PressrelayError

# Signatures that only the provider can make: neither "none", nor those made with a secret that both sides know.
ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
LEEWAY = 60  # seconds that the provider's clock may differ from ours
LONGEST = 255  # characters of a subject (Core, section 2)
MOST_KEYS = 50  # keys of a provider that are looked at


class ProviderFault(PressrelayError):
    """The provider did not answer, or its answer is not one of OpenID Connect. The message is for the server's log."""


class NotTrusted(PressrelayError):
    """The browser did not bring a valid statement of the provider. The message is for the server's log."""


class Provider(Struct, frozen=True):
    """What a provider says of itself (Discovery, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class RelyingParty(Struct, frozen=True):
    """Who we are at the provider."""

    id: str
    secret: str  # empty: none, as a public client
    redirect: str  # the URL to which the provider sends browsers back


class Identity(Struct, frozen=True):
    """Who the provider says somebody is."""

    issuer: str
    subject: str
    email: str  # that the provider verified; empty: it verified none
    name: str


class Tokens(Struct, frozen=True):
    """The answer of the token endpoint (Core, section 3.1.3.3)."""

    id_token: str
    access_token: str = ""


def discovered(body: bytes, issuer: str) -> Provider:
    """The provider by its discovery document. Raises ProviderFault."""
    try:
        found = msgspec.json.decode(body, type=Provider)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderFault(f"The discovery document is not one: {error}.") from None
    if found.issuer != issuer:
        raise ProviderFault(f"The discovery document is of {found.issuer[:200]!r}, not of {issuer!r}.")
    scheme = urlsplit(issuer).scheme
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        url = getattr(found, name)
        if not (url.startswith(f"{scheme}://") or (not url and name == "userinfo_endpoint")):
            raise ProviderFault(f"Its {name} is {url[:200]!r}, not an {scheme} URL.")
        if not url.isascii() or not url.isprintable() or " " in url or "#" in url:
            raise ProviderFault(f"Its {name} is {url[:200]!r}, not a URL.")
    return found


def derived(browser: str, state: str, use: str) -> str:
    """43 characters that follow from this browser's secret and this state alone; `use`: "nonce" or "verifier"."""
    digest = hmac.new(browser.encode(), f"{use} {state}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorization(provider: Provider, client: RelyingParty, state: str, browser: str, *, again: bool) -> str:
    """The URL at the provider where somebody signs in. `again`: even if they are signed in there."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # imported by the first sign-in by OpenID Connect
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return str(
        prepare_grant_uri(
            provider.authorization_endpoint,
            client.id,
            "code",
            client.redirect,
            "openid email profile",
            state,
            nonce=derived(browser, state, "nonce"),
            code_challenge=create_s256_code_challenge(derived(browser, state, "verifier")),
            code_challenge_method="S256",
            **({"prompt": "login", "max_age": "0"} if again else {}),
        )
    )


def token_request(
    provider: Provider, client: RelyingParty, code: str, state: str, browser: str
) -> tuple[dict[str, str], bytes]:
    """(headers, body) of the request that exchanges a code for tokens (Core, section 3.1.3.1)."""
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    parameters = {"code": code, "code_verifier": derived(browser, state, "verifier")}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    methods = provider.token_endpoint_auth_methods_supported
    if client.secret and ("client_secret_basic" in methods or "client_secret_post" not in methods):
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"  # RFC 6749, section 2.3.1
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        parameters |= {"client_id": client.id, "client_secret": client.secret}
    body = prepare_token_request("authorization_code", redirect_uri=client.redirect, **parameters)
    return headers, str(body).encode()


def granted(status: int, body: bytes) -> Tokens:
    """The tokens that the provider gave for a code. Raises NotTrusted if it refused the code, and ProviderFault."""
    if status in (400, 401):
        raise NotTrusted(f"The provider refused the code: {body[:200].decode('utf-8', 'replace')!r}.")
    try:
        if status != 200:
            raise ValueError(f"its status is {status}")
        return msgspec.json.decode(body, type=Tokens)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProviderFault(f"The answer to the code is not one: {error}.") from None


def key_set(body: bytes) -> Any:
    """The public keys of a provider that can be used (a KeySet of joserfc). Raises ProviderFault."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet, import_key

    try:
        members = msgspec.json.decode(body, type=dict[str, Any])["keys"]
        listed = [one for one in members if isinstance(one, dict)][:MOST_KEYS]
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ProviderFault(f"The keys are not a JWK Set: {error}.") from None
    keys = []
    for one in listed:
        if one.get("kty") in ("RSA", "EC", "OKP") and one.get("use", "sig") == "sig" and "d" not in one:
            try:
                keys.append(import_key(one))
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # RFC 7517, section 5: a key that is not understood is ignored
    if not keys:
        raise ProviderFault("The provider published no key that can be used.")
    return KeySet(keys)


def header_key(id_token: str) -> str:
    """The id of the key that signed an ID token, as it says; empty: it does not say."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    try:
        kid = extract_compact(id_token.encode()).headers().get("kid", "")
    except (JoseError, ValueError, TypeError, AttributeError):
        return ""
    return kid if isinstance(kid, str) else ""


def vouched(
    found: Tokens, keys: Any, client: RelyingParty, issuer: str, nonce: str, now: datetime, again: Any = None
) -> Identity:
    """The person that an ID token names, after all checks of Core, section 3.1.3.7. `keys`: from `key_set`; `again`: the instant
    since which the person must have signed in at the provider, or None. Raises NotTrusted."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt

    try:
        token = jwt.decode(found.id_token, keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client.id},
                "nonce": {"essential": True, "value": nonce},
            },
            {"client_id": client.id, "nonce": nonce, "access_token": found.access_token, "max_age": again is not None},
        )
        claims.validate(int(now.timestamp()), LEEWAY)
    except Exception as error:  # the library reads what a stranger sent; whatever it raises, nothing is proven
        raise NotTrusted(f"The ID token is not accepted: {type(error).__name__}: {error}.") from None
    subject, since = claims.get("sub"), claims.get("auth_time")
    if claims.get("iss") != issuer or not isinstance(subject, str) or not 0 < len(subject) <= LONGEST:
        raise NotTrusted("The ID token has another issuer, or no subject.")
    if again is not None and (isinstance(since, bool) or not since >= again.timestamp() - LEEWAY):
        raise NotTrusted("The person did not sign in again at the provider.")
    return described(issuer, subject, claims)


def userinfo(body: bytes, known: Identity) -> Identity:
    """What the provider adds about somebody whom it named (Core, section 5.3). Raises ProviderFault."""
    try:
        claims = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderFault(f"The provider's answer about the person is not JSON: {error}.") from None
    if claims.get("sub") != known.subject:
        raise ProviderFault("The provider's answer is about another person.")
    return described(known.issuer, known.subject, claims)


def described(issuer: str, subject: str, claims: Any) -> Identity:
    """The person with the name and the address in the claims; an address counts only if the provider verified it."""
    email, name = claims.get("email"), claims.get("name")
    good = claims.get("email_verified") is True and isinstance(email, str) and len(email) <= 254
    said = " ".join("".join(c for c in name if c.isprintable()).split()) if isinstance(name, str) else ""
    return Identity(issuer, subject, email if good else "", said)
