# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The engine's modules out of the zip file that a module of Ansible's is, each compiled once.

Python's own importer compiles each source file in a zip file twice: to find the module
(``zipimporter.get_filename``, Lib/zipimport.py), and to load it.  To compile is the largest part of a
run on a host that has no engine yet, which is why what it gave stays here: the engine that is
installed is the same, and is kept compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pragma: no cover
    from importlib.abc import Loader
else:
    # To import it costs more than what it has: nothing that is not here.
    Loader = object


# What was compiled, by the name of its file in the package.
codes: dict[str, CodeType] = {}


class Archive(Loader):
    """Finder and loader of the modules of one package in one zip file."""

    def __init__(self, package: str, archive: str, shown: str) -> None:
        """Raises OSError or zipfile.BadZipFile for what cannot be read.

        ``shown`` is what a traceback calls the package.
        """
        import zipfile

        self._package = f"{package}."
        self._shown = shown
        self.archive = archive
        # Open to the end, for what is imported late.
        self._opened = zipfile.ZipFile(archive)
        self._files = set(self._opened.namelist())

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(self._package):
            return None
        found = self._file(name)
        if found is None:
            return None
        file, is_package = found
        spec = ModuleSpec(name, self, origin=f"{self.archive}/{file}", is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [f"{self.archive}/{file.rpartition('/')[0]}"]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make it as always."""

    def exec_module(self, module: ModuleType) -> None:
        file, source = self._source(module.__name__)
        inside = file[len(self._package) :]
        code = compile(source, f"{self._shown}/{inside}", "exec", dont_inherit=True)
        codes[inside] = code
        exec(code, vars(module))

    def get_source(self, name: str) -> str:
        """Return the text, for tracebacks; raises ImportError where there is no such module."""
        return self._source(name)[1].decode()

    def _source(self, name: str) -> tuple[str, bytes]:
        found = self._file(name)
        if found is None:
            raise ImportError(f"There is no module {name} in {self.archive}.", name=name)
        return found[0], self._opened.read(found[0])

    def _file(self, name: str) -> tuple[str, bool] | None:
        path = name.replace(".", "/")
        for file, is_package in ((f"{path}.py", False), (f"{path}/__init__.py", True)):
            if file in self._files:
                return file, is_package
        return None


def install(package: str, archive: str, shown: str) -> None:
    """Let the modules of the package be imported from the zip file, from now on."""
    sys.meta_path.insert(0, Archive(package, archive, shown))
