"""An article's versions: their list and each of them; pages for people, and JSON.

Only what was public is told (app/store/history.py). Relations of links are RFC 5829's.
"""

import re
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response
from msgspec import Struct
from msgspec.structs import asdict

from app import store
from app.errors import Problem
from app.query.query import rfc3339
from app.store import Version
from app.syndication.texts import text
from app.web import representation
from app.web.context import here
from app.web.routes import articles
from app.web.routes.changes import parameters
from app.web.routes.pages import article_page, html, language, when
from feeds.article import Article

blueprint = Blueprint("versions", __name__)
blueprint.after_request(representation.of_article)

SHOWN = 20  # versions in one answer
NUMBER = re.compile(r"[1-9][0-9]{0,9}")
JSON = "application/json"
TYPES = {articles.PAGE: "", JSON: "json"}


class Told(Struct, frozen=True, omit_defaults=True):
    """A version in the list."""

    version: int
    kind: str  # "published" or "corrected"
    at: str  # when it became public
    lang: str
    headline: str
    url: str
    note: str = ""
    signal: str = ""
    before: int = 0  # the public version before it
    difference: str = ""  # URL of what changed since


class Versions(Struct, frozen=True, omit_defaults=True):
    """The list, newest first."""

    id: str
    guid: str
    url: str
    versions: tuple[Told, ...]
    next: str = ""  # URL of the older ones


@blueprint.get("/articles/<id>/versions")
def listed(id: str) -> Response:
    """Every version that was public, newest first; `below` asks for older ones."""
    return _list(id, representation.negotiate(TYPES, articles.PAGE), negotiated=True)


@blueprint.get("/articles/<id>/versions.json")
def listed_json(id: str) -> Response:
    """The same as JSON."""
    return _list(id, "json")


@blueprint.get("/articles/<id>/versions/<version>")
def one(id: str, version: str) -> Response:
    """A version's page, which says that it is not the current one."""
    current = articles.kept_public(id).article
    found = public_version(id, version)
    past = found if found.version != current.version else None
    return linked(article_page(found.article, past=past), current, f"/versions/{found.version}")


@blueprint.get("/articles/<id>/versions/<version>.json")
def one_json(id: str, version: str) -> Response:
    """A version as our JSON."""
    current = articles.kept_public(id).article
    return data(msgspec.json.encode(public_version(id, version).article), current)


@blueprint.get("/articles/<id>/versions/<version>.xml")
def one_as_received(id: str, version: str) -> Response:
    """The original bytes of the release that brought that version."""
    articles.kept_public(id)
    return articles.original(store.original(here().engine, id, public_version(id, version).version))


def _list(id: str, form: str, *, negotiated: bool = False) -> Response:
    current = articles.kept_public(id).article
    asked = parameters(("below",))
    below = number_of(asked["below"], "below") if "below" in asked else None
    found = store.history(here().engine, id, SHOWN + 1, below=below)
    if not found and below is None:
        raise articles.unknown()  # It went in between.
    told = tuple(
        _told(current, version, before)
        for version, before in zip(found[:SHOWN], [*found[1 : SHOWN + 1], None], strict=False)
    )
    further = f"/articles/{id}/versions{{}}?below={told[-1].version}" if len(found) > SHOWN else ""
    if form == "json":
        url = f"{here().settings.url}{further.format('.json')}" if further else ""
        answer = Versions(current.id, current.guid, current.url, told, url)
        response = data(msgspec.json.encode(answer), current)
        return located(response, f"{current.url}/versions.json", asked) if negotiated else response
    lang = language()
    shown = [
        {**asdict(one), "told": _became(one.signal, version, lang)} for one, version in zip(told, found, strict=False)
    ]
    page = html(
        "versions.html",
        lang,
        article=current,
        versions=shown,
        next=further.format(""),
        canonical=f"{current.url}/versions",
    )
    return linked(page, current, "/versions")


def _told(current: Article, version: Version, before: Version | None) -> Told:
    number, article = version.version, version.article
    asked = urlencode({"from": before.version, "to": number}) if before else ""
    return Told(
        version=number,
        kind=version.kind,
        at=rfc3339(version.at),
        lang=article.lang,
        headline=article.headline,
        url=f"{current.url}/versions/{number}",
        note=article.note,
        signal=article.signal,
        before=before.version if before else 0,
        difference=f"{current.url}/diff?{asked}" if asked else "",
    )


def _became(signal: str, version: Version, lang: str) -> str:
    key = "published-on" if version.kind == "published" else "updated-on" if signal == "update" else "corrected-on"
    return text(key, lang).format(when=when(version.at, lang), n=version.version)


def number_of(value: str, name: str) -> int:
    """A version that a parameter names; 0 for what is none. Raises Problem."""
    if not re.fullmatch(r"[0-9]+", value):
        raise Problem(400, "bad-parameter", "Bad parameter", f"{name} takes the number of a version.")
    return int(value) if NUMBER.fullmatch(value) else 0


def public_version(id: str, number: str) -> Version:
    """A public version. Raises Problem."""
    found = store.public_version(here().engine, id, int(number)) if NUMBER.fullmatch(number) else None
    if found is None:
        raise unknown_version(f"The article has no public version {number[:20]!r}.")
    return found


def unknown_version(detail: str) -> Problem:
    """404: also where there is such a version, and it was never public."""
    return Problem(404, "unknown-version", "No such version", detail)


def data(body: bytes, current: Article) -> Response:
    """JSON for scripts of any site."""
    response = representation.whole(body, JSON)
    response.headers["Link"] = f'<{current.url}>; rel="latest-version", <{current.url}/versions>; rel="version-history"'
    return representation.allow_all_origins(response)


def located(response: Response, address: str, asked: dict[str, str]) -> Response:
    """What was chosen by `Accept` has an address of its own."""
    response.headers["Content-Location"] = f"{address}?{urlencode(asked)}" if asked else address
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def linked(response: Response, current: Article, path: str) -> Response:
    """A version is no page of its own for search engines: the current one is; lists and differences are."""
    version = path.startswith("/versions/")
    links = [
        f'<{current.url}{"" if version else path}>; rel="canonical"',
        f'<{current.url}>; rel="latest-version"',
        f'<{current.url}/versions>; rel="version-history"',
    ]
    if version:
        links.append(f'<{current.url}{path}.json>; rel="alternate"; type="{JSON}"')
    else:
        response.headers["Vary"] = "Accept, Accept-Encoding, Accept-Language"
    response.headers["Link"] = ", ".join(links)
    return response
