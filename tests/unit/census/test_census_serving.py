# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether root serves a socket: by who holds it, or by what systemd would start for it."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.look import (
    _root_of,
    _unit_of,
    _waiting_unit,
    _with_service,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import Process
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.sock_diag import (
    LISTEN,
    UnixSocket,
)
from unit.census.paper import DAEMON, MANAGER, seen

OF_ROOT = DAEMON._replace(uid=0)
OF_ANNA = MANAGER._replace(uid=1000, unit_user="anna")


@pytest.mark.parametrize(
    ("held", "uid", "root"),
    [
        ((DAEMON,), 0, False),
        ((OF_ROOT,), 1000, True),
        # One of them is enough, and systemd itself, which holds it for them, is none of them.
        ((DAEMON, OF_ROOT), None, True),
        ((MANAGER, DAEMON), None, False),
        ((MANAGER,), 1000, None),
        ((OF_ANNA,), 0, False),
        # Where nobody is seen, the kernel tells who made it.
        ((), 0, True),
        ((), 1000, False),
        ((), None, None),
    ],
)
def test_who_serves_it(held: tuple[Process, ...], uid: int | None, root: bool | None) -> None:
    assert _root_of(UnixSocket(1, "stream", LISTEN, uid=uid), held) is root


@pytest.mark.parametrize(
    ("creator", "processes", "waiting", "root"),
    [
        (Creator("mpd.socket"), (MANAGER,), "mpd.socket", True),
        (Creator("other.socket"), (MANAGER,), "other.socket", None),
        # No unit of the system's waits there.
        (Creator("mpd.socket", "anna"), (OF_ANNA,), None, False),
        (Creator("init.scope"), (MANAGER,), None, True),
        (None, (DAEMON,), None, False),
        (None, (), None, None),
    ],
)
def test_what_a_unit_waits_for(
    creator: Creator | None, processes: tuple[Process, ...], waiting: str | None, root: bool | None
) -> None:
    one = seen(root=None, creator=creator, processes=processes)
    assert _waiting_unit(one) == waiting
    assert _with_service(one, {"mpd.socket": True}).root is root
    # Who was seen to serve it is known already.
    known = one._replace(root=False)
    assert (_waiting_unit(known), _with_service(known, {"mpd.socket": True})) == (None, known)


def test_the_unit_of_the_first_who_has_one() -> None:
    alone = DAEMON._replace(unit=None)
    theirs = DAEMON._replace(unit="x.scope", unit_user="anna")
    assert _unit_of([alone, theirs, DAEMON]) == Creator("x.scope", "anna")
    assert _unit_of([alone]) is None
