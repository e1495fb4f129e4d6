# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door in its own loop: who is let in where something fails, and how many are counted."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.door import Door
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.journal import Journal
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.log import Log, Visit
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.loop import IN, Loop
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.peer import (
    Peer,
    Socket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.rules import (
    NO_IDENTITY,
    GateRules,
)


class Entrance:
    """A door, what comes through it, and what it said; ``fails`` is raised for who is admitted."""

    def __init__(self, place: Path) -> None:
        self.path = str(place / "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.setblocking(False)
        reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._said = os.fdopen(reader, "rb", buffering=0)
        self._journal = Journal(str(place / "none"), self._writer)
        log = Log("n", self._journal)
        self.loop = Loop(log.crashed)
        self.rules = GateRules("n", self.path, "stream", frozenset({os.geteuid()}))
        self.inside: list[tuple[Socket, Visit]] = []
        self.fails: Exception | None = None
        self.door = Door(self.loop, log, lambda now: self.rules, self.listener, self._admit, str)

    def _admit(self, sock: Socket, visit: Visit, rules: GateRules) -> None:
        if self.fails is not None:
            raise self.fails
        self.inside.append((sock, visit))

    def run(self) -> None:
        """Do what there is to be done."""
        self.loop.later(0.05, self.loop.stop)
        self.loop.run()

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(self.path)
        return sock

    def said(self) -> str:
        """Return what it has said since the last time."""
        return (self._said.read(65536) or b"").decode()

    def close(self) -> None:
        for sock, dummy in self.inside:
            sock.close()
        self.loop.close()
        self.listener.close()
        self._journal.close()
        self._said.close()
        os.close(self._writer)


@pytest.fixture
def entrance(tmp_path: Path) -> Iterator[Entrance]:
    one = Entrance(tmp_path)
    one.door.start()
    yield one
    one.close()


def test_who_comes_while_it_closes_is_not_let_in(entrance: Entrance) -> None:
    with entrance.connect():
        entrance.door.ready(IN)
        entrance.door.close(lambda: None)
        entrance.run()
        assert entrance.inside == []


def test_whom_the_kernel_does_not_name_is_refused(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untold(sock: Socket) -> Peer:
        raise OSError("no")

    monkeypatch.setattr(door, "identify", untold)
    with entrance.connect() as sock:
        entrance.run()
        assert sock.recv(1) == b""
    assert entrance.inside == []
    said = entrance.said()
    assert f"REASON={NO_IDENTITY}" in said
    assert "PEER_UID=-1 PEER_GID=-1 PEER_PID=-1" in said


def test_groups_that_the_kernel_does_not_tell_let_nobody_in(entrance: Entrance) -> None:
    rules = entrance.rules._replace(users=frozenset(), groups=frozenset({4711}))
    gone = Socket(socket.AF_UNIX)
    gone.close()
    assert entrance.door.refusal(gone, Peer(1, 1, 1), rules) == NO_IDENTITY


def test_who_cannot_be_served_does_not_count_any_more(entrance: Entrance) -> None:
    entrance.rules = entrance.rules._replace(max_connections=1, max_connections_per_user=1)
    entrance.fails = ZeroDivisionError("oh")
    with entrance.connect() as sock:
        entrance.run()
        assert sock.recv(1) == b""
    said = entrance.said()
    assert "REASON=broken" in said
    assert "ZeroDivisionError: oh" in said
    entrance.fails = None
    with entrance.connect():
        entrance.run()
        assert len(entrance.inside) == 1


def test_two_places_that_become_free_at_once_open_it_once(entrance: Entrance) -> None:
    entrance.rules = entrance.rules._replace(max_connections=2)
    with ExitStack() as held:
        for dummy in range(3):
            held.enter_context(entrance.connect())
        entrance.run()
        first, second = entrance.inside
        for dummy, visit in (first, second):
            entrance.door.leave(visit)
        # It opens in one turn of the loop, and somebody comes in a later one.
        entrance.run()
        entrance.run()
        assert len(entrance.inside) == 3
    assert "should not happen" not in entrance.said()


def test_a_caller_whom_the_kernel_does_not_hand_over_is_passed_over(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example because a security module does not let the gate accept him (accept(2))."""
    errors = [errno.EPERM]
    real = door.accept

    def accept(listener: socket.socket, kind: int) -> Socket:
        if errors:
            raise OSError(errors.pop(), "no")
        return real(listener, kind)

    monkeypatch.setattr(door, "accept", accept)
    with entrance.connect():
        entrance.run()
        assert len(entrance.inside) == 1
    assert "should not happen" not in entrance.said()
