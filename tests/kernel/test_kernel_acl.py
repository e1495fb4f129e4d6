# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's ACLs against setfacl(1) and the kernel: the same request leaves the same bytes."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.unixsocket.access.plugins.module_utils._engine.host.inode import (
    write_access,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.access import (
    CONNECT,
    Access,
    AccessRequest,
    wanted_socket,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    XATTR_ACCESS,
    Acl,
    entries_of,
)
from kernel.trees import put

# Requests in all; each file system and each of the three tests gets its share.
REQUESTS = int(os.environ.get("ACL_REQUESTS") or 12000) // 6
FILES = 10
IDS = (0, 1, 7, 33, 1000, 65534, 70001, 2_000_000_000, 4_294_967_294)


@dataclass(frozen=True)
class Stored:
    """What the kernel keeps of an inode's permissions: mode and the attribute's bytes, if any."""

    mode: int
    acl: bytes | None

    @property
    def value(self) -> Acl:
        return Acl.from_mode(self.mode) if self.acl is None else Acl.from_bytes(self.acl)


def _stored(path: str) -> Stored:
    try:
        data = os.getxattr(path, XATTR_ACCESS)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        data = None
    return Stored(os.stat(path).st_mode & 0o777, data)


def _as_stored(acl: Acl) -> Stored:
    """Return what the kernel would keep of an ACL: none that permission bits can hold."""
    return Stored(acl.mode, None if acl.minimal else acl.to_bytes())


def _entries(rng: random.Random, most: int) -> dict[int, int]:
    return {number: rng.randrange(8) for number in rng.sample(IDS, rng.randrange(most + 1))}


def _start(rng: random.Random) -> Acl:
    """Return bits, an ACL with a mask of its own, or a mask alone; the mask may be empty."""
    acl = Acl(rng.randrange(8), rng.randrange(8), rng.randrange(8))
    kind = rng.randrange(4)
    if kind == 0:
        return acl
    users, groups = (_entries(rng, 4), _entries(rng, 4)) if kind > 1 else ({}, {})
    mask = rng.choice((0, rng.randrange(8)))
    return Acl(acl.user_obj, acl.group_obj, acl.other, entries_of(users), entries_of(groups), mask)


def _words(users: Mapping[int, int], groups: Mapping[int, int]) -> list[str]:
    rows = [f"u:{number}:{held}" for number, held in users.items()]
    return rows + [f"g:{number}:{held}" for number, held in groups.items()]


def _setfacl(option: str, spec: Sequence[str], paths: Sequence[str]) -> None:
    subprocess.run(["setfacl", option, ",".join(spec), *paths], check=True)


@pytest.fixture
def inodes(place: Path) -> list[str]:
    """Sockets, files and directories."""
    if shutil.which("setfacl") is None:
        pytest.fail("setfacl is what the engine is compared with; install the package acl.")
    paths = [str(place / str(number)) for number in range(FILES)]
    for number, path in enumerate(paths):
        if number % 3 == 0:
            os.mkdir(path)
        elif number % 3 == 1:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        else:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
    return paths


def _begin(inodes: Sequence[str], rng: random.Random) -> list[Acl]:
    for path in inodes:
        acl = _start(rng)
        put(path, acl)
        # The way in is held to the bytes, too: what the kernel gives back is what was encoded.
        assert _stored(path) == _as_stored(acl)
        assert _stored(path).value == acl
    return [_stored(path).value for path in inodes]


def test_entries_added_or_changed_as_setfacl_does(inodes: list[str], rng: random.Random) -> None:
    started = time.monotonic()
    for dummy in range(REQUESTS // FILES):
        before = _begin(inodes, rng)
        users, groups = _entries(rng, 4), _entries(rng, 4)
        if not users and not groups:
            users = {rng.choice(IDS): rng.randrange(8)}
        _setfacl("-m", _words(users, groups), inodes)
        for path, acl in zip(inodes, before):
            assert _as_stored(acl.modified(users, groups)) == _stored(path), (acl, users, groups)
    print(f"{REQUESTS} requests in {time.monotonic() - started:.1f} s")


def test_requests_for_a_closed_socket_as_setfacl_sets_them(
    inodes: list[str], rng: random.Random
) -> None:
    for dummy in range(REQUESTS // FILES):
        before = _begin(inodes, rng)
        classes = {name: rng.randrange(8) for name in ("user_obj", "group_obj", "other")}
        users, groups = _entries(rng, 4), _entries(rng, 4)
        request = AccessRequest(**classes, users=users, groups=groups, exclusive=True)
        spec = [
            f"u::{classes['user_obj']}",
            f"g::{classes['group_obj']}",
            f"o::{classes['other']}",
            *_words(users, groups),
        ]
        everything = classes["group_obj"]
        for held in (*users.values(), *groups.values()):
            everything |= held
        if (users or groups) and everything == 0:
            # setfacl leaves an empty mask, which switches the refusal off; the engine does not.
            spec.append(f"m::{CONNECT}")
        _setfacl("--set", spec, inodes)
        for path, acl in zip(inodes, before):
            wanted = wanted_socket(Access(0, 0, acl), request)
            assert _as_stored(wanted.acl) == _stored(path), (acl, request)


def test_what_the_engine_writes_is_what_setfacl_would_have(
    inodes: list[str], rng: random.Random
) -> None:
    held = [os.open(path, os.O_PATH | os.O_NOFOLLOW) for path in inodes]
    for dummy in range(REQUESTS // FILES):
        before = _begin(inodes, rng)
        users, groups = {rng.choice(IDS): rng.randrange(8)}, _entries(rng, 3)
        wanted = [acl.modified(users, groups) for acl in before]
        for fd, acl in zip(held, wanted):
            write_access(fd, Access(0, 0, acl))
        written = [_stored(path) for path in inodes]
        for path, acl in zip(inodes, before):
            put(path, acl)
        _setfacl("-m", _words(users, groups), inodes)
        assert written == [_stored(path) for path in inodes], (before, users, groups)
    for fd in held:
        os.close(fd)
