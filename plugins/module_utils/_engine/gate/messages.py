# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Messages between two seqpacket sockets, whole and one at a time.

They are never spliced: two messages leave a pipe as one.  What cannot be passed on as it came ends
the connection: a message that is too long, control data, an empty message (which would look like
the end to whoever gets it).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from typing import NamedTuple

from . import log as words
from .loop import HUP
from .peer import Socket
from .relay import Refused, Side, aligned_buffer, hung_up
from .rules import LARGEST_MESSAGE

_BUFFER = aligned_buffer(LARGEST_MESSAGE + 1)
_VIEW = memoryview(_BUFFER)
# Room for a few descriptors and for the credentials, which nobody asked for.
_CONTROL = 256
_INT = struct.Struct("=i")
_ROUNDS = 16


class Taken(NamedTuple):
    """What recvmsg(2) gave: a view that holds until the next one is taken, and what was wrong."""

    data: memoryview
    wrong: str


def take(sock: Socket, most: int) -> Taken:
    """Receive once; raises OSError.  Descriptors that came along are closed at once."""
    count, control, flags, dummy = sock.recvmsg_into(
        [_VIEW[: most + 1]], _CONTROL, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
    )
    wrong = ""
    if control:
        wrong = words.DESCRIPTORS if _close_passed(control) else words.CUT
    elif flags & socket.MSG_CTRUNC:
        wrong = words.CUT
    elif flags & socket.MSG_TRUNC or count > most:
        wrong = words.TOO_LONG
    return Taken(_VIEW[:count], wrong)


def take_plain(sock: Socket, most: int) -> Taken:
    """Receive once where the kernel refuses descriptors, by a shorter way; raises OSError."""
    count = sock.recv_into(_BUFFER, most + 1, socket.MSG_DONTWAIT)
    return Taken(_VIEW[:count], words.TOO_LONG if count > most else "")


def receive_plain(sock: Socket) -> Callable[[bytearray, int, int], int]:
    """Return what receives as ``recv_into`` does, but raises Refused where descriptors come.

    For kernels that cannot refuse them: a plain recv(2) closes them, and tells nobody.
    """

    def receive(buffer: bytearray, most: int, how: int) -> int:
        count, control, flags, dummy = sock.recvmsg_into(
            [buffer], _CONTROL, how | socket.MSG_CMSG_CLOEXEC
        )
        if control:
            raise Refused(words.DESCRIPTORS if _close_passed(control) else words.CUT)
        if flags & socket.MSG_CTRUNC:
            raise Refused(words.CUT)
        return count

    return receive


def at_end(sock: Socket) -> bool:
    """Tell whether nothing received means the end, and not an empty message.

    Both look alike, but only at the end the other side has hung up and nothing waits (SIOCINQ,
    unix(7)).
    """
    fd = sock.fileno()
    waiting = _INT.unpack(fcntl.ioctl(fd, termios.FIONREAD, _INT.pack(0)))[0]
    return hung_up(fd) and not waiting


def _close_passed(control: list[tuple[int, int, bytes]]) -> bool:
    passed = False
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            passed = True
            for (fd,) in _INT.iter_unpack(data[: len(data) // 4 * 4]):
                os.close(fd)
    return passed


class MessageSide(Side):
    """One of two seqpacket sockets."""

    __slots__ = ("_held", "_most", "_rounds", "_take", "_turn")

    def __init__(
        self, sock: Socket, most: int, take_one: Callable[[Socket, int], Taken] = take
    ) -> None:
        """``most`` is the size in bytes of the longest message."""
        super().__init__(sock)
        self._most = most
        self._take = take_one
        self._held: bytes | None = None
        self._rounds, self._turn = 1, 0

    def pump(self, event: int) -> None:
        """Pass on some of the messages that are there."""
        # One by one while they come one by one: to ask for the next in vain takes its time.
        turn = self.relay.loop.turn
        rounds = min(self._rounds * 2, _ROUNDS) if turn == self._turn + 1 else 1
        self._rounds, self._turn = rounds, turn
        for dummy in range(rounds):
            try:
                data, wrong = self._take(self.sock, self._most)
            except BlockingIOError:
                self._rounds = 1
                return
            except OSError:
                self.end(event | HUP)
                return
            if wrong:
                self.relay.finish(words.REFUSED, wrong)
                return
            if not data:
                if at_end(self.sock):
                    self.end(event)
                else:
                    self.relay.finish(words.REFUSED, words.EMPTY)
                return
            try:
                self.other.sock.send(data)
            except BlockingIOError:
                self._held = bytes(data)
                self.block()
                return
            except OSError as error:
                self._failed(error)
                return
            self.moved += len(data)

    def flush(self) -> bool:
        """Pass on the message that is stuck."""
        if self._held is not None:
            try:
                self.other.sock.send(self._held)
            except BlockingIOError:
                return False
            self.moved += len(self._held)
            self._held = None
        return True

    def drop(self) -> None:
        """Forget the message that is stuck."""
        self._held = None

    def _failed(self, error: OSError) -> None:
        if isinstance(error, (BrokenPipeError, ConnectionError)):
            self.unwanted()
        else:
            # EMSGSIZE, ENOBUFS: a message that is left out would be worse than the end.
            self.relay.finish(words.FAILED, words.TOO_LONG)
