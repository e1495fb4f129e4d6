# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two sockets that belong together, while threads carry bulk between them."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate import bulk
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.bulk import Carriers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.log import Visit
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.loop import Loop
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.peer import (
    Peer,
    Socket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.relay import Relay
from ansible_collections.unixsocket.access.plugins.module_utils._engine.gate.stream import (
    StreamSide,
)


def _crashed(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("busy", [(0,), (1,), (0, 1), (1, 0)])
def test_what_a_thread_uses_is_not_closed(busy: tuple[int, ...]) -> None:
    """Its number would be the next caller's, and the thread would carry bytes to him."""
    loop = Loop(_crashed)
    finished: list[Relay] = []
    carriers = Carriers(loop, 0)
    ours, theirs = zip(socket.socketpair(), socket.socketpair())
    ends = [Socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, one.detach()) for one in ours]
    sides = [StreamSide(one, carriers) for one in ends]
    visit = Visit(Peer(1, 1, 1), 0.0, None)
    relay = Relay(loop, visit, sides[0], sides[1], lambda one, *said: finished.append(one))
    for number in busy:
        sides[number].busy = True
    relay.finish()
    # The threads learn it, and so does everybody else.
    for one in theirs:
        one.settimeout(5)
        assert one.recv(1) == b""
    for number in busy:
        assert finished == []
        assert all(one.fileno() >= 0 for one in ends)
        sides[number].carried(bulk.ENDED)
    assert finished == [relay]
    assert all(one.fileno() < 0 for one in ends)
    for one in theirs:
        one.close()
    carriers.close()
    loop.close()
