"""Passkeys: makes the requests to browsers, and checks their answers (WebAuthn, https://www.w3.org/TR/webauthn-3/). Pure.

The user must be verified by the authenticator (a PIN, a finger), so a passkey alone proves who somebody is. The make of the
authenticator does not matter, so attestation is neither requested nor trusted.
"""

import ipaddress
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from app.errors import PressrelayError

LONGEST_ID = 1023  # bytes of a credential id (WebAuthn, section 4)
ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256 (https://www.iana.org/assignments/cose)
SECONDS = 300  # time that a browser gives the person; less than a challenge lasts


class NotProven(PressrelayError):
    """The answer of a browser does not prove anything. The message is for the server's log."""


class _ClientData(Struct, rename="camel"):
    """What the browser says of its answer (WebAuthn, section 5.8.1)."""

    challenge: str
    cross_origin: bool = False


class _Response(Struct, rename={"client_data": "clientDataJSON", "user_handle": "userHandle"}):
    client_data: str
    user_handle: str | None = None


class _Sent(Struct):
    id: str
    response: _Response


class PasskeyAnswer(Struct, frozen=True):
    """What a browser sent, not yet checked."""

    sent: str  # JSON: RegistrationResponseJSON or AuthenticationResponseJSON (WebAuthn, section 5.1)
    challenge: str
    credential: bytes
    person: str  # id of the person whose passkey it says it is; empty: it does not say


class NewPasskey(Struct, frozen=True):
    """A passkey that was made."""

    credential: bytes
    public_key: bytes  # COSE_Key
    signs: int


def relying_party(base: str) -> str:
    """The name to which passkeys belong: the host of the public URL. Empty if browsers offer no passkeys there: they need a name, and
    https except on localhost (WebAuthn, sections 5.1.2 and 13.4.9)."""
    parts = urlsplit(base)
    host = (parts.hostname or "").lower()
    try:
        ipaddress.ip_address(host)
        return ""
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
        return host if parts.scheme == "https" or local else ""


def creation(party: str, site: str, challenge: str, person: str, email: str, name: str, known: list[bytes]) -> Any:
    """What the browser is asked for to make a passkey (PublicKeyCredentialCreationOptionsJSON). `known`: the credentials that the
    person has; their authenticators are not used again."""
    return {
        "rp": {"id": party, "name": site},
        "user": {"id": base64url(person.encode()), "name": email, "displayName": name},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": SECONDS * 1000,
        "excludeCredentials": [{"type": "public-key", "id": base64url(credential)} for credential in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request(party: str, challenge: str, known: list[bytes]) -> Any:
    """What the browser is asked for to show a passkey (PublicKeyCredentialRequestOptionsJSON). `known`: the passkeys that are asked
    for; none: any that belongs to this server."""
    return {
        "rpId": party,
        "challenge": challenge,
        "timeout": SECONDS * 1000,
        "allowCredentials": [{"type": "public-key", "id": base64url(credential)} for credential in known],
        "userVerification": "required",
    }


def answered(sent: str) -> PasskeyAnswer:
    """The parts of an answer that tell which request it answers. Raises NotProven."""
    try:
        answer = msgspec.json.decode(sent, type=_Sent)
        data = msgspec.json.decode(bytes_of(answer.response.client_data), type=_ClientData)
        credential = bytes_of(answer.id)
        handle = bytes_of(answer.response.user_handle or "").decode("ascii")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotProven(f"The answer is not one of WebAuthn: {error}.") from None
    if data.cross_origin:
        raise NotProven("The answer was given in a frame of another site.")
    if not 0 < len(credential) <= LONGEST_ID:
        raise NotProven(f"The credential's id has {len(credential)} bytes.")
    return PasskeyAnswer(sent, data.challenge, credential, handle)


def made(answer: PasskeyAnswer, party: str, origin: str) -> NewPasskey:
    """The passkey that an answer brings. The caller has looked up the challenge. Raises NotProven."""
    import webauthn  # imported by the first passkey: it brings 90 modules along
    from webauthn.helpers import (
        decode_credential_public_key,
        decoded_public_key_to_cryptography,
        parse_attestation_object,
    )
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        response = msgspec.json.decode(answer.sent)["response"]
        statement = parse_attestation_object(bytes_of(response["attestationObject"]))
        # "packed" without a certificate is the authenticator's own signature, which browsers leave in (WebAuthn, section 5.1.3).
        if statement.fmt not in ("none", "packed") or statement.att_stmt.x5c is not None:
            raise NotProven("An attestation was sent that nobody asked for.")
        found = webauthn.verify_registration_response(
            credential=answer.sent,
            expected_challenge=bytes_of(answer.challenge),
            expected_rp_id=party,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm) for algorithm in ALGORITHMS],
        )
        if found.credential_id != answer.credential:
            raise NotProven("The answer names two credentials.")
        decoded_public_key_to_cryptography(decode_credential_public_key(found.credential_public_key))
    except NotProven:
        raise
    except Exception as error:  # the library reads what a stranger sent; whatever it raises, nothing is proven
        raise NotProven(f"The passkey was not made: {type(error).__name__}: {error}.") from None
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


def signs_of(answer: PasskeyAnswer, party: str, origin: str, public_key: bytes) -> int:
    """The signature counter in an answer that is signed with this key (COSE_Key). The caller checks that it rose when it stores it.
    The caller has looked up the challenge. Raises NotProven."""
    import webauthn

    try:
        found = webauthn.verify_authentication_response(
            credential=answer.sent,
            expected_challenge=bytes_of(answer.challenge),
            expected_rp_id=party,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise NotProven(f"The passkey was not shown: {type(error).__name__}: {error}.") from None
    return found.new_sign_count


def base64url(data: bytes) -> str:
    """Bytes as base64url without padding (RFC 4648, section 5)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    """The bytes of base64url without padding. Raises ValueError."""
    if not re.fullmatch(r"[\w-]*", text, re.ASCII) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
