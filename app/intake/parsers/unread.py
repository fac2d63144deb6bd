"""Finds parts of a document that no parser read: those that look like an embargo hold their article, and those that may contain
another article keep the original from being shown.

A foreign dialect may express an embargo in a place, a spelling or a letter case that its parser does not know. In our own dialect only
headlines are checked, because its schema refuses unknown elements.
"""

import re
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from itertools import islice
from typing import Literal

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from app.errors import Fault, Invalid
from app.intake.draft import DOUBLED, UNREAD, Draft, Given, Parsed, Value
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.moments import Until, embargo_at
from app.intake.parsers.ours import NAMESPACE, OURS
from app.intake.parsers.tree import place
from app.text.embargo_wording import LONGEST, find, find_asked, find_timed, looks_like, marked_in_head, marked_within
from schemas.text import nfkc

Read = frozenset[tuple[str, str]]

MOST = 100  # suspicious places in a document; if there are more, every article is held
NAMES = ("embargo", "엠바고", "보도시점", "보도유예", "sperrfrist")
# The names as bytes in a document in UTF-8, and the first bytes of character references and full-width letters. If none of these
# occurs, no element is checked.
IN_BYTES = (
    b"embargo",
    *(name.encode() for name in NAMES[1:]),  # in lower case
    b"&#",
    b"\xef\xbc",
    b"\xef\xbd",
)
# How content management systems say that an article is not to be shown (yet). Names are in small letters, without hyphens.
DATES = {
    "available",
    "availabilitydate",
    "holduntil",
    "scheduled",
    "golive",
}  # from which it may be shown: also those of Dublin Core and PRISM
LATER = re.compile(
    r"(?:tobe)?(?:publish|release[sd]?|schedule[sd]?|golive|goeslive|visible|available)(?:at|on|for|from|after|date|time|datetime){1,2}"
    r"|(?:notbefore|notfor(?:release|publication|broadcast|use)|holdfor(?:release|publication))(?:until|till|before|date|time)*"
)
HELD = {"held", "hold", "onhold", "isheld", "withheld", "isembargoed", "private", "isprivate", "unpublished"}
SHOWN = {"public", "ispublic", "published", "ispublished"}  # if the value is no
DRAFTS = {"draft", "isdraft"}
STATES = {"pubstatus", "status", "state", "publicationstatus", "publishstatus", "poststatus", "workflowstate"}
WAITING = {
    "draft",
    "future",
    "scheduled",
    "onhold",
    "pending",
    "private",
    "unpublished",
    "notforrelease",
    "trash",
}  # and WITHHELD
NAMING = {"name", "property", "key", "itemprop"}  # attributes whose value is the name of what the element says
SAYING = ("content", "value", "info", "qcode")  # attributes that say it where the element has no text
# If a document has no such name, no element is checked.
POSSIBLE = re.compile(
    rb"(?:publish|releas|sched|go(?:es)?[-_.]?live|visible|availab|not[-_.]?(?:before|for)|on[-_.]?h|is[-_.]?[hep]|h[oe]ld|withheld"
    rb"|private|public|unpub|draft|status|state|post[-_.]?s|pub[-_.]?s|workflow)[\w.-]{0,20}\s{0,3}[=>\"'/]"
)
VALUE = re.compile(r"(?:[^\s]{0,200}[:/#])?(?:embargo\w{0,12}|엠바고|보도시점|보도유예)", re.IGNORECASE)
# Attributes whose value is an address or a name, where the word "embargo" means nothing.
ADDRESSES = {"href", "url", "src", "uri", "resource", "domain", "base", "guid", "title", "alt", "class", "id"}
READ = {("docdata", "management-status")}  # read by the NITF parser, together with the date of release
READ_WITHIN = {  # read by the parser of NewsML 1: (parent, element, attribute)
    ("newsmanagement", "status", "FormalName"),
    ("statuswillchange", "futurestatus", "FormalName"),
}
KEYWORDS = {"엠바고", "보도유예", "embargo", "embargoed", "under embargo"}
YES, NO = {"yes", "true", "1", "y"}, {"no", "false", "0", "n", "none"}
WITHHELD = {"withheld", "embargoed", "hold", "held"}
TAGS = re.compile(r"<[^>]{0,200}>")
# Local names, in lower case, of elements that are articles in some dialect.
ARTICLES = {"article", "entry", "item", "newsitem", "nitf"}
LONG = 500  # characters of a text outside the articles, or in comments, from which it counts as unread
LONG_TEXTS = etree.XPath(f"//text()[string-length() > {LONG}] | //@*[string-length() > {LONG}]")
FIRST = 10  # elements within one; the first text in them counts as its own
HEAD = 1000  # characters of a text that are searched for an embargo mark


