# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who really can connect, told by processes that become the users, without any code of the collection.

A scenario installs it beside its own script, which imports it.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NoReturn, TypeVar

CONNECTED = "connected"
PATIENCE = 10.0

Found = TypeVar("Found")
Ends = Callable[[], bool]


def become(user: str, groups: Sequence[int] | None = None) -> None:
    """Have exactly the ids that a new process of the user has, or other supplementary groups."""
    account = pwd.getpwnam(user)
    os.setgroups(os.getgrouplist(user, account.pw_gid) if groups is None else groups)
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def attempt(
    path: str, kind: int = socket.SOCK_STREAM, said: bytes = b"", patience: float = PATIENCE
) -> str:
    """Connect, and say something where there is an answer to it; return that, or the error's name."""
    with socket.socket(socket.AF_UNIX, kind) as client:
        try:
            _wait(client, patience)
            client.connect(path)
            if not said:
                return CONNECTED
            client.settimeout(patience)
            client.send(said)
            return client.recv(64).decode().strip() or "closed"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))


def _wait(client: socket.socket, patience: float) -> None:
    """Let it wait so long for a place in the backlog.

    With Python's own time-out the socket does not block, and a full backlog is EAGAIN at once.
    """
    if patience == 0:
        client.setblocking(False)
        return
    seconds = int(patience)
    interval = struct.pack("@ll", seconds, int((patience - seconds) * 1_000_000))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)


class Process(Generic[Found]):
    """What a user does meanwhile, until it ends or is told to; JSON brings back what came of it."""

    def __init__(self, user: str, does: Callable[[Ends], Found]) -> None:
        """Return when the process is the user's."""
        self.user = user
        self._reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reading)
            _run(user, does, writing)
        os.close(writing)
        os.read(self._reading, 1)

    def end(self) -> None:
        os.kill(self._pid, signal.SIGTERM)

    def result(self) -> Found:
        with open(self._reading, "rb") as pipe:
            data = pipe.read()
        status = os.waitpid(self._pid, 0)[1]
        if status != 0:
            sys.exit(f"The process of {self.user} ended with {os.waitstatus_to_exitcode(status)}.")
        found: Found = json.loads(data)
        return found


def _run(user: str, does: Callable[[Ends], Found], writing: int) -> NoReturn:
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    status = 1
    try:
        become(user)
        os.write(writing, b".")
        with open(writing, "wb") as pipe:
            pipe.write(json.dumps(does(lambda: bool(asked))).encode())
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def as_user(user: str, does: Callable[[], Found]) -> Found:
    return Process(user, lambda ends: does()).result()


def everywhere(user: str, paths: Iterable[str], patience: float = PATIENCE) -> dict[str, str]:
    """Return what connect(2) says to a user at each path."""
    return as_user(user, lambda: {path: attempt(path, patience=patience) for path in paths})
