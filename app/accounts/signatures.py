"""Signed requests: HTTP Message Signatures (RFC 9421) with Ed25519, over the method, the URL and the Content-Digest (RFC 9530).

The signature covers the digest and not the body, so the verifier must compare the digest with exactly the bytes that are parsed. Pure,
except that it reads the clock to check the age of a signature.
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

from app.accounts import structured
from app.errors import Misconfigured

COVERED = ("@method", "@target-uri", "content-digest")  # components that every signature must cover
# All components that a signature may cover. The signature base is public (provenance), so it must not contain secrets such as a token.
HARMLESS = {"@method", "@target-uri", "@authority", "@scheme", "@path", "@query", "@request-target"}
HARMLESS |= {"content-digest", "content-type", "content-length", "date", "slug"}
# Points of small order (y, without its sign), also in non-canonical encodings (y >= p). Anybody can sign for such a key.
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
AGE = timedelta(minutes=5)  # the oldest signature that is accepted
SKEW = timedelta(seconds=5)  # how far a sender's clock may be ahead
LABEL = "sig1"


class Signed(Struct, frozen=True):
    """A signature with everything that is needed to verify it again."""

    keyid: str
    office: str
    public_key: str  # Ed25519, 32 octets in base 64
    algorithm: str  # "ed25519"
    created: datetime  # in UTC, by the sender's clock
    method: str
    target_uri: str
    content_digest: str  # as sent
    base: str  # the signature base, which was signed (RFC 9421, section 2.5)
    signature: str  # 64 octets in base 64

    @property
    def hash(self) -> bytes:
        """The hash by which a second use of the signature is detected."""
        return hashlib.sha256(base64.b64decode(self.signature)).digest()


class SigningKey(Struct, frozen=True):
    """A public key that an office registered."""

    id: str
    office: str
    public: bytes  # 32 octets
    name: str = ""
    revoked: bool = False


class NotSigned(Exception):
    """The signature is not valid. The message is one sentence."""


class _Message(Struct, frozen=True):
    """A request in the form that the signature library expects."""

    method: str
    url: str
    headers: dict[str, str]


class _Keys(HTTPSignatureKeyResolver):
    """Resolves every key id to one given key."""

    def __init__(self, key: Ed25519PrivateKey | Ed25519PublicKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        assert isinstance(self.key, Ed25519PublicKey), "created for verifying"
        return self.key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        assert isinstance(self.key, Ed25519PrivateKey), "created for signing"
        return self.key


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    key: Ed25519PrivateKey,
    keyid: str,
    created: datetime | None = None,
) -> dict[str, str]:
    """The headers to add to a request: Content-Digest, Signature-Input and Signature. `url`: with the server's own base URL."""
    message = _Message(method, url, {**headers, "Content-Digest": structured.content_digest(body)})
    covered = COVERED + (("content-type",) if any(name.lower() == "content-type" for name in headers) else ())
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(key))
    signer.sign(
        message,
        key_id=keyid,
        created=created,
        label=LABEL,
        nonce=secrets.token_urlsafe(
            12
        ),  # makes requests within one second differ, because a signature is accepted only once
        covered_component_ids=covered,
        body=body,
        use_existing_digest=True,
    )
    return {name: message.headers[name] for name in ("Content-Digest", "Signature-Input", "Signature")}


def keyid(headers: Mapping[str, str]) -> str:
    """The key id in the only signature of a request. The signature is not verified. Raises NotSigned."""
    try:
        ((_, parameters),) = structured.dictionary(headers.get("Signature-Input", "")).values()
        named = parameters["keyid"]
    except (ValueError, KeyError):
        raise NotSigned("Signature-Input must have exactly one signature, with a keyid.") from None
    if not isinstance(named, str):
        raise NotSigned("The keyid must be a string.")
    return named


