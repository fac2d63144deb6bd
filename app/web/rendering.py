"""The bytes of a feed: from the cache while they are fresh; otherwise rendered once for all requests that need them at that time."""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.cache.redis import Instance, Mark, Ref, Rendered, RenderingTurn
from app.cache.single_flight import Flight
from app.context import Context
from app.query import Cursor, Query, Values, parse
from app.spans import traced
from app.syndication.page import Plan, planned
from app.syndication.written import completed, fresh_fragments, kept_as, lacking, remembered
from app.web import representation
from app.web.representation import IDENTITY
from feeds import Fragment, format_of

LINKED = ("hub", "first", "previous", "next", "last", "current", "prev-archive", "next-archive")
NOTHING: Cursor = (0, 0)  # stands for the position of the last article of an empty feed
AWAITED = 0.25  # seconds to wait for another process that renders the document
LOOK = 0.004  # seconds between two looks for its result

Revisions = tuple[str, ...] | None  # None: the cache cannot be used


def key_of(context: Context, query: Query, format: str, named: Values, encoding: str = IDENTITY) -> str:
    own = (context.settings.url, context.settings.site_name, context.settings.language)
    named = (*named, "/keyed") if context.settings.purge_url else named
    text = "\n".join((format, query.canonical(), encoding, *own, *named))
    return hashlib.sha256(text.encode()).hexdigest()


def fresh_etag(context: Context, format: str, office: str, offices: Sequence[str]) -> str:
    """The ETag of the feed of an office, or of everything, rendered without the cache. `offices`: all that are known. Raises
    Unavailable."""
    plan = planned(context, parse([("office", office)] if office else [], offices), format)
    return representation.etag_of(format_of(format).assemble(plan.finish(fresh_fragments(context, format, plan.dated))))


class Rendering:
    """One document of a query in one format, in all its encodings.

    The thread that renders it holds two locks, always taken in this order: the flight of this process (app/cache/single_flight.py),
    and the turn among all processes, which is a key of the cache. The flight ends when the uncompressed bytes exist; they are
    compressed after that (`Made`). The turn ends when these bytes and their first encoding are stored in the cache. A feed that is not
    in the cache takes three round trips to it: look, turn, keep. If the process has all fragments of the feed, there is no turn.
    """

    def __init__(self, context: Context, query: Query, format: str, named: Values, plan: Callable[[], Plan]) -> None:
        """`named` distinguishes it from other documents of this query. `plan` is called when the document has to be rendered."""
        self._context = context
        self._query = query
        self._format = format
        self._named = named
        self._plan = plan
        self._keys: dict[str, str] = {}  # by encoding

    @traced("render feed")
    def read(self, encoding: str = IDENTITY) -> Rendered:
        """The document in an encoding. Raises Unavailable, and whatever `plan` and its `finish` raise."""
        copy, revisions, plain = self._look(encoding)
        while copy is None:
            made = self._context.once.do(self.key(), lambda before: self._lead(encoding, revisions, plain, before))
            copy = made.encoded(encoding)  # None if the leader found only another encoding in the cache
        return copy

    def key(self, encoding: str = IDENTITY) -> str:
        """The key of the document in that encoding in the cache."""
        if encoding not in self._keys:
            self._keys[encoding] = key_of(self._context, self._query, self._format, self._named, encoding)
        return self._keys[encoding]

    @traced("look in cache")
    def _look(self, encoding: str) -> tuple[Rendered | None, Revisions, bool]:
        """The fresh copy, if there is one; the present revisions; and whether there is a fresh copy of the uncompressed bytes. None
        and False if the cache cannot be used."""
        if not self._context.trusted():
            return None, None, False
        other = self.key() if encoding != IDENTITY else ""
        return self._context.cache.feed_or(self.key(encoding), other, self._query.scans())

    def _lead(self, encoding: str, revisions: Revisions, plain: bool, before: Flight | None) -> "Made":
        """Render the document, or find what another thread or process rendered. `revisions` and `plain` are those of the first look,
        which is repeated if this thread waited for the flight `before`."""
        if before:
            copy, revisions, plain = self._look(encoding)
            made: Made | None = before.result
            if made is not None and made.revisions == revisions and made.can(encoding):
                return made  # It is fresh, and perhaps not in the cache yet.
            if copy is not None:
                return Made(self, {self.key(encoding): copy}, Unkept())
        if plain:
            copy, _ = self._context.cache.feed(self.key(), self._query.scans())
            if copy is not None:
                return Made(self, {self.key(): copy}, Unkept())
        found = self._find()
        wanted = lacking(found.here, found.plan.dated)
        if revisions is None:
            turn = RenderingTurn()
        elif wanted:
            turn = self._turn(encoding, wanted)
        else:  # Joining fragments costs less than asking whether another process does.
            turn = RenderingTurn(revisions=revisions)
        ends = self.key() if turn.mine else ""
        if turn.copies:
            return Made(self, turn.copies, Unkept(ends))
        try:
            if turn.revisions not in (None, revisions):  # Something changed after the articles were found.
                found = self._find()
            return self._made(found, turn, encoding)
        except BaseException:
            self._context.cache.keep({}, turn=ends)
            raise

    def _turn(self, encoding: str, wanted: Sequence[Ref]) -> RenderingTurn:
        """The turn to render the document, with the cached fragments of these versions, or the copy that another process
        made meanwhile. After waiting too long, this process renders it without the turn."""
        fragments: dict[Ref, bytes] = {}
        until = time.monotonic() + AWAITED
        while self._context.trusted():
            keys = list(dict.fromkeys((self.key(), self.key(encoding))))
            refs = [ref for ref in wanted if ref not in fragments]  # the other process writes what is missing
            turn = self._context.cache.turn(self.key(), keys, self._query.scans(), refs, kept_as(self._format))
            fragments |= turn.documents
            if turn.mine or turn.copies or turn.revisions is None or time.monotonic() > until:
                return replace(turn, documents=fragments)
            time.sleep(LOOK)
        return RenderingTurn()

    def _find(self) -> "Found":
        with store.holding(self._context.engine):
            # Read the newest change before the articles: the change may then be too old for them, but never too new.
            mark, at = store.articles.newest_change(self._context.engine)
            plan = self._plan()
        here = remembered(self._context, self._format, plan.dated)
        return Found(mark, representation.whole_seconds(at), plan, here)

    def _made(self, found: "Found", turn: RenderingTurn, encoding: str) -> "Made":
        plan, revisions = found.plan, turn.revisions or ()
        fragments, new = completed(self._context, self._format, plan.dated, found.here, turn.documents)
        made = plan.finish(fragments)
        body = format_of(self._format).assemble(made)
        etag = representation.etag_of(body)
        links = {rel: href for rel, href in {"hub": made.hub, **made.links}.items() if rel in LINKED and href}
        shown = tuple(fragment.id for fragment in fragments) if self._context.settings.purge_url else ()
        plain = Rendered(revisions, etag, body, links, found.modified, shown=shown)
        instance = Instance(found.mark, plan.standing[-1] if plan.standing else NOTHING)
        copies = {self.key(): plain}
        if turn.revisions is None:
            return Made(self, copies, Unkept())
        # If the client wants them compressed, the plain bytes are not sent to the cache: joining them again costs less.
        kept = copies if encoding == IDENTITY else {}
        return Made(self, copies, Unkept(self.key() if turn.mine else "", kept, {(self.key(), etag): instance}, new))

    @traced("keep in cache")
    def keep(self, copies: dict[str, Rendered], unkept: "Unkept") -> None:
        """Store these encodings, by key, and everything that was not stored yet. This ends the turn."""
        self._context.cache.keep(
            unkept.copies | copies,
            turn=unkept.turn,
            instances=unkept.instances,
            documents=unkept.fragments,
            form=kept_as(self._format),
        )


