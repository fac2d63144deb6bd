"""The data directory."""

import os
from pathlib import Path

from app.errors import Misconfigured
from app.settings import Settings


def prepare(settings: Settings) -> Path:
    """Make the data directory. Raises Misconfigured where it cannot be written."""
    directory = Path(settings.data_dir).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / f".write-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(
            f"The data directory {directory} cannot be written ({reason}): set PRESSRELAY_DATA_DIR."
        ) from None
    return directory
