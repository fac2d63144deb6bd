"""A history of operations under faults, and a pure check of what must hold in it whatever the faults were.

One operation is one JSON line. Times are seconds of the monotonic clock. `check` knows these rules, each as far as operations show it:

- H1 an acknowledged push or withdrawal is in the final list exactly once
- H2 a refused push is not in it; one whose outcome is unknown is there once or not at all
- H3 who follows the cursor saw each final change once, in the order of its sequence
- H4 a read that began later than an acknowledgement and the bound contains it
- H5 what a reader saw never goes back: to an older version, to a feed without it, or to what was withdrawn
- H6 the same ETag of a feed means the same bytes
- H7 nothing is shown before its embargo; nothing is shown later than its withdrawal and the bound
- H8 versions in the final list are 1, 2, ... without a gap
- H9 each final change reached each webhook, in its version or a later one; under one delivery id comes one thing only
- H10 nothing protected is shown without a token

Not seen: deliveries after the end of a subscription (H9), because no operation ends one; two bytes without an ETag (H6).

What a read lacks is a fault if the read covers it: a read of one article covers that article, "*" covers all, and a feed covers the
articles of its scope. A feed's page has its newest changes. So a page that is full lacks only what is older than all that it shows.
A read that was answered 304 shows what its reader has kept.

Writers go one after the other, and who lifts an embargo is one of them. So the bound of an embargo begins when the server and its
database are there, and when the pushes that were sent before its instant are answered, LONGEST_LINE after it at most. A push has no
such excuse.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from math import inf
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Kind = Literal["push", "withdraw", "final", "follow", "read", "deliver", "fault"]
LONGEST_LINE = 5.0  # seconds that a writer waits for others
LONGEST = 30.0  # seconds that a push takes


class Operation(Struct, frozen=True, omit_defaults=True):
    """What one process did."""

    proc: str
    op: Kind
    key: str = (
        ""  # guid of the article; of a read, what was asked for: a guid, "*" for all, or a feed; of a fault, its name
    )
    ver: int = 0  # version of the article; of a withdrawal, the version that it made, 0 if nobody told
    t_invoke: float = 0.0  # monotonic seconds
    t_return: float = 0.0
    outcome: Literal["ok", "fail", "unknown"] = "ok"
    seq: int = 0  # of the change: its place in the final list, or among what a follower saw
    etag: str = ""
    body: str = ""  # a digest of the bytes that a read got
    shown: dict[str, int] | None = None  # of a read: guid -> version
    delivery: str = ""  # the id under which a webhook got it
    until: float = 0.0  # of a push: when its embargo ends
    protected: bool = False  # of a push: not to be shown without a token
    token: bool = False  # of a read: it showed one
    scope: str = ""  # of a read of a feed: how the guids of all its articles begin
    away: bool = False  # of a fault: the server or its database was away from its begin to its end
    full: bool = False  # of a read of a feed: its page has no room for more, so older articles are missing


History = list[Operation]
Thing = tuple[str, int]  # guid and version


def load(lines: Iterable[str | bytes]) -> History:
    """Raises msgspec.ValidationError if a line is no operation."""
    return [msgspec.json.decode(line, type=Operation) for line in lines if line.strip()]


def save(path: Path, history: History) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(operation) + b"\n" for operation in history))


def check(history: History, bound: float = 1.0) -> list[str]:
    """What is wrong, each finding beginning with its rule; `bound`: seconds after which every answer shows a change."""
    return [finding for rule in RULES for finding in rule(history, bound)]


def _of(history: History, kind: Kind) -> History:
    return [operation for operation in history if operation.op == kind]


def _thing(operation: Operation) -> Thing:
    return operation.key, operation.ver


def _finals(history: History) -> list[Thing]:
    return [_thing(operation) for operation in sorted(_of(history, "final"), key=lambda operation: operation.seq)]


def _changes(history: History) -> History:
    """Pushes, and withdrawals whose version is known."""
    return [op for op in history if op.op == "push" or (op.op == "withdraw" and op.ver)]


def _acknowledged(history: History, bound: float) -> list[str]:
    times = Counter(_finals(history))
    pushed = dict.fromkeys(_thing(op) for op in _changes(history) if op.outcome == "ok")
    lost = [f"H1 lost: {key} version {ver}" for key, ver in pushed if not times[key, ver]]
    return lost + [f"H1 doubled: {key} version {ver}" for (key, ver), number in times.items() if number > 1]


def _refused(history: History, bound: float) -> list[str]:
    pushes = _changes(history)
    possible = {_thing(push) for push in pushes if push.outcome != "fail"}
    refused = dict.fromkeys(_thing(push) for push in pushes if push.outcome == "fail")
    final = set(_finals(history))
    return [f"H2 refused, but there: {key} version {ver}" for key, ver in refused if (key, ver) in final - possible]


def _followed(history: History, bound: float) -> list[str]:
    found, finals = [], _finals(history)
    seen: dict[str, list[Thing]] = defaultdict(list)
    for follow in _of(history, "follow"):
        seen[follow.proc].append(_thing(follow))
    for proc, things in seen.items():
        known = set(things)
        found += [
            f"H3 {proc} missed: {key} version {ver}" for key, ver in dict.fromkeys(finals) if (key, ver) not in known
        ]
        found += [f"H3 {proc} saw twice: {key} version {ver}" for (key, ver), n in Counter(things).items() if n > 1]
        if sorted(things) == sorted(finals) and things != finals:
            found.append(f"H3 {proc} saw another order")
    return found


class _Known:
    """What a history tells of when each version became public and was withdrawn."""

    def __init__(self, history: History, bound: float) -> None:
        self.bound = bound
        self.earliest: dict[Thing, float] = {}
        self.latest: dict[Thing, float] = {}  # only of what was acknowledged
        self.protected: set[str] = set()
        self.withdrawn: dict[str, float] = {}  # since when each article may have been withdrawn
        self.lifted: set[Thing] = set()
        self._away = sorted((op.t_invoke, op.t_return) for op in history if op.op == "fault" and op.away)
        self._pushes = sorted({(op.t_invoke, op.t_return) for op in history if op.op == "push"})
        for op in history:
            if op.op == "push" and op.outcome != "fail":
                thing = _thing(op)
                self.earliest[thing] = min(max(op.t_invoke, op.until), self.earliest.get(thing, inf))
                if op.outcome == "ok":
                    self.latest[thing] = min(max(op.t_return, op.until), self.latest.get(thing, inf))
                if op.until:
                    self.lifted.add(thing)
                if op.protected:
                    self.protected.add(op.key)
            elif op.op == "withdraw" and op.outcome != "fail":
                self.withdrawn[op.key] = min(op.t_invoke, self.withdrawn.get(op.key, inf))
        for thing in self.lifted & set(self.latest):
            self.latest[thing] = self._there(self.latest[thing])
        self._versions: dict[str, list[Thing]] = defaultdict(list)
        for thing in self.latest:
            self._versions[thing[0]].append(thing)
        self._scopes: dict[str, list[tuple[float, Thing]]] = {}

    def _there(self, instant: float) -> float:
        """When an embargo can be lifted: at its instant, when the server is there again, or behind the pushes before it."""
        for begin, end in self._away:
            if begin <= instant + self.bound and end > instant:
                instant = end
        first, last = bisect_left(self._pushes, (instant - LONGEST, 0.0)), bisect_left(self._pushes, (instant, 0.0))
        line = max((end for _, end in self._pushes[first:last]), default=instant)
        return max(instant, min(line, instant + LONGEST_LINE))

    def usable(self, key: str, read: Operation) -> bool:
        """Whether the article was certainly not withdrawn when it was read."""
        return key not in self.protected and self.withdrawn.get(key, inf) > read.t_return

    def reach(self, read: Operation) -> float:
        """The page has everything of its scope that became public after this time."""
        if not read.full:
            return -inf
        shown = (self.latest[t] for t in (read.shown or {}).items() if t in self.latest and t not in self.lifted)
        return min(shown, default=inf) + self.bound

    def wanted(self, read: Operation) -> Iterator[Thing]:
        """The acknowledged versions that a read has to show, or later ones of the same articles."""
        keys = self._versions if read.key == "*" else dict.fromkeys([read.key, *(read.shown or {})])
        things = [thing for key in keys for thing in self._versions.get(key, [])]
        if read.scope:
            scope = self._of(read.scope)
            begin = bisect_right(scope, self.reach(read), key=lambda entry: entry[0])
            end = bisect_left(scope, read.t_invoke - self.bound, key=lambda entry: entry[0])
            things += [thing for _, thing in scope[begin:end]]
        for thing in dict.fromkeys(things):
            if read.t_invoke > self.latest[thing] + self.bound and self.usable(thing[0], read):
                yield thing

    def _of(self, scope: str) -> list[tuple[float, Thing]]:
        if scope not in self._scopes:
            found = [(self.earliest[thing], thing) for thing in self.latest if thing[0].startswith(scope)]
            self._scopes[scope] = sorted(found)
        return self._scopes[scope]


def _at(read: Operation, key: str) -> str:
    return f"{key} in {read.key}" if read.scope else key


def _reads(history: History) -> History:
    return sorted((op for op in _of(history, "read") if op.outcome == "ok"), key=lambda read: read.t_invoke)


def _fresh(history: History, bound: float) -> list[str]:
    known = _Known(history, bound)
    found = []
    for read in _reads(history):
        for key, ver in known.wanted(read):
            shown, late = (read.shown or {}).get(key, 0), read.t_invoke - known.latest[key, ver]
            if shown < ver:
                found.append(f"H4 {read.proc} got version {shown}, not {ver}, after {late:.2f} s: {_at(read, key)}")
    return found


def _forward(history: History, bound: float) -> list[str]:
    known = _Known(history, bound)
    found = []
    newest: dict[tuple[str, str], int] = {}
    before: dict[tuple[str, str], dict[str, int]] = {}  # what the last read of the same showed
    gone: set[tuple[str, str, str]] = set()
    for read in _reads(history):
        shown, reach = read.shown or {}, known.reach(read)
        for key, ver in shown.items():
            if ver < newest.get((read.proc, key), 0):
                found.append(f"H5 {read.proc} went back: {key} from version {newest[read.proc, key]} to {ver}")
            newest[read.proc, key] = max(ver, newest.get((read.proc, key), 0))
            if (read.proc, read.key, key) in gone:
                found.append(f"H5 {read.proc} went back to what was withdrawn: {_at(read, key)}")
        for key, ver in before.get((read.proc, read.key), {}).items():
            if key in shown or known.earliest.get((key, ver), -inf) <= reach:
                continue
            if known.usable(key, read):
                found.append(f"H5 {read.proc} went back: {_at(read, key)} from version {ver} to none")
            else:
                gone.add((read.proc, read.key, key))
        before[read.proc, read.key] = shown
    return found


def _tagged(history: History, bound: float) -> list[str]:
    bodies: dict[tuple[str, str], str] = {}
    found = []
    for read in _of(history, "read"):
        if read.etag and read.body and bodies.setdefault((read.key, read.etag), read.body) != read.body:
            found.append(f"H6 one ETag, two bodies: {read.etag} of {read.key}")
    return found


def _shown_in_time(history: History, bound: float) -> list[str]:
    begins = {_thing(push): push.until for push in _of(history, "push") if push.until}
    ends: dict[str, float] = {}
    for op in _of(history, "withdraw"):
        if op.outcome == "ok":
            ends[op.key] = min(op.t_return + bound, ends.get(op.key, inf))
    found = []
    for read in _of(history, "read"):
        for thing in (read.shown or {}).items():
            if read.t_return < begins.get(thing, 0.0):
                found.append(f"H7 {read.proc} got before its embargo: {_at(read, thing[0])}")
            if read.t_invoke > ends.get(thing[0], read.t_invoke):
                found.append(f"H7 {read.proc} got after its withdrawal: {_at(read, thing[0])}")
    return found


def _versions(history: History, bound: float) -> list[str]:
    versions: dict[str, list[int]] = defaultdict(list)
    for key, ver in dict.fromkeys(_finals(history)):
        versions[key].append(ver)
    return [
        f"H8 versions of {key}: {found}" for key, found in versions.items() if found != list(range(1, len(found) + 1))
    ]


def _delivered(history: History, bound: float) -> list[str]:
    ids: dict[tuple[str, str], Thing] = {}
    got: dict[str, set[Thing]] = defaultdict(set)
    found = []
    for deliver in _of(history, "deliver"):
        got[deliver.proc].add(_thing(deliver))
        if ids.setdefault((deliver.proc, deliver.delivery), _thing(deliver)) != _thing(deliver):
            found.append(f"H9 one delivery id, two things: {deliver.delivery}")
    for proc, things in got.items():
        newest = dict(sorted(things))  # the highest version of each key
        missing = [(key, ver) for key, ver in dict.fromkeys(_finals(history)) if newest.get(key, 0) < ver]
        found += [f"H9 {proc} did not get: {key} version {ver}" for key, ver in missing]
    return found


def _guarded(history: History, bound: float) -> list[str]:
    guarded = {push.key for push in _of(history, "push") if push.protected}
    reads = [read for read in _of(history, "read") if not read.token]
    return [
        f"H10 {read.proc} got without a token: {key}" for read in reads for key in read.shown or {} if key in guarded
    ]


RULES: tuple[Callable[[History, float], list[str]], ...] = (
    _acknowledged, _refused, _followed, _fresh, _forward, _tagged, _shown_in_time, _versions, _delivered, _guarded,
)  # fmt: skip
