"""GET /articles/{id}: the page, or the format that `Accept` prefers. With `.json`, `.ninjs`, `.newsml`, `.nitf` or `.xml`: as data;
with `.hwpx` or `.pdf`: as a document."""

from flask import Blueprint, Response, request

from app import store, web
from app.web import PAGE, PUBLIC_ID, Problem, article_page, here, kept_public, meant, media_type, original
from feeds import (
    KOREA,
    Article,
    ArticleFormat,
    article_json,
    embargo_sentence,
    hwpx,
    nitf,
    nitf_plain,
    of_articles,
    pdf,
    variants_of_articles,
)

blueprint = Blueprint("articles", __name__)
blueprint.after_request(web.representation.of_article)

# Documents that people open, print and sign off.
DOCUMENTS: dict[str, ArticleFormat] = {"hwpx": hwpx, "pdf": pdf}
# By suffix: the formats of feeds, and those that only articles have. If a client likes several equally, the first one is used.
FORMATS: dict[str, ArticleFormat] = {"json": article_json, **of_articles(), "nitf": nitf, **DOCUMENTS}
# By media type, the page first. If formats share a media type, the first one gets it: JSON means our own format, and ninjs has to be
# requested by its URL. Clients that only ask for XML get NewsML-G2.
NEGOTIATED = {PAGE: ""}
for _suffix, _format in FORMATS.items():
    NEGOTIATED.setdefault(media_type(_format.ARTICLE_MIMETYPE), _suffix)
NEGOTIATED |= dict.fromkeys(web.representation.XML, "newsml")


@blueprint.get("/articles/<id>")
def page(id: str) -> Response:
    """The article in the format that the client prefers, by default as a page. 404 while it is not public, 410 once canceled."""
    suffix = web.representation.negotiate(NEGOTIATED, PAGE)
    if not suffix:
        meant(())
        web.sharing.share_article(id)
    stored = _shown(id, suffix)
    if isinstance(stored, Response):
        return stored
    if not suffix:
        web.counting.count_view(id)
        web.sharing.share_further(stored.article)
        response = _alternates(
            article_page(stored.article, store.articles.corrected(here().engine, id)), stored.article
        )
        response.headers["Vary"] = f"Accept, {web.representation.VARY_OF_PAGES}"
        return response
    response = _data(stored, suffix)
    response.headers["Content-Location"] = f"{stored.article.url}.{suffix}"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


@blueprint.get("/articles/<id>.<format>")
def as_data(id: str, format: str) -> Response:
    """The article in one format."""
    stored = _shown(id, format)
    if isinstance(stored, Response):
        return stored
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise Problem(
            404, "unknown-format", "Unknown format", f"{format[:40]!r} is not known. The formats are {known}, xml."
        )
    return _data(stored, format)


@blueprint.get("/articles/<id>.xml")
def as_received(id: str) -> Response:
    """The original bytes of the release that brought the newest version."""
    kept_public(id)
    return original(store.articles.original(here().engine, id))


def _shown(id: str, suffix: str) -> store.articles.StoredArticle | Response:
    """A public article, or the response for a reader who may read it under embargo. Raises Problem: 404, 410."""
    try:
        return kept_public(id)
    except Problem as problem:
        # Also for 410: a withdrawn article may be under embargo again.
        offered = problem.status in (404, 410) and PUBLIC_ID.fullmatch(id) and suffix in ("", *FORMATS)
        article = web.embargoed.article(id, suffix or "page") if offered else None
        if article is None:
            raise
    if not suffix:
        return web.embargoed.private(article_page(article, embargo=embargo_sentence(article)))
    format = _flavour(suffix)
    response = Response(format.render_article(format.marked(article)), content_type=format.ARTICLE_MIMETYPE)
    return web.embargoed.private(_named(response, article, suffix))


def _flavour(suffix: str) -> ArticleFormat:
    """The format of a suffix: NITF has a flavour without a namespace, ninjs has older versions. Raises Problem (400)."""
    namespace = request.args.get("namespace", "").strip() if suffix == "nitf" else ""
    if namespace not in ("", "none"):
        raise Problem(400, "bad-parameter", "Bad parameter", "namespace must be none, or left out.")
    if namespace:
        return nitf_plain
    return variants_of_articles().get(web.parameters.varied(suffix)) or FORMATS[suffix]


def _data(stored: store.articles.StoredArticle, suffix: str) -> Response:
    format = _flavour(suffix)
    # Either may be later: an embargo ends after its version came (`updated`), and a silent correction raises only `edited`.
    changed = max(stored.article.updated, stored.edited)
    modified = web.representation.whole_seconds(changed)
    response = web.representation.whole(
        format.render_article(stored.article), format.ARTICLE_MIMETYPE, modified=modified
    )
    response.headers["Link"] = f'<{stored.article.url}>; rel="alternate"; type="{PAGE}"'
    return web.representation.allow_all_origins(_named(response, stored.article, suffix))


def _named(response: Response, article: Article, suffix: str) -> Response:
    """A document gets a file name as offices give it: "210309 명품 으뜸 도정상.hwpx"."""
    if suffix in DOCUMENTS:
        name = web.representation.document_name(article.headline, article.issued.astimezone(KOREA), suffix)
        response.headers["Content-Disposition"] = web.representation.disposition(name, inline=suffix == "pdf")
    return response


def _alternates(response: Response, article: Article) -> Response:
    """Add the Link header (RFC 8288): the same article in other formats, and its versions (RFC 5829)."""
    links = [
        f'<{article.url}.{suffix}>; rel="alternate"; type="{media_type(format.ARTICLE_MIMETYPE)}"'
        for suffix, format in FORMATS.items()
    ]
    response.headers["Link"] = ", ".join(
        [f'<{article.url}>; rel="canonical"', *links, f'<{article.url}/versions>; rel="version-history"']
    )
    return response
