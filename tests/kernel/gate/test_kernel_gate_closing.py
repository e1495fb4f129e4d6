# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real gates, and callers who pass what takes its time to close: nobody else waits for it."""

from __future__ import annotations

import array
import os
import signal
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kernel.gate import gates
from kernel.gate.gates import Gate, hide_the_refusal, until
from kernel.gate.test_kernel_gate_forward import Backend

LISTED, STRANGER = 1, 2
# How long it takes to close what is passed, and how long others may wait.
CLINGS, PATIENCE = 30, 10.0


class Attack:
    """Passes sockets whose other ends take no more data (SO_LINGER), and keeps those open."""

    def __init__(self, one: Gate, held: ExitStack) -> None:
        self.one = one
        self._held = held

    def __call__(self, uid: int, way: str, times: int = 1) -> None:
        """Do it so many times at once."""
        # While the gate stands still, so that nobody but the gate has a copy to close afterwards.
        with self.one.stopped():
            for dummy in range(times):
                self.do(uid, way)

    def do(self, uid: int, way: str) -> None:
        os.seteuid(uid)
        try:
            sock = self._held.enter_context(self.one.connect())
        finally:
            os.seteuid(0)
        if way.startswith("behind"):
            sock.send(b"" if "empty" in way else bytes(2000))
        self.give(sock, b"" if "empty" in way else b"x", socket.MSG_OOB if "band" in way else 0)
        if "band" in way:
            sock.send(b"more")
        if "hangs up" in way:
            sock.close()

    def give(self, sock: socket.socket, data: bytes, how: int = 0) -> None:
        """Pass one, and keep no copy."""
        clinging, other = socket.socket(), socket.socket()
        # Little is enough to fill them.
        clinging.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with other as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            clinging.connect(listener.getsockname())
            self._held.enter_context(listener.accept()[0])
        clinging.setblocking(False)
        try:
            while True:
                clinging.send(bytes(1 << 16))
        except BlockingIOError:
            clinging.setblocking(True)
        fds = array.array("i", [clinging.fileno()])
        linger = (1, CLINGS)
        try:
            sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)], how)
        except PermissionError:
            linger = (0, 0)
        clinging.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", *linger))
        clinging.close()


def ask(one: Gate) -> float:
    """Return how long a request takes, and the next one."""
    began = time.monotonic()
    for dummy in range(2):
        assert receive(send(one)) == b"hello"
    return time.monotonic() - began


def send(one: Gate) -> socket.socket:
    sock = one.connect()
    sock.sendall(b"hello")
    if one.rules["type"] == "stream":
        sock.shutdown(socket.SHUT_WR)
    return sock


def receive(sock: socket.socket) -> bytes:
    with sock:
        return sock.recv(100)


def ways(kind: str) -> list[str]:
    """Return how descriptors can come."""
    more = ["out of band"] if kind == "stream" else ["in an empty message", "behind an empty one"]
    return ["and stays", "and hangs up", "behind what is too long", *more]


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel refuses", "gate refuses"])
@pytest.mark.parametrize("kind", ["stream", "seqpacket"])
@pytest.mark.parametrize("does", ["forward", "command"])
def test_a_descriptor_that_takes_its_time_to_close_keeps_nobody_waiting(
    spot: Path, does: str, kind: str, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody who may connect could stop the gate for as long as he likes, for everybody."""
    if not kernel:
        hide_the_refusal(monkeypatch)
    with ExitStack() as held:
        attack: Attack

        def talk(sock: socket.socket) -> None:
            while data := sock.recv(300_000):
                if data == b"give":
                    with one.stopped():
                        attack.give(sock, b"x")
                else:
                    sock.sendall(data)

        rules: dict[str, Any] = {"type": kind, "users": [0, LISTED], "max_message": 1000}
        rules["finish_seconds"] = 0.1
        if does == "forward":
            back = Backend(spot / "back.sock", talk, kind)
            held.callback(back.close)
            rules["forward"] = back.path
        else:
            rules["command"] = ["/bin/cat"]
        one = Gate(spot, **rules)
        held.callback(one.close)
        attack = Attack(one, held)
        waited = {}
        # The gate has not told the kernel yet to refuse them.
        attack(LISTED, "and stays")
        attack(STRANGER, "and stays")
        one.wait_ready()
        waited["before the gate began"] = ask(one)
        for uid in (LISTED, STRANGER):
            for way in ways(kind):
                attack(uid, way)
                waited[f"user {uid} {way}"] = ask(one)
        if does == "forward":
            sock = held.enter_context(one.connect())
            sock.sendall(b"give")
            time.sleep(0.1)
            waited["the daemon"] = ask(one)
        assert {way: took for way, took in waited.items() if took > PATIENCE} == {}
        # Nor are they kept for as long as they would like.
        until(lambda: kernel or one.descriptors() < 14, CLINGS / 2)
        attack(STRANGER, "and stays", 30)
        one.signal(signal.SIGTERM)
        assert one.wait(CLINGS / 2) == 0


def test_a_command_that_begins_meanwhile_does_not_wait(
    spot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its execve(2), a command has copies of all that is open: it could be the last to close."""
    hide_the_refusal(monkeypatch)
    with ExitStack() as held, gates.gate(spot, type="seqpacket", command=["/bin/cat"]) as one:
        attack = Attack(one, held)
        for dummy in range(8):
            with one.stopped():
                socks = []
                for number in range(40):
                    attack.do(STRANGER, "behind an empty one")
                    if number % 5 == 0:
                        socks.append(send(one))
            began = time.monotonic()
            for sock in socks:
                assert receive(sock) == b"hello"
            assert time.monotonic() - began < PATIENCE


def test_few_wait_to_be_closed(spot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is let in meanwhile; otherwise their descriptors would be all that the gate may have."""
    hide_the_refusal(monkeypatch)
    slow = "import _engine.gate.closing as c; c._TICK, c.MOST = 0.05, 3\nsys.exit"
    monkeypatch.setattr(gates, "_START", gates._START.replace("sys.exit", slow))
    with ExitStack() as held, gates.gate(spot, command=["/bin/cat"]) as one:
        before, most, refused = one.descriptors(), 0, 0
        spent = one.spent()
        Attack(one, held)(STRANGER, "and hangs up", 20)
        while refused < 20:
            refused = one.said("REASON=not-listed")
            most = max(most, one.descriptors())
            time.sleep(0.001)
        # One more is being closed, one was accepted just now, and is looked at in /proc.
        assert before < most < before + 10
        # A loop that spins meanwhile would take all of a second.
        assert one.spent() - spent < 500_000_000
        ask(one)
        until(lambda: one.descriptors() == before)
