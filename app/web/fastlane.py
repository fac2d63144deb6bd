"""The fast lane: a WSGI layer before Flask (PEP 3333) that answers hot feeds and 304s from copies in this process.

A copy is what Flask answered, to the letter: status, headers, bytes. A route says which answers may be kept (`may_keep`), and
under which of the host's marks they were made (app/cache/marks.py): a copy whose marks were replaced is out of date. Copies are served
only while the cache's channel is known to be alive, through which other hosts tell what changed: no channel, no copies.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from msgspec import Struct

from app.cache.marks import EVERYTHING, Marks
from app.cache.redis import Cache
from app.web.conditional import LONGEST_HEADER, fresh

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]
Asked = tuple[str, str, str]  # path, query, Accept-Encoding: what the answer of a feed depends on

KEPT = "pressrelay.kept"  # of the WSGI environment
PATHS = ("/feed.", "/f/")
LARGEST = 4 * 1024 * 1024  # bytes of a body that is kept
HEADS = 0.75  # part of the bytes that heads may take at most: without one, a request is Flask's
OVERHEAD = 1200  # bytes that a head takes besides its texts
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
# As Flask leaves them out of its own (werkzeug.http.remove_entity_headers).
NOT_IN_304 = ("content-type", "content-length", "content-encoding", "content-language", "last-modified")


class Kept(Struct, frozen=True):
    """What a route says of an answer that may be kept."""

    key: str  # of its bytes in the cache
    etag: str  # of the plain bytes
    modified: int  # seconds since 1970; 0: not told
    slots: tuple[int, ...]  # of the marks of all feeds that it shows
    numbers: tuple[int, ...]  # that stood there before anything of it was read


class Head(Struct, frozen=True):
    """An answer without its body."""

    kept: Kept
    headers: Headers
    unchanged: Headers  # of the 304
    tag: str  # the ETag header
    size: int  # bytes that it takes, about


def may_keep(environ: Environ, kept: Kept) -> None:
    """Said by a route of its answer to this request, when it depends on nothing but path, query and Accept-Encoding."""
    environ[KEPT] = kept


class Fastlane:
    """One for each process; the web threads share it."""

    def __init__(self, application: Application, cache: Cache, most: int) -> None:
        """`most`: bytes of copies, heads and bodies together."""
        self.application = application
        self.most = most
        self.alive_until = 0.0  # monotonic seconds; copies are served up to then
        self._cache = cache
        self._marks: Marks = cache.marks
        self._lock = threading.Lock()  # of the sizes; what is there already is looked up without it
        self._heads: OrderedDict[Asked, Head] = OrderedDict()  # the least recently used first
        self._bodies: OrderedDict[str, bytes] = OrderedDict()  # by ETag, likewise
        self._heads_size = 0
        self._bodies_size = 0

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """The copy, or what the application answers, of which a copy is kept."""
        asked = (environ["PATH_INFO"], environ.get("QUERY_STRING", ""), environ.get("HTTP_ACCEPT_ENCODING", ""))
        head = self._heads.get(asked)
        if head is None or not self._serves(head, environ):
            return self._long(environ, start_response, asked)
        try:  # noqa: SIM105 -- suppress() would cost as much as all the rest
            self._heads.move_to_end(asked)
        except KeyError:  # another thread dropped it
            pass
        if "HTTP_IF_NONE_MATCH" in environ or "HTTP_IF_MODIFIED_SINCE" in environ:
            tags, since = (environ.get(name) for name in CONDITIONS)
            if len(tags or "") > LONGEST_HEADER:
                return self._long(environ, start_response, asked)  # It is refused there.
            if tags == head.tag or fresh(tags, since, head.kept.etag, head.kept.modified):
                start_response("304 NOT MODIFIED", head.unchanged)
                return ()
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", head.headers)
            return ()
        body = self._body(head)
        if body is None:
            return self._long(environ, start_response, asked)
        start_response("200 OK", head.headers)
        return (body,)

    def alive(self, until: float) -> None:
        """The channel is known to be alive up to then (monotonic seconds); 0: it is lost."""
        self.alive_until = until

    def _serves(self, head: Head, environ: Environ) -> bool:
        # Whoever sends a token is counted by it; a delta is made by Flask.
        return (
            monotonic() < self.alive_until
            and self._marks.read(head.kept.slots) == head.kept.numbers
            and environ["REQUEST_METHOD"] in ("GET", "HEAD")
            and "HTTP_AUTHORIZATION" not in environ
            and "HTTP_A_IM" not in environ
        )

    def _body(self, head: Head) -> bytes | None:
        """Its bytes, from the cache where there was no room for them."""
        body = self._bodies.get(head.tag)
        if body is None:
            body = self._cache.body(head.kept.key, head.kept.etag)
            if body is not None:
                with self._lock:
                    self._keep_body(head.tag, body)
            return body
        try:  # noqa: SIM105 -- as above
            self._bodies.move_to_end(head.tag)
        except KeyError:  # another thread dropped it
            pass
        return body

    # The long way

    def _long(self, environ: Environ, start_response: Start, asked: Asked) -> Iterable[bytes]:
        """What the application answers. It is asked once more, without conditions, where it answered 304 of what may be kept."""
        if not asked[0].startswith(PATHS) or environ["REQUEST_METHOD"] != "GET" or monotonic() >= self.alive_until:
            return self.application(environ, start_response)
        if "HTTP_AUTHORIZATION" in environ or "HTTP_A_IM" in environ:
            return self.application(environ, start_response)
        plain = {name: value for name, value in environ.items() if name not in CONDITIONS}
        everything = self._marks.read((EVERYTHING,))
        status, headers, body = self._ask(environ)
        start_response(status, headers)
        if status.startswith("304 ") and KEPT in environ:
            everything = self._marks.read((EVERYTHING,))
            self._keep(asked, plain, everything, *self._ask(plain))
        else:
            self._keep(asked, environ, everything, status, headers, body)
        return (body,) if body else ()

    def _ask(self, environ: Environ) -> tuple[str, Headers, bytes]:
        said: list[tuple[str, Headers]] = []
        parts = self.application(environ, lambda status, headers, *_: said.append((status, headers)))
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)  # PEP 3333
            if close is not None:
                close()
        return *said[-1], body

    def _keep(
        self, asked: Asked, environ: Environ, everything: tuple[int, ...], status: str, headers: Headers, body: bytes
    ) -> None:
        kept = environ.get(KEPT)
        if kept is None or not status.startswith("200 ") or kept.numbers[:1] != everything or len(body) > LARGEST:
            return
        tag = next(value for name, value in headers if name.lower() == "etag")
        unchanged = [(name, value) for name, value in headers if name.lower() not in NOT_IN_304]
        size = OVERHEAD + sum(len(name) + len(value) for name, value in headers) + sum(map(len, asked))
        with self._lock:
            self._drop(asked)
            self._heads[asked] = Head(kept, headers, unchanged, tag, size)
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

    def _drop(self, asked: Asked) -> None:
        head = self._heads.pop(asked, None)
        self._heads_size -= head.size if head else 0


def lane(application: Application, cache: Cache, most: int) -> Application:
    """The application behind a fast lane that listens, on a thread of its own; the application itself where `most` is 0."""
    if not most:
        return application
    made = Fastlane(application, cache, most)
    threading.Thread(target=cache.hear, args=(made.alive, threading.Event()), name="fastlane", daemon=True).start()
    return made
