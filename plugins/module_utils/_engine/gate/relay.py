# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Two connected sockets, and the bytes between them: what stream and seqpacket have in common.

Each side is read only while nothing that came from it is stuck, so at most one buffer of it is
held.  Ends are passed on as the kernel would: the end of one direction (shutdown(2)) after its last
byte, and the end of both (close(2)) likewise.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from . import closing
from . import log as words
from .log import Visit
from .loop import ERR, HUP, IN, OUT, RDHUP, Loop
from .peer import Socket

_READ = IN | RDHUP
_GONE = HUP | ERR
_UNWATCHED = -1

# Gets the relay that has ended, the verdict and the reason.
Finished = Callable[["Relay", str, str], None]


class Relay:
    """One caller and the socket behind the gate; ``finished`` is told when both are closed."""

    __slots__ = ("_ended", "_finished", "back", "front", "loop", "open", "visit")

    def __init__(self, loop: Loop, visit: Visit, front: Side, back: Side, done: Finished) -> None:
        self.loop = loop
        self.visit = visit
        self.front = front
        self.back = back
        self.open = True
        self._finished = done
        front.relay = back.relay = self
        front.other, back.other = back, front
        loop.watch(front.fd, _READ, front)
        loop.watch(back.fd, _READ, back)

    def finish(self, verdict: str = words.ALLOWED, reason: str = "") -> None:
        """Close both ends, as soon as no thread uses them any more."""
        if not self.open:
            return
        self.open = False
        self._ended = (verdict, reason)
        if not (self.front.busy or self.back.busy):
            self.close()
            return
        for side in (self.front, self.back):
            self.loop.unwatch(side.fd)
            try:
                # Whoever waits in a system call for one of the two learns it.
                side.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Close both ends of what is finished, unless a thread has one still."""
        front, back = self.front, self.back
        if front.busy or back.busy:
            return
        self.visit.bytes_in, self.visit.bytes_out = front.moved, back.moved
        for side in (front, back):
            side.drop()
            closing.close(self.loop, side.sock)
        # They hold each other: nothing else would free them before the collector comes by.
        del front.other, back.other, front.relay, back.relay
        self._finished(self, *self._ended)


class Side:
    """One of the two sockets, and the direction that begins at it."""

    __slots__ = ("busy", "ended", "events", "fd", "moved", "other", "relay", "sock", "stuck")

    relay: Relay
    other: Side

    def __init__(self, sock: Socket) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.events = _READ
        # Nothing more comes from here; so nothing is stuck either.
        self.ended = False
        # Something that came from here waits for room on the other side.
        self.stuck = False
        # A thread carries what comes from here.
        self.busy = False
        self.moved = 0

    def ready(self, event: int) -> None:
        """Move what can be moved."""
        if event & OUT and self.other.stuck:
            relay = self.relay
            self.other.resume()
            if not relay.open:
                return
        if not self.ended:
            if not (self.stuck or self.busy):
                self.pump(event)
        elif event & _GONE and not self.stuck:
            # It takes nothing any more either.
            self.relay.finish()

    def abort(self) -> None:
        """Close both ends after an error that should not happen."""
        if hasattr(self, "relay"):
            self.relay.finish(words.FAILED, words.BROKEN)

    def pump(self, event: int) -> None:
        """Take what is there and pass it on; call ``end`` at its end."""
        raise NotImplementedError

    def carried(self, became: str) -> None:
        """Go on where a thread has ended."""
        raise NotImplementedError

    def flush(self) -> bool:
        """Pass on what is stuck; return whether all of it went.  Raises OSError."""
        raise NotImplementedError

    def drop(self) -> None:
        """Forget what is stuck."""
        raise NotImplementedError

    def resume(self) -> None:
        """Go on where there was no room."""
        try:
            if not self.flush():
                return
        except OSError:
            self.unwanted()
            return
        self.stuck = False
        self.update()
        self.other.update()

    def block(self) -> None:
        """Wait until the other side has room."""
        self.stuck = True
        self.update()
        self.other.update()

    def end(self, event: int) -> None:
        """Pass on that nothing more comes from here; nothing is stuck then."""
        self.ended = True
        if event & _GONE or self.other.ended:
            # It takes nothing any more, or this was the last of the two directions.
            self.relay.finish()
            return
        try:
            self.other.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.update()

    def unwanted(self) -> None:
        """Pass on that the other side takes nothing any more (EPIPE)."""
        self.drop()
        self.stuck = False
        self.ended = True
        try:
            self.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        if self.other.ended:
            self.relay.finish()
            return
        self.update()
        self.other.update()

    def update(self) -> None:
        """Wait for exactly what can lead further."""
        waits = self.stuck or self.busy
        events = 0 if self.ended or waits else _READ
        if self.other.stuck:
            events |= OUT
        if not events and waits:
            # Not even for HUP, which would come again and again without anything to be done.
            events = _UNWATCHED
        if events == self.events:
            return
        loop = self.relay.loop
        if events == _UNWATCHED:
            loop.unwatch(self.fd)
        elif self.events == _UNWATCHED:
            loop.watch(self.fd, events, self)
        else:
            loop.change(self.fd, events)
        self.events = events
