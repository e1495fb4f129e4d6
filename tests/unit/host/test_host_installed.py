# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine puts itself on a host, whole at any moment, and takes itself away again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils import _engine
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    exchange,
    installed,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.installed import (
    Engine,
    Place,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.engine_install import (
    EngineInstall,
    EngineState,
)

ROOT = Path(str(_engine.__file__)).parent


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(
        str(tmp_path / "lib" / "socket-access"),
        str(tmp_path / "sbin" / "socket-access"),
        str(tmp_path / "run"),
    )


def small(text: str) -> Engine:
    """An engine of a few files that all hold the same text."""
    return Engine(
        {name: f"TEXT = {text!r}\n".encode() for name in ("__init__.py", "a.py", "b/__init__.py")},
        f"#!/bin/sh\n# Managed by the Ansible collection unixsocket.access; do not edit.\n# {text}\n".encode(),  # noqa: E501
    )


def everything_under(path: Path) -> list[str]:
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def test_all_sources_are_found() -> None:
    on_disk = {str(path.relative_to(ROOT)): path.read_bytes() for path in ROOT.rglob("*.py")}
    assert installed.sources() == on_disk
    assert len(on_disk) > 50


def test_the_installed_engine_finds_the_same_sources(place: Place) -> None:
    """What a host runs is told from what the collection carries by nothing but its place."""
    engine = Engine(installed.sources(), installed.command(place.library))
    place.install(engine)
    code = (
        f"import sys; sys.path.insert(0, {place.library!r})\n"
        "from socket_access.host import installed\n"
        f"print(installed.Engine(installed.sources(), "
        f"installed.command({place.library!r})).version)"
    )
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=False
    )
    assert said.stdout.strip() == engine.version, said.stderr
    assert place.read() == engine


