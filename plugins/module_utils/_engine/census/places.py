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
from collections.abc import Mapping
from contextlib import closing

from ..errors import AccessError
from ..host.entries import special_files
from ..host.inode import magic_link
from ..host.listening import identities_of
from ..host.pinned import Pin, pin, walked
from ..host.sock_diag import UnixSocket
from ..model.chain import SOCKET
from .values import Place, name_of

# The same number on all architectures but alpha (pidfd_getfd(2), Linux 5.6).
_PIDFD_GETFD = 438
# include/uapi/linux/un.h
_SIOCUNIXFILE = 0x89E0
_DELETED = " (deleted)"


def identities(path: str) -> set[tuple[int, int]]:
    """Return device and lower half of the inode of a socket file, as the kernel may call it.

    Links on the way are followed.  There are none where the path leads to no socket, or where nobody
    can look.
    """
    try:
        with closing(pin(path)) as held:
            return _identities(held)
    except (AccessError, OSError, ValueError):
        return set()


def _identities(held: Pin) -> set[tuple[int, int]]:
    leaf = held.chain.leaf
    if held.leaf is None or leaf is None or leaf.kind != SOCKET:
        return set()
    return identities_of(held.leaf)


def is_bound(path: str) -> bool | None:
    """Tell whether a socket is bound to a file, in whatever network namespace, None if nobody knows.

    The kernel looks for it by the inode and before it compares types (``unix_find_bsd``), so a
    datagram socket learns it, and whoever listens there learns nothing.  It takes the right to
    connect.
    """
    try:
        with closing(pin(path)) as held:
            if held.leaf is None:
                return None
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
                one.setblocking(False)
                said = one.connect_ex(magic_link(held.leaf))
    except (AccessError, OSError, ValueError):
        return None
    # EPERM: a datagram socket that takes messages from one sender alone (unix(7)).
    known = {0: True, errno.EPROTOTYPE: True, errno.EPERM: True, errno.ECONNREFUSED: False}
    return known.get(said)


def resolved(path: str) -> str:
    """Return a path with all links in it resolved, as far as anybody can look."""
    try:
        return walked(path).resolved
    except (AccessError, OSError, ValueError):
        return path


def _found(path: str, one: UnixSocket) -> str | None:
    """Return the path without links that leads to the file of a socket, None where it does not.

    Raises AccessError where nobody can look, because of a user's own file system.
    """
    try:
        with closing(pin(path)) as held:
            there = (one.device, one.inode) in _identities(held)
            return held.chain.resolved if there else None
    except (OSError, ValueError):
        return None


def place_of(one: UnixSocket, held: Mapping[int, int]) -> Place:
    """Return where a socket with a path is; ``held`` are descriptors of it by process id."""
    try:
        return _place_of(one, held)
    except AccessError as error:
        return Place(None, f"{name_of(one)} could not be looked for: {error}")


def _place_of(one: UnixSocket, held: Mapping[int, int]) -> Place:
    bound = name_of(one) or ""
    found = _found(bound, one) if bound.startswith("/") else None
    if found is not None:
        return Place(found)
    if bound.startswith("/"):
        path = _beside(bound, one)
        if path is not None:
            return _moved(bound, path)
    for pid, fd in sorted(held.items()):
        if not bound.startswith("/"):
            path = _relative(pid, bound)
            found = None if path is None else _found(path, one)
            if found is not None:
                return Place(found)
        opened, links = _opened(pid, fd) or (None, 0)
        if opened is None:
            continue
        if opened.endswith(_DELETED) and links:
            return Place(
                None, f"The name {bound} was removed; the file may have another name (link(2))."
            )
        if opened.endswith(_DELETED):
            return Place(None, f"The file of {bound} was removed, so nobody can connect anew.")
        if _found(opened, one) is not None:
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
    directory = os.path.dirname(bound)
    try:
        names = [
            name
            for name, status in special_files(directory)
            if status.st_ino & 0xFFFFFFFF == one.inode
        ]
    except OSError:
        return None
    found = (_found(os.path.join(directory, name), one) for name in names)
    return next((path for path in found if path is not None), None)


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
