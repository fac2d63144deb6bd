"""Fragments of RSS and Atom: an entry is cut out of a document, and joined with others into a feed that declares their namespaces."""

from collections.abc import Sequence

from lxml import etree

from feeds import beside
from feeds.article import Article, Fragment, as_bytes


def root_for(name: str, declared: dict[str | None, str]) -> etree._Element:
    """The root of a document for one entry. It declares the prefixes that its feed may declare, besides `declared`."""
    return etree.Element(name, nsmap=declared | beside.NSMAP)


def cut_out(entry: etree._Element, article: Article) -> Fragment:
    """The bytes of an entry, the only one within its root, and the namespaces that it needs from the root of its feed."""
    document = as_bytes(entry.getparent())
    whole = document[document.index(b"<", document.index(b">", document.index(b"?>") + 2)) : document.rindex(b"</")]
    spaces = {element.tag[1:].partition("}")[0] for element in entry.iter() if element.tag[0] == "{"}
    return Fragment(article.id, article.updated, article.office, (whole,), tuple(sorted(spaces)))


def hold_place(parent: etree._Element, name: str, fragments: Sequence[Fragment]) -> None:
    """Add an entry with one element of each namespace of the fragments, which `put_together` replaces by them."""
    place = etree.SubElement(parent, name)
    for space in sorted({space for fragment in fragments for space in fragment.namespaces}):
        etree.SubElement(place, f"{{{space}}}x")


def put_together(root: etree._Element, name: str, fragments: Sequence[Fragment]) -> bytes:
    """The feed as bytes. Its own texts are escaped, so the first tag of an entry in it is that of `hold_place`."""
    beside.declare(root)
    document = as_bytes(root)
    if not fragments:
        return document
    before, _, rest = document.partition(b"<%s>" % name.encode())
    after = rest.partition(b"</%s>" % name.encode())[2]
    return b"".join((before, *(piece for fragment in fragments for piece in fragment.pieces), after))
