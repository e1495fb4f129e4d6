# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever decides what is loaded in the unit of a daemon gets no hook with root's rights into it."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import unit_mounts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.environments import (
    creator_shown,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    HostNames,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.hooks import (
    hooks,
    without_hook,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from kernel.hosts import ALICE, BOB

BIND = {"method": "bind_mount", "at": "/srv/app.sock"}


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory of root's below directories of root's, as those of a host's settings are."""
    path = Path(tempfile.mkdtemp(prefix="ua-", dir="/run"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def exec_lines(
    files: tuple[str, ...] = (),
    unit: str = "app.service",
    *,
    environment: str = "",
    root: str = "",
    mounted: tuple[tuple[str, str], ...] = (),
) -> tuple[list[str], str]:
    """Return all that a unit would start because of us, and what is said where that is nothing."""
    shown = Shown(
        *(unit, True, True),
        environment_files=files,
        environment=environment,
        root=root,
        mounted=mounted,
    )
    declared = {"app": {"path": "/run/app/s", "unit": unit, "allow": [{"user": str(BOB)} | BIND]}}
    (socket,) = validate(declared).sockets
    task = Task(socket, "socket app")
    creator = creator_shown(task, unit, None, shown)
    made = hooks(task, creator, AccessRequest(), None, HostNames(), None)
    drop_ins = [one.content for one in made.files if f"/{unit}.d/" in one.path]
    said = " ".join(without_hook(task, creator))
    assert len(drop_ins) == 1, "One that was there before would stay."
    return [
        line for text in drop_ins for line in text.splitlines() if line.startswith("Exec")
    ], said


def test_a_file_of_roots_keeps_the_hook(top: Path) -> None:
    (top / "env").touch(0o644)
    (top / "link").symlink_to(top / "env")
    for files in ((), (str(top / "env"),), (str(top / "link"), str(top / "missing"))):
        found, said = exec_lines(files)
        assert len(found) == 3, found
        assert all("+/usr/local/sbin/socket-access" in line for line in found)
        assert not said


def _of_a_user(path: Path) -> Path:
    path.touch(0o600)
    os.chown(path, ALICE, ALICE)
    return path


def _of_everybody(path: Path) -> Path:
    path.touch()
    path.chmod(0o666)
    return path


def _of_a_group(path: Path) -> Path:
    path.touch()
    os.chown(path, 0, BOB)
    path.chmod(0o660)
    return path


def _in_a_directory_of_a_user(path: Path) -> Path:
    path.mkdir()
    (path / "env").touch(0o644)
    os.chown(path, ALICE, ALICE)
    return path / "env"


def _to_be_made_by_a_user(path: Path) -> Path:
    path.mkdir()
    os.chown(path, ALICE, ALICE)
    return path / "env"


def _behind_a_link_of_a_user(path: Path) -> Path:
    path.symlink_to("/etc/hostname")
    os.lchown(path, ALICE, ALICE)
    return path


def _one_of_many(path: Path) -> Path:
    path.mkdir()
    (path / "a").touch(0o644)
    _of_a_user(path / "b")
    return path / "*"


def _many_to_which_a_user_adds(path: Path) -> Path:
    path.mkdir()
    os.chown(path, ALICE, ALICE)
    return path / "[a-z]*"


@pytest.mark.parametrize("unit", ["app.service", "app.socket"])
@pytest.mark.parametrize(
    "make",
    [
        *(_of_a_user, _of_everybody, _of_a_group, _in_a_directory_of_a_user),
        *(_to_be_made_by_a_user, _behind_a_link_of_a_user, _one_of_many),
        _many_to_which_a_user_adds,
    ],
)
def test_a_file_of_somebody_else_s_gets_none(
    top: Path, make: Callable[[Path], Path], unit: str
) -> None:
    """With LD_PRELOAD= in it, whatever is started there is a program of whoever wrote it."""
    path = make(top / "it")
    (top / "env").touch(0o644)
    found, said = exec_lines((str(top / "env"), str(path)), unit)
    assert found == []
    assert str(path.parent) in said
    assert "LD_PRELOAD" in said
    assert "a line EnvironmentFile= and nothing behind it" in said


def _a_library(top: Path) -> Path:
    (top / "lib").mkdir()
    (top / "lib" / "it.so").touch(0o644)
    return top / "lib" / "it.so"


@pytest.mark.parametrize(
    "environment",
    [
        "LD_LIBRARY_PATH={0}/lib",
        '"LD_LIBRARY_PATH={0}/lib:{0}/missing" A=b',
        '"LD_PRELOAD=libjemalloc.so.2 {0}/lib/it.so"',
        "LD_BIND_NOW=1 OPENSSL_CONF={0}/lib/it.so",
        "PATH={0}/theirs HOME={0}/theirs",
    ],
)
def test_variables_that_lead_to_what_is_root_s_keep_the_hook(top: Path, environment: str) -> None:
    _a_library(top)
    _of_a_user(top / "theirs")
    text = environment.format(top)
    (top / "env").write_text("\n".join(shlex.split(text)))
    for found, said in (exec_lines(environment=text), exec_lines((str(top / "env"),))):
        assert len(found) == 3
        assert not said


@pytest.mark.parametrize(
    "variable",
    [
        *("LD_LIBRARY_PATH={0}/lib", "LD_LIBRARY_PATH={0}/theirs", "LD_LIBRARY_PATH=/usr/lib:"),
        *("LD_LIBRARY_PATH=lib", "LD_LIBRARY_PATH=$ORIGIN/lib", "LD_AUDIT={0}/theirs/a.so"),
        *("LD_PRELOAD={0}/lib/theirs.so", "LD_PRELOAD=libm.so.6:{0}/theirs/a.so"),
        *("OPENSSL_CONF={0}/theirs/o.cnf", "GCONV_PATH={0}/theirs", "LOCPATH={0}/theirs"),
    ],
)
@pytest.mark.parametrize("unit", ["app.service", "app.socket"])
def test_a_variable_that_leads_to_what_is_somebody_else_s_leaves_none(
    top: Path, variable: str, unit: str
) -> None:
    """The unit is root's, and what ld.so(8) loads because of it is not."""
    (top / "theirs").mkdir()
    os.chown(top / "theirs", ALICE, ALICE)
    _of_a_user(_a_library(top).parent / "theirs.so")
    text = variable.format(top)
    (top / "env").write_text(f"# A comment\nA=b\nexport {text}\n")
    (top / "quoted").write_text(text.replace("=", '="') + '"\n')
    for found, said in (
        exec_lines(unit=unit, environment=f'A=b "{text}" "C=d e"'),
        exec_lines((str(top / "env"),), unit),
        exec_lines((str(top / "quoted"),), unit),
    ):
        assert found == []
        assert f" has {text} in its environment, where " in said


def test_a_root_directory_of_its_own_leaves_none() -> None:
    """The hook would be looked for there, and be started with root's rights (measured: systemd 252)."""
    found, said = exec_lines(root="/srv/jail")
    assert found == []
    assert "has the root directory /srv/jail" in said


@pytest.mark.parametrize("unit", ["app.service", "app.socket"])
@pytest.mark.parametrize(
    ("setting", "value", "point"),
    [
        ("BindPaths", "{0}/theirs:/etc:rbind", "/etc"),
        (
            "BindReadOnlyPaths",
            "{0}/a:{0}/b:rbind -{0}/theirs:/usr/local/lib:norbind",
            "/usr/local/lib",
        ),
        ("BindPaths", "{0}/theirs:/var/lib:rbind", "/var/lib"),
        ("BindPaths", "{0}/theirs:{0}/link:rbind", "{0}/link"),
        ("BindPaths", "{0}/a b:{0}/c:rbind", "{0}/a"),
        # What its user makes of these is a link to /etc as soon as he likes.
        ("BindPaths", "{0}/b:{0}/theirs/b:rbind", "{0}/theirs/b"),
        ("BindPaths", "{0}/theirs/b:{0}/theirs/b:rbind", "{0}/theirs/b"),
        ("TemporaryFileSystem", "/srv/x /run:ro,mode=0755", "/run"),
        ("TemporaryFileSystem", "{0}/theirs/b", "{0}/theirs/b"),
        ("MountImages", "-{0}/theirs/it.raw:/", "/"),
        ("ExtensionImages", "{0}/theirs/it.raw", "/usr"),
        ("ExtensionDirectories", "-{0}/theirs", "/usr"),
        # Who is who, by daemons of the name service, and systemd itself.
        ("BindPaths", "{0}/theirs:/var/lib/sss:rbind", "/var/lib/sss"),
        ("BindPaths", "{0}/theirs:/run/systemd/private:rbind", "/run/systemd/private"),
        # Python itself, where it is not the system's.
        ("BindPaths", "{0}/theirs:{0}/python:rbind", "{0}/python"),
        # Where it leads nobody knows.
        ("BindPaths", "{0}/loop/x:{0}/loop/x:rbind", "{0}/loop/x"),
    ],
)
def test_a_unit_that_mounts_something_where_a_hook_looks_gets_none(
    top: Path, setting: str, value: str, point: str, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook has those mounts as well, with root's rights (measured: systemd 257)."""
    monkeypatch.setattr(unit_mounts, "interpreter", lambda: (f"{top}/python/bin/python3",))
    (top / "loop").symlink_to("loop")
    (top / "theirs").mkdir()
    os.chown(top / "theirs", ALICE, ALICE)
    (top / "link").symlink_to("/etc")
    found, said = exec_lines(unit=unit, mounted=((setting, value.format(top)),))
    assert found == []
    assert f" mounts something at {point.format(top)} for its commands" in said


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BindPaths", "{0}/theirs:{0}/at:rbind"),
        ("BindReadOnlyPaths", "/usr:/usr:rbind -/etc/ssl:/etc/ssl:rbind {0}/theirs/c:/srv/c"),
        ("TemporaryFileSystem", "{0}/at:ro /srv"),
        ("MountImages", "{0}/it.raw:{0}/at"),
    ],
)
def test_a_unit_that_mounts_something_elsewhere_keeps_its_hook(
    top: Path, setting: str, value: str
) -> None:
    (top / "theirs").mkdir()
    os.chown(top / "theirs", ALICE, ALICE)
    found, said = exec_lines(mounted=((setting, value.format(top)),))
    assert len(found) == 3
    assert not said
