"""JSON Feed 1.1: https://www.jsonfeed.org/version/1.1/. Data without a member in the format is in `_pressrelay` (Extensions)."""

from html import escape
from typing import Any

import msgspec

from feeds.article import (
    Article,
    Contact,
    Enclosure,
    Feed,
    Fragment,
    Licence,
    Withdrawn,
    classifications,
    copyright_notice,
    embargo_in_words,
    label_of,
    rfc3339,
)

MIMETYPE = "application/feed+json; charset=utf-8"
LABEL = "JSON Feed"
LINKED = frozenset(["next"])

_ABOUT = "urn:pressrelay:json-feed:1"  # the extension's members are described in docs/formats.md

JSON = dict[str, Any]

marked = embargo_in_words  # `_pressrelay` says that an article is held


def fragment_of(article: Article) -> Fragment:
    """The item."""
    return Fragment(article.id, article.updated, article.office, (msgspec.json.encode(_item(article)),))


def assemble(feed: Feed) -> bytes:
    """The feed; its items are the last member."""
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
    items = b",".join(fragment.pieces[0] for fragment in feed.fragments)
    return msgspec.json.encode(_given(members))[:-1] + b',"items":[' + items + b"]}"


def tells(gone: Withdrawn) -> bool:
    """Never: JSON Feed cannot express withdrawals."""
    return False


def _given(members: JSON) -> JSON:
    """The members that are not empty."""
    return {name: value for name, value in members.items() if value not in ("", (), [], {}, None)}


def _item(article: Article) -> JSON:
    members: JSON = {
        "id": article.guid,
        "url": article.url,
        "title": article.headline,
        "content_html": article.body or f"<p>{escape(article.summary, quote=False)}</p>",
        "summary": article.summary,
        "image": next((file.url for file in article.enclosures if file.type.startswith("image/")), ""),
        "date_published": rfc3339(article.published),
        "date_modified": rfc3339(article.updated),
        "authors": [_given({"name": article.office.name, "url": article.office.url})],
        "tags": list(dict.fromkeys(label_of(term, article.lang) for term in classifications(article))),
        "language": article.lang,
        "attachments": [_attachment(file) for file in article.enclosures],
    }
    return _given(members) | {"_pressrelay": _rest(article)}


def _attachment(file: Enclosure) -> JSON:
    members: JSON = {"url": file.url, "mime_type": file.type, "title": file.caption, "size_in_bytes": file.length}
    rest = {"role": file.role, "lang": file.lang, "licence": _licence(file.licence) if file.licence else None}
    return _given(members) | {"_pressrelay": _given(rest)}


def _rest(article: Article) -> JSON:
    """Everything that has no member of its own: terms with their codes, versions, contacts and so on."""
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
        "issued": rfc3339(article.issued),
        "embargoed": rfc3339(article.embargoed) if article.embargoed else None,
        "held": article.held or None,
        "embargo_wording": article.embargo_wording,
        "terms": [
            _given({"scheme": term.scheme, "code": term.code, "names": term.names}) for term in classifications(article)
        ],
        "contacts": [_given(msgspec.to_builtins(contact)) for contact in article.contacts if contact != Contact()],
        "copyright": copyright_notice(article),
        "licence": _licence(article.licence),
        "related": [_given(msgspec.to_builtins(related)) for related in article.related],
        "note": article.note,
    }
    return {"about": _ABOUT} | _given(members)


def _licence(licence: Licence) -> JSON:
    return _given({"uri": licence.uri, "text": licence.text})
