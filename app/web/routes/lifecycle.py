"""Changes of an article that is already here: correct, release, withdraw; and its audit log."""

import re
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct
from msgspec.structs import replace

from app import store, web
from app.web import PUBLIC_ID, Context, Principal, Problem, Sender, check_type, here, no_body, reason, whole_body
from feeds import Article, rfc3339_utc

blueprint = Blueprint("lifecycle", __name__)

MOST = 200  # events in one answer
HASH = 16  # hexadecimal digits of an event's hash in a cursor: after a restore, the same number may belong to another event
CURSOR = re.compile(r"(\d{1,17})(?:-([0-9a-f]{16}))?")


@blueprint.put("/articles/<id>")
def correct(id: str) -> Response:
    """Correct: publish the next version of the article, from a document in any dialect that contains only this article. 200 with its
    receipt."""
    context, principal = here(), web.access.needed("publish")
    article = _own(context, principal, id)
    body = whole_body(context.settings.max_body)
    check_type()
    sender = web.access.spent(_as_office(context, principal, article))
    return _answer(web.releases.correct(context, sender, article, body, request.headers.get("Content-Type", "")))


@blueprint.delete("/articles/<id>")
def withdraw(id: str) -> Response:
    """Withdraw with a `reason`: the article is canceled for good, or with `pubstatus=withheld` for the time being. Readers see the
    reason of a cancelation. 200 with its receipt, even if it was withdrawn before."""
    context, principal = here(), web.access.needed("publish")
    why, pubstatus = reason(), _pubstatus()
    if not why:
        detail = "Give the reason in the parameter `reason`: readers of the article see it."
        raise Problem(400, "reason-missing", "A reason is needed", detail)
    article = _own(context, principal, id)
    sender = web.access.spent(no_body(_as_office(context, principal, article)))
    if article.pubstatus == pubstatus:
        return _answer(web.releases.receipt_of(context, article))
    return _answer(web.releases.withdraw(context, article, sender, why, pubstatus))


@blueprint.post("/articles/<id>/release")
def release(id: str) -> Response:
    """Release an article that is held: it is public at once, or at the instant of its embargo. 200 with its receipt."""
    context, principal = here(), web.access.needed("publish")
    article = _own(context, principal, id)
    sender = web.access.spent(no_body(_as_office(context, principal, article)))
    return _answer(web.releases.release(context, article, sender))


class AuditLine(Struct, frozen=True, omit_defaults=True):
    """An event of the audit log, as the answer shows it."""

    seq: int
    at: str  # RFC 3339
    action: str
    actor: str
    who: str = ""  # the outlet or office that the token or key belongs to, and the token's name
    version: int = 0
    detail: dict[str, str] = {}
    hash: str = ""


@blueprint.get("/articles/<id>/audit")
def audit(id: str) -> Response:
    """Everything that was done to the article, and who read it under embargo, in order. `action` selects one kind of event, `after`
    the next page."""
    context, principal = here(), web.access.needed("read")
    _own(context, principal, id)
    after, action = _after(context), request.args.get("action", "")
    found = store.audit.records(context.engine, article=id, action=action, after=after, limit=MOST + 1)
    names = _names(context)
    events = [
        AuditLine(
            record.seq,
            rfc3339_utc(record.at),
            record.event.action,
            record.event.actor,
            names.get(record.event.actor, ""),
            record.event.version,
            record.event.detail,
            record.hash,
        )
        for record in found[:MOST]
    ]
    response = _private(Response(msgspec.json.encode({"id": id, "events": events}), mimetype="application/json"))
    if len(found) > MOST:
        selected = f"&{urlencode({'action': action})}" if action else ""
        url = f"{context.settings.url}/articles/{id}/audit?after={events[-1].seq}-{events[-1].hash[:HASH]}{selected}"
        response.headers["Link"] = f'<{url}>; rel="next"'
    return response


def _own(context: Context, principal: Principal, id: str) -> Article:
    """The newest version of an article that this principal may change. Raises Problem: 403 if the article is of another office, or 404
    if that article is not public, as if it did not exist."""
    known = PUBLIC_ID.fullmatch(id)
    newest = store.articles.newest_for(context.engine, id, principal.acts_for()) if known else None
    if newest is not None and principal.covers(newest.article.office.code):
        return newest.article
    if newest is None or not newest.public:
        raise Problem(404, "unknown-article", "No such article")
    detail = f"The article belongs to {newest.article.office.code!r}, and this token may not act for that office."
    raise Problem(403, "wrong-office", "Not this token's office", detail)


def _as_office(context: Context, principal: Principal, article: Article) -> Sender:
    """The sender: always the article's own office, even if another office acts for it."""
    offices = store.accounts.all_offices(context.engine)
    own = next(office for office in offices if office.code == article.office.code)
    return Sender(own, (), principal.actor)


def _pubstatus() -> str:
    pubstatus = request.args.get("pubstatus", "canceled")
    if pubstatus not in ("canceled", "withheld"):
        raise Problem(400, "bad-parameter", "Bad parameter", "pubstatus must be canceled or withheld.")
    return pubstatus


def _after(context: Context) -> int:
    """The number of the event after which a page begins. Raises Problem, also if that number now belongs to another event."""
    cursor = CURSOR.fullmatch(request.args.get("after", "0"))
    if cursor is None:
        raise Problem(400, "bad-cursor", "Not a cursor", "after must be the number of an event.")
    if cursor[2]:
        found = store.audit.records(context.engine, after=int(cursor[1]) - 1, limit=1)
        if not found or (found[0].seq, found[0].hash[:HASH]) != (int(cursor[1]), cursor[2]):
            detail = (
                "The database was restored to an older state after this cursor was made. Start again without after."
            )
            raise Problem(410, "bad-cursor", "The cursor belongs to another state of the database", detail)
    return int(cursor[1])


def _names(context: Context) -> dict[str, str]:
    """The name of a token in the log -> the office, outlet or role that it belongs to."""
    found = {}
    for token in store.accounts.all_tokens(context.engine):
        owner = token.outlet or token.office or token.role
        found[token.actor] = f"{owner} ({token.name})" if token.name else owner
    return found


def _answer(receipt: web.releases.Receipt) -> Response:
    return _private(Response(msgspec.json.encode(replace(receipt, status=200)), mimetype="application/json"))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
