# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Callers that are connected to another socket."""

from __future__ import annotations

import socket
from collections.abc import Callable

from . import log as words
from .backend import Backend
from .door import Door
from .log import Visit
from .loop import IN, Loop
from .messages import MessageSide, receive_plain, take, take_plain
from .peer import Socket, refuse_descriptors
from .relay import Relay, Side
from .rules import GateRules
from .stream import Pipes, StreamSide

# Smaller ones fit into what the kernel gives every socket.
_USUAL_MESSAGE = 100_000


class Forward:
    """Connects whoever was admitted.  ``door`` must be set before the first one comes."""

    door: Door

    def __init__(self, loop: Loop, rules: Callable[[float], GateRules], listener: Socket) -> None:
        self._loop = loop
        first = rules(loop.now)
        self._messages = first.type == "seqpacket"
        self._pipes = Pipes()
        # Then nothing needs to be looked for in what is received.
        self._kernel_refuses = refuse_descriptors(listener)
        kind = socket.SOCK_SEQPACKET if self._messages else socket.SOCK_STREAM
        self._backend = Backend(loop, kind)
        self._relays: set[Relay] = set()

    def admit(self, sock: Socket, visit: Visit, rules: GateRules) -> None:
        """Connect a caller to the socket behind."""

        def done(back: Socket | None, reason: str) -> None:
            if back is None:
                sock.close()
                self.door.leave(visit, words.FAILED, reason)
            else:
                try:
                    self._join(sock, back, visit, rules)
                except OSError:
                    for one in (sock, back):
                        self._loop.forget(one.fileno())
                        one.close()
                    self.door.leave(visit, words.FAILED, words.BROKEN)

        self._backend.connect(rules.forward or "", self._buffer(rules), done)

    def finish(self) -> None:
        """Close what is open still."""
        for relay in list(self._relays):
            relay.finish(words.ALLOWED, words.STOPPED)
        self._pipes.close()

    def _buffer(self, rules: GateRules) -> int:
        usual = not self._messages or rules.max_message <= _USUAL_MESSAGE
        return 0 if usual else rules.max_message

    def _join(self, sock: Socket, back: Socket, visit: Visit, rules: GateRules) -> None:
        front_side: Side
        back_side: Side
        if self._messages:
            if self._buffer(rules):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer(rules))
            refused = self._kernel_refuses and refuse_descriptors(back)
            take_one = take_plain if refused else take
            front_side = MessageSide(sock, rules.max_message, take_one)
            back_side = MessageSide(back, rules.max_message, take_one)
        else:
            receive = None if self._kernel_refuses else receive_plain(sock)
            front_side = StreamSide(sock, self._pipes, receive)
            back_side = StreamSide(back, self._pipes)
        relay = Relay(self._loop, visit, front_side, back_side, self._finished)
        self._relays.add(relay)
        # Most callers have sent something by now, which need not wait for the next turn.
        self._loop.tell(front_side, IN)

    def _finished(self, relay: Relay, verdict: str, reason: str) -> None:
        self._relays.discard(relay)
        self.door.leave(relay.visit, verdict, reason)
