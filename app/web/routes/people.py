"""People: the first administrator, invitations, roles, and new passwords.

Opening a link changes nothing, because programs follow the links in mails before people do. Only the button of its page does.
"""

from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.accounts.people import (
    DUTIES,
    EDITS_OUTLET,
    INVITED,
    NAME_LONGEST,
    RESET,
    PersonRecord,
    may_invite,
    password_faults,
    with_parts,
)
from app.deliveries import links, restraint, smtp
from app.web import Context, Problem, Visit, gone, here, language, members, page_with_ways, signed_in, text

blueprint = Blueprint("people", __name__)

OF_OUTLETS = ("outlet", EDITS_OUTLET)


# The first administrator, and invitations


@blueprint.get("/setup/<secret>")
def setting_up(secret: str) -> Response:
    """The form that makes the first administrator. Its address is printed when a server without one starts."""
    return _joining(secret, "setup")


@blueprint.post("/setup/<secret>")
def set_up(secret: str) -> Response:
    """Make the first administrator and sign in."""
    return _joined(secret, "setup")


@blueprint.get("/join/<secret>")
def joining(secret: str) -> Response:
    """The form that accepts an invitation."""
    return _joining(secret, "invite")


@blueprint.post("/join/<secret>")
def joined(secret: str) -> Response:
    """Accept an invitation: makes an account, or gives an existing one its role."""
    return _joined(secret, "invite")


def _joining(secret: str, kind: str) -> Response:
    context = here()
    link = _link(context, secret, kind)
    if link is None:
        return _dead()
    return _owned(context, link) or _join_page(context, link, kind)


def _owned(context: Context, link: store.accounts.OneTimeLink) -> Response | None:
    """The way to the sign-in, if the invitation is for an existing account and nobody is signed in to it. Otherwise the holder of
    the link could give a role to an account whose password somebody else knows: a person who used an earlier invitation to that
    address."""
    known = store.accounts.person_by_email(context.engine, link.email) if link.email else None
    visit = web.sessions.visit() if known else None
    if known is None or (visit is not None and visit.person.id == known[0].id):
        return None
    return web.sessions.private(gone(web.sessions.sign_in_url(request.path)))


def _joined(secret: str, kind: str) -> Response:
    context, now = here(), datetime.now(UTC)
    sent = members(("name", "email", "password"))
    link = _link(context, secret, kind)
    if link is None:
        return _dead()
    if elsewhere := _owned(context, link):
        return elsewhere
    name, email, password = (
        " ".join(sent.get("name", "").split()),
        link.email or smtp.known_as(sent.get("email", "")),
        sent.get("password", ""),
    )
    known = bool(link.email) and store.accounts.person_by_email(context.engine, link.email) is not None
    faults: dict[str, str] = {}
    if not known:
        if not link.email and (fault := _address_fault(email)):
            faults["email"] = fault
        if not 0 < len(name) <= NAME_LONGEST:
            faults["name"] = "name-wrong"
        if fault := password_faults(password, (name, email)):
            faults["password"] = fault
    if faults:
        return _join_page(context, link, kind, faults, {"name": name, "email": email})
    stored = "" if known else web.proof.hash_password(password)
    try:
        person = store.accounts.join(context.engine, link.id, name, email, stored, now)
    except store.accounts.LinkSpent:
        if _link(context, secret, kind) is None:
            return _dead()
        taken = {"email": "email-taken"} if kind == "setup" else {}  # an invitation now asks for no password
        return _join_page(context, link, kind, taken, {"name": name, "email": email})
    if link.email:
        store.deliveries.confirmed(context.engine, restraint.invitation(link.email, ""))
    if known:
        return gone("/account")
    store.accounts.set_language(context.engine, person.id, language())
    try:
        return web.sessions.begin(person, gone("/account"), proved=stored)
    except store.accounts.LinkSpent:  # The address's owner took the account over at once.
        return gone("/signin")


def _join_page(
    context: Context,
    link: store.accounts.OneTimeLink,
    kind: str,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
) -> Response:
    known = bool(link.email) and store.accounts.person_by_email(context.engine, link.email) is not None
    return page_with_ways(
        "join.html",
        status=422 if faults else 200,
        kind=kind,
        link=link,
        known=known,
        office=_name(context, link),
        action=request.path,
        faults=faults or {},
        filled=filled or {},
    )


# The people of an office


@blueprint.get("/people")
@signed_in
def listed(visit: Visit) -> Response:
    """The people of the offices and outlets that the person manages, and a form to invite others."""
    return _people_page(here(), visit)


