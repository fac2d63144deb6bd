"""A client for tests that send thousands of requests: it does little for each, where httpx takes as long as the server."""

import http.client
import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import httpx
from lxml import etree


class Answer(NamedTuple):
    """A status, the headers as they came, and the body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Asker:
    """One connection to a server, and the headers that go with each request. It follows no redirect and keeps no cookie."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def __enter__(self) -> "Asker":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """`target` is a path with its query; characters that no URL may hold are quoted."""
        target = quote(target, safe="/%?&=:;,+~!$'()*@")
        self._connection.request(method, target, body, self._headers | dict(headers or {}))
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.getheaders(), answer.read())


def links_of(answer: httpx.Response) -> dict[str, str]:
    """Relation -> URL, as a client finds them: in the header, and in the feed itself if its format has a place for them."""
    found = {rel: link["url"] for rel, link in answer.links.items()}
    if answer.headers["Content-Type"].startswith(("application/atom+xml", "application/rss+xml")):
        for link in etree.fromstring(answer.content).iterfind(".//{http://www.w3.org/2005/Atom}link"):
            if etree.QName(link.getparent()).localname in ("feed", "channel"):
                found[link.get("rel", "alternate")] = link.get("href", "")
    if answer.headers["Content-Type"].startswith("application/feed+json"):
        found |= {"next": url} if (url := json.loads(answer.content).get("next_url")) else {}
    return found
