# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random input for a gate, and what must be true of it afterwards."""

from __future__ import annotations

import array
import os
import random
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from kernel.gate.gates import Gate, as_user, gate, until


def fuzz(one: Gate, chance: random.Random, count: int) -> None:
    """Send anything in any way, and wait for nothing."""
    stream = one.rules["type"] == "stream"
    left = count
    while left > 0:
        with one.connect() as sock:
            sock.settimeout(0.002)
            for dummy in range(chance.randrange(1, 40)):
                left -= 1
                size = chance.choice((0, 1, 10, 500, 999, 1000, 1001, 5000, 70_000))
                data = chance.randbytes(size)
                control = []
                if chance.random() < 0.1:
                    fds = array.array("i", [0] * chance.choice((1, 2, 60, 100, 253)))
                    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
                if chance.random() < 0.05:
                    who = array.array("i", [os.getpid(), 0, 0])
                    control.append((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, who))
                try:
                    sock.sendmsg([data], control)
                    if chance.random() < 0.05:
                        sock.shutdown(chance.choice((0, 1, 2)))
                    if chance.random() < 0.1:
                        sock.recv(chance.choice((1, 100_000)))
                except (socket.timeout, BlockingIOError):
                    pass
                except OSError:
                    break
            if stream and chance.random() < 0.5:
                try:
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass


def attack(place: Path, kind: str, does: str, chance: random.Random, count: int) -> None:
    """Fuzz one gate: no crash, no wrong allow, no leak of descriptors or memory."""
    rules: dict[str, Any] = {"type": kind, "max_message": 1000, "users": [0]}
    if does == "command":
        rules["command"] = ["/bin/true"]
    else:
        rules["forward"] = str(place / "back.sock")
    with Echo(place / "back.sock", kind), gate(place, **rules) as one:
        before = one.descriptors(pipes=False)
        fuzz(one, chance, count // 10)
        until(lambda: one.descriptors(pipes=False) == before, 20)
        memory = one.memory()

        def stranger() -> int:
            answers = 0
            for dummy in range(50):
                with one.connect() as sock:
                    try:
                        sock.sendall(b"x")
                        sock.shutdown(socket.SHUT_WR)
                        answers += bool(sock.recv(10))
                    except OSError:
                        pass
            return answers

        got: list[bytes] = []
        thread = threading.Thread(target=lambda: got.append(as_user(71009, stranger)))
        thread.start()
        fuzz(one, chance, count)
        thread.join()
        assert got == [b"0"], got
        until(lambda: one.descriptors(pipes=False) == before, 20)
        assert one.descriptors() <= before + 16
        assert one.memory() - memory < 3000
        assert one.status is None


class Echo:
    """A backend in one thread: answers what comes, and closes when it ends."""

    def __init__(self, path: Path, kind: str) -> None:
        self.sock = socket.socket(
            socket.AF_UNIX, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET
        )
        self.sock.bind(str(path))
        self.sock.listen(4096)

    def __enter__(self) -> Echo:
        self.pid = os.fork()
        if not self.pid:
            try:
                self._serve()
            finally:
                os._exit(0)
        return self

    def _serve(self) -> None:
        while True:
            conn = self.sock.accept()[0]
            threading.Thread(target=self._talk, args=(conn,), daemon=True).start()

    def _talk(self, conn: socket.socket) -> None:
        with conn:
            try:
                while data := conn.recv(100_000):
                    conn.sendall(data)
            except OSError:
                pass

    def __exit__(self, *raised: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.sock.close()
