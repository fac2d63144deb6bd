"""Keeps the log readable while the database or the file store fails: a line for the first request that fails, not one for each."""

import logging
import threading
import time

CALM = 3.0  # seconds without a failure after which it counts as over
AGAIN = 60.0  # seconds after which a failure that lasts is logged again

log = logging.getLogger("pressrelay")


class Outage:
    """What failed in this process, and since when. Its threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = 0.0  # monotonic seconds of the first failure; 0: nothing fails
        self._last = 0.0  # of the last one
        self._told: dict[str, float] = {}  # when each sentence was logged, since the first failure
        self._failed = 0  # requests, since the first failure

    def fail(self, sentence: str) -> None:
        """A request failed because of what the sentence says."""
        with self._lock:
            now = time.monotonic()
            self._since = self._since or now
            self._last = now
            self._failed += 1
            failed, tell = self._failed, now > self._told.get(sentence, -AGAIN) + AGAIN
            if tell and len(self._told) < 100:
                self._told[sentence] = now
        if tell:
            log.error("%s%s", sentence, f" {failed} requests failed since it began." if failed > 1 else "")

    def calm(self) -> None:
        """A request did not fail."""
        if not self._since or time.monotonic() < self._last + CALM:
            return
        with self._lock:
            since, failed = self._since, self._failed
            self._since, self._failed = 0.0, 0
            self._told.clear()
        if since and failed > 1:
            log.warning(
                "No request has failed for %.0f seconds; %d failed in %.0f seconds before.",
                CALM,
                failed,
                self._last - since,
            )
