# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody's own file system keeps root waiting, and with it all hooks of the host."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine import environments
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.file import (
    ManagedFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hostile.silent import silent
from kernel.hostile.test_hostile_faults import one_world
from kernel.hosts import ALICE, BOB, Place
from kernel.test_kernel_mounts import SOURCE, World, world

__all__ = ["world"]

LONGEST = 8.0
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
