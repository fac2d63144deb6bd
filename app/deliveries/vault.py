"""Secrets that must be read again, such as those that sign deliveries: in the database they are sealed under a key that is not in it.

The key is PRESSRELAY_SECRET_KEY, or the file `secret.key` in the data directory, which is made when it is needed first. Sealed is with
Fernet (AES-128 in CBC mode with HMAC-SHA256, https://github.com/fernet/spec): a backup of the database alone tells no secret.
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

from app.errors import Misconfigured
from app.files.blobs import sync
from app.settings import Settings
from app.store import SEALED

NAME = "secret.key"  # in the data directory
SHORTEST = 32  # characters of a key


class Key(Struct, frozen=True):
    """A key and what it is called: eight hexadecimal digits, which stand before what it sealed."""

    id: str
    fernet: Fernet


def seal(settings: Settings, secret: str) -> str:
    """A secret as the database keeps it; an empty one stays empty. Raises Misconfigured where there is no key and none can be made."""
    if not secret or secret.startswith(SEALED):
        return secret
    key = _key(settings.secret_key, _path(settings))
    return f"{SEALED}{key.id}:{key.fernet.encrypt(secret.encode()).decode()}"


def open(settings: Settings, sealed: str) -> str:
    """The secret. One that an earlier version of this program kept is not sealed. Raises Misconfigured for what another key sealed."""
    if not sealed.startswith(SEALED):
        return sealed
    id, _, token = sealed.removeprefix(SEALED).partition(":")
    own = key_id(settings)
    if own == id:
        with suppress(InvalidToken):
            return _key(settings.secret_key, _path(settings)).fernet.decrypt(token.encode()).decode()
    raise Misconfigured(
        f"The secret is sealed under the key {id}, and this server's key is {own or 'missing'}: put {_path(settings)} back, set"
        " PRESSRELAY_SECRET_KEY to the same on every host, or have the secret replaced (pressrelay webhook rotate; a WebSub"
        " subscriber subscribes again)."
    )


def key_id(settings: Settings) -> str:
    """What this server's key is called; empty where there is none yet. Raises Misconfigured where it cannot be read."""
    path = _path(settings)
    return _key(settings.secret_key, path).id if settings.secret_key or path.exists() else ""


def _path(settings: Settings) -> Path:
    return Path(settings.data_dir).resolve() / NAME


@lru_cache(8)
def _key(given: str, path: Path) -> Key:
    words = given or _kept(path)
    raw = hashlib.blake2b(words.encode(), digest_size=32, person=b"pr secrets").digest()
    name = hashlib.blake2b(raw, digest_size=4, person=b"pr key id").hexdigest()
    return Key(name, Fernet(base64.urlsafe_b64encode(raw)))


def _kept(path: Path) -> str:
    """The key of the file, made where there is none: whole from the first moment, and once, whoever else makes one."""
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
            f"The key of secrets {path} cannot be used ({reason}): put it right, or set PRESSRELAY_SECRET_KEY."
        ) from None
    if len(words) < SHORTEST:
        raise Misconfigured(
            f"The key of secrets {path} is shorter than {SHORTEST} characters: put the whole file back."
        )
    return words