class Suspicion(Struct, frozen=True):
    """A part that looks like an embargo."""

    path: str
    text: str
    soft: bool = False  # it does not count if it is past
    state: bool = False  # it is a status, which a parser may have read already


def words(parsed: Parsed) -> Parsed:
    """Hold drafts of our own dialect whose headline mentions an embargo while no element does."""
    drafts = [
        (index, draft)
        if draft.embargo or draft.held or draft.says_embargo or draft.embargo_wording
        else (index, _held(draft, _headlines(draft)))
        for index, draft in parsed.drafts
    ]
    return replace(parsed, drafts=tuple(drafts))


def hold(data: bytes, root: etree._Element, parsed: Parsed, read: Read) -> Parsed:
    """Hold drafts of a foreign dialect that have no embargo but a part that looks like one. If a draft has an embargo, other parts
    that look like one become its `doubts`, because they do not count if they are past.

    `data`: the text of the document in UTF-8; `read`: (parent, element) that the parsers read as an embargo, by qualified names.
    """
    lowered = data.lower()
    possible = any(word in lowered for word in IN_BYTES) or POSSIBLE.search(lowered) is not None
    seen = (finding for element in root.iter() if (finding := _looks(element, read))) if possible else iter(())
    found = list(islice(seen, MOST + 1))
    parsed = suspect(parsed, found, _doubled(root, read))
    return replace(parsed, unread=parsed.unread + _unread(data, root, parsed))


def suspect(parsed: Parsed, found: list[Suspicion], doubled: Collection[str]) -> Parsed:
    """Hold the drafts in whose parts something was found. `found`: at most MOST + 1; `doubled`: the places of articles with more
    than one embargo."""
    everywhere = len(found) > MOST
    around = _outside(found[:MOST], parsed)
    drafts = []
    for index, draft in parsed.drafts:
        if not draft.held:
            where = around + [finding for finding in found[:MOST] if _within(finding.path, draft.mark.path)]
            where = [finding for finding in where if not (finding.state and draft.pubstatus != "usable")]
            draft = _held(draft, [Suspicion("The release", "")] if everywhere else [*where, *_words(draft)])
            if draft.mark.path in doubled:
                draft = _certainly(draft, DOUBLED.format(draft.mark.path or "The document"))
        drafts.append((index, draft))
    return replace(parsed, drafts=tuple(drafts))


def _held(draft: Draft, found: list[Suspicion]) -> Draft:
    firm = [finding for finding in found if not finding.soft]
    if firm and not (draft.embargo or draft.embargo_wording):
        return _certainly(draft, UNREAD.format(firm[0].path))
    return replace(draft, doubts=tuple((finding.path, finding.text) for finding in found[:MOST])) if found else draft


def _certainly(draft: Draft, warning: str) -> Draft:
    return replace(draft, held=True, says_embargo=True, warnings=(*draft.warnings, warning))


def _is_read(element: etree._Element, read: Read) -> bool:
    above = element.getparent()
    return above is not None and (above.tag, element.tag) in read


def _doubled(root: etree._Element, read: Read) -> set[str]:
    """The paths of elements with more than one embargo among their children, and of all elements around those."""
    counts = Counter(element.getparent() for element in root.iter(*{tag for _, tag in read}) if _is_read(element, read))
    parents = [parent for parent, count in counts.items() if count > 1]
    return {place(outer) for parent in parents for outer in (parent, *parent.iterancestors())}


