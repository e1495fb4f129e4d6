# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Files below a user's own directories, reached through descriptors alone.

Whatever that user mounts or puts there meanwhile, nothing waits for it.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ..errors import AccessError
from ..model.account import User
from ..model.chain import DIRECTORY
from .entries import entries
from .inode import magic_link
from .mounts import number_of
from .pinned import open_at, pin, walked

_WRITE = os.W_OK | os.X_OK


def has_home(user: User) -> bool:
    """Tell whether a user's home directory is there and that user's own, as far as can be seen."""
    try:
        leaf = walked(pwd.getpwnam(user.name).pw_dir).leaf
    except KeyError:
        return False
    except (AccessError, OSError):
        # Whoever closes it has one.
        return True
    return leaf is not None and leaf.access.uid == user.uid


@contextmanager
def directory(path: str) -> Iterator[int | None]:
    """Hold a directory, None where there is none at the path; raises what ``pin`` does."""
    with closing(pin(path)) as held:
        leaf = held.chain.leaf
        yield held.leaf if leaf is not None and leaf.kind == DIRECTORY else None


def make(path: str) -> None:
    """Make the directories of a path that are not there yet."""
    for dummy in path.split("/"):
        with closing(pin(path)) as held:
            missing = held.chain.missing
        if missing is None:
            return
        above, name = os.path.split(missing)
        with directory(above) as fd:
            try:
                os.mkdir(name, 0o755, dir_fd=fd)
            except FileExistsError:
                continue


def rmdir(path: str) -> None:
    """Remove a directory with nothing in it."""
    above, name = os.path.split(path)
    with directory(above) as fd:
        if fd is not None:
            os.rmdir(name, dir_fd=fd)


def is_directory(path: str) -> bool:
    """Tell whether a path leads to a directory."""
    with directory(path) as fd:
        return fd is not None


def is_empty(path: str) -> bool:
    """Tell whether a path leads to a directory with nothing in it."""
    with directory(path) as fd:
        return fd is not None and not entries(fd)


def may_write(path: str) -> None:
    """Raise AccessError where whoever acts may not make what is missing of a path, or take it away.

    The kernel answers, for the effective ids (faccessat2(2)); before Linux 5.8 the C library guesses.
    """
    fd = None
    while fd is None:
        path = os.path.dirname(path)
        with directory(path) as fd:
            if fd is not None and not os.access(magic_link(fd), _WRITE, effective_ids=True):
                raise AccessError(f"its user may not write to the directory {path}.")


def status(path: str, above: int) -> os.stat_result | None:
    """Return what is at a path in a directory that is held, None where nothing is."""
    try:
        fd, dummy = open_at(os.path.basename(path), above, number_of(above), path)
    except FileNotFoundError:
        return None
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def content(path: str, above: int, most: int) -> bytes:
    """Return what a file says, and nothing where it is no regular file."""
    fd, dummy = open_at(os.path.basename(path), above, number_of(above), path)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        reading = os.open(magic_link(fd), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(reading, most)
        finally:
            os.close(reading)
    finally:
        os.close(fd)
