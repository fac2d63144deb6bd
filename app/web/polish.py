"""Compresses often requested answers again, and better: in the background, for the copies of the fast lane and for the cache. A
change makes many feeds new at once, and most of them are requested only a few times until the next change. So everything is
compressed quickly at first. A copy that is some seconds old and is requested again and again is worth the best compression. The
first process that does it stores the result in the cache for the others.
"""

import logging
import threading
import time

from msgspec.structs import replace

from app.cache.redis import Cache
from app.web import compression
from app.web.fastlane import AnswerHead, Fastlane, RequestKey

log = logging.getLogger("pressrelay.web")

OFTEN = 100  # answers with a body from one copy
STANDS = 3.0  # seconds since the copy was made
LOOK = 1.0  # seconds between two looks for such copies
REST = 9  # times as long as a compression took, until the next one: a tenth of a core at most


class Polisher:
    """The one of a web worker."""

    def __init__(self, lane: Fastlane, cache: Cache) -> None:
        self._lane = lane
        self._cache = cache

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.wait(LOOK):
            try:
                for key, head in self._lane.asked_often(OFTEN, STANDS):
                    began = time.monotonic()
                    self.polish(key, head)
                    if stop.wait(REST * (time.monotonic() - began)):
                        return
            except Exception:  # the quickly compressed copy stays
                log.exception("A feed could not be compressed better.")

    def polish(self, key: RequestKey, head: AnswerHead) -> None:
        """Replace a copy by its best compression, if it is still valid."""
        kept = self._cache.stored(head.kept.key)
        if kept is not None and kept.etag == head.kept.etag and compression.is_best(kept.coding):
            self._lane.improve(key, head, kept.body, kept.coding)
            return
        body = self._lane.body_of(head)
        if body is None:
            return
        better, coding = compression.improved(body, head.coding)
        if len(better) >= len(body):
            better = body  # its coding still changes, so that nobody tries again
            coding = head.coding
        self._lane.improve(key, head, better, coding)
        if kept is not None and kept.etag == head.kept.etag and coding != head.coding:
            self._cache.keep({head.kept.key: replace(kept, body=better, coding=coding)})
