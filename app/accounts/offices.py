"""The office as its releases need it, and which office a release means. Pure."""

import difflib
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from app.errors import Fault, Problem
from schemas.tables import folded

LONGEST = 100  # characters of a name that are compared
NEAREST = 5


class OfficeRecord(Struct, frozen=True):
    """An office with what its releases mean where they say nothing."""

    code: str
    name: str
    url: str = ""
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # former and short names, other languages
    others: bool = False  # it may publish for every office that is registered here: a national portal, an agency
    parent: str = ""  # the office it is part of, a province of its departments; empty: none
    above: tuple[str, ...] = ()  # that office and those it is part of, the nearest first; found by the store

    def named(self, text: str) -> bool:
        """Whether this is its code or one of its names; letter case and white space do not count."""
        wanted = _bare(text)
        return text.strip() == self.code or any(_bare(name) == wanted for name in (self.name, *self.aliases) if name)


class Sender(Struct, frozen=True):
    """Who sends releases: an office, the others it may publish for, and who does it."""

    office: OfficeRecord
    known: tuple[OfficeRecord, ...] = ()  # registered offices that it may publish for, apart from itself
    actor: str = "command"  # as the audit log names it
    signature: bytes | None = None  # of the very bytes that are sent (app/accounts/signatures.py), JSON


def may_publish_for(office: OfficeRecord, offices: Iterable[OfficeRecord]) -> tuple[OfficeRecord, ...]:
    """Those of the registered offices that an office may publish for: what is part of it, or all of them."""
    return tuple(one for one in offices if office.others or office.code in one.above)


def issuing(
    named: str,
    own: OfficeRecord,
    offices: Sequence[OfficeRecord],
    path: str,
    line: int,
    hint: Callable[[], bool] = lambda: True,
) -> OfficeRecord | Fault:
    """The office that a release of `own`'s token names; `offices` are those that it may publish for.

    A fault where `own` publishes for all and the name is not one registered office. Raises Problem (403) where it may
    publish only as itself, or as what is part of it. `hint`: whether the nearest names may be looked for, which takes milliseconds.
    """
    if own.named(named):
        return own
    shown = " ".join(named.split())[:LONGEST]
    found = [office for office in offices if office.code == named.strip()]
    found = found or [office for office in offices if office.named(named)]
    if not (found or own.others):
        reason = f"This token publishes for {own.code!r}; the release names the office {shown!r}."
        raise Problem(403, "wrong-office", "Not this token's office", reason, errors=[Fault(reason, path, line)])
    if len(found) == 1:
        return found[0]
    if found:
        reason = f"Several registered offices bear the name {shown!r}; write the code."
        return Fault(reason, path, line, tuple(_shown(office) for office in found[:NEAREST]))
    return Fault(f"{shown!r} is not a registered office.", path, line, nearest(named, offices) if hint() else ())


def nearest(text: str, offices: Sequence[OfficeRecord]) -> tuple[str, ...]:
    """Offices whose names are most like the text, as "mois 행정안전부"; at most NEAREST."""
    bearers = {
        _bare(name): office for office in offices for name in (office.code, *office.aliases, office.name) if name
    }
    like = difflib.get_close_matches(_bare(text[:LONGEST]), bearers, n=4 * NEAREST, cutoff=0.5)
    return tuple(dict.fromkeys(_shown(bearers[name]) for name in like))[:NEAREST]


def _bare(text: str) -> str:
    return folded(text).replace(" ", "")


def _shown(office: OfficeRecord) -> str:
    return f"{office.code} {office.name}"
