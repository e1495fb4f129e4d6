# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What the kernel says about the other end of a connection, as integers.

Sources: unix(7), socket(7); Linux net/core/sock.c (sk_getsockopt) and net/unix/af_unix.c.  The
values are those of connect(2), whatever the process has become since; nothing that the caller
chooses itself, such as the address it is bound to, is looked at.
"""

from __future__ import annotations

import functools
import socket
import struct
from typing import NamedTuple

from ..errors import AccessError

# Generic Linux values, which Python does not name (include/uapi/asm-generic/socket.h).
SO_PEERGROUPS, SO_PEERPIDFD, SO_PASSRIGHTS = 59, 77, 83
# What stands there for "nobody": (uid_t) -1, with and without its sign.
NO_ID = frozenset((-1, 0xFFFFFFFF))

_CREDENTIALS = struct.Struct("=iII")
# getsockopt() of Python's socket has room for this many bytes at most, which are 256 groups.
_PYTHON_TAKES = 1024
_MOST_GROUPS = 65536  # NGROUPS_MAX, which is not told otherwise.
_OVERFLOW = ("/proc/sys/kernel/overflowuid", "/proc/sys/kernel/overflowgid")
_TYPES = {"stream": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET}


# The class below socket.socket, without its Python part: half the time to make one.
Socket = socket.SocketType


def accept(listener: socket.socket, kind: int) -> Socket:
    """Return the next connection; raises OSError, BlockingIOError where none waits."""
    # What socket.accept() itself calls, in all versions of Python 3.
    fd, dummy = listener._accept()  # type: ignore[attr-defined]
    return Socket(socket.AF_UNIX, kind, 0, fd)


class Peer(NamedTuple):
    """The effective ids and the process id with which somebody connected."""

    uid: int
    gid: int
    pid: int


def identify(sock: Socket) -> Peer:
    """Return who is at the other end; raises OSError where the kernel does not tell."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(data)
    return Peer(uid, gid, pid)


def supplementary_groups(sock: Socket) -> tuple[int, ...]:
    """Return the supplementary groups the other end had; raises OSError where they are unknown.

    They are the process's own, which may differ from what the name service says of its user.
    """
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, _PYTHON_TAKES)
    except OSError:
        data = _many_groups(sock)
    return struct.unpack(f"={len(data) // 4}I", data)


def _many_groups(sock: Socket) -> bytes:
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_MOST_GROUPS * 4)
    size = ctypes.c_uint32(_MOST_GROUPS * 4)
    if libc.getsockopt(sock.fileno(), socket.SOL_SOCKET, SO_PEERGROUPS, buffer, ctypes.byref(size)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return buffer.raw[: size.value]


def pinned_process(sock: Socket) -> int | None:
    """Return a descriptor of the process that connected, to be closed, or None (Linux 6.5)."""
    try:
        return sock.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError:
        return None


def overflow_ids() -> frozenset[int]:
    """Return the ids that stand for everyone who is not mapped; both 65534 unless changed."""
    found = set()
    for path in _OVERFLOW:
        try:
            with open(path, "rb") as file:
                found.add(int(file.read()))
        except (OSError, ValueError):
            found.add(65534)
    return frozenset(found)


def check_listener(listener: socket.socket, kind: str) -> None:
    """Raise AccessError unless this is a listening Unix socket of the declared type.

    Only those have peers with ids that mean something: a datagram socket gives -1, and TCP
    nonsense, without an error.
    """
    if listener.family != socket.AF_UNIX:
        raise AccessError(
            "The descriptor of the gate is not a Unix socket; check its .socket unit."
        )
    if listener.type != _TYPES[kind]:
        raise AccessError(
            f"The gate's socket is not of the declared type {kind}; its .socket unit must have "
            f"{'ListenStream=' if kind == 'stream' else 'ListenSequentialPacket='}."
        )
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise AccessError("The gate's socket does not listen; its .socket unit needs Accept=no.")


def refuse_descriptors(sock: Socket) -> None:
    """Let the kernel refuse passed descriptors, where it can (Linux 6.16); see the next one.

    Whoever sends one gets EPERM.  What a listener is told holds for all connections to come.
    """
    if _can_refuse():
        sock.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)


def refuses_descriptors(sock: Socket) -> bool:
    """Tell whether the kernel refuses passed descriptors for this connection.

    It does not for those that waited in the queue already when the listener was told to.
    """
    return _can_refuse() and not sock.getsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS)


@functools.cache
def _can_refuse() -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.getsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS)
        except OSError:
            return False
    return True
