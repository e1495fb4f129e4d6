# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""One epoll(7) loop: descriptors that are ready, and what is to happen later."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from typing import Protocol

IN, OUT, HUP, ERR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP, select.EPOLLERR
# The other end will send no more (shutdown(2), close(2)).
RDHUP = select.EPOLLRDHUP

_AT_A_TIME = 128


class Handler(Protocol):
    """Whoever owns a descriptor."""

    def ready(self, event: int) -> None:
        """Do what can be done now without waiting."""

    def abort(self) -> None:
        """Give up after an error of its own that nobody foresaw; must raise nothing."""


class Timer:
    """Something that is to happen later, unless it is cancelled."""

    __slots__ = ("action", "at", "seconds")

    def __init__(self, at: float, action: Callable[[], None]) -> None:
        self.at = at
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Make it not happen."""
        self.action = None

    def __lt__(self, other: Timer) -> bool:
        return self.at < other.at


class Loop:
    """Descriptors with their handlers, and timers.

    ``now`` is the monotonic time in seconds, ``turn`` counts how often something was ready.
    """

    def __init__(self, crashed: Callable[[Exception], None]) -> None:
        """``crashed`` is told of exceptions that handlers and timers let out."""
        self.now = time.monotonic()
        self.turn = 0
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[Timer] = []
        self._deferred: list[Callable[[], None]] = []
        self._crashed = crashed
        self._running = False

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call the handler when one of the events is there; HUP and ERR are always among them."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Take no notice of a descriptor any more that stays open."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """Take no notice of a descriptor that is closed right afterwards, and has no copies."""
        self._handlers.pop(fd, None)

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Have something done in so many seconds."""
        timer = Timer(time.monotonic() + seconds, action)
        heapq.heappush(self._timers, timer)
        if len(self._timers) > 4096 and len(self._timers) > 4 * len(self._handlers):
            self._timers[:] = [one for one in self._timers if one.action is not None]
            heapq.heapify(self._timers)
        return timer

    def defer(self, action: Callable[[], None]) -> None:
        """Have something done after all that is ready now.

        Whatever opens descriptors is done then: a new one may get the number of one that was
        closed just now, for which an event is waiting still.
        """
        self._deferred.append(action)

    def tell(self, handler: Handler, event: int) -> None:
        """Let a handler do what it can now."""
        try:
            handler.ready(event)
        except Exception as error:
            self._failed(handler, error)

    def stop(self) -> None:
        """Make ``run`` return."""
        self._running = False

    def run(self) -> None:
        """Serve until ``stop``."""
        poll, handlers, timers = self._epoll.poll, self._handlers, self._timers
        clock = time.monotonic
        now = clock()
        self._running = True
        while self._running:
            # epoll counts milliseconds, and Python rounds up, so it never comes back too early.
            for fd, event in poll(timers[0].at - now if timers else -1, _AT_A_TIME):
                handler = handlers.get(fd)
                if handler is None:
                    continue
                try:
                    handler.ready(event)
                except Exception as error:
                    self._failed(handler, error)
            self.now = now = clock()
            self.turn += 1
            if self._deferred:
                deferred, self._deferred = self._deferred, []
                for action in deferred:
                    self._do(action)
            while timers and timers[0].at <= now:
                timer = heapq.heappop(timers)
                if timer.action is not None:
                    self._do(timer.action)

    def close(self) -> None:
        """Watch nothing any more."""
        self._handlers.clear()
        self._timers.clear()
        self._epoll.close()

    def _failed(self, handler: Handler, error: Exception) -> None:
        self._crashed(error)
        handler.abort()

    def _do(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            self._crashed(error)
