"""NITF without a namespace, as its DTD has it and most receivers expect it: https://iptc.org/std/NITF/3.6/documentation/nitf.html.

It is the document of `feeds.nitf` without the elements of other standards. Superdesk and others read every document as if it had an
urgency, and instants to the second.
"""

import re

from lxml import etree

from feeds import nitf
from feeds.article import Article, parsed
from feeds.nitf_body import NITF

ARTICLE_MIMETYPE = nitf.ARTICLE_MIMETYPE

NORMAL = "5"  # of the urgencies from 1 to 8

marked = nitf.marked


def render_article(article: Article) -> bytes:
    """The article as UTF-8 bytes; the same article gives the same bytes."""
    root = parsed(nitf.render_article(article))
    for element in list(root.iter(etree.Element)):
        name = etree.QName(element)
        if name.namespace != NITF:
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        element.tag = name.localname
        if element.get("norm"):
            element.set("norm", re.sub(r"\.\d+", "", element.get("norm", "")))
    etree.cleanup_namespaces(root)
    docdata = root.find("head/docdata")
    if docdata.find("urgency") is None:
        urgency = etree.Element("urgency")
        urgency.set("ed-urg", NORMAL)
        docdata.insert(docdata.index(docdata.find("doc-id")) + 1, urgency)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
