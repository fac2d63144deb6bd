"""How slow this machine is at this moment: what a bound on processor time is multiplied by.

A bound is set on a machine with nothing else to do. Beside other work, processor time itself grows: threads share a core, its caches
and its memory. So a fixed piece of work of the same kind is measured beside what is bounded.
"""

import time
from collections.abc import Callable
from html import escape

from lxml import etree

QUIET = 0.1  # seconds of processor time that the fixed work takes on a quiet machine, the one on which bounds were set
NOISE = 3.0  # what the fixed work does not show: the faults that bounds guard against were three to sixty times as dear
DOCUMENT = ("<a>" + escape("<p>가나다 x</p>") * 20 + "</a>") * 1200


def within(bound: float, measure: Callable[[], float]) -> bool:
    """Whether the seconds of processor time that `measure` tells are at most `bound` on a quiet machine, in one of three tries."""
    for _ in range(3):
        spent = measure()
        if (
            spent <= bound or spent <= bound * NOISE * pace()
        ):  # the fixed work takes a tenth of a second: only where it matters
            return True
    return False


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds of this thread's processor time that a call takes."""
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def pace() -> float:
    """At least 1: how many times longer the fixed work takes now than on the quiet machine."""
    begun = time.thread_time()
    root = etree.fromstring(f"<x>{DOCUMENT}</x>")
    texts = ["".join(part for part in (element.text or "").split("<")) for element in root.iter()]
    etree.fromstring(f"<x>{''.join(escape(text) for text in texts)}</x>")
    [text.casefold().encode() for text in texts for _ in range(10)]
    return max(1.0, (time.thread_time() - begun) / QUIET)