def _looks(element: etree._Element, read: Read) -> Suspicion | None:
    """An element that looks like an embargo by its name, or by the name or value of an attribute; None if it does not."""
    local, text = _local(element.tag), (element.text or "").strip()[:LONGEST]
    if named(local):
        return None if _is_read(element, read) else Suspicion(place(element), text)
    kind = kind_of(local)
    said = text or (
        next((value for key in SAYING if (value := element.get(key))), "") or _within_it(element) if kind else ""
    )
    if kind and (found := suspicion_of(kind, said)):
        return replace(found, path=place(element))
    for name, value in element.items():
        naming, kind, suspicious = _called(name)
        if naming and len(value) < 100:
            kind = kind_of(_local(value))
        if kind:
            said = value
            if naming:
                said = text or next((other for key in SAYING if (other := element.get(key))), "") or _within_it(element)
            if found := suspicion_of(kind, said):
                return replace(found, path=place(element))
        if (
            (suspicious or (len(value) < 300 and valued(name, value)))
            and (local, name) not in READ
            and not _within_read(element, local, name)
        ):
            return Suspicion(place(element), (text or element.get("info") or element.get("content") or "")[:LONGEST])
    return None


def _within_it(element: etree._Element) -> str:
    """The first text in the first elements within an element: `<publishAt><value>2027-06-01</value></publishAt>`."""
    return next(
        (found for inner in islice(element.iterdescendants(), FIRST) if (found := (inner.text or "").strip())), ""
    )


def _within_read(element: etree._Element, local: str, name: str) -> bool:
    above = element.getparent()
    if name != "FormalName" or above is None or (_local(above.tag), local, name) not in READ_WITHIN:
        return False
    return _local(element.getroottree().getroot().tag) == "newsml"


@lru_cache(4096)
def _local(name: str) -> str:
    """A local name in lower case and compatibility form."""
    return nfkc(name.rpartition("}")[2][:200]).casefold()


Kind = Literal["", "date", "held", "shown", "draft", "state"]


@lru_cache(4096)
def kind_of(local: str) -> Kind:
    """What something with this name (in lower case) says about whether its article may be shown; empty: nothing."""
    compact = "".join(filter(str.isalnum, local))
    if compact in DATES or LATER.fullmatch(compact):
        return "date"
    if compact in STATES:
        return "state"
    kinds: tuple[tuple[Kind, set[str]], ...] = (("held", HELD), ("shown", SHOWN), ("draft", DRAFTS))
    return next((kind for kind, names in kinds if compact in names), "")


def suspicion_of(kind: Kind, said: str, path: str = "") -> Suspicion | None:
    """The suspicion if something of this kind has a text that makes its article wait, else None."""
    text = said.strip()[:LONGEST]
    state = "".join(filter(str.isalnum, nfkc(text).casefold().rpartition(":")[2]))
    if kind == "date":
        return Suspicion(path, text, soft=True) if text else None
    if kind == "held":
        return Suspicion(path, text) if state not in NO else None
    if kind == "shown":
        return Suspicion(path, text) if state in NO else None
    if state in YES if kind == "draft" else state in WITHHELD or state in WAITING:
        return Suspicion(path, text, state=True)
    return None


@lru_cache(4096)
def named(local: str) -> bool:
    return any(name in local for name in NAMES)


@lru_cache(4096)
def _called(name: str) -> tuple[bool, Kind, bool]:
    """(whether an attribute names what its element says, its own kind, whether its name looks like an embargo)."""
    return name in NAMING, kind_of(_local(name)), named(_local(name))


def valued(name: str, value: str) -> bool:
    if value.isascii() and "mbargo" not in value.lower():
        return False  # as nearly all values
    return name.rpartition("}")[2].lower() not in ADDRESSES and VALUE.fullmatch(nfkc(value).strip()) is not None


def _within(path: str, article: str) -> bool:
    return path == article or path.startswith(f"{article}/")


def _outside(found: list[Suspicion], parsed: Parsed) -> list[Suspicion]:
    """The findings outside the articles, which apply to all of them."""
    articles = [draft.mark.path for _, draft in parsed.drafts]
    articles += [fault.path for faults in parsed.refused.values() for fault in faults[:1]]
    return [finding for finding in found if not any(_within(finding.path, article) for article in articles)]


