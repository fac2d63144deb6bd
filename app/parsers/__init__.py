"""The dialects that offices send, told apart by the root element."""

from collections.abc import Callable

from lxml import etree

from app.errors import Fault, Problem
from app.parsers import atom, korea, korea_results, newsml, nitf, press_release, rss
from app.parsers.tree import Parsed, forget
from app.parsers.xml import read

DIALECTS: dict[str, Callable[[etree._Element], Parsed]] = {
    press_release.ROOT: press_release.parse,
    atom.ENTRY: atom.parse,
    atom.FEED: atom.parse,
    **dict.fromkeys((newsml.ITEM, newsml.MESSAGE, newsml.PACKAGE, *newsml.OTHERS), newsml.parse),
    **dict.fromkeys(nitf.ROOTS, nitf.parse),
    rss.ROOT: rss.parse,
    **dict.fromkeys((*korea.ROOTS, korea_results.GATEWAY), korea.parse),
}


def parse(body: bytes, content_type: str, *, max_depth: int = 100) -> Parsed:
    """The articles of a release of any dialect. Raises Problem; Invalid where the document breaks its schema."""
    root = read(body, content_type, max_depth=max_depth)
    dialect = DIALECTS.get(str(root.tag))
    if dialect is None:
        raise _unknown(root)
    try:
        return dialect(root)
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


__all__ = ["DIALECTS", "Parsed", "parse"]
