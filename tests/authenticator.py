"""An authenticator in software, and the browser in front of it: it makes real passkeys and signs with them (WebAuthn, section 6)."""

import json
import struct
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from app.accounts.passkeys import base64url, bytes_of

PRESENT, VERIFIED, ATTESTED = 1, 4, 64  # flags (section 6.1)


class Held:
    """A passkey that the authenticator holds."""

    def __init__(self, party: str, user: bytes) -> None:
        self.id = token_bytes(32)
        self.party = party
        self.user = user
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.count = 0


class Authenticator:
    """Answers as a browser at `origin` does. The arguments make it do something wrong on purpose."""

    def __init__(self, origin: str, *, counts: bool = True) -> None:
        self.origin = origin
        self.counts = counts
        self.held: list[Held] = []

    def make(self, options: Any, *, origin: str = "", flags: int = PRESENT | VERIFIED, **more: Any) -> str:
        """RegistrationResponseJSON for PublicKeyCredentialCreationOptionsJSON."""
        assert options["attestation"] == "none" and options["authenticatorSelection"]["userVerification"] == "required"
        held = Held(options["rp"]["id"], bytes_of(options["user"]["id"]))
        self.held.append(held)
        point = held.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(held.id)) + held.id + cbor2.dumps(more.pop("cose", cose))
        data = self._data(held, flags | ATTESTED) + attested
        statement = {"fmt": more.pop("fmt", "none"), "attStmt": more.pop("statement", {}), "authData": data}
        said = self._said("webauthn.create", options["challenge"], origin, **more)
        response = {"clientDataJSON": base64url(said), "attestationObject": base64url(cbor2.dumps(statement))}
        return json.dumps(
            {"id": base64url(held.id), "rawId": base64url(held.id), "type": "public-key", "response": response}
        )

    def show(
        self,
        options: Any,
        *,
        held: Held | None = None,
        origin: str = "",
        flags: int = PRESENT | VERIFIED,
        handle: bytes | None = None,
        **more: Any,
    ) -> str:
        """AuthenticationResponseJSON for PublicKeyCredentialRequestOptionsJSON."""
        assert options["userVerification"] == "required"
        held = held or self.held[-1]
        if self.counts:
            held.count += 1
        data = self._data(held, flags, more.pop("party", ""))
        said = self._said("webauthn.get", options["challenge"], origin, **more)
        signature = held.key.sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": base64url(said),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
        }
        response["userHandle"] = base64url(held.user if handle is None else handle)
        return json.dumps(
            {"id": base64url(held.id), "rawId": base64url(held.id), "type": "public-key", "response": response}
        )

    def _said(self, kind: str, challenge: str, origin: str, **more: Any) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin or self.origin, **more}).encode()

    def _data(self, held: Held, flags: int, party: str = "") -> bytes:
        return sha256((party or held.party).encode()).digest() + bytes([flags]) + struct.pack(">I", held.count)
