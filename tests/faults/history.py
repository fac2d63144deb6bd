"""A history of operations under faults, and a pure check of what must hold in it whatever the faults were.

One operation is one JSON line. Times are seconds of the monotonic clock. `check` knows these rules, each as far as operations show it:

- H1 an acknowledged push is in the final list exactly once
- H2 a refused push is not in it; one whose outcome is unknown is there once or not at all
- H3 who follows the cursor saw each final change once, in the order of its sequence
- H4 a read that began later than an acknowledgement and the bound contains it
- H5 what a reader saw never goes back
- H6 the same ETag of a feed means the same bytes
- H7 nothing is shown before its embargo; nothing is shown later than its withdrawal and the bound
- H8 versions in the final list are 1, 2, ... without a gap
- H9 each final change reached each webhook, in its version or a later one; under one delivery id comes one thing only
- H10 nothing protected is shown without a token

Not seen: deliveries after the end of a subscription (H9), because no operation ends one; two bytes without an ETag (H6).
H4 looks at every version that a read shows; what is missing it sees only in reads of one article, or of all ("*").
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Kind = Literal["push", "withdraw", "final", "follow", "read", "deliver"]


class Operation(Struct, frozen=True, omit_defaults=True):
    """What one process did."""

    proc: str
    op: Kind
    key: str = ""  # guid of the article; of a read, what was asked for: a guid, "*" for all, or a feed
    ver: int = 0  # version of the article
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


def _acknowledged(history: History, bound: float) -> list[str]:
    times = Counter(_finals(history))
    pushed = dict.fromkeys(_thing(push) for push in _of(history, "push") if push.outcome == "ok")
    lost = [f"H1 lost: {key} version {ver}" for key, ver in pushed if not times[key, ver]]
    return lost + [f"H1 doubled: {key} version {ver}" for (key, ver), number in times.items() if number > 1]


def _refused(history: History, bound: float) -> list[str]:
    pushes = _of(history, "push")
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


def _fresh(history: History, bound: float) -> list[str]:
    found = []
    withdrawn = {operation.key for operation in _of(history, "withdraw")}
    pushes: dict[str, History] = defaultdict(list)
    for push in _of(history, "push"):
        if push.outcome == "ok" and not push.protected and push.key not in withdrawn:
            pushes[push.key].append(push)
    for read in _of(history, "read"):
        if read.outcome != "ok":
            continue
        # Also what it does not show, if it was of one article or of all.
        keys = pushes if read.key == "*" else {read.key, *(read.shown or {})}
        for push in (push for key in keys for push in pushes.get(key, [])):
            shown = (read.shown or {}).get(push.key, 0)
            if read.t_invoke > max(push.t_return, push.until) + bound and shown < push.ver:
                found.append(f"H4 {read.proc} got version {shown}, not {push.ver}: {push.key}")
    return found


def _forward(history: History, bound: float) -> list[str]:
    found = []
    seen: dict[tuple[str, str], int] = {}
    for read in sorted(_of(history, "read"), key=lambda read: read.t_invoke):
        for key, ver in (read.shown or {}).items():
            if ver < seen.get((read.proc, key), 0):
                found.append(f"H5 {read.proc} went back: {key} from version {seen[read.proc, key]} to {ver}")
            seen[read.proc, key] = max(ver, seen.get((read.proc, key), 0))
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
    ends = {op.key: op.t_return + bound for op in _of(history, "withdraw") if op.outcome == "ok"}
    found = []
    for read in _of(history, "read"):
        for thing in (read.shown or {}).items():
            if read.t_return < begins.get(thing, 0.0):
                found.append(f"H7 {read.proc} got before its embargo: {thing[0]}")
            if read.t_invoke > ends.get(thing[0], read.t_invoke):
                found.append(f"H7 {read.proc} got after its withdrawal: {thing[0]}")
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
