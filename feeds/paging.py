"""Elements that RSS and Atom share around their entries: links to the hub and to pages, and the mark of an archive document.

https://www.rfc-editor.org/rfc/rfc5005
"""

from lxml import etree

from feeds.article import Feed

ATOM = "{http://www.w3.org/2005/Atom}"
LINKED = frozenset(["first", "previous", "next", "last", "current", "prev-archive", "next-archive"])
HISTORY = "http://purl.org/syndication/history/1.0"


def add(parent: etree._Element, feed: Feed) -> None:
    """Add the elements after the document's `self` link. feedgen writes no such links into RSS, and refuses some in Atom."""
    own = next((link for link in parent.findall(f"{ATOM}link") if link.get("rel") == "self"), None)
    at = parent.index(own) + 1 if own is not None else 0
    new = [etree.Element(f"{ATOM}link", rel="hub", href=feed.hub)] if feed.hub else []
    new += [etree.Element(f"{ATOM}link", rel=rel, href=href) for rel, href in sorted(feed.links.items())]
    if feed.archive:
        new.append(etree.Element(f"{{{HISTORY}}}archive", nsmap={"fh": HISTORY}))
    for place, element in enumerate(new):
        parent.insert(at + place, element)
