"""Calls to other people's callbacks: public targets only, checked where each connection is made, within limits of time and size.

One `Client` a process, inside one asyncio loop. It does not follow redirects, keeps no cookies and asks no proxy. A connection goes to
an address that was judged when it was opened (app/outbound/addresses.py judges); TLS and `Host` keep the name. There is no pool for
all hosts, because those of httpx and httpcore look at every connection for every request: with 1,000 hosts they do 5 to 60 requests
a second.
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

from app.errors import Misconfigured
from app.outbound.addresses import AGENT, Network, Refused, Resolve, checked, is_public, judged, nowhere, resolve
from app.outbound.wire import Wire

CONNECT, TOTAL = 5.0, 10.0  # seconds: to resolve, connect and agree on TLS; for all of it
MOST = 65_536  # bytes of the body of an answer
LONGEST = 2000  # characters of a URL
ADDRESSES = 4  # of one name that are tried
IDLE_SECONDS = 30.0  # for which a connection waits for the next request
IDLE_EACH, IDLE_ALL = 4, 2048  # connections that wait, of one origin and of all: half of the files at most
REMEMBERED = 10_000  # hosts of which the address is known
LOOKUPS = 16  # names that are resolved at once
NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
NUMERIC = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")  # no name: its last label would be a number
ASCII = "".join(map(chr, range(0x21, 0x7F)))
PORTS = {"http": 80, "https": 443}
# Of sockets, TLS and deadlines; of names and headers; of threads that cannot be had; of what is not HTTP.
FAILURES = (OSError, ValueError, RuntimeError, h11.ProtocolError)
FRAMING = ("host", "content-length", "transfer-encoding", "connection")  # headers that are the client's alone


class Policy(Struct, frozen=True):
    """Which targets may be called. Raises Misconfigured where a network or the server's own URL is none."""

    http: bool = False  # plain http too; else only https
    ports: tuple[tuple[int, int], ...] = ((443, 443), (8443, 8443))  # inclusive ranges; with http, port 80 too
    private: tuple[str, ...] = ()  # networks in CIDR notation that may be called although they are not public
    own: str = ""  # URL of this server: never called (a loop)
    cafile: str = ""  # certificates (PEM) that are trusted besides the system's

    def __post_init__(self) -> None:
        _networks(self.private)
        try:
            _ = self.own and _parsed(self.own)
        except Refused as error:
            raise Misconfigured(f"The server's own URL is not one: {error}") from None


