# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts "gate" and "audit": programs of their own, which need no host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.containers import HERE, Place
from bench.settings import Settings, say

# The distribution's own, with which a gate runs on a host.
PYTHON = next((one for one in ("/usr/bin/python3",) if os.path.exists(one)), sys.executable)
LINE = re.compile(r"^(?P<what>.{24}) *(?P<figure>[\d.]+) (?P<unit>s|MB)$", re.MULTILINE)


def gate(place: Place, settings: Settings) -> dict[str, Any]:
    rounds, seconds = settings.gate
    file = place.directory / "gate.json"
    with say(f"gate: {rounds} rounds of {seconds} s for each figure, on one processor"):
        _run(
            [PYTHON, str(HERE / "gate" / "measure.py"), rounds, seconds, str(file)],
            GATE_PYTHON=PYTHON,
        )
    versions = _run([PYTHON, "--version"]).strip()
    found = json.loads(file.read_text(encoding="utf-8"))
    return {"python": versions, "rounds": int(rounds), "seconds": float(seconds), **found}


def audit(place: Place, settings: Settings) -> dict[str, Any]:
    hosts, sockets = settings.audit
    with say(f"audit: the report of {hosts} hosts with {sockets} sockets each"):
        told = _run(
            [sys.executable, str(HERE / "audit.py"), str(place.directory / "audit"), hosts, sockets]
        )
    rows = read_audit(told)
    memory = re.search(r"the most memory: (\d+) MiB", told)
    return {
        "hosts": int(hosts),
        "sockets": int(sockets),
        "rows": rows,
        "memory": round(int(memory[1]) * 1.048576) if memory else None,
    }


def read_audit(told: str) -> list[list[Any]]:
    """Return what, seconds and megabytes of each part of the report; None where there is no file."""
    rows: list[list[Any]] = []
    for match in LINE.finditer(told):
        figure = float(match["figure"])
        if match["unit"] == "s":
            rows.append([match["what"].strip(), figure, None])
        else:
            rows[-1][2] = figure
    return rows


def _run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command,
        check=False,
        cwd=Path("/"),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode()
    if done.returncode:
        raise SystemExit(f"{text[-3000:]}\n{' '.join(command)} failed; its end is above.")
    return text
