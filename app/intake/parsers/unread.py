"""What looks like an embargo and was not read as one: its article is held, never published.

A foreign dialect may say an embargo in a place, a spelling or a letter case that its parser does not know. Our own dialect needs none
of this: its schema refuses what it does not know.
"""

import codecs
import re
from collections.abc import Collection
from itertools import islice

from lxml import etree
from msgspec.structs import replace

from app.intake.draft import Draft, Value
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.ours import NAMESPACE, OURS
from app.intake.parsers.tree import Parsed, place
from app.text.embargo_wording import looks_like

Read = frozenset[tuple[str, str]]

MOST = 100  # places looked at in a document; where there are more, every article without an embargo is held
WORD = b"embargo"
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # encodings in which the word does not stand in so many bytes
VALUE = re.compile(r"(?:[^\s]{0,200}[:/#])?embargo\w{0,12}", re.IGNORECASE)
# Attributes whose value is an address or a name of anything, where the word means nothing.
ADDRESSES = {"href", "url", "src", "uri", "resource", "domain", "base", "guid", "title", "alt", "class", "id"}
KEYWORDS = {"엠바고", "embargoed", "under embargo"}
UNREAD = (
    "{} looks like an embargo, and was not understood: the article is held until a newer version says otherwise, or POST"
    " /articles/ID/release."
)


def hold(body: bytes, root: etree._Element, parsed: Parsed, read: Read) -> Parsed:
    """The same drafts, but those that say no embargo are held where something of theirs looks like one. `body` is the document as
    it came; `read`: which elements the parsers read as an embargo, each with the element above it, by qualified names."""
    possible = WORD in body.lower() or body.startswith(WIDE)
    found = list(islice((element for element in root.iter() if _says(element, read)), MOST + 1)) if possible else []
    everywhere = len(found) > MOST
    paths = [place(element) for element in found[:MOST]]
    drafts = []
    for index, draft in parsed.drafts:
        if not (draft.embargo or draft.held or draft.embargo_wording):
            where = _outside(paths, parsed) + [path for path in paths if _within(path, draft.mark.path)]
            if what := "The release" if everywhere else where[0] if where else _words(draft):
                draft = replace(draft, held=True, says_embargo=True, warnings=(*draft.warnings, UNREAD.format(what)))
        drafts.append((index, draft))
    return replace(parsed, drafts=tuple(drafts))


def _says(element: etree._Element, read: Read) -> bool:
    """Whether an element looks like an embargo by its name, or by the name or value of an attribute."""
    if _named(element.tag):
        above = element.getparent()
        return above is None or (above.tag, element.tag) not in read
    return any(_named(name) or (len(value) < 300 and _valued(name, value)) for name, value in element.items())


def _named(name: str) -> bool:
    return "embargo" in name.rpartition("}")[2].lower()


def _valued(name: str, value: str) -> bool:
    return name.rpartition("}")[2].lower() not in ADDRESSES and VALUE.fullmatch(value.strip()) is not None


def _within(path: str, article: str) -> bool:
    return path == article or path.startswith(f"{article}/")


def _outside(paths: list[str], parsed: Parsed) -> list[str]:
    """What stands around the articles is said of all of them."""
    articles = [draft.mark.path for _, draft in parsed.drafts]
    articles += [fault.path for faults in parsed.refused.values() for fault in faults[:1]]
    return [path for path in paths if not any(_within(path, article) for article in articles)]


def _words(draft: Draft) -> str:
    """An embargo in the words of the article itself."""
    for said, what in ((draft.headline.text, "The headline"), (draft.summary, "The summary"), (draft.note, "The note")):
        if looks_like(said):
            return what
    if looks_like(re.sub(r"<[^>]{0,200}>|\s+", " ", draft.body.text[:1000])):
        return "The beginning of the text"
    return "A keyword" if any(keyword.strip().casefold() in KEYWORDS for keyword in draft.keywords) else ""


def strangers(
    element: etree._Element, elements: Collection[str] = (), attributes: Collection[str] = ()
) -> list[tuple[str, etree._Element]]:
    """Children and attributes of our own namespace that are not among these names, each with a sentence: in another's document they
    are as strict as in ours. At most 100."""
    found = [
        (f"<{etree.QName(child).localname[:60]}> of {NAMESPACE} is not read here; {_expected(elements)}.", child)
        for child in element.iterchildren(f"{OURS}*")
        if etree.QName(child).localname not in elements
    ]
    found += [
        (f"The attribute {name[len(OURS) :][:60]} of {NAMESPACE} is not read here; {_expected(attributes)}.", element)
        for name in element.keys()  # noqa: SIM118
        if name.startswith(OURS) and name[len(OURS) :] not in attributes
    ]
    return found[:100]


def _expected(names: Collection[str]) -> str:
    return f"expected is one of {', '.join(sorted(names))}" if names else "this dialect has none"


def embargoed(element: etree._Element) -> tuple[Value | None, bool]:
    """The IPTC's `embargoed` as a child of an entry or item, where our own feeds have it: its instant, and whether the article is
    held: an empty one has no end (NewsML-G2 specification)."""
    found = element.find(f"{NAR}embargoed")
    if found is None:
        return None, False
    until = (found.text or "").strip()
    return (Value(until, found.sourceline or 0, place(found)) if until else None), not until
