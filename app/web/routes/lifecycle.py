"""What becomes of an article that is here: corrected, released, withdrawn; and who did what to it."""

import re
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.accounts.offices import Sender
from app.accounts.rights import Principal
from app.context import Context
from app.errors import Problem
from app.intake import releases
from app.intake.normalize import PUBLIC_ID
from app.intake.normalize import line as one_line
from app.intake.releases import Receipt
from app.query.query import rfc3339
from app.web import access
from app.web.context import here
from app.web.routes.ingest import check_type, no_body, whole_body
from feeds.article import Article

blueprint = Blueprint("lifecycle", __name__)

LONGEST_REASON = 1000  # characters
MOST = 200  # events in one answer
HASH = 16  # hexadecimal digits of an event's hash, in a cursor: after a restore another event has its number
CURSOR = re.compile(r"(\d{1,17})(?:-([0-9a-f]{16}))?")


@blueprint.put("/articles/<id>")
def correct(id: str) -> Response:
    """Correct: the next version of the article from a document that holds it alone, in any dialect; 200 with its receipt."""
    context, principal = here(), access.needed("publish")
    article = _own(context, principal, id)
    body = whole_body(context.settings.max_body)
    check_type()
    sender = access.spent(_as_office(context, principal, article))
    return _answer(releases.correct(context, sender, article, body, request.headers.get("Content-Type", "")))


@blueprint.delete("/articles/<id>")
def withdraw(id: str) -> Response:
    """Withdraw, with the `reason` that readers are told: canceled for good, or with `pubstatus=withheld` for now; 200 with its
    receipt, also where that was done before."""
    context, principal = here(), access.needed("publish")
    why, pubstatus = reason(), _pubstatus()
    if not why:
        detail = "Say why in the parameter `reason`: readers of the article are told so."
        raise Problem(400, "reason-missing", "A reason is needed", detail)
    article = _own(context, principal, id)
    sender = access.spent(no_body(_as_office(context, principal, article)))
    if article.pubstatus == pubstatus:
        return _answer(releases.told(context, article))
    return _answer(releases.withdraw(context, article, sender, why, pubstatus))


@blueprint.post("/articles/<id>/release")
def release(id: str) -> Response:
    """Release an article that is held: it is public at once, or waits for the instant it names; 200 with its receipt."""
    context, principal = here(), access.needed("publish")
    article = _own(context, principal, id)
    sender = access.spent(no_body(_as_office(context, principal, article)))
    return _answer(releases.release(context, article, sender))


class Told(Struct, frozen=True, omit_defaults=True):
    """An event of the audit log as it is told."""

    seq: int
    at: str  # RFC 3339
    action: str
    actor: str
    who: str = ""  # the outlet or office whose token or key it is, and the token's name
    version: int = 0
    detail: dict[str, str] = {}
    hash: str = ""


@blueprint.get("/articles/<id>/audit")
def audit(id: str) -> Response:
    """What was done to the article, and who read it under embargo, in order; `action` asks for one kind, `after` for the next
    page."""
    context, principal = here(), access.needed("read")
    _own(context, principal, id)
    after, action = _after(context), request.args.get("action", "")
    found = store.records(context.engine, article=id, action=action, after=after, limit=MOST + 1)
    names = _names(context)
    events = [
        Told(
            one.seq,
            rfc3339(one.at),
            one.event.action,
            one.event.actor,
            names.get(one.event.actor, ""),
            one.event.version,
            one.event.detail,
            one.hash,
        )
        for one in found[:MOST]
    ]
    response = _private(Response(msgspec.json.encode({"id": id, "events": events}), mimetype="application/json"))
    if len(found) > MOST:
        asked = f"&{urlencode({'action': action})}" if action else ""
        url = f"{context.settings.url}/articles/{id}/audit?after={events[-1].seq}-{events[-1].hash[:HASH]}{asked}"
        response.headers["Link"] = f'<{url}>; rel="next"'
    return response


def _own(context: Context, principal: Principal, id: str) -> Article:
    """The newest version of an article that this principal acts for. Raises Problem: 404, as for one that does not exist, where it
    is another office's and not public; else 403."""
    kept = store.newest(context.engine, id) if PUBLIC_ID.fullmatch(id) else None
    if kept is not None and principal.covers(kept.article.office.code):
        return kept.article
    if kept is None or not kept.public:
        raise Problem(404, "unknown-article", "No such article")
    detail = f"The article is of {kept.article.office.code!r}, for which this token does not act."
    raise Problem(403, "wrong-office", "Not this token's office", detail)


def _as_office(context: Context, principal: Principal, article: Article) -> Sender:
    """The article's own office sends it, whoever does so for it."""
    offices = store.all_offices(context.engine)
    office = next(one for one in offices if one.code == article.office.code)
    return Sender(office, (), principal.actor)


def reason() -> str:
    """Why an article is withdrawn, in one line; empty where the request does not say. Raises Problem."""
    given = one_line(request.args.get("reason", ""))
    if len(given) > LONGEST_REASON:
        detail = f"The reason has {len(given)} characters; at most {LONGEST_REASON} are taken."
        raise Problem(400, "bad-parameter", "Bad parameter", detail)
    return given


def _pubstatus() -> str:
    pubstatus = request.args.get("pubstatus", "canceled")
    if pubstatus not in ("canceled", "withheld"):
        raise Problem(400, "bad-parameter", "Bad parameter", "pubstatus takes canceled or withheld.")
    return pubstatus


def _after(context: Context) -> int:
    """The number of the event that a page begins behind. Raises Problem, also where the event of that number is another one now."""
    cursor = CURSOR.fullmatch(request.args.get("after", "0"))
    if cursor is None:
        raise Problem(400, "bad-cursor", "Not a cursor", "after takes the number of an event.")
    if cursor[2]:
        found = store.records(context.engine, after=int(cursor[1]) - 1, limit=1)
        if not found or (found[0].seq, found[0].hash[:HASH]) != (int(cursor[1]), cursor[2]):
            detail = (
                "The database was put back to an older state since this cursor was given: begin again without after."
            )
            raise Problem(410, "bad-cursor", "A cursor of another state of the database", detail)
    return int(cursor[1])


def _names(context: Context) -> dict[str, str]:
    """What the log calls a token -> whose it is."""
    found = {}
    for token in store.all_tokens(context.engine):
        owner = token.outlet or token.office or token.role
        found[token.actor] = f"{owner} ({token.name})" if token.name else owner
    return found


def _answer(receipt: Receipt) -> Response:
    return _private(Response(msgspec.json.encode(replace(receipt, status=200)), mimetype="application/json"))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
