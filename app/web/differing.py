"""The fields of a difference as texts for a page: what was removed, and what was added."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from app.text.difference import Difference, FieldDifference
from app.web.html import called, when
from feeds import Contact, Enclosure, Licence, Related, Term


def shown_fields(found: Difference, lang: str) -> list[tuple[str, list[str], list[str]]]:
    """(field, removed values, added values) of each field that differs, in that language."""
    return [(change.field, *_shown(change, lang)) for change in found.fields]


def _shown(change: FieldDifference, lang: str) -> tuple[list[str], list[str]]:
    """The removed and the added values; all old and all new values if only their order is different."""
    old, new = (_values(value, lang) for value in (change.old, change.new))
    removed, added = [value for value in old if value not in set(new)], [v for v in new if v not in set(old)]
    return (removed, added) if removed or added else (old, new)


def _values(value: object, lang: str) -> list[str]:
    if isinstance(value, tuple):
        return [_value(element, lang) for element in value]
    return [_value(value, lang)] if value else []


def _value(value: object, lang: str) -> str:
    if isinstance(value, Term):
        return value.code if value.scheme == "keyword" else called(value.code, lang)
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