def test_the_command_runs(place: Place) -> None:
    place.install(Engine(installed.sources(), installed.command(place.library)))
    said = subprocess.run([place.command, "--help"], capture_output=True, text=True, check=True)
    assert "socket-access explain PATH USER" in said.stdout
    wrong = subprocess.run([place.command, "aply"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2


def test_a_command_without_its_engine_says_so(place: Place) -> None:
    place.install(Engine({"__init__.py": b""}, installed.command(place.library)))
    said = subprocess.run([place.command], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "run the playbook" in said.stderr


def test_the_first_line_says_who_manages_it(place: Place) -> None:
    place.install(Engine({"__init__.py": b""}, installed.command(place.library)))
    version = Path(place.library, "VERSION").read_text().splitlines()
    assert version[0].startswith("# Managed by the Ansible collection unixsocket.access")
    assert Path(place.command).read_text().splitlines()[1] == version[0]


def test_the_version_tells_engines_apart() -> None:
    one = small("one")
    assert one.version == small("one").version
    others = [
        small("two"),
        Engine(one.sources, b"another"),
        Engine({**one.sources, "c.py": b""}, one.command),
        Engine({"__init__.py": b"", "a.py": b""}, one.command),
        Engine({"__init__.py": b"a.py", "a.py": b""}, one.command),
    ]
    assert len({engine.version for engine in [one, *others]}) == 1 + len(others)


def test_modes_and_compiled_files(place: Place) -> None:
    before = os.umask(0o077)
    try:
        place.install(small("one"))
    finally:
        os.umask(before)
    for directory, names, files in os.walk(place.library):
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode) == 0o755
        for name in files:
            assert stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode) == 0o644
    assert stat.S_IMODE(os.stat(place.library).st_mode) == 0o755
    assert stat.S_IMODE(os.stat(place.command).st_mode) == 0o755
    compiled = list(Path(place.library).rglob("*.pyc"))
    assert len(compiled) == 3


def test_nothing_is_left_of_it(place: Place, tmp_path: Path) -> None:
    missing = place.missing_directories()
    assert missing == (str(tmp_path / "lib"), str(tmp_path / "sbin"))
    place.install(small("one"))
    place.install(small("two"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "app").touch()
    place.remove(missing)
    assert everything_under(tmp_path) == []
    place.remove(missing)


def test_directories_of_others_stay(place: Place, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    missing = place.missing_directories()
    place.install(small("one"))
    (tmp_path / "sbin" / "theirs").touch()
    place.remove(missing)
    assert everything_under(tmp_path) == ["lib", "sbin", "sbin/theirs"]


@pytest.mark.parametrize("foreign", ["directory", "file", "link", "command", "command link"])
def test_what_is_not_ours_is_left_alone(place: Place, tmp_path: Path, foreign: str) -> None:
    for name in ("lib", "sbin", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere" / "VERSION").write_text(
        "# Managed by the Ansible collection unixsocket.access; do not edit.\n1\n"
    )
    path = Path(place.command if foreign.startswith("command") else place.library)
    if foreign == "directory":
        path.mkdir()
    elif foreign.endswith("link"):
        path.symlink_to(tmp_path / "elsewhere" / ("VERSION" if "command" in foreign else ""))
    else:
        path.write_text("theirs\n")
    before = everything_under(tmp_path)
    resource = EngineInstall(place)
    for act in (
        resource.read,
        lambda: place.install(small("one")),
        lambda: place.remove(()),
    ):
        with pytest.raises(AccessError, match=f"{path} is there already"):
            act()
    assert everything_under(tmp_path) == before


@pytest.mark.parametrize("one_step", [True, False])
def test_an_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_step: bool) -> None:
    if not one_step:
        monkeypatch.setattr(exchange, "_in_one_step", _cannot)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    exchange.exchange(str(tmp_path / "a"), str(tmp_path / "b"))
    assert everything_under(tmp_path) == ["a", "a/b", "b", "b/a"]


def test_a_reader_never_sees_a_part(place: Place) -> None:
    """The whole engine is there all the time, and what is loaded from one version is of one."""
    place.install(small("0"))
    stop, wrong, seen = threading.Event(), [], set()

    def read() -> None:
        while not stop.is_set():
            fd = os.open(place.library, os.O_RDONLY | os.O_DIRECTORY)
            try:
                texts = {
                    Path(f"/proc/self/fd/{fd}/socket_access/{name}").read_text()
                    for name in ("__init__.py", "b/__init__.py")
                }
                if len(texts) != 1:
                    wrong.append(texts)
                seen.update(texts)
            except FileNotFoundError:
                pass  # The directory that is held was removed after its exchange.
            finally:
                os.close(fd)

    def look() -> None:
        while not stop.is_set():
            if not os.path.exists(f"{place.library}/VERSION") or not os.path.exists(place.command):
                wrong.append({"it is not there"})

    threads = [threading.Thread(target=read), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 25):
            place.install(small(str(number)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(seen) > 1


def test_remains_of_a_killed_run_are_cleared_away(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "own", lambda: small("one"))
    monkeypatch.setattr(installed, "version", lambda: small("one").version)
    resource = EngineInstall(place)
    before = resource.read()
    assert before is not None
    target = resource.wanted(before, {"x": "0"})
    resource.write(target)
    assert resource.read() == target
    (tmp_path / "lib" / ".socket-access.new" / "socket_access").mkdir(parents=True)
    found = resource.read()
    assert found is not None
    assert found != target
    assert resource.changes(found, target) == [
        f"What an interrupted run left beside {place.library} is removed."
    ]
    resource.write(target)
    assert resource.read() == target
    assert not (tmp_path / "lib" / ".socket-access.new").exists()


@pytest.mark.parametrize("damage", ["source", "extra", "command", "library"])
def test_a_damaged_engine_is_another_one(
    place: Place, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(installed, "own", lambda: small("one"))
    monkeypatch.setattr(installed, "version", lambda: small("one").version)
    resource = EngineInstall(place)
    target = EngineState(small("one").version)
    resource.write(target)
    sources = Path(place.library, "socket_access")
    if damage == "source":
        (sources / "a.py").write_text("")
    elif damage == "extra":
        (sources / "c.py").write_text("")
    elif damage == "command":
        os.unlink(place.command)
    else:
        os.rename(place.library, f"{place.library}.away")
    assert resource.read() != target
    resource.write(target)
    assert resource.read() == target


def test_a_failed_run_gets_the_old_engine_back(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.install(small("old"))
    monkeypatch.setattr(installed, "own", lambda: small("new"))
    monkeypatch.setattr(installed, "version", lambda: small("new").version)
    resource = EngineInstall(place)
    before = resource.read()
    assert before == EngineState(small("old").version)
    target = resource.wanted(before, {"x": "0"})
    assert "changes from" in resource.changes(before, target)[0]
    resource.write(target)
    resource.write(before)
    assert place.read() == small("old")


def test_undo_needs_no_memory_of_the_version(place: Place, tmp_path: Path) -> None:
    resource = EngineInstall(place)
    before = resource.read()
    assert before is not None
    kept = resource.state_to_json(before)
    place.install(small("whatever"))
    now = resource.read()
    assert now is not None
    target = resource.without_us(now, resource.state_from_json(kept), now)
    assert target == EngineState(None)
    assert "removed" in resource.changes(now, target)[0]
    resource.write(target)
    assert everything_under(tmp_path) == []


def test_a_full_disk_leaves_the_old_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.install(small("old"))
    before = everything_under(tmp_path)
    calls = iter(range(100))

    def full(fd: int) -> None:
        if next(calls) > 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(installed.os, "fsync", full)
    resource = EngineInstall(place)
    monkeypatch.setattr(installed, "own", lambda: small("new"))
    with pytest.raises(AccessError, match=r"cannot be installed.*No space left"):
        resource.write(EngineState(small("new").version))
    assert everything_under(tmp_path) == before
    assert place.read() == small("old")


def test_the_interpreter_is_one_that_the_kernel_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/a python/bin/python3")
    assert installed.command().startswith(b"#!/usr/bin/python3 -IS\n")
    monkeypatch.setattr(sys, "executable", "/opt/python/bin/python3")
    assert installed.command().startswith(b"#!/opt/python/bin/python3 -IS\n")
    monkeypatch.setattr(sys, "executable", "")
    assert installed.command().startswith(b"#!/usr/bin/python3 -IS\n")


def _cannot(one: str, other: str) -> None:
    raise OSError(22, "Invalid argument")
