"""`key`: the keys with which offices sign what they send. `key new` needs no database."""

import base64
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from app.commands import as_json, tell
from app.errors import Misconfigured

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


@click.group("key")
def key_group() -> None:
    """Keys (Ed25519) with which offices sign releases."""


@key_group.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def new(file: Path, as_json: bool) -> None:
    """Make a key: the private one into FILE, that only its owner can read; the public one alone on the last line."""
    from app.accounts import signatures

    private, public = signatures.new_key()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured(f"{file} is there already: a key is never written over.") from None
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror or error}.") from None
    with os.fdopen(descriptor, "wb") as made:
        made.write(private)
    shown = base64.b64encode(public).decode()
    sentence = f"Keep {file} to yourself. To be registered (pressrelay key add OFFICE --public …):"
    tell(as_json, {"file": str(file), "public": shown}, sentence, shown)


@key_group.command("add")
@click.argument("office")
@click.option("--public", required=True, help="The public key: a PEM file, or what `key new` printed.")
@click.option(
    "--id", "id", default="", help="What signatures call it (keyid); OFFICE and a part of the key if left out."
)
@click.option("--name", default="", help="For people.")
@as_json
def add(office: str, public: str, id: str, name: str, as_json: bool) -> None:
    """Register an office's public key; its id is alone on the last line."""
    from app import store
    from app.accounts import signatures
    from app.commands.opened import database
    from app.settings import load

    octets = signatures.public_key(_read(public))
    chosen = id or f"{office}-{octets.hex()[:8]}"
    if not ID.fullmatch(chosen):
        raise Misconfigured(f"{chosen!r} is not a key id: use ASCII letters, digits and . _ : -")
    engine = database(load())
    if office not in [known.code for known in store.all_offices(engine)]:
        raise Misconfigured(f"There is no office {office!r}: add it with `pressrelay office add`.")
    if not store.add_key(engine, chosen, office, octets, name, datetime.now(UTC)):
        raise Misconfigured(f"There is a key {chosen!r} already: revoke it, and give the new one another --id.")
    members = {"id": chosen, "office": office, "name": name, "public": base64.b64encode(octets).decode()}
    tell(as_json, members, f"Key of {office} registered; requests are signed with this keyid:", chosen)


@key_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """All keys."""
    from app import store
    from app.commands.opened import database
    from app.settings import load

    keys = store.all_keys(database(load()))
    lines = (
        "\t".join(
            (key.id, "revoked" if key.revoked else "valid", key.office, base64.b64encode(key.public).decode(), key.name)
        )
        for key in keys
    )
    tell(as_json, {"keys": msgspec.to_builtins(keys)}, *(line.rstrip() for line in lines))


@key_group.command("revoke")
@click.argument("id")
@as_json
def revoke(id: str, as_json: bool) -> None:
    """Take no more signatures of a key. What it signed stays signed."""
    from app import store
    from app.commands.opened import database
    from app.settings import load

    found = store.revoke_key(database(load()), id, datetime.now(UTC))
    if found is None:
        raise Misconfigured(f"There is no key {id[:64]!r}: see `pressrelay key list`.")
    tell(as_json, {"revoked": id}, f"Key {id} is revoked.")


def _read(public: str) -> bytes:
    """The file of that name, else the text itself."""
    try:
        return Path(public).read_bytes() if Path(public).is_file() else public.encode()
    except OSError as error:
        raise Misconfigured(f"{public} cannot be read: {error.strerror or error}.") from None
