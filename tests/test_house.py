"""Enforces which parts of the code may import which, and which folders are pure. It reads the source and runs nothing."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSE = ("wsgi", "app", "feeds", "schemas", "extract")

# A package may import these packages besides itself.
ARROWS = {
    "wsgi": {"app"},
    "app": {"feeds", "schemas", "extract"},
    "feeds": {"schemas"},
    "schemas": set(),
    "extract": set(),
}

# Inside app, the floors from the ground up: a room imports only rooms of lower floors. A module that stands alone in `app/` counts as
# a room. `app.web.routes` is within `app.web`, and `app.intake.parsers` within `app.intake`.
FLOORS = (
    ("errors", "measures", "requestid"),
    ("text", "cache", "accounts", "outbound", "liveness", "sizing", "spans"),
    ("logs", "query", "settings"),
    ("store", "files"),
    ("announce",),
    ("witness",),
    ("context",),
    ("intake", "syndication"),
    ("deliveries", "desk"),
    ("run",),
    ("web", "sender"),
    ("backup",),
    ("commands",),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# A library that only one part of the house may import.
DOORS = {"sqlalchemy": "app.store", "alembic": "app.store", "redis": "app.cache"}

IMPURE_MODULES = {"time", "socket", "ssl", "subprocess", "threading", "random", "secrets", "tempfile", "urllib.request"}
IMPURE_MODULES |= {"http.client", "httpx", "requests", "flask", "sqlalchemy", "redis", "locale"}
IMPURE_CALLS = {
    *(f"datetime.{name}" for name in ("now", "utcnow", "today")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    *("date.today", "datetime.date.today", "uuid.uuid1", "uuid.uuid4", "os.getenv", "os.environ", "os.urandom"),
    *("locale.setlocale", "input", "print"),
}
WRITERS = {"write_text", "write_bytes", "mkdir", "unlink", "touch", "rename", "rmdir"}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = sorted(
    path for part in HOUSE for path in (ROOT / f"{part}.py", *(ROOT / part).rglob("*.py")) if path.exists()
)
MODULES = {dotted(path): path for path in SOURCES}


def within(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Absolute names of all imports; `from a import b` yields a and a.b, because b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
                base = ".".join(filter(None, (*parents, base)))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def loaded_first(module: str, path: Path) -> set[str]:
    """The modules of ours that a module needs while it is loaded itself: not those that only its functions import."""
    body = ast.parse(path.read_text("utf-8")).body
    outside = [
        node
        for node in body
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    names = set(imports(ast.Module(outside, []), module, path.name == "__init__.py")) & MODULES.keys()
    # `from app.web import limits` needs app.web.limits; app.web itself is listed only for what is no module.
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)} - {module}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Such a circle works as long as everybody imports its modules in one order."""
    graph = {module: loaded_first(module, path) for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))
    with pytest.raises(CycleError):
        TopologicalSorter(graph | {"app.web.limits": {"app.web.places"}}).prepare()


def import_faults(module: str, tree: ast.AST, is_package: bool = False) -> list[str]:
    """Every import of `module` that the house forbids."""
    names = sorted(set(imports(tree, module, is_package)))
    top = module.split(".")[0]
    return [
        name
        for name in names
        if any(rule(module, top, name) for rule in (_arrow, _upwards, _blueprints, _dialect, _door, _request))
    ]


def _arrow(module: str, top: str, name: str) -> bool:
    other = name.split(".")[0]
    return other in HOUSE and other != top and other not in ARROWS[top]


def room(module: str) -> str:
    """The room of a module of app: its folder, or its own name if it is directly in app; empty for anything else."""
    parts = module.split(".")
    return parts[1] if parts[0] == "app" and len(parts) > 1 else ""


def _upwards(module: str, top: str, name: str) -> bool:
    """Whether it imports another room on the same floor or a higher one; for the store also the cache, because stored data must not
    depend on it."""
    here, there = room(module), room(name)
    if (here, there) == ("store", "cache"):
        return True
    return bool(here) and there in FLOOR and here != there and FLOOR[there] >= FLOOR[here]


def _blueprints(module: str, top: str, name: str) -> bool:
    """Only the application imports routes; no other module does, and no route imports another."""
    return within(name, "app.web.routes") and name != module and module != "app.web.app"


def _dialect(module: str, top: str, name: str) -> bool:
    """A dialect may use the helpers that all dialects share, not another dialect."""
    mine, other = module.split("."), name.split(".")
    where = ["app", "intake", "parsers"]
    if mine[:3] != where or len(mine) < 4 or other[:3] != where or len(other) < 4:
        return False
    return other[3] != mine[3] and other[3] in dialects()


