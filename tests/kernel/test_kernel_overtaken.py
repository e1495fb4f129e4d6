# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody else is faster: what changes between the look at an inode and the write is not lost.

systemd makes a RuntimeDirectory= as root and then gives it to the daemon, with chmod_and_chown()
in setup_exec_directory() of its source; a run in between must not take it back.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import proofs
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge import loop
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import inode
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import Access
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    Acl,
    entries_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import (
    inode_access,
)
from kernel.hosts import ALICE, CAROL, MALLORY, Place, everything
from kernel.test_kernel_converge import home

__all__ = ["home"]

Write = Callable[[inode_access.InodeAccess, Access], None]


def state(path: str) -> Access:
    fd = os.open(path, os.O_PATH)
    try:
        return inode.read_access(fd)
    finally:
        os.close(fd)


def client(path: str, directory: str) -> dict[str, dict[str, object]]:
    grant = {"user": str(ALICE), "method": "acl", "open_parents": [directory]}
    return {"app": {"path": path, "allow": [grant]}}


@contextmanager
def before_each_write(act: Callable[[str], None], times: int) -> Iterator[list[str]]:
    """Let somebody act right before the first ``times`` writes, and tell which those were."""
    acted: list[str] = []
    write: Write = inode_access.InodeAccess.write

    def overtaken(resource: inode_access.InodeAccess, target: Access) -> None:
        if len(acted) < times:
            acted.append(resource.path)
            act(resource.path)
        write(resource, target)

    with mock.patch.object(inode_access.InodeAccess, "write", overtaken):
        yield acted


def test_a_directory_that_is_given_away_meanwhile_stays_given_away(home: Place) -> None:
    directory = str(home.directory("closed", 0o700))
    path = home.listen("closed/s", 0o600, CAROL, CAROL)

    def give_away(dummy: str) -> None:
        os.chown(directory, CAROL, CAROL)
        os.chmod(directory, 0o710)

    with before_each_write(give_away, 1) as acted:
        done = home.run(client(path, directory))
    assert len(acted) == 1
    entries = entries_of({ALICE: 1})
    assert state(directory) == Access(CAROL, CAROL, Acl(7, 1, 0, entries, mask=1))
    assert done.sockets["app"]["grants"][0]["proof"]["held"] is True
    assert not home.run(client(path, directory)).changed
    home.run(client(path, directory), absent=True)
    assert state(directory) == Access(CAROL, CAROL, Acl(7, 1, 0))


def test_a_socket_that_is_opened_meanwhile_is_closed_all_the_same(home: Place) -> None:
    path = home.listen("s", 0o600)
    declared = {"app": {"path": path, "allow": [{"user": str(ALICE)}], "refuse": [str(MALLORY)]}}
    with before_each_write(lambda dummy: os.chmod(path, 0o777), 1):
        done = home.run(declared)
    assert state(path).acl.other == 0
    assert done.sockets["app"]["grants"][0]["proof"]["held"] is True
    home.run(declared, absent=True)
    assert state(path).acl == Acl(7, 7, 7)


def test_who_is_always_slower_says_so_and_leaves_nothing(home: Place) -> None:
    directory = str(home.directory("closed", 0o700))
    path = home.listen("closed/s", 0o600, CAROL, CAROL)
    before = everything(home.top)
    modes = itertools.cycle((1, 1, 0, 0))

    def fight(found: str) -> None:
        os.chmod(directory, 0o700 | next(modes) % 2)
        os.chmod(path, 0o600 | next(modes) % 2 << 2)

    with before_each_write(fight, 1000), pytest.raises(AccessError) as caught:
        home.run(client(path, directory))
    assert "was changed by somebody else while this run was going on; run again." in str(
        caught.value
    )
    assert "put back" in str(caught.value)
    os.chmod(directory, 0o700)
    os.chmod(path, 0o600)
    assert everything(home.top) == before
    assert not home.file.load().entries
    assert home.run(client(path, directory)).changed


def test_what_is_put_back_is_only_what_was_ours(home: Place) -> None:
    """The daemon's directory is given to it after the write, and then the proof fails."""
    directory = str(home.directory("closed", 0o700))
    path = home.listen("closed/s", 0o600, CAROL, CAROL)
    home.listeners.pop().close()

    def prove(*dummy: object, **named: object) -> None:
        os.chown(directory, CAROL, CAROL)
        raise AccessError("It is not so.")

    proving = mock.patch.object(proofs, "prove_all", prove)
    with proving, pytest.raises(AccessError, match="It is not so"):
        home.run(client(path, directory))
    assert state(directory) == Access(CAROL, CAROL, Acl(7, 0, 0))
    assert state(path).acl == Acl(6, 0, 0)
    assert not home.file.load().entries


def test_a_killed_run_is_healed_over_what_was_given_away_since(home: Place) -> None:
    directory = str(home.directory("closed", 0o700))
    path = home.listen("closed/s", 0o600, CAROL, CAROL)

    class Killed(BaseException):
        pass

    def die(*dummy: object) -> None:
        raise Killed

    killed = mock.patch.multiple(loop, _put_back=die, _settle=die)
    with killed, pytest.raises(Killed):
        home.run(client(path, directory))
    assert any(entry.pending for entry in home.file.load().entries.values())
    os.chown(directory, CAROL, CAROL)
    home.run(client(path, directory))
    assert (state(directory).uid, state(directory).gid) == (CAROL, CAROL)
    home.run(client(path, directory), absent=True)
    assert state(directory) == Access(CAROL, CAROL, Acl(7, 0, 0))
    assert state(path).acl == Acl(6, 0, 0)


def test_a_write_that_fails_half_way_is_put_back_whole(home: Place) -> None:
    path = home.listen("s", Acl(6, 6, 0, entries_of({CAROL: 6}), mask=6))
    before = state(path)
    declared = {"app": {"path": path, "group": str(CAROL), "allow": [{"user": str(ALICE)}]}}

    real, calls = os.chown, []

    def chown(name: str, uid: int, gid: int) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise PermissionError(1, "Operation not permitted")
        real(name, uid, gid)

    with mock.patch.object(os, "chown", chown), pytest.raises(AccessError, match="put back"):
        home.run(declared)
    assert calls
    assert state(path) == before
