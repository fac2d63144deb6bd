"""Makes the text of a draft from what was read in a file. Pure. What is not certain is marked for the person who continues."""

from collections.abc import Mapping
from urllib.parse import quote

from app.desk.content import DraftText, ReadMark, local_text
from app.intake.documents import Reading
from extract.recognised import SURE, Guess

ONE = ("headline", "summary", "body", "note", "kind", "dateline", "byline", "slugline", "licence", "language")
SEVERAL = ("subheadline", "region", "topic", "keyword")
KOREAN = "ko"


def draft_text_of(reading: Reading, zone: str, pictures: Mapping[str, str]) -> DraftText:
    """The text of a draft. `zone`: of the office (IANA name). `pictures`: name of a picture of the document -> the URL that it will
    have when the release is published."""
    lines: dict[str, str] = {"language": KOREAN}
    lists: dict[str, tuple[str, ...]] = {}
    marks: dict[str, ReadMark] = {}
    for name in ONE:
        if (guess := reading.first(name)) is not None:
            lines[name] = guess.value
            _mark(marks, name, guess, guess.value)
    for name in SEVERAL:
        if found := reading.parts.get(name):
            lists[name] = tuple(dict.fromkeys(guess.value for guess in found))
            _mark(marks, name, found[0], "\n".join(lists[name]))
    for name, url in pictures.items():
        lines["body"] = lines.get("body", "").replace(f'src="{quote(name)}"', f'src="{url}"')
    if "body" in marks:
        marks["body"] = ReadMark(lines["body"], *_of(marks["body"]))
    if lines.get("licence", "").partition(":")[0] not in ("http", "https"):
        lines["licence-text"] = lines.pop("licence", "")
    if reading.issued is not None:
        lines["issued"] = local_text(reading.issued, zone)
    lines |= _embargo(reading, zone)
    if (guess := reading.first("embargo")) is not None:
        _mark(marks, "embargo", guess, lines["embargo"])
    contacts = []
    for number, person in enumerate(reading.people, start=1):
        entry = {
            "department": person.department,
            "role": person.position or person.role,
            "name": person.name,
            "phone": person.phone,
            "email": person.email,
        }
        contacts.append({part: value for part, value in entry.items() if value})
        if person.sure != SURE and person.name:
            marks[f"contact-name-{number}"] = ReadMark(person.name, person.sure, *_place(person.where))
    parts = {"contact": tuple(entry for entry in contacts if entry)}
    return DraftText(
        {name: value for name, value in lines.items() if value},
        lists,
        {name: entries for name, entries in parts.items() if entries},
        marks,
    )


def _embargo(reading: Reading, zone: str) -> dict[str, str]:
    """보도시점 in the form of the page. What was not understood is kept in its own words, and is held when it is published."""
    said = reading.first("embargo")
    if reading.embargo.until is not None:
        return {"embargo": "at", "embargo-at": local_text(reading.embargo.until, zone)}
    if reading.embargo.held:
        return {"embargo": "words", "embargo-words": said.value} if said is not None else {"embargo": "held"}
    return {"embargo": "now"}


def _mark(marks: dict[str, ReadMark], name: str, guess: Guess, value: str) -> None:
    if guess.sure != SURE:
        marks[name] = ReadMark(value, guess.sure, *_place(guess.where))


def _of(mark: ReadMark) -> tuple[str, str, int, int]:
    return mark.sure, mark.kind, mark.number, mark.row


def _place(where: object) -> tuple[str, int, int]:
    return getattr(where, "kind", ""), getattr(where, "number", 0), getattr(where, "row", 0)
