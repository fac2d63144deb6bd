"""Finds parts of a JSON document that no parser read: those that look like an embargo hold their article, as in XML (`unread.py`)."""

from itertools import islice

from msgspec.structs import replace
from rapidfuzz.distance import OSA

from app.intake.draft import Parsed
from app.intake.parsers.jsontext import JsonDocument, Node, walk
from app.intake.parsers.unread import LONG, MOST, Suspicion, kind_of, named, suspect, suspicion_of, valued
from app.text.embargo_wording import LONGEST, looks_like
from schemas.text import nfkc

OURS = "pressrelay"
TEXTS = {"content_html", "content_text", "bodies", "body_html", "body_text", "body_xhtml"}
NOTES = {"ednote", "editorialnote"}  # for editors; not shown


def hold(document: JsonDocument, parsed: Parsed) -> Parsed:
    """Hold drafts that have no embargo but a part that looks like one; `parsed.read` are the places that the parser read."""
    found = list(islice(filter(None, (_looks(name, node, parsed) for name, node in walk(document.root))), MOST + 1))
    parsed = suspect(parsed, found, ())
    return replace(parsed, unread=parsed.unread + _unread(document, parsed))


def _looks(name: str, node: Node, parsed: Parsed) -> Suspicion | None:
    """A member that looks like an embargo by its name or value. Null and false say that there is none."""
    value = node.value
    if node.path in parsed.read or value is None or not name:
        return None
    local = nfkc(name[:200]).casefold()
    compact = "".join(filter(str.isalnum, local))
    text = " ".join(str(value).split())[:LONGEST] if isinstance(value, str | int | float) else ""
    kind = kind_of(local)
    if kind and (found := suspicion_of(kind, text, node.path)):
        return found
    if value is False:
        return None
    if named(local) or named(compact) or _misspelt(compact):
        return Suspicion(node.path, text)
    if OURS in compact and name != "_pressrelay":
        return Suspicion(node.path, "")
    if isinstance(value, str) and (
        (len(value) < 300 and valued(local, value)) or (compact in NOTES and looks_like(text))
    ):
        return Suspicion(node.path, text)
    return None


def _misspelt(name: str) -> bool:
    """Whether a name begins with the word embargo and one mistake in it: "emabrgoedUntil"."""
    return name.startswith(("em", "eb")) and any(OSA.distance(name[:length], "embargo") < 2 for length in (6, 7, 8))


def _unread(document: JsonDocument, parsed: Parsed) -> int:
    """How many parts may contain an article that was not read: objects with a text, and long texts outside the articles."""
    places = {draft.mark.path for _, draft in parsed.drafts}
    places |= {fault.path for faults in parsed.refused.values() for fault in faults[:1]}
    count, long = -len(parsed.drafts) - len(parsed.refused), 0
    for name, node in walk(document.root):
        if isinstance(node.value, dict):
            count += any(member in TEXTS for member in node.value)
        elif isinstance(node.value, str) and max(len(node.value), len(name)) > LONG:
            long += not any(node.path.startswith(f"{place}/") for place in _above(node.path) & places)
    return max(0, count) + long


def _above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:length]) for length in range(1, len(parts))}
