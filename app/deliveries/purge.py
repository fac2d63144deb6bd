"""Tells the caches in front of this server what was withdrawn or corrected, so that they forget it at once.

Each such article is one request to each address of PRESSRELAY_PURGE_URL. Its key (`article/<id>`) is in the address, if that has a
place for it, and in the header `Surrogate-Key`. The log of changes says which articles these are, so nobody who pushes waits, and no
process has to remember anything: after a restart, the changes of the last minute are sent again. The caches have already dropped
older copies by themselves (app/web/representation.py). The addresses are the operator's, so they may be private ones.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

from app import store
from app.context import Context
from app.deliveries.channel import Database
from app.errors import Elsewhere, Refused, Unavailable
from app.outbound.addresses import EVERY
from app.outbound.callbacks import Client, Policy

log = logging.getLogger("pressrelay.purge")

SETTLED = (
    0.5  # seconds that a web worker has to announce a change; a cache that asks earlier may get the old answer again
)
LOOK = 0.1  # seconds between two looks at the changes
BACK = timedelta(seconds=60)  # how far back it looks at the start
AT_ONCE, WAITING = 16, 2000  # requests in flight, and keys that wait for one
PAUSES = (1, 2, 4, 8)  # seconds before each further attempt; after the last one, the cache forgets soon by itself
GONE = (404, 410, 412)  # the cache did not have it; 412 is nginx's answer
FIRST = "published"  # a change of an article that no cache can have


def policy() -> Policy:
    """Any address: only the operator can name one."""
    return Policy(http=True, ports=((1, 65535),), private=tuple(map(str, EVERY)))


class Purger:
    """Follows the changes, and sends a request for each key to each cache."""

    def __init__(self, context: Context, client: Client | None = None) -> None:
        settings = context.settings
        self._context = context
        self._client = client or Client(policy())
        self._urls = settings.purge_url.split()
        self._method = settings.purge_method
        name, _, value = settings.purge_header.partition(": ")
        self._headers = {name: value} if name else {}
        self._database = Database("purge")
        self._room = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[tuple[str, str], asyncio.Task[None]] = {}  # by address and key

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish the first attempts, and close."""
        mark: store.identity.Mark | None = None
        try:
            while not stop.is_set():
                try:
                    if not (await self._database.call(store.operation.now_holds, self._context.engine)).held:
                        mark = await self._follow(mark)
                except Elsewhere:  # The database was restored to an older state.
                    mark = None
                except Unavailable as error:
                    log.error("%s", error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK)
        finally:
            for task in self._waiting.values():
                task.cancel()
            await asyncio.gather(*self._waiting.values(), return_exceptions=True)
            await self._client.close()

    async def _follow(self, mark: store.identity.Mark | None) -> store.identity.Mark:
        """Begin the requests for the changes after `mark`; returns the last of them. Raises Elsewhere and Unavailable."""
        engine = self._context.engine
        if mark is None:
            mark = await self._database.call(store.articles.mark_before, engine, datetime.now(UTC) - BACK)
        room = WAITING - len(self._waiting)
        if room <= 0:
            return mark
        entries: list[store.articles.ChangeEntry] = await self._database.call(store.articles.log, engine, mark, room)
        for entry in entries:
            if entry.kind != FIRST or not entry.public:
                self.begin(entry.id)
        return (entries[-1].seq, entries[-1].stamp) if entries else mark

    def begin(self, id: str) -> None:
        """Begin the requests for an article. A key that is on its way is sent once more: the cache may have asked in between."""
        for url in self._urls:
            if before := self._waiting.get((url, id)):
                before.cancel()
            task = asyncio.create_task(self._send(url, f"article/{id}"))
            self._waiting[url, id] = task
            task.add_done_callback(partial(self._over, (url, id)))

    def _over(self, key: tuple[str, str], done: "asyncio.Task[None]") -> None:
        if self._waiting.get(key) is done:
            del self._waiting[key]
        if not done.cancelled() and (error := done.exception()):
            log.error("a purge failed unexpectedly", exc_info=error)

    async def _send(self, url: str, key: str) -> None:
        target = url.replace("{key}", quote(key))
        headers = {**self._headers, "Surrogate-Key": key}
        reason = ""
        for pause in (SETTLED, *PAUSES):
            await asyncio.sleep(pause)
            try:
                async with self._room:
                    answer = await self._client.send(self._method, target, headers)
                if 200 <= answer.status < 300 or answer.status in GONE:
                    return
                reason = f"The answer was {answer.status}."
            except Refused as error:
                reason = str(error)
            log.warning("%s was not purged at %s: %s", key, url, reason)
        log.error("%s was not purged at %s after %d attempts. The last one: %s", key, url, len(PAUSES) + 1, reason)
