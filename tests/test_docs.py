"""A setting, a route, a command, a problem type or a figure without its line in the documentation fails here."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from app.cli import cli
from app.settings import PREFIX, SETTINGS, Setting
from app.web.app import BLUEPRINTS
from bench.__main__ import PARTS, main
from bench.profile import LOADS
from feeds import FORMATS

ROOT = Path(__file__).parent.parent
HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
FIGURES = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / n for n in ("README.md", "CHANGES.md", "CONTRIBUTING.md", "SECURITY.md")),
]

# A problem's type as written in the source: after the status, as `kind` of a store's outcome, or as a default.
TYPES = re.compile(
    r"Problem\(\s*\d{3},\s*\"([a-z-]+)\"|type: str = \"([a-z-]+)\"|(?<!rel=)\"([a-z]+-version)\"|type=\"(?!html\")([a-z-]+)\"\)"
)


def routes() -> list[str]:
    app = Flask("app", static_folder=None)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return sorted(
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def commands(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            below = command.get_command(context, part)
            assert below is not None
            yield from commands(below, f"{name} {part}")
    else:
        yield name


def problem_types() -> list[str]:
    found = {"unavailable", "already-public", "wrong-office"}
    for file in (ROOT / "app").rglob("*.py"):
        for match in TYPES.finditer(file.read_text(encoding="utf-8")):
            found.add(next(filter(None, match.groups())))
    return sorted(found | {f"{how}-{what}" for how in ("unknown", "ambiguous") for what in ("region", "topic")})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_setting(setting: Setting) -> None:
    default = f"`{setting.default}`" if setting.default != "" else ""
    line = f"| `{PREFIX}{setting.name.upper()}` | {default} | {setting.help} |"
    assert line in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("route", routes())
def test_route(route: str) -> None:
    assert f"| `{route}` |" in HTTP


def test_routes_are_not_invented() -> None:
    assert set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) /\S*)`", HTTP, re.MULTILINE)) == set(routes())


@pytest.mark.parametrize("command", sorted(commands(cli, "pressrelay")))
def test_command(command: str) -> None:
    assert f"`{command}`" in OPERATING


@pytest.mark.parametrize("type", problem_types())
def test_problem_type(type: str) -> None:
    assert re.search(rf"^\| \d{{3}} \| [^|]*`{type}`", HTTP, re.MULTILINE)


def test_problem_types_are_not_invented() -> None:
    rows = re.findall(r"^\| \d{3} \| ((?:`[a-z-]+`(?:, )?)+) \|", HTTP, re.MULTILINE)
    assert {type for row in rows for type in re.findall(r"[a-z-]+", row)} == set(problem_types())


@pytest.mark.parametrize("format", FORMATS)
def test_format(format: str) -> None:
    assert f"`{format}`" in HTTP


def test_figures_name_commands_that_exist() -> None:
    quoted = re.findall(r"python -m bench([^`\n]*)", FIGURES)
    assert quoted
    options = {name for parameter in main.params for name in parameter.opts if name.startswith("--")}
    for words in quoted:
        for word in words.split():
            assert word in (*PARTS, "profile", *LOADS, *options) or re.fullmatch(r"[\d_]+|[\w./-]+\.json", word), words


def test_security_names_settings_and_commands_that_exist() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert set(re.findall(r"PRESSRELAY_(\w+)", page)) <= {setting.name.upper() for setting in SETTINGS}
    known = set(commands(cli, "pressrelay"))
    for words in re.findall(r"`(pressrelay [a-z ]+)", page):
        assert any(words.strip().startswith(command) for command in known), words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_make_help_lists_each_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    told = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", told.stdout, re.MULTILINE))
    assert set(lines) == set(phony[1].split())


def test_ci_leaves_no_test_out() -> None:
    """`make test` runs the tests that are not slow, `make test-slow` the others, and CI runs both."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    marks = dict(re.findall(r"^(test[\w-]*):.*\n\t.* -m pytest .*-m (\"not slow\"|slow)$", makefile, re.MULTILINE))
    assert marks == {"test": '"not slow"', "test-slow": "slow"}
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make test", "make test-slow"} <= set(run)


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/design.md"])
def test_pages_for_developers_name_what_exists(document: str) -> None:
    """Each file that the page names exists; and if it says "`NAME` in `FILE`", the file defines that name."""
    page = (ROOT / document).read_text(encoding="utf-8")
    files = set(re.findall(r"`((?:app|feeds|schemas|tests|docs|\.ci|extract)/[\w./-]*)`", page))
    assert len(files) > 30
    assert not [name for name in files if "NAME" not in name and not (ROOT / name).exists()]
    defined = re.findall(r"`(\w+)` (?:of|in) `([\w/]+\.py)`", page)
    assert len(defined) >= 6
    for name, file in defined:
        assert re.search(
            rf"^ *(class |(async )?def )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE
        ), (name, file)