@cache
def dialects() -> set[str]:
    """A dialect is a module of app/intake/parsers with a function `parse`."""
    return {
        module.split(".")[3]
        for module, path in MODULES.items()
        if module.startswith("app.intake.parsers.")
        and any(isinstance(node, ast.FunctionDef) and node.name == "parse" for node in parsed(path).body)
    }


def _door(module: str, top: str, name: str) -> bool:
    door = DOORS.get(name.split(".")[0])
    return door is not None and not within(module, door)


def _request(module: str, top: str, name: str) -> bool:
    return name in ("flask.request", "flask.globals.request") and not within(module, "app.web")


def impurities(source: str) -> list[str]:
    """Every reading of the clock, the environment or the network, and every writing of a file."""
    tree = ast.parse(source)
    found = [name for name in imports(tree, "", False) if any(within(name, bad) for bad in IMPURE_MODULES)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in IMPURE_CALLS:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [f"os.{alias.name}" for alias in node.names if f"os.{alias.name}" in IMPURE_CALLS]
        elif isinstance(node, ast.Call) and _writes(node):
            found.append(ast.unparse(node))
    return found


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in WRITERS:
        return True
    arguments = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [argument.value for argument in arguments if isinstance(argument, ast.Constant)]
    return name == "open" and any(isinstance(mode, str) and len(mode) < 4 and set(mode) & set("wax+") for mode in modes)


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module: str) -> None:
    path = MODULES[module]
    assert import_faults(module, parsed(path), path.name == "__init__.py") == []


@pytest.mark.parametrize("module", [module for module in MODULES if module.split(".")[0] in ("feeds", "schemas")])
def test_feeds_and_schemas_are_pure(module: str) -> None:
    allowed = {"threading", "threading.Lock", "threading.local"} if module == "schemas" else set()
    assert set(impurities(MODULES[module].read_text("utf-8"))) <= allowed


def test_decisions_are_pure() -> None:
    assert impurities(MODULES["app.store.articles.decide"].read_text("utf-8")) == []


@pytest.mark.parametrize("module", [module for module in MODULES if within(module, "app.sizing")])
def test_sizing_is_pure(module: str) -> None:
    assert impurities(MODULES[module].read_text("utf-8")) == []


def test_schemas_are_compiled_in_one_place() -> None:
    """In that place each thread has its own copy, and one thread compiles at a time."""
    found = [
        module
        for module, path in MODULES.items()
        if re.search(r"\b(XMLSchema|RelaxNG|Schematron)\(", path.read_text("utf-8"))
    ]
    assert found == ["schemas"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("feeds.rss", "from app import settings"),
        ("schemas", "import feeds"),
        ("wsgi", "import feeds.rss"),
        ("app.store.articles", "from app.cache import Cache"),
        ("app.cache.redis", "from app import store"),
        ("app.store.articles", "from ..cache import Cache"),
        ("app.intake.normalize", "import app.web.routes.ingest"),
        ("app.web.forms", "from app.web.routes import feeds"),
        ("app.web.routes.archives", "from app.web.routes import feeds"),
        ("app.syndication.page", "from app.intake import draft"),
        ("app.errors", "from app import settings"),
        ("app.web.fastlane", "import redis"),
        ("extract.pdf", "from app import settings"),
        ("app.files.blobs", "import obstore\nfrom sqlalchemy import select"),
        ("app.web.routes.ops", "from sqlalchemy.exc import OperationalError"),
        ("app.intake.normalize", "from flask import request"),
    ],
)
def test_a_wrong_arrow_is_seen(module: str, source: str) -> None:
    assert import_faults(module, ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\nx = datetime.now()",
        "import datetime as d\nimport time",
        "import os\nx = os.environ['A']",
        "from os import getenv",
        "from time import monotonic",
        "import locale",
        "open('a', 'w')",
        "open('a', mode='ab')",
        "path.write_bytes(b'')",
    ],
)
def test_an_impurity_is_seen(source: str) -> None:
    assert impurities(source)


def test_reading_a_table_beside_the_module_is_pure() -> None:
    assert impurities("from pathlib import Path\nx = Path('a.csv').read_text('utf-8')\nwith open('b') as f: pass") == []


# Functions whose name occurs in two rooms and means the same in each, because modules of one kind offer it. A new one needs a
# better name, or its line here. Two classes never share a name.
SHARED = set(
    [
        "add",
        "address",
        "append",
        "block",
        "blocks",
        "check",
        "checked",
        "clean",
        "confirmed",
        "connect",
        "copies",
        "contact",
        "create_app",
        "documents",
        "embedded",
        "enclosure",
        "enter",
        "extract",
        "failed",
        "feed",
        "files_of",
        "find",
        "forget",
        "given",
        "index",
        "instant",
        "key_of",
        "known",
        "licence",
        "main",
        "marked",
        "media_type",
        "name",
        "network",
        "original",
        "parse",
        "pause",
        "plain",
        "prepare",
        "public_version",
        "read",
        "reader",
        "reading",
        "refused",
        "related",
        "renew",
        "saved_feed",
        "secret",
        "settle",
        "tag_of",
        "text",
        "verify",
        "wanted",
        "withdraw",
        "withdrawn",
        "within",
        "words",
        "writing",
    ]
)


