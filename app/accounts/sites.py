"""Who counts as one where each request bothers somebody: networks, mailboxes, and the domains that somebody registered. Pure."""

import ipaddress
from functools import lru_cache


@lru_cache(10_000)
def network(address: str) -> str:
    """Who counts as one client: an IPv4 /24, an IPv6 /48; empty for this machine's own, because a proxy on it speaks for everybody."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return ""
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


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
