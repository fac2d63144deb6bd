"""The desk of an outlet: the list of articles under embargo that it may read, each article, and the form to renew the
accreditation. Listing and reading are recorded before anything is shown, as with tokens. Each page checks again whether the outlet
may read now.
"""

from datetime import UTC, datetime

from flask import Blueprint, Response, request
from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from app import store, web
from app.files.blobs import SHA256
from app.files.multipart import clean
from app.intake.enclosures import address
from app.web import PUBLIC_ID, Visit, gone, here, language, members, own_page, question_of, signed_in
from feeds import KOREA, Article, ArticleFormat, embargo_sentence, hwpx, pdf

blueprint = Blueprint("newsroom", __name__)

DOCUMENTS: dict[str, ArticleFormat] = {"hwpx": hwpx, "pdf": pdf}
SHOWN = 30  # articles on a page
WHY_LONGEST = 1000  # characters


@blueprint.get("/newsroom")
def choosing() -> Response:
    """The outlets of the signed-in person; if there is only one, its desk. Other visitors see how to get a desk."""
    visit = web.sessions.visit()
    codes = visit.person.outlets if visit else ()
    if len(codes) == 1 and not (visit and visit.person.admin):
        return web.sessions.private(gone(f"/newsroom/{codes[0]}"))
    names = {outlet.code: outlet.name for outlet in store.accounts.all_outlets(here().engine)} if codes else {}
    mail = bool(here().settings.smtp_url)
    return own_page("newsrooms.html", codes=codes, names=names, mail=mail)


@blueprint.get("/newsroom/<outlet>")
@signed_in
def desk(visit: Visit, outlet: str) -> Response:
    """The articles that the outlet may read under embargo, with the time that is left. On one page, the first to end comes first;
    on several pages, the newest version. `before`: where a page begins."""
    context, now = here(), datetime.now(UTC)
    room = web.newsrooms.newsroom_at(context, visit, outlet)
    articles: list[Article] = []
    older = ""
    if room.may.reads_embargoed():
        position = request.args.get("before", "")
        asked = [("limit", str(SHOWN)), *([("before", position)] if position else [])]
        rows, more, articles = web.embargoed.waiting_page(room.may, question_of(asked))
        web.embargoed.note_listed(room.may, articles, "desk")
        if not more and not position:  # All of them: first what ends first.
            articles.sort(key=lambda article: (article.embargoed is None, article.embargoed))
        if more:
            older = f"{room.path}?before={context.write_cursor((rows[-1][0], rows[-1][1]))}"
    return web.newsrooms.newsroom_page(
        "newsroom.html",
        room,
        articles=[(article, web.clock.until(article.embargoed, now)) for article in articles],
        older=older,
        now=now,
        asked=store.accounts.applications(context.engine, store.accounts.WAITING, outlet=outlet, limit=1),
        filled={},
        faults={},
    )


@blueprint.get("/newsroom/<outlet>/articles/<id>")
@signed_in
def read(visit: Visit, outlet: str, id: str) -> Response:
    """An article under embargo; its public page, once it has one."""
    context = here()
    room = web.newsrooms.newsroom_at(context, visit, outlet)
    if not PUBLIC_ID.fullmatch(id):
        raise NotFound
    public = store.articles.by_id(context.engine, id)
    if public is not None and public.public:
        return gone(f"/articles/{id}")
    found = web.embargoed.article_for(room.may, id, "page")
    if found is None:
        raise NotFound
    return web.embargoed.private(
        web.article_page(_with_own_files(room, found), embargo=embargo_sentence(found), newsroom=room)
    )


@blueprint.get("/newsroom/<outlet>/articles/<id>.<format>")
@signed_in
def document(visit: Visit, outlet: str, id: str, format: str) -> Response:
    """An article under embargo as a document, `hwpx` or `pdf`: this outlet's copy, marked as such. Where it is public now, the public
    one."""
    context = here()
    room = web.newsrooms.newsroom_at(context, visit, outlet)
    if not PUBLIC_ID.fullmatch(id) or format not in DOCUMENTS:
        raise NotFound
    public = store.articles.by_id(context.engine, id)
    if public is not None and public.public:
        return gone(f"/articles/{id}.{format}")
    with web.places.asking():  # drawing a page takes a tenth of a second and more
        found = web.embargoed.article_for(room.may, id, format)
        if found is None:
            raise NotFound
        made = DOCUMENTS[format]
        response = Response(made.render_article(made.marked(found)), content_type=made.ARTICLE_MIMETYPE)
    name = web.representation.document_name(found.headline, found.issued.astimezone(KOREA), format)
    response.headers["Content-Disposition"] = web.representation.disposition(name, inline=False)
    return web.embargoed.private(response)


def _with_own_files(room: web.newsrooms.Newsroom, article: Article) -> Article:
    """The article with its stored files at addresses that this person may open."""
    context = here()
    stored = store.articles.files_of(context.engine, article.guid) if article.enclosures else []
    paths = [address(file.sha256, file.name) for file in stored]
    enclosures = []
    for enclosure in article.enclosures:
        path = next((path for path in paths if enclosure.url.endswith(path)), "")
        url = f"{context.settings.url}{room.path}{path}" if path else enclosure.url
        enclosures.append(replace(enclosure, url=url))
    return replace(article, enclosures=tuple(enclosures))


@blueprint.get("/newsroom/<outlet>/files/<sha256>/<name>")
@signed_in
def file(visit: Visit, outlet: str, sha256: str, name: str) -> Response:
    """A file of an article under embargo."""
    context = here()
    room = web.newsrooms.newsroom_at(context, visit, outlet)
    found = web.embargoed.file_for(room.may, sha256, clean(name)) if SHA256.fullmatch(sha256) else None
    if found is None:
        if SHA256.fullmatch(sha256) and store.articles.public_files(context.engine, sha256):
            return gone(f"/files/{sha256}/{name}")
        raise NotFound
    return web.sending.early_file(context, found)


@blueprint.post("/newsroom/<outlet>/renewal")
@signed_in
def renew(visit: Visit, outlet: str) -> Response:
    """Ask the administrators to renew the accreditation of the outlet, or to change its limits."""
    context, now = here(), datetime.now(UTC)
    room = web.newsrooms.newsroom_at(context, visit, outlet, edits=True)
    why = members(("why",)).get("why", "")
    if not 0 < len(why) <= WHY_LONGEST:
        return web.newsrooms.newsroom_page(
            "newsroom.html",
            room,
            status=422,
            articles=[],
            older="",
            now=now,
            asked=[],
            filled={"why": why},
            faults={"why": "apply-why-wrong"},
        )
    person, found = visit.person, room.outlet
    application = store.accounts.Application(
        *(found.name, found.site, person.name, person.email, why, found.regions, found.offices),
        *(language(), found.code),
    )
    id = store.accounts.add_application(context.engine, application, now, person.actor)
    web.newsrooms.tell_administrators(context, id)
    return gone(room.path)
