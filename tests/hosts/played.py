# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a container, commands there, and plays for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HOST = Path(__file__).parents[1] / "tools" / "host"


class PlayedHost:
    """One of the test hosts, as long as its tests need it."""

    def __init__(self, name: str, image: str, directory: Path, prepare: str) -> None:
        """``prepare`` is a script of sh(1) that runs there first."""
        self.name = f"{os.environ.get('UNIXSOCKET_HOSTS_PREFIX', 'usa-')}{name}"
        self.directory = directory
        subprocess.run([HOST, "up", "--mount", image, self.name], check=True, capture_output=True)
        said = subprocess.run([HOST, "inventory", self.name], check=True, capture_output=True)
        (directory / "hosts.yml").write_bytes(said.stdout)
        self.must(prepare)

    def close(self) -> None:
        subprocess.run([HOST, "down", self.name], check=True, capture_output=True)

    def on(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", "exec", "--interactive", self.name, *words],
            input=given,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def must(self, script: str) -> str:
        """Run a script of sh(1) to its end, and return what it printed."""
        done = self.on("sh", "-euc", script)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def play(self, tasks: list[dict[str, Any]], *arguments: str) -> str:
        """Run these tasks; return what was printed."""
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
        (self.directory / "play.yml").write_text(json.dumps([play]))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook"),
                *(*arguments, "-i", "hosts.yml", "play.yml"),
            ],
            cwd=self.directory,
            env={**os.environ, "ANSIBLE_HOME": str(self.directory / "home"), "NO_COLOR": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
