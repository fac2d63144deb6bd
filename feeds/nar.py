"""Properties of the IPTC's News Architecture, for NewsML-G2 and as additions to RSS, Atom and NITF.

https://iptc.org/std/NewsML-G2/guidelines/
"""

from lxml import etree

from feeds.article import LANG, SCHEMES, Article, Contact, Office, Related

NAR = "http://iptc.org/std/nar/2006-10-01/"


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
    """Add a name in each of its languages."""
    for lang, name in sorted(names.items()):
        add(parent, "name", name).set(LANG, lang)


def says(contact: Contact) -> bool:
    """Whether a contact has any content."""
    return contact != Contact()


def contact(parent: etree._Element, contact: Contact, **role: str) -> None:
    """Add a contributor in the role of contact: a named person with the department as affiliation, else the department itself."""
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
    """Add the office's home page."""
    if office.url:
        add(add(add(party, "organisationDetails"), "contactInfo"), "web", office.url)


def link(parent: etree._Element, related: Related, **rel: str) -> None:
    """Add a link to another item, or to a translation, with its language as a hint (a property of the link's target)."""
    made = add(parent, "link", **rel, href=related.url, residref=related.guid, title=related.headline)
    if related.translation:
        add(made, "language", tag=related.translation)


def beside(parent: etree._Element, article: Article) -> None:
    """Add what RSS and Atom have no element for. Codes are written as whole URIs, because there is no catalog."""
    office = add(parent, "provider", uri=f"{SCHEMES['office']}{article.office.code}")
    names(office, {article.lang: article.office.name})
    web(office, article.office)
    if article.embargoed is not None:
        add(parent, "embargoed", article.embargoed.isoformat())
    elif article.held:
        add(parent, "embargoed")  # until further notice
    if article.note:
        add(parent, "edNote", article.note)
    if article.embargo_wording:
        add(parent, "edNote", article.embargo_wording, roleuri=f"{SCHEMES['role']}embargo")
    if article.signal:
        add(parent, "signal", uri=f"{SCHEMES['signal']}{article.signal}")
    if article.urgency:
        add(parent, "urgency", str(article.urgency))
    contacts(parent, article)
    for name in ("slugline", "dateline"):
        if text := getattr(article, name):
            add(parent, name, text)


def contacts(parent: etree._Element, article: Article) -> None:
    """Add the contacts, with the role as a URI because there is no catalog."""
    for party in article.contacts:
        if says(party):
            contact(parent, party, roleuri=f"{SCHEMES['role']}contact")
