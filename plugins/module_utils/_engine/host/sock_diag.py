# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""All Unix sockets of a network namespace, as the kernel itself tells of them (sock_diag(7)).

Sources: Linux ``include/uapi/linux/unix_diag.h``, ``net/unix/diag.c``, netlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import AccessError

# What an answer is to hold besides type, state and own inode: UDIAG_SHOW_*.
SHOW_NAME, SHOW_VFS, SHOW_PEER, SHOW_WAITING, SHOW_UID = 0x01, 0x02, 0x04, 0x08, 0x40
SHOW_QUEUE = 0x10

# States of enum tcp_state in include/net/tcp_states.h, which AF_UNIX uses as well.
ESTABLISHED, CLOSE, LISTEN = 1, 7, 10

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x001, 0x300
_NLM_F_DUMP_INTR = 0x010
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NAME, _VFS, _PEER, _WAITING, _QUEUE, _SHUTDOWN, _UID = 0, 1, 2, 3, 4, 6, 7

_HEADER = struct.Struct("=LHHLL")
_REQUEST = struct.Struct("=BBHLLLLL")
_MESSAGE = struct.Struct("=BBBBLLL")
_ATTRIBUTE = struct.Struct("=HH")
_PATH = struct.Struct("=LL")
_NUMBER = struct.Struct("=L")

_TYPES = {
    int(socket.SOCK_STREAM): "stream",
    int(socket.SOCK_DGRAM): "dgram",
    int(socket.SOCK_SEQPACKET): "seqpacket",
}
_CLONE_NEWNET = 0x40000000
# include/net/sock.h
_RCV_SHUTDOWN = 1


class UnixSocket(NamedTuple):
    """One socket; what was not asked for, and what it does not have, is None.

    ``number`` is its own inode, as in the links of ``/proc/PID/fd``.  ``name`` is what bind(2) was
    called with, an abstract one begins with a zero byte.  ``device`` and ``inode`` are those of its
    path, as stat(2) shows them but with 32 bits of the inode, which is all the kernel tells.
    ``peer`` is the own inode of the other end,
    ``waiting`` those of clients that are not accepted yet, and ``uid`` the user id that the socket
    was made with.  ``queue`` is how many connections wait at a listener, and the number above which
    no more may.  ``deaf``: its receiving side was shut down (shutdown(2)), so it takes nothing.
    """

    number: int
    type: str
    state: int
    name: bytes | None = None
    device: int | None = None
    inode: int | None = None
    peer: int | None = None
    uid: int | None = None
    waiting: tuple[int, ...] = ()
    queue: tuple[int, int] | None = None
    deaf: bool = False

    @property
    def takes(self) -> bool:
        """Tell whether others can connect to it, or send to it, once it has a name.

        A datagram socket never listens: it takes messages as soon as it is bound.
        """
        return self.state == LISTEN or self.type == "dgram"

    @property
    def abstract(self) -> bool:
        """Tell whether it has a name without a path (unix(7))."""
        return self.name is not None and self.name[:1] == b"\0"


class Interrupted(Exception):
    """Sockets came or went while the kernel listed them; ask again."""


def request(show: int = SHOW_VFS) -> bytes:
    """Return the message that asks for all Unix sockets in any of the three states."""
    states = 1 << LISTEN | 1 << CLOSE | 1 << ESTABLISHED
    body = _REQUEST.pack(socket.AF_UNIX, 0, 0, states, 0, show, 0, 0)
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0) + body


def parse(data: bytes) -> tuple[list[UnixSocket], bool]:
    """Return the sockets in one datagram of the answer, and whether it was the last one.

    Raises OSError for an error that the kernel reports, and Interrupted.
    """
    found: list[UnixSocket] = []
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
            one = _socket(body)
            if one is not None:
                found.append(one)
    return found, False


def dump(pid: int | None = None, show: int = SHOW_VFS) -> list[UnixSocket]:
    """Return all sockets in the network namespace of the process ``pid``, or in one's own.

    Raises OSError where the kernel does not tell, or the other namespace may not be entered.
    """
    while True:
        try:
            return _ask(pid, show)
        except Interrupted:
            continue


def own(show: int) -> list[UnixSocket]:
    """Return all sockets in one's own network namespace; raises AccessError that says why not."""
    try:
        return dump(None, show)
    except OSError as error:
        raise AccessError(
            f"The kernel does not tell which Unix sockets there are ({error.strerror}); the module "
            "unix_diag may be missing (modprobe unix_diag)."
        ) from error


def network_of(pid: int | None = None) -> int:
    """Return a number that tells the network namespace of a process, or one's own, from others.

    It is the inode of a file that each namespace has for itself, because, unlike the link in
    ``/proc/PID/ns``, it can be looked at without the right to trace the process (ptrace(2)).
    Raises OSError where the process is gone.
    """
    return os.stat(f"/proc/{'self' if pid is None else pid}/net/unix").st_ino


def one_of_each() -> Iterator[int]:
    """Yield a process of each network namespace that is not one's own."""
    seen = {network_of()}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            network = network_of(int(entry))
        except OSError:
            continue
        if network not in seen:
            seen.add(network)
            yield int(entry)


def _socket(body: bytes) -> UnixSocket | None:
    family, number_of_type, state, dummy, number, dummy, dummy = _MESSAGE.unpack_from(body)
    kind = _TYPES.get(number_of_type)
    if family != socket.AF_UNIX or kind is None:
        return None
    name = device = inode = peer = uid = None
    waiting: tuple[int, ...] = ()
    queue: tuple[int, int] | None = None
    deaf = False
    offset = _MESSAGE.size
    while offset + _ATTRIBUTE.size <= len(body):
        length, attribute = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        value = offset + _ATTRIBUTE.size
        if attribute == _NAME:
            name = body[value : offset + length]
        elif attribute == _VFS:
            inode, kernel_device = _PATH.unpack_from(body, value)
            device = _device(kernel_device)
        elif attribute == _PEER:
            (peer,) = _NUMBER.unpack_from(body, value)
        elif attribute == _WAITING:
            waiting = struct.unpack_from(f"={(length - _ATTRIBUTE.size) // 4}L", body, value)
        elif attribute == _UID:
            (uid,) = _NUMBER.unpack_from(body, value)
        elif attribute == _QUEUE:
            queue = _PATH.unpack_from(body, value)
        elif attribute == _SHUTDOWN:
            deaf = bool(body[value] & _RCV_SHUTDOWN)
        offset += length + 3 & ~3
    return UnixSocket(number, kind, state, name, device, inode, peer, uid, waiting, queue, deaf)


def _device(number: int) -> int:
    """Return the number that stat(2) shows for a device number of the kernel."""
    return os.makedev(number >> 20, number & 0xFFFFF)


def _ask(pid: int | None, show: int) -> list[UnixSocket]:
    found: list[UnixSocket] = []
    asked = _open() if pid is None else _open_beside(pid)
    with asked:
        asked.send(request(show))
        last = False
        while not last:
            some, last = parse(asked.recv(65536))
            found += some
    return found


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
