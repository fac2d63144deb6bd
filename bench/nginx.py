"""nginx, as a peer with a static file, and with docs/nginx.conf in front of our server."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import ROOT, free_port, program

# All options that make a static file fast. The answers have the headers of our server's answers.
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
MODULE = Path("/usr/lib/nginx/modules/ngx_http_cache_purge_module.so")
# As in docs/scaling.md: articles as JSON are cached under the keys that Pressrelay purges.
PURGING = """
load_module {module};
worker_processes 2;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    proxy_cache_path {directory}/cache levels=1:2 keys_zone=articles:8m;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/articles/(?<id>[a-z2-7]+)[.]json$ {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_set_header Accept-Encoding "";
            proxy_ignore_headers Vary;
            proxy_cache articles;
            proxy_cache_key "article/$id";
            add_header X-Cache $upstream_cache_status always;
        }}
        location ~ ^/purge/(?<purged>article/[a-z2-7]+)$ {{
            allow 127.0.0.1;
            deny all;
            proxy_cache_purge articles "$purged";
        }}
    }}
}}
"""
OWN = ("content-type", "content-length", "content-encoding", "etag", "last-modified", "date", "server", "connection")


def missing() -> str:
    """The reason why there is no nginx; empty if there is one."""
    return "" if _binary() else "nginx is not installed: apt-get install nginx-light"


def _binary() -> str:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


def purges() -> bool:
    """Whether the module that purges by key is installed: https://github.com/FRiCKLE/ngx_cache_purge."""
    return MODULE.exists()


@contextmanager
def static(directory: Path, body: bytes, gzipped: bytes, headers: tuple[tuple[str, str], ...]) -> Iterator[int]:
    """The port of an nginx that serves /feed.rss and its compressed form from files, with these headers."""
    root = directory / "static"
    root.mkdir(parents=True)
    (root / "feed.rss").write_bytes(body)
    (root / "feed.rss.gz").write_bytes(gzipped)
    os.utime(root / "feed.rss.gz", ns=(0, (root / "feed.rss").stat().st_mtime_ns))
    escaped = [(name, value.replace("'", "\\'")) for name, value in headers if name.lower() not in OWN]
    lines = "\n".join(f"        add_header {name} '{value}';" for name, value in escaped)
    port = free_port()
    with _running(directory, STATIC.format(directory=directory, port=port, headers=lines), port):
        yield port


@contextmanager
def in_front(directory: Path, upstream: int, second: int = 0) -> Iterator[int]:
    """The port of an nginx with docs/nginx.conf in front of the server on the port `upstream`, and of another one on the port
    `second`, if given."""
    port = free_port()
    text = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:8080 max_fails=0;", f"127.0.0.1:{second or upstream} max_fails=0;", 1)
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
            raise RuntimeError(f"docs/nginx.conf no longer has {old!r}, which this part replaces.")
        text = text.replace(old, new)
    directory.mkdir(parents=True, exist_ok=True)
    with _running(directory, text, port):
        yield port


@contextmanager
def purging(directory: Path, upstream: int, port: int) -> Iterator[None]:
    """An nginx on that port with the purge module, which keeps articles as JSON under their keys."""
    directory.mkdir(parents=True, exist_ok=True)
    with _running(directory, PURGING.format(directory=directory, upstream=upstream, port=port, module=MODULE), port):
        yield


@contextmanager
def _running(directory: Path, text: str, port: int) -> Iterator[None]:
    config = directory / "nginx.conf"
    # If root starts nginx, its workers run as another user by default, who may not enter a temporary directory.
    config.write_text(("user root;\n" if os.getuid() == 0 else "") + text, encoding="utf-8")
    command = [_binary(), "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log")]
    with program([*command, "-g", "daemon off;"], directory / "nginx.log", port):
        yield
