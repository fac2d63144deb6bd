"""The text of a draft as a person writes it: none of it needs to be valid. Pure.

The names of the fields are those of the article (feeds/article.py), in the form, in the stored JSON and in the addresses of faults.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct, structs

from app.text.zones import later, zone_of
from feeds import Article

FORMS = ("now", "at", "edition", "words", "held")  # of 보도시점
EDITION_WORDS = {"morning": "조간", "evening": "석간"}
WEEKDAYS = "월화수목금토일"
LONGEST = 3_000_000  # characters of all fields together: more than a release may have
MOST = 200  # values of a field that may be repeated
PARTS = {  # fields that consist of several, in the order of the form
    "contact": ("department", "role", "name", "phone", "email"),
    "related": ("headline", "url", "guid", "translation"),
    "file": ("name", "url", "type", "length", "role", "caption", "licence", "language"),
}
KEPT = ("role", "caption", "licence", "language")  # what an entry keeps when its file is replaced
LISTS = ("subheadline", "region", "topic", "keyword")  # fields with several values
LINES = (  # fields with one value
    *("headline", "summary", "body", "language", "kind", "issued", "urgency"),
    *("embargo", "embargo-at", "embargo-day", "embargo-edition", "embargo-words"),
    *("dateline", "byline", "slugline", "licence", "licence-text", "note", "source", "copyright", "signal"),
)

ONCE = {
    "issued",
    "embargo-at",
    "embargo-day",
    "embargo-words",
    "signal",
    "note",
}  # these belong to one article, so templates leave them out


class ReadMark(Struct, frozen=True):
    """A value that was read from a file and is not certain. The mark ends when a person changes the value."""

    value: str
    sure: str  # "likely" or "unsure"
    kind: str = ""  # where it was found: "paragraph", "table", "line" or "document"
    number: int = 0  # counted from 1; 0: none
    row: int = 0


class DraftText(Struct, frozen=True, omit_defaults=True):
    """The fields of a draft. Instants are texts in the office's own time, "2026-03-09T14:00"."""

    lines: dict[str, str] = {}  # one of LINES -> its text; empty ones are left out
    lists: dict[str, tuple[str, ...]] = {}  # one of LISTS -> its texts
    parts: dict[str, tuple[dict[str, str], ...]] = {}  # one of PARTS -> its entries, without empty texts
    marks: dict[str, ReadMark] = {}  # field of the form -> what a person has to look at
    told: tuple[
        str, ...
    ] = ()  # keys of texts: what the writer should know about the file from which the draft was started

    def __getitem__(self, name: str) -> str:
        """The text of a field with one value; empty if there is none."""
        return self.lines.get(name, "")

    def all(self, name: str) -> tuple[str, ...]:
        """The texts of a field with several values."""
        return self.lists.get(name, ())

    def entries(self, name: str) -> tuple[dict[str, str], ...]:
        """The entries of a field that consists of several."""
        return self.parts.get(name, ())

    def with_files(self, entries: Sequence[dict[str, str]]) -> "DraftText":
        """The text with more files; one of the same name is replaced, and keeps its caption, role and licence."""
        if not entries:
            return self
        before = {entry.get("name", ""): entry for entry in self.entries("file")}
        new = {
            entry["name"]: entry | {k: v for k, v in before.get(entry["name"], {}).items() if k in KEPT}
            for entry in entries
        }
        files = (*(entry for entry in self.entries("file") if entry.get("name", "") not in new), *new.values())
        return structs.replace(self, parts=self.parts | {"file": files[:MOST]})

    def with_contact(self, entry: dict[str, str]) -> "DraftText":
        """The text with one contact more, if it does not have it yet."""
        known = self.entries("contact")
        return self if entry in known else structs.replace(self, parts=self.parts | {"contact": (*known, entry)})

    def marked(self) -> dict[str, ReadMark]:
        """The marks of the fields that still have the value that the file gave."""
        return {name: mark for name, mark in self.marks.items() if self._value(name) == mark.value}

    def with_marks_of(self, before: "DraftText") -> "DraftText":
        """The text with the marks that an earlier version of it had, of fields that are as they were."""
        kept = structs.replace(self, marks=self.marks | before.marks).marked() if before.marks or self.marks else {}
        return structs.replace(self, marks=kept)

    def _value(self, name: str) -> str:
        whole, _, part = name.partition("-")
        if whole in PARTS and part:
            part, _, number = part.rpartition("-")
            entries = self.entries(whole)
            return entries[int(number) - 1].get(part, "") if int(number) <= len(entries) else ""
        return "\n".join(self.all(name)) if name in LISTS else self[name]

    def without(self, fields: Collection[str]) -> "DraftText":
        """The text without some fields of the form, such as "region" or "contact-email-2"."""
        parts = {
            name: tuple(
                {part: value for part, value in entry.items() if f"{name}-{part}-{number}" not in fields}
                for number, entry in enumerate(entries, start=1)
            )
            for name, entries in self.parts.items()
        }
        return DraftText(
            {name: value for name, value in self.lines.items() if name not in fields},
            {name: values for name, values in self.lists.items() if name not in fields},
            parts,
        )


class TooLong(Exception):
    """A draft has more text than any release may have."""


