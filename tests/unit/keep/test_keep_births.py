# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which states a socket is born because of us, so that none of them counts as the daemon's own."""

from __future__ import annotations

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.births import (
    births,
    born_mode,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.keep.parts import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    Access,
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import (
    DIRECTORY,
    SET_GROUP_ID,
    SOCKET,
    Chain,
    Component,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import SocketPolicy
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task

REQUEST = AccessRequest(uid=7, gid=42, group_obj=6, other=0)
PLANNED = Access(7, 42, Acl.from_mode(0o660))


def chain(special: int = 0, *, there: bool = True) -> Chain:
    directories = (
        Component("/", DIRECTORY, Access(0, 0, Acl.from_mode(0o755))),
        Component("/run", DIRECTORY, Access(0, 33, Acl.from_mode(0o755)), special),
    )
    leaf = Component("/run/s", SOCKET, Access(0, 0, Acl.from_mode(0o666)))
    if there:
        return Chain("/run/s", (*directories, leaf), resolved="/run/s")
    return Chain("/run/s", directories, missing="/run/s", resolved="/run/s")


def born(creator: Creator | None, seen: Chain | None = None, *, declared: bool = False) -> set[str]:
    task = Task(SocketPolicy("app", "/run/s", born=declared), "socket app")
    return {
        f"{one.uid}:{one.gid} {one.acl.mode:o}"
        for one in births(creator, REQUEST, PLANNED, task, seen or chain())
    }


@pytest.mark.parametrize("there", [True, False])
def test_systemd_binds_it_before_it_gives_it_away(there: bool) -> None:
    """A hook that looks in between must not take what systemd makes then for what we did."""
    creator = Creator("app.socket")
    given = "7:42 660"
    assert born(creator, chain(there=there)) == {given, "0:0 660"}
    assert born(creator, chain(SET_GROUP_ID, there=there)) == {given, "0:33 660"}


def test_where_nothing_is_given_away() -> None:
    assert born(None) == set()
    assert born(Creator("app.socket", sockets=2)) == set()
    assert born(Creator("app.service")) == set()
    assert born(Creator("app.service"), declared=True) == {"7:42 660"}


@pytest.mark.parametrize(
    ("request_", "planned", "mode"),
    [
        (REQUEST, Access(7, 42, Acl(6, 4, 0, ((33, 6),), (), 6)), 0o640),
        (REQUEST, None, 0o660),
        (AccessRequest(user_obj=7, group_obj=4, other=2), None, 0o742),
        (AccessRequest(exclusive=True), None, 0o600),
        (AccessRequest(), None, None),
        (AccessRequest(user_obj=7, other=0), None, None),
    ],
)
def test_the_mode_of_a_new_socket(
    request_: AccessRequest, planned: Access | None, mode: int | None
) -> None:
    """The group bits never stand for the mask, by which the group would have what others have."""
    assert born_mode(request_, planned) == mode


def test_where_nothing_is_known_of_what_it_shall_be() -> None:
    task = Task(SocketPolicy("app", "/run/s"), "socket app")
    assert births(Creator("app.socket"), REQUEST, None, task, chain(there=False)) == ()


def test_a_users_own_manager_binds_it_as_that_user() -> None:
    """It gives nothing away, so what is born is not what the hook of that user may make of it."""
    carols = Creator("app.socket", user="carol", uid=7, gid=1007)
    assert born(carols) == {"7:42 660", "7:1007 660"}
    assert born(carols, chain(SET_GROUP_ID)) == {"7:42 660", "7:33 660"}
