"""Who sees a draft: the people to whom it is limited, and everybody who has a link to its preview."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from app import store, web
from app.files.multipart import clean
from app.web import (
    LINK_HOURS,
    Context,
    Visit,
    bare,
    colleagues,
    contents,
    draft_at,
    draft_page,
    fields,
    gone,
    here,
    members,
    principal,
    signed_in,
    work,
)
from feeds import Article

blueprint = Blueprint("desk_sharing", __name__)

SECRET = re.compile(r"[\w-]{43}", re.ASCII)
SHOWN = ("draft", "returned", "review", "scheduled")  # states in which a link shows the draft


@blueprint.post("/desk/drafts/<id>/people")
@signed_in
def limit(visit: Visit, id: str) -> Response:
    """Let only these `people` see a draft, and its author; none: everybody of the office. The person who limits it keeps access."""
    context, now = here(), datetime.now(UTC)
    seat, draft = draft_at(context, visit, id, "draft")
    chosen = {value for name, value in fields() if name == "people"}
    known = {one.id for one in colleagues(context, seat)}
    people = chosen & known
    if chosen - known:
        return draft_page(context, seat, draft, {"people": "desk-people-wrong"}, 422)
    if people and not visit.person.admin:
        people |= {seat.person}
    store.desk.limit_people(context.engine, draft.id, people, seat.actor, now)
    return gone(f"/desk/drafts/{draft.id}/preview")


@blueprint.post("/desk/drafts/<id>/links")
@signed_in
def make(visit: Visit, id: str) -> Response:
    """Make a link to the preview that works for some `hours`. It is shown once."""
    context, now = here(), datetime.now(UTC)
    sent = members(("hours",))
    seat, draft = draft_at(context, visit, id, "draft")
    hours = sent.get("hours", "")
    if hours not in map(str, LINK_HOURS):
        return draft_page(context, seat, draft, {"hours": "desk-link-hours"}, 422)
    if draft.state not in SHOWN:
        return draft_page(context, seat, draft, {"hours": "desk-meanwhile-step"}, 409)
    try:
        secret = store.desk.make_link(context.engine, draft, seat.person, now + timedelta(hours=int(hours)), now)
    except store.desk.Stale:
        seat, draft = draft_at(context, visit, id, "draft")  # not found if the person may not see it any more
        return draft_page(context, seat, draft, {"hours": "desk-meanwhile-step"}, 409)
    if secret is None:
        return draft_page(context, seat, draft, {"hours": "desk-link-many"}, 422)
    return draft_page(context, seat, draft, link=f"{context.settings.url}/preview/{secret}")


@blueprint.post("/desk/drafts/<id>/links/<name>")
@signed_in
def revoke(visit: Visit, id: str, name: str) -> Response:
    """Revoke a link."""
    members(())
    context = here()
    seat, draft = draft_at(context, visit, id, "draft")
    store.desk.end_link(context.engine, draft, name, seat.actor, datetime.now(UTC))
    return gone(f"/desk/drafts/{draft.id}/preview")


@blueprint.get("/preview/<secret>")
def shared(secret: str) -> Response:
    """The preview of a draft as it is now, for everybody who has the link. A link that is wrong, too old or revoked is not
    found."""
    return bare(_shown(secret, counts=True)[0])


@blueprint.get("/preview/<secret>/files/<name>")
def shared_file(secret: str, name: str) -> Response:
    """A picture or another file that such a preview shows; no other file of the draft."""
    found = next((one for one in _shown(secret)[1] if one.name == clean(name)), None)
    if found is None:
        raise NotFound
    return web.previewing.sent(here(), found)


def _shown(secret: str, *, counts: bool = False) -> tuple[Article | None, list[store.desk.DraftFile]]:
    """(what the draft of a link will be, None if it has faults; the files that it shows). `counts`: the link is opened once more.
    Raises NotFound and Unavailable."""
    context, now = here(), datetime.now(UTC)
    link = store.desk.open_link(context.engine, secret, now, counts=counts) if SECRET.fullmatch(secret) else None
    draft = store.desk.draft_by_id(context.engine, link.draft) if link else None
    if link is None or draft is None or draft.state not in SHOWN or not _may_show(context, draft, link.person):
        raise NotFound
    office = next(one for one in store.accounts.all_offices(context.engine) if one.code == draft.office)
    article = work.check(context, office, draft, contents.from_json(draft.content), now).article
    if article is None:
        return None, []
    place = f"/preview/{secret}/files/"
    return web.previewing.with_files(context, draft, article, lambda file: place + quote(file.name, safe=""))


def _may_show(context: Context, draft: store.desk.DraftRecord, maker: str) -> bool:
    """Whether the person who made a link may still see the draft: a link shows no more than its maker may see."""
    person = store.accounts.person_by_id(context.engine, maker)
    if person is None or person.ended is not None:
        return False
    acting = principal(person, draft.office, store.accounts.all_offices(context.engine))
    named = person.admin or not draft.people or person.id in (*draft.people, draft.author)
    return acting is not None and acting.may("draft") and named
