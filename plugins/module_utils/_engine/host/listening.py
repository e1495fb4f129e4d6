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
from typing import NamedTuple, TypeVar

from ..model.chain import Chain, Component
from . import sock_diag
from .mounts import number_of, numbered


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


_T = TypeVar("_T")
Place = tuple[int, int]
Listeners = Mapping[Place, Listener]


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


def listener_at(leaf: Component) -> Listener | None:
    """Return the listener at the end of a walk, or None."""
    return among(listeners(), leaf)


def among(known: Mapping[Place, _T], leaf: Component) -> _T | None:
    """Return which of these sockets, by device and inode, is at the end of a walk, or None."""
    named = places(leaf.device, leaf.inode, leaf.mount)
    return next((known[place] for place in named if place in known), None)


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


def identities_of(fd: int) -> set[Place]:
    """Return device and lower half of the inode of an open file, as the kernel may call it."""
    status = os.fstat(fd)
    return set(places(status.st_dev, status.st_ino, number_of(fd)))


def places(device: int, inode: int, mount: int | None) -> Iterator[Place]:
    """Yield device and lower half of the inode as the kernel may call it, those of stat(2) first.

    The kernel has the device of the file system, which the number of its ``mount`` tells, and not
    those that btrfs makes up for its subvolumes, or an overlay for its layers (stat(2),
    proc_pid_mountinfo(5)).
    """
    low = inode & 0xFFFFFFFF
    yield device, low
    for one in numbered(mount) if mount is not None else ():
        yield one.device, low
