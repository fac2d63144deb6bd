"""Templates and contacts of an office's desk."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.web import (
    Problem,
    Seat,
    Visit,
    contents,
    draft_at,
    draft_page,
    gone,
    here,
    members,
    number_sent,
    own_page,
    seat_at,
    sentences,
    signed_in,
    smtp,
    work,
)

blueprint = Blueprint("desk_lists", __name__)

NAME, PART = 80, 200  # characters of the name of a template, and of a part of a contact
PARTS = ("department", "role", "name", "phone", "email")


# Templates


@blueprint.get("/desk/templates")
@signed_in
def templates(visit: Visit) -> Response:
    """The templates of an office, each to start from."""
    seat = seat_at(here(), visit, request.args.get("office", ""), "draft")
    return _templates(seat)


@blueprint.post("/desk/drafts/<id>/template")
@signed_in
def keep(visit: Visit, id: str) -> Response:
    """Save a draft as a template under a `name`, without its dates and files. A template of the same name is replaced."""
    context, now = here(), datetime.now(UTC)
    sent = members(("name",))
    seat, draft = draft_at(context, visit, id, "draft")
    name = " ".join(sent.get("name", "").split())
    if not 0 < len(name) <= NAME:
        return draft_page(context, seat, draft, {"name": "desk-template-name"}, 422)
    content = contents.to_json(contents.as_template(contents.from_json(draft.content)))
    if store.desk.save_template(context.engine, seat.office.code, name, content, seat.person, now) is None:
        return draft_page(context, seat, draft, {"name": "desk-template-many"}, 422)
    return gone(f"/desk/templates?office={seat.office.code}")


@blueprint.post("/desk/templates/<id>/<action>")
@signed_in
def steer(visit: Visit, id: str, action: str) -> Response:
    """`start` a draft from a template, or `remove` it."""
    context, now = here(), datetime.now(UTC)
    sent = members(("office",))
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    template = next((one for one in store.desk.templates_of(context.engine, seat.office.code) if one.id == id), None)
    if template is None or action not in ("start", "remove"):
        raise NotFound
    if action == "start":
        draft = work.begin_from_template(context, seat.office, template, seat.person, seat.actor, now)
        return gone(f"/desk/drafts/{draft.id}")
    store.desk.remove_template(context.engine, seat.office.code, id, seat.actor, now)
    return gone(f"/desk/templates?office={seat.office.code}")


def _templates(seat: Seat) -> Response:
    found = store.desk.templates_of(here().engine, seat.office.code)
    return own_page("desk_templates.html", seat=seat, templates=found)


# Contacts


@blueprint.get("/desk/contacts")
@signed_in
def contacts(visit: Visit) -> Response:
    """The contacts of an office, and a form to add one."""
    return _contacts(seat_at(here(), visit, request.args.get("office", ""), "draft"))


@blueprint.post("/desk/contacts")
@signed_in
def add(visit: Visit) -> Response:
    """Add a contact."""
    context = here()
    sent = members(("office", *PARTS))
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    parts = {name: " ".join(sent.get(name, "").split()) for name in PARTS}
    faults = {name: "desk-contact-long" for name, value in parts.items() if len(value) > PART}
    if not any(parts[name] for name in ("department", "name", "phone", "email")):
        faults["name"] = "desk-contact-empty"
    if parts["email"]:
        try:
            parts["email"] = smtp.address(parts["email"])
        except Problem:
            faults["email"] = "email-wrong"
    if not faults and not store.desk.add_contact(context.engine, store.desk.DeskContact("", seat.office.code, **parts)):
        faults["name"] = "desk-contact-many"
    if faults:
        return _contacts(seat, faults, parts)
    return gone(f"/desk/contacts?office={seat.office.code}")


@blueprint.post("/desk/contacts/<id>/remove")
@signed_in
def remove(visit: Visit, id: str) -> Response:
    """Remove a contact. Drafts and releases that have it keep it."""
    context = here()
    sent = members(("office",))
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    store.desk.remove_contact(context.engine, seat.office.code, id, seat.actor, datetime.now(UTC))
    return gone(f"/desk/contacts?office={seat.office.code}")


@blueprint.post("/desk/drafts/<id>/contact")
@signed_in
def take(visit: Visit, id: str) -> Response:
    """Add a `contact` of the office to a draft."""
    context, now = here(), datetime.now(UTC)
    sent = members(("revision", "contact"))
    seat, draft = draft_at(context, visit, id, "draft")
    chosen = web.seats.contact_of(context, seat, sent.get("contact", ""))
    if chosen is None:
        return draft_page(context, seat, draft, {"contact": "desk-contact-none"}, 422)
    try:
        work.add_contact_to(context, draft, number_sent(sent.get("revision", "")), chosen, seat.person, now)
    except store.desk.Stale as stale:
        return draft_page(context, seat, stale.draft or draft, {"contact": "desk-meanwhile-step"}, 409)
    return gone(f"/desk/drafts/{draft.id}")


def _contacts(seat: Seat, faults: Mapping[str, str] | None = None, filled: Mapping[str, str] | None = None) -> Response:
    return own_page(
        "desk_contacts.html",
        status=422 if faults else 200,
        seat=seat,
        contacts=store.desk.contacts_of(here().engine, seat.office.code),
        parts=PARTS,
        faults=sentences(faults),
        filled=dict(filled or {}),
    )
