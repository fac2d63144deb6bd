"""Groups clients and targets for limits on unwanted requests: networks, mailboxes and registered domains. Pure."""

import ipaddress
from functools import lru_cache


@lru_cache(10_000)
def network(address: str, four: int = 24, six: int = 48) -> str:
    """The network of an IP address, which counts as one client. `four`, `six`: bits of an IPv4 and of an IPv6 network. Empty for
    addresses of this machine, because a proxy on it sends the requests of many clients."""
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
    """An e-mail address in lower case and without the part after `+` (RFC 5233), so that variants of one mailbox count as one. Some
    providers also ignore dots, for example; the limits of the domain cover those."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


@lru_cache(10_000)
def site(host: str) -> str:
    """The registered domain of a host, guessed by its form: the last two labels, or three if the label before a country code is short
    (`co.kr`, `gov.uk`). For an IP address, its network."""
    try:
        found = ipaddress.ip_address(host)
        return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
    except ValueError:
        pass
    labels = host.lower().rstrip(".").split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if country else labels[-2:])
