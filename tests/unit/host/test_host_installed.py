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
import zipfile
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils import _engine
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    installed,
    sources,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.installed import (
    Engine,
    Place,
    made_of,
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
    return made_of(
        {name: f"TEXT = {text!r}\n".encode() for name in ("__init__.py", "a.py", "b/__init__.py")},
        f"#!/bin/sh\n# Managed by the Ansible collection unixsocket.access; do not edit.\n# {text}\n".encode(),  # noqa: E501
    )


def everything_under(path: Path) -> list[str]:
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def test_all_sources_are_found() -> None:
    on_disk = {str(path.relative_to(ROOT)): path.read_bytes() for path in ROOT.rglob("*.py")}
    assert sources.sources() == on_disk
    assert sources.key() == sources.key_of(on_disk)
    assert len(on_disk) > 50


def test_the_installed_engine_finds_the_same_sources(place: Place) -> None:
    """What a host runs is told from what the collection carries by nothing but its place."""
    engine = made_of(sources.sources(), installed.command(place.library))
    place.install(engine)
    code = (
        f"import sys; sys.path.insert(0, {place.archive!r})\n"
        "from socket_access.host import installed, sources\n"
        f"print(installed.made_of(sources.sources(), installed.command({place.library!r})).version)"
        "\nprint(sources.key())"
    )
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=False
    )
    assert said.stdout.split() == [engine.version, sources.key()], said.stderr
    assert place.read() == engine


def test_the_command_runs(place: Place) -> None:
    place.install(made_of(sources.sources(), installed.command(place.library)))
    said = subprocess.run([place.command, "--help"], capture_output=True, text=True, check=True)
    assert "socket-access explain PATH USER" in said.stdout
    wrong = subprocess.run([place.command, "aply"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2


def test_a_command_without_its_engine_says_so(place: Place) -> None:
    place.install(made_of({"__init__.py": b""}, installed.command(place.library)))
    said = subprocess.run([place.command], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "run the playbook" in said.stderr


def test_the_first_line_says_who_manages_it(place: Place) -> None:
    place.install(made_of({"__init__.py": b""}, installed.command(place.library)))
    first = Path(place.archive).read_bytes().splitlines()[0].decode()
    assert first.startswith("# Managed by the Ansible collection unixsocket.access")
    assert Path(place.command).read_text().splitlines()[1] == first


def test_the_version_tells_engines_apart() -> None:
    command = small("one").command
    texts = {"__init__.py": b"x = 1\n", "a.py": b""}
    one = made_of(texts, command)
    assert one.version == made_of(texts, command).version
    others = [
        made_of({**texts, "a.py": b"y = 1\n"}, command),
        made_of(texts, b"another"),
        made_of({**texts, "c.py": b""}, command),
        made_of({"__init__.py": b"x = 1\n"}, command),
        made_of({"__init__.py": b"", "a.py": b"x = 1\n"}, command),
    ]
    assert len({engine.version for engine in [one, *others]}) == 1 + len(others)


def test_modes_and_compiled_files(place: Place) -> None:
    before = os.umask(0o077)
    try:
        place.install(small("one"))
    finally:
        os.umask(before)
    modes = {
        path: stat.S_IMODE(os.stat(path).st_mode)
        for path in (place.library, place.archive, place.command)
    }
    assert modes == {place.library: 0o755, place.archive: 0o644, place.command: 0o755}
    with zipfile.ZipFile(place.archive) as archive:
        names = {name for name in archive.namelist() if name.endswith(".pyc")}
    assert names == {f"socket_access/{name}.pyc" for name in ("__init__", "a", "b/__init__")}


@pytest.mark.parametrize(("magic", "loaded"), [(b"", "compiled"), (b"\0\0\r\n", "source")])
def test_what_is_loaded_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: bytes, loaded: str
) -> None:
    """A compiled file is taken as it is; another Python's is not, and then its source is."""
    source = b"TEXT = 'compiled'\n"
    compiled = installed._compiled(source, compile(source, "x", "exec"))
    data = magic + compiled[len(magic) :]
    monkeypatch.setattr(installed, "_compiled", lambda source, code: data)
    archive = tmp_path / "engine.zip"
    archive.write_bytes(made_of({"__init__.py": b"TEXT = 'source'\n"}, b"").archive)
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import socket_access as s; print(s.TEXT)"
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == loaded


def test_what_is_compiled_already_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"__init__.py": b"TEXT = 'source'\n", "a.py": b""}
    codes = {"__init__.py": compile("TEXT = 'compiled'\n", "x", "exec")}
    compiled: list[object] = []
    monkeypatch.setattr(
        installed,
        "compile",
        lambda source, *rest, **more: (compiled.append(source), compile(source, *rest, **more))[1],
        raising=False,
    )
    archive = tmp_path / "engine.zip"
    archive.write_bytes(made_of(files, b"", codes).archive)
    assert compiled == [b""]
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); import socket_access as s; print(s.TEXT)"
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "compiled"


def test_a_traceback_names_the_file_and_the_line(place: Place) -> None:
    files = {"__init__.py": b"", "bad.py": b"# A comment.\nraise ValueError('x')\n"}
    place.install(made_of(files, b""))
    # As loggers and Python from 3.13 on show it; older ones show only what they find as a file.
    code = (
        f"import sys, traceback\nsys.path.insert(0, {place.archive!r})\n"
        "try:\n import socket_access.bad\nexcept ValueError:\n traceback.print_exc()\n"
    )
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=False
    )
    assert "/usr/local/lib/socket-access/engine.zip/socket_access/bad.py" in said.stderr
    assert "raise ValueError" in said.stderr


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


