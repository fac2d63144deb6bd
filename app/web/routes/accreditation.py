"""Applying for accreditation: a public form, a mail that asks for a confirmation, and the page that the link in it opens.

The form's answers do not reveal which outlets or addresses are known. Opening a link changes nothing; its button does.
"""

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from app import store, web
from app.accounts.people import NAME_LONGEST as PERSON_LONGEST
from app.deliveries import links
from app.web import Context, Problem, here, language, members, own_page, page_with_ways

blueprint = Blueprint("accreditation", __name__)

FIELDS = ("name", "site", "person", "email", "why", "regions", "offices")
WHY = (10, 1000)  # characters


@blueprint.get("/accreditation")
def form() -> Response:
    """The form."""
    _ready()
    return _page(step="form")


@blueprint.post("/accreditation")
def ask() -> Response:
    """Keep an application, and send the mail that asks to confirm its address. The answer is the same if no mail is sent because that
    address got one recently."""
    context, now = _ready(), datetime.now(UTC)
    sent = members(FIELDS)
    limits = web.newsrooms.limits_in(context, sent)
    values = {name: " ".join(sent.get(name, "").split()) for name in FIELDS}
    faults, target = _faults(values, limits)
    if faults:
        return _page(422, step="form", filled=sent, faults=faults)
    try:
        allowed = web.alerting.may_mail(context, target, request.remote_addr or "")
    except Problem as problem:
        return _page(problem.status, step="form", filled=sent, faults={"email": "apply-often"})
    if allowed:
        application = store.accounts.Application(
            *(values["name"], values["site"], values["person"], target, sent["why"].strip()),
            *(limits.regions, limits.offices, language()),
        )
        id = store.accounts.add_application(context.engine, application, now)
        web.newsrooms.mail_about(context, [target], "confirm", id, language())
    return _page(202, step="asked", address=target)


@blueprint.get("/accreditation/<secret>")
def confirming(secret: str) -> Response:
    """The page that the link in the mail opens, with the button that sends the application to the administrators."""
    application = _unconfirmed(_ready(), secret)
    if application is None:
        return page_with_ways("dead.html", status=410)
    return _page(step="confirm", about=application, secret=secret)


@blueprint.post("/accreditation/<secret>")
def confirm(secret: str) -> Response:
    """Send the application to the administrators."""
    context, now = _ready(), datetime.now(UTC)
    application = _unconfirmed(context, secret)
    try:
        confirmed = store.accounts.confirm_application(context.engine, application.id, now) if application else None
    except store.accounts.NoMoreApplications:
        return _page(429, step="confirm", about=application, secret=secret, full=True)
    if confirmed is None:
        return page_with_ways("dead.html", status=410)
    found, gone = confirmed.application, confirmed.displaced
    if gone is not None:
        web.newsrooms.mail_about(context, [gone.email], "refused", gone.id, gone.lang)
    store.deliveries.confirmed(context.engine, web.restraint.writing(found.email, ""))
    web.newsrooms.tell_administrators(context, found.id)
    return _page(step="applied", about=found)


def _faults(values: dict[str, str], limits: web.newsrooms.NamedLimits) -> tuple[dict[str, str], str]:
    """(field -> what is wrong, the address of the applicant)."""
    faults, target = {}, ""
    if not 0 < len(values["name"]) <= web.newsrooms.NAME_LONGEST:
        faults["name"] = "apply-name-wrong"
    if not web.newsrooms.is_site(values["site"]):
        faults["site"] = "apply-site-wrong"
    if not 0 < len(values["person"]) <= PERSON_LONGEST:
        faults["person"] = "name-wrong"
    try:
        target = web.smtp.address(values["email"])
    except Problem:
        faults["email"] = "email-wrong"
    if not WHY[0] <= len(values["why"]) <= WHY[1]:
        faults["why"] = "apply-why-wrong"
    return faults | limits.faults, target


def _unconfirmed(context: Context, secret: str) -> store.accounts.Application | None:
    id = links.applied(context, secret[:200])
    found = store.accounts.application(context.engine, id) if id else None
    if found is None or found.state != store.accounts.UNCONFIRMED or found.created is None:
        return None
    return found if found.created >= datetime.now(UTC) - store.accounts.CONFIRMED_WITHIN else None


def _ready() -> Context:
    context = here()
    if not context.settings.smtp_url:
        detail = "Without a mail server nobody's address can be confirmed. Ask an administrator of this server to invite you."
        raise Problem(404, "no-mail", "Nobody can apply here", detail)
    return context


def _page(status: int = 200, **values: object) -> Response:
    values = {"filled": {}, "faults": {}, "about": None, "address": "", "secret": "", "full": False, **values}
    return own_page("accreditation.html", status=status, **values)
