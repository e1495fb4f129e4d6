# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Waiting until a daemon listens at a path, without sleeping.

Until the inode is there, inotify tells of every step to it.  Between bind(2) and listen(2) there is
no event, so only there the kernel is asked every few milliseconds.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Collection
from contextlib import closing

from ..host import listening
from ..host.inode import magic_link
from ..host.pinned import Replaced, pin, walked
from ..host.watch import Watch

_ASK_AGAIN = 0.003
_SETTLED = 0.25
# Nothing tells that a symbolic link on the way leads somewhere else now.
_LOOK_AGAIN = 1.0
# A user may have to search a directory that he may not read, and so may not watch.
_UNWATCHED = 0.05


def wait_for_listener(path: str, seconds: float, pid: int | None = None) -> bool:
    """Wait until somebody listens at ``path``; tell whether it came to that within ``seconds``.

    A socket that an earlier run of the daemon left there does not count.  ``pid`` is the daemon's
    main process, through which a listener is seen that has a network namespace of its own.  Without
    it, and where the kernel does not tell, a socket that has been there for a quarter of a second
    unchanged is taken for one with a listener.
    """
    sight = _Sight(path, pid)
    deadline = time.monotonic() + seconds
    while True:
        step = next_step(path)
        with Watch() as watch:
            pause = _watch(watch, *step)
            while step == next_step(path):
                if sight.listens():
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                watch.wait(min(left, _ASK_AGAIN if sight.socket is not None else pause))


def next_step(path: str) -> tuple[str, str]:
    """Return the deepest directory on the way that is there, and the name that is to appear."""
    try:
        chain = walked(path)
    except Replaced:
        return os.path.split(path)
    except PermissionError:
        # As far as a user can see it in his own manager.
        return next_step(os.path.dirname(path))
    return os.path.split(chain.missing or chain.blocked or chain.resolved)


def add(watch: Watch, path: str, names: Collection[str]) -> None:
    """Watch what a path leads to, and nothing that was put in its place; raises what ``add`` does."""
    with closing(pin(path)) as held:
        if held.leaf is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        watch.add(magic_link(held.leaf), names=names)


def _watch(watch: Watch, directory: str, name: str) -> float:
    """Watch for the name; return how long to wait at most before looking again, in seconds."""
    try:
        add(watch, directory, (name,))
    except (FileNotFoundError, Replaced):
        return 0.0
    except PermissionError:
        return _UNWATCHED
    return _LOOK_AGAIN


class _Sight:
    """What can be seen of the listener at a path; ``socket`` is the inode that is there, if any."""

    def __init__(self, path: str, pid: int | None) -> None:
        self.socket: tuple[int, int, int] | None = None
        self._path = path
        self._pid = pid
        self._since = 0.0

    def listens(self) -> bool:
        """Tell whether somebody listens now."""
        try:
            with closing(pin(self._path)) as held:
                if held.leaf is not None:
                    status = os.fstat(held.leaf)
                    if stat.S_ISSOCK(status.st_mode):
                        return self._listens(held.leaf, status)
        except (Replaced, PermissionError):
            pass
        self.socket = None
        return False

    def _listens(self, fd: int, status: os.stat_result) -> bool:
        found = (status.st_dev, status.st_ino, status.st_ctime_ns)
        if found != self.socket:
            self.socket, self._since = found, time.monotonic()
        known, complete = self._listeners()
        if not listening.identities_of(fd).isdisjoint(known):
            return True
        return not complete and time.monotonic() - self._since >= _SETTLED

    def _listeners(self) -> tuple[listening.Listeners, bool]:
        """Return all listeners that can be seen, and whether the daemon's must be among them."""
        if self._pid is not None:
            try:
                return listening.listeners(self._pid), True
            except OSError:
                pass  # It has ended meanwhile, or its namespace may not be entered.
        try:
            return listening.listeners(), False
        except OSError:
            return {}, False
