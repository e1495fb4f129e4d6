# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real listeners: seen by the kernel's own account, and waited for."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    creator,
    listening,
    sock_diag,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import (
    _open_of,
    creator_of,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.pinned import walked
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.chain import Component
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import wait
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime.wait import (
    wait_for_listener,
)
from kernel.hosts import mount_with_two_devices, with_accounts_of_its_own

TYPES = {
    "stream": socket.SOCK_STREAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "dgram": socket.SOCK_DGRAM,
}


def listens(path: Path, pid: int | None = None) -> bool:
    status = path.stat()
    return (status.st_dev, status.st_ino & 0xFFFFFFFF) in listening.listeners(pid)


def leaf_of(path: Path) -> Component:
    leaf = walked(str(path)).leaf
    assert leaf is not None
    return leaf


@pytest.mark.parametrize("kind", TYPES)
def test_a_listener_is_seen_from_listen_on(place: Path, kind: str) -> None:
    path = place / "s"
    with socket.socket(socket.AF_UNIX, TYPES[kind]) as one:
        one.bind(str(path))
        assert listens(path) == (kind == "dgram")
        if kind != "dgram":
            one.listen()
        assert listens(path)
        found = listening.listener_at(leaf_of(path))
        assert found is not None
        assert found.type == kind
        assert found.socket == os.fstat(one.fileno()).st_ino
        name = f"socket:[{found.socket}]"
        assert _open_of(os.getpid(), {name: 7, "socket:[0]": 8}) == {7}
        path.rename(place / "renamed")
        assert listens(place / "renamed")
    assert not listens(place / "renamed")


def test_connections_are_no_listeners(place: Path) -> None:
    path = place / "s"
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as client:
        one.bind(str(path))
        one.listen()
        client.connect(str(path))
        accepted, dummy = one.accept()
        one.close()
        assert not listens(path)
        accepted.close()


def test_many_listeners(place: Path) -> None:
    """More than one datagram of the kernel's answer."""
    sockets = [socket.socket(socket.AF_UNIX) for dummy in range(900)]
    try:
        for number, one in enumerate(sockets):
            one.bind(f"{place}/{number}")
            one.listen()
        known = listening.listeners()
        for number in range(900):
            status = (place / str(number)).stat()
            assert (status.st_dev, status.st_ino) in known
    finally:
        for one in sockets:
            one.close()


def test_a_file_system_with_two_devices() -> None:
    """Who listens there is known by the one that stat(2) does not show, and so is what makes it."""

    def work() -> None:
        point = Path("/mnt/two")
        point.mkdir(parents=True)
        mount_with_two_devices(point)
        path = point / "s"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
            one.bind(str(path))
            assert listening.listener_at(leaf_of(path)) is None
            one.listen()
            assert not listens(path)
            found = listening.listener_at(leaf_of(path))
            assert found is not None
            assert found.type == "seqpacket"
            with mock.patch.object(creator, "unit_of", return_value=("app.service", None)):
                assert creator_of(leaf_of(path)) == creator.Creator("app.service")
            assert wait_for_listener(str(path), 5, os.getpid())

    with_accounts_of_its_own(work)


@contextmanager
def listener_elsewhere(path: Path) -> Iterator[int]:
    """A daemon in a network namespace of its own."""
    code = (
        "import socket, sys\n"
        "one = socket.socket(socket.AF_UNIX)\n"
        f"one.bind({str(path)!r})\n"
        "one.listen()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    arguments = ["unshare", "--net", sys.executable, "-c", code]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdin is not None
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"ready\n"
        yield daemon.pid
        daemon.stdin.close()


def test_a_listener_in_another_network_namespace(place: Path) -> None:
    path = place / "s"
    own = sock_diag.network_of()
    with listener_elsewhere(path) as pid:
        assert sock_diag.network_of(pid) != own
        assert not listens(path)
        assert listens(path, pid)
        assert sock_diag.network_of() == own
        with counted_looks() as looks:
            assert wait_for_listener(str(path), 20, pid)
        assert len(looks) == 1
        # Nobody knows where it listens, but it has been there for a while.
        started = time.monotonic()
        assert wait_for_listener(str(path), 20)
        assert 0.2 < time.monotonic() - started < 10
    assert not wait_for_listener(str(path), 0.5, os.getpid())


@pytest.mark.parametrize("pid", [None, os.getpid()])
def test_where_the_kernel_does_not_tell_a_socket_that_stays_counts(
    place: Path, monkeypatch: pytest.MonkeyPatch, pid: int | None
) -> None:
    def untold(pid: int | None = None) -> listening.Listeners:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(listening, "listeners", untold)
    assert not wait_for_listener(str(place / "s"), 0.4, pid)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place / "s"))
        started = time.monotonic()
        assert wait_for_listener(str(place / "s"), 20, pid)
        assert 0.2 < time.monotonic() - started < 10


