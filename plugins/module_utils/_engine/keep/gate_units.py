# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""The units of a gate: a listener of systemd's, and the gate server behind it.

Sources: systemd.socket(5), systemd.service(5), systemd.exec(5).
"""

from __future__ import annotations

from typing import NamedTuple

from ..shortcut import COMMAND
from .service_units import (
    forwarding_sandbox,
    identity,
    lines,
    listener,
    serving_sandbox,
    staying,
    unit_section,
)

# Seconds: those in which the server lets the last request finish (gate/rules.py), and some.
_STOP = 40
# The threads that carry bulk (gate/bulk.py), and some.
_TASKS = 80
MAX_CONNECTIONS = 1024


class GateUnits(NamedTuple):
    """One gate at ``at``: it forwards to the socket ``forward``, or runs a command as ``user``.

    ``type`` is stream or seqpacket.  ``user`` None is an account that exists only while the gate
    runs, and only for one that forwards; ``groups`` are gids besides the account's own.
    """

    name: str
    at: str
    type: str = "stream"
    forward: str | None = None
    user: str | None = None
    groups: tuple[int, ...] = ()
    max_connections: int = MAX_CONNECTIONS

    @property
    def unit(self) -> str:
        """The name of both units, without .socket and .service."""
        return f"socket-access-gate-{self.name}"


def socket_unit(gate: GateUnits) -> str:
    """Return the .socket unit of a gate; raises AccessError for a path that cannot be written."""
    return listener(f"Gate {gate.name}", gate.at, gate.type)


def service_unit(gate: GateUnits) -> str:
    """Return the service of a gate; raises ValueError for a command that nobody runs."""
    # Two sockets for each connection, and pipes for those that carry bulk.
    files = 6 * gate.max_connections + 256
    if gate.forward is not None:
        words = f"Forward to the socket {gate.forward} for those who may ({gate.name})"
        sandbox = forwarding_sandbox(
            gate.forward, dynamic=gate.user is None, files=files, tasks=_TASKS, sees_processes=True
        )
    elif gate.user is not None:
        words = f"Serve the requests of those who may ({gate.name})"
        sandbox = [*serving_sandbox(gate.user), f"LimitNOFILE={files}"]
    else:
        raise ValueError("a gate that runs a command needs the account that runs it")
    return lines(
        *unit_section(words, gate.unit),
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={COMMAND} gate {gate.name}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        # The server limits for each user what it writes down.
        "LogRateLimitIntervalSec=0",
        *identity(gate.user, gate.groups),
        *staying(_STOP),
        *sandbox,
    )
