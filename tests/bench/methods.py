# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part "methods": the methods that make more than entries, beside the same by loops."""

from __future__ import annotations

from typing import Any

from bench import figures, plays
from bench.containers import Place
from bench.controller import play
from bench.settings import Settings, say

METHODS = ("group", "bind_mount", "proxy")
WAY = "ssh"
MOST_ROUNDS = 2


def measure(place: Place, settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {"runs": [], "loops": [], "endpoints": settings.endpoints}
    number = settings.endpoints
    with place.hosts("methods", systemd=True, sockets=number, mounts=True):
        for method in METHODS:
            with say(f"methods: {method} and the loops"):
                tasks = plays.packing()
                for dummy in range(min(settings.rounds, MOST_ROUNDS)):
                    tasks += plays.runs(method, plays.by_method(method, number), (True,))
                tasks += [plays.CALM, *plays.method_loops(method, number), plays.RESET]
                inventory = {"measured": place.variables("methods", WAY)}
                whole = [
                    {"name": method, "hosts": "measured", "gather_facts": False, "tasks": tasks}
                ]
                done = play(place, inventory, whole, "ansible.posix.json", 1).tasks()
            found["runs"] += figures.runs(done, lambda name, answer: _all_held(answer, number))
            loops = [task for task in done if task.name.startswith("loop, ")]
            seconds = round(sum(map(figures.looped, loops)), 3)
            found["loops"].append([method, len(loops), seconds, figures.pings(done)])
    return found


def _all_held(answer: dict[str, Any], number: int) -> None:
    figures.must(figures.proofs(answer) == [True] * number, "methods", answer)
