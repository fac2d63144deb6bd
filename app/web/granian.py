"""Starts Granian. The application's modules, code tables and schemas are loaded before it forks the web workers, so that the workers
share them and are ready sooner."""

import multiprocessing

from granian.cli import entrypoint

import app.web.app as _loaded  # noqa: F401
import schemas


def main() -> None:
    """Serve with the options of the command line."""
    multiprocessing.set_start_method("fork", force=True)  # no longer the default since Python 3.14
    schemas.prepare()
    entrypoint()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
