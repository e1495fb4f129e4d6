# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What is mounted where: the kernel's table, and what mount(8) remembers of users."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

from .identity import as_root

MOUNTINFO = "/proc/self/mountinfo"
# What libmount keeps of mounts by users (mount(8)).
UTAB = "/run/mount/utab"

# AT_EMPTY_PATH and AT_STATX_DONT_SYNC; struct statx (include/uapi/linux/stat.h).
_AS_IT_IS_KNOWN = 0x1000 | 0x4000
_STATX, _DEVICE_AT, _DEVICE = 256, 136, struct.Struct("II")

_DELETED = "//deleted"
_NUMBER = re.compile(rb"^mnt_id:\s*([0-9]+)$", re.MULTILINE)
_SERVER = re.compile(rb",user_id=([0-9]+)(?:,|$)")
_OCTAL = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of mountinfo (proc_pid_mountinfo(5)); ``root`` is the path within its file system.

    ``deleted`` tells that what it shows has no name any more, ``kind`` is the type of its file
    system, ``options`` are those of this mount alone, such as nosuid.  ``server`` is the id of the
    user whose own program answers for it (fuse(4)), None for the kernel or root.
    """

    number: int
    parent: int
    device: int
    root: str
    point: str
    deleted: bool = False
    kind: str = ""
    options: frozenset[str] = frozenset()
    server: int | None = None


def read(table: str = MOUNTINFO) -> list[Mount]:
    """Return all mounts that this process sees, in the order in which they were made.

    ``table`` is the mountinfo of another process where its mounts are asked for.
    """
    with open(table, "rb") as file:
        return parse(file.read())


def numbered(number: int, table: str = MOUNTINFO) -> list[Mount]:
    """Return the mount with this number; of a table with a thousand others only its line is parsed."""
    start = b"%d " % number
    with open(table, "rb") as file:
        return parse(b"".join(line for line in file if line.startswith(start)))


def parse(data: bytes) -> list[Mount]:
    """Return the mounts that the text of a mountinfo names."""
    mounts = []
    for line in filter(None, data.split(b"\n")):
        fields = line.split(b" ")
        major, dummy, minor = fields[2].partition(b":")
        root = _text(fields[3])
        deleted = root.endswith(_DELETED)
        kind, dummy, rest = line.partition(b" - ")[2].partition(b" ")
        mounts.append(
            Mount(
                int(fields[0]),
                int(fields[1]),
                os.makedev(int(major), int(minor)),
                root[: -len(_DELETED)] if deleted else root,
                _text(fields[4]),
                deleted,
                _text(kind),
                frozenset(_text(fields[5]).split(",")),
                _server(kind, rest),
            )
        )
    return mounts


def number_of(fd: int) -> int | None:
    """Return the number of the mount that a descriptor is on (proc_pid_fdinfo(5)).

    Whatever the file system is, nobody but the kernel is asked.  None where it does not tell: without
    /proc.
    """
    name = f"/proc/self/fdinfo/{fd}"
    try:
        info = _opened(name)
    except OSError:
        return None
    try:
        found = _NUMBER.search(os.read(info, 4096))
    finally:
        os.close(info)
    return None if found is None else int(found[1])


def device_of(fd: int) -> int | None:
    """Return the device of the file system that a descriptor is on, as this machine knows it already.

    Nobody is asked for anything newer (statx(2), AT_STATX_DONT_SYNC); None where that is not known.
    """
    import ctypes

    answer = ctypes.create_string_buffer(_STATX)
    try:
        failed = ctypes.CDLL(None).statx(fd, b"", _AS_IT_IS_KNOWN, 0, answer)
    except AttributeError:
        return None
    return None if failed else os.makedev(*_DEVICE.unpack_from(answer, _DEVICE_AT))


def _opened(name: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(name, flags)
    except PermissionError:
        # Before Linux 5.14 that is root's alone, also of a process that acts as a user.
        with as_root():
            return os.open(name, flags)


def at(mounts: Iterable[Mount], target: str) -> list[Mount]:
    """Return the mounts that are stacked at a path without links in it."""
    return [mount for mount in mounts if mount.point == target]


def echoes(mounts: Iterable[Mount], source: str) -> list[Mount]:
    """Return the mounts that lie on the source and show nothing but the source itself.

    A second mount of a socket on its own mount lies on the socket's own name, and where mounts are
    shared it shows at the source as well (mount_namespaces(7)): no daemon can remove that name then.
    """
    known = {mount.number: mount for mount in mounts}
    return [
        mount
        for mount in known.values()
        if mount.point == source and _root_below(known.get(mount.parent), mount) == mount.root
    ]


def shows(mounts: Iterable[Mount], mount: Mount, source: str) -> bool:
    """Tell whether a mount shows what had the name of the source once, as far as its name tells."""
    mounts = list(mounts)
    # Another mount of the same gives it no name: where mounts are shared, what is mounted upon ours
    # shows at the source as well.
    names = names_of((one for one in mounts if one.root != mount.root), mount)
    if names:
        # A namesake in another file system has a name there.
        return source in names
    if source.endswith(mount.root):
        return True
    above = [one for one in mounts if _is_below(source, one.point) and one.point != source]
    if not above:
        return False
    cover = max(above, key=lambda one: (len(one.point), one.number))
    return cover.device == mount.device and _joined(cover, source) == mount.root


def covering(mounts: Iterable[Mount], path: str) -> Mount | None:
    """Return the mount on which a path without links in it is, None where none is known."""
    found = None
    for one in mounts:
        if _is_below(path, one.point) and (found is None or len(one.point) >= len(found.point)):
            found = one
    return found


def name_of(mounts: Iterable[Mount], mount: Mount) -> str | None:
    """Return a path at which what a mount shows can be found without that mount, None for none."""
    return next(iter(names_of(mounts, mount)), None)


def names_of(mounts: Iterable[Mount], mount: Mount) -> list[str]:
    """Return all paths at which what a mount shows can be found without that mount."""
    found: list[str] = []
    for one in () if mount.deleted else mounts:
        if one.number != mount.number and one.device == mount.device:
            if not _is_below(mount.root, one.root) or one.point == mount.point:
                continue
            inside = mount.root[len(one.root.rstrip("/")) :]
            found.append((one.point.rstrip("/") + inside) or "/")
    return found


class Remembered(NamedTuple):
    """What mount(8) remembers of one mount: its ``root`` as in ``Mount``, and its options.

    The kernel does not know them all: which user mounted it (``user=NAME``), and what begins with
    "x-" in fstab.
    """

    root: str
    options: tuple[str, ...]


def all_remembered(target: str) -> list[Remembered]:
    """Return what mount(8) remembers of the mounts at a path, the last one at the end."""
    try:
        with open(UTAB, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        return []
    found = []
    for line in lines:
        words = dict(word.partition(b"=")[::2] for word in line.split(b" "))
        if b"TARGET" in words and _text(words[b"TARGET"]) == target:
            options = _text(words.get(b"OPTS", b"")).split(",")
            found.append(Remembered(_text(words.get(b"ROOT", b"")), tuple(options)))
    return found


def remembered(target: str) -> tuple[str, ...] | None:
    """Return the options that mount(8) remembers of the last mount there, None if of none."""
    found = all_remembered(target)
    return found[-1].options if found else None


def user_of(target: str) -> str | None:
    """Return the name of the user who mounted there with mount(8), None where it was root."""
    for option in remembered(target) or ():
        if option.startswith("user="):
            return option[len("user=") :]
    return None


def _text(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda found: bytes((int(found[1], 8) & 0xFF,)), field))


def _server(kind: bytes, rest: bytes) -> int | None:
    # Before its options there is a name, which is the user's to choose.
    options = rest.partition(b" ")[2]
    found = _SERVER.search(options) if kind.startswith(b"fuse") else None
    return None if found is None else int(found[1]) or None


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def _joined(cover: Mount, path: str) -> str:
    """Return where in its file system a path is that lies below a mount."""
    return cover.root.rstrip("/") + path[len(cover.point.rstrip("/")) :]


def _root_below(parent: Mount | None, mount: Mount) -> str | None:
    """Return the path, within the file system of a mount, of what the mount covers."""
    if parent is None or parent.device != mount.device or not _is_below(mount.point, parent.point):
        return None
    return _joined(parent, mount.point)
