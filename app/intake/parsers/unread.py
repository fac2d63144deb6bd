"""What looks like an embargo and was not read as one: its article is held, never published. And what no parser looked at: with it no
original is shown.

A foreign dialect may say an embargo in a place, a spelling or a letter case that its parser does not know. Of our own dialect only
headlines are looked at: its schema refuses what it does not know.
"""

import codecs
import re
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from itertools import islice

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from app.intake.draft import UNREAD, Draft, Value
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.ours import NAMESPACE, OURS
from app.intake.parsers.tree import Parsed, place
from app.text.embargo_wording import LONGEST, find, looks_like, marked_in_head, marked_within
from schemas.text import nfkc

Read = frozenset[tuple[str, str]]

MOST = 100  # places looked at in a document; where there are more, every article is held
NAMES = ("embargo", "엠바고", "보도시점", "보도유예")
# How the names may stand in a document's bytes: where none of these do, no element is looked at. Besides: references, and full width.
IN_BYTES = (
    b"embargo",
    *(name.encode(code) for name in NAMES[1:] for code in ("utf-8", "cp949")),
    b"&#",
    b"\xef\xbc",
    b"\xef\xbd",
)
STATES = (b"draft", b"pubstatus", b"availab", b"holduntil")
DATES = {"available", "availabilitydate", "holduntil"}  # of Dublin Core, of PRISM: it is published then
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # encodings in which a word does not stand in so many bytes
VALUE = re.compile(r"(?:[^\s]{0,200}[:/#])?(?:embargo\w{0,12}|엠바고|보도시점|보도유예)", re.IGNORECASE)
# Attributes whose value is an address or a name of anything, where the word means nothing.
ADDRESSES = {"href", "url", "src", "uri", "resource", "domain", "base", "guid", "title", "alt", "class", "id"}
READ = {("docdata", "management-status")}  # NITF's parser reads it, with the date of the release
KEYWORDS = {"엠바고", "보도유예", "embargo", "embargoed", "under embargo"}
YES, WITHHELD = {"yes", "true", "1", "y"}, {"withheld", "embargoed", "hold", "held"}
TAGS = re.compile(r"<[^>]{0,200}>")
# Local names, in lower case: each is an article in some dialect.
ARTICLES = {"article", "entry", "item", "newsitem", "nitf"}
LONG = 500  # characters of what stands around the articles, or in a comment
LONG_TEXTS = etree.XPath(f"//text()[string-length() > {LONG}] | //@*[string-length() > {LONG}]")
DECLARED = re.compile(rb"<!DOCTYPE[^>\[]{0,2000}\[", re.IGNORECASE)
HEAD = 1000  # characters of a text in which a mark is looked for


class _Found(Struct, frozen=True):
    """Something that looks like an embargo."""

    path: str
    said: str  # its text
    soft: bool = False  # it may as well be past, and mean nothing
    state: bool = False  # it says that the article is not to be published, as a parser may have read


def words(parsed: Parsed) -> Parsed:
    """The same drafts of our own dialect: its elements cannot be misread, but a headline may say what no element does."""
    drafts = [
        (index, draft)
        if draft.embargo or draft.held or draft.says_embargo or draft.embargo_wording
        else (index, _held(draft, _headlines(draft)))
        for index, draft in parsed.drafts
    ]
    return replace(parsed, drafts=tuple(drafts))


def hold(body: bytes, root: etree._Element, parsed: Parsed, read: Read) -> Parsed:
    """The same drafts, but those that say no embargo are held where something of theirs looks like one. Where one was read, what else
    looks like one goes with the draft: a past one does not count beside it. `body` is the document as it came; `read`: which
    elements the parsers read as an embargo, each with the element above it, by qualified names."""
    lowered = body.lower()
    possible = body.startswith(WIDE) or any(word in lowered for word in (*IN_BYTES, *STATES))
    seen = (one for element in root.iter() if (one := _looks(element, read))) if possible else iter(())
    found = list(islice(seen, MOST + 1))
    everywhere = len(found) > MOST
    around, doubled = _outside(found[:MOST], parsed), _doubled(root, read)
    drafts = []
    for index, draft in parsed.drafts:
        if not draft.held:
            where = around + [one for one in found[:MOST] if _within(one.path, draft.mark.path)]
            where = [one for one in where if not (one.state and draft.pubstatus != "usable")]
            draft = _held(draft, [_Found("The release", "")] if everywhere else [*where, *_words(draft)])
            if draft.mark.path in doubled:
                draft = _certainly(draft, f"More than one embargo in {draft.mark.path}")
        drafts.append((index, draft))
    return replace(parsed, drafts=tuple(drafts), unread=parsed.unread + _unread(body, root, parsed))


def _held(draft: Draft, found: list[_Found]) -> Draft:
    firm = [one for one in found if not one.soft]
    if firm and not (draft.embargo or draft.embargo_wording):
        return _certainly(draft, firm[0].path)
    return replace(draft, doubts=tuple((one.path, one.said) for one in found[:MOST])) if found else draft