def _headlines(draft: Draft) -> list[Suspicion]:
    headlines = (("The headline", draft.headline.text), *(("A subheadline", text) for text in draft.subheadlines))
    found = [Suspicion(what, text) for what, text in headlines if looks_like(text) or marked_within(text)]
    return found + [Suspicion(what, wording, soft=True) for what, text in headlines if (wording := find_timed(text))]


def _words(draft: Draft) -> list[Suspicion]:
    """Embargoes in the texts of the article itself."""
    found = _headlines(draft)
    found += [
        Suspicion(what, text)
        for what, text in (("The summary", draft.summary), ("The note", draft.note), ("A private note", draft.private))
        if looks_like(text)
    ]
    found += [
        Suspicion(what, wording, soft=True)
        for what, text in (("The summary", draft.summary), ("The note", draft.note), ("A private note", draft.private))
        if (wording := find_timed(text))
    ]
    lines = TAGS.sub("\n", draft.body.text[: 4 * HEAD])[:HEAD].strip()
    if looks_like(" ".join(lines.split())) or marked_in_head(lines):
        found.append(Suspicion("The beginning of the text", lines[:LONGEST].partition("\n")[0]))
    if not draft.wording_decides and (wording := find(lines) or find_asked(lines)):
        found.append(Suspicion("The beginning of the text", wording, soft=True))
    found += [
        Suspicion("A keyword", keyword)
        for keyword in draft.keywords
        if nfkc(keyword).strip().casefold() in KEYWORDS or looks_like(keyword)
    ]
    return found


# Parts that hide an original


def _unread(data: bytes, root: etree._Element, parsed: Parsed) -> int:
    """How many parts of a document may contain an article that was not read: elements that are articles in some dialect, long texts
    outside the articles, comments and processing instructions. If there are any, the original is not shown."""
    count = sum(_local(element.tag) in ARTICLES for element in root.iter()) - len(parsed.drafts) - len(parsed.refused)
    around = (text.getparent() for text in LONG_TEXTS(root))
    return max(0, count) + sum(map(_outside_articles, around)) + hidden(data)


def _outside_articles(element: etree._Element) -> bool:
    return not any(_local(outer.tag) in ARTICLES for outer in (element, *element.iterancestors()))


def hidden(data: bytes) -> int:
    """How many of these two kinds could contain an article: comments, processing instructions."""
    count = 0
    for start, end in ((b"<!--", b"-->"), (b"<?", b"?>")):
        if start in data:
            inside = [piece.partition(end)[0] for piece in data.split(start)[1:]]
            count += sum(map(len, inside)) > LONG or any(b"<" in part for part in inside)
    return count


def strangers(
    element: etree._Element, elements: Collection[str] = (), attributes: Collection[str] = ()
) -> list[tuple[str, etree._Element]]:
    """(fault, element) for each child and attribute of our own namespace that has an unknown name: it is refused in foreign documents
    as in our own. At most 100."""
    found = [
        (f"<{etree.QName(child).localname[:60]}> of {NAMESPACE} is not allowed here; {_expected(elements)}.", child)
        for child in element.iterchildren(f"{OURS}*")
        if etree.QName(child).localname not in elements
    ]
    found += [
        (
            f"The attribute {name[len(OURS) :][:60]} of {NAMESPACE} is not allowed here; {_expected(attributes)}.",
            element,
        )
        for name in element.keys()  # noqa: SIM118
        if name.startswith(OURS) and name[len(OURS) :] not in attributes
    ]
    return found[:100]


def check_around(*parents: etree._Element) -> None:
    """Raises Invalid for what is of our own namespace around the articles of a foreign document: nothing of it is read there."""
    found = [Fault(reason, place(at), at.sourceline or 0) for parent in parents for reason, at in strangers(parent)]
    if found:
        raise Invalid(found[:100])


def _expected(names: Collection[str]) -> str:
    return f"expected one of {', '.join(sorted(names))}" if names else "remove it"


def embargoed(element: etree._Element, given: Given) -> Until:
    """The meaning of IPTC's `embargoed` as a child of an entry, item or itemMeta. An empty element means an embargo without an end
    (NewsML-G2 specification)."""
    found = element.find(f"{NAR}embargoed")
    if found is None:
        return Until(None)
    return embargo_at(Value(found.text or "", found.sourceline or 0, place(found)), given)
