# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part "hosts": the play of a policy beside that of ping, on some to many hosts, over SSH."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from bench import figures, plays
from bench.containers import Place
from bench.controller import Run, play
from bench.settings import Settings, say

WAY = "ssh"
# On few hosts a play is short, and one ping alone would be a matter of luck.
FEW = 10
# On more hosts than these a play of the floor takes minutes, and tells no more than on these.
FLOOR = 50


def measure(place: Place, settings: Settings) -> dict[str, Any]:
    most = max(settings.hosts)
    names = [f"fleet{number:03d}" for number in range(most)]
    each = plays.sockets(settings.fleet_grants)
    # Sockets of its own for each first run, so that it is the first on all hosts.
    unused = iter(range(len(settings.hosts) + 2))
    found: dict[str, Any] = {
        "runs": [],
        "forks": settings.forks,
        "grants": settings.fleet_grants,
    }

    def declared() -> dict[str, Any]:
        return plays.grants(settings.fleet_grants, first=next(unused) * each)

    def measured(size: int, what: str, task: dict[str, Any], changed: bool) -> None:
        inventory = {name: place.variables(name, WAY) for name in names[:size]}
        run = _play(place, inventory, task, settings.forks)
        figures.recap(run.output, size, changed)
        if what != "connect":
            memory = [round(run.largest), round(run.family)]
            found["runs"].append([size, what, round(run.seconds, 2), *memory])

    with ExitStack() as stack:
        with say(f"hosts: {most} containers"):
            sockets = each * (len(settings.hosts) + 2)
            stack.enter_context(place.hosts(*names, systemd=False, sockets=sockets))
        with say("hosts: the connections, which then stay"):
            measured(most, "connect", plays.PING, False)
        with say("hosts: the answer for the module that does nothing"):
            inventory = {names[0]: place.variables(names[0], WAY)}
            _answer(place, inventory, plays.policy("answer", declared()))
        for size in settings.hosts:
            with say(f"hosts: the plays on {size}"):
                own = declared()
                policy = plays.policy("policy", own)
                measured(size, "ping", plays.PING, False)
                measured(size, "first", policy, True)
                measured(size, "second", policy, False)
                if size <= FLOOR:
                    measured(size, "floor", plays.floor("floor", own), True)
                if size == most:
                    # The targets are about this one. With a first run on either side of the second
                    # one, what grows with time is in both, and they show how far like runs differ.
                    measured(size, "first", plays.policy("policy", declared()), True)
                if size <= FEW or size == most:
                    measured(size, "ping", plays.PING, False)
    return found


def _answer(place: Place, inventory: dict[str, Any], task: dict[str, Any]) -> None:
    """Give all hosts what a first run answers, which is the answer of the module that does nothing."""
    whole = [{"name": "Answer", "hosts": "all", "gather_facts": False, "tasks": [task]}]
    (done,) = play(place, inventory, whole, "ansible.posix.json", 1).tasks()
    text = json.dumps(figures.told(done))
    (place.shared / plays.ANSWER.rpartition("/")[2]).write_text(text, encoding="utf-8")


def _play(place: Place, inventory: dict[str, Any], task: dict[str, Any], forks: int) -> Run:
    whole = [{"name": "Fleet", "hosts": "all", "gather_facts": False, "tasks": [task]}]
    return play(place, inventory, whole, "default", forks)
