"""The files of a release: the same bytes for the same sources, an inventory that is true, and a signature that anybody can verify."""

import hashlib
import json
import os
import runpy
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.test_contrib import _copied

ROOT = Path(__file__).parent.parent
INSTANT = 1_790_000_000
WHO = "release@press.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `make release` makes, from a copy of the sources, signed by a key of this test."""
    directory = tmp_path_factory.mktemp("release")
    root = _copied(directory)
    shutil.copytree(ROOT / ".ci", root / ".ci")
    key = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signers = directory / "signers"
    signers.write_text(f"{WHO} {(directory / 'key.pub').read_text()}", "utf-8")
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(INSTANT)}
    command = [sys.executable, str(root / ".ci" / "release"), str(key)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {"root": root, "dist": root / "dist", "signers": signers, "said": done.stdout}


def verified(dist: Path, signers: Path) -> bool:
    """As docs/upgrading.md tells it."""
    check = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", WHO, "-n", "pressrelay-release"]
    try:
        sums = (dist / "SHA256SUMS").read_bytes()
        signed = (
            subprocess.run([*check, "-s", str(dist / "SHA256SUMS.sig")], input=sums, capture_output=True).returncode
            == 0
        )
    except FileNotFoundError:
        return False
    whole = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=dist, capture_output=True).returncode == 0
    return signed and whole


@pytest.mark.slow
@pytest.mark.first
def test_the_same_sources_give_the_same_bytes(made: dict[str, Any], tmp_path: Path) -> None:
    """Whoever builds them, whenever: from files of another time, under another umask."""
    again = tmp_path / "again"
    shutil.copytree(made["root"], again, ignore=shutil.ignore_patterns("dist", "build", "*.egg-info"))
    for path in again.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    mask = os.umask(0o002)
    try:
        assert runpy.run_path(str(ROOT / ".ci" / "release"))["built"](again, tmp_path / "dist", INSTANT) == ""
    finally:
        os.umask(mask)
    for path in (tmp_path / "dist").iterdir():
        first = (made["dist"] / path.name).read_bytes()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == hashlib.sha256(first).hexdigest(), path.name


@pytest.mark.slow
@pytest.mark.first
def test_the_inventory_lists_what_is_installed(made: dict[str, Any]) -> None:
    (file,) = made["dist"].glob("*.cdx.json")
    text = file.read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {part["name"].lower().replace("_", "-"): part for part in json.loads(text)["components"]}
    for name in ("flask", "feedgen", "lxml", "sqlalchemy", "granian", "isal"):
        assert listed[name]["version"] == metadata.version(name) and listed[name]["purl"].startswith(
            f"pkg:pypi/{name}@"
        )
    assert "pytest" not in listed and "pip" not in listed, "only what a server needs"


@pytest.mark.slow
@pytest.mark.first
def test_what_a_release_is_signed_with(made: dict[str, Any], tmp_path: Path) -> None:
    assert verified(made["dist"], made["signers"])
    assert {line.split("  ")[1] for line in (made["dist"] / "SHA256SUMS").read_text().splitlines()} == {
        path.name for path in made["dist"].iterdir() if not path.name.startswith("SHA256SUMS")
    }
    for harm in ("a changed byte", "another sum", "another key", "a file that is missing", "no signature"):
        dist, signers = tmp_path / harm, made["signers"]
        shutil.copytree(made["dist"], dist)
        (wheel,) = dist.glob("*.whl")
        if harm == "a changed byte":
            body = bytearray(wheel.read_bytes())
            body[len(body) // 2] ^= 1
            wheel.write_bytes(body)
        elif harm == "another sum":
            body = bytearray(wheel.read_bytes()) + b"x"
            wheel.write_bytes(body)
            sums = (dist / "SHA256SUMS").read_text()
            old = next(line for line in sums.splitlines() if line.endswith(wheel.name))
            (dist / "SHA256SUMS").write_text(sums.replace(old, f"{hashlib.sha256(body).hexdigest()}  {wheel.name}"))
        elif harm == "another key":
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
            signers = tmp_path / "signers"
            signers.write_text(f"{WHO} {(tmp_path / 'other.pub').read_text()}", "utf-8")
        elif harm == "a file that is missing":
            wheel.unlink()
        else:
            (dist / "SHA256SUMS.sig").unlink()
        assert not verified(dist, signers), harm


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / name), *words], capture_output=True, text=True, timeout=120
    )


def test_a_key_that_is_not_there() -> None:
    done = run("release", "/nowhere/key")
    assert done.returncode == 1 and done.stderr.startswith("There is no key /nowhere/key. Make one: ssh-keygen")
    assert run("release", "a", "b").stderr == "Give one key at most: .ci/release [KEY]\n"


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 of 1 libraries were looked up; 0 known vulnerabilities."),
        ([{"name": "a", "skip_reason": "not found"}], 3, "No advisory service can be reached"),
        ([], 3, "No advisory service can be reached"),
        (
            [
                {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]},
                {"name": "b", "skip_reason": "x"},
            ],
            1,
            "a 1: CVE-1, fixed in 1.1",
        ),
    ],
)
def test_what_is_known_of_vulnerabilities(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[Any], code: int, said: str
) -> None:
    """What pip-audit answers, in all its ways; the service itself is another host's."""
    audit = runpy.run_path(str(ROOT / ".ci" / "audit"))
    answer = subprocess.CompletedProcess([], 1, json.dumps({"dependencies": found}), "no connection\n")
    monkeypatch.setattr(audit["subprocess"], "run", lambda *_, **__: answer)
    assert audit["main"]([]) == code and said in capsys.readouterr().out
    assert audit["main"](["--if-reached"]) == (0 if code == 3 else code)
