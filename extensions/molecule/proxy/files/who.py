# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets what at every endpoint and at the sockets behind, told without any code of the collection.

who.py PATH... -- USER...       prints JSON: for each user what connect(2) says at each path, what the
                                echoes and redis answer, and what redis-cli and psql bring
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import socket
import subprocess
import sys

PATIENCE = 10.0
SAID = {"redis.sock": b"PING\r\n", "message.sock": b"hello", "echo.sock": b"hello"}


def tries(path: str) -> str:
    """Connect, say something where there is an answer to it, and return that or the error."""
    kind = socket.SOCK_SEQPACKET if path.endswith("/message.sock") else socket.SOCK_STREAM
    with socket.socket(socket.AF_UNIX, kind) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(path)
            said = SAID.get(os.path.basename(path))
            if said is None:
                return "connected"
            client.send(said)
            return client.recv(64).decode().strip() or "closed"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))


def everywhere(user: str, paths: list[str]) -> dict[str, str]:
    """Return what a user gets at each path."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        account = pwd.getpwnam(user)
        os.setgroups(os.getgrouplist(user, account.pw_gid))
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        os.write(writing, json.dumps({path: tries(path) for path in paths}).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return told


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
