"""The measurements themselves: what they push is accepted by the schema, and a quick run ends with every figure."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree

from bench import wrk
from bench.__main__ import PARTS, main
from bench.figures import Target, figure, percentile
from bench.imports import imported, write_archive
from bench.releases import axes, document, grid, samples
from schemas import xsd

ROOT = Path(__file__).parent.parent
# The parts of one run: `plan` compares with what `costs` measured before it in the same process. Several runs, so that others of
# the slow tests can run beside each.
GROUPS = (
    ("costs", "plan"),
    ("serve", "storm", "nodes", "pages"),
    ("ingest", "scale", "change", "freshness", "import", "embargo"),
    ("push", "desk", "counting", "builder"),
)


def test_releases_are_valid_and_repeat() -> None:
    first = document(list(samples(20, "test")))
    assert first == document(list(samples(20, "test")))
    assert xsd("press-release").validate(etree.fromstring(first)), xsd("press-release").error_log


def test_grid_fills_each_of_its_feeds() -> None:
    regions, topics = axes()
    pairs = [(region, topic) for region in regions.values[:2] for topic in topics.values[:2]]
    made = list(grid(pairs, 3, "test"))
    assert Counter((part.region.code, part.topics[0].code) for part in made) == {
        (region.code, topic.code): 3 for region, topic in pairs
    }
    assert {part.lang for part in made} == {"ko"}


def test_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # What disturbs the second round disturbs both sides of it.
    one = figure("x", "y", "requests/s", [90, 10, 80], peer="z", peer_runs=[100, 20, 100], target=Target(0.8, "ratio"))
    assert (one.value, one.peer_value, one.ratio, one.reached) == (80, 100, 0.8, True)
    assert figure("x", "y", "ms", [4.0], target=Target(3.0, sense="at most")).reached is False
    within = Target(2.0, "ratio", "within")
    ratios = [figure("x", "y", "ms", [value], peer="z", peer_runs=[10], target=within) for value in (4, 6, 19, 21)]
    assert [one.reached for one in ratios] == [False, True, True, False]
    assert figure("x", "y", "ms", [4.0], peer="nginx", note="is not installed").ratio is None
    assert percentile([3, 1, 2, 4], 0.5) == 3


def test_each_part_is_in_a_quick_run() -> None:
    assert sorted(part for parts in GROUPS for part in parts) == sorted(PARTS)


@pytest.mark.slow
@pytest.mark.first
@pytest.mark.parametrize("parts", GROUPS, ids=",".join)
def test_quick_run(tmp_path: Path, parts: tuple[str, ...]) -> None:
    file = tmp_path / "figures.json"
    program = f"from bench import __main__ as bench; bench.PARTS = {{name: bench.PARTS[name] for name in {parts}}}; bench.main()"
    command = [sys.executable, "-c", program, "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(file.read_bytes())
    measured = {one["part"] for one in told["figures"]}
    left_out = {line.split(" ")[0].rstrip(":") for line in told["left_out"]}  # what is not installed, or not allowed
    assert measured == set(parts) - left_out and left_out <= {"serve", "storm", "nodes", "costs", "plan"}
    assert not {"serve", "storm"} & left_out or wrk.missing()
    assert all(one["value"] > 0 for one in told["figures"])
    # What `pressrelay plan` reckons with is what a real server takes, at both sizes, within the factors that it says.
    compared = [one for one in told["figures"] if one["part"] == "plan"]
    assert len(compared) == (16 if "plan" in measured else 0) and all(one["target"]["bound"] <= 2 for one in compared)
    assert [(one["what"], one["ratio"]) for one in compared if not one["reached"]] == []
    for one in told["figures"]:  # a peer is measured, or it says why not
        assert not one["peer"] or (one["ratio"] or 0) > 0 or "not installed" in one["note"], one


@pytest.mark.slow
@pytest.mark.parametrize("what", ["push", "cold"])
def test_a_profile(tmp_path: Path, what: str) -> None:
    command = [sys.executable, "-m", "bench", "profile", what, "--quick"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    if "may not look at the server" in done.stderr:
        pytest.skip("py-spy may not look at other processes here (ptrace)")
    assert done.returncode == 0, done.stderr
    assert "looks at one web worker" in done.stdout and "itself" in done.stdout
    assert (tmp_path / f"profile-{what}.svg").read_text("utf-8").count("<rect") > 20
    function = {"push": "app/store", "cold": "app/"}[what]
    assert function in done.stdout


@pytest.mark.parametrize("words", [["profile"], ["serve", "push"], ["profile", "nothing"]])
def test_a_profile_of_nothing(words: list[str]) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit) and "Error: " in done.stderr


@pytest.mark.slow
def test_import_takes_no_more_memory_for_a_larger_archive(tmp_path: Path) -> None:
    memory = []
    for size in (200, 3_000):
        archive = tmp_path / str(size)
        archive.mkdir()
        write_archive(archive, size)
        memory.append(imported(archive)[1])
    assert memory[1] < memory[0] * 1.25 + 10, memory  # MiB; 3,000 articles are 14 MiB as files, and 40 as objects
