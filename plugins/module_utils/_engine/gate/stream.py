# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Bytes between two stream sockets: copied while they are few, spliced once they are many.

splice(2) through a pipe moves pages between Unix sockets without copying them; recv and send of one
shared buffer have the shorter way for a few bytes, and hold no memory for connections at rest.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from typing import Any

from . import log as words
from .loop import ERR, HUP
from .peer import Socket
from .relay import Refused, Side, aligned_buffer

# Python has it from 3.10 on.  int(source, target, count, offset_source, offset_target, flags)
_splice: Callable[..., int] | None = getattr(os, "splice", None)
_NONBLOCK = 3  # SPLICE_F_MOVE | SPLICE_F_NONBLOCK
_SET_SIZE = 1031  # F_SETPIPE_SZ, which Python names from 3.10 on.

# From so much at once on it is bulk, and below this no more.
_BULK, _FEW = 32768, 8192
_BUFFER = aligned_buffer(65536)
_VIEW = memoryview(_BUFFER)
_PIPE = 1 << 18
_ROUNDS = 4
_GONE = HUP | ERR


class Pipes:
    """Pipes that are kept for whoever carries bulk next; at most ``most`` are there at a time.

    An unprivileged user's pipes shrink to one page beyond pipe-user-pages-soft, 16,384 pages in all
    (pipe(7)): 64 pipes of 256 KiB each stay far below that.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most if _can_splice() else 0
        self._made = 0
        self._free: list[tuple[int, int]] = []

    def take(self) -> tuple[int, int] | None:
        """Return an empty pipe, or None when there are too many already."""
        if self._free:
            return self._free.pop()
        if self._made >= self._most:
            return None
        try:
            pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.fcntl(pipe[1], _SET_SIZE, _PIPE)
        except OSError:
            pass
        self._made += 1
        return pipe

    def give(self, pipe: tuple[int, int], empty: bool) -> None:
        """Take a pipe back."""
        if empty and len(self._free) < 8:
            self._free.append(pipe)
            return
        self._made -= 1
        os.close(pipe[0])
        os.close(pipe[1])

    def close(self) -> None:
        """Close those that nobody has."""
        while self._free:
            for fd in self._free.pop():
                os.close(fd)


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


class StreamSide(Side):
    """One of two stream sockets."""

    __slots__ = ("_held", "_in_pipe", "_pipe", "_pipes", "_receive")

    def __init__(self, sock: Socket, pipes: Pipes, receive: Any = None) -> None:
        """``receive`` replaces the socket's own ``recv_into``."""
        super().__init__(sock)
        self._pipes = pipes
        self._receive = receive or sock.recv_into
        self._pipe: tuple[int, int] | None = None
        self._in_pipe = 0
        self._held: memoryview | None = None

    def pump(self, event: int) -> None:
        """Pass on what is there."""
        if self._pipe is not None:
            self._pump_bulk(event, self._pipe)
            return
        try:
            count = self._receive(_BUFFER)
        except BlockingIOError:
            return
        except Refused as refused:
            self.relay.finish(words.REFUSED, str(refused))
            return
        except OSError:
            # ECONNRESET comes after all that was sent; nothing follows it in either direction.
            self.end(event | HUP)
            return
        if not count:
            self.end(event)
            return
        try:
            sent = self.other.sock.send(_VIEW[:count])
        except BlockingIOError:
            sent = 0
        except OSError:
            self.unwanted()
            return
        self.moved += sent
        if sent != count:
            self._held = memoryview(bytes(_VIEW[sent:count]))
            self.block()
        elif count >= _BULK:
            self._pipe = self._pipes.take()

    def flush(self) -> bool:
        """Pass on what is stuck."""
        if self._pipe is not None and self._in_pipe:
            return self._empty(self._pipe)
        while self._held:
            try:
                sent = self.other.sock.send(self._held)
            except BlockingIOError:
                return False
            self.moved += sent
            self._held = self._held[sent:]
        self._held = None
        return True

    def drop(self) -> None:
        """Forget what is stuck."""
        self._held = None
        if self._pipe is not None:
            self._pipes.give(self._pipe, empty=not self._in_pipe)
            self._pipe = None
            self._in_pipe = 0

    def _pump_bulk(self, event: int, pipe: tuple[int, int]) -> None:
        if _splice is None:
            return
        for dummy in range(_ROUNDS):
            try:
                count = _splice(self.fd, pipe[1], _PIPE, None, None, _NONBLOCK)
            except BlockingIOError:
                return
            except OSError:
                self.drop()
                self.end(event | HUP)
                return
            if not count:
                self.drop()
                self.end(event)
                return
            try:
                sent = _splice(pipe[0], self.other.fd, count, None, None, _NONBLOCK)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._in_pipe = count
                self.unwanted()
                return
            self.moved += sent
            if sent != count:
                self._in_pipe = count - sent
                self.block()
                return
            if count < _PIPE:
                # That was all; epoll tells of more without an exception.
                if count < _FEW:
                    self.drop()
                return

    def _empty(self, pipe: tuple[int, int]) -> bool:
        if _splice is None:
            return True
        target = self.other.fd
        while self._in_pipe:
            try:
                sent = _splice(pipe[0], target, self._in_pipe, None, None, _NONBLOCK)
            except BlockingIOError:
                return False
            self._in_pipe -= sent
            self.moved += sent
        return True
