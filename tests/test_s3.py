"""Files in an S3-compatible store: a server of its own (moto, from PyPI), spoken to over a socket."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from app.backup import making, restoring
from app.backup.places import find_place
from app.errors import Damaged, Misconfigured, Unavailable
from app.files import blobs
from app.run.sampling import Sampler
from app.settings import Settings, load
from app.store import connect as engine_of
from tests import files
from tests.backups import filled, put_with_file, rows_of, settings_of
from tests.conftest import Server, free_port, until
from tests.desk import Desk
from tests.test_enclosures import PDF, article, path_of, push, release

KEYS = {"s3_access_key": "test-key", "s3_secret_key": "test-secret"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A store with the bucket "press"."""
    # Moto needs an older dateutil than feedgen is tested with, so it may be installed in a separate environment.
    python = os.environ.get("MOTO_PYTHON", sys.executable)
    if python == sys.executable and importlib.util.find_spec("moto") is None:
        pytest.skip("moto[server] is not installed, and MOTO_PYTHON names no Python that has it")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ready() -> bool:
        try:
            return httpx.put(f"{url}/press", trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        until(ready, 40, 0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def store_of(endpoint: str, **changes: str) -> blobs.Blobs:
    return blobs.connect(Settings(s3_bucket="press", s3_endpoint=endpoint, **{**KEYS, **changes}))


def test_kept_read_and_swept(endpoint: str, tmp_path: Path) -> None:
    place = store_of(endpoint)
    content = bytes(range(256)) * 10_000  # more than two chunks
    sha256 = hashlib.sha256(content).hexdigest()
    source = tmp_path / "source"
    source.write_bytes(content)
    place.keep(sha256, source)
    for start, length in ((0, len(content)), (1_048_570, 20), (len(content) - 1, 1)):
        with place.open(sha256, start, length) as file:
            assert file.read(length) == content[start : start + length]
    with pytest.raises(Unavailable):
        place.open("a" * 64, 0, 1)
    with pytest.raises(Unavailable):
        place.open(sha256, 0, len(content) + 1)
    assert place.sweep(lambda asked: set(), timedelta(days=1)) == 0, "it is young"
    assert place.sweep(lambda asked: {sha256} & set(asked), timedelta(seconds=-5)) == 0, "it is wanted"
    assert place.sweep(lambda asked: set(), timedelta(seconds=-5)) == 1
    with pytest.raises(Unavailable):
        place.open(sha256, 0, 1)


def test_a_whole_server_on_it(endpoint: str, own_server: Callable[..., Server]) -> None:
    server = own_server(s3_bucket="press", s3_endpoint=endpoint, workers="1", **KEYS).start()
    content = files.pdf(files.page("In a bucket"))
    answer = push(server, server.office(), release("bucket", "a.pdf"), {"a.pdf": (content, PDF)})
    path = path_of(server, article(server, answer)["enclosures"][0]["url"])
    assert server.client.get(path).content == content
    part = server.client.get(path, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, content[5:10])
    assert "In a bucket" in server.client.get(f"/articles/{answer.json()['id']}").text
    assert [found for found in (server.directory / "files").rglob("*") if found.is_file()] == []
    assert server.run("files", "sweep", "--json").stdout.strip() == '{"removed":0}'


def test_the_operator_sees_how_many_files_there_are_and_whether_the_bucket_answers(
    endpoint: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, s3_bucket="press", s3_endpoint=endpoint, workers="1", **KEYS)
    engine = desk.context.engine
    try:
        content = files.pdf(files.page("Counted")).ljust(1_234_567, b"\n")
        given = {"a.pdf": (content, PDF)}
        assert push(desk.server, desk.token, release("counted", "a.pdf"), given).status_code == 201
        until(lambda: "1 public files, 1.2 MB · bucket press" in desk.admin.get("/admin").text, 30, 0.5)
        assert "not asked lately" not in desk.admin.get("/admin").text
        # Another host, which the same bucket does not answer.
        dead = f"http://127.0.0.1:{free_port()}"
        other = Settings(str(tmp_path), port=1, s3_bucket="press", s3_endpoint=dead, **KEYS)
        Sampler(other, engine).note(datetime.now(UTC))
        row = desk.admin.get("/admin").text.partition("bucket press")[0].rpartition("<tr")[2]
        assert "no answer" in row and "1 public files" in row
    finally:
        desk.close()


def test_whether_it_answers(endpoint: str, tmp_path: Path) -> None:
    store_of(endpoint).check()
    blobs.connect(Settings(data_dir=str(tmp_path))).check()
    for wrong in (
        Settings(s3_bucket="none", s3_endpoint=endpoint, **KEYS),
        Settings(s3_bucket="press", s3_endpoint=f"http://127.0.0.1:{free_port()}", **KEYS),
    ):
        with pytest.raises(Unavailable):
            blobs.connect(wrong).check()


def test_a_store_that_fails_stores_nothing(own_server: Callable[..., Server]) -> None:
    server = own_server(s3_bucket="press", s3_endpoint=f"http://127.0.0.1:{free_port()}", workers="1", **KEYS).start()
    token = server.office()
    content = files.pdf(files.page("x"))
    answer = push(server, token, release("nowhere", "a.pdf"), {"a.pdf": (content, PDF)})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:pressrelay:problem:unavailable")
    assert "nowhere" not in server.client.get("/feed.atom").text
    assert server.push(token, release("without")).status_code == 201, "a release without files needs no store"


def test_a_backup_in_a_bucket(endpoint: str, tmp_path: Path) -> None:
    settings = replace(settings_of(tmp_path / "data"), s3_endpoint=endpoint, **KEYS)
    engine = filled(settings)
    place = find_place(settings, "s3://press/kept/here", new=True)
    where = "s3://press/kept/here"
    first = making.make(settings, engine, where)
    sha256 = put_with_file(settings, engine, "tag:large", os.urandom(20 * 1024 * 1024))  # sent and fetched in parts
    second = making.make(settings, engine, where, keep=1)
    assert (first.copied, second.copied, second.removed) == (3, 1, 1)
    assert making.backups(place) == [second.name] and f"files/{sha256[:2]}/{sha256[2:]}" in place.names("files")
    # Into another bucket's store, which does not have the files.
    target = replace(settings_of(tmp_path / "restored"), s3_endpoint=endpoint, s3_bucket="press", **KEYS)
    restored = restoring.restore(target, where, verify=True)
    assert (restored.name, restored.files, restored.copied) == (second.name, 4, 4)
    restored_engine = engine_of(target.database)
    assert rows_of(restored_engine) == rows_of(engine)
    restored_engine.dispose()
    with (
        place.locked(),
        pytest.raises(Misconfigured, match=r"Another backup is being made in s3://press/kept/here since 20"),
    ):
        making.make(settings, engine, where)
    place.delete(f"{second.name}/database.zst")
    with pytest.raises(Damaged, match=r"has no 2.*/database\.zst, which belongs to it"):
        restoring.restore(replace(target, data_dir=str(tmp_path / "other")), where)
    engine.dispose()


def test_a_bucket_that_refuses(endpoint: str, tmp_path: Path) -> None:
    settings = replace(settings_of(tmp_path / "data"), s3_endpoint=endpoint, **KEYS)
    engine = filled(settings)
    for changes, name in (({}, "s3://nowhere"), ({"s3_endpoint": f"http://127.0.0.1:{free_port()}"}, "s3://press/x")):
        given = replace(settings, **changes)
        with pytest.raises(Unavailable) as raised:
            making.make(given, engine, name)
        assert str(raised.value).startswith(f"{name} cannot be used (") and "\n" not in str(raised.value)
    engine.dispose()


def test_settings_are_checked() -> None:
    with pytest.raises(Misconfigured, match="PRESSRELAY_S3_ENDPOINT must be an http or https URL, not 'x'"):
        load({"PRESSRELAY_S3_ENDPOINT": "x"})
