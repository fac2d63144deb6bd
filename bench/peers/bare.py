"""Granian alone: the same answers with the same headers, from memory. This is the most that Python can reach."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

answers = json.loads(Path(os.environ["BENCH_PEER"]).read_text())
HEADERS = {name: [tuple(header) for header in answer["headers"]] for name, answer in answers.items()}
BODIES = {name: base64.b64decode(answer["body"]) for name, answer in answers.items()}
TAGS = {dict(headers)["ETag"] for headers in HEADERS.values()}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """304 by If-None-Match, gzip by Accept-Encoding, otherwise the uncompressed bytes."""
    if environ.get("HTTP_IF_NONE_MATCH") in TAGS:
        start_response("304 Not Modified", HEADERS["304"])
        return []
    kind = "gzip" if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "") else "200"
    start_response("200 OK", HEADERS[kind])
    return [BODIES[kind]]
