"""The cache (Redis protocol): articles by version, rendered feeds by query, and the revisions that show whether a feed is fresh.

A key names the history of the database (app/store/identity.py). The key of an article also has the instant when its version came, and
the note of an announced change has its random stamp. So if a database is restored to an older state and uses its numbers again, it
finds nothing here that belongs to the earlier use of a number.

A revision is a random value, one for each (place, topic) pair and one for everything. A rendered feed stores the revisions that were
read before the database was queried, and is served only while they are still current. A missing revision (flushed, evicted) is made
again, with a value that matches nothing. So losing a key costs a rendering, but never freshness. If the cache does not answer
within 50 ms, it is not used for a second.

In a cluster, revisions, notes of announcements and the channel are in one slot, because their keys have the same hash tag. So one node
does these commands in their order, and a replica that takes over lacks only the last of them: a note that is there proves that the
revisions of its change have ended there too. All other keys are spread over the nodes.
"""

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from typing import Any

import msgspec
import redis
from msgspec import Struct

from app.cache.address import CacheAddress, parse
from app.cache.marks import HISTORY, Marks
from app.cache.sentences import why
from app.cache.servers import FAILURES, TIMEOUT, connect

log = logging.getLogger("pressrelay.cache")
LARGEST = 4 * 1024 * 1024  # bytes of a feed to store: a little less than 1 Gbit/s carries within TIMEOUT
DELETED_AT_ONCE = 1000  # keys in one command, which blocks the server
REST = 1.0  # seconds for which a server that failed is not used
SETTLED = 3.0  # seconds without a failure after which the server counts as working again
BEAT = 0.1  # seconds between two beats, messages by which a listener learns that the channel is alive
SILENCE = 0.25  # seconds after which a channel without a beat counts as lost
TRIALS = 32  # keys that a trial sets; so many that each node of a usual cluster gets some
REVISION = 16  # characters of a revision
TURN = 1000  # milliseconds for which one process may render a feed before others also do
TURN_OF_HISTORY = "!"  # message on the channel that the history changed; no pair has this name
ARTICLE_TTL, INSTANCE_TTL, FEED_TTL, ANNOUNCED_TTL = 7 * 86400, 7 * 86400, 86400, 3600  # seconds

Pair = tuple[str, str]  # place, topic
Ref = tuple[int, int, int]  # an article's number, its version, and when the version came (microseconds)
Mark = tuple[int, int]  # a change: its number and its stamp


class Rendered(Struct, frozen=True, array_like=True):
    """A feed as bytes in one encoding, with the revisions at the time of rendering."""

    revisions: tuple[str, ...]
    etag: str  # of the bytes before encoding
    body: bytes  # encoded
    links: dict[str, str]  # RFC 8288 relation -> URL, for the Link header
    modified: int  # whole seconds since 1970; 0: not sent
    coding: str = "identity"  # of the body (app/web/compression.py)
    shown: tuple[str, ...] = ()  # ids of its articles, if caches in front are told what to purge


class RenderingTurn(Struct, frozen=True):
    """The state of the cache when a process is about to render a feed."""

    mine: bool = False  # no other process is rendering the feed
    copies: dict[str, Rendered] = {}  # fresh feeds by key
    revisions: tuple[str, ...] | None = None  # current ones; None: the cache cannot be used
    documents: dict[Ref, bytes] = {}  # those of the requested versions of articles that are in the cache


class Instance(Struct, frozen=True, array_like=True):
    """The state of a feed when it had a certain ETag, enough to compute what changed since."""

    mark: Mark  # the last change that the feed includes
    lowest: tuple[int, int]  # position of its last article: microseconds since 1970, number


class Window(Struct, frozen=True):
    """A period of time in which requests are counted."""

    whose: str
    seconds: int  # length of the period
    number: int  # of the period since 1970

    def before(self) -> "Window":
        return Window(self.whose, self.seconds, self.number - 1)


