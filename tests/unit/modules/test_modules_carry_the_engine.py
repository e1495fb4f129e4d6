# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module takes the whole engine to the host, where the engine installs itself."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from ansible.executor.module_common import ModuleDepFinder

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = "ansible_collections.unixsocket.access.plugins"
ENGINE = "module_utils/_engine"

# One that changes nothing on the host needs nothing there.
CHANGING = ("socket_acl", "socket_bind_mount", "socket_mode", "socket_policy", "socket_proxy")


def file_of(name: str) -> Path | None:
    """Return the file of a module or package of the collection."""
    path = ROOT / "plugins" / name[len(PLUGINS) + 1 :].replace(".", "/")
    for one in (path.with_suffix(".py"), path / "__init__.py"):
        if one.is_file():
            return one
    return None


def carried(start: str) -> set[str]:
    """Return the engine's files that Ansible packs with a module."""
    todo, seen = [start], set()
    while todo:
        name = todo.pop()
        path = file_of(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        if "." in name[len(PLUGINS) + 1 :]:
            todo.append(name.rpartition(".")[0])  # Packages come with what is in them.
        finder = ModuleDepFinder(name, _source(path), is_pkg_init=path.name == "__init__.py")
        for parts in finder.submodules:
            todo += [".".join(parts), ".".join(parts[:-1])]
    files = {str(path.relative_to(ROOT / "plugins")) for path in map(file_of, seen) if path}
    return {one for one in files if one.startswith(ENGINE)}


def _source(path: Path) -> object:
    """Return a source in the form that this release of ansible-core looks for imports in."""
    content = path.read_bytes()
    parsed = "tree" in inspect.signature(ModuleDepFinder.__init__).parameters
    return ast.parse(content) if parsed else content


@pytest.mark.parametrize("module", CHANGING)
def test_the_whole_engine_is_carried(module: str) -> None:
    plugins = ROOT / "plugins"
    on_disk = {str(path.relative_to(plugins)) for path in (plugins / ENGINE).rglob("*.py")}
    assert carried(f"{PLUGINS}.modules.{module}") == on_disk
