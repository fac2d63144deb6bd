"""The errors of the server. Their messages use the words of the sender.

    PressrelayError
    ├── Problem           the request cannot be answered: RFC 9457 over HTTP
    │   └── Invalid       the release has faults, all of which are listed (422)
    ├── Unavailable       the database cannot be used right now (503)
    │   ├── TooSlow       a database query took longer than allowed (503)
    │   ├── Draining      no releases are taken, because the operator drains the server (503)
    │   └── NoFiles       the file store cannot be used right now, or does not have a file (503)
    ├── Elsewhere         a cursor names a change that this history of the database does not have (410)
    ├── Unfit             the database can never store a value: repeating the request does not help (400)
    ├── Refused           a request to another host was not made or not finished
    ├── Damaged           a backup is cut or altered, or cannot be opened: one sentence on the command line
    └── Misconfigured     a setting, a port or a directory is wrong: one sentence on the command line

Errors of libraries (lxml, SQLAlchemy, redis) are converted to these where they are raised.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

TYPE_BASE = "urn:pressrelay:problem:"
MOST_LISTED = 2_000  # faults in one answer
MOST_BYTES = 500_000  # of all faults in one answer together
SHORT = 400  # bytes of one fault
FRAME = 50  # bytes of the names of a fault's members


class PressrelayError(Exception):
    """The base class; it is never raised itself."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets an error be pickled and sent to another process with all its members, whatever its constructor takes."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[PressrelayError], args: tuple[Any, ...], members: dict[str, Any]) -> PressrelayError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(members)
    return error


class Fault(Struct, frozen=True, omit_defaults=True):
    """One fault of a release."""

    reason: str  # one sentence: what was found and what was expected
    path: str = ""  # where in the document, like XPath: "/release/article[2]/issued"
    line: int = 0  # counted from 1; 0 if there is no line
    nearest: tuple[str, ...] = ()  # the known values that are closest to the wrong one
    more: int = 0  # how many faults that are not listed this entry stands for

    def size(self) -> int:
        """About how many bytes it has in an answer."""
        return FRAME + sum(len(part.encode()) for part in (self.reason, self.path, *self.nearest))


class Listing:
    """How many faults an answer still lists, and how many bytes they may have."""

    def __init__(self) -> None:
        self.faults, self.bytes = MOST_LISTED, MOST_BYTES

    def fit(self, faults: Sequence[Fault]) -> list[Fault]:
        """The first faults, as many as there is room for, and the very first also without room if it is short. The others are counted
        in a last entry."""
        listed: list[Fault] = []
        more = 0
        for fault in faults:
            first = not listed and not more
            size = (
                fault.size() if self.faults > 0 or first else 0
            )  # of a million that are only counted, none is measured
            room = self.faults > 0 and self.bytes >= size
            if fault.more or not (room or (size <= SHORT and first)):
                more += fault.more or 1
            else:
                self.faults -= 1
                self.bytes -= size
                listed.append(fault)
        if more:
            listed.append(Fault(f"{more} more {'fault is' if more == 1 else 'faults are'} not listed.", more=more))
        return listed


class Problem(PressrelayError):
    """An error that the client gets as a problem document (RFC 9457). `type` is the end of its URN; `errors` lists every fault."""

    dialect = ""  # of the refused document, where it is known; only counted (app/measures.py)

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str | tuple[str, ...]] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})  # a tuple: a field for each value
        self.members = members

    def body(self, listing: Listing | None = None) -> dict[str, Any]:
        """The members of the JSON object, RFC 9457 section 3. `listing`: shared by all problems of the same answer."""
        members: dict[str, Any] = {"type": TYPE_BASE + self.type, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        if self.errors:
            members["errors"] = [to_builtins(fault) for fault in (listing or Listing()).fit(self.errors)]
        return members | self.members


class Invalid(Problem):
    """The release is well-formed XML, but it has faults."""

    def __init__(self, errors: Sequence[Fault], *, type: str = "invalid-release", detail: str = "") -> None:
        count = sum(fault.more or 1 for fault in errors)
        super().__init__(
            422,
            type,
            "The release was not accepted",
            detail or f"{count} {'fault' if count == 1 else 'faults'} found; nothing was stored.",
            errors=errors,
        )


class Unavailable(PressrelayError):
    """The database does not answer. Nothing was stored, and the request may be repeated. `lasting`: it will not answer before somebody
    changes a setting."""

    def __init__(self, message: str = "", *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class TooSlow(Unavailable):
    """The database did not answer within the time that a query may take."""


class Draining(Unavailable):
    """The operator drains the server: it takes no releases for some minutes, and answers everything else."""


class NoFiles(Unavailable):
    """The file store does not answer, or does not have a file that the database knows.

    `public_message`: a sentence for the client.
    """

    def __init__(
        self, message: str, public_message: str = "The file store does not answer. Send the request again."
    ) -> None:
        super().__init__(message)
        self.public_message = public_message


class Elsewhere(PressrelayError):
    """A cursor names a change that this history of the database does not have: its number comes from another history."""


class Unfit(PressrelayError):
    """The database can never accept a value. Nothing was stored, and repeating the request does not help."""


class Damaged(PressrelayError):
    """A backup cannot be restored as it is. The message is one sentence: what was found, what was expected, what to do."""


class Misconfigured(PressrelayError):
    """The server is set up wrongly. The message is one sentence that says what to change."""


class Refused(PressrelayError):
    """A request to another host was not made or not finished. The message is one sentence for the operator of this server.

    `public_message` is the sentence for everybody else. It names no resolved address, and is the same for all names and addresses that
    are not public, so that nobody can explore this server's own network by giving URLs.
    """

    def __init__(self, message: str, public_message: str = "") -> None:
        super().__init__(message)
        self.public_message = public_message or message