def _no_answer(answer: Any, full: bool) -> bool:
    """Whether an error concerns only one command and the server is working."""
    if full and isinstance(answer, redis.exceptions.OutOfMemoryError):
        return True
    return isinstance(answer, Exception) and any(words in str(answer) for words in ("WRONGTYPE", "is not an integer"))


def _number(answer: bytes | int | None) -> int:
    """A counter; 0 if it is missing, or something else is stored under its key."""
    try:
        return int(answer or 0)
    except ValueError:
        return 0


_MARK = re.compile(r"(\d{1,19})-(\d{1,19})")


def _written(mark: Mark) -> str:
    return f"{mark[0]}-{mark[1]}"


# Threads share the decoders, which keep no state between calls.
_decoder = msgspec.msgpack.Decoder(Rendered)
_instance_decoder = msgspec.msgpack.Decoder(Instance)


def _rendered(held: bytes | None) -> Rendered | None:
    """The feed stored under a key; None if it is missing, or written by another version of this program or by another program."""
    try:
        return None if held is None else _decoder.decode(held)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _beginning(revisions: tuple[str, ...]) -> bytes:
    """The first bytes of every feed with these revisions, as it is stored."""
    return msgspec.msgpack.encode(Rendered((), "", b"", {}, 0))[:1] + msgspec.msgpack.encode(revisions)


def _last(pairs: Sequence[Pair]) -> int:
    """The number of the last of these bytes, from 0."""
    return len(_beginning(("x" * REVISION,) * (len(pairs) + 1))) - 1


