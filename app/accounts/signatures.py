"""Signed requests: HTTP Message Signatures (RFC 9421) with Ed25519, over the method, the URL and the Content-Digest (RFC 9530).

The signature covers the digest and not the body: who verifies must compare the digest with the very bytes that are parsed. Pure,
but for the clock against which a signature's age is measured.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature as WrongSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from msgspec import Struct

from app.errors import Misconfigured

COVERED = ("@method", "@target-uri", "content-digest")  # by every signature; more may be
# All that may be: the base is shown to everybody (provenance), so nothing that is secret, such as a token, may stand in it.
HARMLESS = {"@method", "@target-uri", "@authority", "@scheme", "@path", "@query", "@request-target"}
HARMLESS |= {"content-digest", "content-type", "content-length", "date", "slug"}
# Points of small order (y, without its sign): under such a key anybody can sign. Also what stands for the same, beyond p.
WEAK = {
    bytes.fromhex(octets)
    for octets in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
}
AGE = timedelta(minutes=5)  # that a signature may have
SKEW = timedelta(seconds=5)  # that a sender's clock may be ahead
LABEL = "sig1"
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class Signed(Struct, frozen=True):
    """A signature with all that is needed to verify it again."""

    keyid: str
    office: str
    public_key: str  # Ed25519, 32 octets in base 64
    algorithm: str  # "ed25519"
    created: datetime  # in UTC, by the sender's clock
    method: str
    target_uri: str
    content_digest: str  # as it was sent
    base: str  # the signature base (RFC 9421, section 2.5): what was signed
    signature: str  # 64 octets in base 64

    @property
    def hash(self) -> bytes:
        """What it is known by where it must not be used twice."""
        return hashlib.sha256(base64.b64decode(self.signature)).digest()


class Key(Struct, frozen=True):
    """A public key that an office registered."""

    id: str
    office: str
    public: bytes  # 32 octets
    name: str = ""
    revoked: bool = False


class NotSigned(Exception):
    """The signature is not good; one sentence."""


class _Message(Struct, frozen=True):
    """A request as the library reads it."""

    method: str
    url: str
    headers: dict[str, str]


class _Keys(HTTPSignatureKeyResolver):
    """One key for one message."""

    def __init__(self, key: Ed25519PrivateKey | Ed25519PublicKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        assert isinstance(self.key, Ed25519PublicKey), "made to verify"
        return self.key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        assert isinstance(self.key, Ed25519PrivateKey), "made to sign"
        return self.key


def digest(body: bytes) -> str:
    """Content-Digest of a body (RFC 9530, section 2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key: Ed25519PrivateKey,
    keyid: str,
    created: datetime | None = None,
) -> dict[str, str]:
    """The headers to send besides: Content-Digest, Signature-Input and Signature. `url`: as the server calls itself."""
    message = _Message(method, url, {**headers, "Content-Digest": digest(body)})
    covered = COVERED + (("content-type",) if any(name.lower() == "content-type" for name in headers) else ())
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(key))
    signer.sign(
        message,
        key_id=keyid,
        created=created,
        label=LABEL,
        nonce=secrets.token_urlsafe(12),  # two requests of one second differ: a signature is taken once
        covered_component_ids=covered,
        body=body,
        use_existing_digest=True,
    )
    return {name: message.headers[name] for name in ("Content-Digest", "Signature-Input", "Signature")}


def keyid(headers: Mapping[str, str]) -> str:
    """The key that the one signature of a request names, not verified. Raises NotSigned."""
    try:
        parsed = HTTPMessageVerifier._parse_signature_dictionary(headers.get("Signature-Input", ""))
        (label,) = parsed
        named = parsed[label].params["keyid"]
    except (HTTPMessageSignaturesException, ValueError, KeyError, TypeError, AttributeError):
        raise NotSigned("Signature-Input is not one signature with a keyid.") from None
    if not isinstance(named, str):
        raise NotSigned("The keyid is not a string.")
    return named


