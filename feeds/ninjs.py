"""ninjs 3.1, the IPTC's news in JSON: https://iptc.org/standards/ninjs/.

A feed is a composite item whose associations are the articles.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from feeds import wording
from feeds.article import Article, Contact, Feed, Licence, Term, Withdrawn

MIMETYPE = "application/json; charset=utf-8"

_STANDARD = {
    "name": "ninjs",
    "version": "3.1",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json",
}
_GUID = "urn:pressrelay:guid:"
# The IPTC's role for a contact's kind is free text: these are ours.
_CONTACTS = (("phone", "phone"), ("email", "email"))

JSON = dict[str, Any]


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    members: JSON = {
        "standard": _STANDARD,
        "uri": feed.self,
        "type": "composite",
        "profile": "feed",
        "representationType": "full",
        "versionCreated": _instant(feed.updated),
        "language": feed.lang,
        "headlines": [{"role": "main", "contentType": "text/plain", "value": feed.title}],
        "descriptions": [{"contentType": "text/plain", "value": feed.subtitle}] if feed.subtitle else [],
        "associations": [
            {"name": f"article-{number}", "rel": "item"} | _article(article)
            for number, article in enumerate(feed.articles, 1)
        ]
        + [_canceled(gone, number) for number, gone in enumerate(feed.withdrawn, 1) if gone.canceled],
    }
    return msgspec.json.encode(_given(members))


def render_article(article: Article) -> bytes:
    """One article as UTF-8 bytes."""
    return msgspec.json.encode({"standard": _STANDARD} | _article(article))


def _canceled(gone: Withdrawn, number: int) -> JSON:
    members = {
        "name": f"canceled-{number}",
        "rel": "item",
        "uri": wording.atom_id(gone.id, gone.guid),
        "type": "text",
        "version": str(gone.version),
        "versionCreated": _instant(gone.at),
        "pubStatus": "canceled",
        "edNote": gone.note,
        "language": gone.lang,
    }
    return _given(members)


def _given(members: JSON) -> JSON:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in ("", (), [], {}, None)}


def _article(article: Article) -> JSON:
    """In the schema's order."""
    members: JSON = {
        "uri": wording.atom_id(article.id, article.guid),
        "type": "text",
        "representationType": "full",
        "profile": article.kind,
        "version": str(article.version),
        "firstCreated": _instant(article.issued),
        "versionCreated": _instant(article.updated),
        "contentCreated": _instant(article.issued),
        "embargoedUntil": _instant(article.embargoed) if article.embargoed else None,
        "pubStatus": article.pubstatus,
        "urgency": article.urgency or None,
        "copyrightHolder": article.office.name,
        "copyrightNotice": wording.copyright_notice(article),
        "usageTerms": wording.terms_of_use(article.licence) or wording.ALL_RIGHTS_RESERVED,
        "edNote": "\n".join(filter(None, (article.note, article.embargo_wording))),
        "language": article.lang,
        "descriptions": [{"role": "summary", "contentType": "text/plain", "value": article.summary}],
        "bodies": list(_bodies(article)),
        "headlines": list(_headlines(article)),
        "people": list(_people(article.contacts)),
        "organisations": list(_organisations(article)),
        "places": list(_terms(article.regions, article.lang)),
        "subjects": [*_terms(article.topics, article.lang), *map(_keyword, article.keywords)],
        "infoSources": [{"name": article.source}] if article.source else [],
        "by": article.byline,
        "slugline": article.slugline,
        "located": article.dateline,
        "renditions": list(_renditions(article)),
        "associations": list(_associations(article)),
        "altIds": list(_alternatives(article)),
        "genres": [{"name": article.kind, "uri": f"{wording.SCHEMES['kind']}{article.kind}"}],
        "rightsInfo": _rights(article.licence),
    }
    return _given(members)


def _bodies(article: Article) -> Iterator[JSON]:
    yield {"role": "main", "contentType": "application/xhtml+xml", "value": f"<div>{article.body}</div>"}
    yield {"role": "main", "contentType": "text/plain", "charCount": len(article.text), "value": article.text}


def _headlines(article: Article) -> Iterator[JSON]:
    yield {"role": "main", "contentType": "text/plain", "value": article.headline}
    for subheadline in article.subheadlines:
        yield {"role": "subheadline", "contentType": "text/plain", "value": subheadline}


