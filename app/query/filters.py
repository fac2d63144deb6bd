"""The filters of a feed. Each is a parameter whose values are places or topics of the fan-out, converted to one canonical form."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from app.errors import Fault, Problem
from app.query.axes import KINDS, LICENCES, NO_LICENCE, genre_topic, lang_topic, licence_topic, office_place
from schemas import UnknownCode, codes


class Filter(Struct, frozen=True):
    """A parameter whose values are places or topics of the fan-out."""

    name: str
    axis: str  # "place" or "topic"
    resolve: Callable[[str, Sequence[str]], str]  # a value from the request, the known offices -> its canonical form
    key: Callable[[str], str]  # the canonical form -> the name of a place or topic


def _code(scheme: str, text: str) -> str:
    try:
        return codes("region" if scheme == "region" else "topic").resolve(text).code
    except UnknownCode as error:
        several = bool(error.candidates)
        reason = (
            f"{text[:100]!r} is {'the name of several' if several else 'not a known'} {scheme}{'s' if several else ''}."
        )
        raise Problem(
            404,
            f"{'ambiguous' if several else 'unknown'}-{scheme}",
            f"{'Ambiguous' if several else 'Unknown'} {scheme}",
            reason,
            errors=[Fault(reason, nearest=error.nearest)],
        ) from None


def _region(text: str, _offices: Sequence[str]) -> str:
    return _code("region", text)


def _topic(text: str, _offices: Sequence[str]) -> str:
    return _code("topic", text)


def _office(text: str, offices: Sequence[str]) -> str:
    if text.lower() not in offices:
        reason = f"{text[:100]!r} is not a known office."
        raise Problem(404, "unknown-office", "Unknown office", reason, errors=[Fault(reason)])
    return text.lower()


def _lang(text: str, _offices: Sequence[str]) -> str:
    parts = text.replace("_", "-").split("-")
    if not (2 <= len(parts[0]) <= 3 and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in parts)):
        raise Problem(
            400, "bad-language", "Not a language tag", f"{text[:40]!r} is not a BCP 47 language tag such as ko."
        )
    return "-".join(parts).lower()


def _genre(text: str, _offices: Sequence[str]) -> str:
    kind = text.lower().removeprefix("kind:")
    if kind not in KINDS:
        reason = f"{text[:100]!r} is not a known genre."
        raise Problem(404, "unknown-genre", "Unknown genre", reason, errors=[Fault(reason, nearest=KINDS)])
    return kind


def _licence(text: str, _offices: Sequence[str]) -> str:
    known = LICENCES.get(text.lower(), text)
    if text.lower() == NO_LICENCE:
        return NO_LICENCE
    if not known.startswith(("https://", "http://")):
        reason = f"{text[:100]!r} is not a known licence. Give its URL or one of the known short names."
        nearest = (*LICENCES, NO_LICENCE)
        raise Problem(404, "unknown-licence", "Unknown licence", reason, errors=[Fault(reason, nearest=nearest)])
    return known


FILTERS = (
    Filter("region", "place", _region, str),
    Filter("topic", "topic", _topic, str),
    Filter("office", "place", _office, office_place),
    Filter("lang", "topic", _lang, lang_topic),
    Filter("genre", "topic", _genre, genre_topic),
    Filter("licence", "topic", _licence, licence_topic),
)
BY_NAME = {filter.name: filter for filter in FILTERS}
FIELDS = {filter.name: f"{filter.name}s" for filter in FILTERS}  # of Query
