"""How two texts of a draft differ; neither of them needs to be valid. Pure."""

from msgspec.structs import replace

from app.desk.content import DraftText
from app.desk.writing import body_of
from app.text import html
from app.text.difference import TextDifference, difference
from feeds import BLANK, Article

# Field of a draft -> the field of an article that it belongs to, whose name pages show.
FIELDS = {
    "language": "lang",
    **dict.fromkeys(("embargo", "embargo-at", "embargo-day", "embargo-edition", "embargo-words"), "embargoed"),
    "licence-text": "licence",
    "region": "regions",
    "topic": "topics",
    "keyword": "keywords",
    "contact": "contacts",
    "related": "related",
    "file": "enclosures",
}
TEXTS = ("headline", "subheadline", "summary", "body")  # compared word by word

Change = tuple[str, list[str], list[str]]  # field of an article, removed values, added values


def compare(old: DraftText, new: DraftText) -> tuple[tuple[TextDifference, ...], list[Change]]:
    """The texts that differ, word by word, and the other fields with their removed and added values."""
    texts = difference(_article(old), _article(new)).texts
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name in sorted({*old.lines, *new.lines, *old.lists, *new.lists, *old.parts, *new.parts} - set(TEXTS)):
        before, after = _values(old, name), _values(new, name)
        if before == after:
            continue
        removed = [value for value in before if value not in after]
        added = [value for value in after if value not in before]
        if not removed and not added:  # only their order differs
            removed, added = before, after
        lists = found.setdefault(FIELDS.get(name, name), ([], []))
        lists[0].extend(removed)
        lists[1].extend(added)
    return texts, [(field, removed, added) for field, (removed, added) in found.items()]


def _values(content: DraftText, name: str) -> list[str]:
    if name in content.lists:
        return list(content.lists[name])
    if name in content.parts:
        return [" · ".join(entry.values()) for entry in content.parts[name]]
    return [content[name]] if content[name] else []


def _article(content: DraftText) -> Article:
    """An article with these texts, for the comparison alone."""
    return replace(
        BLANK,
        lang=content["language"] or "ko",
        kind="",
        headline=" ".join(content["headline"].split()),
        subheadlines=content.all("subheadline"),
        summary=content["summary"],
        text=html.clean(body_of(content["body"]), "", tolerant=True).text,
    )