def _people(contacts: tuple[Contact, ...]) -> Iterator[JSON]:
    for contact in contacts:
        if contact.name:
            yield _given({"name": contact.name, "rel": "contact", "contactInfo": _contact_info(contact)})


def _organisations(article: Article) -> Iterator[JSON]:
    """The office, then each department that is to be asked and names no person; no department is the office itself."""
    office = article.office
    uri = f"{wording.SCHEMES['office']}{office.code}"
    web = [{"type": "web", "value": office.url}] if office.url else []
    yield _given({"name": office.name, "rel": "issuer", "uri": uri, "contactInfo": web})
    for contact in article.contacts:
        if contact != Contact() and not contact.name:
            name = contact.department or office.name
            yield _given({"name": name, "rel": "contact", "contactInfo": _contact_info(contact)})


def _contact_info(contact: Contact) -> list[JSON]:
    """Each way to reach them; a person's role and department stand with it."""
    name = contact.department if contact.name else ""
    ways: list[JSON] = [
        _given({"type": type, "role": contact.role, "name": name, "value": getattr(contact, field)})
        for field, type in _CONTACTS
        if getattr(contact, field)
    ]
    if not ways and (name or contact.role):
        ways.append(_given({"type": "department", "role": contact.role, "value": name or contact.role}))
    return ways


def _terms(terms: tuple[Term, ...], lang: str) -> Iterator[JSON]:
    """A concept has one name here: each further language is the same concept again, told by its URI."""
    for term in terms:
        code = term.code.partition(":")[2] if term.scheme == "medtop" else term.code
        uri = f"{wording.SCHEMES[term.scheme]}{code}"
        for name in dict.fromkeys(name for _, name in wording.names(term, lang)):
            yield {"name": name, "uri": uri, "literal": term.code}


def _keyword(term: Term) -> JSON:
    return {"name": term.code, "rel": "keyword", "literal": term.code}


def _renditions(article: Article) -> Iterator[JSON]:
    """The page here, then the files."""
    yield {"name": "page", "href": article.url, "contentType": "text/html"}
    for number, file in enumerate(article.enclosures, 1):
        members = {"href": file.url, "contentType": file.type, "title": file.caption, "sizeInBytes": file.length}
        yield {"name": f"{file.role}-{number}"} | _given(members)


def _rights(licence: Licence) -> JSON:
    return {"linkedRights": licence.uri} if licence.uri else {}


def _associations(article: Article) -> Iterator[JSON]:
    """A file's caption, language and licence have no place in a rendition: the file is an associated item besides."""
    for number, file in enumerate(article.enclosures, 1):
        if file.caption or file.lang or file.licence:
            yield _given(
                {
                    "name": f"{file.role}-{number}",
                    "rel": "enclosure",
                    "uri": file.url,
                    "type": "picture" if file.type.startswith("image/") else "component",
                    "language": file.lang,
                    "usageTerms": wording.terms_of_use(file.licence) if file.licence else "",
                    "rightsInfo": _rights(file.licence) if file.licence else {},
                    "headlines": [{"contentType": "text/plain", "value": file.caption}] if file.caption else [],
                }
            )
    for number, related in enumerate(article.related, 1):
        # An item is known by a URI: a guid that is none is told beside one that stands for it.
        own = related.guid if wording.is_uri(related.guid) else ""
        uri = related.url or own or f"{_GUID}{quote(related.guid, safe='')}"
        name, rel = ("translation", "translation") if related.translation else ("related", "seeAlso")
        yield _given(
            {
                "name": f"{name}-{number}",
                "rel": rel,
                "uri": uri,
                "language": related.translation,
                "headlines": [{"contentType": "text/plain", "value": related.headline}] if related.headline else [],
                "altIds": [{"role": "guid", "value": related.guid}] if related.guid not in ("", uri) else [],
            }
        )


def _alternatives(article: Article) -> Iterator[JSON]:
    yield {"role": "id", "value": article.id}
    if not wording.is_uri(article.guid):
        yield {"role": "guid", "value": article.guid}


def _instant(instant: datetime) -> str:
    """RFC 3339."""
    return instant.isoformat().replace("+00:00", "Z")
