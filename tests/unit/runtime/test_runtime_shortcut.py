# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled copy of the engine is run only where it is exactly the engine that was brought."""

from __future__ import annotations

import os
import zipfile
import zipimport
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import shortcut
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.installed import (
    Place,
    made_of,
)

PACKAGE = "ansible_collections.some.where._engine"
SOURCES = {"__init__.py": b'"""Here."""\n', "run.py": b"x = 1\n", "host/leaf.py": b"y = 2\n"}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The engine as a host keeps it, installed by the very code that installs it there."""
    place = tmp_path / "lib" / "socket-access"
    Place(str(place), str(tmp_path / "sbin" / "socket-access"), str(tmp_path / "run")).install(
        made_of(SOURCES, b"")
    )
    monkeypatch.setattr(shortcut, "LIBRARY", str(place))
    return place


def zip_of(tmp_path: Path, sources: dict[str, bytes]) -> str:
    archive = tmp_path / "module.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in sources.items():
            opened.writestr(f"{PACKAGE.replace('.', '/')}/{name}", content)
        opened.writestr("ansible/module_utils/basic.py", b"z = 3\n")
    return str(archive)


def test_the_same_engine_is_run_compiled(library: Path, tmp_path: Path) -> None:
    found = shortcut.kept(PACKAGE, zip_of(tmp_path, SOURCES))
    assert found is not None
    before, dummy, name = found.rpartition("/")
    assert name == "socket_access"
    assert Path(before).samefile(library / "engine.zip")
    # It stays the same file for what is loaded later.
    (library / "engine.zip").unlink()
    assert zipimport.zipimporter(found).get_source("run") == "x = 1\n"
    os.close(int(before.rpartition("/")[2]))


def test_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "LIBRARY", str(tmp_path / "none"))
    assert shortcut.kept(PACKAGE, zip_of(tmp_path, SOURCES)) is None


@pytest.mark.parametrize(
    "brought",
    [
        {**SOURCES, "run.py": b"x = 2\n"},
        {**SOURCES, "more.py": b""},
        {name: content for name, content in SOURCES.items() if name != "run.py"},
    ],
    ids=["other content", "one file more", "one file less"],
)
def test_another_engine_runs_itself(
    library: Path, tmp_path: Path, brought: dict[str, bytes]
) -> None:
    assert shortcut.kept(PACKAGE, zip_of(tmp_path, brought)) is None


def test_a_copy_that_was_changed_is_not_run(library: Path, tmp_path: Path) -> None:
    archive = library / "engine.zip"
    content = archive.read_bytes()
    place = content.index(b"x = 1")
    archive.write_bytes(content[:place] + b"x = 9" + content[place + 5 :])
    assert shortcut.kept(PACKAGE, zip_of(tmp_path, SOURCES)) is None


@pytest.mark.parametrize("length", [0, 10, 70, 100, -1])
def test_a_copy_that_is_cut_off_is_not_run(library: Path, tmp_path: Path, length: int) -> None:
    archive = library / "engine.zip"
    archive.write_bytes(archive.read_bytes()[:length])
    assert shortcut.kept(PACKAGE, zip_of(tmp_path, SOURCES)) is None


def test_what_is_not_run_is_not_held_open(library: Path, tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    shortcut.kept(PACKAGE, zip_of(tmp_path, {}))
    assert os.listdir("/proc/self/fd") == before