class Answer(Struct, frozen=True):
    """What a target answered; a redirect is an answer like any other."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes  # at most MOST bytes of it, and what came before the deadline
    seconds: float  # how long it took


class Target(Struct, frozen=True):
    """A URL that was understood once, so that what is judged is what is called."""

    url: str
    scheme: str
    host: str  # a name in lower case and ASCII, or an address; without brackets and last dot
    port: int
    path: str  # with the query
    address: bool  # the host is a literal address

    @property
    def authority(self) -> str:
        """What `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check(url: str, policy: Policy) -> str:
    """The URL as it may be called: as it is, but host names and paths beyond ASCII are encoded. Raises Refused.

    Judges the text alone, and asks no DNS: a name that leads inside is found when it is called.
    """
    return _target(url, policy).url


def _target(url: str, policy: Policy) -> Target:
    target = _parsed(url)
    if target.scheme == "http" and not policy.http:
        raise Refused(f"{url[:200]!r} is not an https URL.")
    ports = (*policy.ports, (80, 80)) if policy.http else policy.ports
    if not any(first <= target.port <= last for first, last in ports):
        raise Refused(f"Port {target.port} is not one that is called: {_said(ports)}.")
    if policy.own and _is_own(target, _parsed(policy.own)):
        raise Refused(f"{url[:200]!r} is this server itself.")
    if target.address:
        judged(target.host, [target.host], _networks(policy.private))
    return target


def _said(ports: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ports)


def _is_own(target: Target, own: Target) -> bool:
    """Both ports that need no number are one server's."""
    usual = set(PORTS.values())
    return target.host == own.host and (target.port == own.port or {target.port, own.port} <= usual)


@lru_cache(1024)
def _parsed(url: str) -> Target:
    if len(url) > LONGEST:
        raise Refused(f"The URL has {len(url)} characters; at most {LONGEST} are taken.")
    parts = urlsplit(checked(url))
    if "#" in url:
        raise Refused(f"{url[:200]!r} has a fragment, which is never sent.")
    host, address = _host(parts.hostname or "", "[" in parts.netloc)
    path, query = quote(parts.path or "/", ASCII), quote(parts.query, ASCII)
    port = parts.port or PORTS[parts.scheme]
    target = Target(url, parts.scheme, host, port, f"{path}?{query}" if query else path, address)
    if url.isascii():
        return target
    encoded = f"{target.scheme}://{target.authority}{target.path}"
    if len(encoded) > LONGEST:
        raise Refused(f"The URL has {len(encoded)} characters when encoded; at most {LONGEST} are taken.")
    return Target(encoded, target.scheme, host, port, target.path, address)


def _host(host: str, brackets: bool) -> tuple[str, bool]:
    """A host as it is asked for, and whether it is a literal address: whatever spelling getaddrinfo takes for one is one."""
    try:
        if brackets:
            if "%" in host:
                raise Refused(f"{host[:200]!r} is an address with a zone, which means something on one machine only.")
            return str(ipaddress.IPv6Address(host)), True
        name = (host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")).removesuffix(".")
        if not NAME.fullmatch(name):
            raise Refused(f"{host[:200]!r} is not a host name.")
        if not NUMERIC.fullmatch(name):
            return name, False
        return socket.inet_ntoa(socket.inet_aton(name)), True
    except (ValueError, OSError):  # ValueError: of ipaddress and idna
        raise Refused(f"{host[:200]!r} is neither a host name nor an address.") from None


@lru_cache(64)
def _networks(private: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(ipaddress.ip_network, private))
    except ValueError as error:
        raise Misconfigured(f"Of the networks that may be called, one is none: {error}.") from None


class _Coming:
    """An answer as far as it has come."""

    def __init__(self) -> None:
        self.head: h11.Response | None = None
        self.body = bytearray()
        self.inside: bool | None = None  # whether it comes from an address that is not public; None: none was found

    def told(self, target: Target, message: str) -> str:
        """What is told of a failure to others: of what is inside, not even whether something listens there."""
        if self.inside is None:
            return nowhere(target.host)
        return "No answer came." if self.inside else message


class Client:
    """Calls targets that the policy allows, and keeps the connections for a while."""

    def __init__(self, policy: Policy, resolver: Resolve = resolve) -> None:
        self._policy = policy
        self._resolve = resolver
        self._private = _networks(policy.private)
        self._tls = _tls(policy.cafile)
        self._threads = ThreadPoolExecutor(LOOKUPS, "resolve")
        self._lookups: dict[str, asyncio.Future[list[str]]] = {}
        self._idle: dict[tuple[str, str, int], list[Wire]] = {}
        self._timers: dict[Wire, tuple[tuple[str, str, int], asyncio.TimerHandle]] = {}  # of idle ones
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most_idle = IDLE_ALL if files == resource.RLIM_INFINITY else min(IDLE_ALL, files // 2)
        self._closed = False
        self._reached: dict[str, str] = {}

    def reached(self, host: str) -> str:
        """The address of a host to which the last connection was made; empty if there was none."""
        return self._reached.get(host, "")

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """What the target answers within TOTAL seconds. Raises Refused, and nothing else but CancelledError.

        Once the head of an answer is here, it is the answer: a body that is endless, slow or cut off is returned as far as it came.
        """
        begun = time.monotonic()
        target = _target(url, self._policy)
        coming = _Coming()
        try:
            request = _request(method, target, headers, body)
            async with asyncio.timeout(TOTAL):
                await self._call(target, request, body, coming)
        except FAILURES as error:
            if coming.head is None:
                message = f"The call failed: {str(error) or type(error).__name__}."
                if isinstance(error, TimeoutError):
                    message = f"No answer within {TOTAL:g} seconds."
                raise Refused(message, coming.told(target, message)) from None
        assert coming.head is not None
        told: dict[str, str] = {}
        for name, value in coming.head.headers:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            told[key] = f"{told[key]}, {text}" if key in told else text
        return Answer(coming.head.status_code, told, bytes(coming.body), time.monotonic() - begun)

    async def close(self) -> None:
        """Close every idle connection; nothing can be sent after it."""
        self._closed = True
        for wire in list(self._timers):
            self._forget(wire)
        self._threads.shutdown(wait=False)
        await asyncio.sleep(0)  # asyncio closes a socket in the turn that follows

    async def _call(self, target: Target, request: h11.Request, body: bytes, coming: _Coming) -> None:
        """Exchange on an idle connection, or on a new one where there is none or the server had closed it meanwhile."""
        key = (target.scheme, target.host, target.port)
        if wire := self._taken(key):
            coming.inside = wire.inside
            try:
                return await self._exchange(wire, key, request, body, coming)
            except ConnectionError:
                pass  # Not a byte of an answer had come.
        await self._exchange(await self._connected(target, coming), key, request, body, coming)

    async def _exchange(
        self, wire: Wire, key: tuple[str, str, int], request: h11.Request, body: bytes, coming: _Coming
    ) -> None:
        try:
            coming.head = await wire.ask(request, body)
            await wire.read(coming.body, MOST)
        except BaseException:
            wire.abort()
            raise
        self._keep(wire, key)

    async def _connected(self, target: Target, coming: _Coming) -> Wire:
        """A new connection to one of the addresses that the target has now, all of which were judged."""
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
                coming.inside = not all(map(is_public, addresses))
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
                            wire.inside = coming.inside
                            if len(self._reached) >= REMEMBERED:
                                self._reached.clear()
                            self._reached[target.host] = address
                            return wire
                    except OSError as error:
                        failed = error
                assert failed is not None
                raise failed
        except TimeoutError:
            message = f"No connection within {CONNECT:g} seconds."
            raise Refused(message, coming.told(target, message)) from None

    async def _looked_up(self, target: Target) -> list[str]:
        """Resolve a name in a thread. Who asks for a name that is being resolved waits for that: a slow one holds one thread."""
        name, until = target.host, time.monotonic() + CONNECT

        def look() -> list[str]:
            if time.monotonic() > until:
                raise TimeoutError  # Whoever asked has gone.
            return list(self._resolve(name, target.port))

        def done(lookup: asyncio.Future[list[str]]) -> None:
            del self._lookups[name]
            if not lookup.cancelled():
                lookup.exception()  # is seen, also where nobody waits any more

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
        """Keep a connection, unless there are enough: a round of calls to more hosts than are kept still finds those that are."""
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


def _tls(cafile: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        if cafile:
            context.load_verify_locations(cafile)
    except OSError as error:  # ssl.SSLError is one
        raise Misconfigured(f"The certificates in {cafile!r} cannot be used: {error}.") from None
    return context


def _request(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> h11.Request:
    """Raises h11.LocalProtocolError and UnicodeEncodeError: the header is not one."""
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
