# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/pipelines.md says of the exit status of ansible-playbook, asked of ansible-playbook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip(
    "ansible.cli",
    reason="the engine's tests also run on Pythons that no ansible-core supports as a controller",
)

from unit.docs.pages import ROOT

AWAY = """
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
DOCUMENTATION = "{name: away, short_description: nobody answers, description: nobody answers}"
class Connection(ConnectionBase):
    transport = "away"
    def _connect(self):
        raise AnsibleConnectionFailure("nobody answers")
    exec_command = put_file = fetch_file = close = lambda self, *what, **how: self._connect()
"""


def test_a_host_that_is_away_hides_one_that_failed(tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text(AWAY)
    task = {"ansible.builtin.raw": "{{ word }}", "changed_when": False}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    hosts = {
        "wrong": {"ansible_connection": "local", "word": "false"},
        "away": {"ansible_connection": "away", "word": "true"},
    }
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    environment = {**os.environ, "ANSIBLE_CONNECTION_PLUGINS": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "play.yml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    recap = {line.split()[0]: line for line in done.stdout.splitlines() if "unreachable=" in line}
    assert "unreachable=1" in recap["away"], done.stdout + done.stderr
    assert "failed=1" in recap["wrong"]
    assert done.returncode == 4
    assert "4 also where others failed" in (ROOT / "docs/pipelines.md").read_text()
