# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks that fail, and a daemon that fights back.  Prints JSON: figures, and "problems"."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter


def told(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def state(unit: str) -> str:
    return told("systemctl", "is-active", unit)[1].strip()


def journal(since: float, *units: str) -> str:
    matches = [word for unit in units for word in ("--unit", unit)]
    told("journalctl", "--sync")
    return told("journalctl", "--no-pager", "--output=cat", f"--since=@{since:.6f}", *matches)[1]


def failing_hooks() -> list[str]:
    """A daemon that never listens: the hook waits for a second, and fails."""
    problems = []
    for name, code, wanted in (("mute", 0, "active"), ("strict", 1, "failed")):
        begun = time.time()
        unit = f"life-{name}.service"
        started, said = told("systemctl", "start", unit)
        found = state(unit)
        if (started != 0) != (code != 0) or (found == "active") != (wanted == "active"):
            problems.append(
                f"{unit}: start ended with {started} ({said}), it is {found}, not {wanted}"
            )
        sentence = f"No daemon listened at /run/life-{name}/socket within 1 seconds after its start"
        for where, text in (
            ("the journal", journal(begun, unit)),
            ("systemctl status", told("systemctl", "status", "--no-pager", "--full", unit)[1]),
        ):
            if sentence not in text:
                problems.append(f"{unit}: {where} does not say why its hook failed: {text}")
        told("systemctl", "stop", unit)
    return problems


def gone(figures: dict[str, object]) -> list[str]:
    """The group of a socket is deleted, then its daemon is started anew."""
    unit = "life-gone.service"
    told("systemctl", "start", unit)
    problems = []
    before = os.stat("/run/life-gone/socket")
    told("groupdel", "life-gone")
    begun = time.time()
    started = told("systemctl", "restart", unit)[0]
    after = os.stat("/run/life-gone/socket")
    text = journal(begun, unit)
    figures["gone"] = {"restart": started, "state": state(unit), "journal": text}
    if "life-gone" not in text or "does not exist" not in text:
        problems.append(f"{unit}: the journal does not say that the group is gone: {text}")
    if after.st_mode & 0o007:
        problems.append(
            f"{unit}: others may connect: {oct(after.st_mode)}, before {oct(before.st_mode)}"
        )
    told("systemctl", "stop", unit)
    return problems


def start_fight() -> float:
    """It goes on while the others are looked at: its sentence waits for half a minute."""
    begun = time.time()
    told("systemctl", "start", "life-fight.service")
    return begun


def fighting(begun: float, figures: dict[str, object]) -> list[str]:
    """A daemon that changes its mode ten times a second for ever gets the last word."""
    watch = "socket-access-fight.service"
    problems = []
    while time.time() < begun + 60:
        if "The daemon fights back" in journal(begun, watch):
            break
        time.sleep(0.1)
    else:
        problems.append(f"Nobody says that the daemon fights back: {journal(begun, watch)}")
    figures["reported_after_ms"] = round((time.time() - begun) * 1000)
    # What was corrected is told in that sentence alone.
    times = re.search(r"its socket was corrected (\d+) times in a row", journal(begun, watch))
    figures["corrections"] = int(times[1]) if times else -1
    quiet = time.time()
    used = processor_time(watch)
    # The daemon needs up to 100 ms to undo one, which is seen in between.
    seen: Counter[str] = Counter()
    while time.time() < quiet + 5:
        seen[oct(os.stat("/run/life-fight/socket").st_mode & 0o777)] += 1
        time.sleep(0.01)
    figures["starts_in_5_s_afterwards"] = journal(quiet, watch).count("Starting ")
    figures["processor_ms_in_5_s_afterwards"] = processor_time(watch) - used
    figures["corrections_in_5_s_afterwards"] = seen.total() - seen["0o777"]
    if set(seen) != {"0o777"}:
        problems.append(f"The daemon does not have the last word: {dict(seen)}")
    told("systemctl", "stop", "life-fight.service")
    return problems


def processor_time(unit: str) -> int:
    """Of all children of this boot that have run as this unit, in milliseconds, where it is counted."""
    value = told("systemctl", "show", "--property=CPUUsageNSec", "--value", unit)[1].strip()
    return int(value) // 1_000_000 if value.isdigit() else -1


def main() -> None:
    figures: dict[str, object] = {}
    begun = start_fight()
    problems = failing_hooks() + gone(figures) + fighting(begun, figures)
    print(json.dumps({**figures, "problems": problems}))


if __name__ == "__main__":
    main()
