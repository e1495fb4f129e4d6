# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected now and gets in no more after a run: real daemons and clients, real refusals."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine import shut_out
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    holders,
    sock_diag,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import Options, Task
from kernel.hosts import (
    ALICE,
    BOB,
    CAROL,
    CROWD,
    MALLORY,
    STAFF,
    Place,
    become,
    fork,
    kill,
    mount_with_two_devices,
    place_on,
    unmount,
    with_accounts_of_its_own,
)

_libc = ctypes.CDLL(None, use_errno=True)
# unshare(2)
_NEW_NETWORK, _NEW_MOUNTS = 0x40000000, 0x00020000


@pytest.fixture
def home() -> Iterator[Place]:
    """A place of root's alone, on the way to which everyone may search."""
    yield from place_on("disk")


@contextmanager
def connected(
    path: str,
    uid: int,
    groups: tuple[int, ...] = (),
    kind: int = socket.SOCK_STREAM,
    prepared: Callable[[], None] = lambda: None,
) -> Iterator[int]:
    """Let a process of a user connect and stay so; its process id."""
    reading, writing = os.pipe()

    def work() -> None:
        _close_all_but(writing)
        prepared()
        if uid:
            become(uid, groups=groups)
        client = socket.socket(socket.AF_UNIX, kind)
        client.connect(path)
        os.write(writing, b"x")
        time.sleep(60)

    pid = fork(work)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"x", "It could not connect."
        yield pid
    finally:
        os.close(reading)
        kill(pid)


def can_connect(path: str, uid: int, groups: tuple[int, ...] = ()) -> bool:
    """Tell by a real connect() whether a user gets in now."""

    def work() -> None:
        become(uid, groups=groups)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(path)
            except PermissionError:
                os._exit(13)

    return os.waitstatus_to_exitcode(os.waitpid(fork(work), 0)[1]) == 0


def told(home: Place, sockets: dict[str, Any], **how: Any) -> list[str]:
    """Run check mode and then the real run; return what both told, which must be the same."""
    checked = home.run(sockets, check=True, **how).warnings
    done = home.run(sockets, **how).warnings
    assert checked == done
    return done


def test_an_unnamed_client_is_told_of_and_really_refused(home: Place) -> None:
    path = home.listen("s", 0o777)
    declared = {"app": {"path": path, "allow": [{"user": str(ALICE)}]}}
    with connected(path, ALICE), connected(path, BOB) as stranger, connected(path, 0):
        (said,) = told(home, declared)
        assert said.startswith(f"This client of the socket {path} is connected now and will be ")
        assert f"(pid {stranger}, " in said
        assert f"of user {BOB};" in said
        assert f'declare it (allow: [{{user: "{BOB}"}}]), or let it be so.' in said
        assert can_connect(path, ALICE)
        assert not can_connect(path, BOB)
        # Nothing narrows any more, though the stranger is still connected.
        with mock.patch.object(shut_out, "shut_out", side_effect=AssertionError("looked again")):
            assert home.run(declared).warnings == []
        # What the sentence proposes is a declaration that lets it in.
        declared["app"]["allow"] += [{"user": str(BOB)}]
        assert told(home, declared) == []
        assert can_connect(path, BOB)
        # And who loses a grant that it had is told of as well.
        declared["app"]["allow"] = [{"user": str(BOB)}]
        (said,) = told(home, declared)
        assert f"of user {ALICE};" in said
        assert not can_connect(path, ALICE)


@pytest.mark.parametrize("how", ["absent", "dropped"])
def test_who_loses_the_socket_s_whole_declaration_is_told_of(home: Place, how: str) -> None:
    directory = home.directory("d", 0o700)
    one, other = home.listen("d/s", 0o700), home.listen("t", 0o700)
    grants = [{"user": str(who), "open_parents": [str(directory)]} for who in (ALICE, BOB)]
    declared: dict[str, Any] = {"one": {"path": one, "allow": grants}}
    kept: dict[str, Any] = {"other": {"path": other, "allow": [{"user": str(CAROL)}]}}
    home.run({**declared, **kept})
    with connected(one, ALICE) as first, connected(one, BOB), connected(other, CAROL):
        if how == "absent":
            (said,) = told(home, declared, absent=True)
        else:
            (said,) = told(home, kept, dropped=["socket one"])
        assert said.startswith(f"These clients of the socket {one} are connected now and will be ")
        assert f"(pid {first}, " in said
        assert said.endswith("; go on declaring what lets them in, or let it be so.")
        assert str(CAROL) not in said
        assert not can_connect(one, ALICE)
        assert can_connect(other, CAROL)


