# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the processors' time something else took while a part was measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import family

TICKS = os.sysconf("SC_CLK_TCK")
# The parent of the kernel's threads.
KTHREADD = 2
# From this share of the processors' time on, figures are not of the collection alone.
DISTURBED = 0.05


@dataclass(frozen=True)
class Reading:
    """Seconds of all processors since the machine started, and of the processes of the bench."""

    # All of it, and what nobody used.
    total: float
    idle: float
    # What the machine below a virtual one gave to others (proc_stat(5), "steal").
    stolen: float
    # Interrupts and the threads of the kernel, which work for everybody.
    kernel: float
    ours: float


def reading(keeper: int) -> Reading:
    """Read the time of the machine, and of the bench by its keeper and all that is below it."""
    ours = sum(map(_spent, _stats(family(keeper))))
    threads = [one for one in _stats(_all()) if int(one[1]) == KTHREADD]
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    return machine(first, ours, sum(map(_spent, threads)))


def machine(line: str, ours: float, threads: float) -> Reading:
    """Return the reading of the line of all processors in proc_stat(5)."""
    # guest and guest_nice, the last two, are in user and nice already.
    user, nice, system, idle, iowait, irq, softirq, stolen = (
        int(one) / TICKS for one in line.split()[1:9]
    )
    total = user + nice + system + idle + iowait + irq + softirq + stolen
    return Reading(total, idle + iowait, stolen, irq + softirq + threads, ours)


def stat(text: str) -> list[str]:
    """Return the fields of proc_pid_stat(5) from the state on; a name may have spaces and brackets."""
    return text.rpartition(")")[2].split()


def _spent(fields: list[str]) -> float:
    """Return the seconds of a process, and of the children that it has waited for."""
    return sum(map(int, fields[11:15])) / TICKS


def _stats(pids: Iterable[int]) -> list[list[str]]:
    found = []
    for pid in pids:
        try:
            found.append(stat(Path(f"/proc/{pid}/stat").read_text(errors="replace")))
        except OSError:
            # It has ended.
            continue
    return found


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def between(before: Reading, after: Reading) -> dict[str, float]:
    """Return whose the processors were, in parts of their time."""
    total = after.total - before.total
    idle, stolen, kernel, ours = (
        (getattr(after, one) - getattr(before, one)) / total
        for one in ("idle", "stolen", "kernel", "ours")
    )
    others = max(0.0, 1 - idle - stolen - kernel - ours)
    return {
        name: round(one, 3)
        for name, one in (("ours", ours), ("others", others), ("stolen", stolen), ("idle", idle))
    }


def elsewhere(processors: Mapping[str, float]) -> float:
    """Return what other processes and other machines took."""
    return processors["others"] + processors["stolen"]


def disturbed(parts: Mapping[str, Any]) -> dict[str, float]:
    """Return of the parts beside which something else ran how much that was."""
    shares = {
        name: elsewhere(part["processors"]) for name, part in parts.items() if "processors" in part
    }
    return {name: share for name, share in shares.items() if round(share, 3) >= DISTURBED}
