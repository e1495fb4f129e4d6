# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of its own for one question: accounts, mounts, a network, units, and running clients."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.accounts import (
    Accounts,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import Acl
from kernel.hosts import become, fork, kill, mount, with_accounts_of_its_own
from kernel.trees import put

ALICE, BOB = 73001, 73002
CREW, DOCKER = 73100, 73101
USERS = {"alice": ALICE, "bob": BOB}
GROUPS = {"crew": CREW, "docker": DOCKER}
KINDS = {
    "stream": socket.SOCK_STREAM,
    "seqpacket": socket.SOCK_SEQPACKET,
    "dgram": socket.SOCK_DGRAM,
}
_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000
_PRIVATE = "private"
# Whoever runs the tests may have another one, in which /usr/bin comes first.
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_ASK = "/run/systemd-of-the-test"
_SYSTEMCTL = f"""#!/usr/bin/env python3
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({_ASK!r})
    asked.sendall(json.dumps(sys.argv[1:]).encode())
    asked.shutdown(socket.SHUT_WR)
    sys.stdout.write(asked.makefile().read())
"""
_libc = ctypes.CDLL(None, use_errno=True)


def call(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def unshare_mounts() -> None:
    call(_libc.unshare(_NEW_MOUNTS))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def alone(work: Callable[[], None]) -> None:
    """Run a test in a child with accounts, mounts, a network and a systemctl of its own."""

    def inside() -> bool:
        call(_libc.unshare(_NEW_NETWORK))
        for place in ("/run", "/var/lib"):
            mount("tmpfs", Path(place), "mode=755")
        for name in ("tools", "tools-work"):
            Path("/mnt", name).mkdir()
        # In the first directory of _PATH.
        Path("/mnt/tools/systemctl").write_text(_SYSTEMCTL)
        Path("/mnt/tools/systemctl").chmod(0o755)
        options = "lowerdir=/usr/sbin,upperdir=/mnt/tools,workdir=/mnt/tools-work"
        mount("overlay", Path("/usr/sbin"), options)
        with open("/etc/passwd", "a", encoding="ascii") as file:
            for name, uid in USERS.items():
                file.write(f"{name}:x:{uid}:{uid}::/:/bin/sh\n")
        with open("/etc/group", "a", encoding="ascii") as file:
            for name, gid in {**USERS, **GROUPS}.items():
                file.write(f"{name}:x:{gid}:\n")
        os.utime("/etc/group", (0, 0))
        work()
        return True

    assert with_accounts_of_its_own(inside)


def join(user: str, group: str) -> None:
    """Make somebody a member, as an administrator does while everything runs."""
    rows = Path("/etc/group").read_text(encoding="ascii").splitlines()
    found = [
        f"{row}{',' if not row.endswith(':') else ''}{user}" if row.startswith(f"{group}:") else row
        for row in rows
    ]
    Path("/etc/group").write_text("\n".join(found) + "\n", encoding="ascii")


def directory(path: str, acl: Acl | int = 0o755, uid: int = 0, gid: int = 0) -> str:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.mkdir(path)
    os.chown(path, uid, gid)
    dress(path, acl)
    return path


def dress(path: str, acl: Acl | int) -> None:
    if isinstance(acl, Acl):
        put(path, acl)
    else:
        os.chmod(path, acl)


def listen(
    path: str,
    acl: Acl | int = 0o600,
    uid: int = 0,
    gid: int = 0,
    kind: str = "stream",
    backlog: int | None = 64,
) -> socket.socket:
    """Bind and listen as a daemon does, in the place of whatever has the name."""
    if os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    one = socket.socket(socket.AF_UNIX, KINDS[kind])
    one.bind(path)
    if kind != "dgram" and backlog is not None:
        one.listen(backlog)
    os.chown(path, uid, gid)
    dress(path, acl)
    return one


@dataclass
class Client:
    """A running process of a user, which connects when it is asked to."""

    pid: int
    asked: int
    answers: int

    def connect(self, path: str) -> str | None:
        """Return the name of the error, None where it is let in."""
        os.write(self.asked, path.encode() + b"\n")
        return os.read(self.answers, 100).decode().strip() or None


def client(
    uid: int = ALICE,
    groups: Collection[int] = (),
    gid: int | None = None,
    unit: str | None = None,
    inside: Callable[[], None] | None = None,
    without: int | None = None,
) -> Client:
    """Start one; ``inside`` makes its mount namespace, ``without`` is a capability it gives up."""
    asked, asking = os.pipe()
    answered, answering = os.pipe()

    def work() -> None:
        # Whoever waits for the end of what one of these carries shall not wait for this process.
        for number in range(3, 256):
            if number not in (asked, answering):
                with suppress(OSError):
                    os.close(number)
        if unit is not None:
            _enter(unit)
        if inside is not None:
            unshare_mounts()
            inside()
        if without is not None:
            _give_up(without)
        become(uid, gid, groups)
        os.write(answering, b"ready\n")
        with os.fdopen(asked) as paths:
            for path in paths:
                with socket.socket(socket.AF_UNIX) as connection:
                    code = connection.connect_ex(path.rstrip("\n"))
                os.write(answering, (errno.errorcode.get(code, "") + "\n").encode())

    pid = fork(work)
    os.close(asked)
    os.close(answering)
    assert os.read(answered, 100) == b"ready\n"
    return Client(pid, asking, answered)


def fresh_client(user: str, **how: Any) -> Client:
    """Start one with all groups that its user has now, as systemd does."""
    found = Accounts().user(user)
    assert found is not None
    who = found.credentials
    return client(who.uid, who.groups, who.gid, **how)


def _give_up(capability: int) -> None:
    # PR_CAPBSET_DROP and then what is permitted (capabilities(7), capset(2)).
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    call(_libc.capget(header, data))
    for index in (0, 1, 2):
        data[index] &= ~(1 << capability)
    call(_libc.capset(header, data))


def _cgroups() -> Path:
    one = Path("/sys/fs/cgroup/systemd")
    return one if one.is_dir() else Path("/sys/fs/cgroup")


def _enter(unit: str) -> None:
    place = _cgroups() / unit
    place.mkdir(exist_ok=True)
    (place / "cgroup.procs").write_text(str(os.getpid()))


@dataclass
class World:
    """What a test has made: clients, listeners, and the units that its systemctl knows."""

    kept: list[socket.socket] = field(default_factory=list)
    clients: dict[str, Client] = field(default_factory=dict)
    restarts: dict[str, Callable[[], None]] = field(default_factory=dict)
    listens: dict[str, str] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)
    called: list[list[str]] = field(default_factory=list)

    def unit(self, name: str) -> str:
        """Return a name that no unit of this host has, and no other run of the tests."""
        return f"ua-{os.getpid()}-{name}"

    def keep(self, one: socket.socket) -> socket.socket:
        self.kept.append(one)
        return one

    def run(self, unit: str, start: Callable[[], Client]) -> Client:
        """Run a client as a unit, which a restart ends and starts anew."""

        def restart() -> None:
            kill(self.clients[unit].pid)
            self.clients[unit] = start()

        self.clients[unit] = start()
        self.restarts[unit] = restart
        return self.clients[unit]

    def systemctl(self, words: list[str]) -> str:
        self.called.append(words)
        plain = [word for word in words if not word.startswith("-")]
        # A pattern leaves out what is not active without it, and none of these is (systemctl(1)).
        if plain[0] == "show" and ("--all" in words or "*" not in plain[1]):
            if plain[1] == "*.socket":
                return _blocks(
                    {f"Id={unit}": f"Listen={at} (Stream)" for unit, at in self.listens.items()}
                )
            if plain[1] == "*.service":
                return _blocks(
                    {
                        f"Id={unit}": f"RuntimeDirectory={at}"
                        for unit, at in self.directories.items()
                    }
                )
        if plain[0] == "restart":
            self.restarts[plain[1]]()
        return ""

    def stop(self) -> None:
        for one in self.clients.values():
            kill(one.pid)
        for place in _cgroups().glob(f"ua-{os.getpid()}-*"):
            place.rmdir()


def _blocks(rows: dict[str, str]) -> str:
    return "\n\n".join(f"{one}\n{other}" for one, other in rows.items()) + "\n"


@contextmanager
def world() -> Iterator[World]:
    """Everything that one question needs; what runs is ended at last."""
    made = World()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(_ASK)
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, dummy = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as asked:
                asked.write(made.systemctl(json.loads(asked.read())))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def carry_out(
    changes: list[dict[str, Any]], world: World, wait: Callable[[], None] | None
) -> dict[str, Any]:
    """Do what an explanation says, as a program would; return what a client has to do otherwise."""
    client: dict[str, Any] = {}
    for change in changes:
        if change["file"] is not None:
            path = Path(change["file"]["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(change["file"]["content"])
        for words in change["commands"]:
            if words[0] == "socket-access":
                from ansible_collections.unixsocket.access.plugins.module_utils._engine.runtime import (
                    command,
                )

                assert command.main(words[1:]) == 0
                continue
            done = subprocess.run(
                words, capture_output=True, text=True, check=False, env={"PATH": _PATH}
            )
            assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}"
        if change["action"] in ("use-path", "use-type"):
            client[change["action"][4:]] = change["value"]
        elif change["action"] == "wait":
            assert wait is not None
            wait()
    return client
