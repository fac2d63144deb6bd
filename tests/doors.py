"""Every address ("door") of the server, from its own table of routes, and an application in this process that answers at them."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.test import Client, TestResponse

from app import create_app
from app.settings import Settings
from tests.conftest import Server

HTTPS = "https://press.example.org"
VALUES = {
    "id": "0" * 16,
    "version": "1",
    "format": "atom",
    "month": "2026-03",
    "name": "name",
    "sha256": "0" * 64,
    "scheme": "region",
    "office": "doors",
    "outlet": "doors",
    "action": "pause",
    "step": "publish",
    "revision": "1",
    "secret": "x",
    "filename": "style.css",
    "code": "kr:52",
}


def behind_https(server: Server) -> Flask:
    """An application on that server's database and cache that is public under HTTPS, with alerts by mail."""
    mail = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "press@press.example"}
    return create_app(Settings(data_dir=str(server.directory), base_url=HTTPS, **mail))


def doors(app: Flask, **values: str) -> Iterator[tuple[str, str, set[str]]]:
    """Endpoint, path and methods of every route; the variables of a path are examples, or come from `values`."""
    values = VALUES | values
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], rule.rule)
        yield rule.endpoint, path, set(rule.methods or ())


def knock(client: Client, method: str, path: str, **how: Any) -> TestResponse:
    """The answer, read to its end, so that everything it opened is closed. Path and query are sent unchanged, as over a socket: the
    client would correct them."""
    target, _, query = path.partition("?")
    raw = {"PATH_INFO": unquote_to_bytes(target).decode("latin-1"), "QUERY_STRING": query}
    answer = client.open("/", method=method, environ_overrides=raw, **how)
    answer.get_data()
    answer.close()
    return answer
