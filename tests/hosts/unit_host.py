# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in a container, policies put into effect there, and who can connect then."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from hosts.played import PlayedHost

CLIENTS = ("friend", "bystander", "foe")
# Binds its path, tells systemd where that wants to know, and accepts.
DAEMON = """\
import os, socket, sys
if os.environ.get("LISTEN_FDS"):
    one = socket.socket(fileno=3)
else:
    if os.path.lexists(sys.argv[1]):
        os.unlink(sys.argv[1])
    one = socket.socket(socket.AF_UNIX)
    one.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o777)
    one.listen()
if "NOTIFY_SOCKET" in os.environ:
    name = os.environ["NOTIFY_SOCKET"]
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name.replace("@", "\\0", 1))
while True:
    one.accept()[0].close()
"""
PREPARE = "for name in friend bystander foe; do useradd --system $name; done; useradd -m alice"
CONNECT = """\
import errno, socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("in")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
SERVED = "[Service]\nExecStart=/usr/bin/python3 /opt/daemon.py\n"


class Host(PlayedHost):
    """One of the test hosts, as long as its tests need it."""

    def __init__(self, image: str, directory: Path) -> None:
        super().__init__(f"units-{image}", image, directory, PREPARE)
        self.put("/opt/daemon.py", DAEMON)
        self.home = self.must("getent passwd alice | cut -d: -f6").strip()

    def put(self, path: str, content: str) -> None:
        done = self.on("sh", "-euc", 'mkdir -p "${0%/*}"; cat >"$0"', path, given=content)
        assert done.returncode == 0, done.stderr

    def units(self, **units: str) -> None:
        """Make unit files, by name with a double underscore for the dot, and let systemd read them."""
        for name, content in units.items():
            self.put(f"/etc/systemd/system/{name.replace('__', '.')}", content)
        self.must("systemctl daemon-reload")

    def policy(self, sockets: dict[str, Any], *arguments: str, **options: Any) -> dict[str, Any]:
        """Put a declaration into effect, and return the result, be it a failure."""
        said = {"unixsocket.access.socket_policy": {"sockets": sockets, **options}}
        answer = f"{self.directory}/answer.json"
        tasks = [
            {**said, "register": "answer", "failed_when": False},
            {
                "ansible.builtin.copy": {"content": "{{ answer | to_json }}", "dest": answer},
                "delegate_to": "localhost",
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": sys.executable,
                },
                "check_mode": False,
            },
        ]
        self.play(tasks, *arguments)
        found: dict[str, Any] = json.loads(Path(answer).read_text(encoding="utf-8"))
        return found

    def applied(self, sockets: dict[str, Any], *arguments: str, **options: Any) -> dict[str, Any]:
        """Put a declaration into effect, and return the result of a run that went well."""
        result = self.policy(sockets, *arguments, **options)
        assert "changes" in result, result
        return result

    def outcomes(self, path: str) -> list[str]:
        """Return what connect() says to each client."""
        return [
            self.on(
                *("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"),
                *("python3", "-c", CONNECT, path),
            ).stdout.strip()
            for user in CLIENTS
        ]

    def comes_to(self, path: str, outcomes: list[str]) -> None:
        """Wait until connect() says this to the clients."""
        deadline = time.monotonic() + 30
        while (found := self.outcomes(path)) != outcomes:
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
