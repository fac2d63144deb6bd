"""`verify`: did that office send exactly this? Needs no server of one's own, and with files no network."""

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
from app.commands import as_json, tell
from app.errors import Misconfigured

LARGEST = 256 * 1024 * 1024  # bytes of what is fetched


@click.command("verify")
@click.argument("what")
@click.option("--original", type=click.Path(path_type=Path), help="The release as received; fetched if left out.")
@click.option("--key", "key", default="", help="The office's public key, a PEM file or base 64: it must be this one.")
@as_json
def verify_command(what: str, original: Path | None, key: str, as_json: bool) -> None:
    """Check a signed release: WHAT is the URL of an article or of its provenance, or a file with the provenance.

    Exit 1 where the signature is not good, or there is none.
    """
    told = _provenance(what)
    body = _read(original) if original else _fetch(_text(told, "original"))
    wrong = _faults(told, body, key)
    if wrong:
        tell(as_json, {"verified": False, "faults": wrong}, *wrong)
        sys.exit(1)
    signed = _signed(told)
    whose = "as registered there; compare it with the office's own" if not key else "the one you gave"
    sentence = (
        f"Verified: {signed.office} signed exactly this with its key {signed.keyid} on"
        f" {signed.created:%Y-%m-%d %H:%M:%S} UTC. The key is {signed.public_key} ({whose})."
    )
    members = {"verified": True, "office": signed.office, "keyid": signed.keyid, "public_key": signed.public_key}
    tell(as_json, members | {"created": signed.created.isoformat()}, sentence)


def _faults(told: dict[str, Any], body: bytes, key: str) -> list[str]:
    found = []
    if base64.b64encode(hashlib.sha256(body).digest()).decode() != told.get("sha256"):
        found.append("The document is not the one whose SHA-256 the provenance tells.")
    if told.get("signature") is None:
        return [*found, "It was not signed: it came with a token."]
    signed = _signed(told)
    found += signatures.faults(signed, body)
    if key:
        wanted = signatures.public_key(Path(key).read_bytes() if Path(key).is_file() else key.encode())
        if base64.b64encode(wanted).decode() != signed.public_key:
            found.append(f"It was signed with another key than yours: {signed.public_key}.")
    return found


def _signed(told: dict[str, Any]) -> Signed:
    try:
        return msgspec.convert(told["signature"], Signed)
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
        told = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        told = None
    if not isinstance(told, dict) or "sha256" not in told:
        raise Misconfigured(f"{what} is not the provenance of an article.")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise Misconfigured(f"The provenance does not tell where the {name} is: give --{name}.")
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
                raise Misconfigured(f"{url} answers {answer.status_code}: there is nothing to verify.")
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise Misconfigured(f"{url} has more than {LARGEST} bytes.")
            return bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Misconfigured(f"{url} cannot be fetched: {error}.") from None
