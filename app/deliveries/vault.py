"""Encrypts secrets in the database, such as those that sign deliveries, with a key that is not in the database.

The key is PRESSRELAY_SECRET_KEY, or the file `secret.key` in the data directory, which is created when it is first needed. Secrets are
encrypted with Fernet (AES-128 in CBC mode with HMAC-SHA256, https://github.com/fernet/spec), so a backup of the database alone reveals
no secret.
"""

import base64
import hashlib
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from msgspec import Struct

from app import store
from app.errors import Misconfigured
from app.files.blobs import sync
from app.settings import Settings, directory_of

NAME = "secret.key"  # in the data directory
SHORTEST = 32  # characters of a key


class SealingKey(Struct, frozen=True):
    """A key and its id: eight hexadecimal digits, which are stored before each secret that the key encrypted."""

    id: str
    fernet: Fernet


def seal(settings: Settings, secret: str) -> str:
    """A secret, encrypted for the database; an empty secret stays empty. Raises Misconfigured if there is no usable key."""
    if not secret or secret.startswith(store.deliveries.SEALED):
        return secret
    key = _key(settings.secret_key, _path(settings))
    return f"{store.deliveries.SEALED}{key.id}:{key.fernet.encrypt(secret.encode()).decode()}"


def open(settings: Settings, sealed: str) -> str:
    """The decrypted secret. Secrets from earlier versions of this program are not encrypted. Raises Misconfigured if another key was
    used."""
    if not sealed.startswith(store.deliveries.SEALED):
        return sealed
    id, _, token = sealed.removeprefix(store.deliveries.SEALED).partition(":")
    own, path = key_id(settings), _path(settings)
    if own == id:
        with suppress(InvalidToken):
            return _opened(settings.secret_key, path, token)
    raise Misconfigured(
        f"The secret was encrypted with the key {id}, but this server's key is {own or 'missing'}. Restore {path}, set"
        " PRESSRELAY_SECRET_KEY to the same value on every host, or replace the secret (`pressrelay webhook rotate`; a WebSub"
        " subscriber must subscribe again)."
    )


def key_id(settings: Settings) -> str:
    """The id of this server's key; empty if there is no key yet. Raises Misconfigured if the key cannot be read."""
    path = _path(settings)
    return _key(settings.secret_key, path).id if settings.secret_key or path.exists() else ""


# The delivery worker needs a secret for each delivery: finding and decrypting it each time took a fifth of its processor time.


def _path(settings: Settings) -> Path:
    return directory_of(settings.data_dir) / NAME


@lru_cache(10_000)
def _opened(given: str, path: Path, token: str) -> str:
    """The secret in a token. Raises InvalidToken and Misconfigured."""
    return _key(given, path).fernet.decrypt(token.encode()).decode()


@lru_cache(8)
def _key(given: str, path: Path) -> SealingKey:
    words = given or _from_file(path)
    raw = hashlib.blake2b(words.encode(), digest_size=32, person=b"pr secrets").digest()
    name = hashlib.blake2b(raw, digest_size=4, person=b"pr key id").hexdigest()
    return SealingKey(name, Fernet(base64.urlsafe_b64encode(raw)))


def _from_file(path: Path) -> str:
    """The key in the file. A missing file is created in one step, and only once even if several processes try."""
    try:
        if not path.exists():
            new = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(new, path)
            new.unlink()
            sync(path.parent)
        words = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII"
        raise Misconfigured(
            f"The key file {path} cannot be used ({reason}). Correct it, or set PRESSRELAY_SECRET_KEY."
        ) from None
    if len(words) < SHORTEST:
        raise Misconfigured(f"The key file {path} has less than {SHORTEST} characters. Restore the whole file.")
    return words
