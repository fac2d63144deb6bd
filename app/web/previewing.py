"""A draft as its readers will get it: as a page, in each feed format, as a mail. Also what will happen when it is published."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from flask import Response, request
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.deliveries import letters
from app.desk import work
from app.intake.enclosures import address
from app.query import Query
from app.syndication import page
from app.syndication.texts import feed_title, text
from app.web import protection, sending
from app.web.context import Context, here
from app.web.html import html_page, language
from app.web.representation import disposition
from app.web.sessions import private
from app.web.showing import queries_of, shown_parts
from feeds import FORMATS, Article

SHOWN = {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "application/pdf"}  # in the browser itself
MOST_NAMED = 6  # feeds that are named of all those in which an article appears


class Outlook(Struct, frozen=True):
    """What will happen when an article is published."""

    feeds: tuple[tuple[str, str], ...]  # the most important feeds: title and address
    now: dict[str, int]  # kind -> subscriptions that will hear of it when it is public
    before: dict[str, int]  # and those that will hear of it under embargo


def outlook(context: Context, article: Article) -> Outlook:
    """The feeds and the subscribers of an article. Raises Unavailable."""
    queries = queries_of(article)
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    site, lang = context.settings.site_name, language()
    named = tuple((feed_title(site, query, offices, lang), page.home(context, query)) for query in queries[:MOST_NAMED])
    pairs = store.keys(article).pairs()
    waits = article.held or article.embargoed is not None
    before = store.deliveries.audience(context.engine, pairs, embargoed=True) if waits and not article.held else {}
    return Outlook(named, store.deliveries.audience(context.engine, pairs), before)


def bare(article: Article | None, frame: str = "", status: int = 200) -> Response:
    """The page of an article that is not public, alone: without links to other pages, and closed to caches and search engines.
    `frame`: "phone" or "desktop" for a page of that width. None: the draft has faults and has no page yet."""
    lang = language()
    response = html_page(
        "preview.html",
        lang,
        status=status,
        **(shown_parts(here(), article, lang) if article else {"article": None}),
        feeds=(),
        others=(),
        versions=(),
        past=None,
        frame=frame,
        alone=True,
        embargo=text("desk-preview-only", lang),
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return private(response)


def with_files(
    context: Context, draft: store.desk.DraftRecord, article: Article, place: Callable[[store.desk.DraftFile], str]
) -> tuple[Article, list[store.desk.DraftFile]]:
    """(the article with the address of each file of the draft that `place` gives, those files that it shows). Before it is published,
    its pictures and enclosures have addresses that do not work. Raises Unavailable."""
    files = store.desk.files_of(context.engine, draft.id)
    standing = work.placeholders([file.name for file in files])
    enclosures, body, shown = list(article.enclosures), article.body, []
    for file in files:
        url = place(file)
        found = False
        for there in (standing[file.name], located(context, file)):
            # A URL of ours has no character that HTML would escape.
            found |= f'"{there}"' in body or any(one.url == there for one in enclosures)
            body = body.replace(f'"{there}"', f'"{url}"')
            enclosures = [replace(one, url=url) if one.url == there else one for one in enclosures]
        if found:
            shown.append(file)
    return replace(article, body=body, enclosures=tuple(enclosures)), shown


def located(context: Context, file: store.desk.DraftFile) -> str:
    """The URL that a file of a draft has when the draft is published."""
    return f"{context.settings.url}{address(file.sha256, file.name)}"


def pictures_of(context: Context, draft: store.desk.DraftRecord, body: str) -> dict[str, str]:
    """URL of a picture in a body, at which it will be when the draft is published -> where the people of the draft see it before.
    Raises Unavailable."""
    files, place = store.desk.files_of(context.engine, draft.id), in_draft(draft)
    return {url: place(file) for file in files if (url := located(context, file)) in body}


def in_draft(draft: store.desk.DraftRecord) -> Callable[[store.desk.DraftFile], str]:
    """Where the people of a draft see its files."""
    return lambda file: f"/desk/drafts/{draft.id}/files/{quote(file.name, safe='')}"


def sent(context: Context, file: store.desk.DraftFile) -> Response:
    """A file of a draft, for whoever may see the draft; no cache keeps it. Raises Problem (503) and Unavailable."""
    response = Response(mimetype=file.mimetype)
    response.headers["Content-Disposition"] = disposition(file.name, inline=file.mimetype in SHOWN)
    response.headers["Content-Security-Policy"] = protection.FILE
    response.headers["Referrer-Policy"] = "no-referrer"
    response.content_length = file.size
    if request.method != "HEAD":
        sending.pass_on(context, response, file.sha256, 0, file.size)
    return private(response)


def as_format(context: Context, article: Article, name: str) -> str:
    """The feed of the article's office with this article alone, in a format of FORMATS. Raises Unavailable."""
    query = Query(offices=(article.office.code,))
    return FORMATS[name].assemble(page.of_one(context, query, name, article)).decode("utf-8", "replace")


def as_mail(context: Context, article: Article) -> tuple[str, str]:
    """(subject, text) of the mail that readers with alerts get. Raises Unavailable."""
    now = datetime.now(UTC)
    reader = store.deliveries.Subscription(
        "email",
        "reader@example.org",
        page.home(context, Query(offices=(article.office.code,))),
        "",
        "email",
        name="preview",
        lang="ko" if article.lang.lower().startswith("ko") else "en",
    )
    row = store.deliveries.Waiting(1, 0, article.version, "published", store.micros(now), 0, 1)
    state = store.articles.State(
        0, True, "usable", article.version, article, store.keys(article), None, article.updated
    )
    message = letters.alert(context, reader, [(row, state)])
    body = message.get_body(("plain",))
    return str(message["Subject"]), str(body.get_content()) if body is not None else ""
