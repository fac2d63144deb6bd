"""JSON Feed 1.1: https://www.jsonfeed.org/version/1.1/. What the format has no member for is in `_pressrelay` (Extensions)."""

from datetime import datetime
from html import escape
from typing import Any

import msgspec

from feeds import wording
from feeds.article import Article, Contact, Enclosure, Feed, Licence

MIMETYPE = "application/feed+json; charset=utf-8"

_ABOUT = "urn:pressrelay:json-feed:1"  # the extension's members are described in docs/formats.md

JSON = dict[str, Any]


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    members: JSON = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.self,
        "next_url": feed.links.get("next", ""),
        "description": feed.subtitle,
        "language": feed.lang,
        "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else [],
    }
    return msgspec.json.encode(_given(members) | {"items": [_item(article) for article in feed.articles]})


def _given(members: JSON) -> JSON:
    """The members that say something."""
    return {name: value for name, value in members.items() if value not in ("", (), [], {}, None)}


def _item(article: Article) -> JSON:
    members: JSON = {
        "id": article.guid,
        "url": article.url,
        "title": article.headline,
        "content_html": article.body or f"<p>{escape(article.summary, quote=False)}</p>",
        "summary": article.summary,
        "image": next((file.url for file in article.enclosures if file.type.startswith("image/")), ""),
        "date_published": _instant(article.published),
        "date_modified": _instant(article.updated),
        "authors": [_given({"name": article.office.name, "url": article.office.url})],
        "tags": list(dict.fromkeys(wording.label(term, article.lang) for term in wording.terms(article))),
        "language": article.lang,
        "attachments": [_attachment(file) for file in article.enclosures],
    }
    return _given(members) | {"_pressrelay": _rest(article)}


def _attachment(file: Enclosure) -> JSON:
    members: JSON = {"url": file.url, "mime_type": file.type, "title": file.caption, "size_in_bytes": file.length}
    rest = {"role": file.role, "lang": file.lang, "licence": _licence(file.licence) if file.licence else None}
    return _given(members) | {"_pressrelay": _given(rest)}


def _rest(article: Article) -> JSON:
    """The terms with their codes, the versions, the people: everything that has no member of its own."""
    members: JSON = {
        "id": article.id,
        "version": article.version,
        "pubstatus": article.pubstatus,
        "signal": article.signal,
        "kind": article.kind,
        "office": article.office.code,
        "subheadlines": article.subheadlines,
        "dateline": article.dateline,
        "byline": article.byline,
        "slugline": article.slugline,
        "urgency": article.urgency or None,
        "source": article.source,
        "issued": _instant(article.issued),
        "embargoed": _instant(article.embargoed) if article.embargoed else None,
        "held": article.held or None,
        "embargo_wording": article.embargo_wording,
        "terms": [
            _given({"scheme": term.scheme, "code": term.code, "names": term.names}) for term in wording.terms(article)
        ],
        "contacts": [_given(msgspec.to_builtins(contact)) for contact in article.contacts if contact != Contact()],
        "copyright": wording.copyright_notice(article),
        "licence": _licence(article.licence),
        "related": [_given(msgspec.to_builtins(related)) for related in article.related],
        "note": article.note,
    }
    return {"about": _ABOUT} | _given(members)


def _licence(licence: Licence) -> JSON:
    return _given({"uri": licence.uri, "text": licence.text})


def _instant(instant: datetime) -> str:
    """RFC 3339."""
    return instant.isoformat().replace("+00:00", "Z")