@blueprint.post("/people")
@signed_in
def invite(visit: Visit) -> Response:
    """Invite somebody by mail; where no mail server is set, the page shows the link."""
    context, person, now = here(), visit.person, datetime.now(UTC)
    sent = members(("email", "office", "outlet", "role"))
    email, office, outlet, role = (sent.get(name, "") for name in ("email", "office", "outlet", "role"))
    faults: dict[str, str] = {}
    email = smtp.known_as(email)
    if fault := _address_fault(email):
        faults["email"] = fault
    if role not in _offered(context, person):
        faults["role"] = "role-wrong"
    office, outlet = (office if role in DUTIES else ""), (outlet if role in OF_OUTLETS else "")
    if not faults and role in DUTIES and office not in _offices(context, person):
        faults["office"] = "office-wrong"
    if not faults and role in OF_OUTLETS and outlet not in _outlets(context, person):
        faults["outlet"] = "outlet-wrong"
    if faults:
        return _people_page(context, visit, faults, sent)
    if context.settings.smtp_url and not _may_invite(context, email, person.actor, now):
        return _people_page(context, visit, {"email": "invite-often"}, sent)
    try:
        link = store.accounts.new_link(
            context.engine,
            "invite",
            now,
            INVITED,
            email=email,
            office=office,
            outlet=outlet,
            role=role,
            lang=language(),
            maker=person.actor,
            by=person,
        )
    except store.accounts.RightsChanged:
        raise NotFound from None
    return _sent(context, visit, link)


@blueprint.post("/people/<id>/<action>")
@signed_in
def steer(visit: Visit, id: str, action: str) -> Response:
    """`take` a role in an `office` or `outlet` away, `end` an account, or make a `link` for a new password: after a second sign-in."""
    context, person, now = here(), visit.person, datetime.now(UTC)
    sent = members(("office", "outlet", "password"))
    other = store.accounts.person_by_id(context.engine, id)
    office, outlet = sent.get("office", ""), sent.get("outlet", "")
    # If both an outlet and an office are named, the role in the outlet is removed: somebody who manages only one of the two names
    # that one alone.
    manages = outlet in _outlets(context, person) and not office if outlet else office in _offices(context, person)
    allowed = person.admin or (action == "take" and manages)
    if other is None or action not in ("take", "end", "link") or not allowed:
        raise NotFound
    field = f"password-{action}-{id}" + (f"-{outlet or office}" if action == "take" else "")
    if not web.proof.given(visit, sent.get("password", "")):
        return _people_page(context, visit, {field: "old-wrong"})
    if action == "take":
        store.accounts.take_role(context.engine, id, office, person.actor, now, outlet=outlet)
    elif action == "end":
        if not store.accounts.end_person(context.engine, id, person.actor, now):
            return _people_page(context, visit, {field: "last-admin"})
    else:
        lang = other.lang or language()
        try:
            link = store.accounts.new_link(
                context.engine, "reset", now, RESET, email=other.email, lang=lang, maker=person.actor, by=person
            )
        except store.accounts.RightsChanged:
            raise NotFound from None
        return _sent(context, visit, link)
    return gone("/people")


def _sent(context: Context, visit: Visit, link: store.accounts.OneTimeLink) -> Response:
    """The list with the sentence that says how the link reaches its person."""
    if context.settings.smtp_url:
        _mail(context, link)
        return _people_page(context, visit, done="link-mailed", address=link.email)
    return _people_page(
        context,
        visit,
        done="link-shown",
        address=link.email,
        url=links.once(context.engine, context.settings.url, link),
    )


def _people_page(
    context: Context,
    visit: Visit,
    faults: dict[str, str] | None = None,
    filled: dict[str, str] | None = None,
    **done: str,
) -> Response:
    person, mine = visit.person, _offices(context, visit.person)
    outlets = _outlets(context, person)
    found = store.accounts.all_people(context.engine, None if person.admin else set(mine), set(outlets))
    return page_with_ways(
        "people.html",
        status=422 if faults else 200,
        me=person,
        people=[one for one in found if one.ended is None],
        offices=mine,
        outlets=outlets,
        proven=web.proof.recent(visit),
        roles=[(role, text(f"role-{role}", language())) for role in _offered(context, person)],
        faults=faults or {},
        filled=filled or {},
        **({"done": "", "address": "", "url": ""} | done),
    )


# A new password


@blueprint.get("/forgot")
def forgetting() -> Response:
    """The form to ask for a link that sets a new password."""
    return page_with_ways("forgot.html", mail=bool(here().settings.smtp_url), faults={}, filled={}, done="")


