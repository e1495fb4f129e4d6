# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk that is full, read-only or broken, at each change and each look of a run, and signals.

The run makes an entry, opens a directory, and mounts a socket that a user mounts by fstab, so that
every kind of thing that needs no systemd is written.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    atomic_file,
    fstab,
    mounts,
)
from kernel.hostile.steps import CHANGES, LOOKS, before_each
from kernel.hosts import ALICE, BOB, CAROL, Place, Seen, ended, everything, fork
from kernel.test_kernel_mounts import FSTAB, SOURCE, TARGET, World, connects, world

__all__ = ["world"]

CLOSED = "/mnt/closed"
DECLARED: dict[str, Any] = {
    "app": {
        "path": SOURCE,
        "unit": "app.socket",
        "unit_user": "alice",
        "allow": [
            {"user": "bob", "method": "bind_mount", "at": TARGET, "mount_as": "alice"}
            | {"trust_mounter": True}
        ],
    },
    "other": {
        "path": f"{CLOSED}/s",
        "group": str(CAROL),
        "allow": [{"user": "bob", "method": "acl", "open_parents": [CLOSED]}],
    },
}
one_world = pytest.mark.parametrize("world", ["private"], indirect=True)


@pytest.fixture
def host(world: World) -> Iterator[Place]:
    """The world of the mounts, with a second socket in a closed directory."""
    place = Place(Path("/mnt"), Path("/mnt/record"))
    place.directory("closed", 0o700)
    place.listen("closed/s", 0o777)
    yield place
    place.close()


def state() -> tuple[dict[str, Seen], bytes, list[str]]:
    """Return all that a run may change: inodes, fstab, mounts."""
    seen = {
        path: one
        for path, one in everything(Path("/mnt")).items()
        if not path.startswith(("/mnt/record", "/mnt/upper", "/mnt/work"))
    }
    return seen, Path("/etc/fstab").read_bytes(), _mounted()


def _mounted() -> list[str]:
    """Return what is mounted below the place; elsewhere others come and go."""
    return [one.point for one in mounts.read() if one.point.startswith("/mnt/")]


def differs(one: tuple[Any, ...], other: tuple[Any, ...]) -> list[object]:
    """Return where two states differ, for whoever reads a failure."""
    (seen, *rest), (wanted, *others) = one, other
    paths = [path for path in {**seen, **wanted} if seen.get(path) != wanted.get(path)]
    return [(path, seen.get(path), wanted.get(path)) for path in paths] + [
        pair for pair in zip(rest, others) if pair[0] != pair[1]
    ]


def outcome(run: Callable[[], object]) -> str:
    try:
        run()
    except AccessError as error:
        return str(error)
    return ""


@one_world
@pytest.mark.parametrize(
    ("code", "absent"),
    [(errno.ENOSPC, False), (errno.EROFS, True)],
    ids=["a full disk, apply", "a read-only one, revoke"],
)
def test_a_fault_at_any_change_is_told_and_put_back(host: Place, code: int, absent: bool) -> None:
    before = state()
    host.run(DECLARED, prove=False)
    after = state()
    first, last = (after, before) if absent else (before, after)
    if not absent:
        host.run(DECLARED, absent=True)
    number, told, reached = 0, 0, [-1]
    while True:
        reached[0] = -1

        def fail(this: int, dummy: str, number: int = number) -> None:
            reached[0] = this
            if this == number:
                raise OSError(code, os.strerror(code))

        with before_each(fail, CHANGES):
            said = outcome(lambda: host.run(DECLARED, absent=absent, prove=False))
        if reached[0] < number:
            assert not said
            break
        if said:
            told += 1
            assert os.strerror(code) in said, (number, said)
            assert "/proc/self/fd" not in said
            assert said.endswith("."), said
            assert not differs(state(), first), (number, said)
        else:
            assert not differs(state(), last), number
        # Whatever it was, the next run does the rest, and the one after it the way back.
        host.run(DECLARED, absent=absent, prove=False)
        assert not differs(state(), last), (number, said)
        host.run(DECLARED, absent=not absent)
        assert not differs(state(), first), (number, said)
        # The way back meets every second change, for the time that it takes.
        number += 1 + absent
    assert number > 15
    assert told > 4
    host.run(DECLARED, absent=True)
    assert not differs(state(), before)
    assert Path("/etc/fstab").read_bytes() == FSTAB


