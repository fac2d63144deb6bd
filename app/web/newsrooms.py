"""People at the desk of an outlet: which outlets they belong to, what they may read, and what the forms about outlets share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from urllib.parse import urlsplit

from flask import Response
from msgspec import Struct
from werkzeug.exceptions import NotFound

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import outlet_principal
from app.accounts.rights import OutletRecord, Principal
from app.errors import Problem
from app.query import parse
from app.syndication.texts import text
from app.text.zones import zone_of
from app.web.context import Context, here
from app.web.html import fault_of, language
from app.web.sessions import Visit, own_page

MOST_LIMITS = 50  # regions or offices of one outlet
NAME_LONGEST, SITE_LONGEST, REASON_LONGEST = 120, 300, 500  # characters
MOST_ADMINISTRATORS = 20  # that get a mail about an application
TOLD_HOUR = 20  # mails about applications that they get within an hour
FARTHEST = timedelta(days=3660)  # an end date lies within ten years


class Newsroom(Struct, frozen=True):
    """A person at the desk of an outlet."""

    visit: Visit
    outlet: OutletRecord
    may: Principal
    stopped: str  # why the outlet reads nothing under embargo now; empty: it does

    @property
    def edits(self) -> bool:
        """Whether the person manages the outlet's tokens and webhooks."""
        return self.outlet.code in self.visit.person.runs

    @property
    def path(self) -> str:
        """The path of the desk."""
        return f"/newsroom/{self.outlet.code}"


def newsroom_at(context: Context, visit: Visit, code: str, *, edits: bool = False) -> Newsroom:
    """The person at the desk of an outlet that they belong to. `edits`: only if they manage it. Raises NotFound, as if there were
    none."""
    outlet = store.accounts.outlet_of(context.engine, code) if code in visit.person.outlets else None
    if outlet is None or (edits and code not in visit.person.runs):
        raise NotFound
    offices, now = store.accounts.all_offices(context.engine) if outlet.offices else [], datetime.now(UTC)
    may = outlet_principal(visit.person, outlet, offices, now)
    if may is None:
        raise NotFound
    return Newsroom(visit, outlet, may, outlet.stopped(now))


def newsroom_page(template: str, room: Newsroom, *, status: int = 200, **values: object) -> Response:
    """A page of an outlet's desk."""
    return own_page(template, status=status, room=room, outlet=room.outlet, **values)


def administrators_only(visit: Visit) -> None:
    """Raises NotFound for everybody else."""
    if not visit.person.admin:
        raise NotFound


# What forms about outlets share


class NamedLimits(Struct, frozen=True):
    """The regions and offices that a form names, and what is wrong with it by field, as sentences."""

    regions: tuple[str, ...]
    offices: tuple[str, ...]
    faults: dict[str, str]


def limits_in(context: Context, sent: Mapping[str, str]) -> NamedLimits:
    """Read the fields `regions` and `offices`: codes or names, one on a line or between commas. Raises Unavailable."""
    regions, faults = _regions(sent.get("regions", ""))
    offices, wrong = _offices(store.accounts.all_offices(context.engine), sent.get("offices", ""))
    return NamedLimits(regions, offices, faults | wrong)


def _listed(given: str) -> list[str]:
    return [value.strip() for value in given.replace(",", "\n").splitlines() if value.strip()]


def _regions(given: str) -> tuple[tuple[str, ...], dict[str, str]]:
    values = _listed(given)
    if len(values) > MOST_LIMITS:
        return (), {"regions": text("outlet-limits-many", language()).format(most=MOST_LIMITS)}
    try:
        query = parse([("region", value) for value in values], [])
    except Problem as problem:
        return (), {"regions": fault_of(problem, language())}
    return query.regions, {}


def _offices(known: Sequence[OfficeRecord], given: str) -> tuple[tuple[str, ...], dict[str, str]]:
    values = _listed(given)
    if len(values) > MOST_LIMITS:
        return (), {"offices": text("outlet-limits-many", language()).format(most=MOST_LIMITS)}
    called = {word: office.code for office in known for word in (*office.aliases, office.name, office.code)}
    for value in values:
        if value not in called:
            said = text("outlet-office-unknown", language()).format(office=value[:80])
            near = [office.name for office in known if value[:2] in office.name][:5]
            return (), {"offices": f"{said} {text('nearest', language())} {', '.join(near)}" if near else said}
    return tuple(dict.fromkeys(called[value] for value in values)), {}


def is_site(url: str) -> bool:
    """Whether a text is the address of a site."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "") and len(url) <= SITE_LONGEST


def after_day(given: str, now: datetime) -> tuple[datetime | None, str]:
    """(the end of a day in the site's time zone, what is wrong with it as the key of a text); no day: no end."""
    if not given:
        return None, ""
    try:
        day = date.fromisoformat(given) if len(given) == 10 else None
    except ValueError:
        day = None
    if day is None or day.year > now.year + 100:
        return None, "date-wrong"
    zone = zone_of(here().settings.site_timezone)
    end = datetime.combine(day + timedelta(days=1), time_of_day(), zone).astimezone(UTC)
    if end <= now:
        return None, "date-past"
    return (None, "date-far") if end > now + FARTHEST else (end, "")


def last_day(end: datetime | None) -> str:
    """The last whole day before an end, as a field of a date has it; empty: no end."""
    zone = zone_of(here().settings.site_timezone)
    return (end - timedelta(microseconds=1)).astimezone(zone).date().isoformat() if end else ""


def after_months(months: int, now: datetime) -> datetime:
    """The same time of the day, that many months later; in a shorter month, its last day."""
    local = now.astimezone(zone_of(here().settings.site_timezone))
    count = local.month - 1 + months
    first = local.replace(year=local.year + count // 12, month=count % 12 + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    days = (following.date() - first.date()).days
    return first.replace(day=min(local.day, days)).astimezone(UTC)


# Mails


def mail_about(
    context: Context, addresses: Sequence[str], kind: str, about: str, lang: str = "", link: str = ""
) -> None:
    """Queue mails about an application or an outlet; none where no mail server is set. `lang`: empty: the site's. Raises
    Unavailable."""
    if not context.settings.smtp_url:
        return
    now = datetime.now(UTC)
    letter = store.deliveries.OutletLetter(kind, about, link)
    for address in addresses:
        topic = f"outlet {kind} {about} {store.micros(now)}"
        mail = store.deliveries.mail_to(address, topic, lang or context.settings.language, now)
        store.deliveries.ask(context.engine, store.deliveries.Intent("outlet", mail, outlet=letter), now)


def tell_administrators(context: Context, application: str) -> None:
    """Mail the administrators that an application waits, a few times an hour at most; all that wait are at /outlets. Raises
    Unavailable."""

    def judge(tally: store.deliveries.Tally) -> str:
        return store.deliveries.OPEN if tally.site_hour < TOLD_HOUR else store.deliveries.DROPPED

    told = store.deliveries.Attempt("applied", "administrators", "administrators")
    if context.settings.smtp_url and store.deliveries.attempt(context.engine, told, judge, datetime.now(UTC)):
        readers = store.accounts.administrators(context.engine)[:MOST_ADMINISTRATORS]
        mail_about(context, [one.email for one in readers], "applied", application)
