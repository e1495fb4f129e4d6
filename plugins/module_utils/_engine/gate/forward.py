# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Callers that are connected to another socket."""

from __future__ import annotations

import socket
from collections.abc import Callable

from . import closing
from . import log as words
from .backend import Backend
from .bulk import Carriers
from .door import Door
from .log import Visit
from .loop import IN, Loop
from .messages import MessageSide
from .peer import Socket
from .relay import Relay, Side
from .rules import GateRules
from .stream import StreamSide

# Smaller ones fit into what the kernel gives every socket.
_USUAL_MESSAGE = 100_000


class Forward:
    """Connects whoever was admitted.  ``door`` must be set before the first one comes."""

    door: Door

    def __init__(self, loop: Loop, rules: Callable[[float], GateRules]) -> None:
        self._loop = loop
        first = rules(loop.now)
        self._messages = first.type == "seqpacket"
        self._carriers = None if self._messages else Carriers(loop)
        kind = socket.SOCK_SEQPACKET if self._messages else socket.SOCK_STREAM
        self._backend = Backend(loop, kind)
        self._relays: set[Relay] = set()

    def admit(self, sock: Socket, visit: Visit, rules: GateRules) -> None:
        """Connect a caller to the socket behind."""
        path, buffer = rules.forward or "", self._buffer(rules)
        try:
            back = self._backend.connect(path, buffer)
        except OSError:
            self._turn_away(sock, visit, words.BACKEND_DOWN)
            return
        if back is not None:
            self._join(sock, back, visit, rules)
            return

        def done(back: Socket | None, reason: str) -> None:
            if back is None:
                self._turn_away(sock, visit, reason)
            else:
                self._join(sock, back, visit, rules)

        self._backend.wait(path, buffer, done)

    def finish(self) -> None:
        """Close what is open still."""
        for relay in list(self._relays):
            relay.finish(words.ALLOWED, words.STOPPED)
        if self._carriers is not None:
            self._carriers.close()

    def _buffer(self, rules: GateRules) -> int:
        usual = not self._messages or rules.max_message <= _USUAL_MESSAGE
        return 0 if usual else rules.max_message

    def _turn_away(self, sock: Socket, visit: Visit, reason: str) -> None:
        closing.close(self._loop, sock)
        self.door.leave(visit, words.FAILED, reason)

    def _join(self, front: Socket, back: Socket, visit: Visit, rules: GateRules) -> None:
        try:
            sides = self._sides(front, back, rules)
            relay = Relay(self._loop, visit, *sides, self._finished)
        except OSError:
            closing.close(self._loop, back)
            self._turn_away(front, visit, words.BROKEN)
            return
        self._relays.add(relay)
        # Most callers have sent something by now, which need not wait for the next turn.
        self._loop.tell(relay.front, IN)

    def _sides(self, front: Socket, back: Socket, rules: GateRules) -> tuple[Side, Side]:
        if self._carriers is not None:
            return StreamSide(front, self._carriers), StreamSide(back, self._carriers)
        if self._buffer(rules):
            front.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer(rules))
        return MessageSide(front, rules.max_message), MessageSide(back, rules.max_message)

    def _finished(self, relay: Relay, verdict: str, reason: str) -> None:
        self._relays.discard(relay)
        self.door.leave(relay.visit, verdict, reason)
