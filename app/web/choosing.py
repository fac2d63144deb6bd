"""The filters of the first page: those that are chosen, each with the page without it, and those that can still be chosen."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from app.accounts.offices import OfficeRecord
from app.query import FIELDS, KINDS, Query
from app.syndication.texts import name, text, value_name
from feeds import rfc3339_utc
from schemas import Code, codes

Choices = list[tuple[str, str]]  # (value, label)

MOST_OFFICES = 60  # offered as a list; if there are more, the page has a text field


class ChosenFilter(Struct, frozen=True):
    """A filter that the page is narrowed by."""

    label: str
    without: Query  # the query without it


def chosen_filters(query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> list[ChosenFilter]:
    """Every filter of a query, in the order of its parameters."""
    first = replace(query, before=None, after=None)
    found: list[ChosenFilter] = []
    for parameter, field in FIELDS.items():
        values = query.values(parameter)
        for value in values:
            others = tuple(other for other in values if other != value)
            label = f"{text(f'filter:{parameter}', lang)}: {value_name(parameter, value, offices, lang)}"
            found.append(ChosenFilter(label, replace(first, **{field: others})))
    for parameter, value in query.excluded:
        kept = tuple(pair for pair in query.excluded if pair != (parameter, value))
        label = text("filter-not", lang).format(name=value_name(parameter, value, offices, lang))
        found.append(ChosenFilter(label, replace(first, excluded=kept)))
    if query.words:
        found.append(ChosenFilter(f"{text('filter:q', lang)}: {query.words}", replace(first, words="")))
    for parameter, moment in (("since", query.since), ("until", query.until)):
        if moment is not None:
            label = f"{text(f'filter:{parameter}', lang)}: {rfc3339_utc(moment)[:10]}"
            found.append(ChosenFilter(label, replace(first, **{parameter: None})))
    return found


def region_choices(query: Query, lang: str) -> Choices:
    """The provinces of Korea, and the parts of those regions that are chosen."""
    table = codes("region")
    return _named([*table.children("kr"), *(part for code in query.regions for part in table.children(code))], lang)


def topic_choices(query: Query, lang: str) -> Choices:
    """The topics of the first level, and the parts of those that are chosen."""
    table = codes("topic")
    first = [code for code in table if code.scheme == "medtop" and not code.parent]
    return _named([*first, *(part for code in query.topics for part in table.children(code))], lang)


def _named(found: list[Code], lang: str) -> Choices:
    present = dict.fromkeys(code.code for code in found if code.valid_to is None and code.retired is None)
    return [(code, name(code, lang)) for code in present]


def office_choices(offices: Mapping[str, OfficeRecord]) -> Choices:
    """The offices, if they are few enough for a list."""
    if len(offices) > MOST_OFFICES:
        return []
    return sorted(((office.code, office.name) for office in offices.values()), key=lambda pair: pair[1])


def kind_choices(lang: str) -> Choices:
    """The kinds of releases."""
    return [(kind, text(f"kind:{kind}", lang)) for kind in KINDS]
