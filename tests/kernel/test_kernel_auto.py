# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``auto`` on a real kernel: what it chooses, that a choice stays, and that its way out is one."""

from __future__ import annotations

import os
import re
import stat
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import (
    choosing,
    making,
    placing,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    NoRecord,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import commands
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hosts import ALICE, BOB, STAFF, Place, seen
from kernel.test_kernel_converge import home
from kernel.test_kernel_endpoints import DIRECTORY, SOURCE, TARGET, TOP, connects, here, mounted

__all__ = ["here", "home"]


def app(path: str, *allow: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"app": {"path": path, "allow": list(allow), **keys}}


def methods(result: Result) -> list[str]:
    return [one["method"] for one in result.sockets["app"]["grants"]]


def turned(result: Result) -> list[str]:
    return [one for one in result.warnings if "changed from" in one]


def test_a_choice_stays_when_others_come_and_go(home: Place) -> None:
    path = home.listen("s")
    bob, staff = {"user": str(BOB)}, {"group": str(STAFF)}
    both = home.run(app(path, staff, bob))
    assert methods(both) == ["acl", "acl"]
    left = home.run(app(path, staff))
    assert methods(left) == ["acl"]
    assert "Chosen anew it would be group" in left.sockets["app"]["grants"][0]["reason"]
    assert not left.warnings
    home.run(app(path), dropped=("socket app",))
    assert methods(home.run(app(path, staff))) == ["group"]
    before = seen(path)
    more = home.run(app(path, staff, bob))
    assert methods(more) == ["group", "acl"]
    assert not turned(more)
    assert (before.gid, seen(path).gid) == (STAFF, STAFF)
    again = home.run(app(path, staff, bob))
    assert not again.changed
    assert again.sockets["app"]["grants"] == more.sockets["app"]["grants"]


def test_the_group_that_a_mode_leaves_out_gets_in_by_an_entry(home: Place) -> None:
    path = home.listen("s")
    one = app(path, {"group": str(STAFF)}, {"user": str(BOB)}, group=str(STAFF), mode="0646")
    done = home.run(one)
    assert methods(done) == ["acl", "reachable"]
    assert [grant["proof"]["held"] for grant in done.sockets["app"]["grants"]] == [True, True]
    assert not home.run(one).changed


def test_a_hook_without_the_record_chooses_the_same(home: Place) -> None:
    """One of a user's own manager can read the policy, and not what was there before."""
    path = home.listen("s")
    staff = {"group": str(STAFF)}
    declared = validate(app(path, staff)).sockets[0]
    for method in ("acl", "group"):
        task = Task(declared, "socket app", chosen={f"group {STAFF}": method}, kept=True)
        with mock.patch.object(making, "is_running", return_value=False):
            result = converge([task], Options(hook=True, prove=False), file=NoRecord())
        assert methods(result) == [method]
        assert not turned(result)


def test_a_hook_asks_no_user_s_manager(home: Place) -> None:
    """It would wait for whatever that user runs, with the lock of the host."""
    path = home.listen("s")
    declared = validate(
        app(path, {"group": str(STAFF)}, unit="app.service", unit_user="daemon")
    ).sockets[0]
    task = Task(declared, "socket app", kept=True)
    with (
        mock.patch.object(commands, "run") as run,
        mock.patch.object(making, "is_running", return_value=True),
    ):
        converge([task], Options(hook=True, prove=False), file=NoRecord())
        assert not run.called
        # What a whole run asks is seen here.
        run.side_effect = AccessError("Asked.")
        with pytest.raises(AccessError, match=r"Asked\."):
            converge([task], Options(check=True), file=NoRecord())
        assert run.called


def test_a_choice_that_cannot_stay_is_told_once(home: Place) -> None:
    path = home.listen("s")
    staff = {"group": str(STAFF)}
    assert methods(home.run(app(path, staff))) == ["group"]
    closed = app(path, staff, mode="0600")
    for check in (True, False):
        result = home.run(closed, check=check)
        assert methods(result) == ["acl"]
        (told,) = turned(result)
        assert f"The grant of group {STAFF} for the socket {path}" in told
        assert "changed from group to acl" in told
        assert "The declared mode 0600 stops the group." in told
    after = home.run(closed)
    assert not after.changed
    assert not after.warnings


def test_a_mount_is_chosen_where_the_access_is_declared_anyway(here: Place) -> None:
    declared = app(
        SOURCE,
        {"user": str(BOB), "at": TARGET},
        mode="0600",
        trust_directories=[str(TOP / "run/alice")],
    )
    with mock.patch.object(placing, "is_running", return_value=True):
        result = here.run(declared)
        (grant,) = result.sockets["app"]["grants"]
        assert (grant["method"], grant["endpoint"]) == ("bind_mount", TARGET)
        assert {one["method"] for one in grant["rejected"]} == {"proxy", "gate"}
        assert len(mounted()) == 1
        assert connects(BOB, TARGET) == "connected"
        again = here.run(declared)
        assert not again.changed
        assert again.sockets["app"]["grants"] == result.sockets["app"]["grants"]
        # Nobody else may search the way to the socket, so nothing can stand in between.
        del declared["app"]["mode"]
        (grant,) = here.run(declared).sockets["app"]["grants"]
        assert grant["method"] == "bind_mount"
        assert grant["reason"] == "No other method can do it here."
        assert "no account that may connect" in grant["rejected"][0]["reason"]
        assert connects(BOB, TARGET) == "connected"


def test_the_way_out_of_a_home_is_one_and_the_home_stays_closed(here: Place) -> None:
    asked = app(SOURCE, {"user": str(BOB)}, trust_directories=[str(TOP / "run/alice")])
    is_home = mock.Mock(
        side_effect=lambda path, owner: (path, owner) == (f"{TOP}/run/alice", ALICE)
    )
    with mock.patch.object(choosing, "_is_home", is_home):
        said = here.refusal(asked)
    assert "open_parents" not in said
    line = re.search(r"declare method: (\w+), at: (\S+) in the grant", said)
    assert line is not None
    assert line.group(1) == "bind_mount"
    # The line names a directory below /run; here it is another one.
    grant = {"user": str(BOB), "method": line.group(1), "at": TARGET}
    here.run(app(SOURCE, grant, trust_directories=[str(TOP / "run/alice")]))
    assert connects(BOB, TARGET) == "connected"
    assert stat.S_IMODE(os.stat(f"{TOP}/run/alice").st_mode) == 0o700
    assert seen(f"{TOP}/run/alice").acl is None
    assert os.path.isdir(DIRECTORY)


def test_nothing_can_let_the_owner_in_at_another_path_without_systemd(here: Place) -> None:
    said = here.refusal(
        app(SOURCE, {"user": str(ALICE), "at": TARGET}, trust_directories=[str(TOP / "run/alice")])
    )
    for word in (f"user {ALICE}", SOURCE, TARGET, "bind_mount: User", "owns the socket", "systemd"):
        assert word in said


def test_a_choice_at_a_path_that_cannot_stay_makes_way(here: Place) -> None:
    # No systemd here, so what can be seen is that the mount goes before anything comes.
    declared = app(
        SOURCE, {"user": str(BOB), "at": TARGET}, trust_directories=[str(TOP / "run/alice")]
    )
    here.run(declared)
    assert len(mounted()) == 1
    declared["app"]["allow"][0]["engine"] = "socat"
    with (
        mock.patch.object(placing, "is_running", return_value=True),
        mock.patch.object(placing.socat, "look", return_value=True),
        mock.patch.object(placing.Placing, "_accountless", return_value={}),
    ):
        result = here.run(declared, check=True)
        assert any(
            "The bind_mount at" in one and "a proxy is made" in one for one in result.warnings
        )
        assert any("mount" in one for one in result.changes)
        # A run that cannot make the other one leaves what there was.
        with pytest.raises(AccessError, match="systemd"):
            here.run(declared)
    assert len(mounted()) == 1
    assert connects(BOB, TARGET) == "connected"
