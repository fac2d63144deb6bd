"""nginx as a process of its own: a static file beside ours, and docs/nginx.conf in front of ours."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import ROOT, free_port, program

# All that makes a static file fast; the answers carry the headers of ours.
STATIC = """
worker_processes 2;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport;
        root {directory}/static;
        gzip_static on;
        default_type "application/rss+xml; charset=utf-8";
{headers}
    }}
}}
"""
OWN = ("content-type", "content-length", "content-encoding", "etag", "last-modified", "date", "server", "connection")


def missing() -> str:
    """Why there is no nginx, empty where there is one."""
    return "" if _binary() else "nginx is not installed: apt-get install nginx-light"


def _binary() -> str:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


@contextmanager
def static(directory: Path, body: bytes, gzipped: bytes, headers: tuple[tuple[str, str], ...]) -> Iterator[int]:
    """The port of an nginx that has /feed.rss and its compressed form as files, and says these headers."""
    root = directory / "static"
    root.mkdir(parents=True)
    (root / "feed.rss").write_bytes(body)
    (root / "feed.rss.gz").write_bytes(gzipped)
    os.utime(root / "feed.rss.gz", ns=(0, (root / "feed.rss").stat().st_mtime_ns))
    said = [(name, value.replace("'", "\\'")) for name, value in headers if name.lower() not in OWN]
    lines = "\n".join(f"        add_header {name} '{value}';" for name, value in said)
    port = free_port()
    with _running(directory, STATIC.format(directory=directory, port=port, headers=lines), port):
        yield port


@contextmanager
def in_front(directory: Path, upstream: int) -> Iterator[int]:
    """The port of an nginx with docs/nginx.conf before the server on that port."""
    port = free_port()
    text = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    changes = {
        "user www-data;": "",
        "worker_processes auto;": "worker_processes 2;",
        "127.0.0.1:8080": f"127.0.0.1:{upstream}",
        "listen 80 ": f"listen 127.0.0.1:{port} ",
        "/run/": f"{directory}/",
        "/var/log/nginx/": f"{directory}/",
        "/var/lib/nginx/": f"{directory}/",
        "/var/cache/nginx/": f"{directory}/",
    }
    for old, new in changes.items():
        if old not in text:
            raise RuntimeError(f"docs/nginx.conf has no {old!r} any more.")
        text = text.replace(old, new)
    directory.mkdir(parents=True, exist_ok=True)
    with _running(directory, text, port):
        yield port


@contextmanager
def _running(directory: Path, text: str, port: int) -> Iterator[None]:
    config = directory / "nginx.conf"
    # Started by root, its workers would become another user, who may not enter a temporary directory.
    config.write_text(("user root;\n" if os.getuid() == 0 else "") + text, encoding="utf-8")
    command = [_binary(), "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log")]
    with program([*command, "-g", "daemon off;"], directory / "nginx.log", port):
        yield
