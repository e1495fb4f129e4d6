# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is behind a file: in one's own network namespace first, and in others if need be."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.diagnose import (
    Sockets,
    served,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import sock_diag
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    CLOSE,
    ESTABLISHED,
    LISTEN,
    UnixSocket,
)

OWN = UnixSocket(1, "stream", LISTEN, b"/run/s\0", 5, 50)
THEIRS = UnixSocket(2, "stream", LISTEN, b"/run/t\0", 5, 51)
# It has the file of the listener that accepted it, which may be gone.
ACCEPTED = UnixSocket(3, "stream", ESTABLISHED, b"/run/u\0", 5, 52, peer=4)
CLIENT = UnixSocket(4, "stream", ESTABLISHED, peer=3)
NOT_YET = UnixSocket(5, "stream", CLOSE, b"/run/v\0", 5, 53)
DGRAM = UnixSocket(6, "dgram", ESTABLISHED, b"/run/s", 5, 54, peer=7)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The namespaces that were asked: one's own, one that is closed, and another one."""
    calls: list[int | None] = []

    def dump(pid: int | None = None, show: int = 0) -> list[UnixSocket]:
        calls.append(pid)
        if pid == 7:
            raise PermissionError(1, "Operation not permitted")
        return [OWN, ACCEPTED, CLIENT, NOT_YET, DGRAM] if pid is None else [THEIRS]

    monkeypatch.setattr(sock_diag, "dump", dump)
    monkeypatch.setattr(served, "one_of_each", lambda: iter((7, 8)))
    return calls


def test_who_is_behind_a_file(asked: list[int | None]) -> None:
    sockets = Sockets()
    for identities, one in (({(5, 50)}, OWN), ({(6, 50), (5, 54)}, DGRAM), ({(5, 53)}, NOT_YET)):
        assert sockets.at(identities) == one
    assert (asked, sockets.unseen) == ([None], [])
    assert sockets.at({(5, 51)}) == THEIRS
    assert sockets.at({(5, 52)}) is None
    assert asked == [None, 7, 8]
    assert sockets.unseen == [
        "Other network namespaces that could not be entered, so that somebody may listen there: 1 "
        "(it takes CAP_SYS_ADMIN)."
    ]
    assert sockets.files() == {(5, 50), (5, 53), (5, 54)}


def test_who_was_bound_with_a_name(asked: list[int | None]) -> None:
    """The kernel may end it with a zero byte; who does not take connections is nobody to find."""
    sockets = Sockets()
    assert sockets.called("/run/s") == {1, 6}
    assert sockets.called("/run/u") == sockets.called("/run/v") == set()
