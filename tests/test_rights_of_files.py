"""Only the user that runs the server can read its files: texts under embargo, secrets, originals, enclosures."""

import os
import shutil
import stat
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Misconfigured
from app.run.datadir import prepare, too_open
from app.settings import Settings
from tests.conftest import Server
from tests.files import pdf
from tests.test_lifecycle import document


def rights(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def opened(directory: Path) -> dict[str, str]:
    """All below it that somebody else has any right on."""
    paths = [directory, *directory.rglob("*")]
    return {str(path): oct(rights(path)) for path in paths if not path.is_symlink() and rights(path) & 0o077}


def test_whatever_a_server_and_the_commands_write_is_for_its_user_alone(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.directory.chmod(0o755)
    (server.directory / "files").mkdir(mode=0o755)
    for name in ("pressrelay.db", "marks", "old.dump"):
        (server.directory / name).touch(0o644)
    before = os.umask(0o022)
    try:
        server.start()
        log = server.log.read_text()
        for name in ("", "/pressrelay.db", "/files", "/old.dump"):
            assert f"{server.directory}{name} was open to other users" in log
        token = server.office("rights", "권리청", "kr:11")
        parts = [
            ("release", ("a.xml", document("tag:rights,2026:1"), "application/xml")),
            ("file", ("a.pdf", pdf(b"BT ET"))),
        ]
        pushed = server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {token}"})
        assert pushed.status_code == 201, pushed.text
        release = server.directory / "in" / "a.xml"
        release.parent.mkdir(mode=0o700)
        release.write_bytes(document("tag:rights,2026:2"))
        release.chmod(0o600)
        assert server.run("import", str(release.parent), "--office", "rights").returncode == 0
        assert server.run("key", "new", str(server.directory / "key.pem")).returncode == 0
        assert server.run("push", str(release), "--url", server.url, "--token", token).returncode == 0
        made = {path.name for path in server.directory.rglob("*")}
        assert {"pressrelay.db", "pressrelay.db-wal", "marks", "serve.lock", "head", "key.pem", "valkey.sock"} <= made
        assert opened(server.directory) == {}
        (server.directory / "old.dump").chmod(0o640)
        doctor = server.run("doctor")
        assert doctor.returncode == 0 and "are closed now" in doctor.stdout and "old.dump" in doctor.stdout
        assert "nothing is open to other users" in server.run("doctor").stdout
    finally:
        os.umask(before)


def test_a_database_elsewhere_is_closed_too(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    database = tmp_path / "elsewhere" / "own.db"
    database.touch(0o664)
    settings = Settings(data_dir=str(tmp_path / "data"), database_url=f"sqlite:///{database}?timeout=3")
    assert too_open(settings) == [database]
    assert prepare(settings) == tmp_path / "data"
    assert (rights(tmp_path / "data"), rights(database)) == (0o700, 0o600) and too_open(settings) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_directory_of_somebody_else_that_is_open_is_refused(tmp_path: Path) -> None:
    directory = Path("/tmp") / f"pressrelay-rights-{os.getpid()}"  # that another user can reach
    directory.mkdir()
    directory.chmod(0o777)
    try:
        reads, writes = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # The child only looks and ends.
            child = os.fork()
        if child == 0:
            os.setuid(65534)
            try:
                prepare(Settings(data_dir=str(directory)))
                said = "nothing"
            except Misconfigured as error:
                said = str(error)
            os.write(writes, said.encode())
            os._exit(0)
        os.close(writes)
        with os.fdopen(reads) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        assert "is open to other users (0777), and this user cannot change that" in said and "chmod 700" in said
    finally:
        shutil.rmtree(directory)
