"""Finds out why a callback fails: a call that notes each step, from the name to the certificate.

It is the same call as any other, through the same checks and limits (app/outbound/callbacks.py), with TCP and TLS one after the other
so that each can fail by itself. A host in a private network is never described: the result says no more than a delivery does,
namely that no answer came. https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/ lists the numbers of what is wrong with a
certificate.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from app.errors import Refused
from app.outbound.addresses import Resolve, is_public, judged, resolve
from app.outbound.callbacks import ADDRESSES, CONNECT, Answer, Client, PartialAnswer, Policy, Target
from app.outbound.wire import Wire

CERTIFICATES = {
    9: "early",
    10: "expired",
    18: "unknown",  # signed by itself
    19: "unknown",
    20: "unknown",
    21: "chain",  # the server does not send the certificates between
    62: "name",
    64: "name",
}


class Step(Struct, frozen=True):
    """One step of the call, and how it went."""

    name: str  # "dns", "tcp" or "tls"
    code: str = ""  # what is wrong; empty: nothing
    about: str = ""  # an address, a date or a version, if it may be told
    millis: int = 0


class Probe(Client):
    """Calls a target and notes the steps. `describes`: hosts in private networks are described too."""

    def __init__(self, policy: Policy, resolver: Resolve = resolve, *, describes: bool = False) -> None:
        super().__init__(policy, resolver)
        self.steps: list[Step] = []
        self._describes, self._hides = describes, False
        self._begun = 0.0

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """As `Client.send`. If a host that must not be described does not answer, the steps do not say how far the call
        came."""
        try:
            return await super().send(method, url, headers, body)
        except Refused:
            if self._hides:
                self.steps = [Step("dns"), Step("tcp", "silent")]
            raise

    async def _connected(self, target: Target, answer: PartialAnswer) -> Wire:
        """A new connection, as `Client` makes it, with a note of each step."""
        until = asyncio.get_running_loop().time() + CONNECT
        self.steps, self._begun, self._hides = [], time.monotonic(), False
        addresses = await self._found(target, answer, until)
        sock = await self._reached_one(target, addresses, until)
        wire = await self._spoken(target, sock, until)
        wire.inside = bool(answer.inside)
        return wire

    async def _found(self, target: Target, answer: PartialAnswer, until: float) -> list[str]:
        try:
            async with asyncio.timeout_at(until):
                found = [target.host] if target.address else await self._looked_up(target)
            addresses = judged(target.host, found, self._private)[:ADDRESSES]
        except TimeoutError:
            raise self._failed("dns", "slow") from None
        except Refused:
            # A name without an address and one that leads inside get the same words.
            raise self._failed("dns", "none") from None
        answer.inside = self._hides = not self._describes and not all(map(is_public, addresses))
        self._note("dns", about="" if self._hides else ", ".join(addresses))
        return addresses

    async def _reached_one(self, target: Target, addresses: list[str], until: float) -> socket.socket:
        loop = asyncio.get_running_loop()
        code, about = "slow", ""
        for number, address in enumerate(addresses):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                async with asyncio.timeout((until - loop.time()) / (len(addresses) - number)):
                    await loop.sock_connect(sock, (address, target.port))
                self._note("tcp", about="" if self._hides else f"{address} {target.port}")
                return sock
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):  # includes TimeoutError
                    raise
                refused = isinstance(error, ConnectionRefusedError)
                code, about = ("refused" if refused else "slow"), f"{address} {target.port}"
        raise self._failed("tcp", code, about)

    async def _spoken(self, target: Target, sock: socket.socket, until: float) -> Wire:
        """The connection, after the TLS handshake if there is one."""
        secure = target.scheme == "https"
        more: dict[str, Any] = {}
        if secure:
            more = {"ssl": self._tls, "server_hostname": target.host, "ssl_shutdown_timeout": 1}
        try:
            async with asyncio.timeout_at(until):
                transport, wire = await asyncio.get_running_loop().create_connection(Wire, sock=sock, **more)
        except (OSError, ValueError) as error:
            sock.close()
            raise self._failed("tls", *why_not(error)) from None
        if secure:
            about = "" if self._hides else _ends(transport.get_extra_info("peercert"))
            self._note("tls", about=about)
        return wire

    def _note(self, name: str, code: str = "", about: str = "") -> None:
        # Without an answer, the duration would show whether something listens there.
        millis = 0 if code == "none" or self._hides else round((time.monotonic() - self._begun) * 1000)
        self.steps.append(Step(name, code, about, millis))
        self._begun = time.monotonic()

    def _failed(self, name: str, code: str, about: str = "") -> Refused:
        self._note(name, code, about)
        return Refused(f"{name}: {code}")


def why_not(error: Exception) -> tuple[str, str]:
    """(what is wrong with a TLS handshake, a detail). Pure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CERTIFICATES.get(error.verify_code, "certificate"), error.verify_message[:200]
    if isinstance(error, TimeoutError):
        return "slow", ""
    if isinstance(error, ssl.SSLError):
        plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
        return ("plain" if plain else "other"), (error.reason or "")[:100]
    return "other", ""


def _ends(certificate: dict[str, Any] | None) -> str:
    """The day on which a certificate ends; empty if it does not say."""
    with suppress(KeyError, TypeError, ValueError):
        ends = ssl.cert_time_to_seconds((certificate or {})["notAfter"])
        return datetime.fromtimestamp(ends, UTC).date().isoformat()
    return ""
