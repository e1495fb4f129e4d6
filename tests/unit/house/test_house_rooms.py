# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of the engine: who may import whom, which rooms do I/O, how large a file may get."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "plugins" / "module_utils" / "_engine"

# Each room and the rooms it may import besides itself; nothing in a lower room imports a higher
# one.  A new room gets its line here.  Files that stand in no room may import all of them.
MAY_IMPORT = {
    "errors": set(),
    "faults": {"errors"},
    "model": {"errors"},
    "policy": {"errors", "model"},
    "reach": {"errors", "model"},
    "methods": {"errors", "model", "policy", "reach"},
    "planner": {"errors", "model", "policy", "reach", "methods"},
    "shortcut": set(),
    "once": set(),
    "host": {"errors", "faults", "model", "shortcut", "once"},
    "resources": {"errors", "faults", "model", "shortcut", "host"},
    "converge": {"errors", "faults", "model", "shortcut", "host", "resources"},
    "gate": {"errors"},
    "census": {"errors", "model", "host", "reach"},
    "prove": {"errors", "model", "reach"},
    "diagnose": {"errors", "model", "policy", "host", "reach", "census"},
    "task": {"errors", "model", "policy", "shortcut"},
    "endpoints": {"policy", "task"},
    "keep": {"errors", "model", "policy", "shortcut", "task", "endpoints"},
}
# Those that are one file each, in no directory.
FILES_ALONE = {"errors", "faults", "task", "shortcut", "once", "endpoints"}
# Above all others: what is called from outside.
TOP = {"runtime"}
# What is decided there must not depend on the host, so that it can be tested on paper.
PURE = ("errors", "model", "policy", "reach", "methods", "planner", "task", "endpoints", "keep")
PURE_IMPORTS = {
    "__future__",
    "collections",
    "dataclasses",
    # For what a moment is, not for which one it is now.
    "datetime",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "re",
    "reprlib",
    "shlex",
    "struct",
    "types",
    "typing",
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
# Compiled from a zip on every run of a module: what costs milliseconds is imported where needed.
EXPENSIVE = {"argparse", "asyncio", "inspect", "ipaddress", "logging", "subprocess", "tempfile"}
MOST_LINES = 310

FILES = sorted(ENGINE.rglob("*.py"))
NAMES = [str(path.relative_to(ENGINE)) for path in FILES]
each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def _room(path: Path) -> str:
    first = path.relative_to(ENGINE).parts[0]
    return first[:-3] if first.endswith(".py") else first


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[tuple[ast.stmt, str, bool]]:
    """Yield each import: the node, the whole name of the module, whether it is the engine's."""
    package = path.relative_to(ENGINE).parts[:-1]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name, False
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= len(package) + 1, f"{path}: an import from outside the engine"
            base = package[: len(package) - node.level + 1]
            if node.module:
                yield node, ".".join((*base, node.module)), True
            else:
                for alias in node.names:
                    yield node, ".".join((*base, alias.name)), True
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or "", False


def test_the_engine_is_found() -> None:
    assert len(FILES) > 40


def test_every_room_has_its_place() -> None:
    rooms = {path.name for path in ENGINE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(MAY_IMPORT) - FILES_ALONE | TOP


@each_file
def test_no_room_imports_a_higher_one(path: Path) -> None:
    room = _room(path)
    if room not in MAY_IMPORT:
        return
    for node, name, own in _imports(path):
        if own:
            other = name.split(".")[0]
            assert other in MAY_IMPORT[room] | {room}, f"line {node.lineno}: {room} imports {name}"


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 cannot name its own modules")
@each_file
def test_imports_are_relative_or_from_the_standard_library(path: Path) -> None:
    for node, name, own in _imports(path):
        if not own:
            assert name.split(".")[0] in sys.stdlib_module_names, f"line {node.lineno}: {name}"


def test_imports_go_round_in_no_circle() -> None:
    files = {}
    for path in FILES:
        parts = path.relative_to(ENGINE).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    below = {
        name: {other for dummy, other, own in _imports(path) if own and other in files}
        for name, path in files.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " imports ".join((*way, name))
        if name not in done:
            for other in below[name]:
                # A room's own files are reached through the room by others only.
                if not (name == "" or other == name):
                    visit(other, (*way, name))
            done.add(name)

    for name in below:
        visit(name, ())
    assert len(done) == len(files)


@each_file
def test_what_decides_does_no_io(path: Path) -> None:
    if _room(path) not in PURE:
        return
    for node, name, own in _imports(path):
        if own:
            continue
        assert name.split(".")[0] in PURE_IMPORTS, f"line {node.lineno}: {name}"
    for one in ast.walk(_tree(path)):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            assert one.func.id not in IMPURE_CALLS, f"line {one.lineno}: {one.func.id}()"


@each_file
def test_what_is_expensive_is_imported_where_it_is_needed(path: Path) -> None:
    for node, name, own in _imports(path):
        if not own and name.split(".")[0] in EXPENSIVE:
            assert node.col_offset > 0, f"line {node.lineno}: {name}"


@each_file
def test_every_file_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(_tree(path))
    assert said
    assert said[0].isupper() or said[0] == "`"
    assert said.split("\n\n")[0].rstrip().endswith((".", ":"))
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in text
    assert "This is PRIVATE to the collection" in text


@each_file
def test_every_public_thing_is_documented(path: Path) -> None:
    """Functions, classes, and methods that do not only carry out what their class documents."""
    tree = _tree(path)
    lacking = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not lacking


@each_file
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@each_file
def test_no_builtin_is_hidden(path: Path) -> None:
    """A parameter or a variable called ``type`` or ``id`` makes the next reader stumble."""
    names = set(dir(builtins)) - {"type"}
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert node.id not in names, f"line {node.lineno}: {node.id}"


@each_file
def test_it_is_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        keywords = {keyword.arg for keyword in node.keywords}
        assert not (called == "zip" and "strict" in keywords), f"line {node.lineno}: zip(strict=)"
        assert not (called == "dataclass" and "slots" in keywords), f"line {node.lineno}: slots"


def test_the_page_on_design_has_every_room_below_those_it_imports() -> None:
    page = ENGINE.parents[2] / "docs" / "design.md"
    table = page.read_text(encoding="utf-8").partition("## The engine")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)`", table, flags=re.M)
    assert {path.name for path in ENGINE.iterdir() if (path / "__init__.py").exists()} <= set(rows)
    for room in MAY_IMPORT.keys() & set(rows):
        above = rows[: rows.index(room)]
        assert MAY_IMPORT[room] - FILES_ALONE <= set(above), room
