"""The fast lane: a WSGI layer in front of Flask (PEP 3333) that answers hot feeds, hot pages and 304s from copies in this process.

A copy is exactly what Flask answered: status, headers, bytes. A route says which answers may be copied (`may_keep`; for pages:
app/web/sharing.py), and which of the host's marks were valid when they were made (app/cache/marks.py). When one of these marks is
replaced, the copy is out of date. Other hosts announce their changes through the cache's channel, so copies are served only while that
channel is known to be alive.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from math import inf
from time import monotonic, perf_counter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.cache.marks import EVERYTHING, Marks
from app.cache.redis import Cache
from app.web.conditional import LONGEST_HEADER, coding_of, encoding_in, fresh, of_304, plain_tag, tag_of
from app.web.counting import AGAIN, NOT_TOLD_APART, PolledFeed, ReachCounts, is_person
from app.web.measured import HOT, NAME, ROUTE, Labels, took
from app.web.variants import variant_for

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]
# Path, query, Accept-Encoding, and the variant of a page (app/web/variants.py): all that an answer depends on.
RequestKey = tuple[str, str, str, str]

KEPT = "pressrelay.kept"  # a key of the WSGI environment
FEEDS = ("/feed.", "/f/")  # their answers have no variants
LARGEST = 4 * 1024 * 1024  # bytes of the largest body that is copied
HEADS = 0.75  # largest part of the memory that heads may use; a request whose head is missing goes to Flask
OVERHEAD = 1200  # bytes of memory that a head needs besides its texts
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
OF_ONE_CLIENT = ("ratelimit", "ratelimit-policy")  # headers that tell one client how much it has left; no copy has them


class KeptAnswer(Struct, frozen=True):
    """What a route says about an answer that may be copied."""

    key: str  # the key of its bytes in the cache; empty: they are not there
    etag: str  # of the uncompressed bytes; empty: it stands in the answer
    modified: int  # seconds since 1970; 0: it has no Last-Modified
    slots: tuple[int, ...]  # the slots of the marks of all feeds that it shows
    numbers: tuple[int, ...]  # the numbers in these slots before any of it was read
    feed: PolledFeed | None = NOT_TOLD_APART  # as its polls are counted; None: it is a page
    article: str = ""  # the public id of the article whose page it is
    until: float = inf  # monotonic seconds until which it is the answer, even if nothing changes


class AnswerHead(Struct, frozen=True):
    """An answer without its body."""

    kept: KeptAnswer
    headers: Headers
    unchanged: Headers  # the headers of the 304
    tag: str  # the ETag header
    size: int  # about how many bytes of memory it needs
    made: float  # monotonic seconds
    asked: list[int]  # how many answers with a body it gave; the only thing in it that changes
    coding: str = ""  # of the body (app/web/compression.py); empty: none
    polished: bool = False  # nobody can compress it better
    found: Labels = ()  # how a 200 and a 304 of it are measured
    same: Labels = ()


def may_keep(environ: Environ, kept: KeptAnswer) -> None:
    """Allow the fast lane to copy the answer to this request. A route calls it if the answer depends only on path, query,
    Accept-Encoding and, for a page, on its variant."""
    environ[KEPT] = kept


class Fastlane:
    """The fast lane of one process; its web threads share it."""

    def __init__(self, application: Application, cache: Cache, most: int, counts: ReachCounts | None = None) -> None:
        """`most`: bytes of all copies, heads and bodies together. `counts`: where polls are counted."""
        self.application = application
        self.most = most
        self.alive_until = 0.0  # monotonic seconds; copies are served until then
        self._retired = False
        self._counts = counts or ReachCounts()
        self._cache = cache
        self._marks: Marks = cache.marks
        self._lock = threading.Lock()  # guards changes and sizes; look-ups do not need it
        self._heads: OrderedDict[RequestKey, AnswerHead] = OrderedDict()  # the least recently used first
        self._bodies: OrderedDict[str, bytes] = OrderedDict()  # by ETag, the least recently used first
        self._heads_size = 0
        self._bodies_size = 0

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """The copy; if there is none, the answer of the application, which is then copied."""
        began = perf_counter()
        path = environ["PATH_INFO"]
        variant = "" if path.startswith(FEEDS) else variant_for(environ)
        if variant is None:
            return self.application(environ, start_response)
        request_key = (path, environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT_ENCODING", ""), variant)
        head = self._heads.get(request_key)
        if head is None or not self._serves(head, environ):
            return self._long(environ, start_response, request_key)
        try:  # noqa: SIM105 -- suppress() would cost as much as everything else here
            self._heads.move_to_end(request_key)
        except KeyError:  # another thread dropped it
            pass
        feed = head.kept.feed
        if feed is None:
            self._count_view(head.kept.article, environ)
        else:
            try:
                self._counts.polls[feed.name] += 1
            except KeyError:  # the first poll since the counts were written
                self._counts.poll(feed)
            agent = environ.get("HTTP_USER_AGENT")
            if agent and "subscriber" in agent:
                self._counts.claim(feed, agent)
        if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MODIFIED_SINCE" in environ:
            tags, since = (environ.get(name) for name in CONDITIONS)
            if len(tags or "") > LONGEST_HEADER:
                environ[AGAIN] = True
                return self._long(environ, start_response, request_key)  # The application refuses it.
            if tags == head.tag or fresh(tags, since, head.kept.etag, head.kept.modified):
                start_response("304 NOT MODIFIED", head.unchanged)
                took(NAME, head.same, perf_counter() - began)
                return ()
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", head.headers)
            took(NAME, head.found, perf_counter() - began)
            return ()
        body = self._body(request_key, head)
        if body is None:
            environ[AGAIN] = True
            return self._long(environ, start_response, request_key)
        head.asked[0] += 1
        start_response("200 OK", head.headers)
        took(NAME, head.found, perf_counter() - began)
        return (body,)

    def _count_view(self, article: str, environ: Environ) -> None:
        if article and environ["REQUEST_METHOD"] == "GET":
            agent, purpose = environ.get("HTTP_USER_AGENT", ""), environ.get("HTTP_SEC_PURPOSE", "")
            if is_person(agent, purpose):
                self._counts.view(article)

    def alive(self, until: float) -> None:
        """Take note that the channel is alive until then (monotonic seconds); 0: it is lost."""
        self.alive_until = 0.0 if self._retired else until

    def retire(self) -> None:
        """Serve no copies any more, because the server is about to end: the application tells each client that its connection ends."""
        self._retired = True
        self.alive_until = 0.0

    def _serves(self, head: AnswerHead, environ: Environ) -> bool:
        # Flask counts the requests of each token, and it makes the deltas.
        now = monotonic()
        return (
            now < self.alive_until
            and now < head.kept.until
            and self._marks.read(head.kept.slots) == head.kept.numbers
            and environ["REQUEST_METHOD"] in ("GET", "HEAD")
            and "HTTP_AUTHORIZATION" not in environ
            and "HTTP_A_IM" not in environ
        )

    def _body(self, request_key: RequestKey, head: AnswerHead) -> bytes | None:
        """The bytes of the body; from the cache if there was no room for them in this process."""
        body = self._bodies.get(head.tag)
        if body is None and not head.kept.key:
            return None
        if body is None:
            stored = self._cache.stored(head.kept.key)
            if stored is None or stored.etag != head.kept.etag:
                return None
            if f'"{tag_of(stored.etag, stored.coding)}"' != head.tag:  # it was compressed in another way meanwhile
                self.improve(request_key, head, stored.body, stored.coding)
                return None
            with self._lock:
                self._keep_body(head.tag, stored.body)
            return stored.body
        try:  # noqa: SIM105 -- as above
            self._bodies.move_to_end(head.tag)
        except KeyError:  # another thread dropped it
            pass
        return body

    # Compression (app/web/polish.py)

    def asked_often(self, often: int, stands: float) -> list[tuple[RequestKey, AnswerHead]]:
        """The compressed copies that are worth a better compression: those that gave `often` answers and are `stands` seconds
        old."""
        before = monotonic() - stands
        return [
            (key, head)
            for key, head in list(self._heads.items())
            if head.coding and not head.polished and head.asked[0] >= often and head.made < before
        ]

    def body_of(self, head: AnswerHead) -> bytes | None:
        """The body of a copy, if it is in this process."""
        return self._bodies.get(head.tag)

    def improve(self, request_key: RequestKey, head: AnswerHead, body: bytes, coding: str) -> None:
        """Put another body of the same document in the place of a copy, under its own ETag, if the copy still stands."""
        if encoding_in(coding) != encoding_in(head.coding):
            return
        tag = f'"{tag_of(head.kept.etag, coding)}"'
        new = {"etag": tag, "content-length": str(len(body))}
        headers, unchanged = (
            [(name, new.get(name.lower(), value)) for name, value in old] for old in (head.headers, head.unchanged)
        )
        better = replace(head, headers=headers, unchanged=unchanged, tag=tag, coding=coding, polished=True)
        with self._lock:
            if self._heads.get(request_key) is head:
                self._heads[request_key] = better
                self._keep_body(tag, body)

    # The way through the application

    def _long(self, environ: Environ, start_response: Start, request_key: RequestKey) -> Iterable[bytes]:
        """The answer of the application. If it is a 304 of an answer that may be copied, the application is called once more without
        conditions, to get the copy."""
        if environ["REQUEST_METHOD"] != "GET" or monotonic() >= self.alive_until:
            return self.application(environ, start_response)
        if "HTTP_AUTHORIZATION" in environ or "HTTP_A_IM" in environ:
            return self.application(environ, start_response)
        plain = {name: value for name, value in environ.items() if name not in CONDITIONS} | {AGAIN: True}
        everything = self._marks.read((EVERYTHING,))
        started, parts = self._started(environ)
        if KEPT not in environ:
            start_response(*started)
            return parts
        status, headers, body = *started, _joined(parts)
        start_response(status, headers)
        if status.startswith("304 "):
            everything = self._marks.read((EVERYTHING,))
            started, parts = self._started(plain)
            self._keep(request_key, plain, everything, *started, _joined(parts))
        else:
            self._keep(request_key, environ, everything, status, headers, body)
        return (body,) if body else ()

    def _started(self, environ: Environ) -> tuple[tuple[str, Headers], Iterable[bytes]]:
        """Status and headers of the application's answer, and its parts. Flask starts an answer before it returns."""
        started: list[tuple[str, Headers]] = []
        parts = self.application(environ, lambda status, headers, *_: started.append((status, headers)))
        return started[-1], parts

    def _keep(
        self,
        request_key: RequestKey,
        environ: Environ,
        everything: tuple[int, ...],
        status: str,
        headers: Headers,
        body: bytes,
    ) -> None:
        kept = environ.get(KEPT)
        if kept is None or not status.startswith("200 ") or kept.numbers[:1] != everything or len(body) > LARGEST:
            return
        named = {name.lower(): value for name, value in headers}
        if kept.feed is None and not _is_for_all(named):
            return
        tag = named["etag"]
        kept = kept if kept.etag else replace(kept, etag=plain_tag(tag))
        headers = [(name, value) for name, value in headers if name.lower() not in OF_ONE_CLIENT]
        unchanged = of_304(headers)
        size = OVERHEAD + sum(len(name) + len(value) for name, value in headers) + sum(map(len, request_key))
        route = environ.get(ROUTE, "")
        found, same = ((HOT, route, "GET", status) for status in ("200", "304"))
        with self._lock:
            self._drop(request_key)
            self._heads[request_key] = AnswerHead(
                kept, headers, unchanged, tag, size, monotonic(), [0], coding_of(tag), found=found, same=same
            )
            self._heads_size += size
            while self._heads_size > self.most * HEADS and self._heads:
                self._drop(next(iter(self._heads)))
            self._keep_body(tag, body)

    def _keep_body(self, tag: str, body: bytes) -> None:
        if tag not in self._bodies:
            self._bodies[tag] = body
            self._bodies_size += len(body)
        while self._bodies and self._bodies_size + self._heads_size > self.most:
            self._bodies_size -= len(self._bodies.popitem(last=False)[1])

    def _drop(self, request_key: RequestKey) -> None:
        head = self._heads.pop(request_key, None)
        self._heads_size -= head.size if head else 0


def _joined(parts: Iterable[bytes]) -> bytes:
    try:
        return b"".join(parts)
    finally:
        close = getattr(parts, "close", None)  # PEP 3333
        if close is not None:
            close()


def _is_for_all(headers: dict[str, str]) -> bool:
    """Whether an answer's headers (names in lower case) say that every reader may get it, and contain nothing about one reader."""
    return "public" in headers.get("cache-control", "") and "etag" in headers and "set-cookie" not in headers