@contextmanager
def counted_looks() -> Iterator[list[None]]:
    """Have an item for each time that it looks whether somebody listens."""
    looks: list[None] = []
    real = wait._Sight.listens

    def listens(sight: wait._Sight) -> bool:
        looks.append(None)
        return real(sight)

    with mock.patch.object(wait._Sight, "listens", listens):
        yield looks


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not told by an event is not seen by the second look, either."""
    monkeypatch.setattr(wait, "_LOOK_AGAIN", 60.0)


@contextmanager
def doing(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


@pytest.mark.usefixtures("told")
def test_waiting_for_everything_to_appear(place: Path) -> None:
    path = place / "a" / "b" / "s"
    one = socket.socket(socket.AF_UNIX)
    found = []

    def daemon() -> None:
        for directory in (path.parent.parent, path.parent):
            time.sleep(0.05)
            directory.mkdir()
        time.sleep(0.05)
        found.append(len(looks))
        one.bind(str(path))
        # However busy the machine is.
        deadline = time.monotonic() + 10
        while len(looks) <= found[0] + 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        found.append(len(looks))
        one.listen()

    with counted_looks() as looks, doing(daemon), one:
        assert wait_for_listener(str(path), 20, os.getpid())
    # It waits for events, and looks again only between bind() and listen().
    before, between = found
    assert before <= 6
    assert between > before + 6


def test_a_socket_that_an_earlier_run_left_does_not_count(place: Path) -> None:
    path = place / "s"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
        old.listen()
    one = socket.socket(socket.AF_UNIX)
    renewed = []

    def daemon() -> None:
        time.sleep(0.5)
        path.unlink()
        renewed.append(True)
        one.bind(str(path))
        one.listen()

    with doing(daemon), one:
        assert wait_for_listener(str(path), 5, os.getpid())
        assert renewed


@pytest.mark.usefixtures("told")
def test_a_socket_that_goes_again_is_waited_for_by_events(place: Path) -> None:
    path = place / "s"
    found = []

    def daemon() -> None:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
            time.sleep(0.2)
            path.unlink()
            time.sleep(0.1)
            found.append(len(looks))
            time.sleep(0.3)
            found.append(len(looks))

    with counted_looks() as looks, doing(daemon):
        assert not wait_for_listener(str(path), 1, os.getpid())
    gone, later = found
    assert later - gone <= 2


@pytest.mark.usefixtures("told")
def test_directories_that_are_made_anew(place: Path) -> None:
    """A RuntimeDirectory= that is wiped while the hook waits."""
    path = place / "d" / "s"
    path.parent.mkdir()
    one = socket.socket(socket.AF_UNIX)

    def daemon() -> None:
        time.sleep(0.1)
        path.parent.rmdir()
        time.sleep(0.1)
        path.parent.mkdir()
        time.sleep(0.1)
        one.bind(str(path))
        one.listen()

    with doing(daemon), one:
        assert wait_for_listener(str(path), 20, os.getpid())


@pytest.mark.usefixtures("told")
def test_a_link_on_the_way(place: Path) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to(place / "real")
    one = socket.socket(socket.AF_UNIX)

    def daemon() -> None:
        time.sleep(0.1)
        one.bind(str(place / "real" / "s"))
        one.listen()

    with doing(daemon), one:
        assert wait_for_listener(str(place / "link" / "s"), 20, os.getpid())


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("there", ["nothing", "file", "bound", "directory"])
def test_nobody_comes(place: Path, there: str) -> None:
    path = place / "s"
    with socket.socket(socket.AF_UNIX) as one:
        if there == "file":
            path.touch()
        elif there == "directory":
            path.mkdir()
        elif there == "bound":
            one.bind(str(path))
        started = time.monotonic()
        assert not wait_for_listener(str(path), 0.4, os.getpid())
        assert 0.4 <= time.monotonic() - started < 10


def test_a_listener_that_no_unit_runs(place: Path) -> None:
    path = place / "s"
    assert creator_of(leaf_of(place)) is None
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        assert creator_of(leaf_of(path)) is None


def test_a_user_who_has_no_inotify_instance_left_waits_all_the_same(place: Path) -> None:
    """The kernel counts instances by user, so an id that nobody else has uses up only its own."""
    path = place / "s"
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setuid(61_234)
            libc = ctypes.CDLL(None, use_errno=True)
            while libc.inotify_init1(os.O_CLOEXEC) >= 0:
                pass
            os.write(tell, b"." if ctypes.get_errno() == errno.EMFILE else b"!")
            status = 0 if wait_for_listener(str(path), 10) else 2
        finally:
            os._exit(status)
    try:
        assert os.read(ready, 1) == b"."
        with socket.socket(socket.AF_UNIX) as one:
            time.sleep(0.1)
            one.bind(str(path))
            one.listen()
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        os.close(ready)
        os.close(tell)
