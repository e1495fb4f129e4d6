# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""Which processes have which sockets open: one pass over ``/proc`` for all of them."""

from __future__ import annotations

import os
from collections.abc import Collection

_START = "socket:["


class Holders:
    """For each socket, the processes that have it open, with one of their descriptors each.

    ``hidden`` are processes whose descriptors may not be seen (ptrace(2), PTRACE_MODE_READ).
    """

    def __init__(self) -> None:
        self.found: dict[int, dict[int, int]] = {}
        self.hidden: list[int] = []

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
