# Copyright (c) 2026 unixsocket.access contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is PRIVATE to the collection: it may change or vanish at any time.

"""What a path is in the mount namespace of a running process, seen through its root directory.

``/proc/PID/root`` leads into that namespace (proc_pid_root(5)), and a walk from there stays in it.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ..errors import AccessError
from ..host import mounts
from ..host.pinned import pin, refuse_theirs
from ..host.processes import Process
from ..model.chain import Chain

Key = tuple[int, int, int]
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class View(NamedTuple):
    """What some processes see of a path.

    ``chain`` is the way there in their namespace, ``root`` their root directory, ``cover`` the
    mount on which the path is for them.
    """

    chain: Chain
    root: str
    cover: mounts.Mount | None

    def why(self) -> str:
        """Return what makes it another view, as the end of a sentence, with a way out."""
        if self.root != "/":
            return (
                f"the root directory there is {self.root} (RootDirectory= of the unit, chroot(2), or a "
                "container)"
            )
        one = self.cover
        if one is None:
            return "other things are mounted there"
        for part, cause in _TRACES.items():
            if part in one.root:
                return f"{one.point} is another one there ({cause} of the unit)"
        if one.kind == "tmpfs" and one.root == "/":
            return (
                f"an empty tmpfs is mounted at {one.point} there (TemporaryFileSystem=, "
                "ProtectHome=tmpfs or PrivateTmp= of the unit, or a container)"
            )
        return (
            f"{one.root} of a file system of type {one.kind} is mounted at {one.point} there "
            "(BindPaths= of the unit, or a container)"
        )


# What systemd leaves in the names of what it mounts (systemd.exec(5)).
INACCESSIBLE = "/systemd/inaccessible/"
_TRACES = {
    "/systemd-private-": "PrivateTmp=",
    INACCESSIBLE: "InaccessiblePaths=, ProtectHome= or the like",
    "/systemd/private-tmp": "PrivateTmp=",
}


class Views:
    """Looks at a path as processes see it, each namespace once."""

    def __init__(self, path: str) -> None:
        self.hidden = 0
        self._path = path
        self._own = _key("self")
        self._known: dict[Key, View | None] = {}

    def of(self, process: Process) -> View | None:
        """Return what a process sees where that is not what this process sees, else None."""
        try:
            key = _key(process.pid)
        except FileNotFoundError:
            return None  # It has ended.
        except (AccessError, PermissionError):
            self.hidden += 1
            return None
        if key == self._own:
            return None
        if key not in self._known:
            self._known[key] = self._look(process.pid, key)
        return self._known[key]

    def _look(self, pid: int, key: Key) -> View | None:
        try:
            root = _root(pid)
        except (AccessError, OSError):
            return None
        try:
            status = os.fstat(root)
            if (status.st_dev, status.st_ino) != key[1:]:
                return None  # It has ended, and another one has its id.
            table = mounts.read(_table(pid))
            held = pin(self._path, root=root, table=_table(pid))
            held.close()
            cover = mounts.covering(table, held.chain.resolved)
            return View(held.chain, _root_of(pid), cover)
        except (AccessError, OSError):
            return None
        finally:
            os.close(root)


def _key(pid: int | str) -> Key:
    """Return what tells one view from another: the mount namespace, and the root directory."""
    fd = _root(pid)
    try:
        root = os.fstat(fd)
    finally:
        os.close(fd)
    return os.stat(f"/proc/{pid}/ns/mnt").st_ino, root.st_dev, root.st_ino


def _root(pid: int | str) -> int:
    """Return a descriptor of the root directory of a process, which may have chosen it (chroot(2))."""
    root = os.open(f"/proc/{pid}/root", _DIRECTORY)
    try:
        refuse_theirs(root, "/", _table(pid))
    except BaseException:
        os.close(root)
        raise
    return root


def _table(pid: int | str) -> str:
    return f"/proc/{pid}/mountinfo"


def _root_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/root")
    except OSError:
        return "/"
