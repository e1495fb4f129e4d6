# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part "grants": one host; a run of the policy beside ping, its floor, and loops."""

from __future__ import annotations

from typing import Any

from bench import figures, plays, sums
from bench.containers import WAYS, Place
from bench.controller import Run, play
from bench.settings import Settings, say

# With systemd; the same with another socket kept all the time, so that the engine is there already;
# without systemd, where nothing is installed and nothing keeps the access.
NEW, KEPT, BARE = "systemd", "kept", "bare"


Plan = list[tuple[str, str, list[int]]]


def measure(place: Place, settings: Settings) -> dict[str, Any]:
    """All sizes once, and again those that the targets are about, by the ways that are plain."""
    found: dict[str, Any] = {
        "rounds": settings.rounds,
        "runs": [],
        "answers": {},
        "packing": [],
        "loops": [],
    }
    most = max(map(max, settings.grants.values()))
    with place.hosts(NEW, systemd=True, sockets=plays.sockets(most) + 1):
        for turn in range(settings.rounds):
            plan: Plan = [
                (NEW, way, sorted({max(sizes), sums.few(sizes)}) if turn else sizes)
                for way, sizes in settings.grants.items()
            ]
            _round(place, turn, plan, found)
        others: Plan = [(NEW, way, [most]) for way in WAYS if way not in settings.grants]
        _round(place, 0, [*others, (KEPT, "ssh", [most])], found)
        for way, limit in settings.loops.items():
            looped = [size for size in settings.grants["ssh"] if size <= limit]
            if looped:
                with say(f"grants: loops over {max(looped)} entries, {way}"):
                    run = _play(place, NEW, way, plays.entry_loops(looped))
                found["loops"] += [[way, *row] for row in figures.loops(run.tasks(), looped)]
    with place.hosts(BARE, systemd=False, sockets=plays.sockets(most) + 1):
        _round(place, 0, [(BARE, "ssh", [most])], found)
    return found


def _round(place: Place, turn: int, plan: Plan, found: dict[str, Any]) -> None:
    """Run all of a plan once; what else the machine does hits all of it."""
    for kind, way, sizes in plan:
        with say(f"grants: {kind}, {way}, round {turn + 1}, {' '.join(map(str, sizes))}"):
            run = _policies(place, kind, way, sizes)
        found["packing"].append([way, kind, *figures.packing(run.tasks())])
        rows = figures.runs(run.tasks(), figures.grants)
        found["answers"] |= figures.answers(run.tasks())
        found["runs"] += [[way, kind, *row] for row in rows]


def _policies(place: Place, kind: str, way: str, sizes: list[int]) -> Run:
    tasks = [*plays.packing(), plays.floor("floor, packed", plays.grants(1), state="absent")]
    kept = plays.grants(1, first=plays.sockets(max(sizes)))
    if kind == KEPT:
        tasks.append(plays.policy("keep", kept))
    least = {"reload": kind != BARE}
    for size in sizes:
        tasks += plays.runs(str(size), plays.grants(size), (False, True), least)
    if kind == KEPT:
        tasks.append(plays.policy("give back", kept, state="absent"))
    return _play(place, BARE if kind == BARE else NEW, way, [*tasks, plays.CALM, plays.PING])


def _play(place: Place, host: str, way: str, tasks: plays.Tasks) -> Run:
    inventory = {"measured": place.variables(host, way)}
    whole = [{"name": way, "hosts": "measured", "gather_facts": False, "tasks": tasks}]
    return play(place, inventory, whole, "ansible.posix.json", 1)
