"""The measurements themselves: what they push is accepted by the schema, and a quick run ends with every figure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

from bench.measure import Result, imported, ratios, write_archive
from bench.releases import document, samples
from schemas import xsd

ROOT = Path(__file__).parent.parent


def test_releases_are_valid_and_repeat() -> None:
    first = document(list(samples(20, "test")))
    assert first == document(list(samples(20, "test")))
    assert xsd("press-release").validate(etree.fromstring(first)), xsd("press-release").error_log


def test_ratio_is_large_by_small() -> None:
    results = [Result("atom", 200.0, "requests/s", (), 1_000), Result("atom", 150.0, "requests/s", (), 100_000)]
    assert ratios(results) == {"atom": 0.75}
    assert ratios(results[:1]) == {}


@pytest.mark.slow
def test_quick_run(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_bytes())
    assert len({result["name"] for result in figures["results"]}) == 14
    assert all(result["value"] > 0 for result in figures["results"])
    assert len(figures["ratios"]) == 10


@pytest.mark.slow
def test_import_takes_no_more_memory_for_a_larger_archive(tmp_path: Path) -> None:
    memory = []
    for size in (200, 3_000):
        archive = tmp_path / str(size)
        archive.mkdir()
        write_archive(archive, size)
        memory.append(imported(archive)[1])
    assert memory[1] < memory[0] * 1.25 + 10, memory  # MiB; 3,000 articles are 14 MiB as files, and 40 as objects
