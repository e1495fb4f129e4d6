# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which sockets somebody listens on, as the kernel itself knows them.

A listener is known by the device and inode of its path; the text of the path is only what bind(2)
was called with, and wrong after a rename.  The answer covers one network namespace, so another one
is entered for a moment where that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ..model.chain import Chain
from . import sock_diag


class Listener(NamedTuple):
    """A socket that takes connections, or datagrams.

    ``device`` and ``inode`` are those of its path, as stat(2) shows them but with 32 bits of the
    inode, which is all the kernel tells.  ``socket`` is its own inode, as in the links of
    ``/proc/PID/fd``; ``type`` is "stream", "seqpacket" or "dgram".
    """

    device: int
    inode: int
    socket: int
    type: str


Listeners = Mapping[tuple[int, int], Listener]


def listening_among(sockets: Iterable[sock_diag.UnixSocket]) -> Iterator[Listener]:
    """Yield those of the sockets that others can connect to by a path, or send to."""
    for one in sockets:
        if one.takes and one.device is not None and one.inode is not None:
            yield Listener(one.device, one.inode, one.number, one.type)


def listeners(pid: int | None = None) -> Listeners:
    """Return all listeners by the device and the lower 32 bits of the inode of their path.

    They are those in the network namespace of the process ``pid``, or in one's own.  Raises
    OSError where the kernel does not tell, or the other namespace may not be entered.
    """
    return {(one.device, one.inode): one for one in listening_among(sock_diag.dump(pid))}


def listener_at(device: int, inode: int) -> Listener | None:
    """Return the listener at a path with this device and inode (stat(2)), or None."""
    return listeners().get((device, inode & 0xFFFFFFFF))


def is_deserted(chain: Chain) -> bool:
    """Tell whether certainly nobody listens at the end of a path for the clients of this host.

    The device is not asked for, because stat(2) and the kernel may have different ones for it, and
    the namespace is that of systemd, because a process of Ansible's may have one of its own.
    """
    if chain.leaf is None:
        return True
    try:
        known = {one.inode for one in listening_among(sock_diag.dump(1))}
    except OSError:
        return False
    return chain.leaf.inode & 0xFFFFFFFF not in known


def identities_of(fd: int) -> set[tuple[int, int]]:
    """Return device and lower half of the inode of an open file, as the kernel may call it."""
    status = os.fstat(fd)
    inode = status.st_ino & 0xFFFFFFFF
    return {(status.st_dev, inode), (file_system_of(fd), inode)}


def file_system_of(fd: int) -> int:
    """Return the device that the kernel has for the file system of an open file.

    It is another one than stat(2) shows where a file system makes up devices for its own parts, as
    btrfs does for subvolumes (proc_pid_fdinfo(5), proc_pid_mountinfo(5)).
    """
    wanted = None
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        for line in file:
            if line.startswith("mnt_id:"):
                wanted = line.split()[1]
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split(maxsplit=3)
            if fields[0] == wanted:
                major, dummy, minor = fields[2].partition(":")
                return os.makedev(int(major), int(minor))
    return os.fstat(fd).st_dev