@pytest.mark.parametrize(
    "foreign", ["directory", "file", "link", "archive", "command", "command link"]
)
def test_what_is_not_ours_is_left_alone(place: Place, tmp_path: Path, foreign: str) -> None:
    for name in ("lib", "sbin", "elsewhere"):
        (tmp_path / name).mkdir()
    ours = small("one")
    (tmp_path / "elsewhere" / "engine.zip").write_bytes(ours.archive)
    (tmp_path / "elsewhere" / "command").write_bytes(ours.command)
    path = Path(place.command if foreign.startswith("command") else place.library)
    if foreign == "directory":
        path.mkdir()
        (path / "theirs").touch()
    elif foreign == "archive":
        path.mkdir()
        path = Path(place.archive)
        path.write_text("theirs\n")
    elif foreign.endswith("link"):
        path.symlink_to(tmp_path / "elsewhere" / ("command" if "command" in foreign else ""))
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


def test_a_reader_never_sees_a_part(place: Place) -> None:
    """A whole engine is there all the time."""
    versions = {small(str(number)).version for number in range(25)}
    place.install(small("0"))
    stop, wrong, seen = threading.Event(), [], set()

    def look() -> None:
        while not stop.is_set():
            try:
                archive = Path(place.archive).read_bytes()
                version = Engine(archive, Path(place.command).read_bytes()).version
            except FileNotFoundError as error:
                wrong.append(str(error))
            else:
                seen.add(version)
                if b"engine.zip" in archive[:20] or version == "damaged":
                    wrong.append(version)

    threads = [threading.Thread(target=look) for dummy in range(2)]
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
    assert len(seen & versions) > 1


def test_what_is_loaded_late_is_of_the_same_engine(place: Place) -> None:
    """The command holds the archive open, so a new one does not get between its modules."""

    def engine(text: str) -> Engine:
        main = (
            f"def main(words):\n print('{text}', flush=True)\n input()\n"
            " from .. import late\n print(late.TEXT)\n"
        )
        files = {
            "__init__.py": b"",
            "runtime/__init__.py": b"",
            "runtime/command.py": main.encode(),
            "late.py": f"TEXT = {text!r}\n".encode() + b"#" * len(text) * 1000,
        }
        return made_of(files, installed.command(place.library))

    place.install(engine("old"))
    with subprocess.Popen(
        [place.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == "old\n"
        place.install(engine("another"))
        said, dummy = running.communicate("\n")
    assert said == "old\n"
    assert (
        subprocess.run(
            [place.command], input="\n", capture_output=True, text=True, check=True
        ).stdout.split()
        == ["another"] * 2
    )


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
    Path(f"{place.archive}.new").touch()
    found = resource.read()
    assert found is not None
    assert found != target
    assert resource.changes(found, target) == [
        f"What an interrupted run left beside {place.library} is removed."
    ]
    resource.write(target)
    assert resource.read() == target
    assert os.listdir(place.library) == ["engine.zip"]


def test_a_run_that_was_killed_while_it_removed_the_engine(place: Place, tmp_path: Path) -> None:
    resource = EngineInstall(place)
    before = resource.read()
    assert before is not None
    place.install(small("one"))
    for path in (place.command, place.archive):
        os.unlink(path)
    assert resource.read() != before
    resource.write(before)
    assert resource.read() == before
    assert everything_under(tmp_path) == []


@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "command", "library"])
def test_a_damaged_engine_is_another_one(
    place: Place, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(installed, "own", lambda: small("one"))
    monkeypatch.setattr(installed, "version", lambda: small("one").version)
    resource = EngineInstall(place)
    target = EngineState(small("one").version)
    resource.write(target)
    archive = Path(place.archive)
    content = archive.read_bytes()
    if damage == "bit":
        archive.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    elif damage == "cut":
        archive.write_bytes(content[:-1])
    elif damage == "empty":
        archive.write_bytes(content[: content.index(b"PK")])
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


@pytest.mark.parametrize("allowed", [0, 1, 2, 3])
def test_a_full_disk_loses_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    """Wherever it stops, what is there are whole files, and the old engine can be put back."""
    place.install(small("old"))
    resource = EngineInstall(place)
    before, names = resource.read(), everything_under(tmp_path)
    assert before is not None
    calls = iter(range(100))

    def full(fd: int) -> None:
        if next(calls) >= allowed:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        patched.setattr(installed, "own", lambda: small("new"))
        with pytest.raises(AccessError, match=r"cannot be installed.*No space left"):
            resource.write(EngineState(small("new").version))
    assert everything_under(tmp_path) == names
    left = place.read()
    assert left is not None
    assert left.version != "damaged"
    assert allowed or left == small("old")
    resource.write(before)
    assert place.read() == small("old")


def test_a_full_disk_leaves_nothing_where_nothing_was(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        place.install(small("new"))
    assert everything_under(tmp_path) == []


def test_the_interpreter_is_one_that_the_kernel_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/a python/bin/python3")
    assert installed.command().startswith(b"#!/usr/bin/python3 -ISXutf8\n")
    monkeypatch.setattr(sys, "executable", "/opt/python/bin/python3")
    assert installed.command().startswith(b"#!/opt/python/bin/python3 -ISXutf8\n")
    monkeypatch.setattr(sys, "executable", "")
    assert installed.command().startswith(b"#!/usr/bin/python3 -ISXutf8\n")


def test_names_of_files_are_the_same_in_every_locale(tmp_path: Path) -> None:
    """systemd starts a hook in the host's own locale, where a name could be other bytes."""
    script = tmp_path / "script"
    first = installed.command().partition(b"\n")[0]
    script.write_bytes(first + b"\nimport sys\nprint(sys.flags.utf8_mode, sys.flags.isolated)\n")
    script.chmod(0o755)
    done = subprocess.run(
        [script], env={"LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "1 1\n", done.stderr