@blueprint.post("/forgot")
def forgot() -> Response:
    """Send the link, if the account exists; the answer is the same if it does not."""
    context, now = here(), datetime.now(UTC)
    sent = members(("email",))
    email = smtp.known_as(sent.get("email", ""))
    if fault := _address_fault(email):
        return page_with_ways("forgot.html", status=422, mail=True, faults={"email": fault}, filled=sent, done="")
    if not context.settings.smtp_url:
        raise Problem(404, "no-mail", "This server sends no mail", "Ask an administrator for a link.")
    web.guessing.tried(context, f"forgot {email}", web.places.client())
    found = store.accounts.person_by_email(context.engine, email)
    if found and found[0].ended is None:
        link = store.accounts.new_link(
            context.engine, "reset", now, RESET, email=email, lang=language(), maker=found[0].actor
        )
        _mail(context, link)
    return page_with_ways("forgot.html", status=202, mail=True, faults={}, filled=sent, done="forgot-sent")


@blueprint.get("/reset/<secret>")
def resetting(secret: str) -> Response:
    """The form that sets a new password."""
    link = _link(here(), secret, "reset")
    return _dead() if link is None else page_with_ways("reset.html", action=request.path, link=link, faults={})


@blueprint.post("/reset/<secret>")
def reset(secret: str) -> Response:
    """Set the new password; the person signs in with it."""
    context = here()
    sent = members(("password",))
    link = _link(context, secret, "reset")
    found = store.accounts.person_by_email(context.engine, link.email) if link else None
    if link is None or found is None or found[0].ended is not None:
        return _dead()
    person = found[0]
    if fault := password_faults(sent.get("password", ""), (person.name, person.email)):
        return page_with_ways("reset.html", status=422, action=request.path, link=link, faults={"password": fault})
    try:
        hashed = web.proof.hash_password(sent["password"])
        store.accounts.set_password(context.engine, person.id, hashed, datetime.now(UTC), link=link.id)
    except store.accounts.LinkSpent:
        return _dead()
    return gone("/signin")


# What they share


def _link(context: Context, secret: str, kind: str) -> store.accounts.OneTimeLink | None:
    id = links.once_id(context, secret[:200])
    link = store.accounts.link_by_id(context.engine, id, datetime.now(UTC)) if id else None
    return link if link is not None and link.kind == kind else None


def _dead() -> Response:
    """The page of a link that does not work (any more): the same whatever the reason."""
    return page_with_ways("dead.html", status=410)


def _mail(context: Context, link: store.accounts.OneTimeLink) -> None:
    letter = store.deliveries.mail_to(link.email, f"link {link.id}", link.lang, link.created, link.id)
    store.deliveries.ask(context.engine, store.deliveries.Intent("link", letter), link.created)


def _offices(context: Context, person: PersonRecord) -> dict[str, str]:
    """The offices to which the person may invite: code -> name."""
    known = store.accounts.all_offices(context.engine)
    near = with_parts(known)
    return {office.code: office.name for office in known if may_invite(person, office.code, near[office.code])}


def _outlets(context: Context, person: PersonRecord) -> dict[str, str]:
    """The outlets to which the person may invite: code -> name."""
    known = store.accounts.all_outlets(context.engine) if person.admin or person.runs else []
    return {outlet.code: outlet.name for outlet in known if person.admin or outlet.code in person.runs}


def _offered(context: Context, person: PersonRecord) -> list[str]:
    """The roles that the person may give."""
    given = [*(DUTIES if person.admin or _offices(context, person) else ())]
    given += OF_OUTLETS if _outlets(context, person) else ()
    return [*given, "admin"] if person.admin else given


def _name(context: Context, link: store.accounts.OneTimeLink) -> str:
    """The name of the office or outlet that a link invites to."""
    offices = {office.code: office.name for office in store.accounts.all_offices(context.engine)}
    outlets = {outlet.code: outlet.name for outlet in store.accounts.all_outlets(context.engine)}
    return outlets.get(link.outlet, link.outlet) if link.outlet else offices.get(link.office, link.office)


def _may_invite(context: Context, email: str, maker: str, now: datetime) -> bool:
    """Whether an invitation may be sent by mail now: nobody fills a stranger's mailbox with them. One that may be sent is counted."""

    def judge(tally: store.deliveries.Tally) -> str:
        return (
            store.deliveries.OPEN
            if restraint.may_send_invitation(tally, store.micros(now))
            else store.deliveries.DROPPED
        )

    return store.deliveries.attempt(context.engine, restraint.invitation(email, maker), judge, now)


def _address_fault(email: str) -> str:
    try:
        smtp.address(email)
    except Problem:
        return "email-wrong"
    return ""
