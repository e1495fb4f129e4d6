# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is to be shut out cannot keep the run from proving it, which would put everything back."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import Attempt, prove
from kernel.hosts import BOB, Place
from kernel.test_kernel_converge import home

__all__ = ["home"]


@contextmanager
def killing(uid: int) -> Iterator[None]:
    """Let a process of a user end whatever it may end, all the time (kill(2), a pid of -1)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(writing, b"!")
        while True:
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError:
                pass
    os.read(reading, 1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def test_who_is_refused_cannot_veto_it(home: Place) -> None:
    """A proof that fails puts everything back, and one that is ended by its user is one that fails."""
    path = home.listen("s", 0o600)
    with killing(BOB):
        for dummy in range(100):
            (outcome,) = prove([Attempt(path, Credentials(BOB, BOB))], seconds=5.0)
            assert outcome.errno == "EACCES", outcome.text
        home.run({"app": {"path": path, "refuse": [str(BOB)]}})


def test_who_talks_to_a_daemon_is_really_the_user(home: Place) -> None:
    path = home.listen("s", 0o777)
    daemon = os.fork()
    if daemon == 0:
        connection = home.listeners[0].accept()[0]
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        status = Path(f"/proc/{struct.unpack('3i', peer)[0]}/status").read_text()
        connection.send(status.partition("Uid:")[2].split()[0].encode())
        os._exit(0)
    (outcome,) = prove([Attempt(path, Credentials(BOB, BOB), expect=b"\n")], seconds=5.0)
    os.waitpid(daemon, 0)
    assert outcome.reply == str(BOB).encode()