@one_world
def test_a_disk_that_stays_full_is_healed_later(host: Place) -> None:
    """From one change on nothing can be written any more, so nothing can be put back either."""
    before = state()
    for first in range(0, 40, 3):

        def fail(this: int, name: str, first: int = first) -> None:
            if this >= first and name in ("write", "mkdir", "setxattr", "fsync"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with before_each(fail, CHANGES):
            said = outcome(lambda: host.run(DECLARED, prove=False))
        assert not said or "No space left on device" in said
        assert ".." not in said
        # Nobody was let in but who is declared.
        assert connects(CAROL, TARGET) in ("ENOENT", "EACCES")
        assert Path("/etc/fstab").read_bytes().startswith(FSTAB)
        host.run(DECLARED, absent=True)
        assert not differs(state(), before), (first, said)


@one_world
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_any_change_is_healed(host: Place, number: int) -> None:
    """Ctrl-C puts everything back, unless all is done; after what kills, the next run heals."""
    before = state()
    host.run(DECLARED, prove=False)
    after = state()
    host.run(DECLARED, absent=True)
    # Each of the two signals meets every third change.
    moment, died = number % 3, True
    while died:

        def interrupt(this: int, dummy: str, moment: int = moment) -> None:
            if this == moment:
                os.kill(os.getpid(), number)

        def inside(interrupt: Callable[[int, str], None] = interrupt) -> None:
            signal.signal(number, signal.default_int_handler if number == 2 else signal.SIG_DFL)
            try:
                with before_each(interrupt, CHANGES):
                    host.run(DECLARED, prove=False)
            except KeyboardInterrupt:
                os._exit(3)

        status = ended(fork(inside))
        died = status != 0
        assert status in (0, 3, -number), moment
        if status == 3 and differs(state(), after):
            assert not differs(state(), before), moment
        if moment % 2:
            host.run(DECLARED, prove=False)
            assert connects(BOB, TARGET) == "socket"
        host.run(DECLARED, absent=True)
        assert not differs(state(), before), moment
        moment += 3
    assert moment > 15


@one_world
def test_signals_without_end_change_nothing(host: Place) -> None:
    """System calls are interrupted all the time (EINTR, signal(7)), those of no library included."""
    before = state()
    old = signal.signal(signal.SIGALRM, lambda *dummy: None)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for dummy in range(3):
            assert host.run(DECLARED, prove=False).changed
            assert not host.run(DECLARED, prove=False).changed
            assert host.run(DECLARED, absent=True).changed
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert not differs(state(), before)
    assert connects(ALICE, SOURCE) == "socket"


@one_world
@pytest.mark.parametrize("check", [False, True], ids=["apply", "check mode"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE], ids=["a broken disk", "a lost server"])
def test_a_fault_at_any_look_is_told_before_anything_is_changed(
    host: Place, check: bool, code: int
) -> None:
    """What cannot be looked at ends the run with a sentence; what can be done without it, is done."""
    before = state()
    host.run(DECLARED, prove=False)
    after = state()
    host.run(DECLARED, absent=True)
    # Each of the four meets other looks.
    number, told, reached = 2 * check + (code == errno.EIO), set(), 0
    while reached >= 0:
        reached = -1

        def fail(this: int, name: str, number: int = number) -> None:
            nonlocal reached
            if this == number:
                reached = this
                raise OSError(code, os.strerror(code))

        with before_each(fail, LOOKS):
            said = outcome(lambda: host.run(DECLARED, check=check, prove=False))
        if said:
            assert os.strerror(code) in said, (number, said)
            assert "[Errno" not in said, (number, said)
            assert "Traceback" not in said
            assert "/proc/self/fd" not in said
            told.add(said.partition(" cannot be ")[0])
        wanted = before if said or check else after
        assert not differs(state(), wanted), (number, said)
        host.run(DECLARED, absent=True)
        assert not differs(state(), before), (number, said)
        number += 11
    assert f"The socket {SOURCE}" in told
    assert len(told) > 2, told


@one_world
@pytest.mark.parametrize(
    ("room", "name", "number", "said"),
    [
        (os, "getxattr", errno.EIO, f"The socket {SOURCE} cannot be looked at: "),
        (mounts, "read", errno.EACCES, f"{TARGET} for a socket to be mounted on cannot be looked"),
        (fstab, "_content", errno.ESTALE, "/etc/fstab cannot be looked at: "),
        (atomic_file, "read", errno.ELOOP, "The record /mnt/record/record.json cannot be looked "),
    ],
    ids=["an inode", "mountinfo", "fstab", "the record"],
)
def test_what_cannot_be_looked_at_is_named_with_its_path_and_the_way_out(
    host: Place, monkeypatch: pytest.MonkeyPatch, room: Any, name: str, number: int, said: str
) -> None:
    before = state()

    def fail(*arguments: Any, **dummy: Any) -> None:
        path = arguments[0] if arguments and isinstance(arguments[0], str) else "/the/path"
        raise OSError(number, os.strerror(number), path)

    with monkeypatch.context() as patch:
        patch.setattr(room, name, fail)
        told = outcome(lambda: host.run(DECLARED, prove=False))
    assert said in told
    assert f"{os.strerror(number)} ({errno.errorcode[number]}); " in told
    assert ", and run again." in told
    assert not differs(state(), before)
