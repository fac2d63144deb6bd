"""Networks that a token may be used from, in CIDR notation (RFC 4632, RFC 4291). Pure."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

MOST = 20  # networks of one token


class NotANetwork(ValueError):
    """A text is not a network. `part`: the text; `nearest`: the network that it may mean, or empty."""

    def __init__(self, part: str, nearest: str = "") -> None:
        super().__init__(part)
        self.part, self.nearest = part, nearest


def networks_in(text: str) -> tuple[str, ...]:
    """The networks that a text names, separated by white space or commas; a single address is a network of one. Raises NotANetwork."""
    found: dict[str, None] = {}
    for part in text.replace(",", " ").split():
        try:
            found[str(_plain(ipaddress.ip_network(part)))] = None
        except ValueError:
            raise NotANetwork(part[:60], _nearest(part)) from None
    return tuple(found)


def _plain(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The IPv4 network that a network of mapped addresses means (::ffff:10.0.0.0/104): requests from it are compared as IPv4."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    return ipaddress.ip_network((mapped, network.prefixlen - 96)) if mapped and network.prefixlen >= 96 else network


def _nearest(part: str) -> str:
    """The network of an address that has bits after its prefix: 10.0.0.1/8 is in 10.0.0.0/8."""
    try:
        return str(ipaddress.ip_network(part, strict=False))
    except ValueError:
        return ""


def allows(networks: Sequence[str], address: str) -> bool:
    """Whether an address is in one of the networks; all are, if there are none."""
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket of this machine, or nothing that says where the request comes from
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in _network(network) for network in networks)


@lru_cache(4096)
def _network(network: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(network)
