# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which processes have which sockets open: one pass over ``/proc`` for all of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ..host import processes
from ..host.creator import user_of_manager
from ..model.words import Names
from .values import Process

_START = "socket:["


@dataclass
class Holders:
    """For each socket, the processes that have it open, with one of their descriptors each.

    ``hidden`` are processes whose descriptors may not be seen (ptrace(2), PTRACE_MODE_READ).
    """

    found: dict[int, dict[int, int]] = field(default_factory=dict)
    hidden: list[int] = field(default_factory=list)

    def of(self, socket: int) -> dict[int, int]:
        """Return a descriptor by process id."""
        return self.found.get(socket, {})


def holders_of(sockets: Collection[int]) -> Holders:
    """Look for these sockets, named by their own inodes, in all processes."""
    result = Holders()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                _look(int(entry), sockets, result)
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has ended meanwhile.
            except PermissionError:
                result.hidden.append(int(entry))
    return result


def _look(pid: int, sockets: Collection[int], result: Holders) -> None:
    directory = f"/proc/{pid}/fd"
    for name in os.listdir(directory):
        try:
            target = os.readlink(f"{directory}/{name}")
        except FileNotFoundError:
            continue
        if target.startswith(_START):
            number = int(target[len(_START) : -1])
            if number in sockets:
                result.found.setdefault(number, {}).setdefault(pid, int(name))


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
