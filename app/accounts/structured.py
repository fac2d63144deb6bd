"""Structured Fields (RFC 9651) of a signed request: Signature-Input, Signature (RFC 9421) and Content-Digest (RFC 9530). Pure."""

import hashlib
from typing import Any, cast

import http_sf

DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}  # supported algorithms; others are ignored


def dictionary(field: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """The members of a dictionary field, each with its value and parameters. Raises ValueError, also if a member appears twice."""
    members = http_sf.parse(field.encode(), tltype="dictionary", on_duplicate_key=_refuse_twice)
    return cast(dict[str, tuple[Any, dict[str, Any]]], members)


def _refuse_twice(name: str, where: str) -> None:
    if where == "dictionary":
        raise ValueError(f"{name} appears twice")


def content_digest(body: bytes) -> str:
    """The Content-Digest of a body (RFC 9530, section 2)."""
    return http_sf.ser({"sha-256": hashlib.sha256(body).digest()})


def digests(field: str) -> dict[str, bytes]:
    """The digests of a Content-Digest field by algorithm, for algorithms in DIGESTS. Raises ValueError if the field is malformed."""
    found = {name: value for name, (value, _) in dictionary(field).items() if name in DIGESTS}
    for name, value in found.items():
        if not isinstance(value, bytes):
            raise ValueError(f"{name} is not a byte sequence")
    return found


def matches(field: str, body: bytes) -> bool:
    """Whether a Content-Digest field matches a body by each supported algorithm that it names. It must name at least one."""
    try:
        found = digests(field)
    except ValueError:
        return False
    return bool(found) and all(DIGESTS[name](body).digest() == value for name, value in found.items())
