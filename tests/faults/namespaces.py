"""Hosts of a test: network namespaces on one bridge, whose links may be cut in pairs. ip-netns(8), veth(4)

A cut drops what the one sends to the other without a word, in one direction, as a broken switch or a firewall does: the packets of the
other arrive, and no answer comes back.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from msgspec import Struct


class Host(Struct, frozen=True):
    """A namespace with one address."""

    name: str
    address: str

    def words(self, *command: str) -> list[str]:
        """The command, run on this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def unheard_by(self, other: "Host") -> None:
        """From now on nothing that this host sends reaches the other."""
        _ip("-n", self.name, "route", "replace", "blackhole", f"{other.address}/32")

    def heard_by(self, other: "Host") -> None:
        """The end of that."""
        with suppress(subprocess.CalledProcessError):  # It was not cut.
            _ip("-n", self.name, "route", "del", "blackhole", f"{other.address}/32")


def missing() -> str:
    """Why there can be no namespaces here; empty if there can."""
    try:
        done = subprocess.run(["ip", "netns", "add", f"pr-try-{os.getpid()}"], capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no program ip (iproute2)"
    if done.returncode:
        return f"network namespaces are not allowed here: {done.stderr.strip()}"
    _ip("netns", "del", f"pr-try-{os.getpid()}")
    return ""


@contextmanager
def hosts(names: Sequence[str]) -> Iterator[list[Host]]:
    """Hosts on one bridge, at which this process is too."""
    mark = f"{os.getpid() % 10_000:04}"
    bridge, net = f"pr{mark}", f"10.{83 + int(mark) // 250}.{int(mark) % 250}"
    made: list[Host] = []
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{net}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, name in enumerate(names, 2):
            host = Host(f"pr-{mark}-{name}", f"{net}.{number}")
            _ip("netns", "add", host.name)
            made.append(host)
            near, far = f"pr{mark}n{number}", f"pr{mark}f{number}"
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", host.name)
            _ip("link", "set", near, "master", bridge, "up")
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", far)
            for link in ("lo", far):
                _ip("-n", host.name, "link", "set", link, "up")
        yield made
    finally:
        for host in made:
            _ip("netns", "del", host.name)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", bridge)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