class Found(Struct, frozen=True):
    """The plan of a document, before its articles are read."""

    mark: Mark  # the newest change before it was found
    modified: int  # seconds since 1970, perhaps the next one; 0: no Last-Modified
    plan: Plan
    here: dict[Ref, Fragment]  # the fragments of its articles that this process has


class Unkept(Struct, frozen=True):
    """The parts of a document that still have to be stored in the cache."""

    turn: str = ""  # the key of the turn that ends with it
    copies: dict[str, Rendered] = {}  # by key
    instances: dict[tuple[str, str], Instance] = {}  # by key and ETag
    fragments: dict[Ref, bytes] = {}  # those that the cache did not have


class Made:
    """A rendered document, shared by all threads that waited for it. Each encoding of it is made once."""

    def __init__(self, rendering: Rendering, copies: dict[str, Rendered], unkept: Unkept) -> None:
        self._rendering = rendering
        self._copies = dict(copies)  # by key
        self.revisions = next(iter(copies.values())).revisions
        self._unkept = unkept
        self._lock = threading.Lock()  # a thread that holds it never waits for a flight or a turn

    def can(self, encoding: str) -> bool:
        """Whether `encoded` has an answer."""
        return bool({self._rendering.key(encoding), self._rendering.key()} & self._copies.keys())

    def encoded(self, encoding: str) -> Rendered | None:
        """The document in that encoding; None if it cannot be made because the uncompressed bytes are not known. The first call ends
        the turn."""
        key = self._rendering.key(encoding)
        with self._lock:
            new: dict[str, Rendered] = {}
            plain = self._copies.get(self._rendering.key())
            try:
                if key not in self._copies and plain is not None:
                    body, coding = representation.encoded(plain.body, encoding)
                    new[key] = replace(plain, body=body, coding=coding)
            finally:
                self._copies |= new
                self._keep(new)
            return self._copies.get(key)

    def _keep(self, new: dict[str, Rendered]) -> None:
        unkept, self._unkept = self._unkept, Unkept()
        fresh = {key: copy for key, copy in new.items() if copy.revisions}  # empty if the cache could not be used
        self._rendering.keep(fresh, unkept)
