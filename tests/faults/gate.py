"""A gate between two programs that speak TCP: it can delay, drop, cut off and refuse what passes."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Self

OPEN, DROP, CUT, REFUSE = "open", "drop", "cut", "refuse"


class Gate:
    """Listens on a port and passes everything on to a unix socket.

    `open`: everything passes, after `delay` seconds. `drop`: connections stay, and nothing passes, as if packets were lost. `cut`:
    each connection is reset at once. `refuse`: those that exist are reset, and nobody listens.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.delay = 0.0
        self.port = 0
        self._mode = OPEN
        self._passes = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._set(OPEN))
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def set(self, mode: str, delay: float = 0.0) -> None:
        """Change what the gate does, for connections that exist too."""
        self.delay = delay
        self._call(self._set(mode))

    def _call(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _set(self, mode: str) -> None:
        self._mode = mode
        self._passes.set() if mode == OPEN else self._passes.clear()
        if mode in (CUT, REFUSE):
            self._reset()
        if mode == REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        elif mode != REFUSE and self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, reuse_address=True)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset(self) -> None:
        for writer in list(self._writers):
            _abort(writer)
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == CUT:
            _abort(writer)
            return
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._passes.wait()
            far_reader, far_writer = await asyncio.open_unix_connection(self.target)
        except OSError:
            _abort(writer)
            return
        self._writers.add(far_writer)
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, not with an orderly end."""
    found = writer.get_extra_info("socket")
    with suppress(OSError):
        if found.family == socket.AF_INET:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
