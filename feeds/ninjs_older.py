"""ninjs 1.3, 2.0 and 2.1, for receivers that do not know version 3: https://iptc.org/std/ninjs/.

The members of `feeds.ninjs` are converted to those of the older version. Members that a version does not have are left out;
docs/formats.md lists them. The later versions of the same number (1.4 to 1.8, 2.2 to 2.4) only add members.
"""

from datetime import datetime
from typing import Any

import msgspec

from feeds import ninjs
from feeds.article import SCHEMES, Article, Feed, Fragment, numbered, rfc3339_utc
from feeds.ninjs import JSON

DATES = {"firstCreated", "versionCreated", "contentCreated", "embargoedUntil"}
RENAMED = {"embargoedUntil": "embargoed", "by": "byline"}  # `by` only in version 1
# Version 1 has one name for each kind of concept.
CONCEPTS = {
    "people": "person",
    "organisations": "organisation",
    "places": "place",
    "subjects": "subject",
    "infoSources": "infosource",
    "genres": "genre",
}
COMPLETE = {"full": "complete"}  # how much of an item is in a document: the word of version 3 -> that of version 1
BODIES = {"application/xhtml+xml": "body_html", "text/plain": "body_text"}
RENDITION = {"href": "href", "contentType": "mimetype", "title": "title", "sizeInBytes": "sizeinbytes"}


class Older:
    """A version of ninjs before 3. It has the names of `feeds.format.Format`, as a module has."""

    MIMETYPE = ARTICLE_MIMETYPE = ninjs.MIMETYPE
    LINKED = ninjs.LINKED
    tells = staticmethod(ninjs.tells)
    marked = staticmethod(ninjs.marked)

    def __init__(self, version: str) -> None:
        """`version`: "1.3", "2.0" or "2.1"."""
        self.LABEL = f"ninjs {version}"
        self._version = version
        self._first = version.startswith("1.")
        schema = f"http://www.iptc.org/std/ninjs/ninjs-schema_{version}.json"
        standard = {"name": "ninjs", "version": version, "schema": schema}
        self._own = {"$standard" if self._first else "standard": standard}

    def fragment_of(self, article: Article) -> Fragment:
        """The article as an association. Version 1 has its name before it, as the name of a member."""
        members = self._converted(ninjs.article_members(article))
        if not self._first:
            return ninjs.association(article, {"name": ""} | members)
        pieces = b'"article-', b'":' + msgspec.json.encode(members)
        return Fragment(article.id, article.updated, article.office, pieces)

    def assemble(self, feed: Feed) -> bytes:
        """The feed; its associations are the last member."""
        members = self._own | self._converted(ninjs.feed_members(feed))
        others = self._converted({"associations": ninjs.canceled(feed)})["associations"]
        if not self._first:
            return ninjs.associated(members, feed, others)
        parts = [numbered(fragment, number) for number, fragment in enumerate(feed.fragments, 1)]
        parts += [msgspec.json.encode({name: each})[1:-1] for name, each in others.items()]
        document = msgspec.json.encode(members)
        return document[:-1] + b',"associations":{' + b",".join(parts) + b"}}" if parts else document

    def render_article(self, article: Article) -> bytes:
        """One article as UTF-8 bytes."""
        return msgspec.json.encode(self._own | self._converted(ninjs.article_members(article)))

    def _converted(self, members: JSON) -> JSON:
        return _version_1(members) if self._first else _version_2(members, self._version)


def _version_2(members: JSON, version: str) -> JSON:
    """The members with names in small letters. Associations have no `rel`; version 2.0 has no contact information."""
    made: JSON = {}
    for name, value in members.items():
        if name == "contactInfo" and version == "2.0":
            continue
        if name == "associations":
            value = [{key: part for key, part in each.items() if key != "rel"} for each in value]
        made[name.lower() if name != "embargoedUntil" else RENAMED[name]] = _converted(name, value, version)
    return made


def _converted(name: str, value: Any, version: str) -> Any:
    if name in DATES:
        return _moment(value)
    if isinstance(value, dict):
        return _version_2(value, version)
    return [_version_2(each, version) for each in value] if isinstance(value, list) else value


def _version_1(members: JSON) -> JSON:
    """The members in the manner of version 1: a text for each headline, description and body, and objects where later versions have
    arrays of named objects."""
    made: JSON = {}
    for name, value in members.items():
        if name in DATES - {"contentCreated"}:
            made[RENAMED.get(name, name.lower())] = _moment(value)
        elif name == "representationType":
            made["representationtype"] = COMPLETE[value]
        elif name == "headlines":
            made |= _headlines(value)
        elif name == "descriptions":
            made["description_text"] = value[0]["value"]
        elif name == "bodies":
            made |= {BODIES[body["contentType"]]: body["value"] for body in value}
            made |= next(({"charcount": body["charCount"]} for body in value if "charCount" in body), {})
        elif name in CONCEPTS:
            made[CONCEPTS[name]] = [_concept(each) for each in value]
        elif name == "renditions":
            made[name] = {each["name"]: _renamed(each) for each in value}
        elif name == "associations":
            made[name] = {each["name"]: _version_1(each) for each in value}
        elif name == "altIds":
            made["altids"] = {each["role"]: each["value"] for each in value}
        elif name not in ("name", "rel", "contentCreated", "rightsInfo"):
            made[RENAMED.get(name, name.lower())] = value
    return made


def _headlines(headlines: list[JSON]) -> JSON:
    main = next(each["value"] for each in headlines if each.get("role") != "subheadline")
    others = [each["value"] for each in headlines if each.get("role") == "subheadline"]
    return {"headline": main} | {f"headline_sub_{number}": value for number, value in enumerate(others, 1)}


def _concept(concept: JSON) -> JSON:
    """A concept by its scheme and its code in it, instead of a URI."""
    uri, literal = concept.get("uri", ""), concept.get("literal", "")
    scheme = next((scheme for scheme in SCHEMES.values() if uri.startswith(scheme)), "")
    code = {"scheme": scheme, "code": uri.removeprefix(scheme)} if scheme else {"code": literal} if literal else {}
    return {name: concept[name] for name in ("name", "rel") if name in concept} | code


def _renamed(rendition: JSON) -> JSON:
    return {RENDITION[name]: value for name, value in rendition.items() if name in RENDITION}


def _moment(written: str) -> str:
    """The instant in UTC and to the second: receivers of these versions, such as Superdesk, read no other form."""
    return rfc3339_utc(datetime.fromisoformat(written).replace(microsecond=0))


VERSION_1_3, VERSION_2_0, VERSION_2_1 = Older("1.3"), Older("2.0"), Older("2.1")
