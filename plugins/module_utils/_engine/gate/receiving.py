# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Receives what came, and never a descriptor.

Whoever receives a descriptor has to close it, and recv(2) without room for it closes it likewise,
which can take as long as its sender likes (see ``closing``).  So where the kernel cannot refuse
them, what comes is looked at first (MSG_PEEK).  There is no room for descriptors, so none is
installed, whose close would flush a file (filp_close() in fs/open.c), and MSG_CTRUNC tells that
there are some; the copies that are dropped then are not the last ones.  What was looked at is what
is received afterwards, for nobody else receives here.
"""

from __future__ import annotations

import mmap
import select
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from . import log as words
from .closing import unread
from .peer import Socket, refuses_descriptors
from .rules import LARGEST_MESSAGE

# Also where the descriptor would wait, see bulk.Carriers.
_NOW = socket.MSG_DONTWAIT
_PEEK = socket.MSG_PEEK | _NOW


class Refused(Exception):
    """Something came that must end the connection; the message is the reason's word."""


class Taken(NamedTuple):
    """What was received: a view that holds until the next one is taken, and what was wrong."""

    data: memoryview
    wrong: str


def aligned_buffer(size: int) -> mmap.mmap:
    """Return memory of this process alone that begins at a page.

    Copies of 64 KiB are faster there than in a bytearray, which begins anywhere: messages went at
    0.82 GB/s instead of 0.57 (tests/bench/gate).
    """
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


_BUFFER = aligned_buffer(LARGEST_MESSAGE + 1)
_VIEW = memoryview(_BUFFER)
_FIRST = _VIEW[:1]

Take = Callable[[Socket, int], Taken]


def receiver(sock: Socket) -> Callable[[Any, int, int], int]:
    """Return what receives from a stream as ``recv_into`` does, but may raise Refused as well."""
    if refuses_descriptors(sock):
        return sock.recv_into
    # Otherwise receiving passes over what was sent with MSG_OOB, unseen, and drops it with its
    # descriptors (manage_oob() in net/unix/af_unix.c).
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    def receive(buffer: Any, most: int, how: int) -> int:
        count = _look(sock, buffer)
        return sock.recv_into(buffer, count, how) if count else 0

    return receive


def taker(sock: Socket) -> Take:
    """Return what receives once, up to so many bytes; it raises OSError."""
    if refuses_descriptors(sock):
        return _take
    if sock.type != socket.SOCK_STREAM:
        return _take_message
    receive = receiver(sock)

    def take(sock: Socket, most: int) -> Taken:
        try:
            count = receive(_VIEW[: most + 1], 0, _NOW)
        except Refused as refused:
            return Taken(_VIEW[:0], str(refused))
        return _taken(count, most)

    return take


def at_end(sock: Socket) -> bool:
    """Tell whether nothing received means the end, and not an empty message.

    Both look alike, but only at the end the other side has hung up and nothing waits.
    """
    return hung_up(sock.fileno()) and not unread(sock)


def hung_up(fd: int) -> bool:
    """Tell whether the other end will send no more, as of now."""
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    return bool(poll.poll(0))


def _take(sock: Socket, most: int) -> Taken:
    return _taken(sock.recv_into(_BUFFER, most + 1, _NOW), most)


def _take_message(sock: Socket, most: int) -> Taken:
    try:
        # Nothing can be the end, which is told of an empty queue even if a last message has come
        # since (__unix_dgram_recvmsg()); after the end no further one comes.
        if not _look(sock, _FIRST):
            _look(sock, _FIRST)
    except Refused as refused:
        return Taken(_VIEW[:0], str(refused))
    return _take(sock, most)


def _taken(count: int, most: int) -> Taken:
    return Taken(_VIEW[:count], words.TOO_LONG if count > most else "")


def _look(sock: Socket, buffer: Any) -> int:
    count, dummy, flags, dummy = sock.recvmsg_into([buffer], 0, _PEEK)
    if flags & socket.MSG_CTRUNC:
        # The listener may ask for credentials, for which there is no room either.
        asked = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)
        raise Refused(words.CUT if asked else words.DESCRIPTORS)
    return count
