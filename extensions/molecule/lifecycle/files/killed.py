# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed at random moments, and runs at the same time.

killed.py TIMES SNAPSHOT    kills so many runs that apply or take back, and prints JSON: figures,
                            and "problems" in sentences
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import random
import subprocess
import sys
import time

import runs

NAMES = ["closed", "socket-acl"]
EVERY, LONGEST = 20, 0.6
STATE = "/var/lib/socket-access"
POLICIES = "/etc/socket-access"


def kills(times: int, snapshot: str, figures: dict[str, object]) -> list[str]:
    problems = []
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    begun = time.monotonic()
    problems += complete(absent=False)
    lasts = time.monotonic() - begun
    in_the_middle = 0
    for number in range(1, times + 1):
        run = runs.start(NAMES, absent=chance.random() < 0.5)
        # Half of them in the first quarter, where most is written.
        in_the_middle += runs.kill(run, after=chance.random() ** 2 * min(lasts, LONGEST))
        problems += half_written()
        if number % EVERY == 0:
            problems += complete(absent=False) + fine()
        if number % EVERY == EVERY // 2:
            problems += complete(absent=True) + [
                f"After taking back: {one}" for one in runs.left(snapshot)
            ]
        if problems:
            problems.insert(0, f"At kill {number} of the seed {seed}:")
            break
    figures.update(kills=number, in_the_middle=in_the_middle, seed=seed, run_ms=round(lasts * 1000))
    return problems


def complete(*, absent: bool) -> list[str]:
    said = runs.finish(runs.start(NAMES, absent=absent))
    return [f"A run after a kill failed: {said}"] if said else []


def half_written() -> list[str]:
    """Whatever has its final name is whole."""
    problems = []
    for path in [f"{STATE}/record.json", *glob.glob(f"{POLICIES}/*.json")]:
        try:
            with open(path, encoding="utf-8") as file:
                json.load(file)
        except FileNotFoundError:
            continue
        except ValueError as error:
            problems.append(f"{path} is half written: {error}")
    return problems


def fine() -> list[str]:
    """After a run that was not killed nothing of a killed one is left."""
    done = subprocess.run(
        ["/usr/local/sbin/socket-access", "status", *NAMES],
        capture_output=True,
        text=True,
        check=False,
    )
    problems = [] if done.returncode == 0 else [f"{done.stdout}{done.stderr}"]
    # The hooks run, too; while the lock is held nobody writes.
    held = lock()
    for pattern in (f"{STATE}/*.new", f"{POLICIES}/*.new", "/usr/local/lib/.*.new*", "/usr/local/sbin/*.new",
                    "/etc/systemd/system/*.new", "/etc/systemd/system/*.d/*.new"):  # fmt: skip
        problems += [f"{path} is left" for path in glob.glob(pattern)]
    os.close(held)
    return problems


def lock() -> int:
    held = os.open(STATE, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def together(figures: dict[str, object]) -> list[str]:
    """Runs of the module and of the command at the same time all come to their end."""
    command = ["/usr/local/sbin/socket-access", "apply", *NAMES]
    problems = complete(absent=False)
    started = [runs.start(NAMES, absent=False) for dummy in range(3)]
    commands = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for dummy in range(2)]
    problems += [said for said in map(runs.finish, started) if said]
    problems += [f"apply: {one.communicate()[0]}" for one in commands if one.wait() != 0]

    held = lock()
    said = runs.finish(runs.start(NAMES, absent=False, lock_seconds=0.2))
    if not said.startswith(f"Another run on this host has held {STATE} for more than 0.2 seconds"):
        problems.append(f"A run that has waited too long said: {said or 'nothing'}")
    begun = time.monotonic()
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    if waiting.poll() is not None:
        problems.append("A run did not wait for the one before it.")
    os.close(held)
    if waiting.wait() != 0:
        problems.append("A run that waited failed then.")
    waiting.communicate()
    figures["waited_ms"] = round((time.monotonic() - begun) * 1000)
    return problems + fine()


def main() -> None:
    runs.load()
    figures: dict[str, object] = {}
    problems = kills(int(sys.argv[1]), sys.argv[2], figures)
    if not problems:
        problems = together(figures) + complete(absent=True) + runs.left(sys.argv[2])
    print(json.dumps({**figures, "problems": problems}))


if __name__ == "__main__":
    main()
