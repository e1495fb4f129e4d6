# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that try to connect again and again, each one really being the user whose name it has.

clients.py probe SOCKET...            prints what each client gets, once
clients.py watch FILE SOCKET...       tries until SIGTERM, and writes what each client got when

A result is "ok" or the name of an errno.  Times are those of CLOCK_MONOTONIC, in seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable

import connect

# Root passes every check: what it gets tells whether a daemon listens at all.
CLIENTS = ("root", "life-alice", "life-bob", "life-mallory")
# Seconds from one attempt to the next: for one socket, and for all while each of a host's hooks runs,
# where windows of seconds are what is looked for, and the attempts are not to be what makes them.
STEP, STEP_OF_MANY = 0.001, 0.02

# For each client and path: [from, to, result], one for each time that it got the same in a row.
Log = dict[str, dict[str, list[list[object]]]]


def attempt(path: str) -> str:
    said = connect.attempt(path, patience=0)
    # EAGAIN: the backlog is full, which is told only to those who may connect.
    return "ok" if said in (connect.CONNECTED, "EAGAIN") else said


def follow(paths: Iterable[str], ends: connect.Ends) -> dict[str, list[list[object]]]:
    """Try again and again until it ends; a result holds until the next one is known."""
    log: dict[str, list[list[object]]] = {path: [] for path in paths}
    step = STEP if len(log) == 1 else STEP_OF_MANY
    parent = os.getppid()
    following = time.monotonic()
    while not ends() and os.getppid() == parent:
        for path, seen in log.items():
            result = attempt(path)
            now = time.monotonic()
            if seen:
                seen[-1][1] = now
            if not seen or seen[-1][2] != result:
                seen.append([now, now, result])
        following = max(following + step, time.monotonic())
        time.sleep(max(0.0, following - time.monotonic()))
    return log


class Watchers:
    """One process for each client, from start() to stop()."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = list(paths)
        self._running: dict[str, connect.Process[dict[str, list[list[object]]]]] = {}

    def start(self) -> None:
        for name in CLIENTS:
            self._running[name] = connect.Process(name, lambda ends: follow(self.paths, ends))

    def stop(self) -> Log:
        for process in self._running.values():
            process.end()
        log = {name: process.result() for name, process in self._running.items()}
        self._running.clear()
        return log


def probe(paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what each client gets at each path now."""
    paths = list(paths)
    found = {
        name: connect.as_user(name, lambda: {path: attempt(path) for path in paths})
        for name in CLIENTS
    }
    return {path: {name: found[name][path] for name in CLIENTS} for path in paths}


def main() -> None:
    if sys.argv[1] == "probe":
        print(json.dumps(probe(sys.argv[2:])))
        return
    target, *paths = sys.argv[2:]
    watchers = Watchers(paths)
    watchers.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.sigwait({signal.SIGTERM})
    log = watchers.stop()
    with open(target, "w", encoding="utf-8") as file:
        json.dump(log, file)


if __name__ == "__main__":
    main()