def verify(method: str, target_uri: str, headers: Mapping[str, str], key: SigningKey) -> Signed:
    """Verify the only signature of a request. The caller must still compare its digest with the body. Raises NotSigned."""
    field = headers.get("Content-Digest", "")
    try:
        digests = structured.digests(field)
    except ValueError:
        digests = {}
    if not digests:
        raise NotSigned(
            "Content-Digest with sha-256 or sha-512 is required, because the signature covers it instead of the body."
        )
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519, key_resolver=_Keys(Ed25519PublicKey.from_public_bytes(key.public))
    )
    verifier.max_clock_skew = SKEW
    try:
        (result,) = verifier.verify(
            _Message(method, target_uri, dict(headers)), max_age=AGE, require_components=COVERED
        )
        signature, _ = structured.dictionary(headers["Signature"])[result.label]
        assert isinstance(signature, bytes), "verified"
    except (InvalidSignature, HTTPMessageSignaturesException, ValueError, KeyError) as error:
        reason = str(error).strip() or "it was not made with this key, or the signed parts were changed"
        raise NotSigned(f"The signature is not valid: {reason[:300]}.") from None
    # The signature base must contain the whole digest header, so that the digest that is compared is the signed one.
    if result.covered_components.get('"content-digest"') != field.strip():
        raise NotSigned("The signature must cover the whole content-digest, without parameters.")
    names = {name.partition('"')[2].partition('"')[0] for name in result.covered_components} - {"@signature-params"}
    if odd := sorted(names - HARMLESS):
        raise NotSigned(
            f"The signature covers {odd[0]!r}, but signed parts are public. Cover only {', '.join(sorted(HARMLESS))}."
        )
    given = {name.lower(): value for name, value in headers.items()}
    for name in ("content-type", "slug"):
        # A charset and a slug change the stored article.
        if name not in names and (";" in given.get(name, "") or (name == "slug" and name in given)):
            raise NotSigned(f"The signature must cover {name}, because it changes the stored article.")
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
        signature=base64.b64encode(signature).decode(),
    )


# Verifying a stored signature, by anybody


def faults(signed: Signed, original: bytes) -> list[str]:
    """What is wrong with a stored signature, in sentences. If there are none, the owner of the key sent exactly these bytes."""
    found: list[str] = []
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), signed.base.encode())
    except (WrongSignature, ValueError, binascii.Error):
        found.append("The signature, the key and the signature base do not match. One of them was changed.")
    lines = dict(line.split(": ", 1) for line in signed.base.split("\n") if ": " in line)
    stated = {'"@method"': signed.method, '"@target-uri"': signed.target_uri, '"content-digest"': signed.content_digest}
    for name, value in stated.items():
        if lines.get(name) != value:
            found.append(f"The stated value of {name} is not the signed one.")
    parameters = lines.get('"@signature-params"', "").rpartition(")")[2].split(";")
    if f'keyid="{signed.keyid}"' not in parameters or f"created={signed.created.timestamp():.0f}" not in parameters:
        found.append("The stated key id or creation time is not the signed one.")
    if signed.algorithm != "ed25519":
        found.append("The stated algorithm is not the one that was used.")
    if not structured.matches(lines.get('"content-digest"', ""), original):
        found.append("The document is not the signed one, because its digest is different.")
    return found


# Keys


def new_key() -> tuple[bytes, bytes]:
    """A new key pair: (private key as PKCS #8 PEM, public key as 32 octets)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, _raw(key.public_key())


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in a PEM file. Raises Misconfigured."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(
            "The key is not a private key in PEM format without a password. Make one with `pressrelay key new`."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("The key is not an Ed25519 key.")
    return key


def public_key(text: bytes) -> bytes:
    """The 32 octets of a public key in PEM (SubjectPublicKeyInfo) or base 64. Raises Misconfigured."""
    if b"PRIVATE KEY" in text:
        raise Misconfigured(
            "This is a private key. Keep it secret, and give the public key that `pressrelay key new` printed."
        )
    try:
        if b"BEGIN" in text:
            key = serialization.load_pem_public_key(text)
            octets = _raw(key) if isinstance(key, Ed25519PublicKey) else b""
        else:
            octets = base64.b64decode(text.strip(), validate=True)
        if len(octets) == 32:
            if octets[:31] + bytes([octets[31] & 0x7F]) in WEAK:
                raise Misconfigured(
                    "The key is weak: anybody could sign for it. Make another with `pressrelay key new`."
                )
            return _raw(Ed25519PublicKey.from_public_bytes(octets))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        pass
    raise Misconfigured("The key is not an Ed25519 public key, in PEM format or as 32 octets in base 64.")


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
