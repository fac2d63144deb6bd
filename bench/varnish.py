"""Varnish with docs/varnish.vcl in front of our server."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import ROOT, free_port, program


def missing() -> str:
    """The reason why there is no Varnish; empty if there is one."""
    return "" if _binary() and shutil.which("cc") else "varnish is not installed: apt-get install varnish"


def _binary() -> str:
    return shutil.which("varnishd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


@contextmanager
def in_front(directory: Path, upstream: int, port: int = 0) -> Iterator[int]:
    """The port of a Varnish in front of the server on the port `upstream`."""
    port = port or free_port()
    directory.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "docs" / "varnish.vcl").read_text(encoding="utf-8")
    if '.port = "8080"' not in text:
        raise RuntimeError("docs/varnish.vcl no longer names port 8080, which this part replaces.")
    file = directory / "pressrelay.vcl"
    file.write_text(text.replace('.port = "8080"', f'.port = "{upstream}"'), encoding="utf-8")
    work = directory / "work"
    command = [_binary(), "-F", "-a", f"127.0.0.1:{port}", "-f", str(file), "-n", str(work), "-s", "malloc,16m"]
    # Without a jail: its users do not exist on every machine, and could not enter this directory.
    with program([*command, "-j", "none", "-T", "none"], directory / "varnish.log", port):
        yield port
