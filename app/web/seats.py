"""People at the desk of an office: which offices, drafts and articles they may see, and the pages of a draft. Shared by the desk's
routes."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response
from msgspec import Struct
from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import PersonRecord, principal, with_parts
from app.accounts.rights import Principal
from app.desk import content as contents
from app.desk import routines, work
from app.syndication.texts import TEXTS, text
from app.web import previewing
from app.web.context import Context, here
from app.web.html import html_page, language
from app.web.published import PUBLIC_ID
from app.web.sessions import Visit, own_page, visit
from feeds import Article

DRAFT = re.compile(r"[0-9a-f]{16}")
LINK_HOURS = (1, 24, 72, 168, 336)  # how long a link to a preview may work
FAILED_SINCE = timedelta(days=3)
FAILURES_SHOWN = 5


class Seat(Struct, frozen=True):
    """A person at the desk of an office."""

    visit: Visit
    office: OfficeRecord
    may: Principal

    @property
    def person(self) -> str:
        """The person's id."""
        return self.visit.person.id

    @property
    def actor(self) -> str:
        """The person as the audit log names them."""
        return self.visit.person.actor

    @property
    def sees(self) -> str:
        """Whose drafts are seen: those of this person; empty: an administrator, who sees all."""
        return "" if self.visit.person.admin else self.visit.person.id


def seats_of(context: Context, visit: Visit) -> list[Seat]:
    """The offices at whose desks the person may sit, by name."""
    offices = store.accounts.all_offices(context.engine)
    near = with_parts(offices)
    found = ((office, principal(visit.person, office.code, near[office.code])) for office in offices)
    seats = [Seat(visit, office, acting) for office, acting in found if acting is not None]
    return sorted(seats, key=lambda seat: (seat.office.code not in visit.person.roles(), seat.office.name))


def seat_at(context: Context, visit: Visit, office: str, scope: str) -> Seat:
    """The person at the desk of an office, or at the first desk where they have this scope. Raises NotFound."""
    for seat in seats_of(context, visit):
        if seat.may.may(scope) and office in ("", seat.office.code):
            return seat
    raise NotFound


def draft_at(context: Context, visit: Visit, id: str, scope: str = "read") -> tuple[Seat, store.desk.DraftRecord]:
    """A draft that the person may see, and the desk that it is at. Raises NotFound, as if there were none."""
    draft = store.desk.draft_by_id(context.engine, id) if DRAFT.fullmatch(id) else None
    if draft is None:
        raise NotFound
    seat = seat_at(context, visit, draft.office, scope)
    if seat.sees and draft.people and seat.sees not in (*draft.people, draft.author):
        raise NotFound
    return seat, draft


def article_at(context: Context, visit: Visit, id: str, scope: str) -> tuple[Seat, Article, str]:
    """(desk, newest version, state) of an article of an office of the person. Raises NotFound."""
    offices = [seat.office.code for seat in seats_of(context, visit)]
    stored = store.articles.newest_for(context.engine, id, offices) if PUBLIC_ID.fullmatch(id) else None
    if stored is None:
        raise NotFound
    seat = seat_at(context, visit, stored.article.office.code, scope)
    article = stored.article
    if stored.pubstatus != "usable":
        state = stored.pubstatus
    elif not stored.public:
        state = "held" if article.held else "embargo"
    else:
        state = "corrected" if article.version > 1 else "published"
    return seat, article, state


