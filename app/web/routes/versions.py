"""The versions of an article: a list of them, and each version, as pages and as JSON.

Only public versions are shown (app/store/articles/history.py). The relations of links are those of RFC 5829.
"""

from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response
from msgspec import Struct
from msgspec.structs import asdict

from app import store, web
from app.web import (
    PAGE,
    TYPES,
    article_page,
    data,
    here,
    html_page,
    kept_public,
    language,
    linked,
    located,
    number_of,
    only,
    original,
    public_version,
    text,
    unknown,
    when,
)
from feeds import Article, rfc3339_utc

blueprint = Blueprint("versions", __name__)
blueprint.after_request(web.representation.of_article)

SHOWN = 20  # versions in one answer


class ListedVersion(Struct, frozen=True, omit_defaults=True):
    """A version in the list."""

    version: int
    kind: str  # "published" or "corrected"
    at: str  # when it became public
    lang: str
    headline: str
    url: str
    note: str = ""
    signal: str = ""
    before: int = 0  # number of the public version before it
    difference: str = ""  # URL of the differences from that version


class Versions(Struct, frozen=True, omit_defaults=True):
    """The list of versions, newest first."""

    id: str
    guid: str
    url: str
    versions: tuple[ListedVersion, ...]
    next: str = ""  # URL of the older versions


@blueprint.get("/articles/<id>/versions")
def listed(id: str) -> Response:
    """Every version that was public, newest first; `below` selects older ones."""
    return _list(id, web.representation.negotiate(TYPES, PAGE), negotiated=True)


@blueprint.get("/articles/<id>/versions.json")
def listed_json(id: str) -> Response:
    """The same as JSON."""
    return _list(id, "json")


@blueprint.get("/articles/<id>/versions/<version>")
def one(id: str, version: str) -> Response:
    """The page of a version. If it is not the current version, the page says so."""
    current = kept_public(id).article
    found = public_version(id, version)
    past = found if found.version != current.version else None
    return linked(article_page(found.article, past=past), current, f"/versions/{found.version}")


@blueprint.get("/articles/<id>/versions/<version>.json")
def one_json(id: str, version: str) -> Response:
    """A version in our own JSON."""
    current = kept_public(id).article
    return data(msgspec.json.encode(public_version(id, version).article), current)


@blueprint.get("/articles/<id>/versions/<version>.xml")
def one_as_received(id: str, version: str) -> Response:
    """The original bytes of the release that brought that version."""
    kept_public(id)
    return original(store.articles.original(here().engine, id, public_version(id, version).version))


def _list(id: str, form: str, *, negotiated: bool = False) -> Response:
    current = kept_public(id).article
    parameters = only(("below",))
    below = number_of(parameters["below"], "below") if "below" in parameters else None
    found = store.articles.version_list(here().engine, id, SHOWN + 1, below=below)
    if not found and below is None:
        raise unknown()  # It was withdrawn in the meantime.
    listed = tuple(
        _listed(current, version, before)
        for version, before in zip(found[:SHOWN], [*found[1 : SHOWN + 1], None], strict=False)
    )
    further = f"/articles/{id}/versions{{}}?below={listed[-1].version}" if len(found) > SHOWN else ""
    if form == "json":
        url = f"{here().settings.url}{further.format('.json')}" if further else ""
        answer = Versions(current.id, current.guid, current.url, listed, url)
        response = data(msgspec.json.encode(answer), current)
        return located(response, f"{current.url}/versions.json", parameters) if negotiated else response
    lang = language()
    shown = [
        {**asdict(row), "became": _became(row.signal, version, lang)}
        for row, version in zip(listed, found, strict=False)
    ]
    page = html_page(
        "versions.html",
        lang,
        article=current,
        versions=shown,
        next=further.format(""),
        canonical=f"{current.url}/versions",
    )
    return linked(page, current, "/versions")


def _listed(
    current: Article, version: store.articles.VersionEntry, before: store.articles.VersionEntry | None
) -> ListedVersion:
    number, article = version.version, version.article
    pair = urlencode({"from": before.version, "to": number}) if before else ""
    return ListedVersion(
        version=number,
        kind=version.kind,
        at=rfc3339_utc(version.at),
        lang=article.lang,
        headline=article.headline,
        url=f"{current.url}/versions/{number}",
        note=article.note,
        signal=article.signal,
        before=before.version if before else 0,
        difference=f"{current.url}/diff?{pair}" if pair else "",
    )


def _became(signal: str, version: store.articles.VersionEntry, lang: str) -> str:
    key = "published-on" if version.kind == "published" else "updated-on" if signal == "update" else "corrected-on"
    return text(key, lang).format(when=when(version.at, lang), n=version.version)
