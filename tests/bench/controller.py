# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook, and tells how long it took, what each task took, and how much memory."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.containers import HERE, Place
from bench.processes import family


@dataclass(frozen=True)
class Task:
    """One task of a play as the callback tells it."""

    name: str
    seconds: float
    # By host, what it answered.
    hosts: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook."""

    output: str
    seconds: float
    # The largest process, and at its height the whole family by proportional shares, in MB.
    largest: float
    family: float

    def tasks(self) -> list[Task]:
        """Return the tasks of all plays, from the output of the callback ansible.posix.json."""
        found = []
        for play in json.loads(self.output[self.output.index("{") :])["plays"]:
            for task in play["tasks"]:
                start, end = (
                    datetime.fromisoformat(task["task"]["duration"][one].rstrip("Z"))
                    for one in ("start", "end")
                )
                seconds = (end - start).total_seconds()
                found.append(Task(task["task"]["name"], seconds, task["hosts"]))
        return found


def play(
    place: Place, inventory: dict[str, Any], plays: list[dict[str, Any]], callback: str, forks: int
) -> Run:
    """Run plays; one that fails ends everything, because its figures are worth nothing."""
    files = {"inventory.json": {"all": {"hosts": inventory}}, "play.json": plays}
    for name, content in files.items():
        (place.directory / name).write_text(json.dumps(content), encoding="utf-8")
    output, errors = (place.directory / name for name in ("output", "errors"))
    command = ["ansible-playbook", "-i", "inventory.json", "-f", str(forks), "play.json"]
    environment = {
        **os.environ,
        "ANSIBLE_STDOUT_CALLBACK": callback,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LIBRARY": str(HERE / "library"),
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_LOCAL_TEMP": str(place.directory / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(place.masters),
        "LC_ALL": "C.UTF-8",
    }
    with output.open("wb") as out, errors.open("wb") as err:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=place.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        watch = Watch(process.pid)
        try:
            dummy, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            # Whoever ends the measurement ends the play, too.
            process.terminate()
            raise
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    family = watch.most()
    if process.returncode:
        text = output.read_text(encoding="utf-8") + errors.read_text(encoding="utf-8")
        raise SystemExit(f"{text[-3000:]}\nThe play failed; its end is above.")
    return Run(output.read_text(encoding="utf-8"), seconds, usage.ru_maxrss * 1024 / 1e6, family)


class Watch(threading.Thread):
    """Looks once a second at the memory of a process and of all that descend from it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._most = 0.0
        self.start()

    def run(self) -> None:
        while not self._over.wait(1):
            self._most = max(self._most, sum(map(shares, family(self._pid))))

    def most(self) -> float:
        self._over.set()
        self.join()
        return self._most


def shares(pid: int) -> float:
    """Return the proportional memory of a process in MB; 0 of one that is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    rows = (row.split() for row in text.splitlines())
    return sum(int(row[1]) for row in rows if row[0] == "Pss:") * 1024 / 1e6
