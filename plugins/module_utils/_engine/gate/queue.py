# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Whose request is next: in turns, so that many requests of one user do not hold up the others'."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

One = TypeVar("One")


class Queue(Generic[One]):
    """What waits, by user; and how much of each user is being done."""

    def __init__(self) -> None:
        self.running = 0
        self.waiting = 0
        self._waiting: OrderedDict[int, deque[One]] = OrderedDict()
        self._running: dict[int, int] = {}

    def put(self, uid: int, one: One) -> None:
        """Add to the end of this user's line."""
        self._waiting.setdefault(uid, deque()).append(one)
        self.waiting += 1

    def take(self, at_once: int, at_once_per_user: int) -> One | None:
        """Return what is to be done next, or None where nothing may be begun now."""
        if self.running >= at_once:
            return None
        for uid in self._waiting:
            if self._running.get(uid, 0) < at_once_per_user:
                break
        else:
            return None
        line = self._waiting[uid]
        one = line.popleft()
        if line:
            self._waiting.move_to_end(uid)
        else:
            del self._waiting[uid]
        self.waiting -= 1
        self.running += 1
        self._running[uid] = self._running.get(uid, 0) + 1
        return one

    def done(self, uid: int) -> None:
        """Count out one that was taken."""
        self.running -= 1
        self._running[uid] -= 1