def test_whom_the_socket_lets_in_by_itself_is_not_told_of_when_it_is_given_back(
    home: Place,
) -> None:
    path = home.listen("s", 0o770, gid=STAFF)
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}, {"group": str(STAFF)}]}}
    home.run(declared)
    with connected(path, ALICE, (STAFF,)), connected(path, BOB) as client:
        (said,) = told(home, declared, absent=True)
        assert said.startswith("This client ")
        assert f"(pid {client}, " in said
        assert can_connect(path, ALICE, (STAFF,))
        assert not can_connect(path, BOB)


def test_a_socket_that_is_opened_again_shuts_nobody_out(home: Place) -> None:
    path = home.listen("s", 0o777)
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}]}}
    home.run(declared)
    looked = mock.patch.object(sock_diag, "dump", side_effect=AssertionError("looked"))
    with connected(path, BOB), looked:
        assert told(home, declared, absent=True) == []
        assert can_connect(path, BOB)
        assert can_connect(path, MALLORY)


def test_what_another_holder_asks_for_stays(home: Place) -> None:
    path = home.listen("s", 0o700)
    declared = {"app": {"path": path, "allow": [{"user": str(BOB)}]}}
    home.run(declared)
    also = {"app": {"path": path, "allow": [{"user": str(ALICE)}]}}
    home.run(also, holder="socket_acl ", exclusive=False)
    with connected(path, BOB), connected(path, ALICE) as client:
        (said,) = told(home, also, holder="socket_acl ", absent=True)
        assert f"(pid {client}, " in said
        assert str(BOB) not in said
        assert can_connect(path, BOB)
        assert not can_connect(path, ALICE)


def test_nobody_is_told_of_who_stays_in(home: Place) -> None:
    path = home.listen("s", 0o777, BOB)
    declared = {"app": {"path": path, "allow": [{"group": str(STAFF)}], "refuse": [str(MALLORY)]}}
    with (
        connected(path, ALICE, (STAFF,)),
        connected(path, BOB),
        connected(path, 0),
        # Refused by name, so that is meant.
        connected(path, MALLORY),
    ):
        assert told(home, declared) == []
        assert can_connect(path, ALICE, (STAFF,))
        assert can_connect(path, BOB)
        assert not can_connect(path, MALLORY)


def test_a_run_that_only_opens_looks_at_nobody(home: Place) -> None:
    path = home.listen("s", 0o700, BOB)
    with (
        connected(path, BOB),
        mock.patch.object(sock_diag, "dump", side_effect=AssertionError("looked")),
        mock.patch.object(holders, "holders_of", side_effect=AssertionError("looked")),
    ):
        assert told(home, {"app": {"path": path, "allow": [{"user": str(ALICE)}]}}) == []
        assert can_connect(path, ALICE)


def test_a_hook_looks_at_nobody(home: Place) -> None:
    path = home.listen("s", 0o777)
    (declared,) = validate({"app": {"path": path}}).sockets
    looked = mock.patch.object(shut_out, "shut_out", side_effect=AssertionError("looked"))
    with connected(path, BOB), looked:
        options = Options(prove=False, hook=True)
        result = converge([Task(declared, "socket app")], options, file=home.file)
    assert result.changed
    assert not can_connect(path, BOB)


def test_who_could_not_connect_before_loses_nothing(home: Place) -> None:
    directory = home.directory("d", 0o755)
    path = home.listen("d/s", 0o777)
    with connected(path, BOB):
        # Such as a daemon that connected as root and is somebody else now.
        directory.chmod(0o700)
        assert told(home, {"app": {"path": path, "allow": []}}) == []


