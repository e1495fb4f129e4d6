# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which sockets somebody listens on, as the kernel itself knows them.

Asked through sock_diag(7).  A listener is known by the device and inode of its path; the text of
the path is only what bind(2) was called with, and wrong after a rename.  The answer covers one
network namespace, so another one is entered for a moment where that is asked for.

Sources: Linux ``include/uapi/linux/unix_diag.h``, ``net/unix/diag.c``, netlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x001, 0x300
_NLM_F_DUMP_INTR = 0x010
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_UDIAG_SHOW_VFS = 2
_UNIX_DIAG_VFS = 1

# States of enum tcp_state in include/net/tcp_states.h, which AF_UNIX uses as well.
_ESTABLISHED, _CLOSE, _LISTEN = 1, 7, 10

_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBHLLLLL")
_MESSAGE = struct.Struct("=BBBBLLL")
_ATTRIBUTE = struct.Struct("=HH")
_VFS = struct.Struct("=LL")

_TYPES = {
    int(socket.SOCK_STREAM): "stream",
    int(socket.SOCK_DGRAM): "dgram",
    int(socket.SOCK_SEQPACKET): "seqpacket",
}
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Listener:
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


class Interrupted(Exception):
    """Sockets came or went while the kernel listed them; ask again."""


def request(number: int = 1) -> bytes:
    """Return the message that asks for all Unix sockets which may be listeners."""
    states = 1 << _LISTEN | 1 << _CLOSE | 1 << _ESTABLISHED
    body = _REQUEST.pack(socket.AF_UNIX, 0, 0, states, 0, _UDIAG_SHOW_VFS, 0, 0)
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, number, 0) + body


def parse(data: bytes) -> tuple[list[Listener], bool]:
    """Return the listeners in one datagram of the answer, and whether it was the last one.

    Raises OSError for an error that the kernel reports, and Interrupted.
    """
    found: list[Listener] = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, dummy, dummy = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise OSError("The kernel's answer about Unix sockets was cut.")
        body = data[offset + _HEADER.size : offset + length]
        offset += length + 3 & ~3
        if flags & _NLM_F_DUMP_INTR:
            raise Interrupted
        if kind == _NLMSG_DONE:
            return found, True
        if kind == _NLMSG_ERROR:
            (code,) = struct.unpack_from("=i", body)
            raise OSError(-code, os.strerror(-code))
        if kind == _SOCK_DIAG_BY_FAMILY:
            listener = _listener(body)
            if listener is not None:
                found.append(listener)
    return found, False


def _listener(body: bytes) -> Listener | None:
    family, kind, state, dummy, number, dummy, dummy = _MESSAGE.unpack_from(body)
    kind_in_words = _TYPES.get(kind)
    if family != socket.AF_UNIX or kind_in_words is None:
        return None
    # A datagram socket never listens: it takes messages as soon as it is bound.
    if kind_in_words != "dgram" and state != _LISTEN:
        return None
    offset = _MESSAGE.size
    while offset + _ATTRIBUTE.size <= len(body):
        length, attribute = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        if attribute == _UNIX_DIAG_VFS:
            inode, device = _VFS.unpack_from(body, offset + _ATTRIBUTE.size)
            return Listener(_device(device), inode, number, kind_in_words)
        offset += length + 3 & ~3
    return None  # Bound to no path.


def _device(number: int) -> int:
    """Return the number that stat(2) shows for a device number of the kernel."""
    return os.makedev(number >> 20, number & 0xFFFFF)


def listeners(pid: int | None = None) -> Listeners:
    """Return all listeners by the device and the lower 32 bits of the inode of their path.

    They are those in the network namespace of the process ``pid``, or in one's own.  Raises
    OSError where the kernel does not tell, or the other namespace may not be entered.
    """
    while True:
        try:
            found = _ask(pid)
        except Interrupted:
            continue
        return {(one.device, one.inode): one for one in found}


def _ask(pid: int | None) -> list[Listener]:
    found: list[Listener] = []
    asked = _open() if pid is None else _open_beside(pid)
    with asked:
        asked.send(request())
        last = False
        while not last:
            some, last = parse(asked.recv(65536))
            found += some
    return found


def listener_at(device: int, inode: int, pid: int | None = None) -> Listener | None:
    """Return the listener at a path with this device and inode (stat(2)), or None."""
    return listeners(pid).get((device, inode & 0xFFFFFFFF))


def listens(device: int, inode: int, pid: int | None = None) -> bool:
    """Tell whether somebody listens at a path with this device and inode (stat(2))."""
    return listener_at(device, inode, pid) is not None


def network_of(pid: int | None = None) -> int:
    """Return a number that tells the network namespace of a process, or one's own, from others.

    It is the inode of a file that each namespace has for itself, because, unlike the link in
    ``/proc/PID/ns``, it can be looked at without the right to trace the process (ptrace(2)).
    Raises OSError where the process is gone.
    """
    return os.stat(f"/proc/{'self' if pid is None else pid}/net/unix").st_ino


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


def _open() -> socket.socket:
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
    )


def _open_beside(pid: int) -> socket.socket:
    """Open the socket in another network namespace, to which it belongs from then on (setns(2))."""
    if network_of(pid) == network_of():
        return _open()
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def enter(namespace: int) -> None:
        if libc.setns(namespace, _CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), f"/proc/{pid}/ns/net")

    flags = os.O_RDONLY | os.O_CLOEXEC
    own = os.open("/proc/self/ns/net", flags)
    try:
        theirs = os.open(f"/proc/{pid}/ns/net", flags)
        try:
            enter(theirs)
        finally:
            os.close(theirs)
        try:
            return _open()
        finally:
            enter(own)
    finally:
        os.close(own)
