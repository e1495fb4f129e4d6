# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who can connect at each moment of a run, by real connections after every single change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import inode
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from kernel.hostile.steps import CHANGES, before_each
from kernel.hosts import ALICE, BOB, CAROL, CROWD, MALLORY, STAFF, Place
from kernel.test_kernel_converge import BORN, WANTS, home
from kernel.test_kernel_endpoints import connects

__all__ = ["home"]

WHO = (ALICE, BOB, CAROL, MALLORY)
CASES = [("open", "owner"), ("mask-off", "open"), ("entries", "group"), ("closed", "owner")]


def let_in(path: str) -> set[int]:
    return {who for who in WHO if connects(who, path) == "connected"}


def moments(place: Place, path: str, wanted: dict[str, Any], *, absent: bool) -> list[set[int]]:
    """Run, and return who was let in before each change that the run made, and after the last."""
    found: list[set[int]] = []

    def look(dummy: int, name: str) -> None:
        if name in ("chmod", "chown", "setxattr"):
            found.append(let_in(path))

    with before_each(look, CHANGES):
        place.run(wanted, absent=absent, prove=False)
    return [*found, let_in(path)]


@pytest.mark.parametrize(("born", "wants"), CASES)
def test_nobody_gets_in_who_may_neither_before_nor_after(
    home: Place, born: str, wants: str
) -> None:
    path = home.listen("s", *BORN[born])
    declared = {"app": {"path": path, **WANTS[wants]}}
    for absent in (False, True):
        seen = moments(home, path, declared, absent=absent)
        assert len(seen) > 1
        for moment in seen:
            assert moment <= seen[0] | seen[-1], seen


def test_a_directory_on_the_way_opens_last_and_closes_first(home: Place) -> None:
    """The socket is wide open in a closed directory: it must close before the directory opens."""
    directory = home.directory("d", 0o700)
    path = home.listen("d/s", 0o777)
    grant = {"user": str(BOB), "open_parents": [str(directory)]}
    declared = {"app": {"path": path, "allow": [grant, {"group": str(STAFF)}]}}
    declared["app"]["allow"][1]["open_parents"] = [str(directory)]
    for absent in (False, True):
        seen = moments(home, path, declared, absent=absent)
        assert set().union(*seen) == {BOB}, seen


def test_who_is_refused_stays_out_whatever_the_mask_was(home: Place) -> None:
    """With an empty mask the kernel skips the list, and a deny by name becomes an allow."""
    for born in (
        Acl(6, 0, 6, ((BOB, 0),), (), 0),
        Acl(6, 6, 6, ((CAROL, 6),), ((CROWD, 6),), 0),
        Acl.from_mode(0o606),
    ):
        path = home.listen("s", born)
        refused = {"path": path, "mode": "0606", "refuse": [str(BOB), str(MALLORY)]}
        seen = moments(home, path, {"app": refused}, absent=False)
        assert not {BOB, MALLORY} & seen[-1]
        assert ALICE in seen[-1]
        home.run({"app": refused}, absent=True)
        home.listeners.pop().close()
        (home.top / "s").unlink()


def test_a_moment_of_opening_would_be_seen(home: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the owner changes before anything is closed, the connections tell."""
    path = home.listen("s", 0o700, ALICE, ALICE)
    declared = {"app": {"path": path, "owner": str(CAROL), "mode": "0066"}}
    real = inode._write_acl

    def open_first(fd: int, wanted: Acl) -> None:
        real(fd, Acl.from_mode(0o777))
        real(fd, wanted)

    monkeypatch.setattr(inode, "_write_acl", open_first)
    declared["app"]["mode"] = "0600"
    seen = moments(home, path, declared, absent=False)
    assert any(not moment <= seen[0] | seen[-1] for moment in seen)