def _certainly(draft: Draft, what: str) -> Draft:
    return replace(draft, held=True, says_embargo=True, warnings=(*draft.warnings, UNREAD.format(what)))


def _is_read(element: etree._Element, read: Read) -> bool:
    above = element.getparent()
    return above is not None and (above.tag, element.tag) in read


def _doubled(root: etree._Element, read: Read) -> set[str]:
    """The places of what holds more than one embargo that is read, side by side, and of all around that."""
    counts = Counter(element.getparent() for element in root.iter(*{tag for _, tag in read}) if _is_read(element, read))
    parents = [parent for parent, count in counts.items() if count > 1]
    return {place(one) for parent in parents for one in (parent, *parent.iterancestors())}


def _looks(element: etree._Element, read: Read) -> _Found | None:
    """What looks like an embargo by the name of an element, or by the name or value of an attribute."""
    local, text = _local(element.tag), (element.text or "").strip()[:LONGEST]
    if _named(local):
        return None if _is_read(element, read) else _Found(place(element), text)
    if local in DATES and text:
        return _Found(place(element), text, soft=True)
    said = text.casefold().rpartition(":")[2]
    if (local == "draft" and said in YES) or (local == "pubstatus" and said in WITHHELD):
        return _Found(place(element), text, state=True)
    for name, value in element.items():
        if (local, name) not in READ and (_named(_local(name)) or (len(value) < 300 and _valued(name, value))):
            return _Found(place(element), (text or element.get("info") or element.get("content") or "")[:LONGEST])
    return None


@lru_cache(4096)
def _local(name: str) -> str:
    """A local name in small letters and compatibility form."""
    return nfkc(name.rpartition("}")[2][:200]).casefold()


@lru_cache(4096)
def _named(local: str) -> bool:
    return any(name in local for name in NAMES)


def _valued(name: str, value: str) -> bool:
    return name.rpartition("}")[2].lower() not in ADDRESSES and VALUE.fullmatch(nfkc(value).strip()) is not None


def _within(path: str, article: str) -> bool:
    return path == article or path.startswith(f"{article}/")


def _outside(found: list[_Found], parsed: Parsed) -> list[_Found]:
    """What stands around the articles is said of all of them."""
    articles = [draft.mark.path for _, draft in parsed.drafts]
    articles += [fault.path for faults in parsed.refused.values() for fault in faults[:1]]
    return [one for one in found if not any(_within(one.path, article) for article in articles)]


def _headlines(draft: Draft) -> list[_Found]:
    headlines = (("The headline", draft.headline.text), *(("A subheadline", text) for text in draft.subheadlines))
    return [_Found(what, said) for what, said in headlines if looks_like(said) or marked_within(said)]


def _words(draft: Draft) -> list[_Found]:
    """Embargoes in the words of the article itself."""
    found = _headlines(draft)
    found += [
        _Found(what, said)
        for what, said in (("The summary", draft.summary), ("The note", draft.note))
        if looks_like(said)
    ]
    lines = TAGS.sub("\n", draft.body.text[: 4 * HEAD])[:HEAD].strip()
    if looks_like(" ".join(lines.split())) or marked_in_head(lines):
        found.append(_Found("The beginning of the text", lines[:LONGEST].partition("\n")[0]))
    if not draft.wording_decides and (wording := find(lines)):
        found.append(_Found("The beginning of the text", wording, soft=True))
    found += [
        _Found("A keyword", keyword)
        for keyword in draft.keywords
        if nfkc(keyword).strip().casefold() in KEYWORDS or looks_like(keyword)
    ]
    return found


# What may not be shown with an original


def _unread(body: bytes, root: etree._Element, parsed: Parsed) -> int:
    """How many parts of a document may hold an article that was not read from it: elements that are articles in some dialect, long
    texts around the articles, comments, processing instructions and declarations. With one of these no original is shown."""
    count = sum(_local(element.tag) in ARTICLES for element in root.iter()) - len(parsed.drafts) - len(parsed.refused)
    around = (text.getparent() for text in LONG_TEXTS(root))
    return max(0, count) + sum(map(_outside_articles, around)) + hidden(body)


def _outside_articles(element: etree._Element) -> bool:
    return not any(_local(one.tag) in ARTICLES for one in (element, *element.iterancestors()))


def hidden(body: bytes) -> int:
    """How many kinds of comments, processing instructions and declarations could hold an article, all of a kind together."""
    text = body.decode("utf-16", "replace").encode() if body.startswith(WIDE) else body
    count = int(DECLARED.search(text) is not None)
    for start, end in ((b"<!--", b"-->"), (b"<?", b"?>")):
        if start in text:
            inside = [piece.partition(end)[0] for piece in text.split(start)[1:]]
            count += sum(map(len, inside)) > LONG or any(b"<" in one for one in inside)
    return count


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
