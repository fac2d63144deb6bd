"""How slow this machine is at this moment. Tests multiply limits of processor time by this number. A limit is set on an idle
machine. Other work makes processor time itself grow, because threads share a core, its caches and its memory. So a fixed piece of
similar work is measured at the same time.
"""

import time
from collections.abc import Callable
from html import escape

from lxml import etree

QUIET = 0.1  # seconds of processor time that the fixed work takes on a quiet machine, the one on which bounds were set
NOISE = 3.0  # a margin: the faults that the limits guard against took three to sixty times as long
DOCUMENT = ("<a>" + escape("<p>가나다 x</p>") * 20 + "</a>") * 1200


def within(bound: float, measure: Callable[[], float]) -> bool:
    """Whether the seconds of processor time that `measure` tells are at most `bound` on a quiet machine, in one of three tries."""
    for _ in range(3):
        spent = measure()
        if (
            spent <= bound or spent <= bound * NOISE * pace()
        ):  # the fixed work takes a tenth of a second, so do it only if it matters
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
