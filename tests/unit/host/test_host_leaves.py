# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The other leaves: files replaced whole, the lock, tools, accounts and processes."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    accounts,
    atomic_file,
    commands,
    processes,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.lock import Lock


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert atomic_file.read(str(path)) is None
    atomic_file.replace(str(path), b"one", 0o600)
    held = path.open("rb")
    atomic_file.replace(str(path), b"two" * 100_000, 0o640)
    assert held.read() == b"one"
    held.close()
    assert atomic_file.read(str(path)) == b"two" * 100_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_killed_run_left_beside_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "file.new").write_text("a half")
    atomic_file.replace(str(path), b"whole", 0o600)
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_left_beside_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "file.new").symlink_to(victim)
    atomic_file.replace(str(tmp_path / "file"), b"new", 0o600)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "fchmod"])
def test_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        atomic_file.replace(str(path), b"new", 0o600)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    atomic_file.replace(str(tmp_path / "file"), b"0123456789", 0o600)
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_one_holds_the_lock_and_the_other_waits(tmp_path: Path) -> None:
    directory = str(tmp_path / "state")
    first = Lock(directory, seconds=0)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    with pytest.raises(AccessError) as caught:
        Lock(directory, seconds=0.2)
    assert "0.2 seconds" in str(caught.value)
    assert directory in str(caught.value)
    started = time.monotonic()
    released = threading.Timer(0.2, first.release)
    released.start()
    second = Lock(directory, seconds=5)
    assert time.monotonic() - started > 0.1
    released.join()
    second.release()


def test_a_lock_survives_that_its_holder_removes_the_directory(tmp_path: Path) -> None:
    directory = str(tmp_path / "state")
    first = Lock(directory, seconds=0)
    waiting: list[Lock] = []
    thread = threading.Thread(target=lambda: waiting.append(Lock(directory, seconds=5)))
    thread.start()
    time.sleep(0.15)
    os.rmdir(directory)
    first.release()
    thread.join()
    assert os.path.isdir(directory)
    # It is the new directory that is locked, not the one that is gone.
    with pytest.raises(AccessError, match="Another run"):
        Lock(directory, seconds=0)
    waiting[0].release()


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    directory = str(tmp_path / "state")
    os.mkdir(directory)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, time\n"
            "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)\n"
            "print('held', flush=True)\ntime.sleep(60)",
            directory,
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AccessError):
        Lock(directory, seconds=0)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    Lock(directory, seconds=5).release()


def test_a_lock_leaves_no_descriptor(tmp_path: Path) -> None:
    first = Lock(str(tmp_path), seconds=0)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(AccessError):
        Lock(str(tmp_path), seconds=0.12)
    assert os.listdir("/proc/self/fd") == before
    first.release()


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(AccessError) as caught:
        Lock(str(tmp_path / "state"), seconds=0)
    assert str(tmp_path / "state") in str(caught.value)


def test_a_tool_and_what_it_says() -> None:
    assert commands.run(("echo", "hello"), seconds=5, purpose="greet") == "hello\n"


@pytest.mark.parametrize(
    ("arguments", "seconds", "said"),
    [
        (("no-such-tool-at-all",), 9, "missing on this host; it was called to greet"),
        (
            ("sh", "-c", "echo broken >&2; exit 3"),
            9,
            "exit status 3 and said: broken; it was called",
        ),
        (("sh", "-c", "exit 3"), 9, "said: nothing"),
        (("sh", "-c", r"printf 'a\nb\033[2J\n'; exit 3"), 9, r"said: a b\x1b[2J; it was called"),
        (("sleep", "5"), 0.2, "did not end within 0.2 seconds; it was called to greet"),
    ],
)
def test_a_tool_that_fails(arguments: tuple[str, ...], seconds: float, said: str) -> None:
    with pytest.raises(AccessError) as caught:
        commands.run(arguments, seconds=seconds, purpose="greet")
    assert said in str(caught.value)
    assert arguments[0] in str(caught.value)


def test_a_tool_gets_a_plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    said = commands.run(("env",), seconds=5, purpose="look").split("\n")
    assert sorted(filter(None, said)) == [
        "LC_ALL=C",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    ]


def test_accounts_by_name_and_number() -> None:
    known = accounts.Accounts()
    mine = pwd.getpwuid(0)
    for name in (mine.pw_name, "0"):
        user = known.user(name)
        assert user is not None
        assert (user.name, user.uid, user.known) == (mine.pw_name, 0, True)
    group = known.group("0")
    assert group is not None
    assert group.name == grp.getgrgid(0).gr_name
    assert mine.pw_name in group.members


def test_accounts_that_do_not_exist() -> None:
    known = accounts.Accounts()
    assert known.user("no-such-user-here") is None
    assert known.group("no-such-group-here") is None
    user, group = known.user("1999999999"), known.group("1999999999")
    assert user is not None
    assert group is not None
    assert (user.uid, user.known) == (1999999999, False)
    assert (group.gid, group.known, group.members) == (1999999999, False, frozenset())


@pytest.mark.parametrize("name", ["-1", "1.5", "²", "٣", "", "0x10", " 0"])
def test_what_only_looks_like_a_number(name: str) -> None:
    known = accounts.Accounts()
    assert known.user(name) is None
    assert known.group(name) is None


def test_a_name_that_looks_like_a_number_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("7", "x", 1234, 1234, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry)
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid])
    user = accounts.Accounts().user("7")
    assert user is not None
    assert user.uid == 1234


def test_names_of_numbers() -> None:
    names = accounts.HostNames()
    assert names.user_name(0) == pwd.getpwuid(0).pw_name
    assert names.group_name(0) == grp.getgrgid(0).gr_name
    assert names.user_name(1999999999) == "1999999999"
    assert names.group_name(1999999999) == "1999999999"


def test_own_process_is_found() -> None:
    (mine,) = (one for one in processes.processes_of(os.geteuid()) if one.pid == os.getpid())
    assert mine.gids == frozenset({*os.getgroups(), os.getegid()})
    assert abs(mine.started - time.time()) < 24 * 3600
    assert mine.started <= time.time() + 1
    assert f"{os.getpid()}" in str(mine)


def test_when_a_process_started() -> None:
    begun = time.time()
    with subprocess.Popen(["sleep", "30"]) as other:
        (found,) = (one for one in processes.processes_of(os.geteuid()) if one.pid == other.pid)
        other.kill()
    assert abs(found.started - begun) < 2


def test_nobody_has_processes_of_an_id_that_nobody_has() -> None:
    assert processes.processes_of(1999999999) == []
