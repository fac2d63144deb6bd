"""Logging: one line for each record on standard error, as text or JSON. A line names the request that it is about. Tokens and the
texts of releases are never logged, and passwords and keys are removed from every line.
"""

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec

from app.requestid import current_request
from app.text.masking import hushed

LINE = 300  # characters of an error's message that are logged

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Lines(logging.Formatter):
    """Each record is one line, with the traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        return hushed(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        request = current_request()
        return f"{super().formatMessage(record)} [request {request}]" if request else super().formatMessage(record)

    def formatException(self, ei: Raised) -> str:
        return traceback_of(ei[1]) if ei[1] is not None else ""


class JsonLines(Lines):
    """Each record is one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hushed(record.getMessage()),
        }
        if request := current_request():
            members["request"] = request
        if record.exc_info and record.exc_info[0]:
            members["exception"] = hushed(self.formatException(record.exc_info))
        return msgspec.json.encode(members).decode()


def traceback_of(error: BaseException) -> str:
    """A traceback with only the first line of each error's message: in the lines after it, a database error shows the row and the
    parameters."""
    parts: list[str] = []
    seen: set[int] = set()

    def add(raised: BaseException) -> None:
        seen.add(id(raised))
        cause = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
        if cause is not None and id(cause) not in seen:
            add(cause)
            parts.append("which led to\n")
        parts.append("Traceback (most recent call last):\n")
        parts.extend(traceback.format_tb(raised.__traceback__))
        message = next(iter(str(raised).strip().splitlines()), "")
        parts.append(f"{type(raised).__module__}.{type(raised).__qualname__}: {message[:LINE]}\n")

    add(error)
    return "".join(parts).rstrip("\n")


def guard() -> None:
    """Print exceptions that nobody catches, in any thread, in the form of the logs, without secrets."""

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            print(hushed(traceback_of(error)), file=sys.stderr)

    def in_thread(hook: Any) -> None:
        if hook.exc_value is not None and hook.exc_type is not SystemExit:
            print(hushed(traceback_of(hook.exc_value)), file=sys.stderr)

    sys.excepthook = uncaught
    threading.excepthook = in_thread


def configure(form: str) -> None:
    """Set up the logging of this process; `form` is "text" or "json". Warnings of libraries are logged in the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]
    logger = logging.getLogger("pressrelay")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    guard()
