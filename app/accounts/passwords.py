"""Stores and checks passwords by Argon2id (RFC 9106). A check takes some 50 milliseconds and 64 MB, so that nobody can try many.
Only a few run at the same time in a process, so that nobody can exhaust the machine with them."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.accounts.people import same

AT_ONCE = 2

# RFC 9106, section 4, the second recommended option. Threads may share it: it only has settings.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_GATE = BoundedSemaphore(AT_ONCE)
# The hash of a password that nobody has: checked if there is no account, so that the answer takes the same time.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def hashed(password: str) -> str:
    """The text that is stored instead of a password."""
    with _GATE:
        return _HASHER.hash(same(password))


def fits(password: str, stored: str | None) -> bool:
    """Whether a password is the stored one. `stored`: None where there is no account; that takes the same time."""
    with _GATE:
        try:
            return _HASHER.verify(stored or _NOBODY, same(password)) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False
