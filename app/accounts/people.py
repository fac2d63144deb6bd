"""People: who may sign in, what they may do in each office, and which passwords are good enough. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from app.accounts import rights
from app.accounts.offices import OfficeRecord
from app.accounts.rights import ROLES, OutletRecord, Principal
from schemas.text import nfkc

# A person's role in an office -> the scopes that it gives there. Only people draft, so no token has the scope `draft`.
DUTIES: dict[str, tuple[str, ...]] = {
    "editor": (*ROLES["editor"], "draft"),
    "writer": (*ROLES["reader"], "draft"),
    "reader": ROLES["reader"],
}
EDITS_OUTLET = "outlet-editor"  # manages an outlet's tokens and webhooks; the role "outlet" only reads for it

# A password alone proves who signs in, so it is long (NIST SP 800-63B-4, section 3.1.1.2, asks for 15 characters or, with a second
# factor, 8); words of several letters of Hangul are harder to guess, so 12 are enough for both.
SHORTEST, LONGEST = 12, 200  # characters of a password
NAME_LONGEST = 80  # characters of a person's name
PASSKEY_NAME_LONGEST = 60  # and of what a person calls a passkey

IDLE = timedelta(hours=12)  # a session ends that long after its last request
WHOLE = timedelta(days=7)  # and that long after the sign-in in any case
INVITED = timedelta(days=7)  # how long an invitation is valid
RESET = timedelta(hours=1)  # how long the link for a new password is valid
PROVEN = timedelta(minutes=10)  # how long it counts that a person showed again who they are


class Membership(Struct, frozen=True):
    """What a person may do in an office."""

    office: str  # code
    role: str  # "editor", "writer" or "reader"


class PersonRecord(Struct, frozen=True):
    """Somebody who may sign in. Instants are in UTC."""

    id: str
    email: str
    name: str
    admin: bool  # may do everything, in every office
    memberships: tuple[Membership, ...]
    created: datetime
    ended: datetime | None = None  # since when the person may not sign in any more
    outlets: tuple[str, ...] = ()  # codes of the outlets for which the person reads under embargo
    runs: tuple[str, ...] = ()  # codes of those outlets whose tokens and webhooks the person manages
    lang: str = ""  # the language that the person last chose for pages; empty: not known

    @property
    def actor(self) -> str:
        """The name of the person as an actor in the audit log."""
        return f"person {self.id}"

    def roles(self) -> dict[str, str]:
        """The person's role in each of their offices."""
        return {membership.office: membership.role for membership in self.memberships}


def principal(person: PersonRecord, office: str, offices: Sequence[OfficeRecord]) -> Principal | None:
    """The person as somebody who acts for an office; None if the person has no role in that office, nor in one that it is part of.
    `offices`: all that are registered."""
    found = next((record for record in offices if record.code == office), None)
    if found is None:
        return None
    roles = person.roles()
    # The office's own role comes first, then the nearest office above it.
    role = next((roles[code] for code in (office, *found.above) if code in roles), "editor" if person.admin else "")
    if person.admin:
        role = "editor"
    if not role:
        return None
    return rights.make_principal(person.actor, role, DUTIES[role], offices, office=office)


def with_parts(offices: Sequence[OfficeRecord]) -> dict[str, list[OfficeRecord]]:
    """Code of an office -> the office, and those that are part of it: all that `principal` looks at. Whoever asks for each of many
    offices asks with these, or the time is quadratic."""
    found = {office.code: [office] for office in offices}
    for office in offices:
        for above in office.above:
            if above in found:
                found[above].append(office)
    return found


def outlet_principal(
    person: PersonRecord, outlet: OutletRecord, offices: Sequence[OfficeRecord], now: datetime
) -> Principal | None:
    """The person as somebody who reads under embargo for an outlet; None if the person does not belong to it. `offices`: all that are
    registered."""
    if outlet.code not in person.outlets:
        return None
    return rights.principal_of_outlet(person.actor, ("embargo",), outlet, offices, now)


def may_invite(person: PersonRecord, office: str, offices: Sequence[OfficeRecord]) -> bool:
    """Whether the person may give others a role in an office: an administrator, or an editor of that office."""
    if person.admin:
        return True
    acting = principal(person, office, offices)
    return acting is not None and acting.may("publish")


def password_faults(password: str, known: Collection[str]) -> str:
    """Why a password is not good enough, as the key of a text; empty if it is. `known`: what anybody can guess of the person, such as
    the name and the address."""
    if len(password) < SHORTEST:
        return "password-short"
    if len(password) > LONGEST:
        return "password-long"
    bare = same(password).casefold()
    if len(set(bare)) < 5:
        return "password-simple"
    for word in known:
        for part in {word, *word.split(), word.partition("@")[0]}:
            part = same(part).casefold()
            if len(part) >= 4 and len(bare.replace(part, "")) < SHORTEST // 2:
                return "password-simple"
    return ""


def same(password: str) -> str:
    """The password as it is compared: letters that look the same are the same on every keyboard (NIST SP 800-63B-4, 3.1.1.2)."""
    return nfkc(password)
