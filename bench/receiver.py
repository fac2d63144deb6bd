"""`python -m bench.receiver PORT`: a thousand subscribers in one process, at every address of 127.0.0.0/8.

It records the time of each POST. `GET /` returns the POSTs since the last `GET /` as JSON: path -> seconds of the monotonic clock,
which all processes share. `GET /sum` returns how many deliveries came since the start, and how many bytes they had. Requests to
paths below /mute are never answered. `python -m bench.receiver PORT MAIL` is also a mail server at the port MAIL, and counts mails.
"""

import asyncio
import json
import sys
import time


class Sum:
    """What came since the start, by HTTP and by mail."""

    deliveries = 0
    bytes = 0

    @classmethod
    def add(cls, size: int) -> None:
        """Count one delivery."""
        cls.deliveries += 1
        cls.bytes += size


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
            if method == "POST":
                Sum.add(end + 4 + size)
            self._answer(method, path)

    def _answer(self, method: str, path: str) -> None:
        assert self._transport is not None
        if method == "POST":
            Receiver.came.setdefault(path, []).append(time.monotonic())
            if not path.startswith("/mute"):
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        if path == "/sum":
            body = json.dumps({"deliveries": Sum.deliveries, "bytes": Sum.bytes}).encode()
        else:
            body = json.dumps(Receiver.came).encode()
            Receiver.came.clear()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class MailReceiver(asyncio.Protocol):
    """One connection to the mail server (RFC 5321), which accepts every mail and discards it."""

    def __init__(self) -> None:
        self._data = b""
        self._mail = False  # the text of a mail is coming
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 ready\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each command, and each mail, that has arrived completely."""
        self._data += data
        while (end := self._data.find(b"\r\n.\r\n" if self._mail else b"\r\n")) >= 0:
            line, self._data = self._data[:end], self._data[end + (5 if self._mail else 2) :]
            self._take(line)

    def _take(self, line: bytes) -> None:
        assert self._transport is not None
        if self._mail:
            self._mail = False
            Sum.add(len(line))
            self._transport.write(b"250 taken\r\n")
            return
        word = line[:4].upper()
        self._mail = word == b"DATA"
        self._transport.write(b"354 go on\r\n" if self._mail else b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
        if word == b"QUIT":
            self._transport.close()


async def main(port: int, mail: int | None = None) -> None:
    """Listen until the process is ended."""
    loop = asyncio.get_running_loop()
    if mail is not None:
        await loop.create_server(MailReceiver, "127.0.0.1", mail, backlog=4096)
    server = await loop.create_server(Receiver, "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
