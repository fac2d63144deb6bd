"""`python -m bench.receiver PORT`: a thousand subscribers in one process, at every address of 127.0.0.0/8.

It records the time of each POST. `GET /` returns the POSTs since the last `GET /` as JSON: path -> seconds of the monotonic clock,
which all processes share. Requests to paths below /mute are never answered.
"""

import asyncio
import json
import sys
import time


class Receiver(asyncio.Protocol):
    """One connection."""

    came: dict[str, list[float]] = {}  # noqa: RUF012 -- shared by all connections

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that has arrived completely."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            method, path, _ = self._data[:end].split(b"\r\n")[0].decode().split(" ")
            self._data = self._data[end + 4 + size :]
            self._answer(method, path)

    def _answer(self, method: str, path: str) -> None:
        assert self._transport is not None
        if method == "POST":
            Receiver.came.setdefault(path, []).append(time.monotonic())
            if not path.startswith("/mute"):
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        body = json.dumps(Receiver.came).encode()
        Receiver.came.clear()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def main(port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Receiver, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
