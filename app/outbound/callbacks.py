"""Calls to subscribers' callbacks: to public targets only, checked when each connection is made, within limits of time and size.

There is one `Client` in a process, inside one asyncio loop. It does not follow redirects, store cookies or use a proxy. A connection
goes to an address that was checked when it was opened (by app/outbound/addresses.py); TLS and `Host` use the name. There is no common
connection pool, because those of httpx and httpcore look at every connection for every request: with 1,000 hosts they manage 5 to 60
requests a second.
"""

import asyncio
import ipaddress
import re
import resource
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from urllib.parse import quote, urlsplit

import h11
import idna
from msgspec import Struct

from app.errors import Misconfigured, Refused
from app.outbound.addresses import AGENT, Network, Resolve, checked, is_public, judged, nowhere, resolve
from app.outbound.wire import Wire

CONNECT, TOTAL = 5.0, 10.0  # seconds: for resolving, connecting and the TLS handshake; for the whole call
MOST = 65_536  # bytes of the body of an answer
LONGEST = 2000  # characters of a URL
ADDRESSES = 4  # of one name to try
IDLE_SECONDS = 30.0  # for which an idle connection is kept
IDLE_EACH, IDLE_ALL = 4, 2048  # idle connections to one origin and in total; at most half of the allowed open files
REMEMBERED = 10_000  # hosts whose last address is remembered
LOOKUPS = 16  # names that are resolved at once
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
NUMERIC = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")  # an address, because the last label of a name is never a number
ASCII = "".join(map(chr, range(0x21, 0x7F)))
PORTS = {"http": 80, "https": 443}
# Errors of sockets, TLS and deadlines; of names and headers; of threads that cannot be started; of answers that are not HTTP
FAILURES = (OSError, ValueError, RuntimeError, h11.ProtocolError)
FRAMING = ("host", "content-length", "transfer-encoding", "connection")  # headers that only the client sets


class Policy(Struct, frozen=True):
    """Which targets may be called. Raises Misconfigured if a network or the server's own URL is not valid."""

    http: bool = False  # plain http is allowed too; else only https
    ports: tuple[tuple[int, int], ...] = ((443, 443), (8443, 8443))  # inclusive ranges; with http, port 80 too
    private: tuple[str, ...] = ()  # networks in CIDR notation that may be called although they are not public
    own: str = ""  # URL of this server, which is never called, to avoid loops
    cafile: str = ""  # certificates (PEM) that are trusted in addition to the system's

    def __post_init__(self) -> None:
        _networks(self.private)
        try:
            _ = self.own and _parsed(self.own)
        except Refused as error:
            raise Misconfigured(f"The server's own URL is not valid: {error}") from None


class Answer(Struct, frozen=True):
    """The answer of a target. A redirect is an answer like any other."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes  # up to MOST bytes that arrived before the deadline
    seconds: float  # duration of the call


class Target(Struct, frozen=True):
    """A parsed URL. It is parsed only once, so that the target that is called is the one that was checked."""

    url: str
    scheme: str
    host: str  # a name in lower case and ASCII, or an address; without brackets and last dot
    port: int
    path: str  # with the query
    address: bool  # whether the host is a literal IP address

    @property
    def authority(self) -> str:
        """The value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check(url: str, policy: Policy) -> str:
    """The URL, with a host name and path beyond ASCII encoded, if it may be called. Raises Refused.

    Checks only the text, without DNS. A name that leads into this server's own network is detected when it is called.
    """
    return _target(url, policy).url


def _target(url: str, policy: Policy) -> Target:
    target = _parsed(url)
    if target.scheme == "http" and not policy.http:
        raise Refused(f"{url[:200]!r} is not an https URL.")
    ports = (*policy.ports, (80, 80)) if policy.http else policy.ports
    if not any(first <= target.port <= last for first, last in ports):
        raise Refused(f"Port {target.port} is not allowed; expected one of {_ranges(ports)}.")
    if policy.own and _is_own(target, _parsed(policy.own)):
        raise Refused(f"{url[:200]!r} is this server itself, which it does not call.")
    if target.address:
        judged(target.host, [target.host], _networks(policy.private))
    return target


