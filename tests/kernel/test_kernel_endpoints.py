# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared bind mount, the whole way on a real kernel: apply, again, undo, failures, restarts.

Each test has a mount namespace of its own, in which nobody else sees what is mounted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import making, proofs
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import (
    AccessError,
    Refusals,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import mounts
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.report import Result
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hosts import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    STAFF,
    Place,
    become,
    ended,
    everything,
    fork,
    mount,
    seen,
)
from kernel.test_kernel_shut_out import connected

MOUNT, TOP = Path("/mnt"), Path("/mnt/host")
SOURCE, TARGET, DIRECTORY = f"{TOP}/run/alice/s", f"{TOP}/endpoint/s", f"{TOP}/endpoint"
_NEW_MOUNTS = 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def _called(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@pytest.fixture(params=["private", "shared"])
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A daemon of alice's, whose directory is hers alone, on a host that has no endpoint yet.

    Mounts are shared where systemd runs (systemd(1)), and private in most containers.
    """
    home, cwd = os.open("/proc/self/ns/mnt", os.O_RDONLY), os.getcwd()
    _called(_libc.unshare(_NEW_MOUNTS))
    place = Place(TOP, MOUNT / "record")
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        mount("tmpfs", MOUNT, "mode=0755")
        TOP.mkdir()
        subprocess.run(["mount", f"--make-{request.param}", str(MOUNT)], check=True)
        (TOP / "run").mkdir()
        (TOP / "run/alice").mkdir()
        os.chown(TOP / "run/alice", ALICE, ALICE)
        (TOP / "run/alice").chmod(0o700)
        place.listen("run/alice/s", 0o600, ALICE, ALICE)
        # Something in the same directory that nobody else may reach, such as a key agent.
        place.listen("run/alice/agent", 0o666, ALICE, ALICE)
        yield place
    finally:
        place.close()
        os.chdir("/")
        _called(_libc.setns(home, 0))
        os.close(home)
        os.chdir(cwd)


def declared(*who: int, path: str = SOURCE, **keys: Any) -> dict[str, Any]:
    """Return the declaration of a mount for these users; ``keys`` are the socket's."""
    allow = [
        {"user": str(one), "method": "bind_mount", "at": TARGET, "mount_as": "root"} for one in who
    ]
    trusted = [os.path.dirname(path)] if path == SOURCE else []
    return {"app": {"path": path, "allow": allow, "trust_directories": trusted, **keys}}


def connects(uid: int, path: str, gid: int | None = None) -> str:
    """Return what connect(2) says to a user without any group of others."""

    def attempt() -> None:
        become(uid, gid)
        with socket.socket(socket.AF_UNIX) as connection:
            os._exit(connection.connect_ex(path))

    return errno.errorcode.get(ended(fork(attempt)), "connected")


def mounted(at: str = TARGET) -> list[mounts.Mount]:
    return mounts.at(mounts.read(), at)


def same_inode(one: str, other: str) -> bool:
    return os.path.samestat(os.stat(one), os.stat(other))


def hook(place: Place, sockets: dict[str, Any]) -> Result:
    """Run as the host's own hook does at the start of the daemon."""
    tasks = [Task(one, f"socket {one.name}", kept=True) for one in validate(sockets).sockets]
    options = Options(hook=True, prove=False, lock_seconds=5.0)
    with mock.patch.object(making, "is_running", return_value=False):
        return converge(tasks, options, file=place.file)


def test_one_gets_in_by_the_second_path_and_nobody_else(here: Place) -> None:
    before = everything(here.top)
    assert [connects(BOB, path) for path in (SOURCE, TARGET)] == ["EACCES", "ENOENT"]
    result = here.run(declared(BOB))
    assert result.changed
    assert same_inode(SOURCE, TARGET)
    assert len(mounted()) == 1
    assert connects(BOB, TARGET) == "connected"
    assert connects(ALICE, SOURCE) == "connected"
    # Nothing else in the directory is reachable, and nobody else reaches the socket.
    assert [connects(BOB, path) for path in (SOURCE, f"{TOP}/run/alice/agent")] == ["EACCES"] * 2
    assert [connects(who, TARGET) for who in (CAROL, MALLORY)] == ["EACCES"] * 2
    assert stat.S_IMODE(os.stat(f"{TOP}/run/alice").st_mode) == 0o700
    assert seen(f"{TOP}/run/alice").acl is None
    told = result.sockets["app"]
    (grant,) = told["grants"]
    assert (grant["endpoint"], grant["method"]) == (TARGET, "bind_mount")
    assert grant["proof"]["result"] == "connected"
    (end,) = told["endpoints"]
    assert (end["path"], end["method"]) == (TARGET, "bind_mount")
    assert end["others"]["proof"]["held"] is True
    assert not here.run(declared(BOB)).changed
    undone = here.run(declared(BOB), absent=True)
    assert undone.changed
    assert mounted() == []
    assert everything(here.top) == before
    assert connects(BOB, TARGET) == "ENOENT"
    assert not here.run(declared(BOB), absent=True).changed


def test_check_mode_tells_it_all_and_changes_nothing(here: Place) -> None:
    before, there = everything(here.top), mounts.read()
    told = here.run(declared(BOB), check=True)
    assert told.changed
    assert any(DIRECTORY in sentence for sentence in told.changes)
    assert any(TARGET in sentence for sentence in told.changes)
    assert (everything(here.top), mounts.read()) == (before, there)
    done = here.run(declared(BOB))
    assert done.changes == told.changes
    assert not here.run(declared(BOB), check=True).changed


def test_a_mount_of_somebody_else_is_refused_and_a_hook_knows_its_own(here: Place) -> None:
    here.run(declared(BOB))
    os.unlink(here.file.path)
    there = mounts.read()
    _refused(here, declared(BOB), f"{SOURCE} is mounted on {TARGET} already by root, which no run")
    assert mounts.read() == there
    # The host keeps the policy only since a whole run, so the daemon's start is no time to refuse.
    hook(here, declared(BOB))
    assert connects(BOB, TARGET) == "connected"


def _with_fstab(text: str) -> None:
    for name in ("upper", "work"):
        (MOUNT / name).mkdir()
    mount("overlay", Path("/etc"), "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work")
    Path("/etc/fstab").write_text(text)


def _by_user() -> dict[str, Any]:
    one = declared(BOB, unit="s.socket", unit_user="games")
    one["app"]["allow"][0].update(mount_as="games", trust_mounter=True)
    return one


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
def test_a_line_of_fstab_that_has_the_path_is_refused(here: Place, user: bool) -> None:
    # Root mounts without the file, so the rest of it is nobody's business then.
    spoilt = "" if user else "nonsense\n"
    _with_fstab(f"# mine\n{SOURCE} {TARGET}/ none bind,user,noauto 0 0\n{spoilt}")
    before = everything(here.top)
    one = _by_user() if user else declared(BOB)
    _refused(
        here, one, f"Line 2 of /etc/fstab mounts {SOURCE} on {TARGET}, where the socket {SOURCE}"
    )
    _refused(here, one, "Take that line out, or declare another path for the endpoint.")
    assert everything(here.top) == before
    # A hook does not judge what came since.
    hook(here, declared(BOB))


def test_a_line_of_fstab_that_does_not_parse_keeps_users_from_mounting_and_not_root(
    here: Place,
) -> None:
    _with_fstab("# mine\n/dev/nothing\n")
    before = everything(here.top)
    _refused(here, _by_user(), "Line 2 of /etc/fstab does not parse, for it has fewer than three")
    _refused(here, _by_user(), f"user games cannot mount the socket {SOURCE} on {TARGET}; declare")
    _refused(here, _by_user(), "mount_as: root")
    assert everything(here.top) == before
    here.run(declared(BOB))
    assert connects(BOB, TARGET) == "connected"


def test_several_clients_share_an_endpoint(here: Place) -> None:
    here.run(declared(BOB, CAROL))
    assert [connects(who, TARGET) for who in (BOB, CAROL, MALLORY)] == [
        *("connected", "connected"),
        "EACCES",
    ]
    assert len(mounted()) == 1
    here.run(declared(CAROL))
    assert [connects(who, TARGET) for who in (BOB, CAROL)] == ["EACCES", "connected"]
    here.run(declared(), prove=False)
    assert mounted() == []
    assert not os.path.exists(DIRECTORY)


def test_the_directory_is_as_declared(here: Place) -> None:
    one = declared(BOB)
    one["app"]["allow"][0].update(directory_group=str(CAROL), directory_mode="0710")
    here.run(one)
    status = os.stat(DIRECTORY)
    assert (status.st_uid, status.st_gid) == (0, CAROL)
    assert connects(BOB, TARGET) == "connected"
    # Finding the target is not enough: the inode's own permissions decide as well.
    assert connects(CAROL, TARGET) == connects(MALLORY, TARGET) == "EACCES"
    assert not here.run(one).changed


def test_a_directory_that_its_owner_could_write_to(here: Place) -> None:
    one = declared(BOB)
    one["app"]["allow"][0].update(directory_owner=str(CAROL), directory_mode="0710")
    _refused(here, one, f"could be written to by its owner (user id {CAROL})")


def test_a_mode_that_keeps_a_client_out_where_it_is_mounted_is_foreseen(here: Place) -> None:
    """The owning group is asked before all others (acl(5)), and a mount changes nothing about that."""
    grant = {"group": str(STAFF), "method": "bind_mount", "at": TARGET, "mount_as": "root"}
    keys = {"allow": [grant], "group": str(STAFF), "mode": "0606"}
    before = everything(here.top)
    for check in (True, False):
        with pytest.raises(AccessError, match=f"{STAFF} would still be refused at {TARGET}"):
            here.run(declared(**keys), check=check)
        assert everything(here.top) == before
    # So it is: the same by hand.
    os.makedirs(os.path.dirname(TARGET))
    Path(TARGET).touch()
    os.chown(SOURCE, ALICE, STAFF)
    os.chmod(SOURCE, 0o606)
    subprocess.run(["mount", "--bind", SOURCE, TARGET], check=True)
    assert [connects(BOB, TARGET, gid) for gid in (BOB, STAFF)] == ["connected", "EACCES"]


@pytest.mark.parametrize("by_hook", [False, True])
def test_a_socket_that_is_made_anew_is_mounted_anew(here: Place, by_hook: bool) -> None:
    one = declared(BOB)
    here.run(one)
    for dummy in range(2):
        # While the old one is mounted, nobody but root may hold the name (EBUSY, unlink(2)).
        os.unlink(SOURCE)
        here.listen("run/alice/s", 0o600, ALICE, ALICE)
        assert not os.path.exists(TARGET) or not same_inode(SOURCE, TARGET)
        result = hook(here, one) if by_hook else here.run(one)
        assert result.changed
        assert same_inode(SOURCE, TARGET)
        assert len(mounted()) == 1
        assert connects(BOB, TARGET) == "connected"
        assert connects(MALLORY, TARGET) == "EACCES"
    here.run(one, absent=True)
    assert mounted() == []


def test_who_came_by_the_mount_is_told_of_before_it_goes(here: Place) -> None:
    here.run(declared(BOB))
    with connected(TARGET, BOB) as client:
        for check in (True, False):
            (said,) = here.run(declared(BOB), absent=True, check=check).warnings
            assert said.startswith(f"This client of the socket {SOURCE} is connected now and will ")
            assert f"(pid {client}, " in said
    assert connects(BOB, SOURCE) == "EACCES"
    assert not os.path.exists(TARGET)


def test_what_somebody_unmounted_is_mounted_again(here: Place) -> None:
    here.run(declared(BOB))
    subprocess.run(["umount", TARGET], check=True)
    assert here.run(declared(BOB)).changed
    assert connects(BOB, TARGET) == "connected"


def test_doubled_mounts_are_repaired(here: Place) -> None:
    here.run(declared(BOB))
    subprocess.run(["mount", "--bind", SOURCE, TARGET], check=True)
    assert len(mounted()) == 2
    assert here.run(declared(BOB)).changed
    assert len(mounted()) == 1
    assert connects(BOB, TARGET) == "connected"
    assert not here.run(declared(BOB)).changed


def test_a_source_that_is_not_there_yet(here: Place) -> None:
    os.unlink(SOURCE)
    result = here.run(declared(BOB))
    told = result.sockets["app"]
    assert not told["exists"]
    assert any("does not exist yet" in note for note in told["notes"])
    assert mounted() == []
    here.listen("run/alice/s", 0o600, ALICE, ALICE)
    hook(here, declared(BOB))
    # The run that follows brings what the hook could not promise.
    here.run(declared(BOB))
    assert connects(BOB, TARGET) == "connected"


@pytest.mark.parametrize("where", ["mount", "proof"])
def test_a_failure_leaves_no_trace(
    here: Place, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    before, there = everything(here.top), mounts.read()

    def fails(*given: object, **more: object) -> Any:
        raise AccessError("It failed.")

    if where == "proof":
        monkeypatch.setattr(proofs, "prove_all", fails)
    else:
        monkeypatch.setattr(
            "ansible_collections.unixsocket.access.plugins.module_utils._engine.resources"
            ".bind_mount.BindMount.write",
            fails,
        )
    with pytest.raises(AccessError, match="It failed") as caught:
        here.run(declared(BOB))
    monkeypatch.undo()
    # A mount that cannot be made cannot be taken back, either, and the message says so.
    assert ("put back" in str(caught.value)) is True
    assert (everything(here.top), mounts.read()) == (before, there)
    here.run(declared(BOB), absent=True)
    assert (everything(here.top), mounts.read()) == (before, there)


def _refused(place: Place, one: dict[str, Any], said: str) -> None:
    there = mounts.read()
    assert said in place.refusal(one)
    assert mounts.read() == there


def test_a_source_that_is_no_socket(here: Place) -> None:
    os.unlink(SOURCE)
    Path(SOURCE).write_text("x")
    _refused(here, declared(BOB), "a regular file, a pipe or a device and not a socket")


def test_a_source_behind_a_link_of_the_users(here: Place) -> None:
    """The link leads where its owner likes; what it leads to is not opened for anybody."""
    here.listen("run/victim", 0o600)
    os.unlink(SOURCE)
    os.symlink(f"{TOP}/run/victim", SOURCE)
    os.lchown(SOURCE, ALICE, ALICE)
    before = seen(f"{TOP}/run/victim")
    with pytest.raises(AccessError):
        here.run(declared(BOB, trust_directories=[]))
    assert seen(f"{TOP}/run/victim") == before
    assert mounted() == []


@pytest.mark.parametrize("kind", ["directory", "file", "socket", "link"])
def test_a_target_that_is_something_else(here: Place, kind: str) -> None:
    here.directory("endpoint")
    if kind == "directory":
        Path(TARGET).mkdir()
    elif kind == "file":
        Path(TARGET).write_text("somebody's")
    elif kind == "link":
        os.symlink("/etc/hostname", TARGET)
    else:
        here.listen("endpoint/s")
    _refused(here, declared(BOB), TARGET)


def test_a_directory_that_others_can_write_to(here: Place) -> None:
    here.directory("endpoint", 0o777)
    _refused(here, declared(BOB), DIRECTORY)


def test_a_directory_of_somebody_elses(here: Place) -> None:
    here.directory("endpoint", 0o755, MALLORY)
    _refused(here, declared(BOB), DIRECTORY)


def test_a_directory_in_a_directory_that_is_not_there(here: Place) -> None:
    one = declared(BOB)
    one["app"]["allow"][0]["at"] = f"{TOP}/no/such/s"
    _refused(here, one, f"{TOP}/no")


def test_a_directory_in_the_hands_of_a_user(here: Place) -> None:
    here.directory("theirs", 0o755, MALLORY)
    one = declared(BOB)
    one["app"]["allow"][0]["at"] = f"{TOP}/theirs/endpoint/s"
    _refused(here, one, f"{TOP}/theirs")


def test_a_user_that_nobody_knows_as_who_owns_the_directory(here: Place) -> None:
    one = declared(BOB)
    one["app"]["allow"][0]["directory_owner"] = "no-such-user"
    _refused(here, one, "User no-such-user")
    told = here.run(one, check=True)
    assert any("no-such-user" in warning for warning in told.warnings)


def test_a_proxy_needs_systemd_and_says_so(here: Place) -> None:
    """Where there is none, nothing is made of it."""
    path = here.listen("run/backend", 0o666)
    for method in ("proxy", "gate"):
        grant = {"user": str(BOB), "method": method, "at": f"{TOP}/run/second"}
        with pytest.raises(Refusals, match="systemd, which does not run on this host"):
            here.run({"app": {"path": path, "allow": [grant]}})
    assert not os.path.exists(f"{TOP}/run/second")
    assert not os.path.exists(here.file.directory)


def test_everything_of_several_methods_at_once(here: Place) -> None:
    path = here.listen("run/backend", 0o600)
    grants = [
        {"user": str(CAROL), "method": "acl"},
        {"user": str(BOB), "method": "bind_mount", "at": TARGET},
    ]
    before = everything(here.top)
    here.run({"app": {"path": path, "allow": grants, "refuse": [str(MALLORY)]}})
    assert connects(CAROL, path) == "connected"
    assert connects(BOB, TARGET) == "connected"
    assert connects(MALLORY, TARGET) == connects(MALLORY, path) == "EACCES"
    here.run({"app": {"path": path}}, absent=True)
    assert everything(here.top) == before
    assert mounted() == []


def test_all_mistakes_are_told_at_once(here: Place) -> None:
    """Of all sockets and of all that is looked at one after the other, and nothing was changed."""
    here.listen("run/open", 0o666)
    here.directory("run/closed", 0o700)
    Path(f"{TOP}/run/file").write_text("x")
    before = everything(here.top)
    one = declared(BOB)
    at = {"method": "bind_mount", "mount_as": "root"}
    one["app"]["allow"] += [
        {"user": str(CAROL), **at, "at": f"{TOP}/no/such/s", "directory_group": "no-such-group"},
        {"user": "no-such-user"},
    ]
    second = {"method": "proxy", "at": f"{TOP}/run/second"}
    one["file"] = {
        "path": f"{TOP}/run/file",
        "allow": [{"user": str(BOB), **at, "at": f"{TOP}/e/s", "directory_owner": "no-such-owner"}],
        "refuse": ["no-such-guest"],
    }
    one["open"] = {"path": f"{TOP}/run/open", "allow": [{"user": str(BOB), **second}]}
    one["closed"] = {"path": f"{TOP}/run/closed/s", "allow": [{"user": str(BOB)}]}
    with pytest.raises(Refusals) as caught:
        here.run(one)
    for said in (
        "User no-such-user, declared for",
        "Group no-such-group, declared for the directory",
        f"{TOP}/no/such cannot be made",
        f"{TOP}/run/file is a regular file",
        "User no-such-owner, who owns the directory",
        "User no-such-guest, declared for",
        f"{TOP}/run/second is made by units of systemd, which does not run",
        f"may not search the directory {TOP}/run/closed",
    ):
        assert [said in message for message in caught.value.messages].count(True) == 1, said
    # Nothing is told that only follows from another mistake.
    assert len(caught.value.messages) == 8, caught.value
    assert mounted() == []
    assert everything(here.top) == before
    assert not os.path.exists(here.file.directory)


@pytest.mark.parametrize("clients", [1, 2])
def test_nothing_is_told_that_follows_from_a_name_that_is_missing(
    here: Place, clients: int
) -> None:
    allow = [{"user": str(one), "method": "group"} for one in (BOB, CAROL)[:clients]]
    one = {"app": {"path": here.listen("run/x"), "group": "no-such-group", "allow": allow}}
    with pytest.raises(Refusals) as caught:
        here.run(one)
    (message,) = caught.value.messages
    assert message.startswith("Group no-such-group, declared for the socket")
