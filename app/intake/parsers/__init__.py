"""The dialects that offices send. The root element of a document decides which parser reads it."""

import re
from collections.abc import Callable, Sequence

from lxml import etree
from msgspec.structs import replace

from app.errors import Fault, Problem
from app.intake.draft import Assigned, Given, Parsed
from app.intake.parsers import (
    atom,
    jsonfeed,
    jsontext,
    korea,
    korea_results,
    newsml,
    newsml1,
    ninjs,
    nitf,
    press_release,
    rss,
    unread,
    unread_json,
)
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.encodings import Leniency
from app.intake.parsers.jsontext import Node, is_json
from app.intake.parsers.settling import settled
from app.intake.parsers.tree import forget
from app.intake.parsers.xml import MAX_PARTS, read

DIALECTS: dict[str, Callable[[etree._Element, Given], Parsed]] = {
    press_release.ROOT: lambda root, _: press_release.parse(root),
    atom.ENTRY: atom.parse,
    **dict.fromkeys((atom.FEED, *atom.OLD), atom.parse),
    **dict.fromkeys((newsml.ITEM, newsml.MESSAGE, newsml.PACKAGE, *newsml.OTHERS), newsml.parse),
    **dict.fromkeys(newsml1.ROOTS, newsml1.parse),
    **dict.fromkeys(nitf.ROOTS, nitf.parse),
    **dict.fromkeys((rss.ROOT, *rss.OTHERS), rss.parse),
    **dict.fromkeys((*korea.ROOTS, korea_results.GATEWAY), korea.parse),
}

# (parent, element) pairs that the parsers read as an embargo. Anything else that looks like an embargo holds its article.
EMBARGOES = frozenset(
    (
        (atom.ENTRY, atom.EMBARGO),
        *((above, f"{NAR}embargoed") for above in (f"{NAR}itemMeta", atom.ENTRY, "item")),
        ("NewsItem", "EmbargoDate"),
    )
)

NAMES = {  # root element -> name of the dialect in docs/dialects
    tag: {press_release: "press-release"}.get(module, module.__name__.rpartition(".")[2])
    for module, tags in (
        (press_release, (press_release.ROOT,)),
        (atom, (atom.ENTRY, atom.FEED, *atom.OLD)),
        (newsml, (newsml.ITEM, newsml.MESSAGE, newsml.PACKAGE, *newsml.OTHERS)),
        (newsml1, newsml1.ROOTS),
        (nitf, nitf.ROOTS),
        (rss, (rss.ROOT, *rss.OTHERS)),
        (korea, (*korea.ROOTS, korea_results.GATEWAY)),
    )
    for tag in tags
}


# Dialects in JSON: (name in docs/dialects, whether a document is of this dialect, its parser).
JSON: tuple[tuple[str, Callable[[Node], bool], Callable[[Node, Given], Parsed]], ...] = (
    ("jsonfeed", jsonfeed.is_feed, jsonfeed.parse),
    ("ninjs", ninjs.is_item, ninjs.parse),
)
ALL = (*dict.fromkeys(NAMES.values()), *(name for name, _, _ in JSON))  # the names of all dialects
MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,100}")
NOTHING_GIVEN = Given()


def dialect(body: bytes, content_type: str, *, max_depth: int = 100) -> str:
    """The name of a document's dialect. Raises Problem."""
    if is_json(body, content_type):
        return _json(jsontext.read(body, content_type, max_depth=max_depth).root)[0]
    root = read(body, content_type, max_depth=max_depth).root
    if str(root.tag) not in NAMES:
        raise _unknown(root)
    return NAMES[str(root.tag)]


