"""Outlets, for administrators: applications, what each outlet may read and until when, and suspensions."""

import re
from datetime import UTC, datetime

from flask import Blueprint, Response
from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from app import store, web
from app.accounts.people import EDITS_OUTLET, INVITED
from app.accounts.rights import OutletRecord
from app.query import NAME
from app.web import Visit, gone, here, members, own_page, signed_in

blueprint = Blueprint("outlets", __name__)

FIELDS = ("name", "site", "regions", "offices", "embargo", "until")
MONTHS = ("1", "2", "3", "6", "")  # of a suspension; empty: until a day
APPLICATION = re.compile(r"[0-9a-f]{16}")


@blueprint.get("/outlets")
@signed_in
def listed(visit: Visit) -> Response:
    """The applications that wait for an answer, and all outlets."""
    web.newsrooms.administrators_only(visit)
    engine, now = here().engine, datetime.now(UTC)
    waiting, more = store.accounts.waiting_applications(engine)
    return own_page(
        "outlets.html",
        waiting=waiting,
        more=more,
        outlets=[(outlet, outlet.stopped(now)) for outlet in store.accounts.all_outlets(engine)],
    )


@blueprint.get("/outlets/applications/<id>")
@signed_in
def application(visit: Visit, id: str) -> Response:
    """An application, with the forms that answer it."""
    web.newsrooms.administrators_only(visit)
    return _application_page(_application(id))


@blueprint.post("/outlets/applications/<id>/<action>")
@signed_in
def decide(visit: Visit, id: str, action: str) -> Response:
    """`approve` an application with limits and an end, or `refuse` it for a reason. A mail tells the applicant."""
    web.newsrooms.administrators_only(visit)
    context, now, found = here(), datetime.now(UTC), _application(id)
    sent = members(("code", *FIELDS) if action == "approve" else ("reason",))
    if action == "refuse":
        reason = sent.get("reason", "")
        if not 0 < len(reason) <= web.newsrooms.REASON_LONGEST:
            return _application_page(found, {"reason": "outlet-reason-wrong"}, sent)
        if store.accounts.decide_application(context.engine, id, visit.person.actor, now, reason=reason):
            web.newsrooms.mail_about(context, [found.email], "refused", id, found.lang)
        return gone("/outlets")
    if action != "approve":
        raise NotFound
    known = store.accounts.outlet_of(context.engine, found.outlet) if found.outlet else None
    code = found.outlet if known else sent.get("code", "")
    outlet, faults = _outlet_in(known or OutletRecord(code, ""), sent, now)
    if not known and not NAME.fullmatch(code):
        faults["code"] = "outlet-code-wrong"
    elif not known and store.accounts.outlet_of(context.engine, code) is not None:
        faults["code"] = "outlet-code-taken"
    if faults:
        return _application_page(found, faults, sent)
    decided = store.accounts.decide_application(context.engine, id, visit.person.actor, now, outlet=outlet)
    if decided == store.accounts.CODE_TAKEN:  # Another administrator was faster.
        return _application_page(found, {"code": "outlet-code-taken"}, sent)
    if decided:
        link = ""
        if not known:
            given = {"email": found.email, "outlet": code, "role": EDITS_OUTLET, "lang": found.lang}
            try:
                link = store.accounts.new_link(
                    context.engine, "invite", now, INVITED, maker=visit.person.actor, by=visit.person, **given
                ).id
            except store.accounts.RightsChanged:  # The outlet was removed again, or the administrator's role was.
                raise NotFound from None
        web.newsrooms.mail_about(context, [found.email], "approved", id, found.lang, link)
    return gone(f"/outlets/{code}")


@blueprint.get("/outlets/<outlet>")
@signed_in
def one(visit: Visit, outlet: str) -> Response:
    """An outlet: its limits, its end, its people, and its suspension."""
    web.newsrooms.administrators_only(visit)
    return _outlet_page(_outlet(outlet))


@blueprint.post("/outlets/<outlet>/<action>")
@signed_in
def steer(visit: Visit, outlet: str, action: str) -> Response:
    """`save` the limits of an outlet, `suspend` it for a time with a reason, or `resume` it before its time."""
    web.newsrooms.administrators_only(visit)
    context, now, found = here(), datetime.now(UTC), _outlet(outlet)
    actor = visit.person.actor
    if action == "save":
        sent = members(FIELDS)
        changed, faults = _outlet_in(found, sent, now)
        if faults:
            return _outlet_page(found, faults, sent)
        store.accounts.save_outlet(context.engine, changed, now, actor)
    elif action == "suspend":
        sent = members(("months", "day", "reason"))
        until, faults = _suspension(sent, now)
        if faults or until is None:
            return _outlet_page(found, faults, sent)
        store.accounts.suspend_outlet(context.engine, outlet, until, sent["reason"], now, actor)
        _tell(outlet, "suspended")
    elif action == "resume":
        members(())
        store.accounts.resume_outlet(context.engine, outlet, now, actor)
        _tell(outlet, "resumed")
    else:
        raise NotFound
    return gone(f"/outlets/{outlet}")


