# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a census knows of the processes that have sockets open."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..host import processes
from ..host.creator import user_of_manager
from ..host.holders import Holders
from ..model.words import Names
from .values import Process


class Processes:
    """What is known of processes, each looked at once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, Process | None] = {}

    def get(self, pid: int) -> Process | None:
        """Return a process, or None where it has ended."""
        if pid not in self._known:
            self._known[pid] = self._look(pid)
        return self._known[pid]

    def all(self, pids: Iterable[int]) -> tuple[Process, ...]:
        """Return those that still run, by process id."""
        return tuple(one for one in map(self.get, sorted(pids)) if one is not None)

    def connected(self, sockets: Iterable[int], holders: Holders) -> tuple[Process, ...]:
        """Return the processes at the other ends of connections, with how many each has."""
        count: dict[int, int] = {}
        for number in sockets:
            for pid in holders.of(number):
                count[pid] = count.get(pid, 0) + 1
        return tuple(one._replace(connections=count[one.pid]) for one in self.all(count))

    def _look(self, pid: int) -> Process | None:
        try:
            one = processes.process(pid)
        except (OSError, KeyError, ValueError):
            return None
        if one is None:
            return None
        user = self._names.user_name(one.uid)
        manager = user_of_manager(one.user_manager)
        return Process(pid, one.name, _program(pid), one.uid, user, one.unit, manager)


def _program(pid: int) -> str | None:
    """Return the program of a process; one that was replaced on the disk by its former path."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None
    end = " (deleted)"
    return path[: -len(end)] if path.endswith(end) else path
