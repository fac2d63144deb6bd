"""What can go wrong, said in the sender's words.

    PressrelayError
    ├── Problem           a request that cannot be answered as asked: RFC 9457 over HTTP
    │   └── Invalid       the release is at fault: every fault at once (422)
    ├── Unavailable       the database cannot be used right now (503)
    │   └── TooSlow       a question to it took longer than it may (503)
    ├── Elsewhere         a cursor names a change that this history of the database does not have (410)
    ├── Unfit             the database can never take a value: asking again is no use (400)
    └── Misconfigured     a setting, a port, a directory: one sentence on the command line

Foreign errors (lxml, SQLAlchemy, redis) are converted to these at the border where they arise.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, to_builtins

TYPE_BASE = "urn:pressrelay:problem:"


class PressrelayError(Exception):
    """The root; never raised itself."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross from one process to another whole, whatever their constructors take."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[PressrelayError], args: tuple[Any, ...], members: dict[str, Any]) -> PressrelayError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(members)
    return error


class Fault(Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a release."""

    reason: str  # one sentence: what was found and what was expected
    path: str = ""  # XPath-like place in the document: "/release/article[2]/issued"
    line: int = 0  # from 1; 0 where there is no line
    nearest: tuple[str, ...] = ()  # known values closest to a wrong one


class Problem(PressrelayError):
    """One clear answer (RFC 9457): `type` is a URN of ours, `errors` lists every fault."""

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}
        self.members = members

    def body(self) -> dict[str, Any]:
        """The members of the JSON object, RFC 9457 section 3."""
        members: dict[str, Any] = {"type": TYPE_BASE + self.type, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        if self.errors:
            members["errors"] = [to_builtins(fault) for fault in self.errors]
        return members | self.members


class Invalid(Problem):
    """The release was understood as XML and is not acceptable."""

    def __init__(self, errors: Sequence[Fault], *, type: str = "invalid-release", detail: str = "") -> None:
        count = len(errors)
        super().__init__(
            422,
            type,
            "The release was not accepted",
            detail or f"{count} {'fault' if count == 1 else 'faults'} found; nothing was stored.",
            errors=errors,
        )


class Unavailable(PressrelayError):
    """The database does not answer; nothing was stored, the request may be repeated."""


class TooSlow(Unavailable):
    """The database did not answer within the time that a question may take."""


class Elsewhere(PressrelayError):
    """A change that this history of the database does not have: another history gave its number."""


class Unfit(PressrelayError):
    """The database refuses a value, whenever it is asked: nothing was stored, and the same again will not be either."""


class Misconfigured(PressrelayError):
    """The server cannot run as it is set up; the message is one sentence that says what to change."""
