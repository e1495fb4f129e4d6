# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the module's own code in processes that can be killed.

They load a copy of the installed engine, which does not go with the last policy.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import traceback

LIFE = os.path.dirname(os.path.abspath(__file__))
COPY = f"{LIFE}/engine/engine.zip"
PACKAGE = "socket_access"


def load() -> None:
    """Load the engine now, so that a child does nothing but its run."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, COPY)
    __import__(f"{PACKAGE}.run")


def start(names: list[str], *, absent: bool, lock_seconds: float = 60.0) -> tuple[int, int]:
    """Begin a run; returns its process, and a pipe with what it says if it fails."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    said = b""
    try:
        converge(names, absent=absent, lock_seconds=lock_seconds)
    except BaseException as error:
        known = type(error).__name__ in ("AccessError", "Refusals")
        said = (str(error) if known else traceback.format_exc()).encode()
        os.write(writing, said)
    os._exit(bool(said))


def converge(names: list[str], *, absent: bool, lock_seconds: float) -> None:
    run = sys.modules[f"{PACKAGE}.run"]
    policy = __import__(f"{PACKAGE}.policy", fromlist=["validate"])
    with open(f"{LIFE}/sockets.json", encoding="utf-8") as file:
        declared = json.load(file)
    sockets = policy.validate({name: declared[name] for name in names}).sockets
    tasks = [run.Task(one, f"socket {one.name}") for one in sockets]
    run.converge(tasks, run.Options(absent=absent, prove=False, lock_seconds=lock_seconds))


def finish(run: tuple[int, int]) -> str:
    """Wait for a run; returns what it said, nothing if all went well."""
    pid, reading = run
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(pid, 0)
    return said


def kill(run: tuple[int, int], *, after: float) -> bool:
    """Kill a run wherever it is after some seconds; tells whether it was still going on."""
    pid, reading = run
    select.select([reading], [], [], after)
    os.kill(pid, signal.SIGKILL)
    os.close(reading)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def left(snapshot: str) -> list[str]:
    """Return what is other than in a snapshot."""
    done = subprocess.run(
        ["/usr/bin/python3", f"{LIFE}/snapshot.py", "compare", snapshot],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = filter(None, done.stdout.splitlines())
    return list(lines)
