"""One HTTP/1.1 connection to another server: one request at a time, and only the beginning of each answer is read.

h11 implements the protocol, asyncio the transport. Nothing here has a timeout of its own: the caller sets the deadline, and in the end
calls `abort()`, or keeps the connection if it is `reusable`. https://www.rfc-editor.org/rfc/rfc9112
"""

import asyncio

import h11

PIECE = 65_536  # bytes that are written at a time
HEADER = 65_536  # bytes of the header of an answer, or of a line between chunks of its body
PROVISIONAL = 10  # 1xx answers before the final answer
LEAST = 64  # bytes that a smaller chunk counts as, because each chunk costs time


class Wire(asyncio.Protocol):
    """A connection. Raises ConnectionError if it was closed without any answer, h11.ProtocolError if the answer is not HTTP."""

    def __init__(self) -> None:
        self.inside = False  # the address is not public
        self._answered = False  # at least one byte of the answer has arrived
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER)
        self._data = bytearray()  # received and not yet parsed
        self._transport: asyncio.Transport | None = None
        self._lost = False
        self._full = False  # the write buffer of the transport is full
        self._waiter: asyncio.Future[None] | None = None

    async def ask(self, request: h11.Request, body: bytes) -> h11.Response:
        """Send a request, and return the head of the answer. Sending stops as soon as the peer answers."""
        assert self._transport is not None
        self._answered = False
        head = self._h11.send(request) or b""
        for start in range(0, len(body), PIECE):
            self._transport.write(head + (self._h11.send(h11.Data(body[start : start + PIECE])) or b""))
            head = b""
            while self._full and not self._data and not self._lost:
                await self._woken()
            if self._data or self._lost:
                break  # The peer does not want the rest.
        else:
            if rest := head + (self._h11.send(h11.EndOfMessage()) or b""):
                self._transport.write(rest)
        for _ in range(PROVISIONAL + 1):
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
        raise h11.RemoteProtocolError("it sent provisional answers only")

    async def read(self, body: bytearray, most: int) -> None:
        """Append the body of the answer to `body` as it arrives, up to `most` bytes."""
        counted = 0
        while counted < most:
            event = await self._event()
            if not isinstance(event, h11.Data):
                return
            body += event.data[: most - len(body)]
            counted += max(len(event.data), LEAST)

    @property
    def reusable(self) -> bool:
        """Whether the exchange is complete on both sides, so that another may follow."""
        over = self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE
        return over and not self._lost and not self._data and not self._h11.trailing_data[0]

    def rest(self) -> None:
        """Prepare for another request."""
        self._h11.start_next_cycle()

    @property
    def ready(self) -> bool:
        """Whether an idle connection is still open."""
        return not self._lost

    def abort(self) -> None:
        """Close at once, so that a peer that does not read cannot keep the connection open."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            while not self._data and not self._lost:
                await self._woken()
            if not self._data and not self._answered:
                raise ConnectionError("it closed the connection without an answer")
            self._answered = True
            self._h11.receive_data(bytes(self._data))
            self._data.clear()
        return event

    async def _woken(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._h11.our_state is h11.IDLE:  # Data without a request must not be taken for the answer to the next one.
            self.abort()
            return
        self._data += data  # The caller consumes this in the next turn of the loop, so reading need not pause.
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()
