# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a hook loads before its daemon is said to be started: nothing that only whole runs need."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    installed,
    sources,
)

NEEDLESS = (
    *("keeper", "mounting", "serving", "placing", "proofs", "prove", "host.installed", "once"),
    *("reach.explain", "reach.programs", "shut_out", "host.clients", "host.holders"),
)


def test_a_hook_loads_no_more_than_it_needs(tmp_path: object) -> None:
    archive = f"{tmp_path}/engine.zip"
    with open(archive, "wb") as file:
        file.write(installed.made_of(sources.sources(), b"").archive)
    code = (
        f"import sys; sys.path.insert(0, {archive!r})\n"
        "import socket_access.runtime.command, socket_access.runtime.apply\n"
        "print(*sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(said.stdout.split())
    assert "socket_access.run" in loaded
    assert loaded.isdisjoint(f"socket_access.{name}" for name in NEEDLESS)
    assert loaded.isdisjoint(
        {"zipfile", "subprocess", "argparse", "dataclasses", "hashlib", "inspect"}
    )
