# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Bulk: one direction of a connection, carried by a thread that waits inside splice(2).

splice moves pages between Unix sockets without copying them.  A thread that waits in it does
nothing else for a chunk than two system calls, without Python's lock; a turn of the loop for each
chunk takes longer than the chunk itself (tests/bench/gate).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable

from .loop import IN, Loop
from .relay import Side

# Python has it from 3.10 on.  int(source, target, count, offset_source, offset_target, flags)
_splice: Callable[..., int] | None = getattr(os, "splice", None)
_NONBLOCK = 3  # SPLICE_F_MOVE | SPLICE_F_NONBLOCK
_SET_SIZE = 1031  # F_SETPIPE_SZ, which Python names from 3.10 on.

# An unprivileged user's pipes shrink to one page beyond pipe-user-pages-soft, 16,384 pages in all
# (pipe(7)): 64 pipes of 256 KiB each stay far below that.
MOST = 64
# Whoever lets bulk wait keeps a thread waiting; those of one user are not all.
_SHARE = 4
_PIPE = 1 << 18
# Less than this at once is bulk no more.
_FEW = 8192
# struct timeval: how long a thread waits for more before it gives its side back to the loop.
_PATIENCE = struct.pack("@ll", 0, 100_000)
_STACK = 1 << 18

# What became of a direction.
PAUSED, ENDED, UNWANTED, BROKEN = "paused", "ended", "unwanted", "broken"


class Carriers:
    """The threads, at most ``most`` at a time; everything but splice is done by the loop.

    Where there is none left, the loop goes on copying.
    """

    def __init__(self, loop: Loop, most: int = MOST) -> None:
        self._loop = loop
        self._most = most if _can_splice() else 0
        self._threads: dict[Side, threading.Thread] = {}
        self._done: deque[tuple[Side, str]] = deque()
        threading.stack_size(_STACK)
        self._ear, self._mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        loop.watch(self._ear, IN, self)

    def carry(self, side: Side) -> bool:
        """Carry what comes from a side until it ends or pauses; False where none is left to do it.

        ``side.carried`` is told what became of it.  Both descriptors must stay open until then.
        """
        whose = side.relay.visit.whose
        one_users = sum(other.relay.visit.whose == whose for other in self._threads)
        if len(self._threads) >= self._most or one_users >= self._most // _SHARE:
            return False
        try:
            pipe = _pipe()
        except OSError:
            return False
        thread = threading.Thread(target=self._run, args=(side, pipe), daemon=True)
        try:
            side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
            for one in (side, side.other):
                # The loop itself never waits: it says so with every call (MSG_DONTWAIT).
                os.set_blocking(one.fd, True)
            thread.start()
        except (OSError, RuntimeError):
            for fd in pipe:
                os.close(fd)
            return False
        self._threads[side] = thread
        return True

    def ready(self, event: int) -> None:
        """Tell the sides whose threads have come to an end."""
        try:
            os.read(self._ear, 4096)
        except BlockingIOError:
            pass
        while self._done:
            side, became = self._done.popleft()
            self._threads.pop(side).join()
            side.carried(became)

    def abort(self) -> None:
        """Carry on."""

    def close(self, seconds: float = 2.0) -> None:
        """Wait for threads whose connections were shut down."""
        end = time.monotonic() + seconds
        for thread in list(self._threads.values()):
            thread.join(max(0.0, end - time.monotonic()))
        self.ready(IN)
        self._loop.unwatch(self._ear)
        # A thread that is there still may have something to say.
        if not self._threads:
            os.close(self._ear)
            os.close(self._mouth)

    def _run(self, side: Side, pipe: tuple[int, int]) -> None:
        became = BROKEN
        try:
            became = _carry(side, pipe)
        finally:
            for fd in pipe:
                os.close(fd)
            self._done.append((side, became))
            try:
                os.write(self._mouth, b".")
            except BlockingIOError:
                pass  # It is full of news already.


def _carry(side: Side, pipe: tuple[int, int]) -> str:
    if _splice is None:
        return PAUSED
    source, target = side.fd, side.other.fd
    while True:
        try:
            count = _splice(source, pipe[1], _PIPE)
        except BlockingIOError:
            return PAUSED
        except OSError:
            # ECONNRESET comes after all that was sent; nothing follows it.
            return ENDED
        if not count:
            return ENDED
        left = count
        while left:
            try:
                sent = _splice(pipe[0], target, left)
            except OSError:
                return UNWANTED
            left -= sent
            side.moved += sent
        if count < _FEW:
            return PAUSED


def _pipe() -> tuple[int, int]:
    pipe = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(pipe[1], _SET_SIZE, _PIPE)
    except OSError:
        pass  # It stays as small as it is.
    return pipe


def _can_splice() -> bool:
    """Tell whether this Python, this kernel and this unit's system call filter know splice(2)."""
    if _splice is None:
        return False
    ends = socket.socketpair()
    fds = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        ends[0].send(b"x")
        _splice(ends[1].fileno(), fds[1], 1, None, None, _NONBLOCK)
        return _splice(fds[0], ends[1].fileno(), 1, None, None, _NONBLOCK) == 1
    except OSError:
        return False
    finally:
        for fd in fds:
            os.close(fd)
        for end in ends:
            end.close()
