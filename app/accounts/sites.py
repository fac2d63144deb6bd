"""Who counts as one where each request bothers somebody: networks, mailboxes, and the domains that somebody registered. Pure."""

import ipaddress
from functools import lru_cache


@lru_cache(10_000)
def network(address: str, four: int = 24, six: int = 48) -> str:
    """Who counts as one client: of IPv4 and of IPv6 a network of so many bits, the address itself where these are all; empty for this
    machine's own, because a proxy on it speaks for everybody."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return ""
    bits = four if found.version == 4 else six
    return str(found) if bits == found.max_prefixlen else str(ipaddress.ip_network((found, bits), strict=False))


def mailbox(address: str) -> str:
    """What one person's address is, however it is written: in lower case, without what follows a `+` (RFC 5233). Some providers ignore
    more, such as dots; that is theirs to know, and the limits of the domain hold for it."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


@lru_cache(10_000)
def site(host: str) -> str:
    """The domain that somebody registered, as far as its form tells: the last two labels, or three where the one before a country is
    short (`co.kr`, `gov.uk`). An address is its network."""
    try:
        found = ipaddress.ip_address(host)
        return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
    except ValueError:
        pass
    labels = host.lower().rstrip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if country else labels[-2:])
