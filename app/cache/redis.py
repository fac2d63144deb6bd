"""The cache (Redis protocol, the only Redis): articles by version, rendered feeds by query, and the revisions that keep
the latter honest.

A key names the history of the database (app/store/identity.py); that of an article has the instant at which its version came, the
note of an announced change its random stamp. A database that was put back to an older state gives its numbers again, and finds
nothing here of what they meant before.

A revision is a value never used before, one for each (place, topic) pair and one for everything. A rendered feed
carries those it was made under, taken before the database was asked; it is served only while they are still the ones in
force. A revision that is missing (flushed, evicted) is made anew and so matches nothing: losing any key costs a
rendering, never freshness. A cache that does not answer within 50 ms is left alone for a second.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import redis
from msgspec import Struct
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.cache.marks import HISTORY, Marks

TIMEOUT = 0.05  # seconds; a frozen server must not hang a request
LARGEST = 4 * 1024 * 1024  # bytes of a feed that is kept: what 1 Gbit/s carries in that time, and a little less
DELETED_AT_ONCE = 1000  # keys; the server does nothing else meanwhile
REST = 1.0  # seconds that a failing server is left alone
BEAT = 0.1  # seconds between two questions whether the channel is alive
SILENCE = 0.25  # seconds after which a channel that did not answer counts as lost
TURN = 1000  # milliseconds that one process may take to render a feed before others do it as well
TURN_OF_HISTORY = "!"  # told on the channel; no pair is called so
ARTICLE_TTL, INSTANCE_TTL, FEED_TTL, ANNOUNCED_TTL = 7 * 86400, 7 * 86400, 86400, 3600  # seconds

Pair = tuple[str, str]  # place, topic
Ref = tuple[int, int, int]  # an article's number and version, and when that came (micros)
Mark = tuple[int, int]  # a change: its number and its stamp


class Rendered(Struct, frozen=True, array_like=True):
    """A feed as bytes in one encoding, with the revisions it was made under."""

    revisions: tuple[str, ...]
    etag: str  # of the plain bytes
    body: bytes  # encoded
    links: dict[str, str]  # RFC 8288 relation -> URL, for the Link header
    modified: int  # whole seconds since 1970; 0: not to be told


class Instance(Struct, frozen=True, array_like=True):
    """What a feed was when it had a certain ETag: enough to tell what changed since."""

    mark: Mark  # every change up to this one is in it
    lowest: tuple[int, int]  # where its last article stood: micros since 1970, number


class Window(Struct, frozen=True):
    """A stretch of time in which requests are counted."""

    whose: str
    seconds: int  # its length
    number: int  # of such stretches since 1970

    def before(self) -> "Window":
        return Window(self.whose, self.seconds, self.number - 1)


def _no_answer(answer: Any) -> bool:
    """Whether the server is well and takes only this command amiss."""
    if isinstance(answer, redis.exceptions.ClusterCrossSlotError):
        return True
    return isinstance(answer, Exception) and "WRONGTYPE" in str(answer)


_MARK = re.compile(r"(\d{1,19})-(\d{1,19})")


def _said(mark: Mark) -> str:
    return f"{mark[0]}-{mark[1]}"


# Threads share the decoders: a decoder keeps nothing between two calls.
_decoder = msgspec.msgpack.Decoder(Rendered)
_instance_decoder = msgspec.msgpack.Decoder(Instance)


def _rendered(held: bytes | None) -> Rendered | None:
    """What is kept under a feed's key; of another version of this program, or not ours, it is a miss."""
    try:
        return None if held is None else _decoder.decode(held)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Cache:
    """One for each process; safe to share between threads. Every method answers "not there" when the server fails."""

    def __init__(self, url: str, instance: str, marks: Marks | None = None) -> None:
        """`instance` names the history of the database: two may share a server, and not see each other's keys. `marks`: the host's."""
        self.instance = instance
        self.marks = marks or Marks()
        options: dict[str, Any] = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        self._redis = redis.Redis.from_url(url, **options)
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._failing_since = 0.0  # monotonic seconds; 0: the last question was answered
        self._many: bool | None = None  # whether one command may name several keys; None: not known yet
        self._doubts = 1  # how often something happened after which announcements may have been missed
        self._proven = (0, 0)  # the doubts, and the mark of the history, at which all was well last

    def _ask(self, commands: Sequence[tuple[Any, ...]]) -> list[Any] | None:
        """The answers of independent commands (no key of one depends on another's slot); None: the server failed."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError):
            self._fail()
            return None
        # A key of another kind under our name is a miss; it is overwritten. A full server, a cluster that moves: not there.
        answers = [None if _no_answer(answer) else answer for answer in answers]
        if any(isinstance(answer, Exception) for answer in answers):
            self._fail()
            return None
        self._failing_since = 0.0
        return answers

    def _fail(self) -> None:
        with self._lock:
            self._doubts += 1
            self._failing_since = self._failing_since or time.monotonic()
            self._rests_until = time.monotonic() + REST

    # Whether what is here can be trusted

    def doubt(self) -> None:
        """Announcements may have been missed, or the database is in another state: catch up before serving from here."""
        with self._lock:
            self._doubts += 1

    def doubts(self) -> tuple[int, int]:
        """What `prove` wants back: read it before looking, so that a doubt which comes meanwhile is not forgotten."""
        return self._doubts, self.marks.read((HISTORY,))[0]

    @property
    def suspect(self) -> bool:
        """Whether something happened since all was well last, here or on this host as a whole."""
        return self._proven != (self._doubts, self.marks.read((HISTORY,))[0])

    def prove(self, doubts: tuple[int, int]) -> None:
        """All is well as of these doubts."""
        self._proven = doubts

    def enter(self, instance: str) -> None:
        """Go on with the keys of the history of that name. This host's copies of feeds are of the one before."""
        if instance != self.instance:
            self.instance = instance
            self.marks.turn()

    def _key(self, *parts: object) -> str:
        return ":".join(("pr", self.instance, *(str(part) for part in parts)))

    def _revision(self, pair: Pair) -> str:
        return self._key("r", *pair)

    def _article(self, ref: Ref) -> str:
        return self._key("a", *ref)

    def alive(self) -> bool:
        """Whether the server answers."""
        return self._ask([("PING",)]) is not None

    # Feeds

    def feed(self, key: str, pairs: Sequence[Pair]) -> tuple[Rendered | None, tuple[str, ...] | None]:
        """The rendered feed, if it is fresh, and the revisions in force; both None when the server fails."""
        return self._feed(key, pairs)[1:]

    def _feed(
        self, key: str, pairs: Sequence[Pair], first: Sequence[tuple[Any, ...]] = ()
    ) -> tuple[list[Any], Rendered | None, tuple[str, ...] | None]:
        """The same, with the answers of commands that go before."""
        names = [self._key("r"), *(self._revision(pair) for pair in pairs)]
        answers = self._ask([*first, ("GET", self._key("f", key)), *(("GET", name) for name in names)])
        if answers is None:
            return [], None, None
        held, *current = answers[len(first) :]
        revisions = self._revisions(names, current)
        rendered = _rendered(held)
        fresh = rendered if rendered and rendered.revisions == revisions else None
        return answers[: len(first)], fresh, revisions

    def body(self, key: str, etag: str) -> bytes | None:
        """The bytes of a feed, if they are those of this ETag: what they show needs no revision then."""
        answers = self._ask([("GET", self._key("f", key))])
        rendered = _rendered(answers[0]) if answers else None
        return rendered.body if rendered and rendered.etag == etag else None

    def _revisions(self, names: Sequence[str], current: Sequence[bytes | None]) -> tuple[str, ...] | None:
        missing = [name for name, value in zip(names, current, strict=True) if value is None]
        made: dict[str, bytes] = {}
        if missing:
            # NX, then read: two readers that miss at once must agree.
            tokens = [("SET", name, secrets.token_hex(8), "NX") for name in missing]
            answers = self._ask([*tokens, *(("GET", name) for name in missing)])
            if answers is None or None in answers[len(missing) :]:
                return None
            made = dict(zip(missing, answers[len(missing) :], strict=True))
        return tuple(
            (made[name] if value is None else value).decode("ascii", "replace")
            for name, value in zip(names, current, strict=True)
        )

    def turn(self, key: str, pairs: Sequence[Pair]) -> tuple[bool, Rendered | None, tuple[str, ...] | None]:
        """Whether it is this process's turn to render a feed: no other does at this moment. `keep_feed` ends it.

        With what `feed` says now: another may have ended its turn since it was last asked.
        """
        asked, held, revisions = self._feed(key, pairs, [("SET", self._key("t", key), "1", "NX", "PX", TURN)])
        mine = not asked or asked[0] is not None
        if mine and held is not None:
            self.keep_feed(key, None)
        return mine, held, revisions

    def keep_feed(self, key: str, rendered: Rendered | None) -> None:
        """Keep it, unless it is too large to be sent in time: that would count as a failure of the server. End the turn."""
        commands: list[tuple[Any, ...]] = [("DEL", self._key("t", key))]
        if rendered and len(rendered.body) <= LARGEST:
            commands.insert(0, ("SET", self._key("f", key), msgspec.msgpack.encode(rendered), "EX", FEED_TTL))
        self._ask(commands)

    # Instances: what a feed was under an ETag never changes, so no revision guards it either.

    def keep_instance(self, key: str, etag: str, instance: Instance) -> None:
        self._ask([("SET", self._key("i", key, etag), msgspec.msgpack.encode(instance), "EX", INSTANCE_TTL)])

    def instances(self, key: str, etags: Sequence[str]) -> dict[str, Instance]:
        """What is known of a feed under these ETags."""
        answers = self._ask([("GET", self._key("i", key, etag)) for etag in etags]) if etags else []
        found: dict[str, Instance] = {}
        for etag, answer in zip(etags, answers or [], strict=False):
            if answer is not None:
                with suppress(msgspec.MsgspecError):  # of another version of this program: not known
                    found[etag] = _instance_decoder.decode(answer)
        return found

    # Articles: a version that came at an instant never changes, so no revision guards it.

    def articles(self, refs: Sequence[Ref]) -> dict[Ref, bytes]:
        """Documents by (number, version, instant), those that are there."""
        answers = self._ask([("GET", self._article(ref)) for ref in refs]) if refs else []
        return {ref: doc for ref, doc in zip(refs, answers or [], strict=False) if doc is not None}

    def keep_articles(self, documents: dict[Ref, bytes]) -> None:
        if documents:
            self._ask([("SET", self._article(ref), doc, "EX", ARTICLE_TTL) for ref, doc in documents.items()])

    # Announcements

    def announce(self, stamps: Iterable[int], pairs: Iterable[Pair]) -> bool:
        """End the revisions of these pairs and note that the changes of these stamps are announced; False: the server failed.

        They are deleted, not set: a server out of memory still deletes, and the next reader makes new ones.
        """
        if self._many is None:
            self._many = self._takes_many()
        told = list(pairs)
        revisions = [self._revision(pair) for pair in told]
        many = DELETED_AT_ONCE if self._many else 1
        commands: list[tuple[Any, ...]] = [("DEL", *revisions[at : at + many]) for at in range(0, len(told), many)]
        notes = [("SET", self._key("n", stamp), "1", "EX", ANNOUNCED_TTL) for stamp in stamps]
        return self._tell(commands, ["/".join(pair) for pair in told], notes)

    def _takes_many(self) -> bool | None:
        """Whether one command may delete several keys: a cluster refuses those of different slots. None: the server failed."""
        answers = self._ask([("DEL", *(self._key("none", number) for number in range(8)))])
        return None if answers is None else answers[0] is not None

    def renew(self, mark: Mark | None = None) -> bool:
        """End the revision of everything: each feed is rendered anew; changes up to `mark`, if given, count as announced."""
        notes = [] if mark is None else [("SET", self._key("mark"), _said(mark))]
        return self._tell([("DEL", self._key("r"))], None, notes)

    def leave(self) -> None:
        """Nobody goes on under this name of the history: all that is rendered is out of date, and everybody looks for the new name."""
        self._ask([("DEL", self._key("r")), ("PUBLISH", self._key("channel"), f"{self.marks.host} {TURN_OF_HISTORY}")])
        self.marks.turn()

    def _tell(
        self, commands: Sequence[tuple[Any, ...]], names: Sequence[str] | None, notes: Sequence[tuple[Any, ...]]
    ) -> bool:
        # Whoever hears it finds the revisions ended. Noted last: a process that is killed on the way has noted nothing.
        words = " ".join((self.marks.host, *(("*",) if names is None else names)))
        done = self._ask([*commands, ("PUBLISH", self._key("channel"), words)]) is not None
        self.marks.replace(names)
        return done and (not notes or self._ask(notes) is not None)

    def wait_out(self) -> None:
        """After an announcement that failed: until every listener must have noticed that the channel is lost, and serves no copy."""
        since = self._failing_since
        if since:
            time.sleep(max(0.0, since + TIMEOUT + SILENCE - time.monotonic()))

    def hear(self, alive: Callable[[float], None], stop: threading.Event) -> None:
        """Until `stop` is set, replace this host's marks of what others announce. `alive` is told until when (monotonic seconds) the
        channel is known to carry all announcements, 0 when it is lost."""
        while not stop.is_set():
            try:
                self._listen(alive, stop)
            except (redis.RedisError, OSError):
                alive(0.0)
                stop.wait(BEAT)
        alive(0.0)

    def _listen(self, alive: Callable[[float], None], stop: threading.Event) -> None:
        with self._redis.pubsub() as channel:  # type: ignore[no-untyped-call]
            instance = self.instance
            channel.subscribe(f"pr:{instance}:channel")
            asked, waits = 0.0, False
            while not stop.is_set():
                if instance != self.instance:  # What is announced is told on another channel.
                    alive(0.0)
                    return
                now = time.monotonic()
                if not waits and now >= asked + BEAT:
                    channel.ping()
                    asked, waits = now, True
                elif waits and now > asked + SILENCE:
                    raise redis.TimeoutError("the channel is silent")
                message = channel.get_message(timeout=BEAT)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    self.marks.replace(None)  # before, nobody listened
                elif message["type"] == "pong":
                    # What was announced before the question was heard before its answer.
                    alive(asked + SILENCE)
                    waits = False
                elif message["type"] == "message":
                    host, *names = message["data"].decode().split(" ")
                    if names == [TURN_OF_HISTORY]:
                        self.marks.turn()
                    elif host != self.marks.host:
                        self.marks.replace(None if names == ["*"] else names)

    def mark(self) -> tuple[bool, Mark | None]:
        """(whether the server answers, the change up to which all are announced or None where that is lost)."""
        answers = self._ask([("GET", self._key("mark"))])
        if answers is None:
            return False, None
        found = _MARK.fullmatch((answers[0] or b"").decode("ascii", "replace"))
        return True, (int(found[1]), int(found[2])) if found else None

    def announced(self, stamps: Sequence[int]) -> set[int] | None:
        """Which of the changes of these stamps are noted as announced; None: the server failed."""
        answers = self._ask([("GET", self._key("n", stamp)) for stamp in stamps]) if stamps else []
        if answers is None:
            return None
        return {stamp for stamp, answer in zip(stamps, answers, strict=True) if answer is not None}

    def set_mark(self, mark: Mark) -> bool:
        return self._ask([("SET", self._key("mark"), _said(mark))]) is not None

    # Counters of requests: a lost one counts anew.

    def count(self, windows: Sequence[Window], amount: int = 1) -> list[tuple[int, int]] | None:
        """Count so many more in each of these; what is in it now, and in the one before it. None: the server failed."""
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
        return [(int(answers[at] or 0), int(answers[at + 2] or 0)) for at in range(0, len(answers), 3)]

    def uncount(self, windows: Sequence[Window], amount: int = 1) -> None:
        self._ask([("DECRBY", self._counter(window), amount) for window in windows])

    def _counter(self, window: Window) -> str:
        return self._key("c", window.whose, window.seconds, window.number)

    def close(self) -> None:
        self._redis.close()
