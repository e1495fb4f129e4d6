# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The end of connections in which something may wait that takes its time to close.

With a connection go the descriptors that were passed and not received, and to close the last copy
of one can take as long as its sender likes: a TCP socket that lingers (SO_LINGER, socket(7)).  So
where the kernel cannot refuse descriptors, a connection that holds anything unread is closed by a
thread.  An alarm ends each wait of that thread, since a lingering close ends at a signal
(sk_stream_wait_close() in net/core/stream.c), and begins none in a process that ends (inet_release()
in net/ipv4/af_inet.c).
"""

from __future__ import annotations

import fcntl
import signal
import socket
import sys
import termios
import threading
from queue import SimpleQueue

from .loop import Loop
from .peer import Socket, refuses_descriptors

# So many connections may wait for the thread before nobody is accepted.
MOST = 128

_ALARM = signal.SIGALRM
_TICK = 0.0002
# More messages than any queue holds: each counts for some hundred bytes of what one may send.
_MOST_MESSAGES = 1 << 16

_buffer = bytearray(1 << 16)
_left: SimpleQueue[Socket | None] = SimpleQueue()
_threads: list[threading.Thread] = []


def prepare() -> None:
    """Leave alarms to the thread that closes; the main thread must call it before others begin."""
    # What is ignored would end no wait.
    signal.signal(_ALARM, _woken)
    signal.pthread_sigmask(signal.SIG_BLOCK, (_ALARM,))


def finish(seconds: float = 1.0) -> None:
    """Close what is left, and set no alarm any more: at its end, Python forgets the handler.

    What cannot be closed in time the end of the process closes, and no garbage collector before.
    """
    if _threads:
        _left.put(None)
        _threads.pop().join(seconds)
        signal.setitimer(signal.ITIMER_REAL, 0)
    while not _left.empty():
        sock = _left.get()
        if sock is not None:
            sock.detach()


def close(loop: Loop, sock: Socket) -> None:
    """Close a connection, watched or not, without waiting for what it holds."""
    if sock.fileno() < 0:
        return
    if refuses_descriptors(sock) or not _holds_anything_at_last(sock):
        loop.forget(sock.fileno())
        sock.close()
        return
    loop.unwatch(sock.fileno())
    _left.put(sock)
    if not _threads:
        thread = threading.Thread(target=_close_all, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # The next one tries again.
        _threads.append(thread)


def is_busy() -> bool:
    """Tell whether so many wait to be closed that there should not be more."""
    return _left.qsize() >= MOST


def unread(sock: Socket) -> int:
    """Return how many bytes wait in a connection (SIOCINQ, unix(7))."""
    data = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(data, sys.byteorder)


def _holds_anything_at_last(sock: Socket) -> bool:
    """Tell whether a connection holds anything, into which nothing comes afterwards."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return True
    return _holds_anything(sock)


def _holds_anything(sock: Socket) -> bool:
    try:
        if sock.type == socket.SOCK_STREAM:
            return bool(unread(sock))
        # A message without bytes may have descriptors, and looks like the end.  But a message alone
        # comes with credentials, for which there is no room (__unix_dgram_recvmsg()).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        flags = sock.recvmsg_into([], 0, socket.MSG_PEEK | socket.MSG_DONTWAIT)[2]
    except OSError:
        return True
    return bool(flags & socket.MSG_CTRUNC)


def _woken(number: int, frame: object) -> None:
    """The wait has ended already."""


def _close_all() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (_ALARM,))
    while True:
        sock = _left.get()
        if sock is None:
            return
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)
        try:
            _empty(sock)
        except OSError:
            pass
        finally:
            sock.close()
        signal.setitimer(signal.ITIMER_REAL, 0)


def _empty(sock: Socket) -> None:
    """Receive what a connection holds, so that its end drops nothing.

    For its end may come elsewhere: a command that begins has copies of all that is open until its
    execve(2).  And anything unread turns it into ECONNRESET, which can hide a reply.
    """
    for dummy in range(_MOST_MESSAGES):
        if not _holds_anything(sock):
            return
        sock.recv_into(_buffer, 0, socket.MSG_DONTWAIT)
