# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What ends grants at their time: the whole declaration of a socket, and a timer.

The timer asks for a run like that of the module, with the declaration less what has ended.
Sources: systemd.timer(5), systemd.time(7), systemd.service(5).
"""

from __future__ import annotations

from ..policy.moments import written
from ..shortcut import COMMAND
from ..task import Task, compiled
from .parts import POLICIES, UNITS, KeptFile, start_at_boot
from .service_units import described, lines

ENDS = f"{POLICIES}/ends"
# Seconds after each start of the timer in which it looks for the first time.
SOON = 5


def moments(task: Task) -> list[int]:
    """Return when grants of a task end, each moment once, the first one first."""
    return sorted({grant.expires for grant in task.declared.allow if grant.expires is not None})


def timer_of(name: str) -> str:
    """Return the timer of a socket; no socket's name has a colon, so it is no other unit of ours."""
    return f"socket-access-ends:{name}.timer"


def end_files(task: Task) -> tuple[KeptFile, ...]:
    """Return what a host needs to end the grants of a declared socket by itself."""
    name = task.declared.name
    timer = timer_of(name)
    service = f"{timer.rpartition('.')[0]}.service"
    return (
        KeptFile(f"{ENDS}/{name}.json", compiled(task).decode(), unit_file=False),
        KeptFile(f"{UNITS}/{service}", _service(name)),
        KeptFile(f"{UNITS}/{timer}", _timer(task), restarts=timer),
        start_at_boot("timers.target", timer),
    )


def _service(name: str) -> str:
    return lines(
        *described(f"End the grants for the socket {name} whose time is over"),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={COMMAND} end {name}",
        "TimeoutStartSec=300",
        # What cannot be ended now, because a name service does not answer yet, can be later.
        "Restart=on-failure",
        "RestartSec=60",
    )


def _timer(task: Task) -> str:
    # "2026-12-31 17:00:00 UTC", which no zone of the host changes.
    calendar = [f"{written(one)[:-1].replace('T', ' ')} UTC" for one in moments(task)]
    return lines(
        *described(f"The times at which grants for the socket {task.declared.name} end"),
        "",
        "[Timer]",
        *(f"OnCalendar={one}" for one in calendar),
        # Also where the host was off at that time, or that time came while the timer was made.
        "Persistent=yes",
        f"OnActiveSec={SOON}",
        "AccuracySec=100ms",
    )
