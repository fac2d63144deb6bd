"""Offices as releases need them, and which office a release names. Pure."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from app.errors import Fault, Problem
from schemas.alike import alike, letters
from schemas.tables import folded

LONGEST = 100  # characters of a name that are compared
NEAREST = 5


class OfficeRecord(Struct, frozen=True):
    """An office, with the regions and topics of its releases that give none."""

    code: str
    name: str
    url: str = ""
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # former names, short names, names in other languages
    others: bool = False  # it may publish for every registered office, like a national portal or an agency
    parent: str = ""  # code of the office that this office is part of; empty: none
    above: tuple[str, ...] = ()  # codes of the parent, its parent and so on; set by the store
    timezone: str = ""  # IANA name of the zone in which its dates without a zone are read; empty: that of the site

    def named(self, text: str) -> bool:
        """Whether a text is its code or one of its names; letter case and white space in names are ignored."""
        wanted = _bare(text)
        return text.strip() == self.code or any(_bare(name) == wanted for name in (self.name, *self.aliases) if name)


class Sender(Struct, frozen=True):
    """Who sends releases: an office, the other offices that it may publish for, and the actor."""

    office: OfficeRecord
    known: tuple[OfficeRecord, ...] = ()  # registered offices that it may publish for, without itself
    actor: str = "command"  # its name in the audit log
    signature: bytes | None = None  # of exactly the bytes that are sent (app/accounts/signatures.py), as JSON


def may_publish_for(office: OfficeRecord, offices: Iterable[OfficeRecord]) -> tuple[OfficeRecord, ...]:
    """The registered offices that an office may publish for: those that are part of it, or all."""
    return tuple(other for other in offices if office.others or office.code in other.above)


def issuing(
    named: str,
    own: OfficeRecord,
    offices: Sequence[OfficeRecord],
    path: str,
    line: int,
    hint: Callable[[], bool] = lambda: True,
) -> OfficeRecord | Fault:
    """The office that a release names. `own`: the office of the token; `offices`: the others that it may publish for.

    A fault if `own` may publish for all offices and the name does not mean exactly one of them. Raises Problem (403) if `own` may not
    publish for the named office. `hint`: whether similar names may be searched for, which takes milliseconds.
    """
    if own.named(named):
        return own
    shown = " ".join(named.split())[:LONGEST]
    found = [office for office in offices if office.code == named.strip()]
    found = found or [office for office in offices if office.named(named)]
    if not (found or own.others):
        reason = f"This token publishes for {own.code!r}, but the release names the office {shown!r}."
        raise Problem(403, "wrong-office", "Not this token's office", reason, errors=[Fault(reason, path, line)])
    if len(found) == 1:
        return found[0]
    if found:
        reason = f"{shown!r} is the name of several registered offices. Write the code."
        return Fault(reason, path, line, tuple(_shown(office) for office in found[:NEAREST]))
    return Fault(f"{shown!r} is not a registered office.", path, line, nearest(named, offices) if hint() else ())


def nearest(text: str, offices: Sequence[OfficeRecord]) -> tuple[str, ...]:
    """The offices with the most similar names, as "mois 행정안전부"; at most NEAREST."""
    by_name = {
        letters(_bare(name)): office
        for office in offices
        for name in (office.code, *office.aliases, office.name)
        if name
    }
    like = alike(_bare(text[:LONGEST]), by_name, 4 * NEAREST)
    return tuple(dict.fromkeys(map(_shown, like)))[:NEAREST]


def _bare(text: str) -> str:
    return folded(text).replace(" ", "")


def _shown(office: OfficeRecord) -> str:
    return f"{office.code} {office.name}"