def test_the_way_counts_as_the_socket_does(home: Place) -> None:
    directory = home.directory("d", 0o700)
    path = home.listen("d/s", Acl.from_mode(0o666))
    grants = [{"user": str(one), "open_parents": [str(directory)]} for one in (ALICE, BOB)]
    declared = {"app": {"path": path, "mode": "0666", "allow": grants}}
    # Nobody else gets there, though the socket is open to all: no proof of that.
    assert told(home, declared, prove=False) == []
    with connected(path, BOB), connected(path, ALICE):
        declared["app"]["allow"] = grants[:1]
        (said,) = told(home, declared, prove=False)
        assert f"of user {BOB};" in said
        assert str(ALICE) not in said
        assert not can_connect(path, BOB)
        assert can_connect(path, ALICE)


@pytest.mark.parametrize("kind", [socket.SOCK_SEQPACKET, socket.SOCK_DGRAM])
def test_other_types(home: Place, kind: int) -> None:
    path = home.listen("s", 0o777, kind=kind)
    names = {socket.SOCK_SEQPACKET: "seqpacket", socket.SOCK_DGRAM: "dgram"}
    with connected(path, BOB, kind=kind):
        (said,) = told(home, {"app": {"path": path, "type": names[kind]}})
        assert f"of user {BOB};" in said


def test_accepted_connections_and_the_daemon_s_own_processes(home: Place) -> None:
    path = home.listen("s", 0o777)
    (listener,) = home.listeners
    with connected(path, BOB) as client:
        accepted, dummy = listener.accept()
        # A worker of the daemon has its end, and is connected to the socket itself.

        def work() -> None:
            _close_all_but(accepted.fileno())
            become(CAROL)
            client = _connect(path)
            time.sleep(60)
            client.close()

        worker = fork(work)
        accepted.close()
        try:
            _until(lambda: can_be_seen(path, 2))
            (said,) = told(home, {"app": {"path": path}})
        finally:
            kill(worker)
        assert f"(pid {client}, " in said
        assert str(CAROL) not in said


def test_many_are_counted_and_each_user_is_shown(home: Place) -> None:
    path = home.listen("s", 0o777)
    with ExitStack() as stack:
        for dummy in range(5):
            stack.enter_context(connected(path, BOB))
        stack.enter_context(connected(path, CAROL))
        (said,) = told(home, {"app": {"path": path}})
    assert said.startswith(f"These clients of the socket {path} are connected now and will be ")
    assert said.count("(pid ") == 3
    assert " and 3 more; declare them (allow: [" in said
    assert f"of user {CAROL}" in said


def test_a_socket_that_is_there_and_one_whose_daemon_is_down(home: Place) -> None:
    paths = {name: home.listen(name, 0o777) for name in ("a", "b", "c")}
    home.listeners.pop(1).close()
    with connected(paths["a"], BOB), connected(paths["c"], CAROL):
        said = told(home, {name: {"path": path} for name, path in paths.items()}, prove=False)
    assert len(said) == 2
    assert f"socket {paths['a']} is" in said[0]
    assert f"socket {paths['c']} is" in said[1]


def test_the_modules_for_one_socket(home: Place) -> None:
    path = home.listen("s", 0o777)
    with connected(path, BOB):
        (said,) = told(
            home,
            {"app": {"path": path, "group": str(CROWD), "mode": "0660"}},
            holder="socket_mode ",
            exclusive=False,
        )
        assert f"let it in with this task (user {BOB})" in said
        assert not can_connect(path, BOB)


def test_a_file_system_with_two_devices(home: Place) -> None:
    """What the kernel calls the file of the socket is another name than that of stat(2)."""
    disk = home.directory("disk")
    mount_with_two_devices(disk)
    try:
        path = home.listen("disk/s", 0o777)
        with connected(path, BOB) as stranger:
            (said,) = told(home, {"app": {"path": path, "allow": [{"user": str(ALICE)}]}})
            assert f"(pid {stranger}, " in said
            assert not can_connect(path, BOB)
    finally:
        home.close()
        unmount(disk)
        unmount(disk)


