# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Connections to the socket behind the gate."""

from __future__ import annotations

import errno
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Optional

from . import log as words
from .loop import Loop
from .peer import Socket, refuse_descriptors

# EAGAIN: its queue is full (unix(7), connect(2)).  The others: this process is short of something.
_TRY_AGAIN = frozenset(
    (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EINTR)
)
_SHORTEST, _LONGEST = 0.002, 0.05
PATIENCE = 5.0

# Called with the connected socket, or with why there is none.
Done = Callable[[Optional[Socket], str], None]


class Backend:
    """Connects without waiting; whoever meets a full queue is tried again, in order."""

    def __init__(self, loop: Loop, kind: int, patience: float = PATIENCE) -> None:
        self._loop = loop
        self._kind = kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._patience = patience
        self._waiting: deque[tuple[float, str, int, Done]] = deque()
        self._pause = _SHORTEST

    def connect(self, path: str, buffer: int) -> Socket | None:
        """Return a connection, or None where its queue is full, or others wait for it already.

        ``buffer`` is the size in bytes of what must fit into it, 0 for what the kernel gives.
        Raises OSError where nobody takes connections there.
        """
        return None if self._waiting else self._try(path, buffer)

    def wait(self, path: str, buffer: int, done: Done) -> None:
        """Try again, in order, and call ``done`` when it came to an end, good or bad."""
        self._waiting.append((time.monotonic() + self._patience, path, buffer, done))
        if len(self._waiting) == 1:
            self._pause = _SHORTEST
            self._loop.later(self._pause, self._again)

    def _again(self) -> None:
        self._pause = min(self._pause * 2, _LONGEST)
        now = time.monotonic()
        while self._waiting:
            deadline, path, buffer, done = self._waiting[0]
            reason = words.BACKEND_FULL
            try:
                sock = self._try(path, buffer)
            except OSError:
                sock, reason = None, words.BACKEND_DOWN
            if sock is None and reason == words.BACKEND_FULL and now < deadline:
                self._loop.later(self._pause, self._again)
                return
            if sock is not None:
                self._pause = _SHORTEST
            self._waiting.popleft()
            done(sock, reason)

    def _try(self, path: str, buffer: int) -> Socket | None:
        """Return a connection, or None where it is worth to try again; raises OSError."""
        sock = None
        try:
            sock = Socket(socket.AF_UNIX, self._kind)
            refuse_descriptors(sock)
            if buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            sock.connect(path)
        except OSError as error:
            if sock is not None:
                sock.close()
            if error.errno in _TRY_AGAIN:
                return None
            raise
        return sock
