# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The door: accepts, asks the kernel who it is, admits or refuses, and counts who is inside."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Collection

from . import closing
from . import log as words
from .budget import ANYBODY
from .log import Log, Visit
from .loop import IN, Loop
from .peer import Peer, Socket, accept, identify, overflow_ids, supplementary_groups
from .rules import NO_IDENTITY, GateRules

_MOST_AT_A_TIME = 64
_SHORT_OF = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_PAUSE = 0.1
_NOBODY = Peer(-1, -1, -1)

Admit = Callable[[Socket, Visit, GateRules], None]
Rules = Callable[[float], GateRules]


class Door:
    """The listening socket of a gate.

    ``admit`` gets whoever may come in, ``user_name`` gives the name of an id, or its digits.
    """

    def __init__(
        self,
        loop: Loop,
        log: Log,
        rules: Rules,
        listener: socket.socket,
        admit: Admit,
        user_name: Callable[[int], str],
    ) -> None:
        self._inside = 0
        self._loop = loop
        self._log = log
        self._rules = rules
        self._listener = listener
        self._kind = int(listener.type)
        self._admit = admit
        self._user_name = user_name
        self._overflow = overflow_ids()
        self._users: dict[int, int] = {}
        self._open = False
        # What is to happen once nobody is inside; from then on nobody comes in.
        self._on_empty: Callable[[], None] | None = None
        self._at_a_time, self._turn = 1, 0

    def start(self) -> None:
        """Begin to accept, or go on with it after a pause."""
        if not self._open and self._on_empty is None:
            self._open = True
            self._loop.watch(self._listener.fileno(), IN, self)

    def close(self, on_empty: Callable[[], None]) -> None:
        """Accept nobody any more, and call ``on_empty`` when nobody is inside."""
        self._pause()
        self._on_empty = on_empty
        if not self._inside:
            on_empty()

    def ready(self, event: int) -> None:
        """Accept after everything else, see ``Loop.defer``."""
        if self._open:
            self._loop.defer(self._accept)

    def abort(self) -> None:
        """Carry on: the door is not the one who failed."""

    def refusal(self, sock: Socket, peer: Peer, rules: GateRules) -> str | None:
        """Return why this caller may not come in under these rules, or None."""

        def groups() -> Collection[int]:
            return supplementary_groups(sock)

        try:
            return rules.refusal(peer, groups, self._overflow)
        except Exception:
            # Whatever it was that kept the kernel's answer away, nobody comes in without it.
            return NO_IDENTITY

    def leave(
        self, visit: Visit, verdict: str = words.ALLOWED, reason: str = "", record: bool = True
    ) -> None:
        """Count somebody out whom ``admit`` got, and record the visit."""
        left = self._users[visit.whose] - 1
        if left:
            self._users[visit.whose] = left
        else:
            del self._users[visit.whose]
        self._inside -= 1
        if record:
            self._log.left(visit, verdict, reason)
        if not self._open:
            self._loop.defer(self.start)
        if self._on_empty is not None and not self._inside:
            self._on_empty()

    def _pause(self) -> None:
        if self._open:
            self._open = False
            self._loop.unwatch(self._listener.fileno())

    def _rest(self) -> None:
        self._pause()
        self._loop.later(_PAUSE, self.start)

    def _accept(self) -> None:
        if not self._open:
            return
        rules = self._rules(self._loop.now)
        # One by one while they come one by one: to ask for the next in vain takes its time.
        follows = self._loop.turn == self._turn + 1
        count = min(self._at_a_time * 2, _MOST_AT_A_TIME) if follows else 1
        self._at_a_time, self._turn = count, self._loop.turn
        for dummy in range(count):
            if self._inside >= rules.max_connections:
                # The others wait in the kernel's queue.
                self._pause()
                return
            if closing.is_busy():
                self._rest()
                return
            try:
                sock = accept(self._listener, self._kind)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _SHORT_OF:
                    self._log.say(
                        f"No connection can be accepted: {os.strerror(error.errno)}.", True
                    )
                    self._rest()
                    return
                continue
            self._receive(sock, rules)

    def _receive(self, sock: Socket, rules: GateRules) -> None:
        try:
            peer = identify(sock)
        except OSError:
            self._refuse(sock, _NOBODY, NO_IDENTITY)
            return
        reason = self.refusal(sock, peer, rules)
        if reason is not None:
            self._refuse(sock, peer, reason)
            return
        whose = self._whose(peer, rules)
        count = self._users.get(whose, 0)
        if count >= rules.max_connections_per_user:
            self._refuse(sock, peer, words.TOO_MANY)
            return
        sock.setblocking(False)
        visit = self._log.arrived(sock, peer, self._loop.now, whose)
        self._users[whose] = count + 1
        self._inside += 1
        try:
            self._admit(sock, visit, rules)
        except BaseException:
            closing.close(self._loop, sock)
            self.leave(visit, words.FAILED, words.BROKEN)
            raise

    def _whose(self, peer: Peer, rules: GateRules) -> int:
        """Return whose limits a caller counts for: all ids without a name have one share.

        A member of a listed group can come as thousands of them, which are his own by subuid(5).
        """
        if peer.uid in rules.users or self._user_name(peer.uid) != str(peer.uid):
            return peer.uid
        return ANYBODY

    def _refuse(self, sock: Socket, peer: Peer, reason: str) -> None:
        self._log.refused(sock, peer, reason)
        closing.close(self._loop, sock)
