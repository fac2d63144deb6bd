"""Mails to the people of an office: who waits for whom at the desk, which embargo ends soon, and what failed.

The mails are queued, like all mails, in the transaction of the change that causes them. The queue has no text of a release: that is
read when a mail is written (app/deliveries/letters.py), and only for somebody who may still read it.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import PersonRecord, principal, with_parts
from app.context import Context

log = logging.getLogger("pressrelay.desk")

LATE = timedelta(seconds=30)  # after which an embargo or a plan counts as late
OVERLAP = timedelta(minutes=2)  # how far each check goes back behind the last one, to see what was written late
FREE, AGAIN = (
    3,
    timedelta(minutes=10),
)  # mails of one kind about one thing to one person without a pause; then one each AGAIN
HOUR = 60  # mails of the desk to one person within an hour
KIND = "desk"  # of the attempts that are counted


def of_draft(
    context: Context, office: OfficeRecord, draft: store.desk.DraftRecord, kind: str, by: str, now: datetime
) -> list[store.deliveries.Intent]:
    """The mails that follow from a step with a draft, for its people except who took the step: to those who may approve it if it was
    submitted, else to its author and who submitted it. Empty where no mail server is set. Raises Unavailable."""
    if not context.settings.smtp_url:
        return []
    if kind == "submitted":
        readers = approvers(context, office, draft)
    else:
        ids = {draft.author, draft.submitter} | ({draft.approver} if kind in ("refused", "unsent") else set())
        readers = [one for one in store.accounts.people_by_id(context.engine, ids - {""}) if one.ended is None]
    letter = store.deliveries.DeskLetter(kind, office.code, (draft.id,), by)
    subject = store.desk.subject_of(draft.id, draft.revision)
    allowed = [one for one in readers if one.id != by and _may_write(context, f"{draft.id} {kind}", one.id, now)]
    return [_intent(context, one, letter, subject, now) for one in allowed]


def of_ending(
    context: Context, office: OfficeRecord, asker: PersonRecord, now: datetime
) -> list[store.deliveries.Intent]:
    """The mails that say that somebody asked to end approval, for the other editors. Empty where no mail server is set. Raises
    Unavailable."""
    if not context.settings.smtp_url:
        return []
    letter = store.deliveries.DeskLetter("ending", office.code, (), asker.id)
    subject = f"{office.code} {store.micros(now)}"
    readers = [one for one in editors_of(context, office) if one.id != asker.id]
    allowed = [one for one in readers if _may_write(context, f"{office.code} ending", one.id, now)]
    return [_intent(context, one, letter, subject, now) for one in allowed]


def approvers(context: Context, office: OfficeRecord, draft: store.desk.DraftRecord) -> list[PersonRecord]:
    """Who may decide about a draft that was submitted: the editors of the office who may see it and neither wrote nor submitted it.
    Raises Unavailable."""
    found = editors_of(context, office)
    named = [one for one in found if not draft.people or one.id in (*draft.people, draft.author) or one.admin]
    return [one for one in named if one.id not in (draft.submitter, draft.writer)]


def editors_of(context: Context, office: OfficeRecord) -> list[PersonRecord]:
    """The people who publish for an office by a role in it or in an office above it; if there are none, the administrators. Raises
    Unavailable."""
    near = with_parts(store.accounts.all_offices(context.engine)).get(office.code, [])
    found = []
    for person in store.accounts.all_people(context.engine, {office.code, *office.above}):
        acting = principal(person, office.code, near)
        if person.ended is None and acting is not None and acting.may("publish"):
            found.append(person)
    if found:
        return found
    return [one for one in store.accounts.all_people(context.engine) if one.admin and one.ended is None]


# What the process of the desk looks for


def notify(context: Context, now: datetime) -> int:
    """Notify offices of embargoes that end soon and of what failed, each thing once; how many things. Raises Unavailable."""
    engine = context.engine
    found: list[store.desk.Noted] = [
        *store.desk.coming_lifts(engine, now),
        *store.desk.late_lifts(engine, now - LATE),
        *_lifted_late(context),
    ]
    last = store.desk.looked(engine, "deliveries")
    since = (store.instant(last) if last is not None else now) - OVERLAP
    found += [*store.desk.undelivered(engine, since), *store.desk.stopped(engine, since)]
    found += store.desk.unsent(engine, now - LATE)
    done, waits = _notify(context, found, now)
    if not waits:
        store.desk.look_from(engine, "deliveries", store.micros(now))
    return done


def _lifted_late(context: Context) -> list[store.desk.Noted]:
    """Embargoes that ended late since the last look, as the audit log has it: the whole server may have been down at that time."""
    engine = context.engine
    last, head = store.desk.looked(engine, "audit"), store.audit.head(engine)[0]
    if last is None:
        store.desk.look_from(engine, "audit", head)
        return []
    if head == last:
        return []
    records = store.audit.records(engine, action="lifted", after=last)
    lifted = [(record.event.article, record.event.version, record.at) for record in records if record.seq <= head]
    found = store.desk.lifted_late(engine, lifted, LATE)
    if not found:  # Otherwise the next check reads the same period again, and finds that these are noted.
        full = len(records) == store.audit.AT_ONCE
        store.desk.look_from(engine, "audit", records[-1].seq if full else head)
    return found


def _notify(context: Context, found: Sequence[store.desk.Noted], now: datetime) -> tuple[int, bool]:
    """(how many things were notified, whether others wait because their office got several mails of the kind just now)."""
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    groups: dict[tuple[str, str], list[store.desk.Noted]] = {}
    for one in found:
        groups.setdefault((one.office, one.kind), []).append(one)
    done, waits = 0, False
    for (code, kind), group in sorted(groups.items()):
        office = offices.get(code)
        if office is None:
            continue
        if kind == "unsent":
            done += sum(_notify_of_draft(context, office, one, now) for one in group)
            continue
        if not _may_write(context, f"{code} {kind}", code, now):
            waits = True
            continue
        readers = editors_of(context, office) if context.settings.smtp_url else []
        first = store.desk.note(context.engine, group, now, partial(_about, context, kind, code, readers, now))
        for noted in first:
            log.log(logging.INFO if kind == "lift" else logging.WARNING, "%s: %s of %s", kind, noted.item, code)
        done += len(first)
    return done, waits


def _notify_of_draft(context: Context, office: OfficeRecord, noted: store.desk.Noted, now: datetime) -> int:
    draft = store.desk.draft_by_id(context.engine, noted.item)
    letters = of_draft(context, office, draft, "unsent", "", now) if draft is not None else []
    return len(store.desk.note(context.engine, [noted], now, lambda _: letters))


def _about(
    context: Context,
    kind: str,
    office: str,
    readers: Sequence[PersonRecord],
    now: datetime,
    noted: Sequence[store.desk.Noted],
) -> list[store.deliveries.Intent]:
    letter = store.deliveries.DeskLetter(
        "dead" if kind == "stopped" else kind,
        office,
        tuple(dict.fromkeys(one.item for one in noted)),
        until=max(store.micros(one.at) for one in noted),
    )
    subject = f"{office} {store.micros(now)}"
    return [_intent(context, person, letter, subject, now) for person in readers]


def _intent(
    context: Context, person: PersonRecord, letter: store.deliveries.DeskLetter, subject: str, now: datetime
) -> store.deliveries.Intent:
    topic = f"desk {letter.kind} {subject}"
    mail = store.deliveries.mail_to(person.email, topic, person.lang or context.settings.language, now)
    return store.deliveries.Intent("desk", mail, letter=letter)


def _may_write(context: Context, about: str, to: str, now: datetime) -> bool:
    """Whether a mail may be sent now, so that nobody floods somebody with mails by submitting and taking back again and again. A mail
    that may be sent is counted."""
    counted = store.deliveries.Attempt(KIND, f"{about} {to}", to)

    def allowed(tally: store.deliveries.Tally) -> bool:
        pause = tally.sent >= FREE and store.micros(now - AGAIN) < tally.last
        return not pause and tally.site_hour < HOUR

    if not allowed(store.deliveries.tally(context.engine, counted, now)):
        return False
    return store.deliveries.attempt(
        context.engine,
        counted,
        lambda tally: store.deliveries.OPEN if allowed(tally) else store.deliveries.DROPPED,
        now,
    )