def test_a_daemon_in_a_network_of_its_own(home: Place) -> None:
    path = str(home.top / "s")

    def daemon() -> None:
        assert _libc.unshare(_NEW_NETWORK) == 0
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.listen()
        time.sleep(60)

    pid = fork(daemon)
    try:
        _until(lambda: os.path.exists(path) and can_connect(path, ALICE))
        with connected(path, BOB) as client:
            (said,) = told(home, {"app": {"path": path}})
            assert f"(pid {client}, " in said
    finally:
        kill(pid)


def test_a_container_that_has_the_socket_mounted(home: Place) -> None:
    home.directory("d", 0o700)
    path = home.listen("d/s", 0o777)
    inside = home.top / "mounted"
    inside.touch()

    def mounted() -> None:
        assert _libc.unshare(_NEW_MOUNTS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "--bind", path, str(inside)], check=True)

    with connected(str(inside), BOB, prepared=mounted) as client:
        # It cannot search the host's directory, but it never walks there.
        (said,) = told(home, {"app": {"path": path}})
        assert f"(pid {client}, " in said


def test_a_process_with_a_root_directory_of_its_own(home: Place) -> None:
    home.directory("d", 0o700)
    jail = home.directory("d/jail")
    path = home.listen("d/jail/s", 0o777)
    with connected("/s", BOB, prepared=lambda: os.chroot(jail)) as client:
        # Its way begins below the directory that is closed to it on the host.
        assert not can_connect(path, BOB)
        (said,) = told(home, {"app": {"path": path}})
        assert f"(pid {client}, " in said


def test_a_process_without_the_group_that_its_user_gets_is_told_of_once() -> None:
    def inside() -> list[str]:
        with open("/etc/passwd", "a", encoding="ascii") as file:
            file.write(f"bob:x:{BOB}:{BOB}::/:/bin/sh\n")
        with open("/etc/group", "a", encoding="ascii") as file:
            file.write(f"bob:x:{BOB}:\ncrew:x:{STAFF}:\n")
        top = Path("/var/lib/socket-access-test-crew")
        top.mkdir()
        try:
            home = Place(top, top / "record")
            path = home.listen("s", 0o777)
            grant = {"user": "bob", "method": "group"}
            with connected(path, BOB):
                declared = {"path": path, "group": "crew", "allow": [grant]}
                return home.run({"app": declared}, prove=False).warnings
        finally:
            shutil.rmtree(top)

    (said,) = with_accounts_of_its_own(inside)
    assert said.startswith("These processes of user bob lack the group crew until")


@pytest.mark.parametrize("room", ["sock_diag", "proc"])
def test_where_the_kernel_does_not_tell_the_run_goes_on(home: Place, room: str) -> None:
    path = home.listen("s", 0o777)
    real = os.listdir

    def listed(where: str) -> list[str]:
        if where.startswith("/proc/") and where.endswith("/fd"):
            raise PermissionError(13, "hidden", where)
        return real(where)

    hidden = (
        mock.patch.object(shut_out, "dump", side_effect=OSError(93, "no protocol"))
        if room == "sock_diag"
        else mock.patch.object(holders.os, "listdir", listed)
    )
    with connected(path, BOB), hidden:
        result = home.run({"app": {"path": path}}, prove=False)
    assert result.changed
    said = [one for one in result.warnings if "to whom 1 of its connections belong" in one]
    assert result.warnings == said
    assert len(said) == (room == "proc")


def _close_all_but(kept: int) -> None:
    """Be no daemon of the test's own: whoever has its listener open would be one."""
    os.closerange(3, kept)
    os.closerange(kept + 1, 4096)


def _connect(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(path)
    return client


def can_be_seen(path: str, count: int) -> bool:
    """Tell whether that many connections to a path are known to the kernel."""
    show = sock_diag.SHOW_NAME | sock_diag.SHOW_PEER | sock_diag.SHOW_WAITING
    named = [one for one in sock_diag.dump(None, show) if one.name == os.fsencode(path) + b"\0"]
    return sum(bool(one.peer) + len(one.waiting) for one in named) >= count


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