def _outlet_in(known: OutletRecord, sent: dict[str, str], now: datetime) -> tuple[OutletRecord, dict[str, str]]:
    """(the outlet as a form has it, what is wrong with the form by field)."""
    limits = web.newsrooms.limits_in(here(), sent)
    faults = dict(limits.faults)
    name, site = " ".join(sent.get("name", "").split()), sent.get("site", "")
    until, fault = web.newsrooms.after_day(sent.get("until", ""), now)
    if fault:
        faults["until"] = fault
    if not 0 < len(name) <= web.newsrooms.NAME_LONGEST:
        faults["name"] = "apply-name-wrong"
    if site and not web.newsrooms.is_site(site):
        faults["site"] = "apply-site-wrong"
    if sent.get("embargo") not in ("yes", "no"):
        faults["embargo"] = "outlet-embargo-wrong"
    values = {"name": name, "site": site, "regions": limits.regions, "offices": limits.offices}
    return replace(known, **values, embargo=sent.get("embargo") == "yes", until=until), faults


def _suspension(sent: dict[str, str], now: datetime) -> tuple[datetime | None, dict[str, str]]:
    faults = {}
    months, until = sent.get("months", ""), None
    if months not in MONTHS:
        faults["months"] = "date-wrong"
    elif months:
        until = web.newsrooms.after_months(int(months), now)
    else:
        until, fault = web.newsrooms.after_day(sent.get("day", ""), now)
        if fault or until is None:
            faults["day"] = fault or "date-wrong"
    if not 0 < len(sent.get("reason", "")) <= web.newsrooms.REASON_LONGEST:
        faults["reason"] = "outlet-reason-wrong"
    return until, faults


def _tell(outlet: str, kind: str) -> None:
    context = here()
    readers = store.accounts.people_of_outlet(context.engine, outlet)
    web.newsrooms.mail_about(context, [one.email for one in readers], kind, outlet)


def _application(id: str) -> store.accounts.Application:
    found = store.accounts.application(here().engine, id) if APPLICATION.fullmatch(id) else None
    if found is None or found.state == store.accounts.UNCONFIRMED:
        raise NotFound
    return found


def _outlet(code: str) -> OutletRecord:
    found = store.accounts.outlet_of(here().engine, code) if NAME.fullmatch(code) else None
    if found is None:
        raise NotFound
    return found


def _application_page(
    found: store.accounts.Application, faults: dict[str, str] | None = None, filled: dict[str, str] | None = None
) -> Response:
    engine = here().engine
    known = store.accounts.outlet_of(engine, found.outlet) if found.outlet else None
    names = {office.code: office.name for office in store.accounts.all_offices(engine)}
    asked = {
        "name": found.name,
        "site": found.site,
        "regions": "\n".join(found.regions),
        "offices": "\n".join(names.get(code, code) for code in found.offices),
        "embargo": "yes",
    }
    namesakes = [one for one in store.accounts.all_outlets(engine) if one.name == found.name and one != known]
    return own_page(
        "outlet_application.html",
        status=422 if faults else 200,
        about=found,
        known=known,
        namesakes=namesakes,
        faults=faults or {},
        filled=asked | (filled or {}),
        offices=names,
    )


def _outlet_page(
    found: OutletRecord, faults: dict[str, str] | None = None, filled: dict[str, str] | None = None
) -> Response:
    engine, now = here().engine, datetime.now(UTC)
    names = {office.code: office.name for office in store.accounts.all_offices(engine)}
    present = {
        "name": found.name,
        "site": found.site,
        "regions": "\n".join(found.regions),
        "offices": "\n".join(names.get(code, code) for code in found.offices),
        "embargo": "yes" if found.embargo else "no",
        "until": web.newsrooms.last_day(found.until),
    }
    return own_page(
        "outlet.html",
        status=422 if faults else 200,
        outlet=found,
        stopped=found.stopped(now),
        people=store.accounts.people_of_outlet(engine, found.code),
        applications=store.accounts.applications(engine, "waiting", "approved", "refused", outlet=found.code, limit=10),
        months=MONTHS,
        faults=faults or {},
        filled=present | (filled or {}),
        mail=bool(web.context.here().settings.smtp_url),
    )