def parse(
    body: bytes,
    content_type: str,
    given: Given = NOTHING_GIVEN,
    *,
    max_depth: int = 100,
    assigned: Assigned | None = None,
) -> Parsed:
    """The articles of a release in any dialect. `given`: what foreign documents may leave out; `assigned`: what an Atom entry gets
    that lacks it.

    Raises Problem; Invalid if the document breaks its schema.
    """
    if is_json(body, content_type):
        found = jsontext.read(body, content_type, max_depth=max_depth)
        parsed = _json(found.root)[1](found.root, given)
        return foreign(_warned(unread_json.hold(found, parsed), found.decoded.lenient), _json(found.root)[0])
    document = read(body, content_type, max_depth=max_depth, base=given.base)
    root = document.root
    if assigned is not None and root.tag == atom.ENTRY:
        atom.complete(root, assigned)
    reader = DIALECTS.get(str(root.tag))
    if reader is None:
        raise _unknown(root)
    if root.tag == press_release.ROOT and document.lenient:
        raise document.lenient[0].problem
    try:
        parsed = reader(root, given)
        # Our own dialect refuses unknown elements, but comments may contain anything.
        if root.tag == press_release.ROOT:
            return replace(unread.words(parsed), unread=unread.hidden(document.data), dialect=NAMES[str(root.tag)])
        held = unread.hold(document.data, root, parsed, EMBARGOES)
        return foreign(_warned(held, document.lenient), NAMES[str(root.tag)])
    except Problem as problem:
        problem.dialect = NAMES[str(root.tag)]
        raise
    finally:
        forget()


def _json(root: Node) -> tuple[str, Callable[[Node, Given], Parsed]]:
    """The name and the parser of a dialect in JSON. Raises Problem."""
    for name, is_one, reader in JSON:
        if is_one(root):
            return name, reader
    reason = (
        "The JSON is neither a JSON Feed (version https://jsonfeed.org/version/1.1) nor an item of ninjs (with a uri)."
    )
    raise Problem(422, "unknown-dialect", "Unknown kind of document", reason, errors=[Fault(reason)])


def media_type(body: bytes, content_type: str) -> str:
    """The media type of a document: the one that was sent, unless it contradicts what the document is."""
    sent = content_type.partition(";")[0].strip()
    sent = sent if MEDIA_TYPE.fullmatch(sent) else ""
    if is_json(body, content_type):
        return sent if "json" in sent.lower() else "application/json"
    return sent if sent and "json" not in sent.lower() else "application/xml"


def _warned(parsed: Parsed, lenient: Sequence[Leniency]) -> Parsed:
    """The articles, each with a warning about what was overlooked around its document."""
    warnings = tuple(leniency.warning for leniency in lenient if leniency.warning)
    if not warnings:
        return parsed
    drafts = ((place, replace(draft, warnings=(*warnings, *draft.warnings))) for place, draft in parsed.drafts)
    return replace(parsed, drafts=tuple(drafts))


def foreign(parsed: Parsed, name: str) -> Parsed:
    """What holds for every draft of another dialect than ours, whichever it is. `name`: of the dialect."""
    return replace(parsed, drafts=tuple((index, settled(draft)) for index, draft in parsed.drafts), dialect=name)


def _unknown(root: etree._Element) -> Problem:
    name = etree.QName(root)
    names = [
        etree.QName(tag)
        for tag in DIALECTS
        if tag not in (korea_results.GATEWAY, *newsml.OTHERS, *rss.OTHERS[1:], *atom.OLD)
    ]
    known = ", ".join(
        f"<{root_name.localname}>{f' in {root_name.namespace}' if root_name.namespace else ''}" for root_name in names
    )
    where = f"the namespace {name.namespace[:100]!r}" if name.namespace else "no namespace"
    reason = f"The root element is <{name.localname[:60]}> in {where}; expected one of {known}."
    fault = Fault(reason, f"/{name.localname[:60]}", root.sourceline or 0)
    return Problem(422, "unknown-dialect", "Unknown kind of document", reason, errors=[fault])


__all__ = ["ALL", "DIALECTS", "MAX_PARTS", "NAMES", "Parsed", "dialect", "media_type", "parse"]
