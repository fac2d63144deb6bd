"""The dialects that offices send, told apart by the root element."""

from collections.abc import Callable

from lxml import etree
from msgspec.structs import replace

from app.errors import Fault, Problem
from app.intake.parsers import atom, korea, korea_results, newsml, nitf, press_release, rss, unread
from app.intake.parsers.catalogs import NAR
from app.intake.parsers.ours import OURS
from app.intake.parsers.tree import Parsed, forget
from app.intake.parsers.xml import read

DIALECTS: dict[str, Callable[[etree._Element], Parsed]] = {
    press_release.ROOT: press_release.parse,
    atom.ENTRY: atom.parse,
    atom.FEED: atom.parse,
    **dict.fromkeys((newsml.ITEM, newsml.MESSAGE, newsml.PACKAGE, *newsml.OTHERS), newsml.parse),
    **dict.fromkeys(nitf.ROOTS, nitf.parse),
    rss.ROOT: rss.parse,
    **dict.fromkeys((*korea.ROOTS, korea_results.GATEWAY), korea.parse),
}

# What the parsers read as an embargo: an element, and that in which it must stand. Whatever else looks like one holds its article.
EMBARGOES = frozenset(
    (
        (atom.ENTRY, f"{OURS}embargo"),
        *((above, f"{NAR}embargoed") for above in (f"{NAR}itemMeta", atom.ENTRY, "item")),
        ("NewsItem", "EmbargoDate"),
    )
)

NAMES = {  # root element -> what docs/dialects calls the dialect
    tag: {press_release: "press-release"}.get(module, module.__name__.rpartition(".")[2])
    for module, tags in (
        (press_release, (press_release.ROOT,)),
        (atom, (atom.ENTRY, atom.FEED)),
        (newsml, (newsml.ITEM, newsml.MESSAGE, newsml.PACKAGE, *newsml.OTHERS)),
        (nitf, nitf.ROOTS),
        (rss, (rss.ROOT,)),
        (korea, (*korea.ROOTS, korea_results.GATEWAY)),
    )
    for tag in tags
}


def dialect(body: bytes, content_type: str, *, max_depth: int = 100) -> str:
    """The name of a document's dialect. Raises Problem."""
    root = read(body, content_type, max_depth=max_depth)
    if str(root.tag) not in NAMES:
        raise _unknown(root)
    return NAMES[str(root.tag)]


def parse(body: bytes, content_type: str, *, max_depth: int = 100) -> Parsed:
    """The articles of a release of any dialect. Raises Problem; Invalid where the document breaks its schema."""
    root = read(body, content_type, max_depth=max_depth)
    reader = DIALECTS.get(str(root.tag))
    if reader is None:
        raise _unknown(root)
    try:
        parsed = reader(root)
        # Our own dialect refuses what it does not know; but a comment in it may hold anything.
        if reader is press_release.parse:
            return replace(unread.words(parsed), unread=unread.hidden(body))
        return unread.hold(body, root, parsed, EMBARGOES)
    finally:
        forget()


def _unknown(root: etree._Element) -> Problem:
    name = etree.QName(root)
    names = [etree.QName(tag) for tag in DIALECTS if tag not in (korea_results.GATEWAY, *newsml.OTHERS)]
    known = ", ".join(f"<{one.localname}>{f' in {one.namespace}' if one.namespace else ''}" for one in names)
    where = f"the namespace {name.namespace[:100]!r}" if name.namespace else "no namespace"
    reason = f"The root element is <{name.localname[:60]}> in {where}; expected is {known}."
    fault = Fault(reason, f"/{name.localname[:60]}", root.sourceline or 0)
    return Problem(422, "unknown-dialect", "Not a document we read", reason, errors=[fault])


__all__ = ["DIALECTS", "NAMES", "Parsed", "dialect", "parse"]