def _ranges(ports: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def _is_own(target: Target, own: Target) -> bool:
    """Whether a target is this server. The default ports of http and https count as the same server."""
    usual = set(PORTS.values())
    return target.host == own.host and (target.port == own.port or {target.port, own.port} <= usual)


@lru_cache(1024)
def _parsed(url: str) -> Target:
    if len(url) > LONGEST:
        raise Refused(f"The URL has {len(url)} characters; at most {LONGEST} are allowed.")
    parts = urlsplit(checked(url))
    if "#" in url:
        raise Refused(f"{url[:200]!r} has a fragment (#…), which is never sent. Remove it.")
    host, address = _host(parts.hostname or "", "[" in parts.netloc)
    path, query = quote(parts.path or "/", ASCII), quote(parts.query, ASCII)
    port = parts.port or PORTS[parts.scheme]
    target = Target(url, parts.scheme, host, port, f"{path}?{query}" if query else path, address)
    if url.isascii():
        return target
    encoded = f"{target.scheme}://{target.authority}{target.path}"
    if len(encoded) > LONGEST:
        raise Refused(f"The URL has {len(encoded)} characters when encoded; at most {LONGEST} are allowed.")
    return Target(encoded, target.scheme, host, port, target.path, address)


def _host(host: str, brackets: bool) -> tuple[str, bool]:
    """(host in canonical form, whether it is a literal IP address). Any spelling that getaddrinfo accepts as an address is one."""
    try:
        if brackets:
            if "%" in host:
                raise Refused(f"{host[:200]!r} is an address with a zone, which has a meaning on one machine only.")
            return str(ipaddress.IPv6Address(host)), True
        name = (host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")).removesuffix(".")
        if not NAME.fullmatch(name):
            raise Refused(f"{host[:200]!r} is not a host name.")
        if not NUMERIC.fullmatch(name):
            return name, False
        return socket.inet_ntoa(socket.inet_aton(name)), True
    except (ValueError, OSError):  # ValueError is raised by ipaddress and idna
        raise Refused(f"{host[:200]!r} is neither a host name nor an address.") from None


@lru_cache(64)
def _networks(private: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(ipaddress.ip_network, private))
    except ValueError as error:
        raise Misconfigured(f"One of the private networks that may be called is not valid: {error}.") from None


class PartialAnswer:
    """The part of an answer that has arrived so far."""

    def __init__(self) -> None:
        self.head: h11.Response | None = None
        self.body = bytearray()
        self.inside: bool | None = None  # whether the address is not public; None: no address was found

    def public_message(self, target: Target, message: str) -> str:
        """The public message of a failure. For an address that is not public, it does not even say whether something listens there."""
        if self.inside is None:
            return nowhere(target.host)
        return "No answer came." if self.inside else message


class Client:
    """Calls targets that the policy allows, and keeps idle connections for a while."""

    def __init__(self, policy: Policy, resolver: Resolve = resolve) -> None:
        self._policy = policy
        self._resolve = resolver
        self._private = _networks(policy.private)
        self._tls = _tls(policy.cafile)
        self._threads = ThreadPoolExecutor(LOOKUPS, "resolve")
        self._lookups: dict[str, asyncio.Future[list[str]]] = {}
        self._idle: dict[tuple[str, str, int], list[Wire]] = {}
        self._timers: dict[Wire, tuple[tuple[str, str, int], asyncio.TimerHandle]] = {}  # of idle connections
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most_idle = IDLE_ALL if files == resource.RLIM_INFINITY else min(IDLE_ALL, files // 2)
        self._closed = False
        self._reached: dict[str, str] = {}

    def reached(self, host: str) -> str:
        """The address of the last connection to a host; empty if there was none."""
        return self._reached.get(host, "")

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """The answer of the target within TOTAL seconds. Raises only Refused and CancelledError.

        Once the head of the answer has arrived, the call succeeds: if the body is endless, slow or cut off, the part that arrived is
        returned.
        """
        begun = time.monotonic()
        target = _target(url, self._policy)
        answer = PartialAnswer()
        try:
            request = _request(method, target, headers, body)
            async with asyncio.timeout(TOTAL):
                await self._call(target, request, body, answer)
        except FAILURES as error:
            if answer.head is None:
                message = f"The call failed: {str(error) or type(error).__name__}."
                if isinstance(error, TimeoutError):
                    message = f"No answer came within {TOTAL:g} seconds."
                raise Refused(message, answer.public_message(target, message)) from None
        assert answer.head is not None
        received: dict[str, str] = {}
        for name, value in answer.head.headers:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            received[key] = f"{received[key]}, {text}" if key in received else text
        return Answer(answer.head.status_code, received, bytes(answer.body), time.monotonic() - begun)

    async def close(self) -> None:
        """Close all idle connections. Nothing can be sent afterwards."""
        self._closed = True
        for wire in list(self._timers):
            self._forget(wire)
        self._threads.shutdown(wait=False)
        await asyncio.sleep(0)  # asyncio closes sockets in the next turn of the loop

    async def _call(self, target: Target, request: h11.Request, body: bytes, answer: PartialAnswer) -> None:
        """Call on an idle connection; or on a new one if there is none, or if the server has closed the idle one."""
        key = (target.scheme, target.host, target.port)
        if wire := self._taken(key):
            answer.inside = wire.inside
            try:
                return await self._exchange(wire, key, request, body, answer)
            except ConnectionError:
                pass  # No byte of an answer had arrived.
        await self._exchange(await self._connected(target, answer), key, request, body, answer)

    async def _exchange(
        self, wire: Wire, key: tuple[str, str, int], request: h11.Request, body: bytes, answer: PartialAnswer
    ) -> None:
        try:
            answer.head = await wire.ask(request, body)
            await wire.read(answer.body, MOST)
        except BaseException:
            wire.abort()
            raise
        self._keep(wire, key)

    async def _connected(self, target: Target, answer: PartialAnswer) -> Wire:
        """A new connection to one of the target's current addresses, after all of them were checked."""
        if self._closed:
            raise Refused("The client is closed.")
        loop = asyncio.get_running_loop()
        until = loop.time() + CONNECT
        tls = self._tls if target.scheme == "https" else None
        failed: OSError | None = None
        try:
            async with asyncio.timeout_at(until):
                found = [target.host] if target.address else await self._looked_up(target)
                addresses = judged(target.host, found, self._private)[:ADDRESSES]
                answer.inside = not all(map(is_public, addresses))
                for number, address in enumerate(addresses):
                    share = (until - loop.time()) / (len(addresses) - number)
                    try:
                        async with asyncio.timeout(share):
                            _, wire = await loop.create_connection(
                                Wire,
                                address,
                                target.port,
                                ssl=tls,
                                server_hostname=target.host if tls else None,
                                ssl_shutdown_timeout=1 if tls else None,
                            )
                            wire.inside = answer.inside
                            if len(self._reached) >= REMEMBERED:
                                self._reached.clear()
                            self._reached[target.host] = address
                            return wire
                    except OSError as error:
                        failed = error
                assert failed is not None
                raise failed
        except TimeoutError:
            message = f"No connection was made within {CONNECT:g} seconds."
            raise Refused(message, answer.public_message(target, message)) from None

    async def _looked_up(self, target: Target) -> list[str]:
        """Resolve a name in a thread. Calls to a name that is being resolved share the result, so a slow name uses only one thread."""
        name, until = target.host, time.monotonic() + CONNECT

        def look() -> list[str]:
            if time.monotonic() > until:
                raise TimeoutError  # The caller no longer waits.
            return list(self._resolve(name, target.port))

        def done(lookup: asyncio.Future[list[str]]) -> None:
            del self._lookups[name]
            if not lookup.cancelled():
                lookup.exception()  # marks the exception as retrieved, even if nobody waits any more

        if name not in self._lookups:
            self._lookups[name] = asyncio.get_running_loop().run_in_executor(self._threads, look)
            self._lookups[name].add_done_callback(done)
        return await asyncio.shield(self._lookups[name])

    def _taken(self, key: tuple[str, str, int]) -> Wire | None:
        while wires := self._idle.get(key):
            wire = wires[-1]
            self._unlisted(wire)
            if wire.ready:
                return wire
        return None

    def _keep(self, wire: Wire, key: tuple[str, str, int]) -> None:
        """Keep a connection, unless there are enough. Older ones are not replaced, so calls to many hosts still find some of them."""
        wires = self._idle.get(key, [])
        if self._closed or not wire.reusable or len(wires) >= IDLE_EACH or len(self._timers) >= self._most_idle:
            wire.abort()
            return
        wire.rest()
        self._idle[key] = [*wires, wire]
        self._timers[wire] = key, asyncio.get_running_loop().call_later(IDLE_SECONDS, self._forget, wire)

    def _forget(self, wire: Wire) -> None:
        self._unlisted(wire)
        wire.abort()

    def _unlisted(self, wire: Wire) -> None:
        key, timer = self._timers.pop(wire)
        timer.cancel()
        self._idle[key].remove(wire)
        if not self._idle[key]:
            del self._idle[key]


@lru_cache(8)  # reading the system's certificates takes 20 ms of processor time
def _tls(cafile: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        if cafile:
            context.load_verify_locations(cafile)
    except OSError as error:  # includes ssl.SSLError
        raise Misconfigured(f"The certificates in {cafile!r} cannot be used: {error}.") from None
    return context


def _request(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> h11.Request:
    """The request for h11. Raises h11.LocalProtocolError and UnicodeEncodeError if a header is not valid."""
    sent = {
        "host": ("Host", target.authority),
        "user-agent": ("User-Agent", AGENT),
        "accept-encoding": ("Accept-Encoding", "identity"),
        **{name.lower(): (name, value) for name, value in headers.items() if name.lower() not in FRAMING},
    }
    if body or method not in ("GET", "HEAD", "DELETE"):
        sent["content-length"] = ("Content-Length", str(len(body)))
    encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in sent.values()]
    return h11.Request(method=method, target=target.path, headers=encoded)
