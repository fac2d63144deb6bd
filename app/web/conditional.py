"""Whether a client already has the current document (RFC 9110, section 13.2.2)."""

from datetime import UTC, datetime

from werkzeug.http import parse_date, parse_etags

LONGEST_HEADER = 16_384  # bytes of a header, all of its lines together; the web server itself would accept 400 KB
ENCODINGS = ("zstd", "br", "gzip")  # the first is used if a client likes several equally


def tag_of(etag: str, encoding: str = "") -> str:
    """The ETag of a document in an encoding. Other bytes need another strong validator (RFC 9110, section 8.8.3.3)."""
    return f"{etag}-{encoding}" if encoding in ENCODINGS else etag


def plain_tag(header: str) -> str:
    """The ETag of the uncompressed document, from the strong header ETag of one in any encoding."""
    etag = header.strip('"')
    name, _, encoding = etag.rpartition("-")
    return name if encoding in ENCODINGS else etag


def fresh(if_none_match: str | None, if_modified_since: str | None, etag: str, modified: int) -> bool:
    """Whether the client has the current document: by the ETag of any encoding, or by date if the client sent no ETag. `etag` is that
    of the uncompressed bytes; `modified` is in seconds since 1970, 0 if the document has no Last-Modified."""
    if if_none_match is not None:
        tags = parse_etags(if_none_match)
        return tags.star_tag or any(tags.contains_weak(tag_of(etag, name)) for name in ("", *ENCODINGS))
    since = parse_date(if_modified_since) if if_modified_since else None
    return bool(modified) and since is not None and since >= datetime.fromtimestamp(modified, UTC)
