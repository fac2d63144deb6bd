"""Where the cache is: one server, the primary that Sentinel knows, or a cluster; and what to show there.

redis://user:password@host:6379/0          rediss://… with TLS
unix:///path/of/socket?db=0
redis+sentinel://host:26379,host:26379/NAME/0      rediss+sentinel://… with TLS, also to Sentinel
redis+cluster://host:6379,host:6379                rediss+cluster://… with TLS
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct

SINGLE, SENTINEL, CLUSTER = "single", "sentinel", "cluster"
SCHEMES = {
    "redis": SINGLE,
    "rediss": SINGLE,
    "unix": SINGLE,
    "redis+sentinel": SENTINEL,
    "rediss+sentinel": SENTINEL,
    "redis+cluster": CLUSTER,
    "rediss+cluster": CLUSTER,
}
PORTS = {SENTINEL: 26379, CLUSTER: 6379}  # where none is written
EXAMPLES = {
    SINGLE: "redis://user:password@host:6379/0, rediss://… or unix://…",
    SENTINEL: "redis+sentinel://host:26379,host:26379/NAME/0, where NAME is what Sentinel calls the primary",
    CLUSTER: "redis+cluster://host:6379,host:6379, without a number of a database",
}
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")


class CacheAddress(Struct, frozen=True):
    """A cache and how to sign in there. Files are read again for each new connection, so what is in them may change."""

    url: str
    kind: str = SINGLE
    hosts: tuple[tuple[str, int], ...] = ()  # of Sentinel or of nodes of the cluster
    name: str = ""  # of the primary, as Sentinel knows it
    db: int = 0
    user: str = ""
    password: str = ""
    user_file: str = ""
    password_file: str = ""
    sentinel_user_file: str = ""
    sentinel_password_file: str = ""
    ca: str = ""  # file
    certificate: str = ""  # file; the client's
    key: str = ""  # file; empty: the key is in the file of the certificate

    @property
    def tls(self) -> bool:
        """Whether the scheme asks for TLS."""
        return self.url.startswith("rediss")


def parse(url: str) -> CacheAddress:
    """The address that a URL names. Raises ValueError with what is expected. That does not quote the URL: the wrong part of it may
    belong to the password."""
    scheme = url.partition("://")[0]
    kind = SCHEMES.get(scheme, "")
    if not kind:
        raise ValueError(f"must begin with {', '.join(f'{known}://' for known in SCHEMES)}")
    escaped = ". Write the characters # / : and @ in a password as %23 %2F %3A and %40"
    try:
        parts = urlsplit(url)
        if parts.fragment or (kind == SINGLE and parts.port == 0):
            raise ValueError
        return CacheAddress(url) if kind == SINGLE else _of_many(url, kind, parts.netloc, parts.path, parts.query)
    except ValueError:
        raise ValueError(f"must look like {EXAMPLES[kind]}{escaped}") from None


def _of_many(url: str, kind: str, netloc: str, path: str, query: str) -> CacheAddress:
    """Raises ValueError."""
    user, _, hosts = netloc.rpartition("@")
    user, _, password = user.partition(":")
    found = [HOST.fullmatch(host) for host in hosts.split(",")]
    name, _, db = path.removeprefix("/").partition("/")
    if query or (kind == CLUSTER and path.strip("/")) or (kind == SENTINEL and not name) or not (db or "0").isdecimal():
        raise ValueError
    addresses = []
    for match in found:
        port = int(match[2] or PORTS[kind]) if match else 0
        if match is None or not 1 <= port <= 65535:
            raise ValueError
        addresses.append((match[1].strip("[]"), port))
    return CacheAddress(
        url,
        kind,
        tuple(addresses),
        unquote(name),
        int(db or 0),
        unquote(user),
        unquote(password),
    )


def of_file(path: str) -> str:
    """The secret in a file, without white space around it; empty if no file is named. Raises OSError and UnicodeDecodeError."""
    return Path(path).read_text(encoding="utf-8").strip() if path else ""
