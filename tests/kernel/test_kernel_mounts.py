# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bind mounts of one socket on a real kernel, and the ways to abuse them.

Each test has a mount namespace, an /etc and a memory of mount(8) of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge import loop
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.record import (
    RecordFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.converge.steps import (
    AnyResource,
    Want,
    plan_steps,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.errors import AccessError
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    fstab as fstab_file,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    mounting,
    mounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import Pin, pin
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    AccessRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
    User,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.fstab import user_line
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.words import Numbers
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import (
    Endpoint,
    Grant,
    Principal,
    SocketPolicy,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources import bind_mount
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.bind_mount import (
    BindMount,
    MountRequest,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.endpoint_directory import (
    EndpointDirectory,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.fstab_line import (
    FstabLine,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.mount_state import (
    MountState,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.resources.target_file import (
    TargetFile,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
    policies,
    unmount,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.output import Output
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Task
from kernel.hosts import ALICE, BOB, CAROL, become, ended, fork, mount

TOP = Path("/mnt")
SOURCE, TARGET, DIRECTORY = "/mnt/source/s", "/mnt/endpoint/s", "/mnt/endpoint"
HOLDER = "socket name"
KINDS = ("endpoint", "target", "fstab", "mount")
FSTAB = b"# a comment\r\n/dev/sda1\t/srv  ext4 defaults,x-y=\xff 0 0\nLABEL=swap none swap sw"
USER = User("alice", Credentials(ALICE, ALICE))
_NEW_MOUNTS = 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def called(function: Callable[..., int], *arguments: int) -> None:
    if function(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def as_user(uid: int, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        user=uid,
        group=uid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def connects(uid: int, path: str) -> str:
    """Return what connect(2) says to a user, or what the daemon is called."""

    def attempt() -> None:
        become(uid)
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(path)
            except OSError as error:
                os._exit(error.errno or 0)
            os._exit(0 if connection.recv(1) == b"s" else 255)

    status = ended(fork(attempt))
    return {0: "socket", 255: "victim"}.get(status) or errno.errorcode[status]


@dataclass
class World:
    """A socket of alice's in a directory of hers, and the endpoint that shall lead to it."""

    file: RecordFile = field(default_factory=lambda: RecordFile("/mnt/record"))
    listeners: list[int] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)

    def born(self, path: str = SOURCE, name: bytes = b"s", uid: int = ALICE) -> None:
        """Bind and listen, as a daemon does that removes its old socket first."""
        Path(path).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        os.chown(path, uid, uid)
        os.chmod(path, 0o666)

        def serve() -> None:
            while True:
                listener.accept()[0].send(name)

        self.listeners.append(fork(serve))
        listener.close()

    def die(self) -> None:
        while self.listeners:
            pid = self.listeners.pop()
            os.kill(pid, 9)
            os.waitpid(pid, 0)

    def close(self) -> None:
        self.die()
        while self.pins:
            self.pins.pop().close()

    def mount(self, user: bool) -> BindMount:
        held = pin(SOURCE)
        self.pins.append(held)
        return BindMount(
            TARGET,
            SOURCE,
            descriptor=held.descriptor(SOURCE),
            mounter=USER if user else None,
        )

    def wants(self, user: bool) -> list[Want]:
        request = AccessRequest(users={ALICE: 1, BOB: 1})
        asked = MountRequest(SOURCE, "alice" if user else None)
        found = [
            Want(EndpointDirectory(DIRECTORY, Numbers()), HOLDER, request),
            Want(TargetFile(TARGET), HOLDER, True),
            Want(self.mount(user), HOLDER, asked),
        ]
        if user:
            line = user_line(SOURCE, TARGET, "name")
            found.append(Want(FstabLine(TARGET), HOLDER, line))
        return found

    def steps(self, user: bool = False, absent: bool = False) -> loop.Sequence[loop.Step]:
        wants = [] if absent else self.wants(user)
        return plan_steps(wants, {HOLDER}, self.file.load(), recorded, KINDS)

    def run(self, user: bool = False, absent: bool = False) -> list[str]:
        steps = self.steps(user, absent)
        os.makedirs(self.file.directory, exist_ok=True)
        return loop.apply_steps(steps, self.file.load(), self.file).changes

    def states(self) -> MountState | None:
        return self.mount(user=False).read()


def recorded(key: str) -> AnyResource:
    """Make the resource of a recorded key as a whole run does for what is undone."""
    kind, dummy, rest = key.partition(":")
    if kind == "endpoint":
        return EndpointDirectory(rest, Numbers())
    if kind == "target":
        return TargetFile(rest)
    if kind == "fstab":
        return FstabLine(rest)
    [request] = World().file.load().entries[key].requests.values()
    return BindMount(rest, request["source"], mounter=USER if request["mount_as"] else None)


@pytest.fixture(params=["private", "shared"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Mounts are shared where systemd runs (systemd(1)), and private in most containers."""
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    here = os.getcwd()
    called(_libc.unshare, _NEW_MOUNTS)
    world = World()
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        mount("tmpfs", TOP, "mode=0755")
        for name in ("upper", "work", "source"):
            (TOP / name).mkdir()
        mount("overlay", Path("/etc"), "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work")
        Path("/run/mount").mkdir(exist_ok=True)
        mount("tmpfs", Path("/run/mount"), "mode=0755")
        subprocess.run(["mount", f"--make-{request.param}", str(TOP)], check=True)
        with open("/etc/passwd", "a", encoding="utf-8") as file:
            for name, uid in (("alice", ALICE), ("bob", BOB)):
                file.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
        Path("/etc/fstab").write_bytes(FSTAB)
        os.chmod("/etc/fstab", 0o640)
        os.chown("/etc/fstab", 0, CAROL)
        os.chown(TOP / "source", ALICE, ALICE)
        os.chmod(TOP / "source", 0o700)
        world.born()
        yield world
    finally:
        world.close()
        called(_libc.setns, home, 0)
        os.close(home)
        os.chdir(here)


both = pytest.mark.parametrize("user", [False, True], ids=["root", "user"])


@both
def test_the_socket_gets_a_second_path_and_loses_it_without_a_trace(
    world: World, user: bool
) -> None:
    before = os.stat("/etc/fstab")
    assert connects(BOB, SOURCE) == "EACCES"
    assert connects(BOB, TARGET) == "ENOENT"
    said = world.run(user)
    assert len(said) == (4 if user else 3)
    assert connects(BOB, TARGET) == "socket"
    assert connects(BOB, SOURCE) == "EACCES"
    assert connects(CAROL, TARGET) == "EACCES"
    assert stat.S_IMODE(os.stat(TOP / "source").st_mode) == 0o700
    assert [one.point for one in mounts.read() if one.root == "/source/s"] == [TARGET]
    [line] = [one for one in Path(mounts.MOUNTINFO).read_text().splitlines() if TARGET in one]
    assert {"nosuid", "nodev", "noexec"} <= set(line.split()[5].split(","))
    text = Path("/etc/fstab").read_bytes()
    assert text == (FSTAB + b"\n" + user_line(SOURCE, TARGET, "name") if user else FSTAB)
    assert world.run(user) == []
    world.run(absent=True)
    assert Path("/etc/fstab").read_bytes() == FSTAB
    after = os.stat("/etc/fstab")
    assert (after.st_uid, after.st_gid, after.st_mode) == (
        before.st_uid,
        before.st_gid,
        before.st_mode,
    )
    assert not os.path.lexists(DIRECTORY)
    assert not mounts.at(mounts.read(), TARGET)
    assert mounts.remembered(TARGET) is None
    assert not os.path.exists(world.file.path)
    assert sorted(os.listdir("/mnt")) == ["record", "source", "upper", "work"]


def test_the_line_is_good_for_findmnt(world: World) -> None:
    Path("/etc/fstab").write_bytes(b"")
    world.run(user=True)
    done = subprocess.run(["findmnt", "--verify"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 parse errors, 0 errors" in done.stdout or "Success" in done.stdout


def test_the_user_mounts_and_unmounts_as_the_hooks_will(world: World) -> None:
    world.run(user=True)
    assert as_user(ALICE, "umount", TARGET).returncode == 0
    assert connects(BOB, TARGET) == "EACCES"
    # Whoever finds the endpoint may mount there, and then alice's own hook could not unmount it.
    if as_user(BOB, "mount", TARGET).returncode == 0:
        assert as_user(ALICE, "umount", TARGET).returncode != 0
        assert world.run(user=True) == [f"{TARGET} is mounted by user alice instead of bob."]
        assert as_user(ALICE, "umount", TARGET).returncode == 0
    assert as_user(ALICE, "mount", TARGET).returncode == 0
    assert world.run(user=True) == []


def test_who_mounts_it_can_be_changed(world: World) -> None:
    world.run(user=True)
    assert f"{TARGET} is mounted by root instead of alice." in world.run()
    assert as_user(ALICE, "umount", TARGET).returncode != 0
    assert world.run() == []


@both
def test_a_stale_mount_is_found_and_repaired(world: World, user: bool) -> None:
    world.run(user)
    world.born()
    assert connects(BOB, TARGET) == "socket"  # The old daemon listens still.
    world.die()
    world.born()
    assert connects(BOB, TARGET) == "ECONNREFUSED"
    if user:
        assert as_user(ALICE, "umount", TARGET).returncode != 0
    seen = world.mount(user).read()
    assert seen is not None
    assert (seen.what, seen.count) == ("stale", 1)
    [said] = world.run(user)
    assert "stale" in said
    assert connects(BOB, TARGET) == "socket"
    assert world.run(user) == []


@both
def test_what_is_gone_is_unmounted(world: World, user: bool) -> None:
    world.run(user)
    world.die()
    os.unlink(SOURCE)
    assert world.run(user) == [f"{TARGET} is unmounted."]
    assert not mounts.at(mounts.read(), TARGET)
    assert world.run(user) == []
    world.born()
    assert world.run(user) != []
    assert connects(BOB, TARGET) == "socket"


def test_doubled_mounts_are_found_and_let_the_daemon_restart(world: World) -> None:
    world.run(user=True)
    for dummy in range(3):
        assert as_user(ALICE, "mount", TARGET).returncode == 0
    with pytest.raises(OSError, match="busy"):
        os.unlink(SOURCE)
    seen = world.mount(user=True).read()
    assert seen is not None
    assert seen.what == "current"
    assert seen.count >= 4
    # Nothing is mounted anew, so clients find the socket all the time.
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(mounting, "mount_as")
        [said] = world.run(user=True)
    assert f"mounted {seen.count} times" in said
    assert world.mount(user=True).read() == MountState("current", 1, "alice")
    assert as_user(ALICE, "umount", TARGET).returncode == 0
    assert as_user(ALICE, "mount", TARGET).returncode == 0
    os.unlink(SOURCE)


@both
def test_a_socket_mounted_on_itself_is_freed(world: World, user: bool) -> None:
    subprocess.run(["mount", "--bind", SOURCE, SOURCE], check=True)
    for dummy in range(2):
        assert world.run(user) != []
        assert world.run(user) == []
        assert not mounts.at(mounts.read(), SOURCE)
        assert connects(BOB, TARGET) == "socket"
        subprocess.run(["mount", "--bind", SOURCE, SOURCE], check=True)
    world.run(absent=True)
    os.unlink(SOURCE)


def test_what_is_freed_is_not_found_by_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the socket's directory can put a link to another one of that name in its place."""
    (TOP / "victim").mkdir()
    Path("/mnt/victim/s").touch()
    subprocess.run(["mount", "--bind", "/mnt/victim/s", "/mnt/victim/s"], check=True)
    # So that mount(8) remembers it, as it does where fstab has an odd line.
    subprocess.run(["mount", "-o", "bind,x-odd=1", SOURCE, SOURCE], check=True)
    assert mounts.remembered(SOURCE) is not None

    def pinned(path: str, directories: Collection[str]) -> Pin:
        held = pin(path, directories)
        os.rename("/mnt/source", "/mnt/gone")
        os.symlink("/mnt/victim", "/mnt/source")
        return held

    with monkeypatch.context() as patch:
        patch.setattr(bind_mount, "pin", pinned)
        BindMount(TARGET, SOURCE).write(MountState())
    assert len(mounts.at(mounts.read(), "/mnt/victim/s")) == 1
    assert not mounts.at(mounts.read(), "/mnt/gone/s")


def test_doubled_mounts_go_with_the_grant(world: World) -> None:
    world.run(user=True)
    as_user(ALICE, "mount", TARGET)
    as_user(ALICE, "mount", TARGET)
    world.run(absent=True)
    assert not [one for one in mounts.read() if one.point in (TARGET, SOURCE)]
    os.unlink(SOURCE)


def victim(world: World) -> str:
    """A socket of root's that everyone might use, in a directory that only root can enter."""
    (TOP / "secret").mkdir(mode=0o700)
    world.born("/mnt/secret/v", b"v", 0)
    assert connects(ALICE, "/mnt/secret/v") == "EACCES"
    return "/mnt/secret/v"


def test_a_source_that_leads_elsewhere_misleads_mount_but_not_root(world: World) -> None:
    path = victim(world)
    world.run(user=True)
    as_user(ALICE, "umount", TARGET)
    os.rename(SOURCE, "/mnt/source/aside")
    os.symlink(path, SOURCE)
    # With plain mount(8) the user gets at the victim.
    assert as_user(ALICE, "mount", TARGET).returncode == 0
    assert connects(ALICE, TARGET) == "victim"
    # The next run takes it away again, whether the true socket is there or not.
    os.unlink(SOURCE)
    seen = world.mount(user=True).read()
    assert seen is not None
    assert seen.what == "stale"
    assert world.run(user=True) == [f"{TARGET} is unmounted."]
    assert connects(ALICE, TARGET) != "victim"
    os.rename("/mnt/source/aside", SOURCE)
    world.run(user=True)
    assert connects(ALICE, TARGET) == "socket"


def test_a_misled_mount_goes_with_the_grant(world: World) -> None:
    path = victim(world)
    world.run(user=True)
    as_user(ALICE, "umount", TARGET)
    os.unlink(SOURCE)
    os.symlink(path, SOURCE)
    assert as_user(ALICE, "mount", TARGET).returncode == 0
    world.run(absent=True)
    assert not mounts.at(mounts.read(), TARGET)
    assert not os.path.lexists(DIRECTORY)


@both
@pytest.mark.parametrize("trick", ["symlink", "hardlink", "another"])
def test_a_source_swapped_between_look_and_mount_is_refused(
    world: World, user: bool, trick: str
) -> None:
    path = victim(world)
    steps = world.steps(user)
    os.unlink(SOURCE)
    if trick == "symlink":
        os.symlink(path, SOURCE)
    elif trick == "hardlink":
        os.link(path, SOURCE)
    else:
        world.born()
    os.makedirs(world.file.directory, exist_ok=True)
    with pytest.raises(AccessError, match=r"replaced while it was looked at.*put back"):
        loop.apply_steps(steps, world.file.load(), world.file)
    assert not os.path.lexists(DIRECTORY)
    assert Path("/etc/fstab").read_bytes() == FSTAB


def test_mount_run_by_us_is_not_misled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user wins the race against our last look: what mount(8) then did is undone."""
    path = victim(world)
    steps = world.steps(user=True)
    real = mounting.mount_as

    def swapped(user: User, target: str) -> None:
        os.rename(SOURCE, "/mnt/source/aside")
        os.symlink(path, SOURCE)
        real(user, target)
        assert connects(ALICE, TARGET) == "victim"
        os.unlink(SOURCE)
        os.rename("/mnt/source/aside", SOURCE)

    monkeypatch.setattr(mounting, "mount_as", swapped)
    os.makedirs(world.file.directory, exist_ok=True)
    with pytest.raises(AccessError, match=r"was not /mnt/source/s alone.*mount_as: root"):
        loop.apply_steps(steps, world.file.load(), world.file)
    assert not mounts.at(mounts.read(), TARGET)


def test_two_names_of_one_socket_are_refused(world: World) -> None:
    os.link(SOURCE, "/mnt/source/other")
    with pytest.raises(AccessError, match="2 hard links"):
        world.run()


def test_both_ends_in_the_hands_of_a_user_are_root_for_plain_mount(world: World) -> None:
    """Source replaced by a file, target by a symbolic link to a file of root's."""
    precious = TOP / "precious"
    precious.write_text("root's")
    (TOP / "source" / "evil").write_text("alice's")
    Path(DIRECTORY).mkdir()
    os.chown(DIRECTORY, ALICE, ALICE)
    Path(SOURCE).unlink()
    os.symlink("/mnt/source/evil", SOURCE)
    os.symlink(precious, TARGET)
    with open("/etc/fstab", "ab") as file:
        file.write(b"\n" + user_line(SOURCE, TARGET, "name") + b"\n")
    if as_user(ALICE, "mount", TARGET).returncode == 0:
        # Newer releases of util-linux refuse it themselves.
        assert precious.read_text() == "alice's"
        subprocess.run(["umount", str(precious)], check=True)
    Path(SOURCE).unlink()
    world.born()
    before = Path("/etc/fstab").read_bytes()
    for user in (False, True):
        with pytest.raises(AccessError, match="could be written to by its owner"):
            world.run(user)
    assert (precious.read_text(), Path("/etc/fstab").read_bytes()) == ("root's", before)
    assert os.readlink(TARGET) == str(precious)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: os.symlink("/mnt/precious", TARGET), "is a symbolic link"),
        (lambda: os.mkdir(TARGET), "is a directory"),
        (lambda: os.mkfifo(TARGET), "is a pipe"),
        (lambda: Path(TARGET).write_text("x"), "has 1 bytes of content"),
        (lambda: (Path(TARGET).touch(), os.chown(TARGET, ALICE, -1)), "belongs to user id"),
        (lambda: (Path(TARGET).touch(), os.link(TARGET, "/mnt/x")), "has 2 names"),
    ],
)
def test_nothing_but_an_empty_file_of_roots_is_mounted_on(
    world: World, make: Callable[[], object], what: str
) -> None:
    Path(DIRECTORY).mkdir()
    make()
    before = sorted(os.listdir(DIRECTORY)), os.lstat(TARGET)
    with pytest.raises(AccessError, match=f"{TARGET} {what}"):
        world.run()
    assert (sorted(os.listdir(DIRECTORY)), os.lstat(TARGET)) == before


def test_the_target_swapped_between_look_and_mount_is_refused(world: World) -> None:
    (TOP / "precious").touch()
    steps = world.steps()
    real = loop._write

    def swapped(step: loop.Step) -> None:
        if step.resource.key.startswith("mount:"):
            os.unlink(TARGET)
            os.symlink("/mnt/precious", TARGET)
        real(step)

    os.makedirs(world.file.directory, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_write", swapped)
        with pytest.raises(AccessError, match="is a symbolic link"):
            loop.apply_steps(steps, world.file.load(), world.file)
    assert not mounts.at(mounts.read(), "/mnt/precious")


def test_a_mount_of_something_else_is_neither_hidden_nor_taken_away(world: World) -> None:
    world.born("/mnt/other", b"v", 0)
    Path(DIRECTORY).mkdir()
    Path(TARGET).touch()
    subprocess.run(["mount", "--bind", "/mnt/other", TARGET], check=True)
    with pytest.raises(AccessError, match=r"something else mounted on it \(/other in"):
        world.run()
    subprocess.run(["umount", TARGET], check=True)
    world.run()
    subprocess.run(["umount", TARGET], check=True)
    subprocess.run(["mount", "--bind", "/mnt/other", TARGET], check=True)
    world.run(absent=True)
    assert len(mounts.at(mounts.read(), TARGET)) == 1
    assert not os.path.exists(world.file.path)


@pytest.mark.parametrize("options", ["bind", "bind,nosuid,nodev,noexec"])
@both
def test_a_mount_of_the_socket_that_was_there_before_is_not_taken_over(
    world: World, user: bool, options: str
) -> None:
    Path(DIRECTORY).mkdir()
    Path(TARGET).touch()
    subprocess.run(["mount", "-o", options, SOURCE, TARGET], check=True)
    before = Path(mounts.MOUNTINFO).read_text()
    lacks = "" if "nosuid" in options else " without nosuid, nodev and noexec"
    said = f"{SOURCE} is mounted on {TARGET} already by root{lacks}, which no run.*umount {TARGET}"
    for absent in (False, True):
        with contextlib.nullcontext() if absent else pytest.raises(AccessError, match=said):
            world.run(user, absent)
        assert Path(mounts.MOUNTINFO).read_text() == before
        assert not os.path.exists(world.file.path)
    assert Path("/etc/fstab").read_bytes() == FSTAB
    # An earlier socket is there as well as the one of now.
    world.die()
    world.born()
    with pytest.raises(AccessError, match=f"An earlier socket {SOURCE} is mounted on {TARGET}"):
        world.run(user)
    subprocess.run(["umount", TARGET], check=True)
    world.run(user)
    assert connects(BOB, TARGET) == "socket"


def test_a_mount_by_our_own_line_is_known_without_a_record(world: World) -> None:
    world.run(user=True)
    os.unlink(world.file.path)
    assert world.run(user=True) == []
    world.run(absent=True)
    assert not mounts.at(mounts.read(), TARGET)


def test_a_mount_that_allows_more_is_made_anew(world: World) -> None:
    world.run()
    subprocess.run(["umount", TARGET], check=True)
    subprocess.run(["mount", "-o", "bind,nodev", SOURCE, TARGET], check=True)
    assert world.run() == [
        f"{TARGET} is mounted without nosuid and noexec; it is unmounted, and mounted anew by root."
    ]
    assert world.states() == MountState("current", 1)
    assert world.run() == []


def test_a_foreign_line_is_named_and_nothing_is_touched(world: World) -> None:
    text = FSTAB + b"\n/dev/sdb1 /mnt/endpoint//s ext4 defaults 0 0\n"
    Path("/etc/fstab").write_bytes(text)
    with pytest.raises(AccessError, match="Line 4 of /etc/fstab mounts /dev/sdb1 on"):
        world.run(user=True)
    assert Path("/etc/fstab").read_bytes() == text
    assert not os.path.lexists(DIRECTORY)


def test_a_file_that_does_not_parse_is_left_alone(world: World) -> None:
    text = FSTAB + b"\n/dev/sdb1\n"
    Path("/etc/fstab").write_bytes(text)
    with pytest.raises(AccessError, match="Line 4 of /etc/fstab does not parse"):
        world.run(user=True)
    assert Path("/etc/fstab").read_bytes() == text
    assert not os.path.lexists(DIRECTORY)


@pytest.mark.parametrize("what", ["link", "names", "owner", "directory"])
def test_only_a_file_of_roots_is_taken_for_fstab(world: World, what: str) -> None:
    path = Path("/etc/fstab")
    if what == "owner":
        os.chown(path, ALICE, 0)
    elif what == "names":
        os.link(path, "/etc/other")
    else:
        path.rename("/etc/other")
        path.symlink_to("/etc/other") if what == "link" else path.mkdir()
    with pytest.raises(AccessError, match="left as it is"):
        world.run(user=True)
    world.run(user=False)


def test_attributes_of_fstab_are_kept_and_its_leftovers_cleared(world: World) -> None:
    os.setxattr("/etc/fstab", "trusted.note", b"kept")
    Path("/etc/fstab.new").write_text("an administrator's own")
    Path("/etc/.fstab.socket-access").write_text("a half")
    world.run(user=True)
    assert os.getxattr("/etc/fstab", "trusted.note") == b"kept"
    assert Path("/etc/fstab.new").read_text() == "an administrator's own"
    assert not os.path.exists("/etc/.fstab.socket-access")
    Path("/etc/.fstab.socket-access").write_text("a half")
    assert world.run(user=True) == ["What an interrupted run left beside /etc/fstab is removed."]
    assert not os.path.exists("/etc/.fstab.socket-access")


def test_a_host_without_fstab_has_none_again_afterwards(world: World) -> None:
    os.unlink("/etc/fstab")
    world.run(user=True)
    assert Path("/etc/fstab").read_bytes() == user_line(SOURCE, TARGET, "name") + b"\n"
    assert stat.S_IMODE(os.stat("/etc/fstab").st_mode) == 0o644
    world.run(absent=True)
    assert not os.path.exists("/etc/fstab")


@both
@pytest.mark.parametrize("absent", [False, True], ids=["come", "go"])
def test_a_kill_after_any_write_is_healed(world: World, user: bool, absent: bool) -> None:
    real = loop._write
    for survives in range(4):
        if absent:
            world.run(user)

        def work(survives: int = survives) -> None:
            done: list[loop.Step] = []

            def write(step: loop.Step) -> None:
                if len(done) == survives:
                    os._exit(9)
                done.append(step)
                real(step)

            loop._write = write
            world.run(user, absent)

        assert ended(fork(work)) in (0, 9)
        if survives % 2 and not absent:
            world.run(user)
            assert connects(BOB, TARGET) == "socket"
            assert world.run(user) == []
        world.run(absent=True)
        assert Path("/etc/fstab").read_bytes() == FSTAB
        assert not os.path.lexists(DIRECTORY)
        assert not mounts.at(mounts.read(), TARGET)


@both
def test_a_failure_takes_all_of_it_back(
    world: World, user: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    for module, name in ((mounting, "mount_as"), (mounting, "mount_pinned")):
        monkeypatch.setattr(module, name, fails)
    with pytest.raises((AccessError, OSError), match="No space left"):
        world.run(user)
    assert Path("/etc/fstab").read_bytes() == FSTAB
    assert not os.path.lexists(DIRECTORY)
    monkeypatch.undo()
    world.run(user)
    before = connects(BOB, TARGET), Path("/etc/fstab").read_bytes()
    monkeypatch.setattr(fstab_file, "replace", fails)
    monkeypatch.setattr(EndpointDirectory, "write", fails)
    with pytest.raises(AccessError, match=r"No space left.*put back"):
        world.run(absent=True)
    assert (connects(BOB, TARGET), Path("/etc/fstab").read_bytes()) == before


def test_a_user_who_cannot_mount_is_told_what_mount_said(world: World) -> None:
    os.chmod("/etc/fstab", 0o644)
    shutil.copy("/usr/bin/mount", "/mnt/mount")
    os.chmod("/mnt/mount", 0o755)
    subprocess.run(["mount", "--bind", "/mnt/mount", "/usr/bin/mount"], check=True)
    with pytest.raises(AccessError, match=r"must be superuser.*mount_as: root.*put back"):
        world.run(user=True)
    assert Path("/etc/fstab").read_bytes() == FSTAB


def test_kernels_without_the_new_calls_mount_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()

    def line() -> list[str]:
        [found] = [one for one in Path(mounts.MOUNTINFO).read_text().splitlines() if TARGET in one]
        return found.split()[2:6]

    new = line()
    world.run(absent=True)
    monkeypatch.setattr(mounting, "_with_new_calls", lambda *fds: False)
    world.run()
    assert line() == new
    assert connects(BOB, TARGET) == "socket"


def test_what_is_mounted_by_root_shows_nowhere_else(world: World) -> None:
    """A second mount on it neither shows at the source nor outlives the next run."""
    world.run()
    subprocess.run(["mount", "--bind", SOURCE, TARGET], check=True)
    assert len(mounts.at(mounts.read(), TARGET)) == 2
    assert not mounts.echoes(mounts.read(), SOURCE)
    assert len(world.run()) == 1
    assert world.states() == MountState("current", 1)


def test_a_directory_that_was_there_gets_back_what_it_had(world: World) -> None:
    Path(DIRECTORY).mkdir(mode=0o750)
    os.chown(DIRECTORY, 0, CAROL)
    world.run()
    assert connects(BOB, TARGET) == "socket"
    assert os.stat(DIRECTORY).st_gid == CAROL
    Path(DIRECTORY, "other").touch()
    world.run(absent=True)
    status = os.stat(DIRECTORY)
    assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (CAROL, 0o750)
    assert os.listxattr(DIRECTORY) == []
    assert os.listdir(DIRECTORY) == ["other"]


def test_what_a_directory_hands_down_does_not_open_a_new_one(world: World) -> None:
    subprocess.run(["chmod", "g+s", str(TOP)], check=True)
    os.chown(TOP, 0, CAROL)
    os.setxattr(
        TOP,
        "system.posix_acl_default",
        bytes.fromhex(
            "02000000"
            "01000700ffffffff" + "02000700" + CAROL.to_bytes(4, "little").hex() + "04000700ffffffff"
            "10000700ffffffff"
            "20000700ffffffff"
        ),
    )
    world.run()
    status = os.stat(DIRECTORY)
    assert (status.st_uid, status.st_gid) == (0, 0)
    assert status.st_mode & 0o7007 == 0
    assert "system.posix_acl_default" not in os.listxattr(DIRECTORY)
    assert connects(CAROL, TARGET) == "EACCES"
    assert connects(BOB, TARGET) == "socket"


@pytest.mark.parametrize("below", ["", "/x"])
@pytest.mark.parametrize("uid", [0, ALICE])
def test_the_directory_of_a_login_is_not_made(world: World, uid: int, below: str) -> None:
    """systemd would mount the user's own one upon it when he logs in (user-runtime-dir@.service)."""
    mount("tmpfs", Path("/run"), "mode=0755")
    users, login = Path("/run/user"), Path(f"/run/user/{uid}")
    users.mkdir()
    resource = EndpointDirectory(f"{login}{below}", Numbers())

    def plan(request: AccessRequest) -> loop.Sequence[loop.Step]:
        return plan_steps(
            [Want(resource, HOLDER, request)], {HOLDER}, world.file.load(), recorded, KINDS
        )

    way_out = "an endpoint elsewhere" if uid else "loginctl enable-linger root"
    with pytest.raises(AccessError, match=way_out):
        plan(AccessRequest())
    assert os.listdir(users) == []
    login.mkdir(0o700)
    os.chown(login, uid, uid)
    if uid:
        # Not even with a directory_owner: it would be taken from its user.
        with pytest.raises(AccessError, match=r"logins of user|could be written to"):
            plan(AccessRequest(uid=0))
    else:
        (step,) = plan(AccessRequest())
        assert step.target.access is not None


def test_a_directory_that_others_could_write_to_is_refused(world: World) -> None:
    Path(DIRECTORY).mkdir()
    os.chmod(DIRECTORY, 0o775)
    os.chown(DIRECTORY, 0, CAROL)
    with pytest.raises(AccessError, match=f"could be written to by the group with the id {CAROL}"):
        world.run()
    os.chmod(DIRECTORY, 0o755)
    os.chmod(TOP, 0o777)
    with pytest.raises(AccessError, match="the directory /mnt could be written to by everyone"):
        world.run()
    os.chmod(TOP, 0o755)
    os.rename(DIRECTORY, "/mnt/real")
    os.symlink("/mnt/real", DIRECTORY)
    with pytest.raises(AccessError, match="begins with /mnt/real"):
        world.run()
    os.unlink(DIRECTORY)
    Path(DIRECTORY).touch()
    with pytest.raises(AccessError, match="not a directory"):
        world.run()


@pytest.mark.parametrize("below", [True, False], ids=["over ours", "alone"])
@pytest.mark.parametrize("other", ["/mnt/other", "/mnt/fs/s"], ids=["another", "a namesake"])
@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", ""])
@both
def test_the_hook_unmounts_what_is_ours_alone(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user: bool,
    damaged: bool,
    other: str,
    below: bool,
) -> None:
    """Right before the daemon takes its socket away, whatever is mounted there or is in the record."""
    world.run(user)
    if not below:
        subprocess.run(["umount", TARGET], check=True)
    Path("/mnt/fs").mkdir()
    mount("tmpfs", Path("/mnt/fs"))
    world.born(other, b"v", 0)
    subprocess.run(["mount", "--bind", other, TARGET], check=True)
    end = Endpoint(TARGET, mount_as="alice" if user else None)
    grant = Grant(Principal("user", str(BOB)), "bind_mount", endpoint=end)
    task = Task(SocketPolicy("name", SOURCE, allow=(grant,)), HOLDER)
    monkeypatch.setattr(policies, "load", lambda name, **how: task)
    monkeypatch.setattr(unmount, "RecordFile", lambda: world.file)
    before = mounts.at(mounts.read(), TARGET)
    if damaged:
        Path(world.file.path).write_text("{")
    assert not unmount.run("name", Output())
    assert mounts.at(mounts.read(), TARGET) == before
    assert connects(BOB, TARGET) == "victim"
    said = capsys.readouterr().err
    assert f"{TARGET} has something else mounted on it" in said
    assert (f"The record {world.file.path} cannot be understood" in said) is damaged
    subprocess.run(["umount", TARGET], check=True)
    assert unmount.run("name", Output()) is not damaged
    assert not mounts.at(mounts.read(), TARGET)
