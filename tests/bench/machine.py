# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path


def facts() -> dict[str, str]:
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    release = platform.freedesktop_os_release()
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory[1]) * 1024 / 1e9:.0f} GB" if memory else "?",
        "virtual": "yes" if re.search(r"^flags.*\bhypervisor\b", cpuinfo, re.MULTILINE) else "no",
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "?"),
        "python": platform.python_version(),
        "ansible-core": version("ansible-core"),
        "ssh": _first("ssh", "-V").split(",")[0],
        "podman": _first("podman", "--version").removeprefix("podman version "),
    }


def _first(*command: str) -> str:
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    return done.stdout.splitlines()[0]
