# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Bytes between two stream sockets: copied while they are few, carried by a thread as bulk.

recv and send of one shared buffer have the shorter way for a few bytes, and hold no memory for
connections at rest.
"""

from __future__ import annotations

import socket

from . import bulk
from . import log as words
from .bulk import Carriers
from .loop import HUP
from .peer import Socket
from .receiving import Refused, aligned_buffer, receiver
from .relay import Side

_BUFFER = aligned_buffer(65536)
_VIEW = memoryview(_BUFFER)
# So much at once, so often in succession, is bulk: a thread takes 50 to 100 µs to begin.
_MUCH, _OFTEN = 32768, 8
# Also where the descriptor would wait, see Carriers.
_NOW = socket.MSG_DONTWAIT


class StreamSide(Side):
    """One of two stream sockets."""

    __slots__ = ("_carriers", "_held", "_often", "_receive")

    def __init__(self, sock: Socket, carriers: Carriers) -> None:
        super().__init__(sock)
        self._carriers = carriers
        self._receive = receiver(sock)
        self._often = 0
        self._held: memoryview | None = None

    def pump(self, event: int) -> None:
        """Pass on what is there."""
        try:
            count = self._receive(_BUFFER, 0, _NOW)
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
            sent = self.other.sock.send(_VIEW[:count], _NOW)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.unwanted()
            return
        self.moved += sent
        if sent != count:
            self._held = memoryview(bytes(_VIEW[sent:count]))
            self.block()
        elif count >= _MUCH:
            self._much()
        else:
            self._often = 0

    def carried(self, became: str) -> None:
        """Go on where a thread has ended."""
        self.busy = False
        self._often = 0
        if not self.relay.open:
            self.relay.close()
        elif became == bulk.ENDED:
            self.end(0)
        elif became == bulk.UNWANTED:
            self.unwanted()
        elif became == bulk.PAUSED:
            self.update()
        else:
            self.relay.finish(words.FAILED, words.BROKEN)

    def flush(self) -> bool:
        """Pass on what is stuck."""
        while self._held:
            try:
                sent = self.other.sock.send(self._held, _NOW)
            except BlockingIOError:
                return False
            self.moved += sent
            self._held = self._held[sent:]
        self._held = None
        return True

    def drop(self) -> None:
        """Forget what is stuck."""
        self._held = None

    def _much(self) -> None:
        self._often += 1
        if self._often >= _OFTEN and self._carriers.carry(self):
            self.busy = True
            self.update()
