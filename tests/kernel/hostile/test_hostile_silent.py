# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody's own file system keeps root waiting, and with it all hooks of the host."""

from __future__ import annotations

import errno
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import doubts, environments
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import look, mounted
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    creator,
    mounts,
    pinned,
    theirs,
    watch,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import (
    Pin,
    pin,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    FileState,
    ManagedFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import wait, watched
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hostile.silent import silent
from kernel.hostile.test_hostile_faults import one_world
from kernel.hosts import ALICE, BOB, Place
from kernel.test_kernel_mounts import _NEW_MOUNTS, SOURCE, World, _libc, called, world

__all__ = ["world"]

LONGEST = 20.0
STRANGER = Credentials(65533, 65533)
ALONE = Credentials(ALICE, ALICE)
TOLD = f"{Path(SOURCE).parent} is a file system (fuse) of user id {ALICE}, "


def within(doing: Callable[[], object]) -> str:
    """Return what a process says that does it, or that it did not come to an end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = repr(doing())
        except BaseException as error:
            said = str(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    ends = time.monotonic() + LONGEST
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > ends:
            os.kill(pid, signal.SIGKILL)
            return "It waits for ever."
        time.sleep(0.02)
    with open(reading, encoding="utf-8") as told:
        return told.read()


@one_world
def test_a_run_and_a_hook_wait_for_no_user_s_file_system(world: World) -> None:
    place = Place(Path("/mnt"), Path("/mnt/record"))
    grant = {"user": str(BOB), "open_parents": [str(Path(SOURCE).parent)]}
    declared = {"app": {"path": SOURCE, "allow": [grant]}}
    others = place.listen("other", 0o755)
    place.run(declared, prove=False)
    tasks = [Task(one, "socket app", kept=True) for one in validate(declared).sockets]

    def hook() -> object:
        return converge(tasks, Options(hook=True, prove=False, lock_seconds=5.0), file=place.file)

    with silent(Path(SOURCE).parent, ALICE):
        for doing in (hook, lambda: place.run(declared), lambda: place.run(declared, absent=True)):
            said = within(doing)
            assert TOLD in said
        # The lock of the host is free for everybody else.
        assert place.run({"other": {"path": others, "allow": [{"user": str(BOB)}]}}).changed
    place.close()


@one_world
def test_what_a_user_names_is_looked_at_in_the_same_way(world: World) -> None:
    theirs = Path(SOURCE).parent

    def units(dummy: str | None) -> list[tuple[str, str]]:
        return [("theirs.socket", f"{theirs}/s")]

    asked: list[tuple[Callable[[], object], str]] = [
        *(
            (partial(pin, path), TOLD)
            for path in (str(theirs), f"{theirs}/a/b", f"/mnt/..{theirs}")
        ),
        (ManagedFile(f"{theirs}/.config/u", writer=User("alice", ALONE)).read, TOLD),
        (partial(creator._socket_unit, units, (0, 0), "alice"), "None"),
        (partial(environments.in_other_hands, [f"{theirs}/*.env"]), f"'{theirs}/?'"),
        (partial(environments._not_roots, "LD_LIBRARY_PATH", str(theirs)), f"'{theirs}'"),
    ]
    with silent(theirs, ALICE):
        for doing, said in asked:
            assert within(doing).startswith(said)


@one_world
def test_a_user_s_own_files_are_not_covered_right_after_the_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(SOURCE).parent
    (home / ".config").mkdir()
    for path in (home, home / ".config"):
        os.chown(path, ALICE, ALICE)
    file = ManagedFile(f"{home}/.config/a/b/u", writer=User("alice", ALONE))

    def covered(doing: Callable[[], object]) -> object:
        with ExitStack() as stack:

            def cover(path: str) -> Pin:
                held = pin(path)
                if not covers:
                    covers.append(path)
                    os.seteuid(0)
                    stack.enter_context(silent(home / ".config", ALICE))
                    os.seteuid(ALICE)
                return held

            covers: list[str] = []
            monkeypatch.setattr(theirs, "pin", cover)
            return doing()

    def write() -> None:
        file.write(FileState(b"ours"))

    assert f"{home}/.config is a file system (fuse) of" in within(partial(covered, file.read))
    assert f"{home}/.config is a file system (fuse) of" in within(partial(covered, write))
    write()
    assert (home / ".config/a/b/u").read_bytes() == b"ours"
    assert (home / ".config/a/b/u").stat().st_uid == ALICE
    assert "content=b'ours'" in within(partial(covered, file.read))
    file.write(FileState(None, missing=(f"{home}/.config/a/b", f"{home}/.config/a")))
    assert not list((home / ".config").iterdir())


@one_world
def test_an_older_kernel_tells_a_process_that_acts_as_a_user_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 5.14 the entries of /proc/self/fdinfo are root's, and nobody else may read them."""
    real = os.open

    def older(path: str, *more: Any, **named: Any) -> int:
        if str(path).startswith("/proc/self/fdinfo/") and os.geteuid() != 0:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, *more, **named)

    home = Path(SOURCE).parent
    file = ManagedFile(f"{home}/.config/u", writer=User("alice", ALONE))
    monkeypatch.setattr(os, "open", older)
    with silent(home, ALICE):
        assert TOLD in within(file.read)


