"""`key`: the keys with which offices sign releases. `key new` needs no database."""

import base64
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from app.commands import Misconfigured, as_json, opened, report

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@click.group("key")
def key_group() -> None:
    """Keys (Ed25519) with which offices sign releases."""


@key_group.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def new(file: Path, as_json: bool) -> None:
    """Make a key pair. The private key is written to FILE, which only its owner can read; the public key is printed alone on the last
    line."""
    from app.accounts import signatures

    private, public = signatures.new_key()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured(f"{file} already exists, and keys are never overwritten. Give another file.") from None
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror or error}.") from None
    with os.fdopen(descriptor, "wb") as made:
        made.write(private)
    shown = base64.b64encode(public).decode()
    sentence = f"Keep {file} secret. Register this public key with `pressrelay key add OFFICE --public …`:"
    report(as_json, {"file": str(file), "public": shown}, sentence, shown)


@key_group.command("add")
@click.argument("office")
@click.option("--public", required=True, help="The public key: a PEM file, or what `key new` printed.")
@click.option("--id", "id", default="", help="The keyid that signatures use; OFFICE and a part of the key if left out.")
@click.option("--name", default="", help="A name that helps people to recognize the key.")
@as_json
def add(office: str, public: str, id: str, name: str, as_json: bool) -> None:
    """Register an office's public key; its id is printed alone on the last line."""
    from app import store
    from app.accounts import signatures

    octets = signatures.public_key(_read(public))
    chosen = id or f"{office}-{octets.hex()[:8]}"
    if not ID.fullmatch(chosen):
        raise Misconfigured(f"{chosen!r} is not a key id: use ASCII letters, digits and . _ : -")
    engine = opened().engine
    if office not in [known.code for known in store.accounts.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    if not store.accounts.add_key(engine, chosen, office, octets, name, datetime.now(UTC)):
        raise Misconfigured(f"There is already a key {chosen!r}. Give this one another --id.")
    members = {"id": chosen, "office": office, "name": name, "public": base64.b64encode(octets).decode()}
    report(as_json, members, f"The key of {office} is registered. Sign requests with this keyid:", chosen)


@key_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List all keys."""
    from app import store

    keys = store.accounts.all_keys(opened().engine)
    lines = (
        "\t".join(
            (key.id, "revoked" if key.revoked else "valid", key.office, base64.b64encode(key.public).decode(), key.name)
        )
        for key in keys
    )
    report(as_json, {"keys": msgspec.to_builtins(keys)}, *(line.rstrip() for line in lines))


@key_group.command("revoke")
@click.argument("id")
@as_json
def revoke(id: str, as_json: bool) -> None:
    """Stop accepting new signatures of a key. Earlier signatures stay valid."""
    from app import store

    found = store.accounts.revoke_key(opened().engine, id, datetime.now(UTC))
    if found is None:
        raise Misconfigured(f"There is no key {id[:64]!r}: see `pressrelay key list`.")
    report(as_json, {"revoked": id}, f"Key {id} is revoked.")


def _read(public: str) -> bytes:
    """The content of the file with that name; without such a file, the text itself."""
    try:
        return Path(public).read_bytes() if Path(public).is_file() else public.encode()
    except OSError as error:
        raise Misconfigured(f"{public} cannot be read: {error.strerror or error}.") from None
