"""The Atom Publishing Protocol (https://www.rfc-editor.org/rfc/rfc5023): any client of it publishes with an office's token."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Literal

from flask import Blueprint, Response, request

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.accounts.rights import Principal
from app.announce import synced
from app.context import Context
from app.errors import Problem
from app.intake import releases
from app.intake.normalize import PUBLIC_ID
from app.query import query as queries
from app.store import Edited
from app.syndication.page import PAGE_BYTES
from app.web import access, parameters
from app.web.context import here
from app.web.representation import etag_of
from app.web.routes import embargoed
from app.web.routes.ingest import no_body, whole_body
from app.web.routes.lifecycle import reason
from feeds import atompub
from feeds.article import Office
from schemas import codes

blueprint = Blueprint("atompub", __name__)

PAGE = 50  # members on a page of the collection
CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})(?:-([0-9a-f]{8}))?")
ENTRY_TYPES = ("application/atom+xml", "application/xml", "text/xml")


@blueprint.get("/atompub")
def service() -> Response:
    """The service document of the token's office."""
    context, office = here(), _office("read")
    url = context.settings.url
    lists = [f"{url}/atompub/categories/{scheme}" for scheme in ("region", "medtop", "brm")]
    body = atompub.service(Office(office.code, office.name), _collection(context, office), lists)
    return _private(Response(body, content_type=atompub.SERVICE))


@blueprint.get("/atompub/categories/<scheme>")
def categories(scheme: str) -> Response:
    """A category document: every code of a scheme with its name."""
    if scheme not in ("region", "medtop", "brm"):
        raise Problem(404, "unknown-scheme", "No such scheme", "Known are region, medtop and brm.")
    response = Response(_categories(scheme), content_type=atompub.CATEGORIES)
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.set_etag(etag_of(response.get_data()))
    response.make_conditional(request)
    return response


@cache
def _categories(scheme: str) -> bytes:
    table: Literal["region", "topic"] = "region" if scheme == "region" else "topic"
    known = (code for code in codes(table) if code.scheme == scheme and code.valid_to is None and code.retired is None)
    return atompub.categories(scheme, [(c.code, c.names.get("ko") or c.names["en"]) for c in known])


@blueprint.get("/atompub/<office>/")
def collection(office: str) -> Response:
    """The office's articles in every state, last edited first, a page at a time."""
    context, principal = here(), access.needed("read")
    own = _own(principal, office)
    given = request.args.get("before", "")
    cursor = CURSOR.fullmatch(given)
    if given and cursor is None:
        raise Problem(400, "bad-parameter", "Bad parameter", "`before` is taken from the link to the next page.")
    if cursor is not None:
        synced(context.cache, context.engine)
        queries.check_tag(cursor[3] or "")
    before = (int(cursor[1]), int(cursor[2])) if cursor else None
    found, more = store.last_edited(context.engine, own.code, before, PAGE, PAGE_BYTES)
    first = _collection(context, own)
    last = found[-1] if more else None
    following = f"{first}?before={last.micros}-{last.num}-{queries.tag_of(context.cache.instance)}" if last else ""
    _audit(principal, found)
    members = [_member(context, edited) for edited in found]
    url = f"{first}?before={given}" if given else first
    body = atompub.collection(Office(own.code, own.name), url, first, following, members)
    return _private(Response(body, content_type=atompub.COLLECTION))


@blueprint.post("/atompub/<office>/")
def post(office: str) -> Response:
    """Publish an entry: 201 with the member; 200 where it is here already."""
    context = here()
    sender = _sender(office)
    own = sender.office
    body = whole_body(context.settings.max_body)
    _entry_type()
    slug = parameters.header("Slug")  # RFC 5023, section 9.7.1
    receipt = releases.publish(context, access.spent(sender), body, _content_type(), slug)
    edited = _kept(context, own, receipt.id)
    response = _entry(context, edited, receipt.status)
    response.headers["Location"] = response.headers["Content-Location"] = _url(context, edited)
    return response


