"""What a feed holds, said in a sentence: "전주시 보도자료, ‘예산’ 포함, 전북특별자치도 제외"."""

from collections.abc import Callable, Mapping, Sequence

from babel import Locale, UnknownLocaleError

from app.accounts.offices import OfficeRecord
from app.query import LICENCES, Query
from app.syndication.texts import TEXTS, name, text
from feeds import rfc3339_utc

NAMED = 3  # values of one kind that are named; if there are more, only the first is
SHORT_LICENCES = {uri: short for short, uri in LICENCES.items()}


def feed_in_words(query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """What the feed of a query holds, in "ko" or "en"."""

    def listed(names: Sequence[str]) -> str:
        if len(names) > NAMED:
            return text("words:others", lang).format(first=names[0], count=len(names) - 1)
        return ", ".join(names)

    def of(parameter: str) -> str:
        return listed([value_in_words(parameter, value, offices, lang) for value in query.values(parameter)])

    kinds = of("genre") or text("words:release", lang)
    parts = {parameter: of(parameter) for parameter in ("region", "topic", "office")}
    head = (_korean if lang == "ko" else _english)(kinds, parts) if any(parts.values()) or query.genres else ""
    more = [of("lang"), of("licence")]
    more += [text("words:with", lang).format(words=query.words)] if query.words else []
    periods = (("words:since", query.since), ("words:until", query.until))
    more += [text(key, lang).format(when=rfc3339_utc(moment)) for key, moment in periods if moment]
    without = [value_in_words(parameter, value, offices, lang) for parameter, value in query.excluded]
    more += [text("words:without", lang).format(names=listed(without))] if without else []
    return ", ".join(filter(None, (head or text("words:everything", lang), *more)))


def _korean(kinds: str, parts: Mapping[str, str]) -> str:
    office = f"{parts['office']}의" if parts["office"] else ""
    return " ".join(filter(None, (office, parts["region"], parts["topic"], kinds)))


def _english(kinds: str, parts: Mapping[str, str]) -> str:
    words = (("of", parts["region"]), ("on", parts["topic"]), ("by", parts["office"]))
    return " ".join((kinds, *(f"{word} {part}" for word, part in words if part)))


def value_in_words(parameter: str, value: str, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """The name of one value of a filter, in "ko" or "en"."""
    if parameter == "office":
        return offices[value].name if value in offices else value
    named: dict[str, Callable[[], str]] = {
        "genre": lambda: text(f"kind:{value}", lang),
        "lang": lambda: language_in_words(value, lang),
        "licence": lambda: licence_in_words(value, lang),
    }
    return named[parameter]() if parameter in named else name(value, lang)


def licence_in_words(value: str, lang: str) -> str:
    """The name of a licence, given as its URL, or "none"."""
    short = SHORT_LICENCES.get(value, value)
    known = TEXTS.get(f"licence:{short}")
    return known[lang] if known else short.upper() if short in LICENCES else value


def language_in_words(tag: str, lang: str) -> str:
    """The name of a language; its tag if it has none."""
    try:
        return str(Locale.parse(tag, sep="-").get_display_name(lang) or tag)
    except (UnknownLocaleError, ValueError):
        return tag