@one_world
def test_a_look_at_the_whole_host_has_an_end(world: World) -> None:
    """He binds sockets there first, so that the kernel itself names the path."""
    theirs = Path(SOURCE).parent
    (theirs / "below").mkdir()
    with socket.socket(socket.AF_UNIX) as hidden, socket.socket(socket.AF_UNIX) as seen:
        hidden.bind(f"{theirs}/hidden")
        hidden.listen()
        seen.bind(f"{theirs.parent}/seen")
        seen.listen()

        def everything() -> list[str]:
            census = look(None, (), STRANGER)
            paths = [one.place.path for one in census.sockets]
            assert f"{theirs.parent}/seen" in paths, paths
            return [*census.unseen, *(str(one.place.note) for one in census.sockets)]

        def one() -> tuple[str, ...]:
            return look([f"{theirs}/hidden"], (), STRANGER).unseen

        with silent(theirs, ALICE):
            for asked in (everything, one):
                assert TOLD in within(asked)
        Path("/run/user").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir="/run/user") as place, silent(Path(place), ALICE):
            assert f"{place} is a file system (fuse) of user id {ALICE}, " in within(everything)


@one_world
def test_nobody_waits_there_for_a_daemon(world: World) -> None:
    theirs = Path(SOURCE).parent
    path = f"{theirs}/new/s"

    def what_is_watched() -> bool:
        with watch.Watch() as one:
            # What was looked at may be covered before it is watched.
            watched._watch(one, path)
        return True

    asked: list[tuple[Callable[[], object], str]] = [
        (partial(wait.wait_for_listener, path, 5.0), TOLD),
        (partial(wait.wait_for_listener, f"{theirs.parent}/s", 0.1), "False"),
        (what_is_watched, TOLD),
        (partial(watched._inode, path), "None"),
        # A name beside it is enough, which is his to cover.
        (partial(doubts._beside, f"{theirs.parent}/missing"), "''"),
        (partial(doubts._beside, path), "''"),
    ]
    with silent(theirs, ALICE):
        for doing, said in asked:
            assert within(doing).startswith(said)


@one_world
def test_what_covers_a_name_while_it_is_looked_at(world: World) -> None:
    """inotify has none left, so the names are looked at; and a mount is asked for below his."""
    theirs = Path(SOURCE).parent
    held = os.open(theirs.parent, os.O_PATH)
    before = watch._look(held, [theirs.name])
    table = [mounts.Mount(1, 1, 1, "/s", f"{theirs}/s")]
    with silent(theirs, ALICE):
        assert within(lambda: watch._look(held, [theirs.name]) != before) == "True"
        assert within(lambda: mounted.targets(table)) == "{}"
    os.close(held)


@one_world
def test_a_process_with_mounts_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mounts are shared, his shows in the sandbox of a service as well, under another number."""
    theirs = Path(SOURCE).parent
    reading, writing = os.pipe()
    with silent(theirs, ALICE):
        pid = os.fork()
        if pid == 0:
            called(_libc.unshare, _NEW_MOUNTS)
            os.write(writing, b".")
            signal.pause()
        assert os.read(reading, 1) == b"."
        root = os.open(f"/proc/{pid}/root", os.O_PATH)
        table = f"/proc/{pid}/mountinfo"
        chosen = os.open(theirs, os.O_PATH)
        try:
            assert TOLD in within(lambda: pin(f"{theirs}/s", root=root, table=table).chain)
            # And any user may choose his root directory (unshare(1), chroot(2)).
            assert within(lambda: pin("/s", root=chosen).chain).startswith("/ is a file system")
            # Which then is in no table of his.
            monkeypatch.setattr(pinned, "number_of", lambda fd: -1)
            assert within(partial(pinned.refuse_theirs, chosen, "/")).startswith("/ is a file ")
            assert within(partial(pinned.refuse_theirs, root, "/")) == "None"
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            for fd in (root, chosen, reading, writing):
                os.close(fd)