def from_fields(fields: Sequence[tuple[str, str]]) -> DraftText:
    """What a form sent. Unknown names are ignored. A list may be repeated fields, or one text with a value on each line (keywords:
    also between commas). The parts of a contact belong together by their order. Raises TooLong."""
    if sum(len(value) for _, value in fields) > LONGEST:
        raise TooLong
    lines: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    columns: dict[str, dict[str, list[str]]] = {name: {part: [] for part in parts} for name, parts in PARTS.items()}
    removed = {value for name, value in fields if name == "file-remove"}
    for name, value in fields:
        value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if name in LINES:
            if value:
                lines.setdefault(name, value)
        elif name in LISTS:
            lists.setdefault(name, []).extend(_several(name, value))
        else:
            whole, _, part = name.partition("-")
            if part in PARTS.get(whole, ()):
                columns[whole][part].append(value)
    parts = {
        name: tuple(entry for entry in _rows(found) if entry and not (name == "file" and _named(entry) in removed))
        for name, found in columns.items()
    }
    return DraftText(
        lines,
        {name: tuple(dict.fromkeys(values))[:MOST] for name, values in lists.items() if values},
        {name: entries[:MOST] for name, entries in parts.items() if entries},
    )


def _named(entry: dict[str, str]) -> str:
    return entry.get("name") or entry.get("url", "")


def _several(name: str, value: str) -> Iterator[str]:
    parts = value.replace(",", "\n").replace("·", "\n") if name == "keyword" else value
    yield from filter(None, (part.strip() for part in parts.split("\n")))


def _rows(columns: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    for number in range(max(map(len, columns.values()), default=0)):
        row = {part: values[number] for part, values in columns.items() if number < len(values)}
        yield {part: value for part, value in row.items() if value}


def to_json(content: DraftText) -> bytes:
    """As it is stored: the same content gives the same bytes."""
    return msgspec.json.encode(content, order="sorted")


def from_json(stored: bytes) -> DraftText:
    """What is stored."""
    return msgspec.json.decode(stored, type=DraftText)


def from_article(article: Article, zone: str) -> DraftText:
    """The content of an article, to correct it. `zone`: the office's (IANA name). Regions and topics are codes, files addresses."""
    lines = {
        "headline": article.headline,
        "summary": article.summary,
        "body": article.body,
        "language": article.lang,
        "kind": article.kind,
        "issued": local_text(article.issued, zone),
        "urgency": str(article.urgency) if article.urgency else "",
        "dateline": article.dateline,
        "byline": article.byline,
        "slugline": article.slugline,
        "licence": article.licence.uri,
        "licence-text": article.licence.text,
        "source": article.source,
        "copyright": article.copyright,
        "embargo": "held" if article.held else "at" if article.embargoed else "now",
        "embargo-at": local_text(article.embargoed, zone) if article.embargoed else "",
    }
    lists = {
        "subheadline": article.subheadlines,
        "region": tuple(term.code for term in article.regions),
        "topic": tuple(term.code for term in article.topics),
        "keyword": tuple(term.code for term in article.keywords),
    }
    contacts = [{part: getattr(contact, part) for part in PARTS["contact"]} for contact in article.contacts]
    related = [{part: getattr(one, part) for part in PARTS["related"]} for one in article.related]
    files = [
        {
            "url": file.url,
            "type": file.type,
            "length": "" if file.length is None else str(file.length),
            "role": file.role,
            "caption": file.caption,
            "licence": file.licence.uri if file.licence else "",
            "language": file.lang,
        }
        for file in article.enclosures
    ]
    parts = {"contact": contacts, "related": related, "file": files}
    return DraftText(
        {name: text for name, text in lines.items() if text},
        {name: texts for name, texts in lists.items() if texts},
        {
            name: tuple({part: text for part, text in entry.items() if text} for entry in entries)
            for name, entries in parts.items()
            if entries
        },
    )


def as_template(content: DraftText) -> DraftText:
    """What a template keeps of a draft: no instants, no files, and nothing that is about one article alone."""
    lines = {name: value for name, value in content.lines.items() if name not in ONCE}
    parts = {name: entries for name, entries in content.parts.items() if name == "contact"}
    return DraftText(lines, content.lists, parts)


def local_text(instant: datetime, zone: str) -> str:
    """An instant as a date-time field of a form has it, in the office's own time."""
    return instant.astimezone(zone_of(zone)).replace(tzinfo=None).isoformat(timespec="minutes")


def at(text: str, zone: str) -> datetime | None:
    """The instant, in that zone, of a date-time field in the office's own time; None if the text is not an instant. If the time
    occurs twice because clocks change, the later one."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(zone_of(zone)) if found.tzinfo else later(found, zone)[0]
    except (ValueError, OverflowError):
        return None


def embargo_wording(content: DraftText, zone: str) -> str:
    """보도시점 as the release shows it, with the right weekday; in English if the release is not Korean."""
    korean = content["language"].lower().startswith("ko") or not content["language"]
    form = content["embargo"] or "now"
    if form == "now":
        return "배포 즉시" if korean else "For immediate release"
    if form == "words":
        return content["embargo-words"]
    if form == "edition":
        day = at(content["embargo-day"], zone)
        edition = EDITION_WORDS.get(content["embargo-edition"], content["embargo-edition"])
        return f"{_day(day)} {edition}" if day else f"{content['embargo-day']} {edition}".strip()
    moment = at(content["embargo-at"], zone)
    if form != "at" or moment is None:
        return ""
    if korean:
        return f"{_day(moment)} {moment:%H:%M} 이후"
    return f"Embargoed until {moment:%d %B %Y, %H:%M} ({moment.tzname()})"


def _day(day: datetime) -> str:
    return f"{day.year}. {day.month}. {day.day}.({WEEKDAYS[day.weekday()]})"
