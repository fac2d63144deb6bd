"""Who may do what. Pure.

A token has a role, and of its role's scope all or a part; each bears on an office with what is part of it, or on what an
outlet's limits let through.
"""

from msgspec import Struct

from app.accounts.offices import OfficeRecord

# Role -> the scope that it may have (RFC 6749, section 3.3).
ROLES: dict[str, tuple[str, ...]] = {
    "admin": ("publish", "read", "embargo", "subscribe", "metrics", "admin"),
    "editor": ("publish", "read"),
    "reader": ("read",),
    "outlet": ("embargo", "subscribe"),
    "metrics": ("metrics",),
}
MEANING = {
    "publish": "push, correct, release and withdraw articles",
    "read": "read an office's own articles whatever their state, and their audit log",
    "embargo": "read embargoed articles",
    "subscribe": "have webhooks, and see and steer its subscriptions",
    "metrics": "read the server's metrics",
    "admin": "all of that for every office",
}


class OutletRecord(Struct, frozen=True):
    """Who reads under embargo, and what of it; a limit that is empty is none."""

    code: str
    name: str
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()


class Principal(Struct, frozen=True):
    """Who asks: whom a token or a key stands for."""

    actor: str  # as the audit log names it: "token 3f0a…", "key jeonbuk-1"
    role: str
    scope: tuple[str, ...]
    office: OfficeRecord | None = None  # an editor's and a reader's
    within: tuple[OfficeRecord, ...] = ()  # what is part of that office, at any depth
    outlet: OutletRecord | None = None
    offices: tuple[str, ...] = ()  # of an outlet that is limited to some: these and what is part of them now

    def may(self, scope: str) -> bool:
        """Whether it has that scope."""
        return scope in self.scope

    def reads(self) -> tuple[str, ...] | None:
        """The offices whose articles under embargo it may read, as they are parts of each other now; None: every office's."""
        if self.role == "admin":
            return None
        if self.office is not None:
            return (self.office.code, *(one.code for one in self.within))
        if self.outlet is None:  # Nobody's token: it reads nothing, whatever its scope.
            return ()
        return self.offices if self.outlet.offices else None

    def covers(self, office: str) -> bool:
        """Whether it acts for an office: its own, what is part of that, and for an admin any."""
        if self.role == "admin":
            return True
        return self.office is not None and office in (self.office.code, *(one.code for one in self.within))
