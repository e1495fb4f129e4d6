# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine goes nowhere where somebody else than root could replace what hooks run as root."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import making
from ansible_collections.unixsocket.access.plugins.module_utils._engine.engine_place import judged
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import Refusals
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    accounts,
    installed,
    systemd,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
    HostNames,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.shown import Shown
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hosts import ALICE, BOB, STAFF, Place
from kernel.test_kernel_converge import home

__all__ = ["home"]


@pytest.fixture
def top() -> Iterator[Path]:
    """A directory of root's below directories of root's, as /usr/local is."""
    path = Path(tempfile.mkdtemp(prefix="ua-", dir="/run"))
    path.chmod(0o755)
    for name in ("sbin", "lib"):
        (path / name).mkdir(mode=0o755)
    yield path
    shutil.rmtree(path)


def place(top: Path) -> installed.Place:
    names = ("lib/socket-access", "sbin/socket-access", "run")
    return installed.Place(*(f"{top}/{name}" for name in names), interpreter="/usr/bin/python3")


def look(top: Path) -> tuple[list[str], list[str]]:
    return judged(place(top), Accounts(), HostNames())


def give(path: Path, mode: int, uid: int = 0, gid: int = 0) -> None:
    os.chown(path, uid, gid)
    path.chmod(mode)


def members(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the group STAFF have a name and these members, as a host's upgraded Debian has."""
    staff = grp.struct_group(("staff", "x", STAFF, list(names)))
    real = grp.getgrgid
    monkeypatch.setattr(accounts.grp, "getgrgid", lambda gid: staff if gid == STAFF else real(gid))


def test_a_place_of_roots(top: Path) -> None:
    assert look(top) == ([], [])
    place(top).install(installed.own())
    assert look(top) == ([], [])
    real = top.parent / f"{top.name}-real"
    top.rename(real)
    try:
        top.symlink_to(real)
        assert look(top) == ([], [])
        os.lchown(top, ALICE, ALICE)
        (refused,), doubtful = look(top)
        assert f"chown -h root {top}" in refused
        assert not doubtful
        top.unlink()
    finally:
        real.rename(top)


@pytest.mark.parametrize("name", ["", "sbin", "lib", "lib/socket-access", "sbin/socket-access"])
def test_what_others_may_write_to_or_own_is_refused(top: Path, name: str) -> None:
    place(top).install(installed.own())
    path = top / name
    mode = path.stat().st_mode & 0o777
    for wrong in ((mode | 0o2, 0), (mode, BOB)):
        give(path, *wrong)
        (refused,), doubtful = look(top)
        assert str(path) in refused
        assert not doubtful
    give(path, mode)
    assert look(top) == ([], [])


@pytest.mark.parametrize("name", ["bin", "bin/python"])
def test_an_interpreter_that_others_could_replace_is_told(top: Path, name: str) -> None:
    """Hooks run it as root at each start of a daemon, long after Ansible was trusted to run it once."""
    (top / "bin").mkdir(mode=0o755)
    (top / "bin" / "python").touch(mode=0o755)
    one = place(top)
    one.interpreter = f"{top}/bin/python"
    assert judged(one, Accounts(), HostNames()) == ([], [])
    for wrong in ((0o777, 0), (0o755, BOB)):
        give(top / name, *wrong)
        refused, (doubtful,) = judged(one, Accounts(), HostNames())
        assert not refused
        assert f"could replace the program {top}/bin/python, which the hooks of" in doubtful
    give(top / name, 0o755)
    assert judged(one, Accounts(), HostNames()) == ([], [])


def test_a_group_counts_where_somebody_is_in_it(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give(top / "sbin", 0o2775, 0, STAFF)
    # In a group without a name, and in one without members, nobody is.
    assert look(top) == ([], [])
    members(monkeypatch)
    assert look(top) == ([], [])
    members(monkeypatch, "root")
    assert look(top) == ([], [])
    members(monkeypatch, "root", "daemon")
    refused, (doubtful,) = look(top)
    assert not refused
    assert doubtful.startswith("The members of group ")
    assert f"(daemon) may write to the directory {top}/sbin" in doubtful
    assert doubtful.endswith(f"chmod g-w {top}/sbin.")
    (top / "sbin").chmod(0o755)
    assert look(top) == ([], [])


def run(home: Place, top: Path, *, check: bool) -> Result:
    """Let a run with units look; only what it refuses, or only checks, leaves this host as it is."""
    declared = {"app": {"path": home.listen("s"), "allow": [{"user": str(BOB)}]}}
    task = Task(validate(declared).sockets[0], "socket app")
    there = place(top)
    where = mock.patch.object(installed, "Place", return_value=there)
    runs = mock.patch.object(making, "is_running", return_value=True)
    up = mock.patch.object(systemd, "is_running", return_value=True)
    with where, runs, up, mock.patch.object(systemd.Manager, "show", nothing_runs):
        return converge([task], Options(check=check), file=home.file)


def nothing_runs(dummy: object, units: Sequence[str]) -> list[Shown]:
    return [Shown(unit, exists=False, active=False) for unit in units]


@pytest.mark.parametrize("check", [True, False])
def test_a_run_tells_it_before_anything_is_changed(home: Place, top: Path, *, check: bool) -> None:
    give(top / "sbin", 0o777)
    with pytest.raises(Refusals) as told:
        run(home, top, check=check)
    (sentence,) = told.value.messages
    assert sentence.startswith(f"Everyone may write to the directory {top}/sbin")
    assert stat.S_IMODE(os.stat(home.top / "s").st_mode) == 0o755
    assert sorted(os.listdir(top / "sbin")) == sorted(os.listdir(top / "lib")) == []


def test_a_run_goes_on_where_a_group_is_as_good_as_root(
    home: Place, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(top / "lib", 0o2775, 0, STAFF)
    members(monkeypatch, "daemon")
    result = run(home, top, check=True)
    assert any(f"is installed as {top}/lib/socket-access" in one for one in result.changes)
    (warning,) = result.warnings
    assert "(daemon) may write to" in warning
    (top / "lib").chmod(0o755)
    (home.top / "s").unlink()
    assert run(home, top, check=True).warnings == []
