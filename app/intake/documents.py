"""Starts drafts from files: what a person has (HWPX, DOCX, PDF, HWP, text) and what a system exports (XML and JSON of any
dialect).

Nothing is stored. Documents are read in a process of its own (`app.files.extraction.recognise`); releases by the same parsers and
checks as `POST /releases`.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from app.errors import Fault, Problem
from app.files.extraction import Deadline, recognisable, recognise
from app.files.filetypes import ENDINGS, HWP, HWPX, see
from app.intake import normalize as normalizer
from app.intake import parsers
from app.intake.draft import Draft, Value
from app.intake.releases import Rules, parse_safely
from app.text import embargo_wording, html
from app.text.embargo_wording import WordedEmbargo
from app.text.zones import zone_of
from extract.pictures import Picture
from extract.recognised import LIKELY, SURE, Guess, Person, Recognised, Where

PICTURES = "https://pictures.invalid/"  # stands before the names of pictures while a body is cleaned
PLAIN = "text/plain"
KINDS = {HWPX: "hwpx", HWP: "hwp", ENDINGS["docx"]: "docx", ENDINGS["pdf"]: "pdf", PLAIN: "text"}
MOST_OF_RELEASE = 20 * 1024 * 1024  # bytes of a release that is read here
MULTILINE = {"summary", "other", "note"}
# Why a file gives no draft, as a key -> status, title and detail of the problem `document-KEY`. Some keys come from the process
# that reads files.
PROBLEMS: dict[str, tuple[int, str, str]] = {
    "unknown": (415, "Not a document", "The file is not HWPX, DOCX, PDF, HWP, text, XML or JSON. Send one of these."),
    "empty": (422, "The file is empty", "The file has no bytes. Send it again."),
    "broken": (
        422,
        "The file is broken",
        "The file is not complete. Save it again in its program and send the new file.",
    ),
    "protected": (422, "The file is protected", "The file is protected by a password. Save it without one."),
    "large": (
        422,
        "The file is too large",
        "Unpacked, the file has more text, tables or pictures than the server reads. Send a smaller file.",
    ),
    "no-text": (422, "The file has no text", "No text was found in the file. It may consist of scanned pages."),
    "costly": (422, "The file takes too long to read", "Reading the file took more time or memory than allowed."),
    "no-reader": (501, "No reader is installed", "The server has no reader for this type of file. Send it as HWPX."),
    "busy": (503, "The server is busy", "The server is reading other files. Try again."),
}
WARNINGS = {
    *("hwp-withdrawn", "pdf", "cut", "equation", "no-headline", "no-body", "embargo-unread", "issued-unread"),
    *("picture-missing", "picture-type", "picture-broken", "picture-large", "picture-many"),
}
AT_ONCE = re.compile(r"(?:for )?immediate(?: release)?\W?", re.IGNORECASE)
SAME_PROBLEM = {"slow": "costly", "not-started": "busy", "unread": "broken"}


class Reading(Struct, frozen=True):
    """What a file says about one article. Nothing in it is trusted: it fills in the fields of a form, which a person checks."""

    kind: str  # "hwpx", "docx", "pdf", "hwp", "text", "xml" or "json"
    parts: dict[str, tuple[Guess, ...]]  # name of a field -> its values; see `extract.recognised.Recognised`
    people: tuple[Person, ...] = ()
    pictures: tuple[Picture, ...] = ()  # saved in the directory; the body names them by relative URLs
    warnings: tuple[str, ...] = ()  # keys; `document:KEY` has the words in `app.syndication.texts`
    sentences: tuple[str, ...] = ()  # warnings of the parsers and about dates, in English
    faults: tuple[Fault, ...] = ()  # of a release in XML or JSON, each with its line
    embargo: WordedEmbargo = WordedEmbargo()  # the meaning of the part "embargo"; without that part it says nothing
    issued: datetime | None = None  # the meaning of the part "issued"

    def first(self, part: str) -> Guess | None:
        """The first value of a part."""
        return next(iter(self.parts.get(part, ())), None)

    @property
    def unsure(self) -> frozenset[str]:
        """The parts that a person must look at: those with a value that is not sure."""
        return frozenset(name for name, found in self.parts.items() if any(value.sure != SURE for value in found))


def read_document(path: Path, name: str, media_type: str, pictures: Path, rules: Rules) -> tuple[Reading, ...]:
    """The articles in a file: one of a document, any number of a release in XML or JSON.

    `name` and `media_type` are as sent; the first bytes of the file decide. `pictures`: an empty directory, in which the pictures of a
    document are saved. Raises Problem: `document-unknown` and the others in PROBLEMS, and what the parsers raise for releases.
    """
    if path.stat().st_size == 0:
        raise _problem("empty")
    seen = see(path)
    if seen.real == PLAIN and _is_release(seen.head, name, media_type):
        if path.stat().st_size > MOST_OF_RELEASE:
            raise _problem("large")
        return drafts_in(path.read_bytes(), media_type, rules)
    if seen.real == "application/x-ole-storage" and "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        raise _problem("protected")
    if not recognisable(seen.real):
        raise _problem("unknown")
    recognised = recognise(path, seen.real, pictures, Deadline())
    if recognised.problem:
        raise _problem(recognised.problem)
    if not ({"headline", "body"} & recognised.parts.keys()):
        raise _problem("no-text")
    return (_of_document(recognised, KINDS[seen.real], rules),)


def drafts_in(body: bytes, media_type: str, rules: Rules) -> tuple[Reading, ...]:
    """The articles of a release in any dialect that `POST /releases` takes, each with all its faults and their lines. Raises Problem
    if the document cannot be parsed at all; its `errors` have the line."""
    parsed = parse_safely(rules, body, media_type)
    kind = "json" if parsers.media_type(body, media_type).endswith("json") else "xml"
    found = {place: Reading(kind, {}, faults=faults) for place, faults in parsed.refused.items()}
    now = rules.now()
    for place, draft in parsed.drafts:
        try:
            checked = normalizer.normalize(draft, now)
            faults = checked if isinstance(checked, tuple) else ()
        except Problem as problem:
            faults = problem.errors or (Fault(problem.detail, draft.mark.path, draft.mark.line),)
        found[place] = _of_draft(draft, kind, faults)
    return tuple(found[place] for place in sorted(found))


def _problem(key: str) -> Problem:
    key = SAME_PROBLEM.get(key, key)
    status, title, detail = PROBLEMS[key]
    return Problem(status, f"document-{key}", title, detail)


def _is_release(head: bytes, name: str, media_type: str) -> bool:
    """Whether readable text is XML or JSON: it begins like one. If a plain text might begin in the same way, its name or type must
    say so too."""
    start = head.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0")[:1]
    called = name.lower().endswith((".xml", ".json", ".atom", ".rss", ".nitf", ".newsml")) or media_type.partition(";")[
        0
    ].strip().lower().endswith(("xml", "json"))
    return start == b"<" or (start in b"{[" and start != b"" and called)


# Documents


def _of_document(recognised: Recognised, kind: str, rules: Rules) -> Reading:
    warnings, sentences = list(recognised.warnings), []
    parts = {name: tuple(_cleaned(name, found)) for name, found in recognised.parts.items()}
    body = parts.get("body", ())
    if body:
        cleaned = _body(body[0].value, {picture.name for picture in recognised.pictures})
        sentences += [*cleaned.faults, *cleaned.warnings]
        parts["body"] = (replace(body[0], value=cleaned.xhtml),) if cleaned.xhtml else ()
    parts = {name: found for name, found in parts.items() if found}
    now = rules.now()
    near = now.now.astimezone(zone_of(rules.given.zone or "UTC"))
    issued = _time(parts["issued"][0].value, near) if "issued" in parts else None
    embargo = WordedEmbargo()
    if "embargo" in parts:
        embargo = _embargo(parts["embargo"][0].value, issued or near, now.hours)
        sentences += embargo.warnings
        if embargo.held:
            warnings.append("embargo-unread")
    if "issued" in parts and issued is None:
        warnings.append("issued-unread")
    people = tuple(_person(person) for person in recognised.people)
    return Reading(
        kind, parts, people, recognised.pictures, tuple(dict.fromkeys(warnings)), tuple(sentences), (), embargo, issued
    )


def _time(wording: str, near: datetime) -> datetime | None:
    """The instant that a head gives as in "2021. 3. 9.(화) 09:00", or as "2021-03-09 00:00 UTC"."""
    instant = _instant(wording.replace(" UTC", "+00:00"))
    return instant.astimezone(near.tzinfo) if instant else embargo_wording.handed_out(wording, near)


def _embargo(wording: str, issued: datetime, hours: embargo_wording.Hours) -> WordedEmbargo:
    """The meaning of an embargo wording in Korean, or of the two wordings that our own English releases have."""
    if AT_ONCE.fullmatch(wording):
        return WordedEmbargo()
    until = _instant(wording.replace(" UTC", "+00:00"))
    return WordedEmbargo(until) if until else embargo_wording.read(wording, issued, hours)


def _cleaned(name: str, found: Sequence[Guess]) -> Iterator[Guess]:
    """The values as plain text without control characters. The body is HTML and is cleaned by itself."""
    for value in found:
        if name == "body":
            yield value
        elif text := (normalizer.prose if name in MULTILINE else normalizer.line)(value.value):
            yield replace(value, value=text)


def _person(person: Person) -> Person:
    fields = ("department", "role", "position", "name", "phone", "email")
    return replace(person, **{field: normalizer.line(getattr(person, field)) for field in fields})


def _body(source: str, pictures: set[str]) -> html.Body:
    """The body with what an article may contain. Only the pictures that were saved stay; their URLs are relative."""
    cleaned = html.clean(source, PICTURES, tolerant=True)
    fragment = cleaned.xhtml
    for name in pictures:
        fragment = fragment.replace(f'src="{PICTURES}{quote(name)}"', f'src="{quote(name)}"')
    return replace(cleaned, xhtml=fragment)


# Releases


def _of_draft(draft: Draft, kind: str, faults: Sequence[Fault]) -> Reading:
    mark = Where("line", draft.mark.line)
    parts: dict[str, list[Guess]] = {}

    def add(name: str, value: str | Value | None, sure: str = SURE) -> None:
        where = Where("line", value.line) if isinstance(value, Value) and value.line else mark
        text = (value.text if isinstance(value, Value) else value or "").strip()
        if text:
            parts.setdefault(name, []).append(Guess(text, sure, where))

    for name in ("guid", "headline", "summary", "dateline", "byline", "issued", "kind", "note", "office", "slugline"):
        add(name, getattr(draft, name))
    add("language", draft.lang)
    add("embargo", draft.embargo_wording or draft.embargo)
    add("licence", draft.licence_uri or draft.licence_text)
    for text in draft.subheadlines:
        add("subheadline", text)
    for text in draft.keywords:
        add("keyword", text)
    for field, terms in (("region", draft.regions), ("topic", draft.topics)):
        for term in terms:
            add(field, Value(term.text, term.line, term.path), LIKELY if term.soft else SURE)
    for enclosure in draft.enclosures:
        add("attachment", enclosure.url)
    cleaned = html.clean(draft.body.text, draft.base, tolerant=draft.foreign)
    add("body", Value(cleaned.xhtml, draft.body.line, draft.body.path))
    cleaned_parts = {
        name: tuple(found if name in ("body", "attachment", "guid") else _cleaned(name, found))
        for name, found in parts.items()
    }
    people = tuple(
        Person(contact.department, contact.role, "", contact.name, contact.phone, contact.email, SURE, mark)
        for contact in draft.contacts
    )
    until = _instant(draft.embargo.text) if draft.embargo else None
    embargo = WordedEmbargo(until, draft.held or (draft.embargo is not None and until is None))
    sentences = (*draft.warnings, *cleaned.warnings)
    return Reading(kind, cleaned_parts, people, (), (), sentences, tuple(faults), embargo, _instant(draft.issued.text))


def _instant(text: str) -> datetime | None:
    """An instant with its zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else None
