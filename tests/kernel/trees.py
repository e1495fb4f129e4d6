# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random trees with a path through each, made for real."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.account import (
    Credentials,
)
from ansible_collections.unixsocket.access.plugins.module_utils._engine.model.acl import (
    XATTR_ACCESS,
    Acl,
    entries_of,
)

UIDS = tuple(range(71001, 71006))
GIDS = tuple(range(72001, 72006))
TYPES = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM)


def identities(rng: random.Random, count: int) -> list[Credentials]:
    """Root, and users with a group and some more; some have ids that no inode names."""
    found = [Credentials(0, 0), Credentials(71999, 72999)]
    while len(found) < count:
        groups = rng.sample(GIDS, rng.choice((0, 1, 1, 2, 3)))
        gid = rng.choice(GIDS)
        found.append(Credentials(rng.choice(UIDS), gid, frozenset(groups) | {gid}))
    return found


@dataclass
class Tree:
    """A path to connect to; ``listener`` is kept open, None where nobody listens."""

    path: str
    listener: socket.socket | None


def permissions(rng: random.Random, bit: int) -> int:
    """Return three bits; ``bit``, the one that matters, is usually there, search even more so."""
    held = rng.randrange(8) & ~bit
    return held | bit if rng.random() < (0.9 if bit == 1 else 0.65) else held


def random_acl(rng: random.Random, bit: int) -> Acl:
    """Return plain bits, or an ACL; its mask is empty rather often."""
    acl = Acl(permissions(rng, bit), permissions(rng, bit), permissions(rng, bit))
    if rng.random() < 0.45:
        return acl
    mask = 0 if rng.random() < 0.1 else permissions(rng, bit)
    return Acl(
        acl.user_obj,
        acl.group_obj,
        acl.other,
        entries_of({uid: permissions(rng, bit) for uid in rng.sample(UIDS, rng.randrange(4))}),
        entries_of({gid: permissions(rng, bit) for gid in rng.sample(GIDS, rng.randrange(4))}),
        mask,
    )


def put(path: str, acl: Acl, special: int = 0) -> None:
    """Give an inode exactly this ACL, by the kernel's own calls and not by the engine."""
    if acl.minimal:
        try:
            os.removexattr(path, XATTR_ACCESS)
        except OSError as error:
            # ENOTSUP: a file system without ACLs, where the bits are all there is.
            if error.errno not in (errno.ENODATA, errno.ENOTSUP):
                raise
        os.chmod(path, special | acl.mode)
    else:
        os.chmod(path, special | acl.mode)
        os.setxattr(path, XATTR_ACCESS, acl.to_bytes())


def grow(base: Path, name: str, rng: random.Random) -> Tree:
    """Make one tree below ``base`` and choose the path through it."""
    top = f"{base}/{name}"
    os.mkdir(top)
    home = _branch(top, "a", rng)
    shape = rng.choice(
        ("plain",) * 6
        + ("trailing-link",) * 4
        + ("link-to-link", "directory-link", "directory-link", "up-and-down")
        + ("missing", "missing-directory", "file", "file-on-the-way", "directory", "dead")
    )
    path, listener = _leaf(home, shape, rng)
    if shape in ("trailing-link", "link-to-link"):
        for number in range(2 if shape == "link-to-link" else 1):
            path = _link(_branch(top, f"l{number}", rng), "s", path, rng)
    elif shape == "directory-link":
        link = _link(_branch(top, "l", rng), "d", home, rng)
        path = f"{link}/s"
    elif shape == "up-and-down":
        side = _branch(top, "u", rng)
        path = f"{side}/{'../' * (side.count('/') - top.count('/'))}{os.path.relpath(path, top)}"
    for directory in _directories(top):
        if directory != home or shape != "directory":
            _dress(directory, 1, rng)
    return Tree(path, listener)


def _branch(top: str, name: str, rng: random.Random) -> str:
    path = top
    for part in (name, "b", "c")[: rng.choice((1, 1, 2, 3))]:
        path = f"{path}/{part}"
        os.mkdir(path)
    return path


def _directories(top: str) -> Iterator[str]:
    for directory, dummy, dummy in os.walk(top, topdown=False):
        yield directory


def _leaf(home: str, shape: str, rng: random.Random) -> tuple[str, socket.socket | None]:
    path = f"{home}/s"
    if shape == "missing":
        return path, None
    if shape == "missing-directory":
        return f"{home}/gone/s", None
    if shape in ("file", "file-on-the-way"):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        _dress(path, 2, rng)
        return path if shape == "file" else f"{path}/s", None
    if shape == "directory":
        _dress(home, 2, rng)
        return home, None
    kind = rng.choice(TYPES)
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    _dress(path, 2, rng)
    if shape == "dead":
        listener.close()
        return path, None
    if kind != socket.SOCK_DGRAM:
        listener.listen(64)
    return path, listener


def _dress(path: str, bit: int, rng: random.Random) -> None:
    os.chown(path, rng.choice((0, *UIDS)), rng.choice((0, *GIDS)))
    special = 0
    acl = random_acl(rng, bit)
    if bit == 1 and rng.random() < 0.3:
        # As /tmp is: everyone writes, and a link is followed only for some.
        special = 0o1000
        acl = Acl(acl.user_obj, acl.group_obj, 7, acl.users, acl.groups, acl.mask)
    put(path, acl, special)


def _link(directory: str, name: str, target: str, rng: random.Random) -> str:
    path = f"{directory}/{name}"
    os.symlink(target if rng.random() < 0.5 else os.path.relpath(target, directory), path)
    os.lchown(path, rng.choice((0, *UIDS)), rng.choice((0, *GIDS)))
    return path