def verify(method: str, target_uri: str, headers: Mapping[str, str], key: Key) -> Signed:
    """The one signature of a request, verified. Its digest is still to be compared with the body. Raises NotSigned."""
    field = headers.get("Content-Digest", "")
    if not any(name.strip().lower().startswith(tuple(f"{known}=" for known in DIGESTS)) for name in field.split(",")):
        raise NotSigned("Content-Digest with sha-256 or sha-512 is needed: the signature is of that, not of the body.")
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519, key_resolver=_Keys(Ed25519PublicKey.from_public_bytes(key.public))
    )
    verifier.max_clock_skew = SKEW
    try:
        (result,) = verifier.verify(
            _Message(method, target_uri, dict(headers)), max_age=AGE, require_components=COVERED
        )
        sent = verifier._parse_signature_dictionary(headers["Signature"])[result.label].value
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError, KeyError) as error:
        reason = str(error).strip() or "it was not made by this key, or what it covers was changed"
        raise NotSigned(f"The signature is not good: {reason[:300]}.") from None
    # The base has the header's digest to the letter: without parameters, what is compared is what was signed.
    if result.covered_components.get('"content-digest"') != field.strip():
        raise NotSigned("The signature must cover the whole content-digest, without parameters.")
    names = {name.partition('"')[2].partition('"')[0] for name in result.covered_components} - {"@signature-params"}
    if odd := sorted(names - HARMLESS):
        raise NotSigned(
            f"The signature covers {odd[0]!r}, and is shown to everybody: cover only {', '.join(sorted(HARMLESS))}."
        )
    told = {name.lower(): value for name, value in headers.items()}
    for name in ("content-type", "slug"):
        # A charset and a slug change what is stored.
        if name not in names and (";" in told.get(name, "") or (name == "slug" and name in told)):
            raise NotSigned(f"The signature must cover {name}: it changes what is stored.")
    base = "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())
    return Signed(
        keyid=key.id,
        office=key.office,
        public_key=base64.b64encode(key.public).decode(),
        algorithm="ed25519",
        created=datetime.fromtimestamp(int(result.parameters["created"]), UTC),
        method=method,
        target_uri=target_uri,
        content_digest=field.strip(),
        base=base,
        signature=base64.b64encode(sent).decode(),
    )


# Later, by anybody


def faults(signed: Signed, original: bytes) -> list[str]:
    """What is wrong with a signature that was kept, in sentences; none: that key's owner sent exactly these bytes."""
    found: list[str] = []
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), signed.base.encode())
    except (WrongSignature, ValueError, binascii.Error):
        found.append("The signature is not this key's over this signature base: one of the three was changed.")
    lines = dict(line.split(": ", 1) for line in signed.base.split("\n") if ": " in line)
    told = {'"@method"': signed.method, '"@target-uri"': signed.target_uri, '"content-digest"': signed.content_digest}
    for name, value in told.items():
        if lines.get(name) != value:
            found.append(f"What is told of {name} is not what was signed.")
    parameters = lines.get('"@signature-params"', "").rpartition(")")[2].split(";")
    if f'keyid="{signed.keyid}"' not in parameters or f"created={signed.created.timestamp():.0f}" not in parameters:
        found.append("The key's name or the instant is not what was signed.")
    if signed.algorithm != "ed25519":
        found.append("The algorithm that is told is not the one that was used.")
    if not matches(lines.get('"content-digest"', ""), original):
        found.append("The document is not the one that was signed: its digest is another.")
    return found


def matches(field: str, body: bytes) -> bool:
    """Whether a Content-Digest is of that body, by every algorithm known here of which there must be one."""
    checked = False
    for member in field.split(","):
        name, _, value = member.strip().partition("=")
        if name.lower() in DIGESTS:
            try:
                sent = base64.b64decode(value.strip().strip(":"), validate=True)
            except binascii.Error:
                return False
            if sent != DIGESTS[name.lower()](body).digest():
                return False
            checked = True
    return checked


# Keys


def new_key() -> tuple[bytes, bytes]:
    """A new key: (PKCS #8 PEM of the private one, 32 octets of the public one)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, _raw(key.public_key())


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key of a PEM file. Raises Misconfigured."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured("The key is no private key in PEM without a password: make one with `key new`.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("The key is not an Ed25519 key.")
    return key


def public_key(text: bytes) -> bytes:
    """The 32 octets of a public key: PEM (SubjectPublicKeyInfo), or those octets in base 64. Raises Misconfigured."""
    if b"PRIVATE KEY" in text:
        raise Misconfigured("This is the private key: keep it, and give the public one that `key new` printed.")
    try:
        if b"BEGIN" in text:
            key = serialization.load_pem_public_key(text)
            octets = _raw(key) if isinstance(key, Ed25519PublicKey) else b""
        else:
            octets = base64.b64decode(text.strip(), validate=True)
        if len(octets) == 32:
            if octets[:31] + bytes([octets[31] & 0x7F]) in WEAK:
                raise Misconfigured("The key is a weak one: with it anybody could sign. Make one with `key new`.")
            return _raw(Ed25519PublicKey.from_public_bytes(octets))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        pass
    raise Misconfigured("The key is neither an Ed25519 public key in PEM nor its 32 octets in base 64.")


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