def public_names(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> dict[str, set[str]]:
    """Public name -> the rooms that define it at the top of a module."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if ".routes." in module or ".commands." in module or "migrations" in module:
            continue  # Their functions are named after addresses and commands.
        for node in parsed(path).body:
            if isinstance(node, kind) and not node.name.startswith("_"):
                found.setdefault(node.name, set()).add(room(module) or module.split(".")[0])
    return found


def modules_used(module: str) -> set[str]:
    """The modules of ours that a module imports, or imports names from."""
    found: set[str] = set()
    for node in ast.walk(parsed(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names.values()}
    return (found & set(MODULES)) - {module}


def test_a_module_imports_few_others() -> None:
    """On average. If this fails, import from the `__init__.py` of a room (`feeds`, `app.query`, `app.store`; routes: `app.web`), or
    consider whether two modules that are always imported together should be one."""
    counts = [len(modules_used(module)) for module in MODULES]
    assert sum(counts) / len(counts) < 4


def test_no_function_of_a_door_has_the_name_of_a_module_behind_it() -> None:
    """Otherwise `from room import name` gives the function or the module, depending on earlier imports."""
    for module, path in MODULES.items():
        if path.name == "__init__.py":
            functions = [node for node in parsed(path).body if isinstance(node, ast.FunctionDef)]
            assert not {f"{module}.{function.name}" for function in functions} & set(MODULES)


def test_no_class_has_the_name_of_another() -> None:
    defined = [
        node.name
        for path in MODULES.values()
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert sorted({name for name in defined if defined.count(name) > 1}) == []


def test_no_name_stands_in_two_rooms() -> None:
    functions = public_names((ast.FunctionDef, ast.AsyncFunctionDef))
    assert {name for name, rooms in functions.items() if len(rooms) > 1} == SHARED


def test_routes_are_blueprints() -> None:
    names = [module for module in MODULES if module.startswith("app.web.routes.")]
    assert names and not [name for name in names if "blueprint = Blueprint(" not in MODULES[name].read_text("utf-8")]


def test_every_room_has_a_floor_and_says_what_it_is_for() -> None:
    """In the docstring of its `__init__`: what it is for, and what it may not touch."""
    rooms = {room(module) for module in MODULES} - {""}
    assert rooms == set(FLOOR)
    folders = [path for path in (ROOT / "app").iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    assert len(folders) + len(HOUSE) <= 30
    for folder in folders:
        said = ast.get_docstring(parsed(folder / "__init__.py")) or ""
        assert len(said) > 40, f"{folder.name} does not say what it is for"


def arrows() -> dict[str, set[str]]:
    """Which rooms of app, and which other packages, each room imports."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        here = room(module) or module.partition(".")[0]
        for name in imports(parsed(path), module, path.name == "__init__.py"):
            there = room(name) or name.partition(".")[0]
            if here not in ("app", "wsgi") and there != here and (there in FLOOR or there in ARROWS["app"]):
                found.setdefault(here, set()).add(there)
    return found


def reached(known: dict[str, set[str]], here: str) -> set[str]:
    """Every room that `here` imports, directly or through others."""
    found: set[str] = set()
    todo = [here]
    while todo:
        new = known.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def test_the_drawing_of_the_house_is_true() -> None:
    """The drawing has only the arrows that do not follow from others."""
    known = arrows()
    needed = {
        here: {one for one in rooms if not any(one in reached(known, other) for other in rooms - {one})}
        for here, rooms in known.items()
    }
    assert drawn(0) == needed


def drawn(number: int) -> dict[str, set[str]]:
    """The arrows of that drawing of docs/design.md."""
    drawing = (ROOT / "docs" / "design.md").read_text("utf-8").split("```mermaid\n")[number + 1].partition("```")[0]
    return {
        here.strip(): set(there.strip().split(" & "))
        for here, there in (line.split("-->") for line in drawing.splitlines() if "-->" in line)
    }


def test_the_drawing_of_the_four_ways_is_true() -> None:
    """Each arrow is an import of that module, or of the package that exports its names."""
    ways = drawn(1)
    assert len(ways) >= 10
    for here, there in ways.items():
        path = MODULES[f"app.{here}"]
        imported = set(imports(parsed(path), f"app.{here}", path.name == "__init__.py"))
        for name in there:
            assert f"app.{name}" in MODULES, name
            parts = name.split(".")
            doors = {".".join(("app", *parts[:length])) for length in range(1, len(parts) + 1)}
            assert doors & imported, f"{here} --> {name}"
