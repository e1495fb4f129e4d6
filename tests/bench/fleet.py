# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part "hosts": the play of a policy beside the play of ping, on some to many hosts, over SSH."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from bench import figures, plays
from bench.containers import Place
from bench.controller import Run, play
from bench.settings import Settings, say

WAY = "ssh"
# On few hosts a play is short, and one ping alone would be a matter of luck.
FEW = 50


def measure(place: Place, settings: Settings) -> dict[str, Any]:
    most = max(settings.hosts)
    names = [f"fleet{number:03d}" for number in range(most)]
    each = plays.sockets(settings.fleet_grants)
    found: dict[str, Any] = {
        "runs": [],
        "forks": settings.forks,
        "grants": settings.fleet_grants,
    }

    def measured(size: int, what: str, task: dict[str, Any], changed: bool) -> None:
        inventory = {name: place.variables(name, WAY) for name in names[:size]}
        run = _play(place, inventory, task, settings.forks)
        figures.recap(run.output, size, changed)
        if what != "connect":
            memory = [round(run.largest), round(run.family)]
            found["runs"].append([size, what, round(run.seconds, 2), *memory])

    with ExitStack() as stack:
        with say(f"hosts: {most} containers"):
            sockets = each * len(settings.hosts)
            stack.enter_context(place.hosts(*names, systemd=False, sockets=sockets))
        with say("hosts: the connections, which then stay"):
            measured(most, "connect", plays.PING, False)
        for turn, size in enumerate(settings.hosts):
            with say(f"hosts: the plays on {size}"):
                # Sockets of its own for each size, so that the first run is the first on all hosts.
                declared = plays.grants(settings.fleet_grants, first=turn * each)
                policy = plays.policy("policy", declared)
                measured(size, "ping", plays.PING, False)
                measured(size, "first", policy, True)
                measured(size, "second", policy, False)
                if size <= FEW:
                    measured(size, "ping", plays.PING, False)
    return found


def _play(place: Place, inventory: dict[str, Any], task: dict[str, Any], forks: int) -> Run:
    whole = [{"name": "Fleet", "hosts": "all", "gather_facts": False, "tasks": [task]}]
    return play(place, inventory, whole, "default", forks)
