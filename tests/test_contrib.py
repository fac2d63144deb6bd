"""Tests contrib/ as far as possible on a machine without systemd, Docker or Kubernetes: each file is read by its own program, if
that is installed, and names only settings and commands that exist."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import IO

import click
import httpx
import jsonschema
import pytest
import yaml

from app.cli import cli
from app.settings import Settings
from tests.conftest import ROOT, Server, until

CONTRIB = ROOT / "contrib"
UNITS = sorted((CONTRIB / "systemd").glob("pressrelay*"))
FILES = sorted(path for path in CONTRIB.rglob("*") if path.is_file())
CHART = CONTRIB / "helm" / "pressrelay"
NAMES = {f"PRESSRELAY_{name.upper()}" for name in Settings.__struct_fields__} | {"PRESSRELAY_CONFIG"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONTRIB)))
def test_it_names_only_settings_that_exist(path: Path) -> None:
    named = set(re.findall(r"\bPRESSRELAY_[A-Z0-9_]*[A-Z0-9]\b", path.read_text("utf-8")))
    assert named <= NAMES, named - NAMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONTRIB)))
def test_it_runs_only_commands_that_exist(path: Path) -> None:
    for words in re.findall(r"^ExecStart=/opt/pressrelay/bin/pressrelay (.+)$", path.read_text("utf-8"), re.MULTILINE):
        command, *rest = words.split()
        found = cli.get_command(click.Context(cli), command)
        assert found is not None, words
        known = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_unit(path: Path, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd-analyze here")
    for unit in UNITS:  # With a program that is there.
        text = unit.read_text("utf-8").replace("/opt/pressrelay/bin/pressrelay", sys.executable)
        (tmp_path / unit.name).write_text(text, "utf-8")
    done = subprocess.run([verify, "verify", str(tmp_path / path.name)], capture_output=True, text=True, check=False)
    own = [line for line in done.stderr.splitlines() if "pressrelay" in line]
    assert not own and done.returncode == 0, done.stderr


def test_the_units_of_parts_and_whole_are_equally_hard() -> None:
    def hard(name: str) -> list[str]:
        text = (CONTRIB / "systemd" / name).read_text("utf-8")
        return re.findall(
            r"^((?:Protect|Private|Restrict|NoNew|System|Capab|Ambient|Lock|Remove|UMask)\w*=.*)$", text, re.MULTILINE
        )

    assert hard("pressrelay.service") == hard("pressrelay@.service") and len(hard("pressrelay.service")) > 18


def test_caddy_accepts_its_file() -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("there is no caddy here")
    words = [caddy, "validate", "--adapter", "caddyfile", "--config", str(CONTRIB / "caddy" / "Caddyfile")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def test_logrotate_accepts_its_file(tmp_path: Path) -> None:
    logrotate = shutil.which("logrotate")
    if logrotate is None:
        pytest.skip("there is no logrotate here")
    text = (CONTRIB / "logrotate" / "pressrelay").read_text("utf-8").replace("su pressrelay pressrelay", "su root root")
    (tmp_path / "own").write_text(text, "utf-8")
    (tmp_path / "own").chmod(0o644)
    words = [logrotate, "--debug", "--state", str(tmp_path / "state"), str(tmp_path / "own")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr


def test_no_layer_of_an_image_holds_the_history_or_passwords() -> None:
    """Podman and Docker read this file: https://docs.docker.com/build/concepts/context/#dockerignore-files"""
    left_out = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {".git", ".venv", "data", "**/.env"} <= set(left_out)


def test_compose_and_the_container_fit_together() -> None:
    services = yaml.safe_load((CONTRIB / "container" / "compose.yaml").read_text("utf-8"))["services"]
    containerfile = (CONTRIB / "container" / "Containerfile").read_text("utf-8")
    parts = [tuple(one["command"]) for one in services.values() if one.get("image") == "pressrelay"]
    assert parts == [("serve", "--only", part) for part in ("web", "web", "worker", "deliver")]
    for name, one in services.items():
        for needed in one.get("depends_on", ()):
            assert needed in services, (name, needed)
    assert "USER 10001" in containerfile and "/readyz" in containerfile
    assert all(
        one["read_only"] and one["cap_drop"] == ["ALL"] for one in services.values() if one.get("image") == "pressrelay"
    )


