# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that lacks what most have: name service, systemd, mount(8), root's rights, a true clock."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.lock import Lock
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import chain_of
from kernel.hostile.test_hostile_faults import DECLARED, host, one_world, outcome, state
from kernel.hosts import (
    ALICE,
    BOB,
    CAROL,
    Place,
    become,
    ended,
    everything,
    fork,
    with_accounts_of_its_own,
)
from kernel.test_kernel_converge import _people, home
from kernel.test_kernel_endpoints import connects
from kernel.test_kernel_mounts import SOURCE, TARGET, World, world

__all__ = ["home", "host", "world"]


def refused(place: Place, declared: dict[str, Any], **how: Any) -> str:
    """Return what a run says that must not change anything, not even a time."""
    before = everything(place.top)
    times = {path: one.ctime for path, one in before.items()}
    try:
        place.run(declared, **how)
    except AccessError as error:
        after = everything(place.top)
        found = {path: one.ctime for path, one in after.items()}
        if (after, found) != (before, times):
            raise RuntimeError("It was refused, and something was changed.") from error
        return str(error)
    raise RuntimeError("It was not refused.")


def test_a_name_service_that_fails_opens_nothing_and_keeps_nothing_open(home: Place) -> None:
    """Every name is unknown then; ids go on working, and what is in effect can be taken back."""
    path = home.listen("s", 0o600)
    before = everything(home.top)
    by_name = {"app": {"path": path, "allow": [{"user": "ua-bob", "method": "acl"}]}}
    by_id = {"app": {"path": path, "allow": [{"user": str(BOB), "method": "acl"}]}}

    def work() -> list[Any]:
        _people()
        home.run(by_name)
        told: list[Any] = [connects(BOB, path)]
        Path("/etc/nsswitch.conf").write_text("passwd: nosuch\ngroup: nosuch\nshadow: nosuch\n")
        more = {**by_name["app"], "allow": [*by_name["app"]["allow"], {"user": "ua-carol"}]}
        told += [refused(home, {"app": more}), connects(BOB, path), connects(CAROL, path)]
        told.append(home.run(by_id).changed)
        home.run(by_name, absent=True)
        return [*told, connects(BOB, path)]

    bob, said, still, carol, changed, after = with_accounts_of_its_own(work)
    assert (bob, still, carol, changed, after) == (
        *("connected", "connected", "EACCES"),
        False,
        "EACCES",
    )
    for name in ("ua-bob", "ua-carol"):
        assert f"{name}" in said
    assert "does not exist" in said
    assert "numeric id" in said
    assert everything(home.top) == before


def test_a_host_without_systemd_says_so_and_does_the_rest(home: Place) -> None:
    path = home.listen("s", 0o600)
    before = everything(home.top)
    allow = {"user": str(BOB), "method": "acl"}
    result = home.run({"app": {"path": path, "allow": [allow]}})
    assert any("does not run systemd" in note for note in result.sockets["app"]["notes"])
    assert any("run again" in note for note in result.sockets["app"]["notes"])
    assert connects(BOB, path) == "connected"
    for grant, said in (
        ({**allow, "expires": "2099-01-01"}, "nothing would end them at their time"),
        ({"user": str(BOB), "method": "gate", "at": f"{home.top}/at"}, "systemd, which does not"),
        ({"user": str(BOB), "method": "proxy", "at": f"{home.top}/at"}, "systemd, which does not"),
    ):
        assert said in refused(home, {"app": {"path": path, "allow": [grant]}})
    home.run({"app": {"path": path}}, absent=True)
    assert everything(home.top) == before


@one_world
def test_without_mount_root_mounts_all_the_same(world: World, host: Place) -> None:
    """mount(8) and umount(8) are missing: a user cannot mount, and root needs neither."""
    before = state()
    for program in ("umount", "mount"):
        Path(f"/mnt/record-{program}").touch()
        subprocess.run(
            ["mount", "--bind", f"/mnt/record-{program}", f"/usr/bin/{program}"], check=True
        )
    said = outcome(lambda: host.run(DECLARED, prove=False))
    assert state() == before
    assert "mount is missing or is not set-user-ID root" in said
    assert "mount_as: root" in said
    one = DECLARED["app"]
    (grant,) = one["allow"]
    by_root = {"app": {**one, "allow": [{**grant, "mount_as": "root", "trust_mounter": False}]}}
    host.run(by_root, prove=False)
    assert connects(BOB, TARGET) == "connected"
    host.run(by_root, absent=True)
    assert connects(BOB, TARGET) == "ENOENT"
    assert connects(BOB, SOURCE) == "EACCES"
    assert state() == before


def test_without_root_s_rights_nothing_is_tried(home: Place) -> None:
    path = home.listen("s", 0o600)
    home.directory("closed", 0o700)
    home.listen("closed/s")
    declared = {"app": {"path": path, "allow": [{"user": str(BOB), "method": "acl"}]}}

    def as_alice() -> None:
        become(ALICE)
        for how in ({}, {"check": True}, {"absent": True}):
            said = refused(home, declared, **how)
            if not ("Only root can" in said and "become: true" in said):
                os._exit(2)
        # What needs no rights works: to look, as far as one can see, and to hear what is missing.
        if chain_of(path).leaf is None:
            os._exit(3)
        with pytest.raises(AccessError, match="run this as root"):
            chain_of(f"{home.top}/closed/s")

    before = everything(home.top)
    assert ended(fork(as_alice)) == 0
    assert everything(home.top) == before
    assert not os.path.exists(home.file.directory)


def test_a_clock_that_jumps_changes_nothing_but_what_ends(home: Place) -> None:
    """1970, 2106 and 2242 in turn: neither a lock that is waited for nor a record goes by it."""
    path = home.listen("s", 0o600)
    before = everything(home.top)
    jumps = itertools.cycle([0.0, 2.0**32, -1.0, 2.0**33, time.time()])
    grants = [{"user": "ua-bob", "method": "group", "restart_clients": True}]
    declared = {"app": {"path": path, "group": "ua-staff", "mode": "0660", "allow": grants}}

    def work() -> list[bool]:
        _people()
        others = Lock(home.file.directory, seconds=1.0)
        threading.Timer(0.2, others.release).start()
        with mock.patch.object(time, "time", side_effect=jumps):
            told = [home.run(declared).changed]
            record = Path(home.file.path).read_bytes()
            told += [home.run(declared).changed, connects_as_member(path)]
            told.append(Path(home.file.path).read_bytes() == record)
            return [*told, home.run(declared, absent=True).changed]

    assert with_accounts_of_its_own(work) == [True, False, True, True, True]
    assert everything(home.top) == before


def connects_as_member(path: str) -> bool:
    """Tell whether bob, with the groups that he gets when he starts now, can connect."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'test -w "$0"', path],
        user="ua-bob",
        group="users",
        extra_groups=os.getgrouplist("ua-bob", 100),
        check=False,
    )
    return done.returncode == 0
