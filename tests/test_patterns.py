"""Attacks every regular expression of the project. It finds them in the sources, so a new one cannot be forgotten. Each is matched
with adversarial strings made of its own parts, of the largest size that its input may have, by the methods that the project calls.
This runs in a separate process, which is stopped if a pattern hangs.
"""

import ast
import importlib
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings

ROOT = Path(__file__).parent.parent
ROOMS = ("app", "feeds", "schemas", "extract")
METHODS = {"match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
# The first length shows exponential and cubic time, the second quadratic time.
LENGTHS = {400: 0.01, 5_000: 0.015}  # characters -> seconds of processor time
# Patterns that are matched with a whole body, or with a part that may be as long.
BODY = Settings().max_body
WHOLE = {
    "app.intake.parsers.encodings": ("DECLARED",),
    "app.intake.parsers.filled": ("TAG",),
    "app.intake.parsers.jsontext": ("NOT_XML", "STRING"),
    "app.intake.parsers.xml": ("DECLARATION", "DOCTYPE", "EXTERNAL", "NAMED", "<\\?xml\\s"),
    "app.text.html": ("BLOCK", "REFERENCE", "MANY_ATTRIBUTES", "OPEN_VOID"),
    "app.desk.writing": ("UNSEEN",),
    "app.intake.parsers.rss": ("MARKUP", "ENTITY", "INLINE", "BREAK", "AUTHOR"),
    "app.intake.parsers.korea": ("BREAK", "TAG", "ANY_TAG", "ENTITY"),
    "app.intake.draft": ("_PLACE",),
}
# Patterns whose input is cut before; each line names the place that cuts it.
SHORT = {
    ("app.text.fulltext", "_RUN"): 250_000,  # LONGEST, in `tokens`
    ("app.web.assets", "REMARK"): 400,  # a line of our own scripts
    ("app.text.embargo_wording", "TOKEN"): 200,  # LONGEST, in `read`
    ("app.intake.parsers.xml", ", line \\d+, column \\d+.*"): 4_000,  # a message of libxml2, which names at most a name
}
# Patterns that are made while running: each has its own test.
MADE = {
    ("app.desk.sentences", "pattern"),
    ("app.store.patience", "pattern"),
    ("app.syndication.fault_words", "pattern"),
    ("app.store.plan", "begin"),  # reads statements of our own migrations
    ("app.text.fulltext", "forms"),
    ("schemas.text", "f'[{marks}\U00010000-\\U0010ffff]'"),  # one character of a class, so nothing to go back over
    ("schemas.text", "f'{mark}{{{MOST_MARKS}}}(?={mark})'"),
}
SLOWEST = 3  # this many of the slowest attacks on patterns for whole bodies are repeated at that length
OF_A_BODY = 1.5  # seconds for it; a machine may be busy


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if "migrations" in path.parts or path.name == "__main__.py":
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def found() -> dict[tuple[str, str, int], set[str]]:
    """(module, name or the pattern itself where it has none, flags) -> the methods that it is called by."""
    patterns: dict[tuple[str, str, int], set[str]] = {}
    owners: dict[tuple[Any, int], tuple[str, str, int]] = {}
    used: list[tuple[re.Pattern[Any], str]] = []
    for module, tree in modules():
        space = vars(importlib.import_module(module))
        for name, value in space.items():
            if isinstance(value, re.Pattern) and (value.pattern, value.flags) not in owners:
                owners[value.pattern, value.flags] = (module, name, value.flags)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_re(node.func.value):
                assert node.func.attr in METHODS | {"compile", "escape"}, f"{module}: re.{node.func.attr}"
                if node.func.attr == "compile":
                    name = ast.unparse(node.args[0])
                    here = any(pattern == _value(node.args[0], space) for pattern, _ in owners)
                    assert here or (module, name) in MADE, (
                        f"{module}: {name} is compiled while running: name it in MADE and test it"
                    )
                if node.func.attr in METHODS:
                    source = _value(node.args[0], space)
                    if source is None:
                        name = ast.unparse(node.args[0])
                        assert (module, name) in MADE, (
                            f"{module}: {name} is made while running: bound it, test it, and name it in MADE"
                        )
                        continue
                    flags = 0
                    for keyword in node.keywords:
                        flags |= int(_value(keyword.value, space) or 0) if keyword.arg == "flags" else 0
                    for extra in node.args[2:]:
                        flags |= int(value) if isinstance(value := _value(extra, space), re.RegexFlag) else 0
                    patterns.setdefault((module, source, flags), set()).add(node.func.attr)
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                value = _value(node.value, space)
                if isinstance(value, re.Pattern):
                    used.append((value, node.attr))
    for value, method in used:
        patterns.setdefault(owners[value.pattern, value.flags], set()).add(method)
    unused = set(owners.values()) - set(patterns)
    assert not unused, f"compiled and never used, or used in a way that is not seen: {unused}"
    return patterns


def _is_re(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "re"


def _value(node: ast.expr, space: dict[str, Any]) -> Any:
    """The value of an expression of constants and names of the module; None if it is anything else."""
    if not isinstance(node, ast.Name | ast.Attribute | ast.Constant | ast.JoinedStr | ast.BinOp):
        return None
    try:
        return eval(compile(ast.Expression(node), "", "eval"), dict(space))
    except (NameError, AttributeError):
        return None


# Strings that hurt


def atoms(source: Any) -> list[str]:
    """The parts of a pattern: its literals, alone and in runs, and a few members of each class."""
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    tree = re._parser.parse(text, re.VERBOSE if "(?P<space>" in text else 0)  # type: ignore[attr-defined]
    found: dict[str, None] = {}
    _collect(tree, found)
    return list(found)


def _collect(tree: Any, found: dict[str, None]) -> None:
    run = ""
    for op, value in [*tree, ("END", None)]:
        if str(op) == "LITERAL":
            run += chr(value)
            found[chr(value)] = None
            continue
        if run:
            found[run] = None
            run = ""
        if str(op) == "IN":
            for kind, part in value:
                if str(kind) == "LITERAL":
                    found[chr(part)] = None
                elif str(kind) == "RANGE":
                    found[chr(part[0])] = None
        for part in _parts(value):
            _collect(part, found)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, re._parser.SubPattern):  # type: ignore[attr-defined]
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _parts(part)


COMMON = (" ", "\n", "a", "1", "가", "!", "<", "@")


def attacks(source: Any) -> Iterator[tuple[str, str, str]]:
    """(prefix, what is repeated, suffix)."""
    own = [atom for atom in atoms(source) if not "\ud800" <= atom[:1] <= "\udfff"]
    own = sorted(own, key=len, reverse=True)[:14] + [one for one in sorted(own, key=len) if len(one) == 1][:14]
    few = list(dict.fromkeys([*own, *COMMON]))
    for unit in few:
        yield "", unit, ""
        yield "", unit, "\0"
    for one, other in product(list(dict.fromkeys([*own[:5], *COMMON])), repeat=2):
        yield "", one + other, "\0"
        yield one, other, "\0"
    for one, other, third in product(own[:4], repeat=3):
        yield one, other + third, "\0"
        yield one + other, third, "\0"
    yield "", "<!---->", "x"
    yield "", "<?x?>", "x"
    yield "", "<!--", "x"


def held(module: str, name: str, flags: int, methods: set[str]) -> list[str]:
    """Attack one pattern. Returns a sentence for each attack that took too long."""
    value = vars(importlib.import_module(module)).get(name)
    pattern = value if isinstance(value, re.Pattern) else re.compile(name, flags)
    most = SHORT.get((module, name), BODY)
    times: list[tuple[float, str, str, str]] = []
    for prefix, unit, suffix in attacks(pattern.pattern):
        spent = 0.0
        for length, limit in LENGTHS.items():
            spent = _spent(pattern, methods, _text(prefix, unit, suffix, min(length, most)), limit)
            if spent > limit:
                return [f"{module} {name}: {prefix!r} + {unit!r} * n + {suffix!r}, {length} characters: {spent:.2f} s"]
        times.append((spent, prefix, unit, suffix))
    wrong: list[str] = []
    for _, *attack in sorted(times, reverse=True)[: SLOWEST if name in WHOLE.get(module, ()) else 0]:
        spent = _spent(pattern, methods, _text(*attack, BODY), OF_A_BODY)
        if spent > OF_A_BODY:
            wrong.append(f"{module} {name}: {attack}, {BODY} characters: {spent:.2f} s")
    return wrong


def _text(prefix: str, unit: str, suffix: str, length: int) -> str:
    return prefix + unit * (length // len(unit)) + suffix


def _spent(pattern: re.Pattern[Any], methods: set[str], text: str, limit: float) -> float:
    """Seconds of processor time; the better of two if the first was too long, because a machine may be busy."""
    first = _once(pattern, methods, text)
    return first if first <= limit or first > 100 * limit else min(first, _once(pattern, methods, text))


def _once(pattern: re.Pattern[Any], methods: set[str], text: str) -> float:
    subject: Any = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    empty: Any = subject[:0]
    most = 0.0
    for method in methods:
        start = time.thread_time()
        if method in ("sub", "subn"):
            getattr(pattern, method)(empty, subject)
        elif method == "finditer":
            for _ in pattern.finditer(subject):
                pass
        else:
            getattr(pattern, method)(subject)
        most = max(most, time.thread_time() - start)
    return most


def main() -> None:
    """Attack every pattern, and print which attacks took too long."""
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
    for (module, name, flags), methods in sorted(found().items(), key=str):
        print(f"at {module} {name!r}", flush=True)
        for sentence in held(module, name, flags, methods):
            print(f"SLOW {sentence}", flush=True)
    print("done", flush=True)


def test_every_pattern_is_found() -> None:
    known = {(module, name) for module, name, _ in found()}
    assert {
        ("app.text.embargo_wording", "LABEL"),
        ("app.intake.sources", "HTML"),
        ("app.intake.parsers.rss", "AUTHOR"),
    } <= known
    assert len(known) > 70
    for module, names in WHOLE.items():
        assert {(module, name) for name in names} <= known, module
    assert set(SHORT) <= known


@pytest.mark.slow
def test_no_pattern_can_be_made_slow() -> None:
    done = subprocess.run(
        [sys.executable, __file__], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=150
    )
    told = done.stdout.splitlines()
    assert told[-1:] == ["done"], f"it hung or broke: {told[-1:]} {done.stderr[-2000:]}"
    assert not [line for line in told if line.startswith("SLOW")]


if __name__ == "__main__":
    main()
