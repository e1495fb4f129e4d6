# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the table from the results of the play: medians, and how many pings each thing takes.

table.py RESULT LOOP WITH WITHOUT
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from statistics import median
from typing import Any

TARGETS = {"first run, not proven": 1.15, "first run, proven": 1.5}


def seconds(task: dict[str, Any]) -> float:
    times = [
        datetime.fromisoformat(task["task"]["duration"][end].rstrip("Z"))
        for end in ("start", "end")
    ]
    return (times[1] - times[0]).total_seconds()


def check(name: str, host: dict[str, Any]) -> None:
    """The figures are worth nothing where a run did not do what its row says."""
    first = name.startswith("first")
    if "run, " in name:
        assert host["changed"] == first, (name, host)
        proven = [grant["proof"] for one in host["sockets"].values() for grant in one["grants"]]
        assert len(proven) == 400
        held = [proof["held"] if proof else None for proof in proven]
        assert held == [None if "not" in name else True] * 400


def main() -> None:
    file, loop, systemd, bare = sys.argv[1:]
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    plays = json.loads(text[text.index("{") :])["plays"]
    print(f"{'':42}{'seconds':>10}{'x ping':>10}{'':4}ratio of each run to the pings beside it")
    for play in plays:
        tasks = [task for task in play["tasks"] if task["task"]["name"] != "calm"]
        if not tasks:
            continue
        (host,) = tasks[0]["hosts"]
        kind = {systemd: "with systemd, hooks included", bare: "inodes alone"}[host]
        print(f"{host}: {kind}")
        rows: dict[str, list[tuple[float, float]]] = {}
        for before, task, after in zip(tasks, tasks[1:], tasks[2:]):
            name = task["task"]["name"]
            if name == "ping":
                continue
            check(name, task["hosts"][host])
            pings = [seconds(one) for one in (before, after) if one["task"]["name"] == "ping"]
            rows.setdefault(name, []).append((seconds(task), seconds(task) / median(pings)))
        pings = [seconds(task) for task in tasks[1:] if task["task"]["name"] == "ping"]
        print(f"  {'ping':40}{median(pings):10.3f}{1:10.2f}")
        for name, runs in rows.items():
            ratios = [ratio for dummy, ratio in runs]
            shown = f"{name}, {loop} entries" if name == "ansible.posix.acl" else name
            target = f" (target {TARGETS[name]:g})" if name in TARGETS else ""
            print(
                f"  {shown:40}{median(run[0] for run in runs):10.3f}{median(ratios):10.2f}{'':4}"
                f"{' '.join(f'{ratio:.2f}' for ratio in ratios)}{target}"
            )


if __name__ == "__main__":
    main()
