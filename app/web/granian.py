"""Granian, with the application's modules, code tables and schemas loaded before it forks the web workers: they share them, and are
ready sooner."""

from granian.cli import entrypoint

import app.web.app as _loaded  # noqa: F401
import schemas

if __name__ == "__main__":
    schemas.prepare()
    entrypoint()  # type: ignore[no-untyped-call]