def test_the_proxy_of_compose_is_the_documented_one() -> None:
    """It differs only in the lines that are replaced here."""
    documented = (ROOT / "docs" / "nginx.conf").read_text("utf-8")
    servers = iter(("web-1:8080", "web-2:8080"))
    expected = re.sub(r"127\.0\.0\.1:8080(?= max_fails)", lambda _: next(servers), documented)
    expected = expected.replace("user www-data;", "user nginx;").replace("/var/lib/nginx", "/tmp")
    assert (CONTRIB / "container" / "nginx.conf").read_text("utf-8") == expected


def test_the_values_of_the_chart_fit_their_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema, cls=jsonschema.Draft7Validator)
    for wrong in ({"replicas": {"web": 0, "worker": 1, "deliver": 1}}, {"baseUrl": "press.example.org"}, {"imgae": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values | wrong, schema, cls=jsonschema.Draft7Validator)
    used = {
        match
        for path in (CHART / "templates").iterdir()
        for match in re.findall(r"\.Values\.(\w+)", path.read_text("utf-8"))
    }
    assert used == set(values), "each value is used, and each that is used exists"
    for name in values["settings"]:
        assert name in Settings.__struct_fields__, name


@pytest.mark.slow
def test_a_wheel_works_without_a_checkout(tmp_path: Path) -> None:
    """Built from the sources, installed into an environment of its own, and run from an empty directory."""
    words = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "-q",
        "-w",
        str(tmp_path),
        str(_copied(tmp_path)),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("pressrelay-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for needed in ("wsgi.py", "docs/operating.md", "app/web/templates/base.html", "schemas/xsd/press-release.xsd"):
        assert needed in inside, needed
    assert not [name for name in inside if name.startswith("tests/")]
    own = tmp_path / "own"
    venv.create(own, with_pip=False)
    (site,) = own.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    # The libraries of this environment after the program's own place, and without the checkout that is installed there for editing.
    (site / "libraries.pth").write_text(libraries + "\n", "utf-8")
    server = Server(tmp_path / "server")
    server.environ = {name: value for name, value in server.environ.items() if name != "PYTHONPATH"}
    program = [str(own / "bin" / "python"), "-m", "app.cli"]
    (tmp_path / "empty").mkdir()
    asked = "import app, docs; print(app.__file__)"
    where = subprocess.run(
        [program[0], "-c", asked],
        cwd=tmp_path / "empty",
        env=server.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(site) in where.stdout, "the checkout is not what is tried"
    doctor = subprocess.run(
        [*program, "doctor"], cwd=tmp_path / "empty", env=server.environ, capture_output=True, text=True, check=False
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    with tempfile.TemporaryFile("w+") as output:
        running = subprocess.Popen(
            [*program, "serve"], cwd=tmp_path / "empty", env=server.environ, stdout=output, stderr=output
        )
        try:
            _answers(server, running, output)
            assert server.client.get("/docs/operating").status_code == 200
            assert server.client.get("/feed.atom").status_code == 200
        finally:
            running.terminate()
            running.wait(30)
            server.client.close()


def _copied(directory: Path) -> Path:
    """The sources, so that building leaves nothing in the checkout."""
    tracked = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    for name in filter(None, tracked):
        if (ROOT / name).is_file() and not name.startswith(("tests/", ".")):
            target = directory / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    return directory / "source"


def _answers(server: Server, running: "subprocess.Popen[bytes]", output: IO[str]) -> None:
    def ready() -> bool:
        if running.poll() is not None:
            output.seek(0)
            raise AssertionError(output.read())
        try:
            return server.client.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    until(ready, 60)
