"""Logs: one line each on standard error, as text or JSON; no token and no word of a release is ever given to them."""

import logging
import sys
from datetime import UTC, datetime

import msgspec


class JsonLines(logging.Formatter):
    """Each record one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            members["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(members).decode()


def configure(form: str) -> None:
    """Set up this process's logging; `form` is "text" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logger = logging.getLogger("pressrelay")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