class Cache:
    """There is one in each process, shared by its threads. If the server fails, methods answer as if the key were missing."""

    def __init__(
        self, address: CacheAddress | str, instance: str, marks: Marks | None = None, *, shared: bool = True
    ) -> None:
        """`instance`: the name of the database's history, so that several databases can share a server. `marks`: of the host.
        `shared`: whether other hosts may use this server too."""
        self.instance = instance
        self.marks = marks or Marks()
        self._server = connect(parse(address) if isinstance(address, str) else address, self._meet)
        self._shared = shared
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._failing_since = 0.0  # monotonic seconds; 0: the last command was answered
        self._failed_at = 0.0  # monotonic seconds of the last failure
        self._told_at = 0.0  # monotonic seconds when the failure was logged; 0: the server works
        self._met = 0  # how many connections were made that may lead to another server than the trusted one
        self._doubts = 1  # how many events may have made this process miss announcements
        self._proven = (0, 0)  # value of `_happened` when the cache was last known to be complete

    def _ask(
        self, commands: Sequence[tuple[Any, ...]], *, full: bool = False, insist: bool = False
    ) -> list[Any] | None:
        """The answers of independent commands in one round trip; None: the server failed. `full`: a server without free memory may
        refuse some commands. `insist`: ask also a server that failed a moment ago."""
        if not insist and time.monotonic() < self._rests_until:
            return None
        try:
            answers = self._server.ask(commands)
        except FAILURES as error:
            self._fail(error)
            return None
        # These errors count as a missing key: something else under our name, a full server.
        answers = [None if _no_answer(answer, full) else answer for answer in answers]
        for answer in answers:
            if isinstance(answer, Exception):
                self._fail(answer)
                return None
        self._failing_since = 0.0
        if self._told_at and time.monotonic() > self._failed_at + SETTLED:
            self._tell_well()
        return answers

    def _meet(self) -> None:
        with self._lock:
            self._met += 1
            self._doubts += 1

    def _fail(self, error: Exception) -> None:
        with self._lock:
            now = time.monotonic()
            self._doubts += 1
            self._failing_since = self._failing_since or now
            self._failed_at = now
            self._rests_until = now + REST
            first, self._told_at = not self._told_at, self._told_at or now
        if first:
            log.warning("The cache cannot be used: %s. Feeds come from the database until it works again.", why(error))

    def _tell_well(self) -> None:
        with self._lock:
            since, self._told_at = self._told_at, 0.0
        if since:
            log.warning("The cache works again after %.0f seconds.", time.monotonic() - since)

    # Whether the content of the cache can be trusted

    def doubt(self) -> None:
        """Note that announcements may have been missed, or that the database is in another state. The cache must catch up before it is
        used again."""
        with self._lock:
            self._doubts += 1

    def trusted(self, catch_up: Callable[[], bool]) -> bool:
        """Whether the content may be served. After a doubt in this process or a change of history on this host, `catch_up` is called
        and must return True first."""
        return self._proven == self._happened() or self.caught_up(catch_up)

    def caught_up(self, catch_up: Callable[[], bool]) -> bool:
        """The result of `catch_up`. If it is True, doubts from before the call are resolved."""
        happened = self._happened()  # read before the call, so that a doubt that comes during it is not lost
        done = catch_up()
        if done:
            self._proven = happened
        return done

    def _happened(self) -> tuple[int, int]:
        return self._doubts, self.marks.read((HISTORY,))[0]

    def enter(self, instance: str) -> None:
        """Use the keys of another history from now on. This host's copies of feeds become out of date."""
        if instance != self.instance:
            self.instance = instance
            self.marks.turn()

    def _key(self, *parts: object) -> str:
        return ":".join(("pr", self.instance, *(str(part) for part in parts)))

    # The text in braces in a key is its hash tag, which decides the key's slot in a cluster. Keys whose order matters have the
    # history as their tag. Keys of a feed or of a client have that feed or client, so that they are on one node.

    def _ordered(self, *parts: object) -> str:
        return ":".join((f"pr:{{{self.instance}}}", *(str(part) for part in parts)))

    def _revision(self, *pair: str) -> str:
        return self._ordered("r", *pair)

    def _feed(self, kind: str, key: str, *parts: str) -> str:
        return self._key(kind, f"{{{key}}}", *parts)

    def _article(self, ref: Ref, form: str) -> str:
        return self._key("a", *ref, form) if form else self._key("a", *ref)

    def alive(self) -> bool:
        """Whether the server takes what an announcement needs."""
        return self._ask(self._beat(self._ordered("none"), 0)) is not None

    def trial(self) -> str:
        """Try every command that the cache needs. A sentence about what the server refused; empty: nothing. It is asked at once,
        even if it failed a moment ago."""
        name = secrets.token_hex(8)
        keys = [self._ordered("trial", name), *(self._key("trial", name, number) for number in range(TRIALS))]
        steps: dict[str, list[tuple[Any, ...]]] = {
            "set a key": [("SET", key, name, "PX", 1000 * TRIALS) for key in keys],
            "get a key": [("GET", key) for key in keys],
            "delete a key": [("DEL", key) for key in keys],
            "send a message": [(self._server.publish, keys[0], "")],
        }
        for what, commands in steps.items():
            try:
                answers = self._server.ask(commands)
            except FAILURES as error:
                return why(error)
            for answer in answers:
                if isinstance(answer, Exception):
                    return f"it did not {what}: {why(answer)}"
        try:
            with closing(self._server.listen(keys[0])) as channel:
                answer = channel.get_message(timeout=TIMEOUT)
        except FAILURES as error:
            return f"it did not open a channel: {why(error)}"
        return "" if answer else "it did not open a channel: it does not answer"

    # Feeds

    def feed(self, key: str, pairs: Sequence[Pair]) -> tuple[Rendered | None, tuple[str, ...] | None]:
        """(the rendered feed if it is fresh, the current revisions); both None if the server fails. One round trip."""
        copy, revisions, _ = self.feed_or(key, "", pairs)
        return copy, revisions

    def feed_or(
        self, key: str, other: str, pairs: Sequence[Pair]
    ) -> tuple[Rendered | None, tuple[str, ...] | None, bool]:
        """The same, and whether the feed `other` is fresh; of that one, only the first bytes are read."""
        begins = [("GETRANGE", self._feed("f", other), 0, _last(pairs))] if other else []
        looked = self._look(pairs, ("GET", self._feed("f", key)), *begins, full=True)
        if looked is None:
            return None, None, False
        (held, *begun), revisions = looked
        copy = _rendered(held)
        return (
            copy if copy is not None and copy.revisions == revisions else None,
            revisions,
            begun == [_beginning(revisions)],
        )

    def _look(
        self, pairs: Sequence[Pair], *others: tuple[Any, ...], full: bool = False
    ) -> tuple[list[Any], tuple[str, ...]] | None:
        """(answers of the other commands, which are sent first; the current revisions). Missing revisions are made. None if the
        server fails, or has no memory for a revision."""
        names = [self._revision(), *(self._revision(*pair) for pair in pairs)]
        # Set with NX, then read, so that two processes that find a revision missing get the same new one.
        made = [("SET", name, secrets.token_hex(REVISION // 2), "NX") for name in names]
        met = self._met
        answers = self._ask([*others, *made, *(("GET", name) for name in names)], full=full)
        if answers is None or self._met != met:
            return None
        current = answers[-len(names) :]
        if None in current:  # The server has no memory for a new one.
            return None
        return answers[: len(others)], tuple(value.decode("ascii", "replace") for value in current)

    def stored(self, key: str) -> Rendered | None:
        """A feed as it is stored; it need not be fresh."""
        answers = self._ask([("GET", self._feed("f", key))])
        return _rendered(answers[0]) if answers else None

    def turn(
        self, key: str, keys: Sequence[str], pairs: Sequence[Pair], refs: Sequence[Ref] = (), form: str = ""
    ) -> RenderingTurn:
        """Take the turn to render the feed of `key`, unless another process has it; `keep` ends the turn. The result also has those
        feeds of `keys` that are fresh now, because another process may have just rendered them, and the documents of articles in
        one form. This takes one round trip, or a second one if a feed is fresh: all were out of date a moment ago, so at first only
        their first bytes are read."""
        take = ("SET", self._feed("t", key), "1", "NX", "PX", TURN)
        begin = [("GETRANGE", self._feed("f", each), 0, _last(pairs)) for each in keys]
        looked = self._look(pairs, take, *begin, *(("GET", self._article(ref, form)) for ref in refs))
        if looked is None:
            return RenderingTurn(mine=True)
        (taken, *found), revisions = looked
        fresh = [key for key, held in zip(keys, found, strict=False) if held == _beginning(revisions)]
        copies = {key: copy for key in fresh if (copy := self.feed(key, pairs)[0]) is not None}
        documents = {ref: doc for ref, doc in zip(refs, found[len(keys) :], strict=True) if doc is not None}
        return RenderingTurn(taken is not None, copies, revisions, documents)

    def keep(
        self,
        copies: dict[str, Rendered],
        *,
        turn: str = "",
        instances: dict[tuple[str, str], Instance] | None = None,
        documents: dict[Ref, bytes] | None = None,
        form: str = "",
    ) -> None:
        """Store feeds by key, instances by key and ETag, and documents of articles in a form, and end the turn of a key, in one
        round trip. A feed that is too large to be sent in time is not stored, because the timeout would count as a failure of the
        server."""
        commands: list[tuple[Any, ...]] = self._kept_documents(documents or {}, form)
        for (key, etag), instance in (instances or {}).items():
            commands.append(("SET", self._feed("i", key, etag), msgspec.msgpack.encode(instance), "EX", INSTANCE_TTL))
        for key, copy in copies.items():
            if len(copy.body) <= LARGEST:
                commands.append(("SET", self._feed("f", key), msgspec.msgpack.encode(copy), "EX", FEED_TTL))
        if turn:
            commands.append(("DEL", self._feed("t", turn)))
        if commands:
            self._ask(commands)

    # Instances need no revision, because the state of a feed under an ETag never changes.

    def instances(self, key: str, etags: Sequence[str]) -> dict[str, Instance]:
        """The known instances of a feed, by ETag."""
        answers = self._ask([("GET", self._feed("i", key, etag)) for etag in etags]) if etags else []
        found: dict[str, Instance] = {}
        for etag, answer in zip(etags, answers or [], strict=False):
            if answer is not None:
                with suppress(msgspec.MsgspecError):  # written by another version of this program
                    found[etag] = _instance_decoder.decode(answer)
        return found

    # Documents of articles need no revision, because a version of an article never changes.

    def documents(self, refs: Sequence[Ref], form: str = "") -> dict[Ref, bytes]:
        """The documents that are in the cache, by (number, version, instant): the articles, or another form of them."""
        answers = self._ask([("GET", self._article(ref, form)) for ref in refs]) if refs else []
        return {ref: doc for ref, doc in zip(refs, answers or [], strict=False) if doc is not None}

    def keep_documents(self, documents: dict[Ref, bytes], form: str = "") -> None:
        if documents:
            self._ask(self._kept_documents(documents, form))

    def _kept_documents(self, documents: dict[Ref, bytes], form: str) -> list[tuple[Any, ...]]:
        return [("SET", self._article(ref, form), document, "EX", ARTICLE_TTL) for ref, document in documents.items()]

    # Announcements

    def announce(self, stamps: Iterable[int], pairs: Iterable[Pair]) -> bool:
        """End the revisions of pairs, and note that the changes with these stamps are announced. False: the server failed, and some
        hosts may not know of the changes yet. The server is asked even if it failed a moment ago, because other hosts may reach it.

        Revisions are deleted and not set, because a server without free memory can still delete. The next reader makes new ones.
        """
        changed = list(pairs)
        beginning = self._revision()
        revisions = [f"{beginning}:{place}:{topic}" for place, topic in changed]
        ends = [("DEL", *revisions[at : at + DELETED_AT_ONCE]) for at in range(0, len(changed), DELETED_AT_ONCE)]
        notes = [("SET", self._ordered("n", stamp), "1", "EX", ANNOUNCED_TTL) for stamp in stamps]
        return self._publish(ends, ["/".join(pair) for pair in changed], notes)

    def renew(self, mark: Mark | None = None) -> bool:
        """End the revision of everything, so that every feed is rendered again. Changes up to `mark`, if given, count as announced."""
        notes = [] if mark is None else [("SET", self._ordered("mark"), _written(mark))]
        return self._publish([("DEL", self._revision())], None, notes)

    def leave(self) -> None:
        """Stop using this history: everything that was rendered is out of date, and all processes look up the name of the new
        history."""
        told = (self._server.publish, self._channel(), f"{self.marks.host} {TURN_OF_HISTORY}")
        self._ask([("DEL", self._revision()), told], insist=True)
        self.marks.turn()

    def _publish(
        self, ends: Sequence[tuple[Any, ...]], names: Sequence[str] | None, notes: Sequence[tuple[Any, ...]]
    ) -> bool:
        # The revisions end before the message is published, by the same node. Notes come last, so that a process that is killed has
        # noted nothing. If a note is lost, the background worker announces the change once more.
        words = " ".join((self.marks.host, *(("*",) if names is None else names)))
        told = (self._server.publish, self._channel(), words)
        done = self._ask([*ends, told], insist=True) is not None
        self.marks.replace(names)
        if done and notes:
            self._ask(notes)
        return done

    def wait_out(self) -> None:
        """Wait after a failed announcement until every listener must have noticed that the channel is lost, and serves no copies. If
        other hosts use the server, it may have failed for this process alone; so this waits after each failure."""
        since = self._failed_at if self._shared else self._failing_since
        if since:
            time.sleep(max(0.0, since + TIMEOUT + SILENCE - time.monotonic()))

    def _channel(self) -> str:
        return self._ordered("channel")

    def _beat(self, channel: str, number: int) -> list[tuple[Any, ...]]:
        """The commands that announcements need: set and delete a key beside the revisions, and send a message."""
        return [
            ("SET", f"{channel}:beat", number, "PX", 1000),
            ("DEL", f"{channel}:beat"),
            (self._server.publish, channel, number),
        ]

    def hear(self, alive: Callable[[float], None], stop: threading.Event) -> None:
        """Until `stop` is set, replace this host's marks for changes that other hosts announce. `alive` is called with the instant
        (monotonic seconds) until which the channel is known to carry all announcements; 0 when it is lost."""
        while not stop.is_set():
            try:
                self._listen(alive, stop)
            except Exception as error:  # without a listener no copy would ever be served again
                alive(0.0)
                if not isinstance(error, FAILURES):
                    log.exception("The listener failed, and begins again.")
                stop.wait(BEAT)
        alive(0.0)

    def _listen(self, alive: Callable[[float], None], stop: threading.Event) -> None:
        instance, shared = self.instance, self._channel()
        own = f"{shared}:{secrets.token_hex(8)}"  # for the beats of this listener alone
        with closing(self._server.listen(shared, own)) as channel:
            sent, number, waits = 0.0, 0, False
            while not stop.is_set():
                if instance != self.instance:  # Announcements now come on another channel.
                    alive(0.0)
                    return
                now = time.monotonic()
                if not waits and now >= sent + BEAT:
                    sent, number, waits = now, number + 1, True
                    if self._ask(self._beat(own, number), insist=True) is None:
                        raise redis.ConnectionError("The server does not take announcements.")
                elif waits and now > sent + SILENCE:
                    raise redis.TimeoutError("The channel is silent.")
                message = channel.get_message(timeout=BEAT)
                if message is None:
                    continue
                if message["type"] in ("subscribe", "ssubscribe"):
                    self.marks.replace(None)  # earlier announcements were not heard
                elif message["type"] not in ("message", "smessage"):
                    continue
                elif message["channel"] == own.encode():
                    if message["data"] == str(number).encode():
                        # All announcements from before the beat have arrived before it: the same server sent them, on this connection.
                        alive(sent + SILENCE)
                        waits = False
                else:
                    self._heed(message["data"])

    def _heed(self, message: bytes) -> None:
        host, *names = message.decode("utf-8", "replace").split(" ")
        if names == [TURN_OF_HISTORY]:
            self.marks.turn()
        elif host != self.marks.host:
            self.marks.replace(None if names == ["*"] else names)

    def mark(self) -> tuple[bool, Mark | None]:
        """(whether the server answers, the change up to which all changes are announced; None if that is not known)."""
        answers = self._ask([("GET", self._ordered("mark"))])
        if answers is None:
            return False, None
        found = _MARK.fullmatch((answers[0] or b"").decode("ascii", "replace"))
        return True, (int(found[1]), int(found[2])) if found else None

    def announced(self, stamps: Sequence[int]) -> set[int] | None:
        """The stamps of changes that are noted as announced; None: the server failed."""
        answers = self._ask([("GET", self._ordered("n", stamp)) for stamp in stamps]) if stamps else []
        if answers is None:
            return None
        return {stamp for stamp, answer in zip(stamps, answers, strict=True) if answer is not None}

    def set_mark(self, mark: Mark) -> bool:
        return self._ask([("SET", self._ordered("mark"), _written(mark))]) is not None

    # Counters of requests; a lost counter starts again at 0.

    def count(self, windows: Sequence[Window], amount: int = 1) -> list[tuple[int, int]] | None:
        """Add `amount` to each window; for each, (its count, the count of the window before it). None: the server failed."""
        commands: list[tuple[Any, ...]] = []
        for window in windows:
            key = self._counter(window)
            commands += [
                ("INCRBY", key, amount),
                ("EXPIRE", key, 2 * window.seconds),
                ("GET", self._counter(window.before())),
            ]
        answers = self._ask(commands)
        if answers is None:
            return None
        return [(_number(answers[at]), _number(answers[at + 2])) for at in range(0, len(answers), 3)]

    def uncount(self, windows: Sequence[Window], amount: int = 1) -> None:
        self._ask([("DECRBY", self._counter(window), amount) for window in windows])

    def _counter(self, window: Window) -> str:
        return self._key("c", f"{{{window.whose}}}", window.seconds, window.number)

    def close(self) -> None:
        self._server.close()
