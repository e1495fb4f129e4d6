# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose processes lack a group that would let them in, and whose do not."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import stale
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.people import People
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import Reach
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.processes import (
    Process,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from unit.census.paper import seen

CREW = 500
STRANGER = Credentials(99999, 99999)
USERS = tuple(
    User(name, Credentials(uid, uid, frozenset({uid, CREW})))
    for name, uid in (("alice", 1001), ("bob", 1002))
)
OPEN = seen(acl=Acl(6, 0, 0, ((1002, 0),), ((CREW, 6),), 6))


def process(uid: int, *gids: int, started: float = 1.0, capabilities: int = 0) -> Process:
    unit = f"of-{uid}.service"
    return Process(7, "web", uid, frozenset({uid, *gids}), started, unit, None, capabilities)


@pytest.mark.parametrize(
    ("processes", "users", "told"),
    [
        ([process(1001), process(1003)], ("alice",), ["alice"]),
        ([process(1001, CREW)], ("alice",), []),
        # By its own choice.
        ([process(1001, started=6.0)], ("alice",), []),
        # An entry of his own keeps bob out, whatever group he is in.
        ([process(1001), process(1002)], ("alice",), ["alice"]),
        # With CAP_DAC_OVERRIDE no group is needed.
        ([process(1001, capabilities=2)], ("alice",), []),
        ([process(1001), process(1002)], (), []),
    ],
)
def test_whose_processes_are_named(
    monkeypatch: pytest.MonkeyPatch,
    processes: list[Process],
    users: tuple[str, ...],
    told: list[str],
) -> None:
    monkeypatch.setattr(stale, "processes_of", lambda uid: processes)
    monkeypatch.setattr(stale, "groups_changed", lambda: 5.0)
    groups = stale.StaleGroups(People(USERS, (("crew", CREW),), STRANGER))
    one = OPEN._replace(reach=Reach(False, "Because.", users=users, groups=("crew", "4711")))
    found = list(groups.of([one]))
    assert [finding.message.split()[1] for finding in found] == told
    # Nothing is wrong where nobody listens, or where everyone gets in.
    assert not list(groups.of([one._replace(listener=None)]))
    assert not list(groups.of([one._replace(reach=None)]))
    assert not list(groups.of([one._replace(reach=Reach(True, "Because."))]))
