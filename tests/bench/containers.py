# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured hosts: containers without a network, with and without systemd, and the ways to them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
IMAGE = "localhost/unixsocket-access-bench:latest"
PREFIX = os.environ.get("UNIXSOCKET_HOSTS_PREFIX", "usa-") + "bench-"
# Where the shared directory is on a host.
SHARED = "/srv/bench"
SECONDS_TO_COME_UP = 60
# on_host.py waits for the sshd that have ended at least once a second.
SECONDS_TO_DISCONNECT = 1.5
# What a way is called: its connection, and whether ansible pipelines (ansible-core's default is no).
WAYS = {
    "ssh": ("ssh", False),
    "podman": ("containers.podman.podman", False),
    "ssh, pipelining": ("ssh", True),
    "podman, pipelining": ("containers.podman.podman", True),
}


def podman(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["podman", *arguments], check=False, capture_output=True)
    if check and done.returncode:
        raise SystemExit(f"podman {' '.join(arguments)}: {done.stderr.decode()}")
    return done.stdout.decode()


class Place:
    """The directory of one run: a key, and what the hosts share with the controller."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.shared = directory / "shared"
        self.shared.mkdir(mode=0o755)
        self.key = directory / "key"
        # Where Ansible has the masters of its connections listen.
        self.masters = directory / "cp"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)]
        subprocess.run(make, check=True)
        shutil.copy(self.key.with_suffix(".pub"), self.shared)
        shutil.copy(HERE / "on_host.py", self.shared)

    def variables(self, name: str, way: str) -> dict[str, Any]:
        """Return what Ansible needs to know to get to a host."""
        connection, pipelining = WAYS[way]
        found = {
            "ansible_host": PREFIX + name,
            "ansible_connection": connection,
            "ansible_pipelining": pipelining,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        if connection == "ssh":
            through = f"{sys.executable} -S {HERE}/through.py {self.shared}/%h.sock"
            found |= {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(self.key),
                "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=30m",
                "ansible_ssh_common_args": (
                    f"-o 'ProxyCommand={through}' -o ProxyUseFdpass=yes -o LogLevel=ERROR "
                    "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"
                ),
            }
        return found

    @contextmanager
    def hosts(self, *names: str, **kinds: Any) -> Iterator[None]:
        """Have hosts by these names; they go at the end, and with them the connections to them."""
        remove(names)
        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(lambda name: self._up(name, **kinds), names))
            yield
        finally:
            self._disconnect()
            remove(names)

    def _disconnect(self) -> None:
        """End the connections, because the time of an sshd that ends with its host is nobody's."""
        masters = list(self.masters.iterdir()) if self.masters.exists() else []
        for one in masters:
            leave = ["ssh", "-O", "exit", "-o", f"ControlPath={one}", "its-host"]
            subprocess.run(leave, check=False, capture_output=True)
        if masters:
            time.sleep(SECONDS_TO_DISCONNECT)

    def _up(self, name: str, systemd: bool, sockets: int, mounts: bool = False) -> None:
        called = PREFIX + name
        start = ["python3", f"{SHARED}/on_host.py", called, str(sockets)]
        podman(
            *("run", "--detach", "--name", called, "--hostname", called, "--network", "none"),
            *("--volume", f"{self.shared}:{SHARED}", "--cap-add", "SYS_PTRACE"),
            *(("--cap-add", "SYS_ADMIN") if mounts else ()),
            *(("--systemd", "always") if systemd else ()),
            *(IMAGE, *(["/sbin/init"] if systemd else start)),
        )
        if systemd:
            _wait(lambda: self._has_started(called), f"systemd of {called}")
            podman("exec", "--detach", called, *start)
        door = self.shared / f"{called}.sock"
        _wait(door.exists, f"the listener of {called}")

    def _has_started(self, called: str) -> bool:
        state = podman("exec", called, "systemctl", "is-system-running", check=False).strip()
        return state in ("running", "degraded")


def _wait(ready: Any, what: str) -> None:
    end = time.monotonic() + SECONDS_TO_COME_UP
    while not ready():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come up within {SECONDS_TO_COME_UP} seconds.")
        time.sleep(0.2)


def remove(names: Iterable[str]) -> None:
    podman("rm", "--force", "--ignore", "--time", "0", *(PREFIX + name for name in names))
