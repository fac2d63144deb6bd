"""How two versions of an article differ: a page for people, and JSON. Only versions that were public are compared."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response
from msgspec import Struct
from msgspec.structs import asdict

from app import store
from app.errors import Problem
from app.store import Version
from app.syndication.texts import name
from app.text.difference import FieldDifference, TextDifference, difference
from app.web import representation
from app.web.context import here
from app.web.routes import articles
from app.web.routes.changes import parameters
from app.web.routes.pages import html, language, when
from app.web.routes.versions import TYPES, data, linked, located, number_of, public_version, unknown_version
from feeds.article import Contact, Enclosure, Licence, Related, Term

blueprint = Blueprint("differences", __name__)
blueprint.after_request(representation.of_article)


class Compared(Struct, frozen=True, rename={"old": "from", "new": "to"}):
    """How two versions differ."""

    id: str
    guid: str
    url: str
    old: int
    new: int
    texts: tuple[TextDifference, ...]
    fields: tuple[FieldDifference, ...]


@blueprint.get("/articles/<id>/diff")
def compared(id: str) -> Response:
    """What changed between two versions: `from`, else the one before `to`, else the newest."""
    return _difference(id, representation.negotiate(TYPES, articles.PAGE), negotiated=True)


@blueprint.get("/articles/<id>/diff.json")
def compared_json(id: str) -> Response:
    """The same as JSON."""
    return _difference(id, "json")


def _difference(id: str, form: str, *, negotiated: bool = False) -> Response:
    current = articles.kept_public(id).article
    asked = parameters(("from", "to"))
    old, new = _two(id, asked)
    found = difference(old.article, new.article)
    if form == "json":
        answer = Compared(current.id, current.guid, current.url, old.version, new.version, found.texts, found.fields)
        response = data(msgspec.json.encode(answer), current)
        return located(response, f"{current.url}/diff.json", asked) if negotiated else response
    lang = language()
    pair = urlencode({"from": old.version, "to": new.version})
    page = html(
        "difference.html",
        lang,
        article=current,
        old=old,
        new=new,
        texts=found.texts,
        fields=[(one.field, *_shown(one, lang)) for one in found.fields],
        canonical=f"{current.url}/diff?{pair}",
    )
    return linked(page, current, f"/diff?{pair}")


def _two(id: str, asked: dict[str, str]) -> tuple[Version, Version]:
    """The versions that are asked for. Raises Problem."""
    numbers = {name: number_of(value, name) for name, value in asked.items()}
    engine = here().engine
    if "to" in numbers:
        new = public_version(id, asked["to"])
    else:
        newest = store.history(engine, id, 1)
        if not newest:
            raise articles.unknown()  # It went in between.
        new = newest[0]
    if "from" in numbers:
        old = public_version(id, asked["from"])
    else:
        before = store.history(engine, id, 1, below=new.version)
        if not before:
            raise unknown_version(f"No public version comes before version {new.version}.")
        old = before[0]
    if old.version == new.version:
        detail = f"Both are version {new.version}: give from and to of different versions."
        raise Problem(400, "same-version", "Twice the same version", detail)
    return old, new


# Fields for people


def _shown(one: FieldDifference, lang: str) -> tuple[list[str], list[str]]:
    """What was removed and what was added; of a list that is only in another order, all of it."""
    old, new = (_values(value, lang) for value in (one.old, one.new))
    removed, added = [value for value in old if value not in set(new)], [v for v in new if v not in set(old)]
    return (removed, added) if removed or added else (old, new)


def _values(value: object, lang: str) -> list[str]:
    if isinstance(value, tuple):
        return [_value(one, lang) for one in value]
    return [_value(value, lang)] if value else []


def _value(value: object, lang: str) -> str:
    if isinstance(value, Term):
        return value.code if value.scheme == "keyword" else name(value.code, lang)
    if isinstance(value, Enclosure):
        size = "" if value.length is None else f"{value.length} B"
        parts = (value.caption, value.url, value.type, size, value.lang, *_parts(value.licence or Licence()))
        return " · ".join(filter(None, parts))
    if isinstance(value, Contact | Licence | Related):
        return " · ".join(_parts(value))
    if isinstance(value, bool):
        return "✓"
    if isinstance(value, datetime):
        return when(value, lang)
    return str(value)


def _parts(value: Struct) -> list[str]:
    return [str(part) for part in asdict(value).values() if part]
