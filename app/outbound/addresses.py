"""Requests to addresses that others name: public ones only, checked where the connection is made, within limits of time and size.

A name is resolved once, every address of it is judged, and the connection goes to the judged address itself: neither a redirect nor a
name that changes its mind leads inside. `ipaddress.is_global` alone lets transition addresses pass, so those are listed. `fetch` is
for pulls; app/outbound/callbacks.py, which calls back, judges with what is here.
"""

import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
from msgspec import Struct

from app.errors import PressrelayError

HOPS = 5  # redirects that are followed
READ, CONNECT = 10.0, 5.0  # seconds
AGENT = "Pressrelay"
# What `is_global` lets pass in one Python or another: no source is there, and some lead inside.
DENIED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96"),  # NAT64, 6to4, IPv4-compatible
            *("2001::/23", "5f00::/16", "100::/64", "100:0:0:1::/64"),  # Teredo and the like, SRv6, discard, dummy
            *("2001:db8::/32", "3fff::/20"),  # documentation
            "fec0::/10",  # site-local
            *("192.31.196.0/24", "192.175.48.0/24", "2620:4f:8000::/48"),  # AS112: whichever sink is nearest
            *("192.0.0.0/24", "192.52.193.0/24", "192.88.99.0/24"),  # protocols, AMT, 6to4 relays
            "100.64.0.0/10",  # a carrier's inside
            "168.63.129.16/32",  # a cloud's own service
        ),
    )
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EVERY = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

Resolve = Callable[[str, int], Iterable[str]]  # host, port -> addresses


class Refused(PressrelayError):
    """The request was not made or not finished; the message is one sentence, for whoever runs this server.

    `told` is the sentence for everybody else. It names no address that was resolved, and is the same for every name and address that
    is not public: whoever may give a URL must not learn by it what this server's own network looks like.
    """

    def __init__(self, message: str, told: str = "") -> None:
        super().__init__(message)
        self.told = told or message


def nowhere(host: str) -> str:
    """What is told of a host that cannot be called, whatever the reason."""
    return f"No public address is found for {host!r}."


class Fetched(Struct, frozen=True):
    """An answer, its body whole and unpacked."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes
    url: str  # after redirects


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet.

    https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
    """
    if "%" in address:
        return False
    ip = _unmapped(address)
    if any(ip.version == network.version and ip in network for network in DENIED):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _unmapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address; where IPv6 only wraps one of IPv4, that one, for that is where the connection goes."""
    ip = ipaddress.ip_address(address)
    return getattr(ip, "ipv4_mapped", None) or ip


def judged(host: str, addresses: Iterable[str], private: Sequence[Network] = ()) -> list[str]:
    """The addresses of a host, each once, if every one of them is public or in a network of `private`. Raises Refused."""
    found = list(dict.fromkeys(addresses))
    if not found:
        raise Refused(f"{host!r} has no address.", nowhere(host))
    for address in found:
        if not is_public(address) and not any(_unmapped(address) in network for network in private):
            raise Refused(f"{host!r} is at {address}, which is not a public address.", nowhere(host))
    return found


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as this machine resolves it."""
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise Refused(f"{host!r} cannot be resolved: {error}.", nowhere(host)) from None


def _left(until: float, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
    """The seconds that one step may take. Raises `late` when there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise late("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection that is over at a deadline, however many reads and writes it is given: a timeout of each starts anew."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The inner write() gives each send() the whole timeout; sendall() has one for all of it.
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
    """Connects to judged addresses only, and until a deadline; TLS still asks for the name."""

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


def fetch(
    url: str,
    headers: Mapping[str, str],
    *,
    most: int,
    seconds: float,
    private: bool = False,
    resolver: Resolve = resolve,
) -> Fetched:
    """GET, following redirects, each judged anew. Raises Refused.

    `most`: bytes of the unpacked body; `seconds`: for the whole of it; `private`: intranets are allowed.
    Resolving a name counts, though only the system's own limits end it. The header, and any line that is not body, has 100 KiB:
    httpcore's bound, which h11 keeps.
    """
    until = time.monotonic() + seconds
    transport = httpx.HTTPTransport(trust_env=False)
    # httpx has no way to hand a backend in; tests/test_sources.py holds that this one is used.
    transport._pool._network_backend = _Guard(private, resolver, until)
    sent = {"User-Agent": AGENT, "Accept-Encoding": "gzip", **headers}
    timeout = httpx.Timeout(READ, connect=CONNECT)
    with httpx.Client(transport=transport, timeout=timeout, follow_redirects=False) as client:
        for _ in range(HOPS + 1):
            url = checked(url)
            answer = _once(client, url, sent, most, until, seconds)
            if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
                return answer
            url = _joined(url, answer.headers["location"])
    raise Refused(f"More than {HOPS} redirects.")


def checked(url: str) -> str:
    """The URL, if it is one that may be asked. Raises Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(f"{url[:200]!r} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise Refused(f"{url[:200]!r} is not an http or https URL.")
    if parts.username is not None or "\\" in url or any(c == " " or not c.isprintable() for c in url):
        raise Refused(
            f"{url[:200]!r} holds what it must not: credentials, a backslash, white space or control characters."
        )
    return url


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        raise Refused(f"{location[:200]!r} is not a URL.") from None


def _once(
    client: httpx.Client, url: str, headers: Mapping[str, str], most: int, until: float, seconds: float
) -> Fetched:
    try:
        with client.stream("GET", url, headers=dict(headers)) as response:
            body = _body(response, most)
            told = {name.lower(): value for name, value in response.headers.items()}
            return Fetched(response.status_code, told, body, url)
    except httpx.TimeoutException as error:
        if time.monotonic() >= until:
            raise Refused(f"The answer was not whole within {seconds:g} seconds.") from None
        if isinstance(error, httpx.ConnectTimeout):
            raise Refused(f"No connection within {CONNECT:g} seconds.") from None
        raise Refused(f"No answer within {READ:g} seconds.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:  # UnicodeError: of idna
        raise Refused(f"The request failed: {error}.") from None


def _body(response: httpx.Response, most: int) -> bytes:
    """Unpacked as it comes and counted, so that neither an endless nor a tightly packed answer is ever held."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise Refused(f"The answer is encoded as {encoding[:40]!r}; gzip was asked for.")
    unpack = zlib.decompressobj(31) if "gzip" in encoding else None
    parts: list[bytes] = []
    size = 0
    for chunk in response.iter_raw():
        try:
            part = chunk if unpack is None else unpack.decompress(chunk, most + 1 - size)
        except zlib.error:
            raise Refused("The answer says it is gzip, and is not.") from None
        size += len(part)
        if size > most:
            raise Refused(f"The answer has more than {most} bytes.")
        parts.append(part)
        if unpack is not None and unpack.eof:
            break  # What follows would be kept by zlib, and counted by nobody.
    if unpack is not None and not unpack.eof:
        raise Refused("The answer says it is gzip, and is not, or was cut off.")
    return b"".join(parts)