def draft_page(
    context: Context,
    seat: Seat,
    draft: store.desk.DraftRecord,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    link: str = "",
) -> Response:
    """A draft as its page will be, with its state and the steps that are possible. `link`: the URL of a link that was just made."""
    now = datetime.now(UTC)
    content = contents.from_json(draft.content)
    checked = work.check(context, seat.office, draft, content, now)
    if checked.article is not None:
        shown, _ = previewing.with_files(context, draft, checked.article, previewing.in_draft(draft))
        checked = replace(checked, article=shown)
    newest = store.articles.newest(context.engine, draft.article) if draft.base else None
    return own_page(
        "desk_draft.html",
        status=status,
        seat=seat,
        draft=draft,
        content=content,
        checked=checked,
        routine=store.desk.routine(context.engine, seat.office.code),
        office_zone=work.zone_of_office(context, seat.office),
        faults=sentences(faults),
        names=named_by(context, [draft]),
        outlook=previewing.outlook(context, checked.article) if checked.article else None,
        overtaken=newest is not None and newest.article.version > draft.base and draft.state in store.desk.EDITABLE,
        people=colleagues(context, seat),
        links=store.desk.links_of(context.engine, draft.id, now),
        link=link,
        hours=LINK_HOURS,
        planned_at=contents.local_text(draft.planned, work.zone_of_office(context, seat.office))[:16]
        if draft.planned
        else "",
        contacts=store.desk.contacts_of(context.engine, seat.office.code) if seat.may.may("draft") else [],
    )


def colleagues(context: Context, seat: Seat) -> list[PersonRecord]:
    """The people who may see drafts of the office, by name. Raises Unavailable."""
    near = with_parts(store.accounts.all_offices(context.engine)).get(seat.office.code, [])
    found = store.accounts.all_people(context.engine, {seat.office.code, *seat.office.above})
    return [one for one in found if one.ended is None and principal(one, seat.office.code, near) is not None]


def contact_of(context: Context, seat: Seat, id: str) -> store.desk.DeskContact | None:
    """The contact of the office with that id, or None. Raises Unavailable."""
    return next((one for one in store.desk.contacts_of(context.engine, seat.office.code) if one.id == id), None)


def waiting_for(context: Context, seat: Seat) -> int:
    """How many drafts wait for a decision that this person may take. Raises Unavailable."""
    if not seat.may.may("publish"):
        return 0
    return store.desk.review_count(context.engine, seat.office.code, seat.person, seat.sees)


def asks_to_end(context: Context, seat: Seat) -> PersonRecord | None:
    """Who asked to end approval, if this person may answer. Raises Unavailable."""
    if not seat.may.may("publish"):
        return None
    routine = store.desk.routine(context.engine, seat.office.code)
    asker = routines.asker_of(context, seat.office, routine, datetime.now(UTC))
    return asker if asker is not None and routines.may_end(seat.visit.person, asker) else None


def failures_of(context: Context, seat: Seat) -> list[store.desk.Noted]:
    """What failed with the office's embargoes and deliveries in the last days. Raises Unavailable."""
    if not seat.may.may("publish"):
        return []
    since = datetime.now(UTC) - FAILED_SINCE
    return store.desk.notices_of(context.engine, seat.office.code, ("late", "dead"), since, FAILURES_SHOWN)


def named_by(context: Context, drafts: Sequence[store.desk.DraftRecord], actors: Sequence[str] = ()) -> dict[str, str]:
    """Id of a person -> name, for those whom drafts and actors name."""
    ids = {id for draft in drafts for id in (draft.author, draft.writer, draft.submitter, draft.approver)}
    ids |= {actor.removeprefix("person ") for actor in actors if actor.startswith("person ")}
    found = store.accounts.people_by_id(context.engine, ids - {""})
    return {person.id: person.name for person in found}


def sentences(faults: Mapping[str, str] | None) -> dict[str, str]:
    """Field -> what is wrong with it, in the reader's language; `faults` has the keys of the texts, or sentences as they are."""
    return {name: text(key, language()) if key in TEXTS else key for name, key in (faults or {}).items()}


def number_sent(text: str) -> int:
    """The number that a form sent; -1 if the text is not a number."""
    return int(text) if text.isdecimal() and len(text) < 18 else -1


def manual_page(template: str, path: str, **values: Any) -> Response:
    """A page of the documentation. For a signed-in person, the examples name the person's office, and no cache stores the page."""
    context, reader = here(), visit()
    values["base"] = context.settings.url
    if reader is None:
        return html_page(template, language(), canonical=f"{context.settings.url}{path}", office="", **values)
    seats = seats_of(context, reader)
    return own_page(template, office=seats[0].office.code if seats else "", **values)
