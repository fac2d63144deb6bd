"""Requests to URLs that others give: to public addresses only, checked when the connection is made, within limits of time and size.

A name is resolved once, all its addresses are checked, and the connection goes to a checked address. So neither a redirect nor a name
that resolves differently the next time leads into this server's own network. `ipaddress.is_global` accepts transition addresses, so
those are listed here. `fetch` is for pulls; app/outbound/callbacks.py uses the same checks.
"""

import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
from msgspec import Struct

from app.errors import Refused

HOPS = 5  # redirects that are followed
READ, CONNECT = 10.0, 5.0  # seconds
AGENT = "Pressrelay"
# Networks that `is_global` accepts in some version of Python. No source is there, and some lead into this server's own network.
DENIED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96"),  # NAT64, 6to4, IPv4-compatible
            *("2001::/23", "5f00::/16", "100::/64", "100:0:0:1::/64"),  # Teredo and the like, SRv6, discard, dummy
            *("2001:db8::/32", "3fff::/20"),  # documentation
            "fec0::/10",  # site-local
            *("192.31.196.0/24", "192.175.48.0/24", "2620:4f:8000::/48"),  # AS112
            *("192.0.0.0/24", "192.52.193.0/24", "192.88.99.0/24"),  # protocols, AMT, 6to4 relays
            "100.64.0.0/10",  # shared address space inside carriers' networks
            "168.63.129.16/32",  # Azure's platform service
        ),
    )
)
# Errors of the connection, of the URL and the request, and of idna
FAILURES = (
    *(httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
    *(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError),
    UnicodeError,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EVERY = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

Resolve = Callable[[str, int], Iterable[str]]  # host, port -> addresses


def nowhere(host: str) -> str:
    """The public message for a host that cannot be called, for any reason."""
    return f"No public address was found for {host!r}."


class Fetched(Struct, frozen=True):
    """An answer with its whole body, decompressed."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    url: str  # after redirects


def is_public(address: str) -> bool:
    """Whether an address is on the public internet.

    https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
    """
    if "%" in address:
        return False
    ip = _unmapped(address)
    if any(ip.version == network.version and ip in network for network in DENIED):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _unmapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; for an IPv4-mapped IPv6 address, the IPv4 address, because the connection goes there."""
    ip = ipaddress.ip_address(address)
    return getattr(ip, "ipv4_mapped", None) or ip


def judged(host: str, addresses: Iterable[str], private: Sequence[Network] = ()) -> list[str]:
    """The addresses of a host without duplicates, if all are public or in a network of `private`. Raises Refused."""
    found = list(dict.fromkeys(addresses))
    if not found:
        raise Refused(f"{host!r} has no address.", nowhere(host))
    for address in found:
        if not is_public(address) and not any(_unmapped(address) in network for network in private):
            raise Refused(f"{host!r} is at {address}, which is not a public address.", nowhere(host))
    return found


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as this machine resolves it. Raises Refused."""
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Refused(f"{host!r} cannot be resolved: {error}.", nowhere(host)) from None


def _left(until: float, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    """The seconds that one step may take. Raises `late` if none are left."""
    left = until - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection with a deadline for all its reads and writes together; a timeout applies to each of them alone."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The inner write() gives the whole timeout to each send(); sendall() has one timeout in total.
        sock = self._stream.get_extra_info("socket")
        sock.settimeout(_left(self._until, timeout, httpcore.WriteTimeout))
        try:
            sock.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore.WriteError(error) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = _left(self._until, timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Guard(httpcore.NetworkBackend):
    """Connects only to checked addresses, and with a deadline. TLS still uses the host name."""

    def __init__(self, private: bool, resolver: Resolve, until: float) -> None:
        self._private = private
        self._resolve = resolver
        self._until = until
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception | None = None
        for address in judged(host, self._resolve(host, port), EVERY if self._private else ()):
            left = _left(self._until, timeout, httpcore.ConnectTimeout)
            try:
                stream = self._backend.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(stream, self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed


class _Transport(httpx.BaseTransport):
    """An httpx transport with a network backend, which httpcore's pool accepts but `httpx.HTTPTransport` does not. It raises
    httpcore's errors."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._pool = httpcore.ConnectionPool(httpx.create_ssl_context(trust_env=False), network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        raw, body = request.headers.raw, request.content or None
        sent = httpcore.Request(request.method, url, headers=raw, content=body, extensions=request.extensions)
        answer = self._pool.handle_request(sent)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def fetch(
    url: str,
    headers: Mapping[str, str],
    *,
    most: int,
    seconds: float,
    private: bool = False,
    resolver: Resolve = resolve,
    body: bytes | None = None,
    hops: int = HOPS,
) -> Fetched:
    """GET a URL, or POST `body` to it, and follow redirects, with a check of each address. Raises Refused.

    `most`: bytes of the decompressed body; `seconds`: for everything together; `private`: addresses in private networks are allowed;
    `hops`: redirects that are followed, none for a POST.
    Resolving a name counts towards `seconds`, but only the system's own limits interrupt it. The header, and any line between chunks,
    may have 100 KiB (the limit that httpcore gives to h11).
    """
    until = time.monotonic() + seconds
    transport = _Transport(_Guard(private, resolver, until))
    sent = {"User-Agent": AGENT, "Accept-Encoding": "gzip", **headers}
    timeout = httpx.Timeout(READ, connect=CONNECT)
    with httpx.Client(transport=transport, timeout=timeout, follow_redirects=False) as client:
        for _ in range(hops + 1):
            url = checked(url)
            answer = _once(client, url, sent, most, until, seconds, body)
            if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
                return answer
            if body is not None:
                break
            url = _joined(url, answer.headers["location"])
    raise Refused(f"There were more than {hops} redirects." if hops else "It sent a redirect, which is not followed.")


def checked(url: str) -> str:
    """The URL, if it may be requested. Raises Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(f"{url[:200]!r} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Refused(f"{url[:200]!r} is not an http or https URL.")
    if parts.username is not None or "\\" in url or any(c == " " or not c.isprintable() for c in url):
        raise Refused(
            f"{url[:200]!r} contains credentials, a backslash, white space or control characters, which are not allowed."
        )
    return url


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        raise Refused(f"{location[:200]!r} is not a URL.") from None


def _once(
    client: httpx.Client,
    url: str,
    headers: Mapping[str, str],
    most: int,
    until: float,
    seconds: float,
    content: bytes | None,
) -> Fetched:
    method = "GET" if content is None else "POST"
    try:
        with client.stream(method, url, headers=dict(headers), content=content) as response:
            body = _body(response, most)
            received = {name.lower(): value for name, value in response.headers.items()}
            return Fetched(response.status_code, received, body, url)
    except httpcore.TimeoutException as error:
        if time.monotonic() >= until:
            raise Refused(f"The answer was not complete within {seconds:g} seconds.") from None
        if isinstance(error, httpcore.ConnectTimeout):
            raise Refused(f"No connection was made within {CONNECT:g} seconds.") from None
        raise Refused(f"No answer came within {READ:g} seconds.") from None
    except FAILURES as error:
        raise Refused(f"The request failed: {error}.") from None


def _body(response: httpx.Response, most: int) -> bytes:
    """The body, decompressed and counted as it arrives, so that an endless or highly compressed answer never fills the memory."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise Refused(f"The answer has the content encoding {encoding[:40]!r}; expected gzip or none.")
    unpack = zlib.decompressobj(31) if "gzip" in encoding else None
    parts: list[bytes] = []
    size = 0
    for chunk in response.iter_raw():
        try:
            part = chunk if unpack is None else unpack.decompress(chunk, most + 1 - size)
        except zlib.error:
            raise Refused("The answer is labelled gzip, but is not.") from None
        size += len(part)
        if size > most:
            raise Refused(f"The answer has more than {most} bytes.")
        parts.append(part)
        if unpack is not None and unpack.eof:
            break  # zlib would buffer any bytes that follow, without a limit.
    if unpack is not None and not unpack.eof:
        raise Refused("The answer is labelled gzip, but is not, or it was cut off.")
    return b"".join(parts)
