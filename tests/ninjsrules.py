"""JSON Schemas for ninjs 1.3, 2.0 and 2.1, written for the project from the members that IPTC's schemas name
(https://iptc.org/std/ninjs/). They have only the members that our own documents may use, and refuse all others.

`PLACES` says where the official schemas would be; tests that need them are skipped where they are not.
"""

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

JSON = dict[str, Any]

FOLDER = Path(__file__).parent.parent.parent / "shared/standards/ninjs"
PLACES = {version: FOLDER / f"ninjs-schema_{version}.json" for version in ("1.3", "2.0", "2.1", "3.1")}

TEXT: JSON = {"type": "string"}
URI: JSON = {"type": "string", "format": "uri", "pattern": "^[a-z][a-z0-9+.-]*:"}
MOMENT: JSON = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
}  # as Superdesk reads it
NUMBER: JSON = {"type": "number"}
TYPES = {"enum": ["text", "audio", "video", "picture", "graphic", "composite", "component"]}
STATUSES = {"enum": ["usable", "withheld", "canceled"]}
COMMON = {
    "uri": URI,
    "type": TYPES,
    "pubstatus": STATUSES,
    "urgency": {"type": "integer", "minimum": 1, "maximum": 9},
    **dict.fromkeys(("firstcreated", "versioncreated", "embargoed"), MOMENT),
    **dict.fromkeys(
        ("profile", "version", "copyrightholder", "copyrightnotice", "usageterms", "ednote", "language"), TEXT
    ),
    **dict.fromkeys(("title", "slugline", "located"), TEXT),
}


def closed(members: JSON, *required: str, patterns: JSON | None = None) -> JSON:
    """An object with these members alone."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": members,
        "required": list(required),
        "patternProperties": patterns or {},
    }


def texts(*names: str, uri: str = "") -> JSON:
    """An object of texts; `uri` names the one that is a URI."""
    return closed(dict.fromkeys(names, TEXT) | ({uri: URI} if uri else {}))


def many(item: JSON) -> JSON:
    return {"type": "array", "items": item, "minItems": 1}


def first() -> JSON:
    """Version 1.3."""
    concept = texts("name", "rel", "code", uri="scheme")
    rendition = closed({"href": URI, "mimetype": TEXT, "title": TEXT, "sizeinbytes": NUMBER})
    members = COMMON | {
        "representationtype": {"enum": ["complete", "incomplete"]},
        **dict.fromkeys(("mimetype", "byline", "headline"), TEXT),
        **dict.fromkeys(("charcount", "wordcount"), NUMBER),
        **dict.fromkeys(("person", "organisation", "place", "subject", "infosource"), many(concept)),
        "genre": many(texts("name", "code", uri="scheme")),
        "renditions": closed({}, patterns={"^[a-zA-Z0-9]+": rendition}),
        "associations": closed({}, patterns={"^[a-zA-Z0-9]+": {"$ref": "#/$defs/item"}}),
        "altids": {"type": "object"},
        "$standard": texts("name", "version", uri="schema"),
    }
    named = dict.fromkeys(("^description_[a-zA-Z0-9_]+", "^body_[a-zA-Z0-9_]+", "^headline_[a-zA-Z0-9_]+"), TEXT)
    item = closed(members, "uri", patterns=named)
    return {"$ref": "#/$defs/item", "$defs": {"item": item}}


def second(contacts: bool) -> JSON:
    """Version 2.1, or 2.0 without contact information."""
    way = closed(dict.fromkeys(("type", "role", "lang", "name", "value"), TEXT), "value")
    concept = texts("name", "rel", "literal", uri="uri")
    somebody = closed(concept["properties"] | ({"contactinfo": many(way)} if contacts else {}))
    value = closed(dict.fromkeys(("role", "contenttype", "value"), TEXT), "value")
    body = closed(value["properties"] | {"charcount": NUMBER, "wordcount": NUMBER}, "value")
    rendition = closed({"name": TEXT, "href": URI, "contenttype": TEXT, "title": TEXT, "sizeinbytes": NUMBER}, "name")
    members = COMMON | {
        "representationtype": {"enum": ["full", "partial"]},
        "contentcreated": MOMENT,
        "by": TEXT,
        "headlines": many(value),
        "descriptions": many(value),
        "bodies": many(body),
        **dict.fromkeys(("people", "organisations"), many(somebody)),
        **dict.fromkeys(("places", "subjects"), many(concept)),
        "infosources": many(texts("name", "role", "literal", uri="uri")),
        "genres": many(texts("name", "literal", uri="uri")),
        "renditions": many(rendition),
        "associations": many({"$ref": "#/$defs/associated"}),
        "altids": many(texts("role", "value")),
        "standard": texts("name", "version", uri="schema"),
        "rightsinfo": closed({"langid": URI, "linkedrights": URI}, "linkedrights"),
    }
    associated = closed(members | {"name": TEXT}, "name", "uri")
    return {**closed(members, "uri"), "$defs": {"associated": associated}}


# Without these validators, jsonschema would accept anything as a date or an address.
assert {"date-time", "uri"} <= FormatChecker.checkers.keys()
SCHEMAS = {"1.3": first(), "2.0": second(contacts=False), "2.1": second(contacts=True)}


def check(version: str, members: JSON) -> list[str]:
    """What the rules of a version object to."""
    validator = Draft202012Validator(SCHEMAS[version], format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(members)]
