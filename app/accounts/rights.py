"""Roles, scopes and principals. Pure.

A token has a role, and all or some of the role's scopes. The scopes apply to an office and the offices that are part of it, or to the
articles within an outlet's limits.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from app.accounts.offices import OfficeRecord

# Role -> the scopes that it may have (RFC 6749, section 3.3).
ROLES: dict[str, tuple[str, ...]] = {
    "admin": ("publish", "read", "embargo", "subscribe", "metrics", "admin"),
    "editor": ("publish", "read"),
    "reader": ("read",),
    "outlet": ("embargo", "subscribe"),
    "metrics": ("metrics",),
}
MEANING = {
    "publish": "push, correct, release and withdraw articles",
    "draft": "write and change an office's drafts",
    "read": "read an office's own articles in any state, and their audit log",
    "embargo": "read embargoed articles",
    "subscribe": "create webhooks, and see and manage its subscriptions",
    "metrics": "read the server's metrics",
    "admin": "all of these for every office",
}


class OutletRecord(Struct, frozen=True):
    """An outlet that may read embargoed articles. It may be limited to regions, topics and offices; an empty limit is no limit."""

    code: str
    name: str
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    site: str = ""  # its own site
    embargo: bool = True  # whether it was accredited for reading under embargo
    until: datetime | None = None  # when its accreditation ends; None: not by itself
    suspended: datetime | None = None  # until when it is suspended
    reason: str = ""  # why it was suspended

    def stopped(self, now: datetime) -> str:
        """Why it may not read under embargo now: "suspended", "over" (its accreditation has ended), or "public" (it was accredited
        without); empty: it may."""
        if not self.embargo:
            return "public"
        if self.until is not None and self.until <= now:
            return "over"
        return "suspended" if self.suspended is not None and self.suspended > now else ""


class Principal(Struct, frozen=True):
    """The holder of a token or a key."""

    actor: str  # its name in the audit log: "token 3f0a…", "key jeonbuk-1"
    role: str
    scope: tuple[str, ...]
    office: OfficeRecord | None = None  # of an editor or a reader
    within: tuple[OfficeRecord, ...] = ()  # the offices that are part of that office, at any depth
    outlet: OutletRecord | None = None
    offices: tuple[str, ...] = ()  # for an outlet limited to offices: these and the offices that are part of them now

    def may(self, scope: str) -> bool:
        """Whether it has a scope."""
        return scope in self.scope

    def reads_embargoed(self) -> bool:
        """Whether it may read under embargo: an outlet, or an office for its own articles."""
        return self.may("embargo") or (self.office is not None and self.may("read"))

    def reads(self) -> tuple[str, ...] | None:
        """The codes of the offices whose embargoed articles it may read; None: all offices."""
        if self.role == "admin":
            return None
        if self.office is not None:
            return (self.office.code, *(office.code for office in self.within))
        if self.outlet is None:  # A token without an office and an outlet reads nothing, whatever its scope.
            return ()
        return self.offices if self.outlet.offices else None

    def covers(self, office: str) -> bool:
        """Whether it may act for an office: its own office, an office that is part of it, or any office for an admin."""
        offices = self.acts_for()
        return offices is None or office in offices

    def acts_for(self) -> tuple[str, ...] | None:
        """The codes of the offices for which it may act; None: any office."""
        if self.role == "admin":
            return None
        return (self.office.code, *(part.code for part in self.within)) if self.office is not None else ()


def make_principal(
    actor: str, role: str, scope: Sequence[str], offices: Sequence[OfficeRecord], *, office: str = ""
) -> Principal:
    """The principal of an office, with the offices that are part of it now. `offices`: all that are registered, or none where there
    is no office."""
    return Principal(
        actor,
        role,
        tuple(scope),
        next((record for record in offices if office and record.code == office), None),
        tuple(record for record in offices if office and office in record.above),
    )


def principal_of_outlet(
    actor: str, scope: Sequence[str], outlet: OutletRecord, offices: Sequence[OfficeRecord], now: datetime
) -> Principal:
    """The principal of an outlet, with the rights that the outlet has now: while it is suspended, or after its accreditation has
    ended, it may only read what is public. It has the offices that the outlet is limited to, and their parts. `offices`: all that
    are registered, or none where the outlet has no such limit."""
    granted = tuple(word for word in scope if word != "embargo" or not outlet.stopped(now))
    limits = set(outlet.offices)
    within = tuple(record.code for record in offices if limits & {record.code, *record.above})
    return Principal(actor, "outlet", granted, outlet=outlet, offices=within)
