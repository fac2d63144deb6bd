"""Logs: one line each on standard error, as text or JSON; no token and no word of a release is ever given to them, and passwords and
keys are left out of whatever is.
"""

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec

from app.text.masking import hushed

LINE = 300  # characters of what an error says

Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Lines(logging.Formatter):
    """Each record a line, and a traceback below it."""

    def format(self, record: logging.LogRecord) -> str:
        return hushed(super().format(record))

    def formatException(self, ei: Raised) -> str:
        return told(ei[1]) if ei[1] is not None else ""


class JsonLines(Lines):
    """Each record one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hushed(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0]:
            members["exception"] = hushed(self.formatException(record.exc_info))
        return msgspec.json.encode(members).decode()


def told(error: BaseException) -> str:
    """A traceback in which each error has the first line of what it says: in the lines that follow a database tells the row and the
    parameters that it failed with."""
    parts: list[str] = []
    seen: set[int] = set()

    def add(one: BaseException) -> None:
        seen.add(id(one))
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None and id(before) not in seen:
            add(before)
            parts.append("which led to\n")
        parts.append("Traceback (most recent call last):\n")
        parts.extend(traceback.format_tb(one.__traceback__))
        said = next(iter(str(one).strip().splitlines()), "")
        parts.append(f"{type(one).__module__}.{type(one).__qualname__}: {said[:LINE]}\n")

    add(error)
    return "".join(parts).rstrip("\n")


def guard() -> None:
    """What nobody catches, in this thread or another, is printed as a log would tell it."""

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            print(hushed(told(error)), file=sys.stderr)

    def in_thread(given: Any) -> None:
        if given.exc_value is not None and given.exc_type is not SystemExit:
            print(hushed(told(given.exc_value)), file=sys.stderr)

    sys.excepthook = uncaught
    threading.excepthook = in_thread


def configure(form: str) -> None:
    """Set up this process's logging; `form` is "text" or "json". Libraries' warnings are told likewise."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]
    logger = logging.getLogger("pressrelay")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    guard()
