"""The checker of histories: each case file says in its first line what is to be found in the lines below it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.faults.history import RULES, History, check, load

CASES = sorted((Path(__file__).parent / "histories").glob("*.jsonl"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_history_has_these_findings(path: Path) -> None:
    expected, *lines = path.read_text().splitlines()
    assert check(load(lines)) == json.loads(expected)


def test_every_rule_has_a_good_and_a_bad_history() -> None:
    stems = {path.stem for path in CASES}
    assert stems >= {f"h{number:02}-{kind}" for number in range(1, 11) for kind in ("good", "bad")}


def _without_an_acknowledged(history: History) -> History:
    """As a server that acknowledges before it commits, and dies between."""
    gone = next(operation for operation in history if operation.op == "final")
    return [
        operation
        for operation in history
        if operation.op not in ("final", "follow", "deliver") or (operation.key, operation.ver) != (gone.key, gone.ver)
    ]


def _with_one_twice(history: History) -> History:
    """As a server that knows no idempotency key, when a push is sent again."""
    return [*history, next(operation for operation in history if operation.op == "final")]


def _without_a_delivery(history: History) -> History:
    """As a server that writes its outbox in a second transaction, and dies between."""
    gone = max((operation for operation in history if operation.op == "deliver"), key=lambda operation: operation.ver)
    return [
        operation
        for operation in history
        if operation.op != "deliver" or (operation.key, operation.ver) != (gone.key, gone.ver)
    ]


def _feeds(history: History) -> History:
    return sorted((op for op in history if op.op == "read" and op.scope), key=lambda read: read.t_invoke)


def _with_a_stale_feed(history: History) -> History:
    """As a server whose copy of a feed is not dropped when the feed changes."""
    reads: dict[str, History] = {}
    for read in _feeds(history):
        if read.shown:
            reads.setdefault(read.key, []).append(read)
    first, *_, last = max(reads.values(), key=lambda found: found[-1].t_invoke - found[0].t_invoke)
    stale = replace(last, proc="stale", shown=first.shown, etag=first.etag, body=first.body, full=first.full)
    return [*history, stale]


def _with_a_withdrawn_one(history: History) -> History:
    """As a server from whose feeds a withdrawn article does not go."""
    withdrawn = [op for op in history if op.op == "withdraw" and op.outcome == "ok"]
    late = (
        replace(read, proc="stale", shown={**(read.shown or {}), gone.key: 1})
        for gone in withdrawn
        for read in reversed(_feeds(history))
        if gone.key.startswith(read.scope) and gone.t_return + 1 < read.t_invoke
    )
    return [*history, next(late)]


def _with_other_bytes(history: History) -> History:
    """As a server that makes the ETag from the articles, and not from the bytes."""
    return [*history, replace(_feeds(history)[-1], body="other bytes")]


def _with_an_early_one(history: History) -> History:
    """As a server that lifts an embargo by a clock that is ahead."""
    held = next(op for op in history if op.op == "push" and op.until and op.outcome == "ok")
    feed = next(read for read in _feeds(history) if held.key.startswith(read.scope))
    early = {"t_invoke": held.until - 0.2, "t_return": held.until - 0.1}
    return [*history, replace(feed, proc="early", shown={**(feed.shown or {}), held.key: held.ver}, **early)]


# How a faulty server's history differs from a right one, and the rule that must find it.
MUTANTS: list[tuple[Callable[[History], History], str]] = [
    (_without_an_acknowledged, "H1 lost"),
    (_with_one_twice, "H1 doubled"),
    (_without_a_delivery, "H9"),
    (_with_a_stale_feed, "H4 stale"),
    (_with_a_withdrawn_one, "H7 stale got after its withdrawal"),
    (_with_other_bytes, "H6"),
    (_with_an_early_one, "H7 early got before its embargo"),
]


def assert_mutants_caught(history: History) -> None:
    """Raises AssertionError if a fault planted in this right history, with feeds, a withdrawal and an embargo, is not found."""
    for mutant, rule in MUTANTS:
        faulty = mutant(history)
        assert any(finding.startswith(rule) for find in RULES for finding in find(faulty, 1.0)), mutant.__doc__


def test_the_faults_of_wrong_servers_are_found() -> None:
    lines = (Path(__file__).parent / "histories" / "whole-good.jsonl").read_text().splitlines()
    assert_mutants_caught(load(lines[1:]))