@blueprint.get("/atompub/<office>/<id>")
def read(office: str, id: str) -> Response:
    """The entry to edit, with the ETag that PUT wants back."""
    context = here()
    principal = access.needed("read")
    edited = _kept(context, _own(principal, office), id)
    _audit(principal, [edited])
    response = _entry(context, edited, 200)
    response.make_conditional(request)
    return response


@blueprint.put("/atompub/<office>/<id>")
def put(office: str, id: str) -> Response:
    """Correct: the next version. 412 where somebody else was first."""
    context, sender = here(), _sender(office)
    own = sender.office
    edited = _kept(context, own, id)
    body = whole_body(context.settings.max_body)
    _entry_type()
    _if_match(context, edited)
    releases.correct(context, access.spent(sender), edited.article, body, _content_type())
    return _entry(context, _kept(context, own, id), 200)


@blueprint.delete("/atompub/<office>/<id>")
def delete(office: str, id: str) -> Response:
    """Cancel: the article leaves every feed; its page says so, with the `reason` where one is given."""
    context, sender = here(), _sender(office)
    edited = _kept(context, sender.office, id)
    _if_match(context, edited)
    sender = access.spent(no_body(sender))
    if edited.article.pubstatus != "canceled":
        releases.withdraw(context, edited.article, sender, reason())
    return _private(Response(status=204))


def _office(scope: str) -> OfficeRecord:
    """The office of a token with that scope."""
    return access.sender(access.needed(scope)).office


def _own(principal: Principal, office: str) -> OfficeRecord:
    own = access.sender(principal).office
    _check(own, office)
    return own


def _audit(principal: Principal, members: Sequence[Edited]) -> None:
    """Who reads what is under embargo is kept, also where it is its own office."""
    now = datetime.now(UTC)
    waits = [
        one.article for one in members if one.article.pubstatus == "usable" and not store.public_at(one.article, now)
    ]
    embargoed.audit(principal, waits, "atompub")


def _sender(office: str) -> Sender:
    sender = access.sender(access.needed("publish"))
    _check(sender.office, office)
    return sender


def _check(own: OfficeRecord, office: str) -> None:
    if own.code != office:
        raise Problem(403, "wrong-office", "Not this token's office", f"This token publishes for {own.code!r}.")


def _kept(context: Context, office: OfficeRecord, id: str) -> Edited:
    found = store.edited(context.engine, office.code, id) if PUBLIC_ID.fullmatch(id) else None
    if found is None:
        raise Problem(404, "unknown-article", "No such article")
    return found


def _collection(context: Context, office: OfficeRecord) -> str:
    return f"{context.settings.url}/atompub/{office.code}/"


def _url(context: Context, edited: Edited) -> str:
    return f"{context.settings.url}/atompub/{edited.article.office.code}/{edited.article.id}"


def _member(context: Context, edited: Edited) -> atompub.Member:
    return atompub.Member(edited.article, edited.edited, _url(context, edited))


def _entry(context: Context, edited: Edited, status: int) -> Response:
    response = Response(atompub.member(_member(context, edited)), status, content_type=atompub.ENTRY)
    response.set_etag(etag_of(response.get_data()))
    return _private(response)


def _private(response: Response) -> Response:
    """An office's own articles, embargoed ones too: for nobody's cache."""
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _if_match(context: Context, edited: Edited) -> None:
    """RFC 9110, section 13.1.1, by strong comparison. A client that sends no If-Match takes what comes of it."""
    if not request.if_match:
        return
    etag, _ = _entry(context, edited, 200).get_etag()
    if not request.if_match.contains(etag or ""):
        raise Problem(412, "edited-meanwhile", "Another correction came first", "Read the entry again, then repeat.")


def _entry_type() -> None:
    if request.mimetype not in ENTRY_TYPES:
        detail = f"This collection takes application/atom+xml;type=entry, not {request.mimetype[:80] or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Not an Atom entry", detail)


def _content_type() -> str:
    return request.headers.get("Content-Type", "")
