"""Cursors: the place where a page of a feed begins, as it is written in the links between pages.

A cursor contains the number of an article. From that number anybody could count the articles before it, also those under embargo. So
the cursor is encrypted (AES-SIV, RFC 5297) with a key of the database. It also carries a tag of the database's history, because
articles get other numbers after a backup is restored.
"""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.errors import Problem
from app.query.query import Cursor

PLACE = struct.Struct(">qQ")
# Characters: 16 octets of AES-SIV's tag and 16 of the position, in base64url without padding (RFC 4648, section 5).
LENGTH = 43
TAG = 8  # characters


class Cursors:
    """Writes and reads the cursors of one database. Threads may share it: it never changes, and each call has its own cipher."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"pr cursors").digest()

    def write(self, cursor: Cursor, history: str) -> str:
        """The canonical text of a cursor for the history of that name."""
        sealed = AESSIV(self._key).encrypt(PLACE.pack(*cursor), None)
        return f"{urlsafe_b64encode(sealed).decode().rstrip('=')}.{tag_of(history)}"

    def read(self, name: str, text: str, history: str) -> Cursor:
        """The position that a cursor's text contains; `name` is the parameter. Raises Problem: 400 if the text is not a cursor, 410
        if the cursor comes from another history."""
        sealed, _, tag = text.rpartition(".")
        if len(tag) != TAG or len(sealed) != LENGTH or not text.isascii():
            raise _not_a_cursor(name)
        if tag != tag_of(history):
            detail = (
                "This cursor was made before the database was restored from a backup or replaced, or by an earlier version of this"
                " server. Start again at the first page."
            )
            raise Problem(410, "bad-cursor", "The cursor belongs to another state of the database", detail)
        try:
            place: Cursor = PLACE.unpack(AESSIV(self._key).decrypt(urlsafe_b64decode(f"{sealed}="), None))
        except (ValueError, InvalidTag):
            raise _not_a_cursor(name) from None
        if self.write(place, history) != text:  # base64 can write the last bits in several ways
            raise _not_a_cursor(name)
        return place


def _not_a_cursor(name: str) -> Problem:
    """The answer if the parameter of that name is not a cursor of this server."""
    return Problem(400, "bad-cursor", "Not a cursor", f"{name} must be a cursor from a feed's links to its pages.")


def tag_of(history: str) -> str:
    """Eight hexadecimal digits that distinguish one history of a database from another."""
    return hashlib.blake2b(history.encode(), digest_size=4, person=b"pr cursor").hexdigest()
