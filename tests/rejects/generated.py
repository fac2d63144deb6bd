"""Refused releases that are too large for a file: name -> (function that makes the body, expected answer)."""

from collections.abc import Callable
from typing import Any

NAMESPACE = "urn:pressrelay:press-release:1"
MEGA = 1_000_000


def release(body: bytes, guid: bytes = b"tag:example.org,2026:generated") -> bytes:
    return (
        b'<release xmlns="%s" xml:lang="ko"><article version="1"><guid>%s</guid>'
        b"<issued>2026-03-09T10:00:00+09:00</issued><headline>a</headline><body>%s</body></article></release>"
        % (NAMESPACE.encode(), guid, body)
    )


def attributes() -> bytes:
    return release(b"<p " + b" ".join(b'a%d="1"' % number for number in range(200_000)) + b">a</p>")


def entities() -> bytes:
    declared = b"".join(b'<!ENTITY e%d "x">' % number for number in range(150_000))
    return b"<!DOCTYPE release [" + declared + b"]>" + release(b"<p>a</p>")


def repeated(element: bytes, times: int) -> bytes:
    return (
        b'<release xmlns="%s" xml:lang="ko"><article version="1"><guid>g</guid><issued>2026-03-09T10:00:00+09:00</issued>'
        b"<headline>a</headline><body><p>a</p></body>%s</article></release>" % (NAMESPACE.encode(), element * times)
    )


GENERATED: dict[str, tuple[Callable[[], bytes], dict[str, Any]]] = {
    "too-large": (lambda: release(b"<p>" + b"a" * 5 * MEGA + b"</p>"), {"status": 413, "type": "too-large"}),
    "far-too-large": (lambda: b"a" * 60 * MEGA, {"status": 413, "type": "too-large"}),
    "attributes-200000": (attributes, {"status": 422, "type": "too-complex"}),
    "entities-150000": (entities, {"status": 422, "type": "doctype-forbidden"}),
    "elements-700000": (lambda: release(b"<a/>" * 700_000), {"status": 422, "type": "too-complex"}),
    "deep-101": (lambda: release(b"<b>" * 101 + b"</b>" * 101), {"status": 422, "type": "too-complex"}),
    "deep-300000": (lambda: release(b"<b>" * 300_000 + b"</b>" * 300_000), {"status": 422, "type": "too-complex"}),
    "comments-440000": (lambda: b"<!---->" * 440_000, {"status": 422, "type": "too-complex"}),
    "regions-60000": (lambda: repeated(b"<region/>", 60_000), {"status": 422, "type": "too-complex"}),
    "regions-9000": (lambda: repeated(b"<region/>", 9_000), {"status": 422, "type": "invalid-release"}),
    "regions-101": (lambda: repeated(b"<region>kr</region>", 101), {"status": 422, "type": "invalid-release"}),
    "rss-enclosures-9000": (
        lambda: (
            b'<rss version="2.0"><channel><item><guid>g</guid><title>t</title><description>d</description>'
            b"<pubDate>Tue, 09 Mar 2021 20:15:00 +0900</pubDate>" + b"<enclosure/>" * 9_000 + b"</item></channel></rss>"
        ),
        {"status": 422, "type": "invalid-release"},
    ),
    "articles-1001": (
        lambda: (
            b'<release xmlns="%s" xml:lang="ko">' % NAMESPACE.encode()
            + b"".join(
                b'<article version="1"><guid>g%d</guid><issued>2026-03-09T10:00:00+09:00</issued>'
                b"<headline>a</headline><body><p>a</p></body></article>" % number
                for number in range(1001)
            )
            + b"</release>"
        ),
        {"status": 413, "type": "too-many-articles"},
    ),
}
