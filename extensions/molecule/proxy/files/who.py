# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets what at every endpoint and at the sockets behind, told without any code of the collection.

who.py PATH... -- USER...       prints JSON: for each user what connect(2) says at each path, what the
                                echoes and redis answer, and what redis-cli and psql bring
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import connect

SAID = {"redis.sock": b"PING\r\n", "message.sock": b"hello", "echo.sock": b"hello"}


def tries(path: str) -> str:
    """Connect, say something where there is an answer to it, and return that or the error."""
    kind = socket.SOCK_SEQPACKET if path.endswith("/message.sock") else socket.SOCK_STREAM
    return connect.attempt(path, kind, SAID.get(os.path.basename(path), b""))


def everywhere(user: str, paths: list[str]) -> dict[str, str]:
    """Return what a user gets at each path."""
    return connect.as_user(user, lambda: {path: tries(path) for path in paths})


def runs(user: str, *command: str) -> str:
    done = subprocess.run(
        ["runuser", "-u", user, "--", *command],
        env={"PGPASSWORD": f"{user}-secret", "PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


def asks_redis(user: str, whose: str) -> str:
    return runs(user, "redis-cli", "-s", f"/run/redis-{whose}/redis.sock", "PING")


def asks_postgresql(user: str, whose: str, command: str) -> str:
    options = ("--port=5433", "--dbname=postgres", "-Atq", f"--command={command}")
    return runs(user, "psql", f"--host=/run/postgresql-{whose}", *options)


def main(*rest: str) -> dict[str, object]:
    split = rest.index("--")
    paths, users = list(rest[:split]), rest[split + 1 :]
    writes = "insert into orders values (1) returning current_user"
    reads = "select current_user from orders limit 1"
    return {
        "gets": {user: everywhere(user, paths) for user in users},
        "redis": {
            "app": asks_redis("app", "app"),
            "reports": asks_redis("reports", "reports"),
            "reports in app": asks_redis("reports", "app"),
        },
        "postgresql": {
            "app writes": asks_postgresql("app", "app", writes),
            "visitor writes": asks_postgresql("visitor", "app", writes),
            "reports reads": asks_postgresql("reports", "reports", reads),
            "reports writes": asks_postgresql("reports", "reports", writes),
        },
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
