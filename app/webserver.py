"""Granian, with the application's modules loaded before it forks the web workers: they share them, and are ready sooner."""

from granian.cli import entrypoint

import app.web as _loaded  # noqa: F401

if __name__ == "__main__":
    entrypoint()  # type: ignore[no-untyped-call]
