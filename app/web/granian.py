"""Starts Granian. The application's modules, routes, code tables and schemas are made before it forks the web workers, so that the
workers share them and are ready sooner."""

import multiprocessing
import sys
from typing import Any

from granian._granian import SocketHolder
from granian.cli import entrypoint
from granian.server.common import AbstractServer

import schemas
from app.web.app import prepare


def main() -> None:
    """Serve with the options of the command line."""
    multiprocessing.set_start_method("fork", force=True)  # no longer the default since Python 3.14
    schemas.prepare()
    prepare()
    if sys.argv[1:2] == ["--fd"]:
        _listen_on(int(sys.argv[2]))
        del sys.argv[1:3]
    entrypoint()  # type: ignore[no-untyped-call]


def _listen_on(descriptor: int) -> None:
    """Let all workers accept from one socket that listens already. Granian has no option for it; otherwise each worker listens on a
    socket of its own."""

    def take(server: Any) -> None:
        server._shd = SocketHolder(descriptor, False, server.backlog)  # type: ignore[call-arg]
        server._sfd, server._ssp = descriptor, None

    AbstractServer._init_shared_socket = take  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
