"""The checker of histories: each case file says in its first line what is to be found in the lines below it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.history import History, check, load

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


# How a faulty server's history differs from a right one, and the rule that must find it.
MUTANTS: list[tuple[Callable[[History], History], str]] = [
    (_without_an_acknowledged, "H1 lost"),
    (_with_one_twice, "H1 doubled"),
    (_without_a_delivery, "H9"),
]


def assert_mutants_caught(history: History) -> None:
    """Raises AssertionError if a fault planted in this right history is not found."""
    for mutant, rule in MUTANTS:
        assert any(finding.startswith(rule) for finding in check(mutant(history))), mutant.__doc__


def test_the_faults_of_three_wrong_servers_are_found() -> None:
    lines = (Path(__file__).parent / "histories" / "whole-good.jsonl").read_text().splitlines()
    assert_mutants_caught(load(lines[1:]))
