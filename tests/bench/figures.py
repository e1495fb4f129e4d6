# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the callback tells to figures; a run that did not do what its name says ends it all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any, Protocol


class Task(Protocol):
    """What is looked at of a task."""

    @property
    def name(self) -> str:
        """Return what it is called."""

    @property
    def seconds(self) -> float:
        """Return how long it took."""

    @property
    def hosts(self) -> dict[str, Any]:
        """Return the result of each host."""


Check = Callable[["Name", dict[str, Any]], None]
# What is between a run and the pings beside it, and takes nothing from them.
UNMEASURED = ("calm", "give back", "answer")


class Name:
    """A measured task's own name: ``400, first, not proven``."""

    PATTERN = re.compile(
        r"(?P<label>\w+), (?P<which>first|second|floor), (?P<how>proven|not proven)"
    )

    def __init__(self, match: re.Match[str]) -> None:
        self.label = match["label"]
        self.first = match["which"] == "first"
        self.floor = match["which"] == "floor"
        self.proven = match["how"] == "proven"
        self.what = f"{match['which']}, {match['how']}"


def must(holds: bool, task: str, answer: Any) -> None:
    if not holds:
        raise SystemExit(f"The task {task!r} did not do what its name says: {answer}")


def told(task: Task) -> dict[str, Any]:
    """Return what the one host of a task answered."""
    (answer,) = task.hosts.values()
    # The callback says which action it was.
    return {key: value for key, value in answer.items() if key != "action"}


def proofs(answer: dict[str, Any]) -> list[bool | None]:
    """Return of each grant whether its proof held, None where none was asked for."""
    grants = [grant for one in answer["sockets"].values() for grant in one["grants"]]
    return [grant["proof"]["held"] if grant["proof"] else None for grant in grants]


def grants(name: Name, answer: dict[str, Any]) -> None:
    """Hold that as many grants as the label says are there, and proven or not."""
    must(proofs(answer) == [True if name.proven else None] * int(name.label), name.what, answer)


def runs(tasks: Iterable[Task], check: Check) -> list[list[Any]]:
    """Return label, what, seconds and the seconds of a ping beside it, of each measured task."""
    listed = [task for task in tasks if task.name not in UNMEASURED]
    found = []
    firsts: dict[tuple[str, bool], dict[str, Any]] = {}
    for place, task in enumerate(listed):
        match = Name.PATTERN.fullmatch(task.name)
        if not match:
            continue
        name, answer = Name(match), told(task)
        if name.first:
            firsts[name.label, name.proven] = answer
        if name.floor:
            must(answer == firsts.get((name.label, name.proven)), task.name, answer)
        else:
            must(answer["changed"] == name.first, task.name, answer)
        check(name, answer)
        pings = [one.seconds for one in listed[place - 1 : place + 2] if one.name == "ping"]
        found.append([name.label, name.what, round(task.seconds, 4), round(median(pings), 4)])
    return found


def answers(tasks: Iterable[Task]) -> dict[str, float]:
    """Return by grants and proof how large the answer of a first run is, in kB."""
    found = {}
    for task in tasks:
        match = Name.PATTERN.fullmatch(task.name)
        if match and match["which"] == "first":
            size = len(json.dumps(told(task))) / 1000
            found[f"{match['label']}, {match['how']}"] = round(size, 1)
    return found


def packing(tasks: Iterable[Task]) -> list[float]:
    """Return the seconds for which the first task of a run packs its module: ping, policy."""
    by_name: dict[str, float] = {}
    for task in tasks:
        by_name.setdefault(task.name, task.seconds)
    return [round(by_name[f"{one}, packed"] - by_name[one], 4) for one in ("ping", "policy")]


def looped(task: Task) -> float:
    """Return the seconds of a loop, all of whose items must have changed something."""
    answer = told(task)
    must(all(one["changed"] for one in answer["results"]), task.name, answer)
    return task.seconds


RECAP = re.compile(
    r"^\S+ +: ok=1 +changed=(?P<changed>[01]) +unreachable=0 +failed=0 .*$", re.MULTILINE
)


def recap(output: str, hosts: int, changed: bool) -> None:
    """Hold that every host did its one task, and changed something or did not."""
    found = [match["changed"] for match in RECAP.finditer(output)]
    must(found == [str(int(changed))] * hosts, f"on {hosts} hosts", output[-3000:])


def pings(tasks: Iterable[Task]) -> float:
    return round(median(task.seconds for task in tasks if task.name == "ping"), 4)


def loops(tasks: list[Task], sizes: list[int]) -> list[list[Any]]:
    """Return size, seconds of all loops up to it, and the seconds of a ping."""
    found: list[list[Any]] = []
    total = 0.0
    for size in sizes:
        total += sum(
            looped(task)
            for task in tasks
            if task.name in (f"loop {size}, file", f"loop {size}, acl")
        )
        found.append([size, round(total, 3), pings(tasks)])
    return found
