"""The Atom Publishing Protocol (https://www.rfc-editor.org/rfc/rfc5023): any client of it can publish with an office's token."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Literal

from flask import Blueprint, Response, request

from app import store, web
from app.web import (
    PUBLIC_ID,
    Context,
    OfficeRecord,
    Principal,
    Problem,
    Sender,
    etag_of,
    here,
    no_body,
    reason,
    whole_body,
)
from feeds import Office, atompub
from schemas import codes

blueprint = Blueprint("atompub", __name__)

PAGE = 50  # members on a page of the collection
# XML::Atom and others write the type of before RFC 4287.
ENTRY_TYPES = ("application/atom+xml", "application/x.atom+xml", "application/xml", "text/xml")


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
        raise Problem(404, "unknown-scheme", "No such scheme", "The schemes are region, medtop and brm.")
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
    """The office's articles in every state, the last edited first, in pages."""
    context, principal = here(), web.access.needed("read")
    own = _own(principal, office)
    before = None
    if cursor := request.args.get("before", ""):
        context.synced()
        before = context.read_cursor("before", cursor)
    found, more = store.articles.last_edited(context.engine, own.code, before, PAGE, web.page.PAGE_BYTES)
    first = _collection(context, own)
    last = found[-1] if more else None
    following = f"{first}?before={context.write_cursor((last.micros, last.num))}" if last else ""
    _audit(principal, found)
    members = [_member(context, edited) for edited in found]
    url = f"{first}?before={cursor}" if cursor else first
    body = atompub.collection(Office(own.code, own.name), url, first, following, members)
    return _private(Response(body, content_type=atompub.COLLECTION))


@blueprint.post("/atompub/<office>/")
def post(office: str) -> Response:
    """Publish an entry: 201 with the member; 200 if it is already here."""
    context = here()
    sender = _sender(office)
    own = sender.office
    body = whole_body(context.settings.max_body)
    _entry_type()
    slug = web.parameters.header("Slug")  # RFC 5023, section 9.7.1
    receipt = web.releases.publish(context, web.access.spent(sender), body, _content_type(), slug)
    edited = _kept(context, own, receipt.id)
    response = _entry(context, edited, receipt.status)
    response.headers["Location"] = response.headers["Content-Location"] = _url(context, edited)
    return response


@blueprint.get("/atompub/<office>/<id>")
def read(office: str, id: str) -> Response:
    """The entry for editing, with the ETag that PUT has to send back in If-Match."""
    context = here()
    principal = web.access.needed("read")
    edited = _kept(context, _own(principal, office), id)
    _audit(principal, [edited])
    response = _entry(context, edited, 200)
    response.make_conditional(request)
    return response


@blueprint.put("/atompub/<office>/<id>")
def put(office: str, id: str) -> Response:
    """Correct: publish the next version. 412 if somebody else has corrected it meanwhile."""
    context, sender = here(), _sender(office)
    own = sender.office
    edited = _kept(context, own, id)
    body = whole_body(context.settings.max_body)
    _entry_type()
    _if_match(context, edited)
    web.releases.correct(context, web.access.spent(sender), edited.article, body, _content_type())
    return _entry(context, _kept(context, own, id), 200)


@blueprint.delete("/atompub/<office>/<id>")
def delete(office: str, id: str) -> Response:
    """Cancel: the article leaves every feed. Its page says so, with the `reason` if one is given."""
    context, sender = here(), _sender(office)
    edited = _kept(context, sender.office, id)
    _if_match(context, edited)
    sender = web.access.spent(no_body(sender))
    if edited.article.pubstatus != "canceled":
        web.releases.withdraw(context, edited.article, sender, reason())
    return _private(Response(status=204))


def _office(scope: str) -> OfficeRecord:
    """The office of a token with that scope."""
    return web.access.sender(web.access.needed(scope)).office


def _own(principal: Principal, office: str) -> OfficeRecord:
    own = web.access.sender(principal).office
    _check(own, office)
    return own


def _audit(principal: Principal, members: Sequence[store.articles.Edited]) -> None:
    """Record who reads articles under embargo, even if it is their own office."""
    now = datetime.now(UTC)
    articles = [member.article for member in members]
    waiting = [
        article for article in articles if article.pubstatus == "usable" and not store.articles.public_at(article, now)
    ]
    web.embargoed.copies(principal, waiting, "atompub")


def _sender(office: str) -> Sender:
    sender = web.access.sender(web.access.needed("publish"))
    _check(sender.office, office)
    return sender


def _check(own: OfficeRecord, office: str) -> None:
    if own.code != office:
        raise Problem(403, "wrong-office", "Not this token's office", f"This token publishes only for {own.code!r}.")


def _kept(context: Context, office: OfficeRecord, id: str) -> store.articles.Edited:
    found = store.articles.edited(context.engine, office.code, id) if PUBLIC_ID.fullmatch(id) else None
    if found is None:
        raise Problem(404, "unknown-article", "No such article")
    return found


def _collection(context: Context, office: OfficeRecord) -> str:
    return f"{context.settings.url}/atompub/{office.code}/"


def _url(context: Context, edited: store.articles.Edited) -> str:
    return f"{context.settings.url}/atompub/{edited.article.office.code}/{edited.article.id}"


def _member(context: Context, edited: store.articles.Edited) -> atompub.Member:
    return atompub.Member(edited.article, edited.edited, _url(context, edited))


def _entry(context: Context, edited: store.articles.Edited, status: int) -> Response:
    response = Response(atompub.member(_member(context, edited)), status, content_type=atompub.ENTRY)
    response.set_etag(etag_of(response.get_data()))
    return _private(response)


def _private(response: Response) -> Response:
    """The response with an office's own articles, also under embargo: no cache may store it."""
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _if_match(context: Context, edited: store.articles.Edited) -> None:
    """Check If-Match by strong comparison (RFC 9110, section 13.1.1). A client that sends none may overwrite other corrections."""
    if not request.if_match:
        return
    etag, _ = _entry(context, edited, 200).get_etag()
    if not request.if_match.contains(etag or ""):
        raise Problem(
            412,
            "edited-meanwhile",
            "Another correction came first",
            "Read the entry again, then repeat the correction.",
        )


def _entry_type() -> None:
    if request.mimetype not in ENTRY_TYPES:
        detail = f"Content-Type must be application/atom+xml;type=entry, not {request.mimetype[:80] or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Not an Atom entry", detail)


def _content_type() -> str:
    return request.headers.get("Content-Type", "")
