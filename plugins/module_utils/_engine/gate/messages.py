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

from . import log as words
from .loop import HUP
from .peer import Socket
from .receiving import at_end, taker
from .relay import Side

_ROUNDS = 16


class MessageSide(Side):
    """One of two seqpacket sockets."""

    __slots__ = ("_held", "_most", "_rounds", "_take", "_turn")

    def __init__(self, sock: Socket, most: int) -> None:
        """``most`` is the size in bytes of the longest message."""
        super().__init__(sock)
        self._most = most
        self._take = taker(sock)
        self._held = b""
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
        try:
            self.other.sock.send(self._held)
        except BlockingIOError:
            return False
        self.moved += len(self._held)
        self.drop()
        return True

    def drop(self) -> None:
        """Forget the message that is stuck."""
        self._held = b""

    def _failed(self, error: OSError) -> None:
        if isinstance(error, (BrokenPipeError, ConnectionError)):
            self.unwanted()
        else:
            # EMSGSIZE, ENOBUFS: a message that is left out would be worse than the end.
            self.relay.finish(words.FAILED, words.TOO_LONG)
