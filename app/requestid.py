"""The id of the request that a thread or an asyncio task is working for: every log line and every record of the audit log names it.

Pulling a source and publishing a scheduled draft are not requests. They get ids of their own, so that their consequences can be
found too.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# nginx's $request_id has 32 hexadecimal digits, Caddy's and Envoy's are UUIDs. Nothing here can break a log line, a header or a URL.
FORM = re.compile(r"[0-9A-Za-z-]{16,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request() -> str:
    """The id of the current request; empty if there is none."""
    return _current.get()


def new_request_id() -> str:
    """An id for a request that came without one: 32 hexadecimal digits, random."""
    return secrets.token_hex(16)


def is_request_id(text: str) -> bool:
    """Whether this has the form of an id that a proxy may give: 16 to 64 ASCII letters, digits and hyphens."""
    return FORM.fullmatch(text) is not None


@contextmanager
def working_for(id: str) -> Iterator[None]:
    """Work for the request with this id within the block. The ids of several requests are separated by commas."""
    token = _current.set(id)
    try:
        yield
    finally:
        _current.reset(token)
