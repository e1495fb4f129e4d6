# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Waiting for changes of files without looking again and again (inotify(7))."""

from __future__ import annotations

import errno
import os
import select
import stat
import struct
import time
from collections.abc import Collection

from .mounts import number_of

ATTRIB, MOVED_FROM, MOVED_TO = 0x004, 0x040, 0x080
CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000

# Whatever can make a path lead to another inode, or change the access of what it leads to.
CHANGES = ATTRIB | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF

_EVENT = struct.Struct("iIII")
_BUFFER = 65536

# The user, or the whole host, has no instance or no watch left to give (inotify(7), /proc
# interfaces).
_USED_UP = (errno.EMFILE, errno.ENFILE, errno.ENOSPC)
_LOOK_AGAIN = 0.05


class Watch:
    """One inotify descriptor; close it, or use it as a context manager.

    What the kernel has no watch left for is looked at every 50 milliseconds instead.
    """

    def __init__(self) -> None:
        # Loaded here, because most runs never wait.
        import ctypes

        self._errno = ctypes.get_errno
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._names: dict[int, frozenset[bytes] | None] = {}
        # What is looked at, by a descriptor that holds it, and how it was.
        self._looked_at: dict[int, tuple[Collection[str] | None, object]] = {}
        self._poll = select.poll()
        try:
            flags = os.O_NONBLOCK | os.O_CLOEXEC
            self._fd = self._checked(self._libc.inotify_init1(flags), "inotify")
        except OSError as error:
            if error.errno not in _USED_UP:
                raise
            self._fd = -1
        else:
            self._poll.register(self._fd, select.POLLIN)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def add(self, path: str, mask: int = CHANGES, names: Collection[str] | None = None) -> None:
        """Watch a file, or a directory and what is in it, from now on.

        ``path`` may be ``/proc/self/fd/N`` for what a descriptor holds.  With ``names``, of what
        is in a directory only these count, besides the directory itself; what was added for the
        same directory before goes on counting.  Raises OSError where it does not exist or may not
        be read (inotify_add_watch(2)).
        """
        try:
            if self._fd < 0:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
            number = self._checked(
                self._libc.inotify_add_watch(self._fd, os.fsencode(path), mask), path
            )
        except OSError as error:
            if error.errno not in _USED_UP:
                raise
            held = os.open(path, os.O_PATH | os.O_CLOEXEC)
            self._looked_at[held] = (names, _look(held, names))
            return
        before = self._names.get(number, frozenset())
        if names is None or before is None:
            self._names[number] = None
        else:
            self._names[number] = before.union(map(os.fsencode, names))

    def wait(self, seconds: float) -> bool:
        """Wait for a change that counts; tell whether one came within ``seconds``.

        All that happened is taken in, so the next call waits for something new.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            pause = min(left, _LOOK_AGAIN) if self._looked_at else left
            if self._poll.poll(pause * 1000) and self._drain():
                return True
            if self._differs():
                return True
            if time.monotonic() >= deadline:
                return False

    def close(self) -> None:
        """Watch nothing any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        while self._looked_at:
            os.close(self._looked_at.popitem()[0])

    def _differs(self) -> bool:
        """Tell whether what is looked at is other than it was, and remember how it is now."""
        now = {
            held: (names, _look(held, names)) for held, (names, dummy) in self._looked_at.items()
        }
        differs = now != self._looked_at
        self._looked_at = now
        return differs

    def _drain(self) -> bool:
        counts = False
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return counts
            offset = 0
            while offset < len(data):
                number, mask, dummy, length = _EVENT.unpack_from(data, offset)
                name = data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0")
                offset += _EVENT.size + length
                counts = counts or self._counts(number, mask, name)

    def _counts(self, number: int, mask: int, name: bytes) -> bool:
        if mask & _OVERFLOW:
            return True
        if mask & _IGNORED:
            return False
        names = self._names.get(number)
        return names is None or not name or name in names

    def _checked(self, result: int, what: str) -> int:
        if result < 0:
            code = self._errno()
            raise OSError(code, os.strerror(code), what)
        return result


def _look(held: int, names: Collection[str] | None) -> object:
    """Return what changes with everything that CHANGES tells of."""
    status = os.fstat(held)
    seen = (status.st_nlink, status.st_mode, status.st_uid, status.st_gid)
    if names is None or not stat.S_ISDIR(status.st_mode):
        return (*seen, status.st_ctime_ns)
    # Of a directory its own time counts for nothing, because other names change it, too.
    return [bool(status.st_nlink), *seen[1:], *(_entry(held, name) for name in names)]


def _entry(directory: int, name: str) -> object:
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    try:
        mount = number_of(fd)
        if mount != number_of(directory):
            # Nobody but the kernel is asked, for it may be a user's own file system.
            return mount
        status = os.fstat(fd)
    finally:
        os.close(fd)
    return (status.st_dev, status.st_ino, status.st_ctime_ns)
