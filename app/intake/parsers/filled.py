"""Fills in what a foreign document leaves out: an identifier, a headline, a text, a date, a version. A warning names each of them.
They are the same each time the document comes."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from html import escape

from lxml import etree

from app.intake.draft import Given, Value
from app.text import html

UNDATED = "The item has no date. The moment when it was first seen here became its date of issue."
NO_IDENTIFIER = (
    "The item has neither an identifier nor a link. One was made from its texts, so a correction is a new article."
)
NO_HEADLINE = "The item has no title. The beginning of its text became the headline."
NO_TEXT = "The item has no text of its own. Its title became the text."
GUID_SPACE = "urn:pressrelay:item"  # of identifiers that are made here
LONGEST_HEADLINE = 120  # characters of a text that become a headline
HEAD = 20_000  # characters of a text that are searched for its first line
NOWHERE = "https://base.invalid/"  # of relative links, which do not matter for the words
TAG = re.compile(r"<[^<>]{0,2000}>")
UNTITLED = re.compile(
    r"(?:-|stdin|body|release|feed|document|latest|index|export)(?:\.\w{1,10})?", re.IGNORECASE
)  # names of no document
HEADINGS = re.compile(r"<(h[1-6])(?:\s[^<>]{0,500})?>(.{1,2000}?)</\1>", re.DOTALL)
HEADING_TAG = re.compile(r"<[^<>]{0,500}>")
LONGEST_NAME = 200  # characters of a file's name
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST = 2**31 - 1
RANGE = "The version is derived from this date, which must be from 1970 to 2038-01-19."


def identifier(*texts: str) -> str:
    """An identifier made from the texts of an item; unique within its office."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:32]


def first_line(body: str) -> str:
    """The first line of a text in HTML, shortened between words; empty if there is none."""
    text = html.clean(body[:HEAD], NOWHERE).text
    first = next((" ".join(line.split()) for line in text.split("\n") if line.strip()), "")
    if len(first) <= LONGEST_HEADLINE:
        return first
    cut = first[:LONGEST_HEADLINE]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut else cut}…"


def empty(body: str) -> bool:
    """Whether a text in HTML has neither words nor pictures."""
    return not TAG.sub("", body).strip() and "<img" not in body.lower()


def titled(title: str, address: str) -> str:
    """A title as a text in HTML, with a link if there is an address."""
    words = escape(title.strip())
    if address.startswith(("http://", "https://")):
        words = f'<a href="{escape(address)}">{words}</a>'
    return f"<p>{words}</p>" if title.strip() else ""


def guid(at: Value, given: Given, headline: str, issued: str, what: str) -> tuple[Value, str]:
    """(guid, warning) of a document without an identifier: its file name, else a hash of office, headline and day of issue.

    `issued`: ISO 8601; `what`: the identifier that is missing, at the beginning of a sentence.
    """
    name = given.name.rpartition("/")[2].strip()
    if name and len(name) <= LONGEST_NAME and not UNTITLED.fullmatch(name):
        guid = f"urn:pressrelay:file:{given.office}:{'%20'.join(name.split())}"
        return Value(guid, at.line, at.path), f"{what} is missing. The name of the file became the guid: {guid}."
    parts = "\n".join((given.office, " ".join(headline.split()), issued[:10]))
    guid = f"urn:pressrelay:derived:{hashlib.sha256(parts.encode()).hexdigest()[:32]}"
    told = "A correction must have the same headline and day of issue."
    return Value(
        guid, at.line, at.path
    ), f"{what} is missing. The guid was derived from office, headline and day of issue. {told}"


def headline(at: Value, slugline: str, body: str) -> tuple[Value, str] | None:
    """(headline, warning) of a document without one: its slugline, else the first heading of its text; None if it has neither."""
    for what, text in (("slugline", slugline), ("first heading", heading(body))):
        if words := " ".join(text.split()):
            return Value(words, at.line, at.path), f"There is no headline. The {what} was used."
    return None


def heading(body: str) -> str:
    """The words of the first heading in the beginning of a text."""
    found = HEADINGS.search(body[:HEAD])
    return "" if found is None else HEADING_TAG.sub("", found[2])


def number(text: str, most: int) -> int | None:
    """A whole number up to `most`; None for anything else."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 and int(digits) <= most else None


def urgency(text: str, warnings: list[str]) -> int:
    """An urgency from 1 to 9; 0 if it is missing, or is something else, with a warning."""
    if not text.strip():
        return 0
    found = number(text, 9)
    if not found:
        warnings.append(f"The urgency {text.strip()[:40]!r} is not a whole number from 1 to 9. It was left out.")
    return found or 0


def usable_attributes(element: etree._Element, *names: str) -> None:
    """Remove these attributes if they are empty, because an empty attribute says nothing."""
    for name in names:
        if not element.get(name, "x").strip():
            del element.attrib[name]


def version(moment: datetime) -> int | None:
    """The version of an article whose feed has no version numbers: the seconds from 1970 to the article's last change, so that a later
    instant is a newer version. `moment`: with a time zone; None if it is out of range.

    The database can store versions until 2038-01-19T03:14:07Z. By then the column must be widened; until that is done, a later instant
    is refused and not mistaken for an old version.
    """
    seconds = (moment - EPOCH) // timedelta(seconds=1)
    return seconds if 1 <= seconds <= NEWEST else None
