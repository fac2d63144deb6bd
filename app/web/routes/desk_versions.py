"""The versions of a draft: a list, each version, the difference between two, and an old one as the newest; and how a correction
differs from what the public reads now."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk.comparing import compare
from app.text.difference import difference
from app.web import (
    Context,
    Seat,
    Visit,
    contents,
    draft_at,
    draft_page,
    gone,
    here,
    language,
    members,
    named_by,
    number_sent,
    own_page,
    shown_fields,
    signed_in,
    work,
)

blueprint = Blueprint("desk_versions", __name__)


@blueprint.get("/desk/drafts/<id>/versions")
@signed_in
def listed(visit: Visit, id: str) -> Response:
    """The versions of a draft's text, the newest first, and what somebody wrote beside it."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    return _list(context, seat, draft)


def _list(
    context: Context,
    seat: Seat,
    draft: store.desk.DraftRecord,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    versions = store.desk.versions_of(context.engine, draft.id)
    asides = store.desk.asides(context.engine, draft.id)
    people = [f"person {id}" for id in ([one.person for one in versions] + [one.person for one in asides])]
    return own_page(
        "desk_versions.html",
        status=status,
        seat=seat,
        draft=draft,
        versions=versions,
        asides=asides,
        names=named_by(context, [draft], people),
        faults=dict(faults or {}),
        editable=draft.state in store.desk.EDITABLE and seat.may.may("draft"),
    )


@blueprint.get("/desk/drafts/<id>/versions/<version>")
@signed_in
def one(visit: Visit, id: str, version: str) -> Response:
    """A version of a draft, as it would be published now; with what differs from the newest."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    stored = store.desk.draft_version(context.engine, draft.id, number_sent(version))
    if stored is None:
        raise NotFound
    content = contents.from_json(stored)
    with web.places.asking():
        texts, fields = compare(content, contents.from_json(draft.content))
    checked = work.check(context, seat.office, draft, content, datetime.now(UTC))
    return own_page(
        "desk_version.html",
        seat=seat,
        draft=draft,
        number=number_sent(version),
        checked=checked,
        content=content,
        texts=texts,
        fields=fields,
        text_lang=content["language"] or "ko",
        editable=draft.state in store.desk.EDITABLE and seat.may.may("draft"),
    )


@blueprint.post("/desk/drafts/<id>/versions/<version>")
@signed_in
def take(visit: Visit, id: str, version: str) -> Response:
    """Make an old version the newest; those between stay."""
    context, now = here(), datetime.now(UTC)
    sent = members(("revision",))
    seat, draft = draft_at(context, visit, id, "draft")
    if number_sent(sent.get("revision", "")) != draft.revision or draft.state not in store.desk.EDITABLE:
        return _list(context, seat, draft, {"": "desk-meanwhile-step"}, 409)
    try:
        taken = work.take_version(context, draft, number_sent(version), seat.person, now)
    except store.desk.Stale as stale:
        return _list(context, seat, stale.draft or draft, {"": "desk-meanwhile-step"}, 409)
    if taken is None:
        raise NotFound
    return gone(f"/desk/drafts/{draft.id}?saved={taken.revision}")


@blueprint.get("/desk/drafts/<id>/diff")
@signed_in
def compared(visit: Visit, id: str) -> Response:
    """What differs between the versions `from` and `to` of a draft; without them, between what the public reads and a correction."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    asked = [number_sent(request.args.get(name, "")) for name in ("from", "to")]
    if asked == [-1, -1]:
        return _from_public(context, seat, draft)
    found = [store.desk.draft_version(context.engine, draft.id, number) for number in asked]
    if found[0] is None or found[1] is None:
        raise NotFound
    new = contents.from_json(found[1])
    with web.places.asking():
        texts, fields = compare(contents.from_json(found[0]), new)
    return own_page(
        "desk_difference.html",
        seat=seat,
        draft=draft,
        old=asked[0],
        new=asked[1],
        texts=texts,
        fields=fields,
        text_lang=new["language"] or "ko",
        public=None,
    )


def _from_public(context: Context, seat: Seat, draft: store.desk.DraftRecord) -> Response:
    stored = store.articles.newest(context.engine, draft.article) if draft.article else None
    if stored is None or stored.article.office.code != draft.office:
        raise NotFound
    checked = work.check(context, seat.office, draft, contents.from_json(draft.content), datetime.now(UTC))
    with web.places.asking():
        if checked.article is not None:
            found = difference(stored.article, checked.article)
            texts, fields = found.texts, shown_fields(found, language())
        else:  # It has faults, so it is compared as it was written.
            zone = work.zone_of_office(context, seat.office)
            texts, fields = compare(contents.from_article(stored.article, zone), contents.from_json(draft.content))
    return own_page(
        "desk_difference.html",
        seat=seat,
        draft=draft,
        old=stored.article.version,
        new=0,
        texts=texts,
        fields=fields,
        text_lang=stored.article.lang,
        public=stored.article,
    )


@blueprint.post("/desk/drafts/<id>/rebase")
@signed_in
def rebase(visit: Visit, id: str) -> Response:
    """Let a correction follow the newest version of its article, which somebody else corrected meanwhile."""
    context, now = here(), datetime.now(UTC)
    sent = members(("revision",))
    seat, draft = draft_at(context, visit, id, "draft")
    stored = store.articles.newest(context.engine, draft.article) if draft.article else None
    if stored is None or stored.article.office.code != draft.office or not draft.base:
        raise NotFound
    if number_sent(sent.get("revision", "")) != draft.revision:
        return draft_page(context, seat, draft, {"": "desk-meanwhile-step"}, 409)
    try:
        draft = work.rebase(context, draft, stored.article, seat.actor, now)
    except store.desk.Stale as stale:
        return draft_page(context, seat, stale.draft or draft, {"": "desk-meanwhile-step"}, 409)
    return gone(f"/desk/drafts/{draft.id}/diff")
