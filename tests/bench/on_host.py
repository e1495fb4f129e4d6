# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a measured host: on_host.py NAME SOCKETS.

It makes the users and the sockets of the policy, answers there, and lets sshd in by a Unix socket of
the directory that it shares with the controller, because the hosts have no network.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from pathlib import Path

SHARED = Path(__file__).resolve().parent
SOCKETS = Path("/run/bench")
USERS = 20
SSHD = [
    "/usr/sbin/sshd",
    *("-i", "-o", f"AuthorizedKeysFile={SHARED}/key.pub"),
    *("-o", "StrictModes=no", "-o", "UsePAM=no"),
]


def users() -> None:
    """Add all at once: useradd(8) would take seconds on each of 200 hosts."""
    names = [(f"bench{number:02d}", 3000 + number) for number in range(USERS)]
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.writelines(
            f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n" for name, uid in names
        )
    with open("/etc/group", "a", encoding="utf-8") as group:
        group.writelines(f"{name}:x:{gid}:\n" for name, gid in names)


def listener(path: Path) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(path))
    one.listen(128)
    # As wide as somebody leaves it who wants no more calls.
    path.chmod(0o666)
    return one


def let_in(conn: socket.socket) -> None:
    """Become sshd for one connection, as inetd did."""
    if not os.fork():
        try:
            os.dup2(conn.fileno(), 0)
            os.dup2(conn.fileno(), 1)
            os.execv(SSHD[0], SSHD)
        finally:
            os._exit(127)


def main(name: str, sockets: int) -> None:
    users()
    SOCKETS.mkdir()
    Path("/run/sshd").mkdir(exist_ok=True)
    poll = select.poll()
    listeners = {}
    for number in range(sockets):
        one = listener(SOCKETS / f"{number:02d}.sock")
        listeners[one.fileno()] = one
    door = listener(SHARED / f"{name}.sock")
    listeners[door.fileno()] = door
    for fd in listeners:
        poll.register(fd, select.POLLIN)
    while True:
        for fd, dummy in poll.poll(1000):
            conn = listeners[fd].accept()[0]
            if fd == door.fileno():
                let_in(conn)
            conn.close()
        try:
            # It may be the first process of its host, to which all orphans come.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
