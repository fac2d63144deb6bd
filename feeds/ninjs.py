"""ninjs 3.1, the IPTC's news in JSON: https://iptc.org/standards/ninjs/.

A feed is a composite item whose associations are the articles. Older versions are written from the same members: feeds/ninjs_older.py.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from feeds.article import (
    ALL_RIGHTS_RESERVED,
    SCHEMES,
    Article,
    Contact,
    Feed,
    Fragment,
    Licence,
    Term,
    Withdrawn,
    atom_id,
    copyright_notice,
    embargo_noted,
    is_uri,
    names_of,
    numbered,
    rfc3339,
    terms_of_use,
)

MIMETYPE = ARTICLE_MIMETYPE = "application/json; charset=utf-8"
LABEL = "ninjs"
LINKED: frozenset[str] = frozenset()

_STANDARD = {
    "name": "ninjs",
    "version": "3.1",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json",
}
_GUID = "urn:pressrelay:guid:"
# The type of contact information is free text in ninjs; these are our values.
_CONTACTS = (("phone", "phone"), ("email", "email"))

JSON = dict[str, Any]


def fragment_of(article: Article) -> Fragment:
    """The article as an association; its name has its number."""
    return association(article, {"name": "", "rel": "item"} | article_members(article))


def assemble(feed: Feed) -> bytes:
    """The feed; its associations are the last member."""
    members = {"standard": _STANDARD} | feed_members(feed)
    return associated(members, feed, canceled(feed))


def association(article: Article, members: JSON) -> Fragment:
    """An association with these members. The first, `name`, is empty: it gets the number of the article."""
    before, after = b'{"name":"article-', msgspec.json.encode(members)[len(b'{"name":"') :]
    return Fragment(article.id, article.updated, article.office, (before, after))


def associated(members: JSON, feed: Feed, others: list[JSON]) -> bytes:
    """The feed with these members, and the associations of its articles and those in `others`, if there are any."""
    document = msgspec.json.encode(members)
    articles = [numbered(fragment, number) for number, fragment in enumerate(feed.fragments, 1)]
    associations = b",".join((*articles, *map(msgspec.json.encode, others)))
    return document[:-1] + b',"associations":[' + associations + b"]}" if associations else document


def render_article(article: Article) -> bytes:
    """One article as UTF-8 bytes."""
    return msgspec.json.encode({"standard": _STANDARD} | article_members(article))


def feed_members(feed: Feed) -> JSON:
    """The members of a feed, without the name of the standard and without associations."""
    members: JSON = {
        "uri": feed.self,
        "type": "composite",
        "profile": "feed",
        "representationType": "full",
        "versionCreated": rfc3339(feed.updated),
        "language": feed.lang,
        "headlines": [{"role": "main", "contentType": "text/plain", "value": feed.title}],
        "descriptions": [{"contentType": "text/plain", "value": feed.subtitle}] if feed.subtitle else [],
    }
    return _given(members)


def tells(gone: Withdrawn) -> bool:
    """Only if the article was canceled: the status `withheld` means that an article may still come."""
    return gone.canceled


def marked(article: Article) -> Article:
    """The sentence in the editor's note. ninjs has no embargo without an end, so a held article has the status `withheld`, which
    consumers do not publish."""
    return replace(embargo_noted(article), pubstatus="withheld" if article.held else article.pubstatus)


def canceled(feed: Feed) -> list[JSON]:
    """The associations of canceled articles."""
    return [_canceled(gone, number) for number, gone in enumerate(feed.withdrawn, 1) if tells(gone)]


def _canceled(gone: Withdrawn, number: int) -> JSON:
    members = {
        "name": f"canceled-{number}",
        "rel": "item",
        "uri": atom_id(gone.id, gone.guid),
        "type": "text",
        "version": str(gone.version),
        "versionCreated": rfc3339(gone.at),
        "pubStatus": "canceled",
        "edNote": gone.note,
        "language": gone.lang,
    }
    return _given(members)


def _given(members: JSON) -> JSON:
    """The members that are not empty."""
    return {name: value for name, value in members.items() if value not in ("", (), [], {}, None)}


def article_members(article: Article) -> JSON:
    """The members of an article, in the order of the schema, without the name of the standard."""
    members: JSON = {
        "uri": atom_id(article.id, article.guid),
        "type": "text",
        "representationType": "full",
        "profile": article.kind,
        "version": str(article.version),
        "firstCreated": rfc3339(article.issued),
        "versionCreated": rfc3339(article.updated),
        "contentCreated": rfc3339(article.issued),
        "embargoedUntil": rfc3339(article.embargoed) if article.embargoed else None,
        "pubStatus": article.pubstatus,
        "urgency": article.urgency or None,
        "copyrightHolder": article.office.name,
        "copyrightNotice": copyright_notice(article),
        "usageTerms": terms_of_use(article.licence) or ALL_RIGHTS_RESERVED,
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
        "genres": [{"name": article.kind, "uri": f"{SCHEMES['kind']}{article.kind}"}],
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
    """The office, then each contact without a person: its department, or the office if it has none."""
    office = article.office
    uri = f"{SCHEMES['office']}{office.code}"
    web = [{"type": "web", "value": office.url}] if office.url else []
    yield _given({"name": office.name, "rel": "issuer", "uri": uri, "contactInfo": web})
    for contact in article.contacts:
        if contact != Contact() and not contact.name:
            name = contact.department or office.name
            yield _given({"name": name, "rel": "contact", "contactInfo": _contact_info(contact)})


def _contact_info(contact: Contact) -> list[JSON]:
    """Each phone number and address of a contact, with the person's role and department."""
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
    """The concepts. A concept has one name in ninjs, so each further language is another concept with the same URI."""
    for term in terms:
        code = term.code.partition(":")[2] if term.scheme == "medtop" else term.code
        uri = f"{SCHEMES[term.scheme]}{code}"
        for name in dict.fromkeys(name for _, name in names_of(term, lang)):
            yield {"name": name, "uri": uri, "literal": term.code}


def _keyword(term: Term) -> JSON:
    return {"name": term.code, "rel": "keyword", "literal": term.code}


def _renditions(article: Article) -> Iterator[JSON]:
    """The article's page, then the files."""
    yield {"name": "page", "href": article.url, "contentType": "text/html"}
    for number, file in enumerate(article.enclosures, 1):
        members = {"href": file.url, "contentType": file.type, "title": file.caption, "sizeInBytes": file.length}
        yield {"name": f"{file.role}-{number}"} | _given(members)


def _rights(licence: Licence) -> JSON:
    return {"linkedRights": licence.uri} if licence.uri else {}


def _associations(article: Article) -> Iterator[JSON]:
    """Associated items: files whose caption, language or licence has no place in a rendition, and related articles."""
    for number, file in enumerate(article.enclosures, 1):
        if file.caption or file.lang or file.licence:
            yield _given(
                {
                    "name": f"{file.role}-{number}",
                    "rel": "enclosure",
                    "uri": file.url,
                    "type": "picture" if file.type.startswith("image/") else "component",
                    "language": file.lang,
                    "usageTerms": terms_of_use(file.licence) if file.licence else "",
                    "rightsInfo": _rights(file.licence) if file.licence else {},
                    "headlines": [{"contentType": "text/plain", "value": file.caption}] if file.caption else [],
                }
            )
    for number, related in enumerate(article.related, 1):
        # An item is identified by a URI. A guid that is not a URI is replaced by one, and also given as an altId.
        own = related.guid if is_uri(related.guid) else ""
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
    if not is_uri(article.guid):
        yield {"role": "guid", "value": article.guid}
