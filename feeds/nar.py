"""The IPTC's News Architecture, whose properties are the same in NewsML-G2 and beside the elements of RSS, Atom and NITF.

https://iptc.org/std/NewsML-G2/guidelines/
"""

from lxml import etree

from feeds import wording
from feeds.article import Article, Contact, Office, Related

NAR = "http://iptc.org/std/nar/2006-10-01/"

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    """A child in the standard's namespace; attributes that are empty are left out."""
    child = etree.SubElement(parent, f"{{{NAR}}}{name}")
    for key, value in attributes.items():
        if value:
            child.set(key, value)
    if text:
        child.text = text
    return child


def names(parent: etree._Element, names: dict[str, str]) -> None:
    """A name in each of its languages."""
    for lang, name in sorted(names.items()):
        add(parent, "name", name).set(_LANG, lang)


def says(contact: Contact) -> bool:
    """Whether it names anybody."""
    return contact != Contact()


def contact(parent: etree._Element, contact: Contact, **role: str) -> None:
    """A contributor in the role of contact: a named person with the department as affiliation, else the department itself."""
    party = add(parent, "contributor", **role)
    if contact.name or contact.department:
        add(party, "name", contact.name or contact.department)
    if contact.role:
        add(party, "note", contact.role)
    details = add(party, "personDetails" if contact.name else "organisationDetails")
    if contact.name and contact.department:
        add(add(details, "affiliation"), "name", contact.department)
    if contact.email or contact.phone:
        info = add(details, "contactInfo")
        if contact.email:
            add(info, "email", contact.email)
        if contact.phone:
            add(info, "phone", contact.phone)


def web(party: etree._Element, office: Office) -> None:
    """The office's home page."""
    if office.url:
        add(add(add(party, "organisationDetails"), "contactInfo"), "web", office.url)


def link(parent: etree._Element, related: Related, **rel: str) -> None:
    """Another item, or this one in another language, which a link says as its target's own property (its hint)."""
    made = add(parent, "link", **rel, href=related.url, residref=related.guid, title=related.headline)
    if related.translation:
        add(made, "language", tag=related.translation)


def beside(parent: etree._Element, article: Article) -> None:
    """What RSS and Atom have no element for, each code as a URI of its own: there is no catalog here."""
    office = add(parent, "provider", uri=f"{wording.SCHEMES['office']}{article.office.code}")
    names(office, {article.lang: article.office.name})
    web(office, article.office)
    if article.embargoed is not None:
        add(parent, "embargoed", article.embargoed.isoformat())
    elif article.held:
        add(parent, "embargoed")  # until further notice
    if article.note:
        add(parent, "edNote", article.note)
    if article.embargo_wording:
        add(parent, "edNote", article.embargo_wording, roleuri=f"{wording.SCHEMES['role']}embargo")
    if article.signal:
        add(parent, "signal", uri=f"{wording.SCHEMES['signal']}{article.signal}")
    if article.urgency:
        add(parent, "urgency", str(article.urgency))
    contacts(parent, article)
    for name in ("slugline", "dateline"):
        if text := getattr(article, name):
            add(parent, name, text)


def contacts(parent: etree._Element, article: Article) -> None:
    """Whom to ask, where there is no catalog for the role."""
    for one in article.contacts:
        if says(one):
            contact(parent, one, roleuri=f"{wording.SCHEMES['role']}contact")
