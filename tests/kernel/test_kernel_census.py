# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The census against ss(8), against real connections, and against planted trouble.

Each test has accounts, mounts and a network of its own, so that it sees its own sockets alone.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import (
    Census,
    Managed,
    look,
    places,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census import (
    dead as dead_sockets,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.census.values import (
    Place,
    Seen,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host import (
    processes,
    sock_diag,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.creator import Creator
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from ansible_collections.unixsocket.access.plugins.module_utils._engine.policy import validate
from ansible_collections.unixsocket.access.plugins.module_utils._engine.prove import Attempt, prove
from ansible_collections.unixsocket.access.plugins.module_utils._engine.run import converge
from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import info
from ansible_collections.unixsocket.access.plugins.module_utils._engine.strangers import (
    stranger_here,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.task import (
    Options,
    Task,
    compiled,
)
from kernel.hosts import (
    become,
    ended,
    fork,
    kill,
    mount,
    mount_with_two_devices,
    with_accounts_of_its_own,
)
from kernel.trees import put

_NEW_NETWORK = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# Throw-away accounts: user id and primary group, and supplementary groups with their members.
USERS = {f"user{number}": 73000 + number for number in range(8)}
GROUPS = {"crew": (73100, ("user1", "user2")), "crowd": (73101, ("user2", "user3", "user4"))}
KINDS = {
    "stream": socket.SOCK_STREAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "dgram": socket.SOCK_DGRAM,
}
SS = {"u_str": "stream", "u_seq": "seqpacket", "u_dgr": "dgram"}


def alone(work: Callable[[], None]) -> None:
    """Run a test in a child with accounts, mounts and a network of its own."""

    def inside() -> bool:
        if _libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        mount("tmpfs", Path("/run"), "mode=755")
        mount("tmpfs", Path("/var/lib"), "mode=755")
        # By hand, for useradd(8) may want more of the host than it has here.
        with open("/etc/passwd", "a", encoding="ascii") as file:
            for name, uid in USERS.items():
                file.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
        with open("/etc/group", "a", encoding="ascii") as file:
            for name, uid in USERS.items():
                file.write(f"{name}:x:{uid}:\n")
            for name, (gid, members) in GROUPS.items():
                file.write(f"{name}:x:{gid}:{','.join(members)}\n")
        os.utime("/etc/group", (0, 0))
        work()
        return True

    assert with_accounts_of_its_own(inside)


def listen(
    path: str | Path | bytes,
    acl: Acl | int = 0o600,
    uid: int = 0,
    gid: int = 0,
    kind: str = "stream",
) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, KINDS[kind])
    one.bind(path if isinstance(path, bytes) else str(path))
    if kind != "dgram":
        one.listen(64)
    if not isinstance(path, bytes):
        os.chown(path, uid, gid)
        if isinstance(acl, Acl):
            put(str(path), acl)
        else:
            os.chmod(path, acl)
    return one


def directory(path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Path:
    made = Path(path)
    made.mkdir()
    os.chown(made, uid, gid)
    made.chmod(mode)
    return made


def census(paths: list[str] | None = None, managed: tuple[Managed, ...] = ()) -> Census:
    return look(paths, managed, stranger_here())


def the(name: str, found: Census | None = None) -> Seen:
    (one,) = [one for one in (found or census()).sockets if one.name == name]
    return one


@contextmanager
def running(uid: int, work: Callable[[], None], gid: int | None = None) -> Iterator[int]:
    """A process of a user, without supplementary groups, that does the work and stays."""
    reading, writing = os.pipe()

    def inside() -> None:
        become(uid, gid)
        work()
        os.write(writing, b"r")
        time.sleep(60)

    pid = fork(inside)
    try:
        assert os.read(reading, 1) == b"r"
        yield pid
    finally:
        kill(pid)
        os.close(reading)
        os.close(writing)


def _ss() -> dict[tuple[str, str, int], set[int]]:
    """Return the pids by type, name and inode of all that ss(8) lists as listening or as bound."""
    found = {}
    for words in (["-l"], ["-a"]):
        said = subprocess.run(
            ["ss", "-H", "-x", "-p", *words], capture_output=True, text=True, check=True
        ).stdout
        for line in said.splitlines():
            fields = line.split()
            kind = SS[fields[0]]
            # With -a, a datagram socket that somebody is connected to is listed as connected.
            if fields[4] != "*" and (words == ["-l"] or kind == "dgram"):
                pids = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
                found[(kind, fields[4], int(fields[5]))] = pids
    return found


def test_it_agrees_with_ss() -> None:
    def work() -> None:
        kept = []
        for kind in KINDS:
            for number in range(40):
                kept.append(listen(f"/run/{kind}{number}", kind=kind))
            kept.append(listen(b"\0abstract/" + kind.encode(), kind=kind))
        unbound = [socket.socket(socket.AF_UNIX, kind) for kind in KINDS.values()]
        bound = socket.socket(socket.AF_UNIX)
        bound.bind("/run/not-listening")
        client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        client.connect("/run/dgram0")
        with running(USERS["user1"], lambda: None):
            found = census()
            seen = {
                (one.listener.type, one.bound or "", one.listener.number): {
                    process.pid for process in one.processes
                }
                for one in found.sockets
                if one.listener is not None
            }
            said = _ss()
        # What is bound and does not listen yet has no name for ss -l.
        assert len(seen) == 3 * 41
        assert {key: said[key] for key in said if key[1] != "/run/not-listening"} == seen
        assert {one.name for one in found.sockets if one.abstract} == {
            f"@abstract/{kind}" for kind in KINDS
        }
        named = {
            row.split(maxsplit=7)[7].strip()
            for row in Path("/proc/self/net/unix").read_text().splitlines()
            if len(row.split(maxsplit=7)) == 8
        }
        assert {one.bound for one in found.sockets} == named - {"Path", "/run/not-listening"}
        for one in (*kept, *unbound, bound, client):
            one.close()

    alone(work)


def _some_acl(rng: random.Random) -> Acl | int:
    if rng.random() < 0.4:
        return rng.choice([0o600, 0o660, 0o666, 0o606, 0o066, 0o770, 0o755, 0o722])
    users = tuple(
        sorted((uid, rng.choice([0, 6, 2])) for uid in rng.sample(list(USERS.values()), 2))
    )
    gids = [gid for gid, dummy in GROUPS.values()]
    groups = tuple(sorted((gid, rng.choice([0, 6, 4])) for gid in rng.sample(gids, 1)))
    return Acl(
        6, rng.choice([0, 6]), rng.choice([0, 0, 6]), users, groups, rng.choice([0, 6, 7, 5])
    )


def test_who_can_reach_it_agrees_with_connects_of_every_user(rng: random.Random) -> None:
    def work() -> None:
        kept = []
        owners = [0, *USERS.values()]
        gids = [0, USERS["user5"], *(gid for gid, dummy in GROUPS.values())]
        for number in range(60):
            place = directory(f"/run/d{number}", 0o755, rng.choice(owners), rng.choice(gids))
            if rng.random() < 0.5:
                acl = _some_acl(rng)
                put(
                    str(place),
                    Acl.from_mode(rng.choice([0o700, 0o710, 0o711, 0o701]))
                    if isinstance(acl, int)
                    else Acl(7, acl.group_obj | 1, acl.other | 1, acl.users, acl.groups, acl.mask),
                )
            kind = rng.choice(list(KINDS))
            kept.append(
                listen(place / "s", _some_acl(rng), rng.choice(owners), rng.choice(gids), kind)
            )
        accounts = Accounts()
        found = [one for one in census().sockets if one.place.path is not None]
        assert len(found) == 60
        nobody = stranger_here()
        asked = [
            (one, name, user.credentials)
            for one in found
            for name in ("root", "nobody", *USERS)
            for user in [accounts.user(name)]
            if user is not None
        ] + [(one, "", nobody) for one in found]
        kinds = [item[0].listener.type if item[0].listener else None for item in asked]
        outcomes = prove(
            [
                Attempt(str(one.place.path), who, kind)
                for (one, dummy, who), kind in zip(asked, kinds)
            ],
            seconds=5,
        )
        answers = set()
        for (one, name, dummy), outcome in zip(asked, outcomes):
            reach = one.reach
            assert reach is not None
            said = name not in reach.refused_users if reach.everyone else name in reach.users
            assert said == outcome.connected, f"{one.name} {name}: {reach} {outcome.text}"
            answers.add((reach.everyone, said))
        assert answers == {(True, True), (True, False), (False, True), (False, False)}
        _groups_agree(found)
        for late in kept:
            late.close()

    alone(work)


def _groups_agree(found: list[Seen]) -> None:
    """Connect as somebody who is in one group only and is no user of the host."""
    nobody = stranger_here()
    asked = [
        (one, name, type(nobody)(nobody.uid, gid))
        for one in found
        for name, (gid, dummy) in GROUPS.items()
    ]
    attempts = [
        Attempt(str(one.place.path), who, one.listener.type if one.listener else None)
        for one, dummy, who in asked
    ]
    for (one, name, dummy), outcome in zip(asked, prove(attempts, seconds=5)):
        reach = one.reach
        assert reach is not None
        differs = name in (reach.refused_groups if reach.everyone else reach.groups)
        assert (differs != reach.everyone) == outcome.connected, f"{one.name} {name}: {reach}"


def test_who_is_connected() -> None:
    def work() -> None:
        place = directory("/run/app")
        listeners = {kind: listen(place / kind, 0o666, kind=kind) for kind in KINDS}
        listeners["abstract"] = listen(b"\0app")

        def connect() -> None:
            for path, number, kind in (
                ("/run/app/stream", 3, "stream"),
                ("/run/app/seqpacket", 1, "seqpacket"),
                ("/run/app/dgram", 2, "dgram"),
                ("\0app", 1, "stream"),
            ):
                for dummy in range(number):
                    client = socket.socket(socket.AF_UNIX, KINDS[kind])
                    client.connect(path)
                    kept.append(client)

        kept: list[socket.socket] = []
        with running(USERS["user3"], connect) as pid:
            accepted = [listeners["stream"].accept()[0] for dummy in range(2)]
            found = census()
            for name, count in (
                ("/run/app/stream", 3),  # One of them is not accepted yet.
                ("/run/app/seqpacket", 1),
                ("/run/app/dgram", 2),
                ("@app", 1),
            ):
                one = the(name, found)
                assert one.connections == count, name
                assert [(peer.pid, peer.user, peer.connections) for peer in one.connected] == [
                    (pid, "user3", count)
                ]
                assert next(holder.user for holder in one.processes) == "root"
        assert the("/run/app/seqpacket").connections == 0
        for late in (*accepted, *listeners.values()):
            late.close()

    alone(work)


def test_where_it_is_now() -> None:
    """The name that it was bound with is wrong after a rename, and a part of it after chdir(2)."""

    def work() -> None:
        place = directory("/run/app")
        renamed, removed = listen(place / "old"), listen(place / "removed")
        os.rename(place / "old", place / "new")
        os.unlink(place / "removed")
        os.chdir(place)
        relative = socket.socket(socket.AF_UNIX)
        relative.bind("relative")
        relative.listen()
        os.chdir("/")
        os.symlink("app", "/run/link")
        linked = socket.socket(socket.AF_UNIX)
        linked.bind("/run/link/linked")
        linked.listen()
        found = {one.bound: one for one in census().sockets}
        one = found["/run/app/old"]
        assert (one.name, one.place.path) == ("/run/app/new", "/run/app/new")
        assert one.place.note == (
            "It was bound as /run/app/old, a name that is gone; its file is /run/app/new now."
        )
        assert one.reach is not None
        gone = found["/run/app/removed"]
        assert (gone.name, gone.place.path, gone.reach) == ("/run/app/removed", None, None)
        assert "was removed" in str(gone.place.note)
        assert found["relative"].place.path == "/run/app/relative"
        # Through a link it has the name that it was bound with still.
        assert found["/run/link/linked"].place == Place("/run/app/linked")
        # A kernel before 5.6 does not open the path of another process's socket.
        os.chdir(place)
        with mock.patch.object(places, "_opened", return_value=None):
            again = {one.bound: one for one in census().sockets}
        assert again["relative"].place == Place("/run/app/relative")
        assert again["/run/app/old"].place == one.place
        assert again["/run/app/removed"].place.path is None
        os.chdir("/")
        assert found["/run/link/linked"].name == "/run/app/linked"
        assert the("/run/app/linked", census(["/run/link/linked"])).bound == "/run/link/linked"
        for late in (renamed, removed, relative, linked):
            late.close()

    alone(work)


def test_a_socket_that_got_its_name_by_a_link() -> None:
    """Supervisor binds a name of its own, links the socket to the right one, and removes the first."""

    def work() -> None:
        directory("/run/app")
        held = listen("/run/supervisor.sock.7", 0o777)
        os.link("/run/supervisor.sock.7", "/run/supervisor.sock")
        os.unlink("/run/supervisor.sock.7")
        (outcome,) = prove([Attempt("/run/supervisor.sock", Credentials(73007, 73007))], seconds=5)
        assert outcome.connected
        (finding,) = census().findings
        assert (finding.code, finding.socket) == (
            "world-connectable-privileged",
            "/run/supervisor.sock",
        )
        os.mkdir("/run/other")
        os.rename("/run/supervisor.sock", "/run/other/elsewhere")
        (one,) = census().sockets
        assert one.place.path is None
        assert "may have another name" in str(one.place.note)
        os.unlink("/run/other/elsewhere")
        (one,) = census().sockets
        assert "was removed" in str(one.place.note)
        held.close()

    alone(work)


def test_another_mount_namespace() -> None:
    def work() -> None:
        directory("/run/app")

        def hidden() -> None:
            kept.append(listen("/run/app/s"))

        def inside() -> None:
            if _libc.unshare(0x00020000):
                raise OSError(ctypes.get_errno(), "unshare")
            mount("tmpfs", Path("/run/app"))
            hidden()

        kept: list[socket.socket] = []
        with running(0, inside) as pid:
            (one,) = census().sockets
            assert (one.name, one.place.path, one.reach) == ("/run/app/s", None, None)
            assert f"mount namespace of process {pid}" in str(one.place.note)

    alone(work)


def test_it_comes_and_goes_meanwhile() -> None:
    """What vanishes while it is looked at is no error."""

    def work() -> None:
        def flicker() -> None:
            for number in range(100_000):
                path = f"/run/app/{number % 20}"
                one = listen(path)
                os.unlink(path)
                one.close()

        directory("/run/app", 0o777)
        pid = fork(flicker)
        try:
            for dummy in range(20):
                census()
        finally:
            kill(pid)

    alone(work)


Found = set[tuple[str, str, str]]


def _kept_open(*sockets: socket.socket) -> None:
    _OPEN.extend(sockets)


_OPEN: list[socket.socket] = []


def privileged() -> Found:
    directory("/run/podman")
    _kept_open(listen("/run/podman/podman.sock", 0o666), listen(b"\0/containerd-shim/1.sock"))
    _kept_open(listen("/run/docker.sock", 0o660, 0, GROUPS["crew"][0]))
    return {
        ("world-connectable-privileged", "high", "/run/podman/podman.sock"),
        ("world-connectable-privileged", "high", "@/containerd-shim/1.sock"),
    }


def open_root() -> Found:
    _kept_open(listen("/run/mine.sock", 0o666), listen("/run/closed.sock", 0o770))
    return {("world-connectable-root", "medium", "/run/mine.sock")}


def by_design() -> Found:
    directory("/run/systemd")
    directory("/run/systemd/journal")
    directory("/run/dbus")
    for path in ("systemd/notify", "systemd/journal/stdout", "dbus/system_bus_socket"):
        _kept_open(listen(f"/run/{path}", 0o777))
    directory("/run/systemd/inaccessible")
    listen("/run/systemd/inaccessible/sock", 0o000).close()
    return set()


def not_by_design() -> Found:
    """A known name in a directory that is somebody else's."""
    directory("/run/dbus", 0o755, USERS["user1"])
    _kept_open(listen("/run/dbus/system_bus_socket", 0o666))
    return {
        ("world-connectable-root", "medium", "/run/dbus/system_bus_socket"),
        ("writable-directory", "medium", "/run/dbus/system_bus_socket"),
    }


def abstract() -> Found:
    _kept_open(listen(b"\0mine"), listen(b"\0ISCSIADM_ABSTRACT_NAMESPACE"))
    # The kernel chooses a name, as it does for many a client of the system log.
    autobound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    autobound.bind("")
    _kept_open(autobound)
    return {("abstract-listener", "medium", "@mine")}


def writable() -> Found:
    directory("/run/open", 0o777)
    directory("/run/sticky", 0o1777)
    directory("/run/sticky/private", 0o700, USERS["user1"])
    directory("/run/crew", 0o775, 0, GROUPS["crew"][0])
    directory("/run/own", 0o775, USERS["user1"], USERS["user1"])
    directory("/run/stranger", 0o755, USERS["user1"])
    user = USERS["user1"]
    _kept_open(
        listen("/run/open/s"),
        listen("/run/sticky/s"),
        listen("/run/sticky/private/s", uid=user),
        listen("/run/crew/s"),
        listen("/run/own/s", uid=user),
        listen("/run/stranger/s"),
    )
    return {
        ("writable-directory", "medium", "/run/open/s"),
        ("writable-directory", "low", "/run/sticky/s"),
        ("writable-directory", "medium", "/run/crew/s"),
        ("writable-directory", "medium", "/run/stranger/s"),
    }


def dead() -> Found:
    listen("/run/dead.sock", 0o666).close()
    bound = socket.socket(socket.AF_UNIX)
    bound.bind("/run/about-to-listen.sock")
    _kept_open(bound)
    Path("/run/file").touch()
    os.mkfifo("/run/pipe")
    # What else is wrong with a socket is so without a daemon as well.
    directory("/run/open", 0o777)
    listen("/run/open/s").close()
    return {
        ("dead-socket", "low", "/run/dead.sock"),
        ("dead-socket", "low", "/run/open/s"),
        ("writable-directory", "medium", "/run/open/s"),
    }


def mounts() -> Found:
    _kept_open(listen("/run/s", 0o660), listen("/run/twice", 0o660), listen("/run/self", 0o660))
    for name in ("fine", "stale", "double", "self"):
        Path(f"/run/at-{name}").touch()
    stale = listen("/run/gone", 0o660)
    for source, target in (
        ("s", "at-fine"),
        ("gone", "at-stale"),
        ("twice", "at-double"),
        ("twice", "at-double"),
        ("self", "self"),
    ):
        subprocess.run(["mount", "--bind", f"/run/{source}", f"/run/{target}"], check=True)
    os.unlink("/run/gone")
    stale.close()
    assert the("/run/s").mounted_at == ("/run/at-fine",)
    return {
        ("stale-mount", "medium", "/run/at-stale"),
        ("doubled-mount", "medium", "/run/at-double"),
        ("doubled-mount", "medium", "/run/self"),
    }


def masked() -> Found:
    users = ((USERS["user1"], 6),)
    _kept_open(
        listen("/run/fine", Acl(6, 0, 0, users, (), 6)),
        listen("/run/off", Acl(6, 0, 0, users, (), 0)),
        listen("/run/less", Acl(6, 4, 0, users, (), 4)),
    )
    place = directory("/run/place", 0o700)
    put(str(place), Acl(7, 0, 0, ((USERS["user1"], 1),), (), 0))
    _kept_open(listen("/run/place/s", 0o660))
    return {
        ("acl-masked", "medium", "/run/off"),
        ("acl-masked", "medium", "/run/less"),
        ("acl-masked", "medium", "/run/place/s"),
    }


PLANTED = [
    privileged,
    open_root,
    by_design,
    not_by_design,
    abstract,
    writable,
    dead,
    mounts,
    masked,
]


@pytest.mark.parametrize("plant", PLANTED)
def test_each_finding_is_found_and_nothing_else(plant: Callable[[], Found]) -> None:
    def work() -> None:
        wanted = plant()
        found = census()
        assert {(one.code, one.severity, one.socket) for one in found.findings} == wanted
        assert len(found.findings) == len(wanted)
        grave = [("high", "medium", "low").index(one.severity) for one in found.findings]
        assert grave == sorted(grave)
        for one in found.findings:
            assert one.message.endswith(".")
            assert one.remedy.rstrip("`").endswith((".", one.socket)) or one.remedy[-1].isalnum()
            assert one.socket in one.message

    alone(work)


def test_a_mount_from_a_file_system_with_two_devices() -> None:
    def work() -> None:
        mount_with_two_devices(directory("/run/disk"))
        _kept_open(listen("/run/disk/s", 0o660))
        Path("/run/at").touch()
        subprocess.run(["mount", "--bind", "/run/disk/s", "/run/at"], check=True)
        assert os.stat("/run/at").st_dev != sock_diag.dump()[-1].device
        # Where another network namespace is hidden, it is not called stale for that reason alone.
        with mock.patch.object(sock_diag, "one_of_each", return_value=()):
            found = census()
        assert not found.findings
        assert the("/run/disk/s", found).mounted_at == ("/run/at",)

    alone(work)


def test_only_mounts_that_are_asked_about() -> None:
    def work() -> None:
        planted = mounts()
        assert not census(["/run/s"]).findings
        os.symlink("/run/at-double", "/run/link")
        for asked in ("/run/at-double", "/run/link"):
            (one,) = census([asked]).findings
            assert (one.code, one.severity, one.socket) in planted
            assert one.socket == "/run/at-double"
        # Somebody in another network namespace listens at what is mounted there.
        with mock.patch.object(dead_sockets.Elsewhere, "has", return_value=True):
            assert {one.code for one in census().findings} == {"doubled-mount"}

    alone(work)


def test_an_unprivileged_daemon_may_let_everyone_in() -> None:
    def work() -> None:
        place = directory("/run/app", 0o755, USERS["user1"])

        def serve() -> None:
            for path in (place / "s", b"\0own"):
                one = socket.socket(socket.AF_UNIX)
                one.bind(path if isinstance(path, bytes) else str(path))
                one.listen()
                if not isinstance(path, bytes):
                    path.chmod(0o666)
                _kept_open(one)

        with running(USERS["user1"], serve):
            found = census()
        assert {(one.code, one.severity, one.socket) for one in found.findings} == {
            ("abstract-listener", "low", "@own")
        }
        assert the("/run/app/s", found).root is False

    alone(work)


def test_processes_that_lack_a_group() -> None:
    def work() -> None:
        gid = GROUPS["crew"][0]
        _kept_open(listen("/run/s", 0o660, 0, gid))
        assert not census().findings
        with running(USERS["user1"], lambda: None) as pid:
            # It was started after the group had its members, and so has chosen to lack it.
            assert not census().findings
            later = time.time() + 60
            os.utime("/etc/group", (later, later))
            (one,) = census().findings
            assert (one.code, one.severity, one.socket) == ("stale-group", "medium", "/run/s")
            assert f"pid {pid}" in one.message
            assert "user1 is in the group crew" in one.message
            _kept_open(listen("/run/open", Acl(6, 6, 0, ((USERS["user1"], 6),), (), 6), 0, gid))
            # Without the group this one is let in by name all the same.
            assert {one.socket for one in census().findings} == {"/run/s"}
        with running(USERS["user1"], lambda: None, gid):
            assert not census().findings

    alone(work)


def test_listeners_in_another_network_are_not_dead() -> None:
    def work() -> None:
        def elsewhere() -> None:
            if _libc.unshare(_NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "unshare")
            _kept_open(listen("/run/elsewhere"))

        with running(0, elsewhere):
            found = census()
            assert not found.findings
            assert not found.sockets
            assert not census(["/run/elsewhere"]).findings
        assert [one.code for one in census().findings] == ["dead-socket"]

    alone(work)


def _cannot_enter() -> mock._patch[Any]:
    """Without CAP_SYS_ADMIN no other network namespace can be entered (setns(2))."""
    real = sock_diag.dump

    def dump(pid: int | None = None, show: int = sock_diag.SHOW_VFS) -> list[sock_diag.UnixSocket]:
        if pid is not None:
            raise PermissionError(1, "setns")
        return real(None, show)

    return mock.patch.object(sock_diag, "dump", dump)


@pytest.mark.parametrize("kind", KINDS)
def test_names_with_newlines_neither_hide_nor_make_a_dead_socket(kind: str) -> None:
    """A name imitates a line of /proc/net/unix; another is torn into two by reading lines."""

    def work() -> None:
        listen("/run/dead").close()
        line = "0000000000000000: 00000002 00000000 00010000 0001 01 99999 /run/dead"

        def elsewhere() -> None:
            if _libc.unshare(_NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "unshare")
            _kept_open(listen(f"\0\n{line}".encode()), listen("/run/a\nb", kind=kind))

        with running(0, elsewhere) as pid, _cannot_enter():
            # The kernel says so, and whoever reads lines believes it.
            assert line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()
            found = census()
            assert [(one.code, one.socket) for one in found.findings] == [
                ("dead-socket", "/run/dead")
            ]
            assert any("could not be entered" in said for said in found.unseen)

    alone(work)


def test_whether_a_socket_is_bound_to_a_file() -> None:
    def work() -> None:
        for kind in KINDS:
            _kept_open(listen(f"/run/{kind}", 0o666, kind=kind))
        one = listen("/run/taken", 0o666, kind="dgram")
        one.connect("/run/dgram")
        _kept_open(one, listen("/run/closed", 0o600))
        listen("/run/dead", 0o666).close()

        def inside() -> None:
            become(73001)
            for name in (*KINDS, "taken"):
                assert places.is_bound(f"/run/{name}") is True, name
            assert places.is_bound("/run/dead") is False
            for name in ("closed", "nothing", "dead/nothing"):
                assert places.is_bound(f"/run/{name}") is None, name

        assert ended(fork(inside)) == 0

    alone(work)


def test_a_socket_that_may_not_be_connected_to_is_not_called_dead() -> None:
    def work() -> None:
        listen("/run/closed", 0o600).close()
        listen("/run/open", 0o666).close()

        def elsewhere() -> None:
            if _libc.unshare(_NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "unshare")

        def inside() -> None:
            become(73001)
            assert [one.socket for one in census().findings] == ["/run/open"]

        with running(0, elsewhere):
            assert ended(fork(inside)) == 0

    alone(work)


def test_what_is_declared() -> None:
    """As declared, changed behind its back, and gone: as ``socket-access status`` says."""

    def work() -> None:
        _kept_open(listen("/run/app.sock", 0o755))
        declared = {"app": {"path": "/run/app.sock", "allow": [{"user": "user1", "method": "acl"}]}}
        (one,) = validate(declared).sockets
        task = Task(one, "socket app")
        converge([task], Options(prove=False))
        os.makedirs("/etc/socket-access", exist_ok=True)
        Path("/etc/socket-access/app.json").write_bytes(compiled(task))
        seen = the("/run/app.sock", info.census())
        assert [(one.name, one.holder) for one in seen.managed] == [("app", "socket app")]
        # Nothing of systemd runs here, so a run would add nothing.
        assert [one.state for one in seen.managed] == ["as declared"]
        assert not info.census().findings
        os.chmod("/run/app.sock", 0o666)
        found = info.census()
        codes = {one.code: one for one in found.findings}
        assert set(codes) == {"drift", "world-connectable-root"}
        assert "is not as app declares it" in codes["drift"].message
        document = info.info(["/run/app.sock"])
        assert document["format"] == 1
        assert document["sockets"][0]["managed_by"] == [
            {"name": "app", "holder": "socket app", "state": "differs"}
        ]

    alone(work)


def test_which_declaration_is_about_which_socket() -> None:
    def work() -> None:
        for name in ("one", "two", "three"):
            _kept_open(listen(f"/run/{name}", 0o660))
        Path("/run/at").touch()
        subprocess.run(["mount", "--bind", "/run/three", "/run/at"], check=True)
        os.symlink("/run/two", "/run/link")
        paths = {"app": ("/run/one", "/run/none"), "web": ("/run/link",), "end": ("/run/at",)}
        managed = tuple(Managed(name, "", own, "as declared") for name, own in paths.items())
        found = census(None, managed)
        assert {one.name: [by.name for by in one.managed] for one in found.sockets} == {
            "/run/one": ["app"],
            "/run/two": ["web"],
            "/run/three": ["end"],
        }

    alone(work)


@pytest.mark.parametrize("unit", ["x.scope", "y.service", None])
def test_the_unit_that_serves_a_socket(unit: str | None) -> None:
    def work() -> None:
        _kept_open(listen("/run/s", 0o660))
        with mock.patch.object(processes, "unit_of", return_value=(unit, None)):
            made = the("/run/s").creator
        assert made == (None if unit is None else Creator(unit))

    alone(work)


def test_without_the_right_to_look_into_processes() -> None:
    def work() -> None:
        _kept_open(listen("/run/s", 0o666))

        def ask() -> None:
            found = census()
            one = the("/run/s", found)
            assert not one.processes
            # The kernel itself tells who made it.
            assert one.root is True
            assert any("could not be seen" in said for said in found.unseen)
            assert any("/run/s" in said for said in found.unseen)

        def inside() -> None:
            for one in _OPEN:
                one.close()
            become(73001)
            ask()

        assert ended(fork(inside)) == 0

    alone(work)


def test_paths_that_are_asked_about() -> None:
    def work() -> None:
        _kept_open(listen("/run/one", 0o660), listen("/run/two", 0o666))
        _kept_open(listen(b"\0three"), listen(b"\0four"))
        listen("/run/dead", 0o660).close()
        found = census(["/run/one", "/run/dead", "/run/none", "/run", "@three", "relative"])
        assert [one.name for one in found.sockets] == ["/run/dead", "/run/one", "@three"]
        assert [one.code for one in found.findings] == ["abstract-listener", "dead-socket"]
        assert "/run/none does not exist." in found.unseen
        assert "/run is not a socket, or cannot be looked at." in found.unseen

    alone(work)


def test_a_connection_that_outlives_its_listener() -> None:
    def work() -> None:
        one = listen("/run/s")
        client = socket.socket(socket.AF_UNIX)
        client.connect("/run/s")
        accepted = one.accept()[0]
        one.close()
        found = census()
        assert [seen.listener for seen in found.sockets] == [None]
        assert [finding.code for finding in found.findings] == ["dead-socket"]
        assert sock_diag.dump()
        accepted.close()
        client.close()

    alone(work)
