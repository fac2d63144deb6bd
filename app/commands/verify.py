"""`verify`: check whether an office sent exactly these bytes. It needs no server of its own, and with files it needs no network."""

import base64
import hashlib
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click
import httpx
import msgspec

from app.accounts import signatures
from app.accounts.signatures import Signed
from app.commands import Misconfigured, as_json, report

LARGEST = 256 * 1024 * 1024  # bytes of the largest document that is fetched


@click.command("verify")
@click.argument("what")
@click.option(
    "--original", type=click.Path(path_type=Path), help="The release as it was received; fetched if left out."
)
@click.option("--key", "key", default="", help="The public key that must have signed it: a PEM file or base64.")
@as_json
def verify_command(what: str, original: Path | None, key: str, as_json: bool) -> None:
    """Verify a signed release. WHAT is the URL of an article or of its provenance, or a file with the provenance.

    Exit 1 if the signature is not valid or there is none.
    """
    provenance = _provenance(what)
    body = _read(original) if original else _fetch(_text(provenance, "original"))
    wrong = _faults(provenance, body, key)
    if wrong:
        report(as_json, {"verified": False, "faults": wrong}, *wrong)
        sys.exit(1)
    signed = _signed(provenance)
    origin = (
        "as registered at that server; compare it with the key that the office publishes"
        if not key
        else "the key you gave"
    )
    sentence = (
        f"Verified: {signed.office} signed exactly these bytes with its key {signed.keyid} on"
        f" {signed.created:%Y-%m-%d %H:%M:%S} UTC. The key is {signed.public_key} ({origin})."
    )
    members = {"verified": True, "office": signed.office, "keyid": signed.keyid, "public_key": signed.public_key}
    report(as_json, members | {"created": signed.created.isoformat()}, sentence)


def _faults(provenance: dict[str, Any], body: bytes, key: str) -> list[str]:
    found = []
    if base64.b64encode(hashlib.sha256(body).digest()).decode() != provenance.get("sha256"):
        found.append("The SHA-256 of the document is not the one in the provenance.")
    if provenance.get("signature") is None:
        return [*found, "The release is not signed: it was sent with a token."]
    signed = _signed(provenance)
    found += signatures.faults(signed, body)
    if key:
        wanted = signatures.public_key(Path(key).read_bytes() if Path(key).is_file() else key.encode())
        if base64.b64encode(wanted).decode() != signed.public_key:
            found.append(f"The release was signed with another key than the one you gave: {signed.public_key}.")
    return found


def _signed(provenance: dict[str, Any]) -> Signed:
    try:
        return msgspec.convert(provenance["signature"], Signed)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"The provenance cannot be read: {error}.") from None


def _provenance(what: str) -> dict[str, Any]:
    if what.startswith(("http://", "https://")):
        parts = urlsplit(what)
        path = parts.path.rstrip("/")
        if not path.endswith("/provenance"):
            path = f"{path.rpartition('/')[0]}/{path.rpartition('/')[2].partition('.')[0]}/provenance"
        raw = _fetch(urlunsplit(parts._replace(path=path, fragment="")))
    else:
        raw = _read(Path(what))
    try:
        provenance = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        provenance = None
    if not isinstance(provenance, dict) or "sha256" not in provenance:
        raise Misconfigured(f"{what} is not the provenance of an article.")
    return provenance


def _text(provenance: dict[str, Any], name: str) -> str:
    value = provenance.get(name)
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise Misconfigured(f"The provenance does not say where the {name} is. Give it with --{name}.")
    return value


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror or error}.") from None


def _fetch(url: str) -> bytes:
    try:
        with httpx.stream("GET", url, timeout=30, follow_redirects=True, trust_env=False) as answer:
            if answer.status_code != 200:
                raise Misconfigured(f"{url} answers with status {answer.status_code}, so there is nothing to verify.")
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise Misconfigured(f"{url} is too large: the limit is {LARGEST} bytes.")
            return bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Misconfigured(f"{url} cannot be fetched: {error}.") from None
