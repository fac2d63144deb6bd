"""Whether a client already has the current document (RFC 9110, section 13.2.2)."""

from collections.abc import Iterable
from datetime import UTC, datetime

from werkzeug.http import parse_date, parse_etags

LONGEST_HEADER = 16_384  # bytes of a header, all of its lines together; the web server itself would accept 400 KB
ENCODINGS = ("zstd", "br", "gzip")  # the first is used if a client likes several equally


def encoding_in(coding: str) -> str:
    """The content coding as RFC 9110 names it: that of "gzip.q3f2a" is "gzip" (app/web/compression.py)."""
    return coding.partition(".")[0]


def tag_of(etag: str, coding: str = "") -> str:
    """The ETag of a document in a coding. Other bytes need another strong validator (RFC 9110, section 8.8.3.3)."""
    return f"{etag}-{coding}" if encoding_in(coding) in ENCODINGS else etag


def plain_tag(header: str) -> str:
    """The ETag of the uncompressed document, from that of one in any coding."""
    return _parted(header.strip('"'))[0]


def coding_of(header: str) -> str:
    """The coding in a strong header ETag; empty if there is none."""
    return _parted(header.strip('"'))[1]


def _parted(etag: str) -> tuple[str, str]:
    plain, _, coding = etag.rpartition("-")
    return (plain, coding) if plain and encoding_in(coding) in ENCODINGS else (etag, "")


# What a 304 says (RFC 9110, section 15.4.5): validators, the rules for caches, the permissions of other sites' scripts, and headers
# that belong to this answer and not to the document. A client keeps the other headers of the answer that it has (RFC 9111, section
# 3.2).
ON_304 = frozenset(
    [
        "etag",
        "last-modified",
        "cache-control",
        "expires",
        "vary",
        "content-location",
        "date",
        "server",
        "connection",
        "set-cookie",
        "ratelimit",
        "ratelimit-policy",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "x-request-id",
    ]
)


def of_304(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of an answer that its 304 has too. A 304 with an ETag needs no date beside it."""
    found = [(name, value) for name, value in headers if name.lower() in ON_304]
    if any(name.lower() == "etag" for name, _ in found):
        found = [(name, value) for name, value in found if name.lower() != "last-modified"]
    return found


def fresh(if_none_match: str | None, if_modified_since: str | None, etag: str, modified: int) -> bool:
    """Whether the client has the current document: by the ETag of any coding, or by date if the client sent no ETag. `etag` is that
    of the uncompressed bytes; `modified` is in seconds since 1970, 0 if the document has no Last-Modified."""
    if if_none_match is not None:
        tags = parse_etags(if_none_match)
        return tags.star_tag or any(plain_tag(tag) == etag for tag in tags.as_set(include_weak=True))
    since = parse_date(if_modified_since) if if_modified_since else None
    return bool(modified) and since is not None and since >= datetime.fromtimestamp(modified, UTC)
