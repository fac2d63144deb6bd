"""The differences between two versions of an article, as a page and as JSON. Only versions that were public are compared."""

from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response
from msgspec import Struct

from app import store, web
from app.text.difference import FieldDifference, TextDifference, difference
from app.web import (
    PAGE,
    TYPES,
    Problem,
    data,
    here,
    html_page,
    kept_public,
    language,
    linked,
    located,
    number_of,
    only,
    public_version,
    shown_fields,
    unknown,
    unknown_version,
)

blueprint = Blueprint("differences", __name__)
blueprint.after_request(web.representation.of_article)


class Compared(Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """The differences between two versions."""

    id: str
    guid: str
    url: str
    old: int
    new: int
    texts: tuple[TextDifference, ...]
    fields: tuple[FieldDifference, ...]


@blueprint.get("/articles/<id>/diff")
def compared(id: str) -> Response:
    """The differences between the versions `from` and `to`. By default, `to` is the newest and `from` the public version before it."""
    return _difference(id, web.representation.negotiate(TYPES, PAGE), negotiated=True)


@blueprint.get("/articles/<id>/diff.json")
def compared_json(id: str) -> Response:
    """The same as JSON."""
    return _difference(id, "json")


def _difference(id: str, form: str, *, negotiated: bool = False) -> Response:
    current = kept_public(id).article
    parameters = only(("from", "to"))
    old, new = _two(id, parameters)
    found = difference(old.article, new.article)
    if form == "json":
        answer = Compared(current.id, current.guid, current.url, old.version, new.version, found.texts, found.fields)
        response = data(msgspec.json.encode(answer), current)
        return located(response, f"{current.url}/diff.json", parameters) if negotiated else response
    lang = language()
    pair = urlencode({"from": old.version, "to": new.version})
    page = html_page(
        "difference.html",
        lang,
        article=current,
        old=old,
        new=new,
        texts=found.texts,
        fields=shown_fields(found, lang),
        canonical=f"{current.url}/diff?{pair}",
    )
    return linked(page, current, f"/diff?{pair}")


def _two(id: str, parameters: dict[str, str]) -> tuple[store.articles.Version, store.articles.Version]:
    """The old and the new version of the request. Raises Problem."""
    numbers = {name: number_of(value, name) for name, value in parameters.items()}
    engine = here().engine
    if "to" in numbers:
        new = public_version(id, parameters["to"])
    else:
        newest = store.articles.history(engine, id, 1)
        if not newest:
            raise unknown()  # It was withdrawn in the meantime.
        new = newest[0]
    if "from" in numbers:
        old = public_version(id, parameters["from"])
    else:
        before = store.articles.history(engine, id, 1, below=new.version)
        if not before:
            raise unknown_version(f"There is no public version before version {new.version}.")
        old = before[0]
    if old.version == new.version:
        detail = f"from and to are both version {new.version}. Give two different versions."
        raise Problem(400, "same-version", "Both versions are the same", detail)
    return old, new
