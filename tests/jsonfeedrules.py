"""The rules of JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/): `check(members)` names what breaks them."""

import re
from collections.abc import Iterator
from typing import Any

URL = re.compile(r"https?://[^\s/]+\S*")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
STRINGS = {"title", "description", "user_comment", "content_html", "content_text", "summary", "language", "id"}
TOP = STRINGS - {"id", "content_html", "content_text", "summary"} | {"version", "items", "expired", "hubs", "authors"}
TOP |= {"home_page_url", "feed_url", "next_url", "icon", "favicon"}
ITEM = STRINGS - {"description", "user_comment"} | {"url", "external_url", "image", "banner_image", "date_published"}
ITEM |= {"date_modified", "authors", "tags", "attachments"}
ATTACHMENT = {"url", "mime_type", "title", "size_in_bytes", "duration_in_seconds"}


def check(members: dict[str, Any]) -> list[str]:
    """Every rule that is broken, in the document's order."""
    return list(_feed(members))


def _feed(members: dict[str, Any]) -> Iterator[str]:
    if members.get("version") != "https://jsonfeed.org/version/1.1":
        yield "version is not the URL of 1.1"
    if not members.get("title"):
        yield "title is missing"
    yield from _members("", "the feed", members, TOP)
    seen: set[str] = set()
    for number, item in enumerate(members.get("items", ())):
        yield from _item(f"items[{number}].", item, seen)


def _item(where: str, item: dict[str, Any], seen: set[str]) -> Iterator[str]:
    if not item.get("id") or item["id"] in seen:
        yield f"{where}id is {'missing' if not item.get('id') else 'not unique'}"
    seen.add(item.get("id", ""))
    if not item.get("content_html") and not item.get("content_text"):
        yield f"{where}content_html or content_text is missing"
    yield from _members(where, "an item", item, ITEM)
    for number, attachment in enumerate(item.get("attachments", ())):
        at = f"{where}attachments[{number}]."
        for name in ("url", "mime_type"):
            if not attachment.get(name):
                yield f"{at}{name} is missing"
        yield from _members(at, "an attachment", attachment, ATTACHMENT)


def _members(where: str, what: str, members: dict[str, Any], known: set[str]) -> Iterator[str]:
    for name, value in members.items():
        if name.startswith("_"):
            if not isinstance(value, dict) or "." in name:
                yield f"{where}{name} is not an extension"
        elif name not in known:
            yield f"{where}{name} is not a member of {what}"
        elif (name.endswith("url") or name in ("image", "icon")) and not URL.fullmatch(value):
            yield f"{where}{name} is not an absolute URL"
        elif name.startswith("date_") and not RFC3339.fullmatch(value):
            yield f"{where}{name} is not RFC 3339"
        elif name in STRINGS and not isinstance(value, str):
            yield f"{where}{name} is not a string"
        elif name == "authors" and not all(author.keys() & {"name", "url", "avatar"} for author in value):
            yield f"{where}authors has one who is nobody"
        elif name == "tags" and not all(isinstance(tag, str) for tag in value):
            yield f"{where}tags has one that is not a string"
