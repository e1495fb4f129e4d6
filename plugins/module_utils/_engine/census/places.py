# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Where a bound socket is now: its name is what bind(2) was called with, and may be wrong since.

The kernel opens the path of a socket by itself with the request SIOCUNIXFILE (``unix_open_file`` in
Linux ``net/unix/af_unix.c``), on a copy of the descriptor (pidfd_getfd(2)).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Mapping

from ..host.inode import magic_link
from ..host.listening import file_system_of
from ..host.sock_diag import UnixSocket
from .values import Place, name_of

# The same number on all architectures but alpha (pidfd_getfd(2), Linux 5.6).
_PIDFD_GETFD = 438
# include/uapi/linux/un.h
_SIOCUNIXFILE = 0x89E0
_DELETED = " (deleted)"
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def identities(path: str) -> set[tuple[int, int]]:
    """Return device and lower half of the inode of a socket file, as the kernel may call it.

    Links on the way are followed.  There are none where the path leads to no socket.
    """
    try:
        fd = os.open(os.path.realpath(path), _LOOK)
    except (OSError, ValueError):
        return set()
    try:
        status = os.fstat(fd)
        if not stat.S_ISSOCK(status.st_mode):
            return set()
        inode = status.st_ino & 0xFFFFFFFF
        return {(status.st_dev, inode), (file_system_of(fd), inode)}
    finally:
        os.close(fd)


def is_bound(path: str) -> bool | None:
    """Tell whether a socket is bound to a file, in whatever network namespace, None if nobody knows.

    The kernel looks for it by the inode and before it compares types (``unix_find_bsd``), so a
    datagram socket learns it, and whoever listens there learns nothing.  It takes the right to
    connect.
    """
    try:
        fd = os.open(os.path.realpath(path), _LOOK)
    except (OSError, ValueError):
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.setblocking(False)
            said = one.connect_ex(magic_link(fd))
    finally:
        os.close(fd)
    # EPERM: a datagram socket that takes messages from one sender alone (unix(7)).
    known = {0: True, errno.EPROTOTYPE: True, errno.EPERM: True, errno.ECONNREFUSED: False}
    return known.get(said)


def is_at(path: str, one: UnixSocket) -> bool:
    """Tell whether a path leads to the file of a socket."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    if not stat.S_ISSOCK(status.st_mode) or status.st_ino & 0xFFFFFFFF != one.inode:
        return False
    # A file system may show other devices than the kernel has for it, as btrfs does.
    return status.st_dev == one.device or (one.device, one.inode) in identities(path)


def place_of(one: UnixSocket, held: Mapping[int, int]) -> Place:
    """Return where a socket with a path is; ``held`` are descriptors of it by process id."""
    bound = name_of(one) or ""
    if bound.startswith("/"):
        if is_at(bound, one):
            return Place(os.path.realpath(bound))
        path = _beside(bound, one)
        if path is not None:
            return _moved(bound, path)
    for pid, fd in sorted(held.items()):
        if not bound.startswith("/"):
            path = _relative(pid, bound)
            if path is not None and is_at(path, one):
                return Place(os.path.realpath(path))
        opened, links = _opened(pid, fd) or (None, 0)
        if opened is None:
            continue
        if opened.endswith(_DELETED) and links:
            return Place(
                None, f"The name {bound} was removed; the file may have another name (link(2))."
            )
        if opened.endswith(_DELETED):
            return Place(None, f"The file of {bound} was removed, so nobody can connect anew.")
        if is_at(opened, one):
            return _moved(bound, opened)
        return Place(
            None,
            f"{opened} is a path in the mount namespace of process {pid}, and not one of this "
            "host's own.",
        )
    return Place(
        None,
        f"{bound} does not lead to this socket any more, or only in another mount namespace, and "
        "no process that holds it could be asked where it is now.",
    )


def _moved(bound: str, path: str) -> Place:
    return Place(path, f"It was bound as {bound}, a name that is gone; its file is {path} now.")


def _beside(bound: str, one: UnixSocket) -> str | None:
    """Return another name of the socket in the directory where it was bound, if there is one.

    HAProxy renames its socket there, and Supervisor links it (rename(2), link(2)).  The kernel
    follows the first and not the second, and tells of it only who has CAP_NET_ADMIN.
    """
    directory = os.path.realpath(os.path.dirname(bound))
    try:
        with os.scandir(directory) as entries:
            names = [entry.path for entry in entries if entry.inode() & 0xFFFFFFFF == one.inode]
    except OSError:
        return None
    return next((path for path in names if is_at(path, one)), None)


def _relative(pid: int, name: str) -> str | None:
    try:
        return os.path.join(os.readlink(f"/proc/{pid}/cwd"), name)
    except OSError:
        return None


def _opened(pid: int, number: int) -> tuple[str, int] | None:
    """Return path and number of names of the socket that a process has open.

    None where that cannot be asked.
    """
    import ctypes
    import fcntl

    held: list[int] = []
    try:
        held.append(os.pidfd_open(pid))
        call = ctypes.CDLL(None, use_errno=True).syscall
        copy = call(_PIDFD_GETFD, held[0], number, 0)
        if copy < 0:
            return None
        held.append(copy)
        held.append(fcntl.ioctl(copy, _SIOCUNIXFILE))
        return os.readlink(f"/proc/self/fd/{held[-1]}"), os.fstat(held[-1]).st_nlink
    except OSError:
        return None
    finally:
        for fd in held:
            os.close(fd)
