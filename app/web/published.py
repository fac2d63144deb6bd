"""Public articles and versions for the routes: finding them, the answer if there is none, and the headers that all these answers
have."""

import re
from urllib.parse import urlencode

from flask import Response, request

from app import store
from app.errors import Problem
from app.web import protection, representation
from app.web.context import here
from app.web.representation import CACHE_CONTROL
from feeds import Article

PAGE = "text/html"
JSON = "application/json"
TYPES = {PAGE: "", JSON: "json"}  # media types of versions and differences -> suffix
PUBLIC_ID = re.compile(r"[a-z2-7]{26}")  # of an article: see app.intake.normalize.public_id
NUMBER = re.compile(r"[1-9][0-9]{0,9}")


def kept_public(id: str) -> store.articles.StoredArticle:
    """A public article. Raises Problem: 410 if it was canceled or withheld, 404 if it is not public."""
    stored = store.articles.by_id(here().engine, id) if PUBLIC_ID.fullmatch(id) else None
    if stored is None:
        raise unknown()
    if stored.pubstatus == "canceled" and stored.seen:
        raise Problem(410, "canceled", "The article was canceled", stored.article.note)
    if stored.pubstatus == "withheld" and stored.seen:
        # The office's note is not shown: like the article, it may not be meant for the public.
        raise Problem(410, "withheld", "The office took the article back", "It may return under this address.")
    if not stored.public:
        raise unknown()  # As if it did not exist: the answer must not reveal that an embargo exists.
    return stored


def unknown() -> Problem:
    """The 404 for an article that does not exist or must not be revealed."""
    return Problem(404, "unknown-article", "No such article")


def public_version(id: str, number: str) -> store.articles.Version:
    """A public version. Raises Problem."""
    found = store.articles.public_version(here().engine, id, int(number)) if NUMBER.fullmatch(number) else None
    if found is None:
        raise unknown_version(f"The article has no public version {number[:20]!r}.")
    return found


def unknown_version(detail: str) -> Problem:
    """The 404 for a version that does not exist or was never public."""
    return Problem(404, "unknown-version", "No such version", detail)


def number_of(value: str, name: str) -> int:
    """The version number in a parameter; 0 for a number that no version can have. Raises Problem."""
    if not re.fullmatch(r"[0-9]+", value):
        raise Problem(400, "bad-parameter", "Bad parameter", f"{name} must be the number of a version.")
    return int(value) if NUMBER.fullmatch(value) else 0


def original(found: tuple[bytes, str] | None) -> Response:
    """A release as it was received, with its media type; 404 if it must not be shown."""
    if found is None:
        raise unknown()
    body, mimetype = found
    response = Response(body, content_type=mimetype)
    # The bytes come from the sender: a browser must not run them.
    response.headers["Content-Security-Policy"] = protection.SANDBOX
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(representation.etag_of(body))
    response.make_conditional(request)
    return response


def data(body: bytes, current: Article) -> Response:
    """A JSON answer that scripts of any site may read."""
    response = representation.whole(body, JSON)
    response.headers["Link"] = f'<{current.url}>; rel="latest-version", <{current.url}/versions>; rel="version-history"'
    return representation.allow_all_origins(response)


def located(response: Response, address: str, parameters: dict[str, str]) -> Response:
    """Add the headers of an answer that `Accept` selected; `address` is its own URL without the parameters."""
    response.headers["Content-Location"] = f"{address}?{urlencode(parameters)}" if parameters else address
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def linked(response: Response, current: Article, path: str) -> Response:
    """Add the Link header. For search engines, the canonical page of a version is the current version; lists and differences are
    canonical pages themselves."""
    version = path.startswith("/versions/")
    links = [
        f'<{current.url}{"" if version else path}>; rel="canonical"',
        f'<{current.url}>; rel="latest-version"',
        f'<{current.url}/versions>; rel="version-history"',
    ]
    if version:
        links.append(f'<{current.url}{path}.json>; rel="alternate"; type="{JSON}"')
    else:
        response.headers["Vary"] = f"Accept, {representation.VARY_OF_PAGES}"
    response.headers["Link"] = ", ".join(links)
    return response
