"""`pressrelay plan`: its output, what it refuses, and that docs/scaling.md shows this output. tests/test_bench.py compares the
model with a real server."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from app.cli import cli
from app.commands.plan import plan_command
from app.errors import Misconfigured
from app.settings import Settings
from app.sizing import BYTES_WITHIN, HostSize, MeasuredCosts, SizePlan, polls_of, read_costs, size_plan
from app.sizing import planning as planned
from app.sizing.costs import VERSION
from app.sizing.demand import Demand
from tests.conftest import ROOT

COSTS = ROOT / "app" / "sizing" / "costs.json"
SCALING = ROOT / "docs" / "scaling.md"
NATION = [
    "--offices",
    "4000",
    "--pushes-a-day",
    "20000",
    "--subscribers",
    "50000",
    "--polls",
    "20000@30s",
    "--files-mb",
    "0",
]
HOST = HostSize(cores=4, memory=8e9, disk=1e12, bandwidth=1.25e8, busy=0.5)
DEMAND = Demand(
    offices=40,
    pushes=1000,
    busiest_hour=0.2,
    busiest_minute=0.1,
    text=4000,
    files=0,
    years=1,
    feeds=100,
    changed=10,
    page=50,
    polls=10,
    compressed=1,
    unchanged=0.8,
    proxied=0,
    webhooks=10,
    websubs=10,
    mails=10,
    reached=3,
)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *words])


def told(*words: str) -> dict[str, Any]:
    done = run("--json", *words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def shipped() -> MeasuredCosts:
    return read_costs(COSTS.read_bytes(), "costs.json")


def planning(demand: Demand, wanted: str = "", host: HostSize = HOST) -> SizePlan:
    return size_plan(shipped(), demand, host, 365, wanted)


# What it says


def test_a_small_province_needs_one_machine_and_sqlite() -> None:
    done = run("--files-mb", "0")
    assert done.exit_code == 0
    assert "One machine is enough, with SQLite." in done.output
    assert "1 × whole server\n" in done.output and "2 web, 1 worker, 1 deliver\n" in done.output


def test_a_nation_needs_more_and_it_says_why_sqlite_is_not_enough() -> None:
    plan = told(*NATION)["plan"]
    assert (plan["database"], plan["one_machine"], plan["fits"]) == ("postgresql", False, True)
    assert plan["notes"][0] == "SQLite is not enough: it stays on one machine."
    assert plan["lacking"][0].startswith("processors (")
    assert plan["hosts"]["web, worker and deliver"] >= 2
    assert told(*NATION, "--database", "sqlite")["plan"]["fits"] is False
    said = run(*NATION, "--database", "sqlite").output
    assert "SQLite is not enough: it stays on one machine, which lacks processors" in said


def test_one_machine_may_need_postgresql() -> None:
    plan = planning(replace(DEMAND, pushes=20_000, reached=600, mails=0), host=replace(HOST, cores=64))
    assert (plan.one_machine, plan.database) == (True, "postgresql")
    assert plan.notes[0].startswith("SQLite is not enough: it lacks turns to write (")


def test_each_number_has_its_bounds_and_where_it_comes_from() -> None:
    estimates = told(*NATION)["plan"]["estimates"]
    assert {"memory", "cache", "database", "bandwidth", "counter row", "processor: web"} <= set(estimates)
    for name, one in estimates.items():
        assert one["low"] <= one["value"] <= one["high"] and one["unit"] and one["source"], name
    exact = {name for name, one in estimates.items() if one["low"] == one["high"]}
    assert exact == {"pushes", "polls", "deliveries", "files"}  # They follow from what the operator said.


def test_numbers_follow_from_the_costs() -> None:
    plan, costs = planning(DEMAND), shipped().databases["sqlite"]
    articles = 1000 * 365
    delivered = 1000 * 3 * 30 * costs.delivery  # a delivery stays for thirty days
    kept = costs.empty + articles * costs.article.of(4000) + delivered + 30 * costs.subscription
    assert plan.estimates["database"].value == pytest.approx(kept / 1e9)
    assert plan.estimates["database"].high == pytest.approx(kept / 1e9 * BYTES_WITHIN)
    assert plan.estimates["pushes"].value == pytest.approx(1000 * 0.2 * 0.1 / 60)
    feed = 50 * costs.entry.of(4000)
    assert plan.estimates["bandwidth"].value > 10 * 0.2 * (feed * costs.compressed) * 8 / 1e6
    assert plan.estimates["counter row"].value == pytest.approx(1000 * 0.2 * 0.1 / 60 * costs.counter / 10)


@pytest.mark.parametrize(
    ("more", "quantity"),
    [
        ({"pushes": 2000}, "database"),
        ({"pushes": 2000}, "counter row"),
        ({"pushes": 2000}, "processor: web"),
        ({"years": 2}, "database"),
        ({"text": 8000}, "database"),
        ({"text": 8000}, "bandwidth"),
        ({"feeds": 200}, "cache"),
        ({"feeds": 200}, "memory"),
        ({"polls": 100}, "processor: web"),
        ({"unchanged": 0.1}, "bandwidth"),
        ({"compressed": 0.0}, "bandwidth"),
        ({"reached": 30}, "processor: deliver"),
        ({"files": 1e6}, "files"),
    ],
)
def test_more_load_needs_more(more: dict[str, float], quantity: str) -> None:
    before, after = planning(DEMAND), planning(replace(DEMAND, **more))
    assert after.estimates[quantity].value > before.estimates[quantity].value * 1.001


def test_a_cache_in_front_takes_polls_away() -> None:
    polled = replace(DEMAND, polls=10_000)
    assert planning(polled).processes["web"] > planning(replace(polled, proxied=0.95)).processes["web"]
    assert planning(replace(DEMAND, proxied=1)).estimates["polls"].value == 0


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ({"pushes": 5_000_000, "busiest_minute": 0.02, "changed": 0, "years": 0.001, "reached": 0}, "the one writer"),
        ({"reached": 30, "pushes": 500_000, "years": 0.01, "changed": 0}, "deliveries"),
        ({"polls": 3000, "unchanged": 0, "compressed": 0.0}, "bandwidth"),
        ({"files": 2e6}, "disk"),
        ({"polls": 8000, "unchanged": 1}, "web workers"),
    ],
)
def test_the_first_limit(more: dict[str, float], first: str) -> None:
    limits = planning(replace(DEMAND, **more), "sqlite").limits
    assert limits[0].name.startswith(first), [(limit.name, limit.share) for limit in limits]
    assert [limit.share for limit in limits] == sorted((limit.share for limit in limits), reverse=True)


def test_no_number_of_hosts_writes_faster_than_the_counter_row() -> None:
    plan = planning(replace(DEMAND, pushes=10_000_000, years=0.001, changed=0, reached=0))
    assert not plan.fits and any("divide the offices among several servers" in note for note in plan.notes)


def test_pollers_and_polls_say_the_same() -> None:
    assert sum(
        one.a_second for one in polls_of(["2000@30s", "600/minute", "600", "10/second", "1@1h"])
    ) == pytest.approx(2000 / 30 + 10 + 10 + 10 + 1 / 3600)


def test_defaults_are_those_of_the_server() -> None:
    settings = Settings()
    assert (settings.hot_memory, settings.workers) == (planned.HOT_MEMORY, planned.LEAST_WEB)
    assert settings.cache_memory == f"{planned.CACHE_MEMORY / 1e6:.0f}mb"


def test_help_says_units_and_the_group_imports_nothing_of_it() -> None:
    for option in plan_command.params:
        if isinstance(option, click.Option) and option.name not in ("as_json", "file", "database"):
            assert (option.help and option.default is not None) or "[default:" in (option.help or ""), option.name
    code = "import sys; from app.cli import cli\ntry: cli(['--help'])\nexcept SystemExit: print('app.sizing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Say how large a server must be." in done.stdout and done.stdout.endswith("False\n")


# What it refuses


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--offices", "-1"], "-1 is not in the range 1<=x<=10000000."),
        (["--pushes-a-day", "-5"], "-5.0 is not in the range"),
        (["--pushes-a-day", "nan"], "nan is not a number."),
        (["--pushes-a-day", "1e400"], "inf is not in the range"),
        (["--days", "0"], "0.0 is not in the range 0<x<=366."),
        (["--years", "0"], "0.0 is not in the range 0<x<=1000."),
        (["--compressed", "101"], "101.0 is not in the range 0<=x<=100."),
        (["--busy", "0"], "0.0 is not in the range 0<x<=100."),
        (["--cores", "many"], "'many' is not a valid integer"),
    ],
)
def test_a_value_outside_its_range(words: list[str], sentence: str) -> None:
    done = run(*words)
    assert done.exit_code == 2 and sentence in done.output, done.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--polls", "-1/minute"], "--polls '-1/minute' is not understood: expected COUNT/minute"),
        (["--polls", "5/year"], "--polls '5/year' is not understood"),
        (["--polls", "10@0s"], "--polls '10@0s' has an interval of 0"),
        (["--polls", "9" * 15 + "/second"], "is more than 1,000,000,000,000 polls a minute."),
        (["--polls", "9" * 400], "is not understood"),
        (["--polls", "١/minute"], "is not understood"),
        (["--webhooks", "60", "--mails", "50"], "--webhooks 60 and --mails 50 are more than 100 percent together."),
        (["--subscribers", "5", "--reach", "6"], "--reach 6 is more than all subscriptions, which are 5."),
        (["--costs", "/nowhere/costs.json"], "/nowhere/costs.json cannot be read: No such file or directory."),
        (["--costs", "/"], "/ cannot be read: Is a directory."),
    ],
)
def test_what_contradicts_itself_or_is_not_understood(words: list[str], sentence: str) -> None:
    done = run(*words)
    assert isinstance(done.exception, Misconfigured)
    assert sentence in str(done.exception) and "\n" not in str(done.exception)


def changed(**members: Any) -> bytes:
    found = msgspec.json.decode(COSTS.read_bytes())
    for path, value in members.items():
        at = found
        *way, last = path.split("__")
        for name in way:
            at = at[name]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", f"is not a file of costs of version {VERSION}: its version is None."),
        (changed(version=VERSION + 1), f"is not a file of costs of version {VERSION}: its version is {VERSION + 1}."),
        (changed(version="1" * 90), f"its version is {'1' * 40}. Measure"),
        (changed(databases={}), "has costs of no database: expected sqlite or postgresql."),
        (changed(databases__sqlite__push=None), "is not a whole file of costs"),
        (changed(databases__sqlite__push__web=-1), "databases.sqlite.push.web is -1, but no cost is negative."),
        (changed(databases__sqlite__counter="fast"), "is not a whole file of costs"),
        (b"[" * 100_000, "is not JSON"),
        (b" " * 1_048_577, "is too large for a file of costs: the limit is 1,048,576 bytes."),
    ],
)
def test_a_bad_file_of_costs(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "costs.json"
    file.write_bytes(content)
    done = run("--costs", str(file))
    assert isinstance(done.exception, Misconfigured)
    assert sentence in str(done.exception) and "\n" not in str(done.exception)


def test_costs_of_zero_are_costs(tmp_path: Path) -> None:
    """A very fast machine may measure a cost of 0; nothing is divided by it."""
    found = msgspec.json.decode(COSTS.read_bytes())

    def nothing(value: Any) -> Any:
        return {name: nothing(one) for name, one in value.items()} if isinstance(value, dict) else 0.0

    file = tmp_path / "costs.json"
    file.write_bytes(msgspec.json.encode(found | {"databases": nothing(found["databases"])}))
    assert run("--costs", str(file)).exit_code == 0


def test_without_costs_of_postgresql_it_says_that_they_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "costs.json"
    file.write_bytes(changed(databases__postgresql=None))
    assert run("--costs", str(file), "--files-mb", "0").exit_code == 0
    done = run("--costs", str(file), *NATION)
    assert str(done.exception).startswith("This plan needs PostgreSQL, but the costs were measured without it.")


def test_the_command_line_shows_one_sentence_and_no_traceback() -> None:
    command = [sys.executable, "-m", "app.cli", "plan", "--polls", "often"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout
    assert re.fullmatch(r"pressrelay: --polls 'often' is not understood: .*\n", done.stderr)


@pytest.mark.parametrize("most", [True, False])
def test_the_largest_and_the_smallest_of_everything(most: bool) -> None:
    words = ["--polls", "999999999999/minute" if most else "0"]
    for option in plan_command.params:
        if isinstance(option.type, click.FloatRange | click.IntRange) and option.name not in ("mails", "webhooks"):
            bound = option.type.max if most else option.type.min
            assert bound is not None and option.name
            if option.type.min_open and not most:
                bound = 1e-6
            words += [option.opts[0], f"{bound:.10g}"]
    if most:
        words += ["--reach", "1e12", "--subscribers", "1e12"]
    plan = told(*words)["plan"]
    assert all(abs(one["value"]) < float("inf") for one in plan["estimates"].values())


# What the documentation shows


def test_examples_of_the_documentation_are_what_it_says() -> None:
    """After new measurements of the costs: `PRESSRELAY_DOCS=write python -m pytest tests/test_plan.py`"""
    page = SCALING.read_text("utf-8")
    blocks = re.findall(r"^```\n\$ pressrelay (plan[^\n]*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for words, shown in blocks:
        done = run(*shlex.split(words)[1:])
        assert done.exit_code == 0, done.output
        if os.environ.get("PRESSRELAY_DOCS") == "write":
            page = page.replace(f"$ pressrelay {words}\n{shown}", f"$ pressrelay {words}\n{done.output}")
        else:
            assert shown == done.output, words
    if os.environ.get("PRESSRELAY_DOCS") == "write":
        SCALING.write_text(page, "utf-8")
