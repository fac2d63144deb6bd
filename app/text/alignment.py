"""Finds what two sequences have in common, with bounded work: first by words that occur once in both, then by difflib.

difflib (https://docs.python.org/3/library/difflib.html) is cubic at worst, and its heuristic for popular elements is turned off here.
So difflib compares only the stretches between the anchors of a patience diff (https://bramcohen.livejournal.com/73318.html), and only
while the budget lasts.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Span = tuple[int, int, int, int]  # start and end in the old sequence, start and end in the new one


class Budget:
    """The steps that are left. A comparison that costs too much is skipped; the result is then coarser, but not wrong."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def pay(self, steps: int) -> bool:
        """Spend these steps if enough are left, and say whether they were."""
        if steps > self.left:
            return False
        self.left -= steps
        return True


def blocks(old: Sequence[str], new: Sequence[str], budget: Budget) -> list[tuple[int, int, int]]:
    """The equal stretches in order, as (start in `old`, start in `new`, length); nothing between them is equal.

    Apart from what `budget` pays for, the work is n log n of the lengths.
    """
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    ends = len(old) - tail, len(new) - tail
    found = [(0, 0, head), *_inside(old, new, (head, ends[0], head, ends[1]), budget), (*ends, tail)]
    return _joined(block for block in found if block[2])


def gaps(found: Sequence[tuple[int, int, int]], old: int, new: int) -> Iterator[Span]:
    """The spans between blocks. `old`, `new`: the lengths of the sequences."""
    at = (0, 0)
    for a, b, length in (*found, (old, new, 0)):
        if at != (a, b):
            yield at[0], a, at[1], b
        at = (a + length, b + length)


def _inside(old: Sequence[str], new: Sequence[str], span: Span, budget: Budget) -> Iterator[tuple[int, int, int]]:
    """The equal stretches between the first and the last difference."""
    low, high, below, above = span
    # An anchor of length 0 after the others closes the last gap.
    for a, b, length in (*_anchors(old, new, span), (high, above, 0)):
        if low < a and below < b:
            yield from _between(old, new, (low, a, below, b), budget)
        if length:
            yield a, b, length
        low, below = a + length, b + length


def _anchors(old: Sequence[str], new: Sequence[str], span: Span) -> Iterator[tuple[int, int, int]]:
    """The longest chain of words that occur once in each sequence, in the order of both."""
    low, high, below, above = span
    once = {word for word, count in Counter(old[low:high]).items() if count == 1}
    counts = Counter(new[below:above])
    there = {word: at for at, word in enumerate(new[below:above], below) if counts[word] == 1 and word in once}
    pairs = [(at, there[word]) for at, word in enumerate(old[low:high], low) if word in there]
    tops: list[int] = []  # the smallest end of a chain of each length
    ends: list[int] = []  # the pair that it ends with
    before: list[int] = []  # the pair before each
    for number, (_, b) in enumerate(pairs):
        length = bisect_left(tops, b)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [b]
        ends[length : length + 1] = [number]
    chain: list[int] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        chain.append(number)
        number = before[number]
    for number in reversed(chain):
        yield *pairs[number], 1


def _between(old: Sequence[str], new: Sequence[str], span: Span, budget: Budget) -> Iterator[tuple[int, int, int]]:
    """The equal stretches that difflib finds, if the budget covers its worst case: one call for each block, and each call looks at
    all pairs of equal words."""
    low, high, below, above = span
    counts = Counter(new[below:above])
    pairs = sum(counts[word] for word in old[low:high] if word in counts)
    most = min(pairs, high - low, above - below)
    if not pairs or not budget.pay((pairs + high - low) * (2 * most + 1)):
        return
    matcher = SequenceMatcher(None, old[low:high], new[below:above], autojunk=False)
    for a, b, length in matcher.get_matching_blocks():
        if length:
            yield low + a, below + b, length


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many words are equal at the beginning."""
    for at, (word, other) in enumerate(zip(old, new, strict=False)):
        if word != other:
            return at
    return min(len(old), len(new))


def _joined(found: Iterator[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The blocks, with adjacent ones merged."""
    joined: list[tuple[int, int, int]] = []
    for a, b, length in found:
        last = joined[-1] if joined else (0, 0, -1)
        if (last[0] + last[2], last[1] + last[2]) == (a, b) and joined:
            joined[-1] = (last[0], last[1], last[2] + length)
        else:
            joined.append((a, b, length))
    return joined
