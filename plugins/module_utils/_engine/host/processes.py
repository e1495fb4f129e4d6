# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What runs on the host: whose processes, with which groups, started when, by which unit.

Source: proc_pid_status(5), proc_pid_stat(5), proc_pid_cgroup(5).
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ..model.account import Credentials
from ..model.acl import EXECUTE, READ, WRITE

# include/uapi/linux/capability.h
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_UNIT = re.compile(r"^[^/]+\.(?:service|scope|socket|mount|swap)$")


class Process(NamedTuple):
    """One process; ``started`` in seconds since the epoch, ``unit`` None outside of systemd.

    ``capabilities`` are the effective ones as bits (capabilities(7)), none in a user namespace of
    its own, where they count for its own files only.  ``filtered`` tells whether a seccomp(2)
    filter judges its system calls.
    """

    pid: int
    name: str
    uid: int
    gids: frozenset[int]
    started: float
    unit: str | None
    user_manager: str | None = None
    capabilities: int = 0
    filtered: bool = False

    def __str__(self) -> str:
        if self.user_manager:
            return f"{self.name} (pid {self.pid}, {self.unit} of {self.user_manager})"
        return f"{self.name} (pid {self.pid}, {self.unit or 'no unit'})"


def credentials_of(process: Process, stranger: Credentials) -> Credentials:
    """Return the identity that a running process has, with the groups that it was started with."""
    return Credentials(process.uid, stranger.gid, process.gids, _passes(process.capabilities))


def _passes(capabilities: int) -> int:
    """Return which permissions capabilities give on any directory or socket (capabilities(7))."""
    if capabilities >> _CAP_DAC_OVERRIDE & 1:
        return READ | WRITE | EXECUTE
    return READ | EXECUTE if capabilities >> _CAP_DAC_READ_SEARCH & 1 else 0


def processes_of(uid: int | None) -> list[Process]:
    """Return all processes whose effective user is ``uid``, or of everybody where that is None.

    One that ends meanwhile is left out.
    """
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            one = _read(int(entry), uid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: one.pid)


def process(pid: int) -> Process | None:
    """Return one process, or None where it has ended."""
    try:
        return _read(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _read(pid: int, uid: int | None = None) -> Process | None:
    fields = {}
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            key, dummy, value = line.partition(":")
            fields[key] = value.split()
    effective = int(fields["Uid"][1])
    if uid not in (None, effective):
        return None
    gids = frozenset(map(int, fields["Groups"])) | {int(fields["Gid"][1])}
    unit, manager = unit_of(pid)
    return Process(
        pid,
        " ".join(fields["Name"]),
        effective,
        gids,
        _started(pid),
        unit,
        manager,
        _capabilities(pid, int("".join(fields.get("CapEff", ["0"])), 16)),
        fields.get("Seccomp") == ["2"],
    )


def _capabilities(pid: int, effective: int) -> int:
    try:
        if effective and os.stat(f"/proc/{pid}/ns/user").st_ino != _own_user_namespace():
            return 0
    except OSError:
        pass  # It may not be looked at, as in some containers, or has ended.
    return effective


def _own_user_namespace() -> int:
    return os.stat("/proc/self/ns/user").st_ino


def _started(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        # The name in parentheses may hold spaces; field 22, the start in clock ticks since boot,
        # is the 20th after it.
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/stat", encoding="ascii") as file:
        boot = next(float(line.split()[1]) for line in file if line.startswith("btime "))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def unit_of(pid: int) -> tuple[str | None, str | None]:
    """Return the unit, and the manager's unit ``user@UID.service`` if a user's manager runs it."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
        return unit_in(file.read())


def unit_in(cgroups: str) -> tuple[str | None, str | None]:
    """Return what ``unit_of`` does, from the text of ``/proc/PID/cgroup``.

    The outermost unit is the one that this host's manager runs: what is below it belongs to whoever
    is inside, such as a container with a systemd of its own.
    """
    for line in cgroups.splitlines():
        number, names, path = line.split(":", 2)
        if number != "0" and names != "name=systemd":
            continue
        units = [part for part in path.split("/") if _UNIT.match(part)]
        if not units:
            continue
        if units[0].startswith("user@") and len(units) > 1:
            return units[1], units[0]
        return units[0], None
    return None, None
