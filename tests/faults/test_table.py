"""README.md beside this file leads from each fault and each rule of histories to tests that exist."""

import ast
import re
from pathlib import Path

from tests.conftest import ROOT

PAGE = (Path(__file__).parent / "README.md").read_text()
ROW = re.compile(r"^\| ([FH]\d+) \|(.*)\|$", re.M)
NUMBERS = [*(f"F{number:02}" for number in range(1, 33)), *(f"H{number}" for number in range(1, 11))]


def test_each_number_stands_there_once() -> None:
    assert [number for number, _ in ROW.findall(PAGE)] == NUMBERS


def test_each_row_leads_to_tests_that_exist() -> None:
    wrong = []
    for number, row in ROW.findall(PAGE):
        *_, cell = row.split("|")
        named = re.findall(r"`([\w/.]+)::(\w+)`", cell)
        assert named and ", ".join(f"`{path}::{name}`" for path, name in named) == cell.strip(), number
        wrong += [f"{number}: {path}::{name}" for path, name in named if name not in _functions(ROOT / path)]
    assert wrong == []


def _functions(path: Path) -> set[str]:
    body = ast.parse(path.read_text()).body if path.is_file() else []
    return {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_each_module_of_faults_stands_there() -> None:
    """But those of one part's own promises, which have pages of their own."""
    named = {path for path, _ in re.findall(r"`([\w/.]+)::(\w+)`", PAGE)}
    modules = {str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("test_*.py")}
    assert {path for path in modules - named if not path.startswith(OTHERS)} == {"tests/faults/test_table.py"}


OTHERS = tuple(
    f"tests/faults/test_{name}"
    for name in ("nodes_disks", "nodes_network", "nodes_partitions", "postgres_", "backup_point", "upgrade_")
)
